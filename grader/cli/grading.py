"""``grade``: what an instructor runs after the deadline, and again when the grader has changed."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from grader.cli.common import (
    CourseOption,
    ExecutorOption,
    JobsOption,
    JsonOption,
    ProfileOption,
    StateOption,
    StoreOption,
    command,
    err,
    out,
    print_json,
    print_table,
)
from grader.cli.graded import as_data, print_graded, print_needs, why_held
from grader.text import counted, in_time

if TYPE_CHECKING:
    from grader.course import Assignment, Course
    from grader.grading import BatchResult
    from grader.store import Store


@command
def grade(
    name: Annotated[str, typer.Argument(metavar="NAME", help="the assignment", show_default=False)] = "",
    every: Annotated[bool, typer.Option("--all", help="every assignment of the course, one after another")] = False,
    submission: Annotated[
        Path | None,
        typer.Option("--submission", metavar="PATH", help="grade one folder, zip or file, without the store"),
    ] = None,
    student: Annotated[
        list[str] | None,
        typer.Option(
            "--student",
            metavar="ID",
            help="grade only submissions of this student or their team; may be repeated; with --submission: whose "
            "constants to use",
        ),
    ] = None,
    only_check: Annotated[
        list[str] | None,
        typer.Option(
            "--only-check",
            metavar="CHECK",
            help="run only this check, and keep the results of the others from the last attempt; may be repeated",
        ),
    ] = None,
    profile: ProfileOption = "cpu",
    jobs: JobsOption = None,
    executor: ExecutorOption = "local",
    force: Annotated[
        bool,
        typer.Option("--force", help="grade again even if there is an attempt; this adds attempts and replaces none"),
    ] = False,
    course: CourseOption = None,
    state: StateOption = None,
    database: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Grade every submission that has no result from the current grader, or one, with --submission.

    A new grader version grades everything again. If it differs only in hints, comments or thresholds, reports are carried over
    instead, and the command says so. With --only-check, you vouch that no other check has changed.

    Ctrl-C, SIGTERM and a closed terminal stop it at once (exit code 128 plus the signal's number). Results so far are
    kept; run the same command again to continue.
    """
    from grader.course import load_course
    from grader.errors import UsageError
    from grader.store import open_store

    if every and name:
        raise UsageError("name an assignment or say --all, not both", where="grade")
    if not every and not name:
        raise UsageError(
            f"Missing argument 'NAME'. {_known_assignments(course)}".strip(), where="grade", fix="or say --all"
        )
    loaded = load_course(course)
    if submission is not None:
        if every or only_check or len(student or ()) > 1:
            raise UsageError("--submission grades one upload with all checks of one assignment", where="--submission")
        assignment = loaded.assignment(name)
        owner = _owner(loaded, assignment, student[0]) if student else ""
        _grade_one(loaded, assignment, submission, profile, state, owner, executor=executor, as_json=as_json)
        return
    batch = _Options(profile, jobs, executor, force, tuple(student or ()), tuple(only_check or ()))
    store = open_store(loaded, state, database)
    if every:
        _grade_every(loaded, store, batch, as_json=as_json)
        return
    graded, seconds = _grade_all(loaded, loaded.assignment(name), store, batch, quiet=as_json)
    if as_json:
        print_json({"assignment": name, "wall_s": seconds, "attempts": [as_data(item) for item in graded]})
    else:
        print_graded(loaded.assignment(name), store, graded, seconds)
    if any(item.attempt.held for item in graded):
        raise typer.Exit(1)


def _owner(course: Course, assignment: Assignment, student: str) -> str:
    """Whose constants count for an upload of ``student``; raises UsageError where they are not in the roster."""
    from grader.errors import UsageError

    if course.roster.get(student) is None:
        raise UsageError(f"the roster has no {student!r}", where="--student", fix="give an id of the roster")
    return course.roster.owner_of(student, assignment.name)


def _known_assignments(path: Path | None) -> str:
    """The assignments of the course as a sentence; empty where there is no course."""
    from grader.course import load_course
    from grader.errors import CourseError

    try:
        return f"Name one of: {', '.join(load_course(path).assignments)}."
    except CourseError:
        return ""


@dataclass(frozen=True, slots=True)
class _Options:
    """How a batch is graded."""

    profile: str
    jobs: int | None
    executor: str
    force: bool
    students: tuple[str, ...]
    only: tuple[str, ...]

    def owners(self, course: Course, assignment: Assignment) -> set[str] | None:
        """Who hands in for these students; None for everybody.

        Raises:
            UsageError: one is not in the roster.
        """
        from grader.errors import UsageError

        if not self.students:
            return None
        for student in self.students:
            if course.roster.get(student) is None:
                raise UsageError(f"the roster has no {student!r}", where="--student", fix="give an id of the roster")
        return {owner for student in self.students for owner in course.roster.owners_for(student, assignment.name)}


