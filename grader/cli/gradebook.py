"""``gradebook sync`` and ``gradebook diff``: nbgrader's gradebook beside our store."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from grader.cli.common import CourseOption, JsonOption, NamesArgument, command, err, out, print_json, print_rows
from grader.text import counted

app = typer.Typer(no_args_is_help=True, help="Synchronise nbgrader's gradebook with Autograde's results.")


@app.command()
@command
def sync(
    names: NamesArgument = None,
    wheel: Annotated[bool, typer.Option(help="put Autograde's wheel beside the released notebooks")] = True,
    course: CourseOption = None,
    as_json: JsonOption = False,
) -> None:
    """Synchronise nbgrader's folders and gradebook with Autograde's results. Safe to repeat."""
    from grader.course import load_course
    from grader.nbgrader.layout import NbgraderLayout
    from grader.nbgrader.sync import sync as bring

    loaded = load_course(course)
    assignments = [loaded.assignment(name) for name in names or loaded.assignments]
    done = bring(NbgraderLayout(loaded), assignments, wheel=wheel)
    if as_json:
        print_json(asdict(done))
    else:
        out.print(f"sources written: {', '.join(done.sources) or 'none; they are up to date'}", markup=False)
        out.print(
            f"{counted(done.students, 'student')} added; {counted(done.taken_in, 'submission')} taken in, "
            f"{len(done.handed_over)} handed over; {len(done.graded_again)} graded again; "
            f"{counted(done.marks_stored, 'mark')} stored, {done.marks_restored} restored"
        )
        for name in done.problems:
            err.print(f"nbgrader could not grade {name} again; run `nbgrader autograde` to see why", markup=False)
    if done.problems:
        raise typer.Exit(1)


@app.command()
@command
def diff(names: NamesArgument = None, course: CourseOption = None, as_json: JsonOption = False) -> None:
    """Report where Autograde's results and nbgrader's gradebook disagree; exit code 1 if they do."""
    from grader.course import load_course
    from grader.nbgrader.diff import differences
    from grader.nbgrader.layout import NbgraderLayout

    loaded = load_course(course)
    found = differences(NbgraderLayout(loaded), [loaded.assignment(name) for name in names or loaded.assignments])
    if as_json:
        print_json([asdict(item) for item in found])
    elif not found:
        out.print("the store and the gradebook agree")
    else:
        print_rows(
            ("assignment", "student", "what", "ours", "gradebook", "fix"),
            ((item.assignment, item.student, item.what, item.ours, item.gradebook, item.fix) for item in found),
        )
    if found:
        raise typer.Exit(1)
