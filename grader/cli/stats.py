"""``stats``: what the checks of an assignment say about a class, and the class about the checks."""

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
    print_rows,
)
from grader.text import counted

if TYPE_CHECKING:
    from grader.statistics import ClassStatistics


@command
def stats(
    name: NameArgument,
    to: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="where the page goes (default: in the state folder)")
    ] = None,
    course: CourseOption = None,
    state: StateOption = None,
    database: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show how hard each check is, which messages are most frequent, and which checks need a look."""
    from datetime import UTC, datetime

    from grader.statistics import analyse, as_dict, mistakes_made, read_histories, write_statistics
    from grader.validation.variants import read_variants

    loaded, assignment, store = open_assignment(course, name, state, database)
    histories = read_histories(loaded, assignment, store)
    found = analyse(histories, mistakes_made(read_variants(assignment), histories))
    file = to or store.state / "stats" / f"{assignment.name}.html"
    feedback = store.state / "feedback" / assignment.name
    pages = {
        history.owner: f"../feedback/{assignment.name}/{history.owner}/index.html"
        for history in histories
        if to is None and (feedback / history.owner / "index.html").is_file()
    }
    write_statistics(found, course=loaded, assignment=assignment, file=file, now=datetime.now(UTC), pages=pages)
    if as_json:
        print_json({"page": str(file), **as_dict(found, assignment)})
        return
    _print_checks(found)
    for check, flag in found.to_look_at:
        out.print(f"{flag.name}: {check.id}: {flag.seen} (rule: {flag.rule})", markup=False)
    if not histories:
        err.print(f"nothing was graded yet; run `autograde grade {assignment.name}` first", markup=False)
    out.print(f"{counted(len(histories), 'student')}; open {file}", markup=False)


def _print_checks(found: ClassStatistics) -> None:
    from grader.statistics.statistics_page import said

    rows = []
    for check in found.checks:
        attempts = "" if check.attempts_until_passed is None else f"{check.attempts_until_passed:g}"
        common = check.diagnoses[0] if check.diagnoses else None
        rows.append(
            (
                check.id,
                f"{check.difficulty:.0%}",
                f"{check.first_pass:.0%}",
                attempts,
                str(check.never),
                said(check),
                f"{len(common.owners)}: {common.text[:60]}" if common else "",
            )
        )
    headings = ("check", "mean share", "first", "attempts", "never", "item-rest correlation", "read most")
    print_rows(headings, rows)
