"""``roster import``: the class as a platform lists it, brought into the course's roster."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from grader.cli.common import CourseOption, JsonOption, command, err, out, print_json

if TYPE_CHECKING:
    from grader.exports import RosterDiff

app = typer.Typer(no_args_is_help=True, help="Update the roster from the platform's list.")


@app.callback()
def _group() -> None:
    """Commands of the roster."""


@app.command("import")
@command
def import_roster(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="a gradebook, grade list or list of participants, as CSV")
    ],
    write: Annotated[
        bool, typer.Option("--write", help="change autograde.yml; without this option, the changes are only shown")
    ] = False,
    remove: Annotated[
        bool, typer.Option("--remove", help="remove students who are not in the file; by default they stay")
    ] = False,
    id_column: Annotated[
        str | None, typer.Option("--id-column", metavar="HEADING", help="take the ids of students from this column")
    ] = None,
    course: CourseOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show what a platform's list would change in the roster; with --write, change it.

    Students who stay keep id, handle, teams and comments. If the list has a conflict, nothing is written, and the exit code is 1.
    """
    from grader.course import RosterEdit, load_course, write_roster
    from grader.exports import compare_roster, read_table

    loaded = load_course(course)
    diff = compare_roster(read_table(file), loaded.roster, id_column=id_column, remove=remove)
    gone = diff.gone if remove else []
    pending = bool(diff.added or diff.changed or gone)
    written = write and pending and not diff.conflicts
    if written:
        edit = RosterEdit(add=diff.added, change=diff.changes, remove=frozenset(student.id for student in gone))
        write_roster(loaded.path, edit)
    if as_json:
        about = asdict(diff)
        for name in ("added", "gone"):
            about[name] = [student.model_dump(mode="json") for student in getattr(diff, name)]
        print_json({"file": str(loaded.path), "written": written, **about})
    else:
        _print(diff, file, remove=remove)
        if written:
            out.print(f"written to {loaded.path}", markup=False)
        elif diff.conflicts:
            err.print("nothing is written while there are conflicts")
        elif pending:
            out.print("nothing is written yet; add --write")
        else:
            out.print("the roster is up to date")
    if diff.conflicts:
        raise typer.Exit(1)


def _print(diff: RosterDiff, file: Path, *, remove: bool) -> None:
    from grader.exports.lms_table import shown

    for student in diff.added:
        out.print(f"+ {student.id}  {student.name}  {student.email or ''}".rstrip(), markup=False)
    for change in diff.changed:
        old = shown(change.old) if change.old else "none"
        out.print(f"~ {change.student}  {change.field}: {old} to {shown(change.new)}", markup=False)
    for student in diff.gone:
        note = "" if remove else "  (not in the file; stays without --remove)"
        out.print(f"{'-' if remove else ' '} {student.id}  {student.name}{note}", markup=False)
    if diff.left_out:
        out.print(f"left out, as staff or as the platform's test student: {', '.join(diff.left_out)}", markup=False)
    out.print(
        f"{len(diff.added)} added, {len(diff.changes)} changed, {len(diff.same)} unchanged; "
        f"ids are those of column {shown(diff.id_heading)}",
        markup=False,
    )
    for conflict in diff.conflicts:
        place = f"{file}:{conflict.line}: " if conflict.line else ""
        err.print(f"conflict: {place}{conflict.what}\n  fix: {conflict.fix}", markup=False)
