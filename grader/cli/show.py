"""``feedback`` and ``leaderboard``: what comes out of the scores."""

from __future__ import annotations

from datetime import UTC, datetime
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
    from grader.reports import Graded, write_feedback_batch
    from grader.store import Store

    loaded = load_course(course)
    assignment = loaded.assignment(name)
    store = Store(state or loaded.state)
    latest = {attempt.submission_id: attempt for attempt in store.attempts(assignment.name)}
    items = []
    for row in store.standing(loaded, assignment):
        if row.submission is not None and (attempt := row.attempt or latest.get(row.submission.id)) is not None:
            items.append(Graded(row.owner, attempt.report, row.submission.received_at))
    folder = to or store.state / "feedback" / assignment.name
    index = write_feedback_batch(items, course=loaded, assignment=assignment, folder=folder, now=datetime.now(UTC))
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
    from grader.reports import entry_of, write_leaderboard
    from grader.store import Store

    loaded = load_course(course)
    assignment = loaded.assignment(name)
    store = Store(state or loaded.state)
    entries = [entry for row in store.standing(loaded, assignment) if (entry := entry_of(row)) is not None]
    folder = to or store.state / "leaderboard" / assignment.name
    page = write_leaderboard(entries, course=loaded, assignment=assignment, folder=folder, now=datetime.now(UTC))
    if as_json:
        print_json(
            {"page": str(page), "csv": str(folder / "leaderboard.csv"), "json": str(folder / "leaderboard.json")}
        )
    else:
        out.print(f"{len(entries)} entries; open {page}", markup=False)
