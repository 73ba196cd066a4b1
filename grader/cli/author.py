"""``release``, ``validate`` and ``schema``: the author's commands."""

from __future__ import annotations

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
    print_table,
)

if TYPE_CHECKING:
    from grader.batch.variants import Measured


@command
def release(
    names: NamesArgument = None,
    check: Annotated[
        bool, typer.Option("--check", help="change nothing; fail where a committed release has drifted")
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
            err.print("the committed release is not what its sources make; run `autograde release`")
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
        list[str] | None, typer.Option("--only", metavar="VARIANT", help="this variant alone; may be repeated")
    ] = None,
    profile: ProfileOption = "cpu",
    jobs: JobsOption = None,
    secret: Annotated[str, typer.Option("--secret", help="any text: other seeds and other held-out data")] = "validate",  # noqa: S107
    course: CourseOption = None,
    as_json: JsonOption = False,
) -> None:
    """Measure a grader: the solution, the stub and every variant must get what variants.yml says."""
    from grader.batch.variants import validate as measure
    from grader.course import load_course

    loaded = load_course(course)
    failed = 0
    results: dict[str, Any] = {}
    for name in names or list(loaded.assignments):
        measured = measure(loaded, loaded.assignment(name), profile=profile, slots=jobs, only=only or (), secret=secret)
        failed += sum(bool(item.problems) for item in measured)
        results[name] = [_as_json(item) for item in measured]
        if not as_json:
            _print_measured(name, measured)
    if as_json:
        print_json(results)
    if failed:
        raise typer.Exit(1)


def _as_json(item: Measured) -> dict[str, Any]:
    return {
        "name": item.name,
        "kind": item.kind,
        "score": item.report.score,
        "max_score": item.report.max_score,
        "problems": list(item.problems),
        "seconds": item.report.seconds,
        "lost": {check.id: check.message for check in item.report.checks if (check.score or 0) < check.max_score},
    }


def _print_measured(name: str, measured: list[Measured]) -> None:
    from rich.table import Table

    table = Table(title=name, title_justify="left", box=None, pad_edge=False)
    for heading in ("version", "kind", "points", "as it must be"):
        table.add_column(heading, justify="right" if heading == "points" else "left")
    for item in measured:
        score = "held" if item.report.score is None else f"{item.report.score:g}"
        told = "\n".join(item.problems).replace("[", "\\[")
        table.add_row(item.name, item.kind, score, f"[red]no[/red] {told}" if item.problems else "[green]yes[/green]")
    print_table(table)
    good = sum(not item.problems for item in measured)
    out.print(f"{good} of {len(measured)} as they must be")


@command
def schema() -> None:
    """Print the JSON Schema of autograde.yml, for editors."""
    from grader.course import course_schema

    print_json(course_schema())
