"""``export``: grades for another program, as a file of our own or in the gradebook that a platform exported."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from grader.cli.common import CourseOption, JsonOption, NameArgument, StateOption, command, err, out, print_json

if TYPE_CHECKING:
    from grader.exports import Filled, Grades


@command
def export(
    name: NameArgument,
    form: Annotated[
        str,
        typer.Option(
            "--format",
            metavar="NAME",
            help="csv or json; with --into canvas, moodle, blackboard or brightspace; or an installed format",
        ),
    ] = "csv",
    into: Annotated[
        Path | None,
        typer.Option(
            "--into", metavar="FILE", help="the gradebook as the platform exported it; a copy of it is filled"
        ),
    ] = None,
    column: Annotated[
        str | None,
        typer.Option("--column", metavar="TITLE", help="column to fill (default: that of the assignment's title)"),
    ] = None,
    id_column: Annotated[
        str | None,
        typer.Option("--id-column", metavar="HEADING", help="find students by this column of the gradebook alone"),
    ] = None,
    scale: Annotated[bool, typer.Option("--scale", help="scale scores to the column's points")] = False,
    blank: Annotated[
        bool, typer.Option("--blank", help="empty the cells of students without a score; they stay by default")
    ] = False,
    to: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="where the file goes (default: in the state folder)")
    ] = None,
    profile: Annotated[
        str | None, typer.Option("--profile", metavar="NAME", help="count only attempts under this profile")
    ] = None,
    course: CourseOption = None,
    state: StateOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write the grades of every student to a file that another program takes.

    With --into, the scores are put into one column of a learning platform's own gradebook; nothing else in it changes.
    Exit code 1: somebody is not graded yet, or should look at what is listed.
    """
    from grader.course import load_course
    from grader.exports import FillOptions, GradeState, fill_file, grades_of, write_export
    from grader.store import Store

    loaded = load_course(course)
    assignment = loaded.assignment(name)
    if profile is not None:
        assignment.profile(profile)
    store = Store(state or loaded.state)

    def read() -> Grades:
        return grades_of(loaded, assignment, store, profile=profile)

    folder = store.state / "exports"
    options = FillOptions(column=column, id_column=id_column, scale=scale, blank=blank)
    filled: Filled | None = None
    if into is None:
        grades, path = write_export(form, read, folder, to, options)
    else:
        grades, path, filled = fill_file(form, read, into, folder, to, options)
    waiting = [grade.student for grade in grades.grades if grade.waiting or grade.state is GradeState.NOT_GRADED]
    unmarked = [grade.student for grade in grades.grades if grade.unmarked and grade.score is not None]
    if as_json:
        about = {"file": str(path), "students": len(grades.grades), "waiting": waiting, "unmarked": unmarked}
        print_json(about | ({"gradebook": _as_json(filled)} if filled else {}))
    else:
        if filled:
            _print(filled, path)
        else:
            out.print(f"{len(grades.grades)} students; {path}", markup=False)
        if waiting:
            err.print(f"not graded yet, or held for staff: {', '.join(waiting)}", markup=False)
        if unmarked:
            err.print(f"written answers are not marked yet: {', '.join(unmarked)}", markup=False)
    if waiting or (filled and filled.needs_somebody):
        raise typer.Exit(1)


def _as_json(filled: Filled) -> dict[str, Any]:
    return {name: value for name, value in asdict(filled).items() if name != "content"}


def _print(filled: Filled, path: Path) -> None:
    from grader.exports.lms_table import listed, shown

    scores = f"{len(filled.written)} score{'' if len(filled.written) == 1 else 's'}"
    out.print(f"{scores} in column {shown(filled.column)}; {path}", markup=False)
    for change in filled.changed:
        new = shown(change.new) if change.new else "nothing"
        out.print(f"changed: {change.student}: {shown(change.old)} to {new}", markup=False)
    if filled.by_name:
        out.print(f"found by name alone: {', '.join(filled.by_name)}", markup=False)
    for reason in dict.fromkeys(reason for _, reason in filled.left):
        students = ", ".join(student for student, why in filled.left if why == reason)
        out.print(f"left as it was ({reason}): {students}", markup=False)
    if filled.not_in_file:
        err.print(f"not in the gradebook: {', '.join(filled.not_in_file)}", markup=False)
    if filled.not_on_roster:
        err.print(f"not on the roster: {listed(filled.not_on_roster)}", markup=False)
    if filled.formulas:
        lines = ", ".join(map(str, filled.formulas[:20]))
        err.print(
            f"the platform's own cells on these lines begin like a formula; do not open the file with a spreadsheet: {lines}",
            markup=False,
        )