def _grade_one(
    course: Course,
    assignment: Assignment,
    path: Path,
    profile: str,
    state: Path | None,
    owner: str,
    *,
    executor: str,
    as_json: bool,
) -> None:
    from grader.grading import grade_upload
    from grader.intake import read_submission
    from grader.records import Verdict
    from grader.reports import report_table

    upload = read_submission(path)
    report = grade_upload(course, assignment, upload, profile=profile, state=state, executor=executor, owner=owner)
    if as_json:
        print_json(report.model_dump(mode="json"))
    else:
        if report.message:
            out.print(report.message, markup=False)
        print_table(report_table(report))
        score = "held for staff" if report.score is None else f"{report.score:g} of {report.max_score:g}"
        out.print(f"[bold]{score}[/bold]   {report.verdict.value}   {report.seconds:.2f} s   seed {report.seed}")
        for flag in report.flags:
            err.print(f"for staff to look at: {flag}", markup=False)
        for check in report.checks:
            if check.verdict.held:
                err.print(f"{check.id}: {check.verdict.value}\n{check.staff}", markup=False)
    if report.held or report.verdict is Verdict.NOT_RUN:
        raise typer.Exit(1)


def _grade_every(course: Course, store: Store, batch: _Options, *, as_json: bool) -> None:
    """Grade every assignment, whatever happens to one of them, and list at the end what needs a person."""
    from grader.errors import AutogradeError

    found: list[dict[str, Any]] = []
    for name, assignment in course.assignments.items():
        entry: dict[str, Any] = {"assignment": name, "attempts": []}
        found.append(entry)
        if batch.profile not in assignment.profiles:
            entry["skipped"] = f"it has no profile {batch.profile!r}"
            continue
        try:
            graded, seconds = _grade_all(course, assignment, store, batch, quiet=as_json)
        except AutogradeError as error:
            entry["error"] = error.as_dict()
            entry["words"] = f"could not be graded: {error}"
            if not as_json:
                err.print(f"{name}: {entry['words']}", markup=False)
            continue
        entry |= {"wall_s": seconds, "attempts": [as_data(item) for item in graded]}
        entry["held"] = [f"{item.submission.owner}: {why_held(item)}" for item in graded if item.attempt.held]
        entry["flags"] = [f"{item.submission.owner}: {flag}" for item in graded for flag in item.attempt.report.flags]
        entry["missing"] = [student.id for student in store.missing(course, assignment)]
        if not as_json:
            print_graded(assignment, store, graded, seconds)
    wrong = any(entry.get("held") or "error" in entry for entry in found)
    if as_json:
        print_json({"assignments": [{key: value for key, value in entry.items() if key != "words"} for entry in found]})
    else:
        print_needs(found)
    if wrong:
        raise typer.Exit(1)


def _grade_all(
    course: Course, assignment: Assignment, store: Store, batch: _Options, *, quiet: bool
) -> tuple[list[BatchResult], float]:
    """Grade what is to be graded of an assignment; the attempts, and wall seconds."""
    import time

    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
    )

    from grader.errors import SystemFault
    from grader.grading import ClassConstants, Stopped, grade_assignment, stoppable

    begin = time.monotonic()
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[left]}"),
    )
    owners = batch.owners(course, assignment)
    if otherwise := ClassConstants.read(course, assignment, store.state).graded_otherwise(store):
        err.print(
            f"{counted(len(otherwise), 'submission')} of {assignment.name} {'was' if len(otherwise) == 1 else 'were'} graded under "
            "other constants than today's, under which they are graded again; `constants_since` keeps the defaults for "
            "what was received before it",
            markup=False,
        )
    done = _Count(batch.force)
    try:
        with stoppable(), Progress(*columns, console=err, disable=quiet, transient=True) as progress:
            task = progress.add_task(f"grading {assignment.name}: starting the sandbox", total=None, left="")

            def started(total: int) -> None:
                done.total = total
                progress.update(task, total=total)

            def advanced(item: BatchResult) -> None:
                done.graded += 1
                left = "" if item.left_s is None else f"about {in_time(item.left_s)} left"
                progress.update(
                    task, advance=1, description=f"grading {assignment.name}: {item.submission.owner}", left=left
                )

            def waiting(left: int) -> None:
                progress.update(task, description=f"grading {assignment.name}: {left} are another coordinator's")

            graded = grade_assignment(
                course,
                assignment,
                store,
                profile=batch.profile,
                slots=batch.jobs,
                executor=batch.executor,
                force=batch.force,
                owners=owners,
                only=batch.only,
                on_start=started,
                on_done=advanced,
                on_wait=waiting,
            )
    except Stopped as stop:
        # A terminal that was closed takes no more words.
        with contextlib.suppress(OSError):
            err.print(f"stopped by {stop.name}: {done}")
        raise typer.Exit(stop.exit_code) from None
    except SystemFault:
        if done.total:
            err.print(f"grading ended early: {done}")
        raise
    return graded, time.monotonic() - begin


@dataclass(slots=True)
class _Count:
    """How far a batch has come, in words."""

    force: bool
    total: int = 0
    graded: int = 0

    def __str__(self) -> str:
        if not self.total:
            return "nothing was started"
        rest = "grade all of them again" if self.force else "grade the rest"
        return f"{self.graded} of {counted(self.total, 'submission')} graded and kept; run the same command again to {rest}"
