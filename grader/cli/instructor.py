"""``collect``: a class's submissions are taken in."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from grader.cli.common import (
    CourseOption,
    JsonOption,
    NameArgument,
    StateOption,
    StoreOption,
    command,
    err,
    out,
    print_json,
)
from grader.text import counted

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from grader.course import Assignment, Course
    from grader.intake import CollectResult


@command
def collect(
    name: NameArgument,
    folder: Annotated[
        Path,
        typer.Argument(
            help="the unchanged download: one entry per student (a folder, a zip, files), or one zip of all"
        ),
    ],
    received: Annotated[
        str | None,
        typer.Option(
            "--received",
            metavar="TIME|FILE.csv",
            help="when they arrived: one time for all (2026-12-04T20:00), or a table with the columns id and received",
        ),
    ] = None,
    names: Annotated[
        str | None,
        typer.Option(
            "--names",
            metavar="PATTERN|FILE.csv",
            help="who submitted which entry: a pattern such as '{any}_{id}_{file}', or a table with the columns entry and id",
        ),
    ] = None,
    course: CourseOption = None,
    state: StateOption = None,
    database: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Store a class's submissions. Collecting the same folder again adds nothing.

    Downloads from Canvas, Moodle, Blackboard, Brightspace, Gradescope, ILIAS, Sakai and GitHub Classroom need no preparation.
    Exit code 1: something listed needs a person.
    """
    from grader.course import load_course
    from grader.intake import collect as take_in
    from grader.intake import read_names
    from grader.store import open_store

    loaded = load_course(course)
    assignment = loaded.assignment(name)
    result = take_in(
        loaded,
        assignment,
        folder,
        open_store(loaded, state, database),
        _received(received, loaded, assignment),
        names=read_names(names, loaded.roster) if names else None,
    )
    if as_json:
        print_json(_collected(result))
    else:
        _print_collected(result)
    if result.needs_somebody:
        raise typer.Exit(1)


def _received(text: str | None, course: Course, assignment: Assignment) -> datetime | Mapping[str, datetime] | None:
    from grader.errors import SubmissionError
    from grader.intake import read_times
    from grader.intake.moments import read_moment

    if text is None:
        return None
    if Path(text).is_file():
        return read_times(Path(text), course.roster, assignment, course.timezone)
    moment = read_moment(text, course.timezone)
    if moment is None:
        raise SubmissionError(
            f"--received {text!r} is neither a time nor a file",
            fix="write it like 2026-12-04T23:59, or name a CSV file",
        )
    return moment


def _collected(result: CollectResult) -> dict[str, Any]:
    return {
        "added": [item.owner for item in result.added],
        "unchanged": [item.owner for item in result.unchanged],
        "unmatched": [{"entry": item.entry, "reason": item.reason} for item in result.unmatched],
        "rejected": [{"entry": item.entry, "owner": item.owner, "reason": item.reason} for item in result.rejected],
        "doubts": [{"entry": item.entry, "owner": item.owner, "reason": item.reason} for item in result.doubts],
        "left_out": [
            {"owner": item.owner, "name": name, "reason": reason}
            for item in (*result.added, *result.unchanged)
            for name, reason in item.left_out
        ],
        "warnings": list(result.warnings),
        "missing": [student.id for student in result.missing],
    }


def _print_collected(result: CollectResult) -> None:
    from grader.intake.litter import LeftOut, in_words

    added, before = len(result.added), len(result.unchanged)
    out.print(f"{counted(added, 'submission')} added, {before} {'was' if before == 1 else 'were'} already there")
    for submission in result.added:
        if words := in_words([LeftOut(*item) for item in submission.left_out]):
            out.print(f"left out of {submission.owner}: {words}", markup=False)
    if result.missing:
        out.print(f"nothing from: {', '.join(student.id for student in result.missing)}", markup=False)
    for rejected in result.rejected:
        err.print(f"stored, but unreadable: {rejected.entry} ({rejected.owner}): {rejected.reason}", markup=False)
    for doubt in result.doubts:
        err.print(f"look at {doubt.owner} ({doubt.entry}): {doubt.reason}", markup=False)
    for unmatched in result.unmatched:
        err.print(f"not stored: {unmatched.entry}: {unmatched.reason}", markup=False)
    for warning in result.warnings:
        err.print(f"warning: {warning}", markup=False)
