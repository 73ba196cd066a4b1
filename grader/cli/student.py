"""``check`` and ``submit``: what a student runs before handing in, and to hand in."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from grader.cli.common import JsonOption, command, err, out, print_json

if TYPE_CHECKING:
    from grader.student.public_tests import Summary

#: Of a message that is longer, the first lines say what is wrong.
_SHOWN_LINES = 6


@command
def check(
    folder: Annotated[Path, typer.Argument(help="the bundle, with your modules and public/ in it")] = Path(),
    as_json: JsonOption = False,
) -> None:
    """Run the public tests of a bundle and say what passes, what is wrong and what is not written yet."""
    from grader.errors import MachineError, UsageError
    from grader.student import public_tests

    tests = folder / "public"
    if not tests.is_dir():
        raise UsageError(
            "there are no public tests here",
            where=tests,
            fix="run it in the folder that you unpacked, or name that folder",
        )
    if str(folder.resolve()) not in sys.path:
        sys.path.insert(0, str(folder.resolve()))
    outcomes = public_tests.run([str(tests)], folder)
    summary = public_tests.summarise(outcomes)
    if not summary.total and not summary.unreadable:
        # Of pytest's own troubles, such as a plugin that cannot be loaded, nothing comes through.
        ran = outcomes.code in (0, 5)
        what = "there is no test in it" if ran else f"pytest cannot run here (its exit code is {outcomes.code})"
        raise MachineError(
            what, where=tests, fix=f"see what `pytest {tests}` says" if not ran else "unpack the bundle again"
        )
    if as_json:
        print_json(asdict(summary))
    else:
        _show(summary)
    if not summary.all_pass:
        raise typer.Exit(1)


@command
def submit(
    folder: Annotated[Path, typer.Argument(help="the bundle, with your modules in it")] = Path(),
    to: Annotated[
        str | None,
        typer.Option(
            "--to",
            metavar="PLACE",
            help="your course's web service (https://...), a folder, a .zip file to upload, or nbgrader:COURSE (default: "
            "NAME-submission.zip in FOLDER)",
        ),
    ] = None,
    name: Annotated[
        str | None, typer.Option("--name", metavar="ID", help="your id, where PLACE is a folder (default: your login)")
    ] = None,
    also: Annotated[
        list[str] | None, typer.Option("--also", metavar="FILE", help="another file that your code reads")
    ] = None,
    wait: Annotated[bool, typer.Option("--wait/--no-wait", help="at a web service, wait for the verdict")] = True,
    as_json: JsonOption = False,
) -> None:
    """Hand in the files that the assignment asks for, or pack them into a zip; list what was sent and what is missing.

    Exit code 1: the files were handed in, but something is missing or not written yet.
    """
    from grader.student.submit import gather, hand_in, login, read_asked

    asked = read_asked(folder)
    submission = gather(folder, asked, also or ())
    if to is not None and to.startswith(("http://", "https://")):
        from grader.cli.service_calls import submit_to

        if not submit_to(to, asked.assignment, submission.files, wait=wait, as_json=as_json):
            raise typer.Exit(1)
        return
    receipt = hand_in(submission, to or str(folder / f"{asked.assignment}-submission.zip"), name or login())
    if as_json:
        print_json(asdict(receipt))
    else:
        out.print(
            f"handed in to {receipt.to} at {receipt.at}" if to else f"packed into {receipt.to}: upload it", markup=False
        )
        for file, digest in receipt.files.items():
            out.print(f"  {file}  sha256 {digest[:16]}", markup=False)
        for file in receipt.missing:
            err.print(f"missing: {file}", markup=False)
        for doubt in receipt.doubts:
            err.print(f"look at this: {doubt}", markup=False)
    if receipt.missing or receipt.doubts:
        raise typer.Exit(1)


def _show(summary: Summary) -> None:
    out.print(f"{summary.passed} of {summary.total} public tests pass.")
    if summary.unwritten:
        out.print(f"not written yet: {', '.join(summary.unwritten)}", markup=False)
    for file, reason in summary.unreadable.items():
        err.print(f"cannot be run: {file}: {reason}", markup=False)
    if summary.wrong:
        out.print("wrong:")
    for test, message in summary.wrong.items():
        out.print(f"  {test}", style="bold", markup=False)
        for line in message.splitlines()[:_SHOWN_LINES]:
            out.print(f"    {line}", markup=False)
    if summary.all_pass:
        out.print("Hidden checks test more than these.")
    else:
        out.print(f"[dim]`pytest {summary.folder}` shows each test in full. Hidden checks test more than these.[/]")
