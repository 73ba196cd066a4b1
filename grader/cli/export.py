"""``export``: grades for another program, as a file of our own or in the gradebook that a platform exported."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from grader.cli.common import (
    CourseOption,
    JsonOption,
    NameArgument,
    StateOption,
    StoreOption,
    command,
    err,
    out,
    print_json,
)
from grader.text import counted

if TYPE_CHECKING:
    from grader.course import Assignment, Course
    from grader.exports import Filled, Packed
    from grader.store import Store


@command
def export(
    name: NameArgument,
    form: Annotated[
        str,
        typer.Option(
            "--format",
            metavar="NAME",
            help="csv, json, gradescope-results, gradescope-autograder; with --into canvas, moodle, blackboard, brightspace, "
            "moodle-feedback; or an installed format",
        ),
    ] = "csv",
    into: Annotated[
        Path | None,
        typer.Option(
            "--into", metavar="FILE", help="the gradebook as the platform exported it; a copy of it is filled in"
        ),
    ] = None,
    column: Annotated[
        str | None,
        typer.Option("--column", metavar="TITLE", help="column to fill (default: the one with the assignment's title)"),
    ] = None,
    id_column: Annotated[
        str | None,
        typer.Option("--id-column", metavar="HEADING", help="find students only by this column of the gradebook"),
    ] = None,
    scale: Annotated[bool, typer.Option("--scale", help="scale scores to the column's points")] = False,
    blank: Annotated[
        bool,
        typer.Option("--blank", help="empty the cells of students without a score; by default they keep their content"),
    ] = False,
    to: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="where the file goes (default: in the state folder)")
    ] = None,
    profile: Annotated[
        str | None, typer.Option("--profile", metavar="NAME", help="count only attempts under this profile")
    ] = None,
    for_review: Annotated[
        bool,
        typer.Option(
            "--for-review",
            help="instead of grades, write a page of Markdown for each submission: diagnosis, function, rubric and written answers",
        ),
    ] = False,
    course: CourseOption = None,
    state: StateOption = None,
    database: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write every student's grades to a file for another program.

    With --into, the scores are written into one column of a learning platform's own gradebook; nothing else in it changes.
    Exit code 1: somebody is not graded yet, or something listed needs a person.
    """
    from grader.course import load_course
    from grader.exports import FillOptions, GradeState, Source, write_export
    from grader.store import open_store

    loaded = load_course(course)
    assignment = loaded.assignment(name)
    if profile is not None:
        assignment.profile(profile)
    if for_review:
        _export_for_review(loaded, assignment, open_store(loaded, state, database), to, as_json=as_json)
        return
    source = Source(loaded, assignment, open_store(loaded, state, database), profile)
    options = FillOptions(column=column, id_column=id_column, scale=scale, blank=blank)
    done = write_export(form, source, into=into, to=to, options=options)
    grades = source.grades
    waiting = [grade.student for grade in grades.grades if grade.waiting or grade.state is GradeState.NOT_GRADED]
    if done.packed:
        # Who is not in an archive is named there; one without students waits for nobody.
        waiting = [student for student, reason in done.packed.left if reason != GradeState.NOT_SUBMITTED]
    unmarked = [grade.student for grade in grades.grades if grade.unmarked and grade.score is not None]
    if as_json:
        about: dict[str, Any] = {"file": str(done.path), "students": len(grades.grades)}
        about |= {"waiting": waiting, "unmarked": unmarked}
        about |= {"gradebook": _as_json(done.filled)} if done.filled else {}
        about |= {"archive": _as_json(done.packed)} if done.packed else {}
        print_json(about)
    else:
        if done.filled:
            _print_filled(done.filled, done.path, grades.max_score)
        elif done.packed:
            _print_packed(done.packed, done.path)
        else:
            out.print(f"{counted(len(grades.grades), 'student')}; {done.path}", markup=False)
        if waiting:
            err.print(f"not graded yet, or held for staff: {', '.join(waiting)}", markup=False)
        if unmarked:
            err.print(f"written answers are not marked yet: {', '.join(unmarked)}", markup=False)
    if waiting or done.needs_somebody:
        raise typer.Exit(1)


def _export_for_review(course: Course, assignment: Assignment, store: Store, to: Path | None, *, as_json: bool) -> None:
    from grader.review.for_review import review_pages, write_review

    folder = to or store.state / "exports" / f"{assignment.name}-review"
    written = write_review(review_pages(course, assignment, store), folder)
    if as_json:
        print_json({"folder": str(folder), "pages": [str(path) for path in written]})
    else:
        out.print(f"{counted(len(written), 'page')} in {folder}", markup=False)


def _as_json(filled: Filled | Packed) -> dict[str, Any]:
    return {name: value for name, value in asdict(filled).items() if name != "content"}


def _print_filled(filled: Filled, path: Path, points: float) -> None:
    from grader.exports.lms_table import shown

    scores = f"{len(filled.written)} score{'' if len(filled.written) == 1 else 's'}"
    out.print(f"{scores} in column {shown(filled.column)}; {path}", markup=False)
    for change in filled.changed:
        new = shown(change.new) if change.new else "nothing"
        out.print(f"changed: {change.student}: {shown(change.old)} to {new}", markup=False)
    if filled.by_name:
        out.print(f"found only by name: {', '.join(filled.by_name)}", markup=False)
    _print_missing(filled)
    if filled.points_unknown:
        out.print(f"the file does not say the column's points; they must be {points:g}, as the assignment's")
    if filled.formulas:
        lines = ", ".join(map(str, filled.formulas[:20]))
        err.print(
            f"the platform's own cells on these lines begin like a formula; do not open the file with a spreadsheet: {lines}",
            markup=False,
        )


def _print_packed(packed: Packed, path: Path) -> None:
    count = len(packed.students)
    students = f"{count} student{'' if count == 1 else 's'}; " if count else ""
    out.print(f"{students}{path}", markup=False)
    _print_missing(packed)
    for note in packed.notes:
        out.print(note, markup=False)


def _print_missing(done: Filled | Packed) -> None:
    from grader.exports.lms_table import listed

    for reason in dict.fromkeys(reason for _, reason in done.left):
        students = ", ".join(student for student, why in done.left if why == reason)
        out.print(f"not written ({reason}): {students}", markup=False)
    if done.not_in_file:
        err.print(f"not in the platform's table: {', '.join(done.not_in_file)}", markup=False)
    if done.not_on_roster:
        err.print(f"not on the roster: {listed(done.not_on_roster)}", markup=False)
