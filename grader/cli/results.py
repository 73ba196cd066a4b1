"""``feedback`` and ``leaderboard``: the pages that come out of the scores."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from grader.cli.common import CourseOption, JsonOption, NameArgument, StateOption, command, out, print_json

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
        out.print(f"{len(items)} pages; open {index}", markup=False)


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
        out.print(f"{len(entries)} entries; open {page}", markup=False)
