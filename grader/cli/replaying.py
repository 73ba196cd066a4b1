"""``replay``: an attempt graded once more, to see that its report still holds."""

from __future__ import annotations

from typing import Annotated

import typer

from grader.cli.common import (
    CourseOption,
    ExecutorOption,
    JsonOption,
    StateOption,
    StoreOption,
    command,
    out,
    print_json,
)
from grader.text import counted


@command
def replay(
    attempt: Annotated[
        int, typer.Argument(metavar="ATTEMPT", help="the number of an attempt, as printed by `grade --json`")
    ],
    executor: ExecutorOption = "serial",
    course: CourseOption = None,
    state: StateOption = None,
    database: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Grade an attempt again with its files and its seed, and say what differs. Nothing is recorded.

    Exit code 1: the new report differs.
    """
    from grader.course import load_course
    from grader.grading.replay import replay as again
    from grader.store import open_store

    loaded = load_course(course)
    found = again(loaded, open_store(loaded, state, database), attempt, executor=executor)
    if as_json:
        print_json(
            {
                "attempt": attempt,
                "owner": found.submission.owner,
                "assignment": found.submission.assignment,
                "same": found.same,
                "differences": list(found.differences),
                "circumstances": list(found.circumstances),
                "report": found.report.model_dump(mode="json"),
            }
        )
    else:
        for line in found.circumstances:
            out.print(line, markup=False)
        for line in found.differences:
            out.print(f"differs: {line}", markup=False)
        ending = "the same report" if found.same else counted(len(found.differences), "difference")
        out.print(
            f"attempt {attempt} of {found.submission.owner} at {found.submission.assignment}: {ending}", markup=False
        )
    if not found.same:
        raise typer.Exit(1)
