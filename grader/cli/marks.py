"""``marks export`` and ``marks import``: written answers marked in our own page, or in a table."""

from __future__ import annotations

from dataclasses import asdict
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
    open_assignment,
    out,
    print_json,
)
from grader.text import counted

app = typer.Typer(no_args_is_help=True, help="Mark written answers on a page or in a table, and import the marks.")


@app.command("export")
@command
def export_marks(
    name: NameArgument,
    names: Annotated[bool, typer.Option("--names", help="show real ids; pseudonyms by default")] = False,
    to: Annotated[
        Path | None,
        typer.Option("--out", metavar="DIR", help="where the page and the table go (default: in the state folder)"),
    ] = None,
    course: CourseOption = None,
    state: StateOption = None,
    database: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write all written answers as a page for marking, and as a table with the marks so far."""
    from datetime import UTC, datetime

    from grader.files import write_file
    from grader.review.mark_table import mark_rows, write_rows
    from grader.review.marking_page import write_marking_page

    loaded, assignment, store = open_assignment(course, name, state, database)
    rows = mark_rows(loaded, assignment, store, names=names)
    folder = to or store.state / "marks"
    table = write_file(folder / f"{assignment.name}.csv", write_rows(rows), mode=0o600)
    page = write_marking_page(
        rows, course=loaded, assignment=assignment, file=folder / f"{assignment.name}.html", now=datetime.now(UTC)
    )
    unmarked = sum(row.mark is None or row.mark.points is None for row in rows)
    if as_json:
        print_json({"page": str(page), "table": str(table), "answers": len(rows), "unmarked": unmarked})
    else:
        out.print(f"{counted(len(rows), 'answer')}, {unmarked} to mark; open {page}, or fill in {table}", markup=False)


@app.command("import")
@command
def import_marks(
    name: NameArgument,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="the table that the page saved, or that you filled in")],
    write: Annotated[
        bool, typer.Option("--write", help="store the marks; without this option, the changes are only shown")
    ] = False,
    course: CourseOption = None,
    state: StateOption = None,
    database: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show what a file of marks would change; with --write, store it. Exit code 1: some lines are refused.

    A blank leaves a mark unchanged. `autograde gradebook sync` copies marks to nbgrader's gradebook.
    """
    from grader.errors import UsageError
    from grader.review.mark_table import mark_rows, marker, read_rows

    loaded, assignment, store = open_assignment(course, name, state, database)
    try:
        data = file.read_bytes()
    except OSError as error:
        raise UsageError(f"the file of marks cannot be read: {error.strerror}", where=file) from None
    diff = read_rows(data, mark_rows(loaded, assignment, store), loaded, assignment, marker())
    written = 0
    if write:
        written = sum(store.put_mark(mark) for change in diff.changes for mark in change.marks)
    if as_json:
        about = {"same": diff.same, "blank": diff.blank, "problems": diff.problems, "written": written}
        print_json({"changes": [asdict(change) for change in diff.changes], **about})
    else:
        for change in diff.changes:
            mark = change.marks[0]
            old = "no points" if change.before is None or change.before.points is None else f"{change.before.points:g}"
            new = "no points" if mark.points is None else f"{mark.points:g}"
            note = ", with a comment" if mark.comment else ""
            out.print(f"{change.label}, {mark.question}: {old} to {new}{note}", markup=False)
        for problem in diff.problems:
            err.print(f"refused: {problem}", markup=False)
        done = f"{counted(written, 'mark')} kept" if write else "nothing is stored yet; add --write"
        out.print(f"{len(diff.changes)} changed, {diff.same} unchanged, {diff.blank} blank; {done}")
    if diff.problems:
        raise typer.Exit(1)
