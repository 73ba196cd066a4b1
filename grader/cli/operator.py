"""``doctor`` and ``demo``: what this machine can do, and the whole path on a made-up class."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.rule import Rule
from rich.table import Table

from grader.cli.common import (
    CourseOption,
    JobsOption,
    JsonOption,
    StateOption,
    command,
    err,
    out,
    print_json,
    print_table,
)
from grader.text import counted

if TYPE_CHECKING:
    from grader.demo import Event
    from grader.sandbox.report.doctor import Findings


@command
def doctor(
    course: CourseOption = None,
    state: StateOption = None,
    fix: Annotated[
        bool,
        typer.Option("--fix", help="print a shell script that installs or enables what is missing; nothing is run"),
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Show which sandbox layers this machine has, and whether hidden grading may run on it."""
    from grader.course import load_course
    from grader.course.load import find_course_file
    from grader.errors import CourseError
    from grader.layer_names import DEFAULT_MINIMUM
    from grader.sandbox.report.doctor import examine

    try:
        file = course or find_course_file()
    except CourseError:
        file = None  # nowhere near a course: what holds by default is what counts
    found = load_course(file) if file else None
    findings = examine(
        found.sandbox.minimum if found else DEFAULT_MINIMUM, state or (found.state if found else Path.cwd())
    )
    if as_json:
        print_json(findings.as_dict())
    elif fix:
        from grader.sandbox.report.repair import script

        out.print("\n".join(script(findings.items) or ["# nothing is missing"]), markup=False)
    else:
        _show(findings)
    if not findings.fit:
        raise typer.Exit(3)


_MARKS = {"ok": "[green]ok[/]", "missing": "[yellow]missing[/]", "bad": "[red]bad[/]"}


def _show(findings: Findings) -> None:
    """Two lists for a terminal: the machine, and the layers of its sandbox; and what follows."""
    for group, title in (("machine", "This machine"), ("sandbox", "The sandbox, tested from inside")):
        items = [item for item in findings.items if item.group == group]
        if not items:
            continue
        out.print(f"[bold]{title}[/]")
        table = Table.grid(padding=(0, 2))
        table.add_column(width=8)
        table.add_column(width=14)
        table.add_column(overflow="fold")
        for item in items:
            must = " [dim](required)[/]" if group == "sandbox" and item.name in findings.minimum else ""
            table.add_row(f" {_MARKS[item.state]}", item.name, f"{escape(item.text)}{must}")
            if item.state != "ok" or item.means:
                for label, text in (("means", item.means), ("fix", item.fix)):
                    if text:
                        table.add_row("", f"[dim]{label}[/]", escape(text))
        out.print(table, soft_wrap=False)
    lacking = [layer for layer in findings.minimum if layer not in findings.layers]
    if findings.fit:
        out.print("[bold green]hidden grading can run here[/]")
    elif lacking:
        out.print(f"[bold red]hidden grading must not run here[/]: it lacks {', '.join(lacking)}")
        out.print("[dim]required layers are set in autograde.yml, under sandbox.minimum[/]")
    else:
        out.print("[bold red]hidden grading cannot run here[/]: see the lines marked bad")


@command
def demo(
    to: Annotated[Path, typer.Option("--out", metavar="DIR", help="where the demo writes its files")] = Path(
        "build/demo"
    ),
    jobs: JobsOption = None,
    course: CourseOption = None,
) -> None:
    """Take a made-up class from release to leaderboard. If there is no course here, use the one that comes with Autograde."""
    from grader.course import load_course
    from grader.course.load import find_course_file
    from grader.demo import copy_packaged_course, walk
    from grader.errors import CourseError

    try:
        file = course or find_course_file()
    except CourseError:
        file = copy_packaged_course(to.absolute().parent / f"{to.name}-course")
    problems: tuple[str, ...] = ()
    for event in walk(load_course(file), to, slots=jobs):
        problems = _show_event(event)
    for problem in problems:
        err.print(f"not as expected: {problem}", markup=False)
    if problems:
        raise typer.Exit(1)


def _show_event(event: Event) -> tuple[str, ...]:
    """Print an event of the demo; give the problems that it ends with."""
    from grader.demo import AssignmentGraded, Collected, Finished, Stage, Wrote
    from grader.reports import batch_table

    match event:
        case Stage(title):
            out.print(Rule(title, align="left"))
        case Wrote(path):
            out.print(f"  {path}", markup=False)
        case Collected(submissions, inbox):
            out.print(f"  collected {counted(submissions, 'submission')} from {inbox}", markup=False)
        case AssignmentGraded(rows, _):
            print_table(batch_table(rows))
        case Finished(pages, seconds, problems):
            out.print(Rule("where to look", align="left"))
            for page in pages:
                out.print(f"  {page}", markup=False)
            end = counted(len(problems), "problem") if problems else "everything came out as expected"
            out.print(f"done in {seconds:.0f} s; {end}")
            return problems
    return ()
