"""``feedback`` and ``leaderboard``: the pages that come out of the scores."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from grader.cli.common import (
    CourseOption,
    JsonOption,
    NameArgument,
    StateOption,
    StoreOption,
    command,
    err,
    open_assignment,
    out,
    print_json,
)
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
    database: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write a feedback page for each student, and an index for staff."""
    from grader.reports import publish_feedback

    loaded, assignment, store = open_assignment(course, name, state, database)
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
    return f"there are no submissions yet; run `autograde collect {name} FOLDER` first"


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
    from grader.reports import publish_leaderboard

    loaded, assignment, store = open_assignment(course, name, state, database)
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
