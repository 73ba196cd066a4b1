"""What ``autograde validate`` found, in the terminal and as a page."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from grader.text import counted

if TYPE_CHECKING:
    from rich.console import Console

    from grader.course import Course
    from grader.validation import Measured, MutantResult, Validation


def percent(part: int, whole: int) -> str:
    """A share in whole percent; rounded down, so that 100 % means all."""
    return "-" if not whole else f"{100 * part // whole} %"


def print_validation(found: Validation, console: Console) -> None:
    """Print what needs a person, the tables by check and by function, and one line that sums up."""
    console.print(Text(f"\n{found.assignment}", style="bold"))
    _print_versions(found, console)
    for mutant in found.with_status("not equivalent"):
        _print_mutant(mutant, console, f"[red]marked equivalent, but killed[/red] by {', '.join(mutant.killed_by)}")
    for mutant in found.with_status("survived"):
        _print_mutant(mutant, console, "[red]survived[/red]")
    for promise in [item.mutant for item in found.contract if item.status == "survived"]:
        words = f"{promise.file} {promise.function}: {promise.diff}"
        console.print(Text.assemble(("no check notices: ", "red"), words))
    for promise in [item.mutant for item in found.contract if item.status == "not equivalent"]:
        words = f"{promise.file} {promise.function}: {promise.diff}"
        console.print(Text.assemble(("free by `contract`, but a check notices it: ", "red"), words))
    for text in found.stale:
        console.print(Text.assemble(("marked equivalent, but no mutant: ", "red"), text))
    for text in found.unfounded:
        console.print(Text(text, style="red"))
    if found.mutants:
        console.print(_function_table(found), soft_wrap=False)
        console.print(_check_table(found), soft_wrap=False)
    for line in summary(found):
        console.print(line, markup=False)


def summary(found: Validation) -> list[str]:
    """The figures in words."""
    good = len(found.measured) - len(found.off)
    right = [item for item in found.measured if item.kind in ("solution", "right")]
    lines = [f"{good} of {len(found.measured)} versions as expected"]
    if len(found.seeds) > 1:
        steady = len(right) - len({flake.version for flake in found.flakes})
        lines.append(f"{steady} of {len(right)} right versions steady over {counted(len(found.seeds), 'seed')}")
    if found.mutants:
        killed, survived = len(found.with_status("killed")), len(found.with_status("survived"))
        equivalent, free = len(found.with_status("equivalent")), len(found.with_status("free"))
        also = f" and {free} free to survive" if free else ""
        of = "" if found.complete else f" (of {found.mutants_in_all} there are)"
        lines.append(
            f"{killed} of {killed + survived} mutants killed, {percent(killed, killed + survived)}; "
            f"{equivalent} more are equivalent{also}{of}"
        )
        lines += _contract_and_metrics(found)
        idle = [row.id for row in found.check_rows if not row.needed]
        if idle and found.complete:
            lines.append(f"no mutant and no wrong variant needs {', '.join(idle)}: other checks fail all that it fails")
    lines.append(counted(round(found.seconds), "second"))
    return lines


def _contract_and_metrics(found: Validation) -> list[str]:
    """How much of the contract is asked for, and which wrong variants a metric cannot tell from a right one."""
    lines = []
    asked = [item for item in found.contract if item.status != "equivalent"]
    if asked:
        noticed = sum(bool(item.killed_by) for item in asked)
        lines.append(
            f"{noticed} of {counted(len(asked), 'promise')} of the stubs are covered by some check, {percent(noticed, len(asked))}"
        )
    for row in found.metric_rows:
        if row.full:
            lines.append(
                f"{row.id}: {len(row.full)} of {counted(row.wrong, 'wrong variant')} that change what it measures keep all its "
                f"points ({', '.join(row.full[:6])}{', ...' if len(row.full) > 6 else ''}); {row.none} get none"
            )
    return lines


def _print_versions(found: Validation, console: Console) -> None:
    for item in found.off:
        _print_off(item, console)
    for flake in found.flakes:
        console.print(
            Text.assemble(
                ("flaky: ", "red"),
                f"{flake.version}, {flake.check}: {flake.verdict.value} at --seed {flake.seed} ({flake.message})",
            )
        )


def _print_off(item: Measured, console: Console) -> None:
    score = "held" if item.score is None else counted(item.score, "point")
    console.print(Text.assemble((f"{item.kind}: ", "red"), f"{item.name}, {score}"))
    for problem in item.problems:
        console.print(Text(f"    {problem}"))


def _print_mutant(item: MutantResult, console: Console, status: str) -> None:
    mutant = item.mutant
    console.print(f"{status}  {mutant.file}:{mutant.line} {mutant.function}  {mutant.operator}  ({mutant.id})")
    for line in mutant.diff.splitlines()[3:]:
        console.print(Text(f"    {line}", style={"-": "red", "+": "green"}.get(line[:1], "dim")))
    console.print(Text(f"    ran: {', '.join(item.ran)}", style="dim"))


def _function_table(found: Validation) -> Table:
    table = _table("mutants by function", ("function", "mutants", "killed", "", "equivalent"))
    for row in found.function_rows:
        table.add_row(
            f"{row.file} {row.function}",
            str(row.mutants),
            str(row.killed),
            percent(row.killed, row.mutants),
            str(row.equivalent or ""),
            style="" if row.killed == row.mutants else "red",
        )
    return table


def _check_table(found: Validation) -> Table:
    table = _table("mutants by check", ("check", "points", "seconds", "ran on", "killed", "", "alone", "needed"))
    for row in found.check_rows:
        table.add_row(
            row.id,
            f"{row.points:g}",
            f"{row.seconds:.3f}",
            str(row.ran),
            str(row.killed),
            percent(row.killed, row.ran),
            str(row.alone or ""),
            "no" if found.complete and not row.needed else "",
        )
    return table


def _table(title: str, headings: tuple[str, ...]) -> Table:
    table = Table(title=title, title_justify="left", box=None, pad_edge=False)
    for number, heading in enumerate(headings):
        table.add_column(heading, justify="right" if number else "left")
    return table


def write_page(course: Course, found: Validation, path: Path) -> Path:
    """Write the page, and give its path."""
    from grader.files import write_file
    from grader.reports.pages import render

    rows = [{"row": row, "share": percent(row.killed, row.ran)} for row in found.check_rows]
    functions = [{"row": row, "share": percent(row.killed, row.mutants)} for row in found.function_rows]
    return write_file(
        path,
        render(
            "validation.html.j2",
            course=course.name,
            title=found.assignment,
            found=found,
            share=percent(len(found.with_status("killed")), sum(item.counts for item in found.mutants)),
            checks=rows,
            functions=functions,
        ),
    )
