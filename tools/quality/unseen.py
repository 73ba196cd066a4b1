"""Answers that nobody had looked at when they were written: wrong ones that should lose points, and right ones that must not.

They stand in tools/quality/unseen/SET/NAME.yml, in the form of variants, without ``expect``. ``names`` is what a message must say of the
cause, and ``misnamed: true`` what a person found out by reading: that some message says something else that is not so. ``--write`` puts
the figures into tools/quality/unseen.json, where ``make quality`` finds them.

    python -m tools.quality.unseen pytorch_basics --secrets 3 --write
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import re
import sys
from pathlib import Path
from typing import Any

import yaml

from grader.course import load_course
from grader.validation import Options, Validation, validate
from grader.validation.variants import Variant, apply
from tools.quality.causes import names_no_cause

FOLDER = Path(__file__).parent / "unseen"
#: In the order in which they were written; the first stands in KEPT as numbers alone.
SETS = ("second", "third")
KEPT = Path(__file__).parent / "unseen.json"


@dataclasses.dataclass(frozen=True)
class Unseen:
    """One answer, and what a person found out by reading its messages."""

    variant: Variant
    misnamed: bool = False
    #: Why a wrong one may keep full marks: the contract is silent, or nothing changes.
    allowed: str = ""


def read(name: str, which: str) -> tuple[Unseen, ...]:
    """One set's answers for one assignment, in order; none where there is no file."""
    path = FOLDER / which / f"{name}.yml"
    found = []
    for entry in yaml.safe_load(path.read_text(encoding="utf-8")) if path.exists() else ():
        kind = "wrong" if "wrong" in entry else "right"
        edits = entry["edit"] if isinstance(entry["edit"], list) else [entry["edit"]]
        variant = Variant.model_validate(
            {"name": entry[kind], "kind": kind, "why": entry["why"], "edits": edits, "names": entry.get("names")}
            | {"where": f"{path.name}: {entry[kind]}"}
        )
        found.append(Unseen(variant, bool(entry.get("misnamed")), entry.get("allowed", "")))
    return tuple(found)


def figures(answers: tuple[Unseen, ...], runs: list[Validation]) -> dict[str, Any]:
    """What is counted: wrong ones by the first run, right ones by all."""
    first = {item.name: item for item in runs[0].measured}
    wrong = [item for item in answers if item.variant.kind == "wrong"]
    caught, named, silent, misnamed, full = [], [], [], [], []
    for item in wrong:
        measured = first[item.variant.name]
        messages = [check.message for check in measured.checks if (check.score or 0) < check.max_score]
        if not messages:
            full.append(item)
            continue
        caught.append(item)
        if item.misnamed:
            misnamed.append(item)
        elif item.variant.names and any(re.search(item.variant.names, text) for text in messages):
            named.append(item)
        elif all(names_no_cause(text) for text in messages):
            silent.append(item)
    lost = {item.name for run in runs for item in run.measured if item.kind == "right" and item.problems}
    return {
        "edits": len(wrong),
        "full": len(full),
        "allowed": sum(bool(item.allowed) for item in full),
        "caught": len(caught),
        "named": len(named),
        "no_cause": len(silent),
        "misnamed": len(misnamed),
        "right": len(answers) - len(wrong),
        "right_that_lost": len(lost),
        "secrets": len(runs),
    }


def show(answers: tuple[Unseen, ...], runs: list[Validation]) -> None:
    """Each wrong answer with its messages, and each right one that lost a point."""
    entries = {item.variant.name: item for item in answers}
    for item in runs[0].measured:
        if item.kind != "wrong":
            continue
        lost = {check.id: check for check in item.checks if (check.score or 0) < check.max_score}
        entry = entries[item.name]
        says = any(re.search(entry.variant.names or "^$", check.message) for check in lost.values())
        mark = "misnamed" if entry.misnamed else "named" if says else "caught" if lost else "FULL"
        sys.stdout.write(f"\n{mark}: {item.name} ({entry.variant.why})\n")
        for check in lost.values():
            sys.stdout.write(f"    {check.id} [{check.verdict.value}]: {' '.join(check.message.split())[:420]}\n")
    for run in runs:
        for item in run.measured:
            if item.kind in ("right", "solution") and item.problems:
                sys.stdout.write(f"\nLOST: {item.name}\n" + "".join(f"    {text}\n" for text in item.problems))


def main() -> int:
    """0 where every wrong answer that is not allowed loses points, none is misnamed, and no right one loses any."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="assignments (default: all)")
    parser.add_argument("--set", choices=SETS, default=SETS[-1], help=f"which answers (default: {SETS[-1]})")
    parser.add_argument(
        "--secrets", type=int, default=3, help="under how many secrets right answers are graded (default: 3)"
    )
    parser.add_argument("--only", action="append", default=[], metavar="ANSWER")
    parser.add_argument("--check", action="store_true", help="only look whether every edit applies")
    parser.add_argument("--write", action="store_true", help=f"put the figures into {KEPT.name}")
    parser.add_argument("--jobs", type=int, default=None)
    options = parser.parse_args()
    course = load_course(None)
    good = True
    for name in options.names or list(course.assignments):
        assignment = course.assignment(name)
        answers = tuple(
            item for item in read(name, options.set) if not options.only or item.variant.name in options.only
        )
        if options.check:
            files = assignment.solution_files()
            for item in answers:
                for data in apply(item.variant, files).values():
                    compile(data, name, "exec")
            continue
        runs = []
        for number in range(options.secrets):
            given = [item.variant for item in answers if number == 0 or item.variant.kind == "right"]
            runs.append(
                validate(
                    course, assignment,
                    Options(seeds=1, slots=options.jobs, mutants=False, secret=f"unseen {number}", given=given),
                )
            )  # fmt: skip
        show(answers, runs)
        told = figures(answers, runs)
        sys.stdout.write(f"\n{name}: {told}\n")
        sys.stdout.flush()
        good = good and told["full"] == told["allowed"] and not told["misnamed"] and not told["right_that_lost"]
        if options.write and not options.only:
            kept = json.loads(KEPT.read_text(encoding="utf-8"))  # anew: another run may have written meanwhile
            first = kept[name].get(options.set, {}).get("first") or {
                key: told[key] for key in ("full", "named", "misnamed")
            }
            kept[name][options.set] = {"first": first} | told
            KEPT.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")
    return int(not good)


if __name__ == "__main__":
    sys.exit(main())
