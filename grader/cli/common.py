"""What every command shares: options, error texts and exit codes. Nothing here imports torch."""

from __future__ import annotations

import functools
import json
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ParamSpec, TypeVar

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from grader.cli.extras import missing_extra
from grader.cli.terminal import takes_unicode
from grader.errors import AutogradeError

if TYPE_CHECKING:
    from grader.course import Assignment, Course
    from grader.store import Store

P = ParamSpec("P")
R = TypeVar("R")

CourseOption = Annotated[
    Path | None,
    typer.Option(
        "--course", metavar="FILE", help="path of autograde.yml (default: the nearest one in this folder or above)"
    ),
]
StateOption = Annotated[
    Path | None,
    typer.Option("--state", metavar="DIR", help="where submissions and results are kept (default: .autograde)"),
]
StoreOption = Annotated[
    str | None,
    typer.Option(
        "--store",
        metavar="URL",
        help="database of submissions and results, such as postgresql://user@host/name (default: a file in the state folder)",
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="print JSON and nothing else")]
ProfileOption = Annotated[str, typer.Option("--profile", help="budget to grade under: cpu or gpu")]
JobsOption = Annotated[
    int | None, typer.Option("--jobs", "-j", min=1, help="submissions graded at a time (default: one per core)")
]
ExecutorOption = Annotated[
    str,
    typer.Option("--executor", metavar="NAME", help="where submissions are graded: local, or an installed executor"),
]
NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="the assignment")]
NamesArgument = Annotated[list[str] | None, typer.Argument(metavar="NAME", help="assignments (default: all)")]

out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)


def print_json(value: Any) -> None:
    """Print a value as JSON on standard output."""
    plain = not takes_unicode(sys.stdout)  # then escaped, so that it stays the same data
    sys.stdout.write(json.dumps(value, indent=2, ensure_ascii=plain, default=str) + "\n")


def print_table(table: Table) -> None:
    """Print a table, cut to the terminal's width; running text is left to the terminal to wrap."""
    out.print(table, soft_wrap=False)


def print_rows(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print plain text in columns below their headings; nothing in a cell is read as markup."""
    table = Table(box=None, pad_edge=False)
    for heading in headings:
        table.add_column(heading)
    for row in rows:
        table.add_row(*map(Text, row))
    print_table(table)


def open_assignment(
    course: Path | None, name: str, state: Path | None, database: str | None
) -> tuple[Course, Assignment, Store]:
    """The course, its assignment ``name`` and its store, as the options of a command name them.

    Raises:
        CourseError: there is no such course or assignment.
        StoreError: the store cannot be opened.
    """
    from grader.course import load_course
    from grader.store import open_store

    loaded = load_course(course)
    assignment = loaded.assignment(name)
    return loaded, assignment, open_store(loaded, state, database)


def say_error(error: AutogradeError, *, as_json: bool) -> None:
    """Tell an error: on standard output as JSON, otherwise on standard error in words."""
    if as_json:
        print_json(error.as_dict())
        return
    err.print(Text("error: ", style="bold red") + Text(str(error)))


def command(function: Callable[P, R]) -> Callable[P, R]:
    """Turn Autograde's own errors into their text and exit code."""

    @functools.wraps(function)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return function(*args, **kwargs)
        except AutogradeError as error:
            say_error(error, as_json=bool(kwargs.get("as_json")))
            raise typer.Exit(error.exit_code) from None
        except ModuleNotFoundError as error:
            lacking = missing_extra(error.name or "", function.__name__.replace("_", "-"))
            if lacking is None:
                raise
            say_error(lacking, as_json=bool(kwargs.get("as_json")))
            raise typer.Exit(lacking.exit_code) from None
        except KeyboardInterrupt:
            err.print("stopped; finished results are kept")
            raise typer.Exit(130) from None

    return wrapped
