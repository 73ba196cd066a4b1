"""The measure of every grader of the course, as a page: ``make quality`` measures and writes docs/generated/grader-quality.md.

What ``autograde validate --json`` wrote can be given with ``--results``, in place of measuring it again; a run without mutants, or of
the contract alone, fills its own columns and leaves the others. What was never measured is shown as "not run". The figures
that the page is made of are kept in tools/quality/results.json.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from grader.course import Assignment, load_course
from grader.text import counted
from grader.validation import Options, validate
from grader.validation.variants import Variant, read_variants
from tools.messages import row_of
from tools.quality.causes import names_no_cause

ROOT = Path(__file__).parents[2]
KEPT = Path(__file__).parent / "results.json"
THRESHOLDS = Path(__file__).parent / "thresholds.json"
UNSEEN = Path(__file__).parent / "unseen.json"
PAGE = ROOT / "docs" / "generated" / "grader-quality.md"
BEGIN, END = "<!-- begin: made by make quality -->", "<!-- end -->"
NOT_RUN = "not run"


def figures(assignment: Assignment, found: Mapping[str, Any]) -> dict[str, Any]:
    """What the page says of one assignment, of what one validation measured.

    Args:
        assignment: which.
        found: its part of ``autograde validate --json``.

    """
    kept: dict[str, Any] = {}
    wrong = {v.name: v for v in read_variants(assignment) if v.kind == "wrong"}
    versions = {item["name"]: item for item in found["versions"]}
    if wrong.keys() <= versions.keys():
        kept["versions"] = _versions(found, versions)
        kept["messages"] = _messages(assignment, wrong, versions)
        kept["metrics"] = found.get("metrics", [])
    mutants = found["mutants"]
    if mutants["measured"] and mutants["measured"] == mutants["in_all"]:
        kept["mutants"] = {key: mutants[key] for key in ("measured", "killed", "equivalent")}
        kept["mutants"]["survived"] = len(mutants["survivors"])
    contract = found.get("contract", {})
    if contract.get("all"):
        kept["contract"] = {key: contract[key] for key in ("promises", "noticed", "free")}
        kept["contract"]["unnoticed"] = [f"{item['function']}: {item['diff']}" for item in contract["unnoticed"]]
    return kept


def _versions(found: Mapping[str, Any], versions: Mapping[str, Any]) -> dict[str, Any]:
    right = [item for item in versions.values() if item["kind"] in ("solution", "right")]
    return {
        "wrong": sum(item["kind"] == "wrong" for item in versions.values()),
        "right": len(right),
        "off": sum(bool(item["problems"]) for item in versions.values()),
        "seeds": len(found["seeds"]),
        "gradings": sum(item["seeds"] for item in right),
        "flakes": len({(item["version"], item["seed"]) for item in found["flaky"]}),
    }


def _messages(assignment: Assignment, wrong: Mapping[str, Variant], versions: Mapping[str, Any]) -> dict[str, int]:
    rows = [row_of(assignment.name, variant, versions[name]["lost"]) for name, variant in wrong.items()]
    nameable = [row for row in rows if row.names]
    silent = [row for row in rows if row.messages and all(names_no_cause(text) for text in row.messages.values())]
    return {
        "wrong": len(rows),
        "nameable": len(nameable),
        "named": sum(row.named for row in nameable),
        "no_cause": len(silent),
    }


def page(course: Any, kept: Mapping[str, Mapping[str, Any]], unseen: Mapping[str, Any]) -> str:
    """The tables, as Markdown."""
    names = list(course.assignments)
    parts = [
        "### Known versions\n\nWrong variants must lose points on exactly the checks that they name, right ones none, at every seed.\n\n"
        + _table(
            ("assignment", "wrong", "right", "not as they must be", "gradings of right ones", "that lost a point"),
            {name: _known(kept.get(name, {}).get("versions")) for name in names},
        ),
        "### Mutants and promises\n\nA mutant is the solution with one slip in it; a promise is a sentence of a stub, broken once.\n\n"
        + _table(
            ("assignment", "mutants killed", "equivalent", "survived", "promises noticed", "free by decision"),
            {name: _slips(kept.get(name, {})) for name in names},
        ),
        "### Messages\n\nOf the causes that a wrong variant shows in what it computes, how many are named; and of how many wrong variants "
        "every message names no cause.\n\n"
        + _table(
            ("assignment", "named", "no cause named"),
            {name: _said(kept.get(name, {}).get("messages")) for name in names},
        ),
        "### Metrics\n\nThresholds under `cpu`; of the wrong variants that change what the metric measures, how many get no point, a part, "
        "all.\n\n" + _thresholds(course, kept),
        "### Mistakes that nobody had written variants for\n\nEdits of the solutions, written from stubs, docstrings and solutions before the checks were read; for rnn_lstm they had been read. What kept full "
        "marks was closed where the contract forbids it, and is among the variants now: the last column is what was left, nearly all of it "
        "allowed or without effect.\n\n"
        + _table(
            ("assignment", "edits", "kept full marks at first", "keep them now"),
            {name: _unseen(unseen.get(name)) for name in names},
        ),
        "A second set stands in tools/quality/unseen, with right answers of other forms, and is graded by "
        "`python -m tools.quality.unseen`. It was written from stubs and solutions, after parts of the checks of pytorch_basics and mnist had been read. Messages were read one by one: those of the first "
        "grading, then those after what they showed had been closed. A cause is named if a message says what is wrong with the code; it is "
        "misnamed if one says something that is not so.\n\n"
        + _table(_OF_A_SET, {name: _set(unseen.get(name, {}).get("second")) for name in names}),
        "The third set was written from handouts, stubs and solutions alone: neither checks nor variants were read before its first "
        f"grading. Then {_in_all([unseen.get(name, {}).get('third') for name in names])} Of the figures after it, those edits were graded "
        "again that had kept full marks or had no cause named; right answers were graded again but for those of keypoints, segmentation and video.\n\n"
        + _table(_OF_A_SET, {name: _set(unseen.get(name, {}).get("third")) for name in names}),
    ]
    networks = json.loads(THRESHOLDS.read_text(encoding="utf-8")) if THRESHOLDS.exists() else {}
    if networks:
        parts.append(
            "### Networks under the thresholds\n\nFrom the least to the most that a metric reached, over so many secrets, each with "
            "held-out data of its own. A wrong network above `zero` is one that this metric cannot tell: the last column says which check can.\n\n"
            + _networks(course, networks)
        )
    return "\n\n".join(parts)


def _table(heads: tuple[str, ...], rows: Mapping[str, tuple[str, ...]]) -> str:
    lines = [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    return "\n".join([*lines, *(f"| {name} | {' | '.join(cells)} |" for name, cells in rows.items())])


def _known(found: Mapping[str, int] | None) -> tuple[str, ...]:
    if found is None:
        return (NOT_RUN,) * 5
    return tuple(str(found[key]) for key in ("wrong", "right", "off", "gradings", "flakes"))


def _slips(found: Mapping[str, Any]) -> tuple[str, ...]:
    mutants, contract = found.get("mutants"), found.get("contract")
    if mutants:
        of = mutants["killed"] + mutants["survived"]
        first = (_share(mutants["killed"], of), str(mutants["equivalent"]), str(mutants["survived"]))
    else:
        first = (NOT_RUN,) * 3
    second = (_share(contract["noticed"], contract["promises"]), str(contract["free"])) if contract else (NOT_RUN,) * 2
    return (*first, *second)


def _said(found: Mapping[str, int] | None) -> tuple[str, ...]:
    if found is None:
        return (NOT_RUN,) * 2
    return _share(found["named"], found["nameable"]), _share(found["no_cause"], found["wrong"])


def _thresholds(course: Any, kept: Mapping[str, Mapping[str, Any]]) -> str:
    lines = ["| assignment | metric | zero | full | check | none | part | all |", "|---" * 8 + "|"]
    for name in course.assignments:
        thresholds = course.assignment(name).profile("cpu").thresholds
        rows = {row["check"]: row for row in kept.get(name, {}).get("metrics", [])}
        first = f"| {name} |"
        for metric, threshold in thresholds.items():
            lines.append(f"{first} {metric} | {threshold.zero:g} | {threshold.full:g} | | | | |")
            first = "| |"
        for check, row in rows.items():
            full = f"{len(row['full'])}" + (f" ({', '.join(row['full'][:4])})" if row["full"] else "")
            lines.append(f"{first} | | | {check} | {row['none']} | {len(row['part'])} | {full} |")
            first = "| |"
        if not rows:
            lines.append(f"{first} | | | {NOT_RUN} | | | |")
    return "\n".join(lines)


def _unseen(found: Mapping[str, int] | None) -> tuple[str, ...]:
    return (NOT_RUN,) * 3 if found is None else tuple(str(found[key]) for key in ("edits", "full_at_first", "full_now"))


_OF_A_SET = (
    "assignment",
    "wrong edits",
    "first: full marks, named, misnamed",
    "full marks now",
    "named now",
    "no cause",
    "misnamed",
    "right answers that keep all points",
)


def _in_all(sets: Sequence[Mapping[str, Any] | None]) -> str:
    """What the first grading of a set gave, all assignments together."""
    there = [found for found in sets if found]
    edits = sum(found["edits"] for found in there)
    full, named, misnamed = (sum(found["first"][key] for found in there) for key in ("full", "named", "misnamed"))
    return f"{edits - full} of {edits} lost points, the cause was named in {_share(named, edits - full)} of these, and misnamed in {misnamed}."


def _set(found: Mapping[str, Any] | None) -> tuple[str, ...]:
    if found is None:
        return (NOT_RUN,) * 7
    first, caught = found["first"], found["caught"]
    full = f"{found['full']}" + (f" ({found['allowed']} allowed)" if found["allowed"] else "")
    right = f"{found['right'] - found['right_that_lost']} of {found['right']}, {counted(found['secrets'], 'secret')}"
    return (
        str(found["edits"]), f"{first['full']}, {first['named']}, {first['misnamed']}", full,
        _share(found["named"], caught), _share(found["no_cause"], caught), str(found["misnamed"]), right,
    )  # fmt: skip


def _networks(course: Any, networks: Mapping[str, Mapping[str, Any]]) -> str:
    lines = ["| assignment | metric (zero, full) | kind | network | values | seen by |", "|---" * 6 + "|"]
    for name in [item for item in course.assignments if item in networks]:
        for metric, threshold in course.assignment(name).profile("cpu").thresholds.items():
            for network, found in networks[name].items():
                values = list(found.get(metric, {}).values())
                about = found["about"]
                if not values:
                    continue
                span = f"{min(values):.3g} to {max(values):.3g} ({len(values)})"
                mark = f"{name} | {metric} ({threshold.zero:g}, {threshold.full:g})"
                lines.append(f"| {mark} | {about['kind']} | {network} | {span} | {about['seen_by']} |")
    return "\n".join(lines)


def _share(part: int, whole: int) -> str:
    return f"{part} of {whole} ({100 * part // whole} %)" if whole else "-"


def main() -> int:
    """0; what is not as it should be is on the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="assignments to measure (default: all)")
    parser.add_argument(
        "--results",
        action="append",
        default=[],
        type=Path,
        metavar="FILE",
        help="of validate --json, in place of measuring",
    )
    parser.add_argument("--seeds", type=int, default=20, help="how often right versions are graded (default: 20)")
    options = parser.parse_args()
    course = load_course(ROOT / "autograde.yml")
    kept: dict[str, dict[str, Any]] = json.loads(KEPT.read_text(encoding="utf-8")) if KEPT.exists() else {}
    found = {
        name: told for path in options.results for name, told in json.loads(path.read_text(encoding="utf-8")).items()
    }
    if not options.results:
        for name in options.names or list(course.assignments):
            found[name] = validate(course, course.assignment(name), Options(seeds=options.seeds)).as_dict()
    for name, told in found.items():
        kept[name] = kept.get(name, {}) | figures(course.assignment(name), told)
    KEPT.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")
    unseen = json.loads(UNSEEN.read_text(encoding="utf-8"))
    head, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    PAGE.write_text(f"{head}{BEGIN}\n\n{page(course, kept, unseen)}\n\n{END}{rest.partition(END)[2]}", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
