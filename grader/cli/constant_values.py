"""``constants``: each student's own constants of an assignment, for staff to hand out."""

from __future__ import annotations

import csv
import io
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from grader.cli.common import (
    CourseOption,
    JsonOption,
    NameArgument,
    StateOption,
    command,
    err,
    out,
    print_json,
    print_rows,
)
from grader.text import counted

if TYPE_CHECKING:
    from grader.course import Assignment, Course
    from grader.records import Constants


@command
def constants(
    name: NameArgument,
    student: Annotated[
        list[str] | None,
        typer.Option("--student", metavar="ID", help="only those of this student or their team; may be repeated"),
    ] = None,
    table: Annotated[
        Path | None,
        typer.Option("--csv", metavar="FILE", help="write a table for a learning platform; - for standard output"),
    ] = None,
    folder: Annotated[
        Path | None,
        typer.Option("--files", metavar="DIR", help="write DIR/ID.txt for each student, with the lines to write"),
    ] = None,
    course: CourseOption = None,
    state: StateOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show each student's own constants. They follow from the course's secret and the ids, so nothing is stored.

    Each student has a row, with the team's constants where they hand in as a team.
    """
    from grader.course import load_course
    from grader.course.drawn_constants import described
    from grader.errors import UsageError
    from grader.files import write_file
    from grader.grading.class_constants import ClassConstants

    loaded = load_course(course)
    assignment = loaded.assignment(name)
    if not assignment.constants:
        raise UsageError(
            f"{name} has no constants of each student's own",
            where=f"{loaded.path}: assignments.{name}",
            fix="docs/how-to/own-constants.md says how an assignment gets some",
        )
    drawn = ClassConstants.read(loaded, assignment, state or loaded.state)
    rows = [(who, owner, drawn.of(owner)) for who, owner in _people(loaded, assignment, student or ())]
    if folder is not None:
        for who, _, values in rows:
            lines = [f"{assignment.title}: constants of {who}", ""]
            lines += [
                f"{line.name} = {line.value!r}{f'  ({line.about})' if line.about else ''}"
                for line in described(assignment, values)
            ]
            lines += [
                "",
                *(f"In {line.file} write: {line.written}" for line in described(assignment, values) if line.file),
            ]
            write_file(folder / f"{who}.txt", "\n".join(lines).rstrip() + "\n", mode=0o600)
        err.print(f"{counted(len(rows), 'file')} in {folder}", markup=False)
    if table is not None:
        text = _csv(loaded, assignment, rows)
        if str(table) == "-":
            sys.stdout.write(text)
        else:
            write_file(table, text, mode=0o600)
            err.print(f"{counted(len(rows), 'row')} in {table}", markup=False)
    if as_json:
        print_json([{"student": who, "owner": owner, "constants": values} for who, owner, values in rows])
    elif table is None and folder is None:
        names = list(assignment.constants)
        print_rows(
            ["student", "hands in as", *names],
            [[who, owner, *(repr(values[n]) for n in names)] for who, owner, values in rows],
        )
        if not student:
            shared = sum(
                count for count in Counter(repr(values) for values in drawn.by_owner.values()).values() if count > 1
            )
            out.print(
                f"{shared} of {len(drawn.by_owner)} who hand in share all their constants with somebody"
                if shared
                else "nobody shares all their constants with anybody",
                markup=False,
            )


def _people(course: Course, assignment: Assignment, wanted: list[str] | tuple[str, ...]) -> list[tuple[str, str]]:
    """Students with the id under which they hand in.

    Raises:
        UsageError: one is not in the roster.
    """
    import difflib

    from grader.errors import UsageError

    roster = course.roster
    known = [owner.id for owner in roster]
    for text in wanted:
        if text not in known:
            near = difflib.get_close_matches(text, known, n=1)
            fix = f"did you mean {near[0]!r}?" if near else "give an id of the roster"
            raise UsageError(f"the roster has no {text!r}", where="--student", fix=fix)
    students = [student.id for student in roster.students]
    chosen = {member for text in wanted for member in roster.members_of(text)} if wanted else set(students)
    return [(who, roster.owner_of(who, assignment.name)) for who in students if who in chosen]


def _csv(course: Course, assignment: Assignment, rows: list[tuple[str, str, Constants]]) -> str:
    from grader.text import csv_safe

    stream = io.StringIO(newline="")
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(["id", "name", "email", "hands_in_as", *map(csv_safe, assignment.constants)])
    people = {student.id: student for student in course.roster.students}
    for who, owner, values in rows:
        person = people[who]
        plain = [csv_safe(text) for text in (who, person.name, person.email or "", owner)]
        cells = [csv_safe(value) if isinstance(value, str) else repr(value) for value in values.values()]
        writer.writerow([*plain, *cells])
    return stream.getvalue()
