"""``feedback``, ``leaderboard`` and ``export``: what comes out of the scores."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

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

OutOption = Annotated[
    Path | None, typer.Option("--out", metavar="DIR", help="where the pages go (default: in the state folder)")
]


@command
def feedback(
    name: NameArgument,
    to: OutOption = None,
    course: CourseOption = None,
    state: StateOption = None,
    database: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write a page for each student, and an index of all for staff."""
    from grader.course import load_course
    from grader.reports import publish_feedback
    from grader.store import open_store

    loaded = load_course(course)
    assignment = loaded.assignment(name)
    store = open_store(loaded, state, database)
    folder = to or store.state / "feedback" / assignment.name
    index, items = publish_feedback(loaded, assignment, store, folder)
    if as_json:
        print_json(
            {"index": str(index), "pages": {item.owner: str(folder / item.owner / "index.html") for item in items}}
        )
    else:
        out.print(f"{len(items)} pages; open {index}", markup=False)


@command
def leaderboard(
    name: NameArgument,
    to: OutOption = None,
    course: CourseOption = None,
    state: StateOption = None,
    database: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write the leaderboard as HTML, CSV and JSON."""
    from grader.course import load_course
    from grader.reports import publish_leaderboard
    from grader.store import open_store

    loaded = load_course(course)
    assignment = loaded.assignment(name)
    store = open_store(loaded, state, database)
    folder = to or store.state / "leaderboard" / assignment.name
    page, entries = publish_leaderboard(loaded, assignment, store, folder)
    if as_json:
        print_json(
            {"page": str(page), "csv": str(folder / "leaderboard.csv"), "json": str(folder / "leaderboard.json")}
        )
    else:
        out.print(f"{len(entries)} entries; open {page}", markup=False)


@command
def export(
    name: NameArgument,
    form: Annotated[str, typer.Option("--format", metavar="NAME", help="csv, json, or an installed format")] = "csv",
    to: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="where the file goes (default: in the state folder)")
    ] = None,
    profile: Annotated[
        str | None, typer.Option("--profile", metavar="NAME", help="count only attempts under this profile")
    ] = None,
    course: CourseOption = None,
    state: StateOption = None,
    database: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write the grades of every student of the roster to a file that another program takes."""
    from grader.course import load_course
    from grader.errors import StoreError
    from grader.exports import GradeState, grades_of, open_exporter
    from grader.files import write_file
    from grader.store import open_store

    exporter = open_exporter(form)
    loaded = load_course(course)
    assignment = loaded.assignment(name)
    if profile is not None:
        assignment.profile(profile)
    store = open_store(loaded, state, database)
    grades = grades_of(loaded, assignment, store, profile=profile)
    path = to or store.state / "exports" / f"{assignment.name}{exporter.suffix}"
    try:
        # Grades are nobody's but the staff's.
        write_file(path, exporter.export(grades), mode=0o600)
    except OSError as error:
        raise StoreError(
            f"cannot write: {error.strerror}", where=path, fix="choose another file with --out, or make room"
        ) from error
    waiting = [grade.student for grade in grades.grades if grade.waiting or grade.state is GradeState.NOT_GRADED]
    if as_json:
        print_json({"file": str(path), "students": len(grades.grades), "waiting": waiting})
    else:
        out.print(f"{len(grades.grades)} students; {path}", markup=False)
        if waiting:
            err.print(f"not graded yet, or held for staff: {', '.join(waiting)}", markup=False)
    if waiting:
        raise typer.Exit(1)
