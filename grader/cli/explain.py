"""``grades`` and ``audit``: where everybody stands, how each number came about, and who decided what."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table
from rich.text import Text

from grader.cli.common import (
    CourseOption,
    JsonOption,
    StateOption,
    StoreOption,
    command,
    out,
    print_json,
    print_rows,
    print_table,
)
from grader.cli.decide import open_ledger

if TYPE_CHECKING:
    from collections.abc import Sequence

    from grader.reports import Step

app = typer.Typer(no_args_is_help=True, help="Show grades, and explain each score.")


@app.command("show")
@command
def show(
    course: CourseOption = None,
    state: StateOption = None,
    database: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """List every student's points in every assignment, and the course grade."""
    from grader.reports.formatting import DASH, number

    ledger = open_ledger(course, state, database)
    found = ledger.course_standings(datetime.now(UTC))
    names = list(ledger.course.assignments)
    if as_json:
        print_json(
            [
                {
                    "student": one.student,
                    "name": one.name,
                    "grade": one.grade.fraction,
                    "complete": one.complete,
                    "dropped": list(one.grade.dropped),
                    "scores": {name: row.final_score for name, row in one.standings.items()},
                }
                for one in found
            ]
        )
        return
    table = Table(box=None, pad_edge=False)
    table.add_column("student", no_wrap=True)
    for name in (*names, "course"):
        table.add_column(name, justify="right")
    for one in found:
        cells = []
        for name in names:
            row = one.standings[name]
            mark = "*" if row.override is not None else ""
            cell = "excused" if row.excused else number(row.final_score)
            cells.append(f"({cell}{mark})" if name in one.grade.dropped else f"{cell}{mark}")
        grade = DASH if one.grade.fraction is None else f"{number(100 * one.grade.fraction, 1)} %"
        table.add_row(*(Text(cell) for cell in (one.student, *cells, grade + ("" if one.complete else " so far"))))
    print_table(table)
    out.print("*: set by staff; (in brackets): dropped. `autograde grades explain STUDENT` explains each score.")


@app.command("explain")
@command
def explain_grade(
    student: Annotated[str, typer.Argument(metavar="STUDENT", help="the student or team, by id")],
    assignment: Annotated[str | None, typer.Argument(metavar="[NAME]", help="one assignment (default: all)")] = None,
    course: CourseOption = None,
    state: StateOption = None,
    database: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Explain a student's scores: every rule and every decision, in order."""
    from grader.errors import UsageError
    from grader.reports import explain, explain_course

    ledger = open_ledger(course, state, database)
    if ledger.course.roster.get(student) is None:
        raise UsageError(f"there is no student or team {student!r}", where="roster", fix="use an id of the roster")
    decisions = ledger.decisions()
    sections: dict[str, Sequence[Step]] = {}
    for name in [assignment] if assignment is not None else list(ledger.course.assignments):
        row = ledger.counted_attempt(name, student)
        if row is not None:
            sections[name] = explain(row, ledger.course.assignment(name), decisions, ledger.course.timezone)
    whole = [] if assignment is not None else ledger.course_standings(datetime.now(UTC), only=student)
    for one in whole:
        sections["course"] = explain_course(one, ledger.course.course_grade.drop_lowest)
    if as_json:
        print_json({name: [asdict(step) for step in steps] for name, steps in sections.items()})
        return
    for name, steps in sections.items():
        out.print(Text(name, style="bold"))
        width = max(len(step.what) for step in steps)
        for step in steps:
            why = Text(f"  ({step.why})" if step.why else "", style="dim")
            out.print(Text(f"  {step.what:<{width}}  {step.value}") + why)


@command
def audit(
    assignment: Annotated[
        str, typer.Option("--assignment", metavar="NAME", help="only entries about this assignment")
    ] = "",
    about: Annotated[str, typer.Option("--about", metavar="ID", help="only entries about this student or team")] = "",
    most: Annotated[int, typer.Option("--most", min=1, help="how many entries to show, the latest first")] = 50,
    course: CourseOption = None,
    state: StateOption = None,
    database: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """List who did what, the latest entry first. Nothing in this log can be changed or deleted."""
    ledger = open_ledger(course, state, database)
    entries = ledger.audit_entries(assignment=assignment, subject=about, most=most)
    if as_json:
        print_json([{**asdict(entry), "at": entry.at.isoformat()} for entry in entries])
        return
    rows = []
    for entry in entries:
        detail = ", ".join(f"{key}: {value}" for key, value in entry.detail.items() if value != "")
        when = entry.at.astimezone(ledger.course.timezone).isoformat(sep=" ", timespec="minutes")
        rows.append((when, entry.actor, entry.role, entry.action, entry.assignment, entry.subject, detail))
    print_rows(("when", "who", "role", "did", "assignment", "to", "detail"), rows)
