"""``new``: an assignment to start from."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from grader.cli.common import CourseOption, JsonOption, command, out, print_json


@command
def new(
    name: Annotated[str, typer.Argument(metavar="NAME", help="small letters, digits and _: a Python module's name")],
    title: Annotated[str | None, typer.Option("--title", help="what students read (default: made of the name)")] = None,
    start: Annotated[bool, typer.Option("--start", help="start a course here if there is none")] = False,
    course: CourseOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write a small, whole assignment that validates, and its entry in autograde.yml, to be changed into yours."""
    from grader.release import new_assignment

    written = new_assignment(name, title=title, course=course, start=start)
    if as_json:
        print_json({"files": [str(path) for path in written]})
        return
    here = Path.cwd()
    for path in written:
        shown = path.relative_to(here) if path.is_relative_to(here) else path
        out.print(f"wrote {shown}", markup=False)
    out.print(f"next: `autograde validate {name}`, then make it yours, then `autograde release {name}`", markup=False)
