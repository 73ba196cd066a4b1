"""``feedback``, ``leaderboard`` and ``export``: what comes out of the scores."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from grader.cli.common import CourseOption, JsonOption, NameArgument, StateOption, command, err, out, print_json
from grader.text import counted

if TYPE_CHECKING:
    from grader.store import Store

OutOption = Annotated[
    Path | None, typer.Option("--out", metavar="DIR", help="where the pages go (default: in the state folder)")
]


@command
def feedback(
    name: NameArgument,
    to: OutOption = None,
    course: CourseOption = None,
    state: StateOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write a page for each student, and an index of all for staff."""
    from grader.course import load_course
    from grader.reports import publish_feedback
    from grader.store import Store

    loaded = load_course(course)
    assignment = loaded.assignment(name)
    store = Store(state or loaded.state)
    folder = to or store.state / "feedback" / assignment.name
    index, items = publish_feedback(loaded, assignment, store, folder)
    if as_json:
        print_json(
            {"index": str(index), "pages": {item.owner: str(folder / item.owner / "index.html") for item in items}}
        )
    else:
        if not items:
            err.print(_nothing_yet(store, assignment.name), markup=False)
        out.print(f"{counted(len(items), 'page')}; open {index}", markup=False)


def _nothing_yet(store: Store, name: str) -> str:
    """What to run first, where there is nothing to show."""
    if store.submissions(name):
        return f"nothing was graded yet; run `autograde grade {name}` first"
    return f"nothing was collected yet; run `autograde collect {name} FOLDER` first"


@command
def leaderboard(
    name: NameArgument,
    to: OutOption = None,
    course: CourseOption = None,
    state: StateOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write the leaderboard as HTML, CSV and JSON."""
    from grader.course import load_course
    from grader.reports import publish_leaderboard
    from grader.store import Store

    loaded = load_course(course)
    assignment = loaded.assignment(name)
    store = Store(state or loaded.state)
    folder = to or store.state / "leaderboard" / assignment.name
    page, entries = publish_leaderboard(loaded, assignment, store, folder)
    if as_json:
        print_json(
            {"page": str(page), "csv": str(folder / "leaderboard.csv"), "json": str(folder / "leaderboard.json")}
        )
    else:
        if not entries:
            err.print(_nothing_yet(store, assignment.name), markup=False)
        out.print(f"{counted(len(entries), 'entry', 'entries')}; open {page}", markup=False)


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
    as_json: JsonOption = False,
) -> None:
    """Write the grades of every student of the roster to a file that another program takes."""
    from grader.course import load_course
    from grader.errors import StoreError
    from grader.exports import GradeState, grades_of, open_exporter
    from grader.files import write_file
    from grader.store import Store

    exporter = open_exporter(form)
    loaded = load_course(course)
    assignment = loaded.assignment(name)
    if profile is not None:
        assignment.profile(profile)
    store = Store(state or loaded.state)
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
        out.print(f"{counted(len(grades.grades), 'student')}; {path}", markup=False)
        if waiting:
            err.print(f"not graded yet, or held for staff: {', '.join(waiting)}", markup=False)
    if waiting:
        raise typer.Exit(1)
