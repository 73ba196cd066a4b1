"""Do messages name the mistake? Measures every wrong variant and compares what students read with the cause.

Run by ``make messages``; ``--write`` puts the table into docs/generated/messages.md. A variant whose output shows its cause says
under ``names`` what a message must say of it, as a regular expression; the others are listed, and not counted. What
``autograde validate --json`` has written can be read with ``--results``, in place of measuring it again.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from grader.course import load_course
from grader.validation import Options, validate
from grader.validation.variants import Variant, read_variants

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "generated" / "messages.md"
BEGIN, END = "<!-- begin: made by make messages -->", "<!-- end -->"
_WIDEST = 330


@dataclass(frozen=True)
class Row:
    """One variant: what is wrong with it, what a message must say, and what the messages say."""

    assignment: str
    variant: str
    why: str
    names: str | None
    named: bool
    messages: dict[str, str]

    @property
    def told(self) -> tuple[str, str]:
        """The check and the message that name the cause; else those of the first check that the variant names."""
        for check, message in self.messages.items():
            if self.names and re.search(self.names, message):
                return check, message
        return next(iter(self.messages.items()), ("", ""))


def row_of(assignment: str, variant: Variant, messages: Mapping[str, str]) -> Row:
    """What a student who hands in this variant reads, by the checks that lose points."""
    messages = {name: messages[name] for name in [*variant.expect, *messages] if name in messages}
    named = bool(variant.names and any(re.search(variant.names, message) for message in messages.values()))
    return Row(assignment, variant.name, variant.why, variant.names, named, messages)


def measure(names: list[str], only: list[str], results: list[Path]) -> list[Row]:
    """The rows of assignments, measured at one seed with the checks that can see each variant, or read from results."""
    course = load_course(ROOT / "autograde.yml")
    found = {name: told for path in results for name, told in json.loads(path.read_text(encoding="utf-8")).items()}
    rows = []
    for name in names or list(course.assignments):
        assignment = course.assignment(name)
        wrong = {v.name: v for v in read_variants(assignment) if v.kind == "wrong" and (not only or v.name in only)}
        if name not in found:
            found[name] = validate(course, assignment, Options(seeds=1, mutants=False, only=tuple(only))).as_dict()
        lost = {told["name"]: told["lost"] for told in found[name]["versions"]}
        if missing := wrong.keys() - lost.keys():
            raise SystemExit(f"the results of {name} lack {', '.join(sorted(missing))}: measure them again")
        rows += [row_of(name, variant, lost[variant.name]) for variant in wrong.values()]
    return rows


def table(rows: list[Row]) -> str:
    """The rows as Markdown, an assignment at a time, with how many of the causes are named."""
    parts = []
    for name in dict.fromkeys(row.assignment for row in rows):
        mine = [row for row in rows if row.assignment == name]
        nameable = [row for row in mine if row.names]
        share = 100 * sum(row.named for row in nameable) / max(1, len(nameable))
        parts.append(
            f"### {name}\n\n{sum(row.named for row in nameable)} of {len(nameable)} nameable causes are named ({share:.0f} %); "
            f"{len(mine) - len(nameable)} of {len(mine)} wrong variants show no cause in what they compute.\n\n"
            "| variant | what is wrong | named | check and message |\n|---|---|---|---|"
        )
        for row in mine:
            check, message = row.told
            mark = "yes" if row.named else "no" if row.names else "-"
            parts[-1] += f"\n| {row.variant} | {_cell(row.why)} | {mark} | {check}: {_cell(message)} |"
    return "\n\n".join(parts)


def _cell(text: str) -> str:
    flat = " ".join(text.split()).replace("|", "\\|")
    return flat if len(flat) <= _WIDEST else flat[:_WIDEST] + " [...]"


def main() -> int:
    """0 where at least four in five of the nameable causes are named."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="assignments (default: all)")
    parser.add_argument("--only", action="append", default=[], metavar="VARIANT")
    parser.add_argument("--write", action="store_true", help=f"put the table into {PAGE.name}")
    parser.add_argument("--json", action="store_true", help="all messages of all variants")
    parser.add_argument("--results", action="append", default=[], type=Path, metavar="FILE", help="of validate --json")
    options = parser.parse_args()
    rows = measure(options.names, options.only, options.results)
    if options.json:
        sys.stdout.write(json.dumps([asdict(row) for row in rows], indent=1) + "\n")
    else:
        sys.stdout.write(table(rows) + "\n")
    if options.write:
        text = PAGE.read_text(encoding="utf-8")
        head, _, rest = text.partition(BEGIN)
        PAGE.write_text(f"{head}{BEGIN}\n\n{table(rows)}\n\n{END}{rest.partition(END)[2]}", encoding="utf-8")
    nameable = [row for row in rows if row.names]
    return int(sum(row.named for row in nameable) < 0.8 * len(nameable))


if __name__ == "__main__":
    sys.exit(main())
