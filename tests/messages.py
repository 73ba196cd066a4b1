"""Do messages name the mistake? Grades every wrong variant and compares what students read with the cause.

Run by ``make messages``; ``--write`` puts the table into docs/diagnosis.md. A variant whose output shows its cause says
under ``names`` what a message must say of it, as a regular expression; the others are listed, and not counted.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

from grader.batch import grade_uploads
from grader.batch.variants import Variant, apply, read_variants, solution_files
from grader.course import load_course
from grader.records import Report
from grader.store import Upload

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "diagnosis.md"
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


def row_of(assignment: str, variant: Variant, report: Report) -> Row:
    """What a student who hands in this variant reads: messages and hints are what lost points are explained by."""
    messages = {
        check.id: check.message for check in report.checks if check.score is None or check.score < check.max_score
    }
    messages = {name: messages[name] for name in [*variant.expect, *messages] if name in messages}
    named = bool(variant.names and any(re.search(variant.names, message) for message in messages.values()))
    return Row(assignment, variant.name, variant.why, variant.names, named, messages)


def measure(names: list[str], only: list[str]) -> list[Row]:
    """Grade the wrong variants of the assignments, with seeds that are the same anywhere."""
    course = load_course(ROOT / "autograde.yml")
    rows = []
    for name in names or list(course.assignments):
        assignment = course.assignment(name)
        solution = solution_files(assignment)
        wrong = [v for v in read_variants(assignment) if v.kind == "wrong" and (not only or v.name in only)]
        uploads = [Upload(apply(variant, solution, assignment.folder)) for variant in wrong]
        with tempfile.TemporaryDirectory(prefix="autograde-messages-") as folder:
            state = Path(folder)
            (state / "secret").write_text("ab" * 32 + "\n", encoding="ascii")
            reports = grade_uploads(course, assignment, uploads, state=state)
        rows += [row_of(name, variant, report) for variant, report in zip(wrong, reports, strict=True)]
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
    options = parser.parse_args()
    rows = measure(options.names, options.only)
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
