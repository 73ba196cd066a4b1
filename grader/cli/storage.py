"""``copy-store``: a course's results move to another database."""

from __future__ import annotations

from typing import Annotated

import typer

from grader.cli.common import CourseOption, JsonOption, StoreOption, command, out, print_json


@command
def copy_store(
    source: Annotated[
        str | None,
        typer.Option("--from", metavar="URL", help="the database to copy (default: the file in the state folder)"),
    ] = None,
    database: StoreOption = None,
    course: CourseOption = None,
    as_json: JsonOption = False,
) -> None:
    """Copy submissions, results and marks into the course's database, which must be empty.

    It is the one that --store, AUTOGRADE_STORE_DB or autograde.yml names. What is copied stays as it is. Files of
    submissions are in the state folder, and stay there. Nobody should collect or grade meanwhile.
    """
    from grader.course import load_course
    from grader.errors import UsageError
    from grader.store import Store, open_store

    loaded = load_course(course)
    target, origin = open_store(loaded, database=database), Store(loaded.state, source or "")
    if target.database == origin.database:
        raise UsageError(
            "there is no other database to copy to",
            fix="name one with --store, or as `store.database` in autograde.yml",
        )
    counts = origin.copy_to(target)
    if as_json:
        print_json(counts)
    else:
        out.print(
            f"{counts['submissions']} submissions, {counts['attempts']} attempts and {counts['marks']} marks copied",
            markup=False,
        )
