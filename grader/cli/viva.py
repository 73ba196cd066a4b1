"""``viva``: questions for a conversation with each student about their own code."""

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
    open_assignment,
    out,
    print_json,
)
from grader.text import counted


@command
def viva(
    name: NameArgument,
    student: Annotated[
        list[str] | None, typer.Option("--student", metavar="ID", help="only this student or team; may be repeated")
    ] = None,
    to: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="where the sheets go (default: in the state folder)")
    ] = None,
    course: CourseOption = None,
    state: StateOption = None,
    database: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write a sheet for each student: three questions about their own code, and what to listen for.

    Questions come from the student's own changes between submissions and from the course's wrong variants. They are made
    offline, and the same submissions give the same questions.
    """
    from grader.review.viva_sheet import viva_sheets, write_sheets

    loaded, assignment, store = open_assignment(course, name, state, database)
    sheets = list(viva_sheets(loaded, assignment, store, student or ()))
    folder = to or store.state / "viva" / assignment.name
    write_sheets(sheets, assignment, folder)
    if as_json:
        print_json({"folder": str(folder), "sheets": [sheet.as_dict() for sheet in sheets]})
    else:
        out.print(f"{counted(len(sheets), 'sheet')} in {folder}", markup=False)
