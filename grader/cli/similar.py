"""``similar``: submissions that share what few others have, for a person to look at."""

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
from grader.text import clean, counted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from grader.similarity import Pair, Work


@command
def similar(
    name: NameArgument,
    earlier: Annotated[
        list[Path] | None,
        typer.Option(
            "--earlier",
            metavar="DIR",
            help="an earlier term's state folder, or a folder with one entry per student; may be repeated",
        ),
    ] = None,
    most: Annotated[int, typer.Option("--most", min=1, max=1000, help="number of pairs in the list")] = 20,
    names: Annotated[bool, typer.Option("--names", help="show real ids; pseudonyms by default")] = False,
    to: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="where the page goes (default: in the state folder)")
    ] = None,
    course: CourseOption = None,
    state: StateOption = None,
    database: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """List pairs of submissions that share rare code, with both functions side by side.

    The list is for a person to read and is never a verdict: it changes no score, and students do not see it.
    """
    from datetime import UTC, datetime

    from grader.similarity import as_dict, find_pairs, handed_in, write_similar

    loaded, assignment, store = open_assignment(course, name, state, database)
    found = handed_in(loaded, assignment, store, earlier or (), names=names)
    pairs = find_pairs(found.works, found.given, most=most)
    file = to or store.state / "similar" / f"{assignment.name}.html"
    write_similar(pairs, found, course=loaded, assignment=assignment, file=file, now=datetime.now(UTC))
    if as_json:
        print_json({"page": str(file), **as_dict(pairs, found, assignment)})
        return
    if pairs:
        _print_pairs(pairs)
    else:
        out.print("no two submissions share enough of what few others have")
    if found.unread:
        err.print(f"not compared, for nothing could be read: {clean(', '.join(found.unread))}", markup=False)
    out.print(f"{counted(len(found.works), 'submission')} compared; open {file}", markup=False)


def _print_pairs(pairs: Sequence[Pair]) -> None:
    rows = []
    for pair in pairs:
        shown = ", ".join(
            f"{item.first.name}, line {item.first.line} and {item.second.line}" for item in pair.shared[:2]
        )
        more = f" and {pair.functions - 2} more" if pair.functions > 2 else ""
        others = str(pair.shared[0].others)
        rows.append([clean(cell) for cell in (_who(pair.first), _who(pair.second), shown + more, others)])
    print_rows(("first", "second", "shared functions", "others"), rows)


def _who(work: Work) -> str:
    return f"{work.label} ({work.term})" if work.term else work.label
