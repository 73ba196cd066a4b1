"""Grading in bulk: which submissions need it, a slot per core, retries, and one writer.

Each slot has a thread that feeds its runner; results come back to the calling thread, which alone writes the store.
An attempt is recorded whole in one transaction when its report is there, so a batch that is killed at any moment
loses at most what was being graded, and the next one grades exactly that.
"""

from __future__ import annotations

import contextlib
import functools
import os
import time
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from grader.course import Assignment, Course, course_secret, grader_version, read_suite
from grader.engine.outcomes import CheckSpec, failed_report
from grader.errors import AutogradeError, RunnerError
from grader.grading.pool import Again, Pool
from grader.grading.slot import Slot, Work
from grader.intake import Upload
from grader.records import Report, Verdict
from grader.store import Attempt, Store, Submission, digest_files

#: How often a submission is tried before its attempt is held; the last time after all others.
_TRIES = 3


@dataclass(frozen=True, slots=True)
class Job:
    """One submission to grade. ``key`` is the caller's; files are read when its turn comes."""

    key: int
    read: Callable[[], dict[str, bytes]]
    problem: str | None = None
    tries: int = 0


@dataclass(frozen=True, slots=True)
class Done:
    """A graded job."""

    key: int
    report: Report
    started_at: datetime
    seconds: float


def _grade(pool: Pool[Done], job: Job, slot: Slot) -> Done | Again[Done]:
    """Grade a submission, or give it back to be tried once more when the others are done."""
    started, begin = datetime.now(UTC), time.monotonic()
    files = job.read()
    fault = "unknown"
    for number in range(job.tries + 1, _TRIES + 1):
        if number == _TRIES > job.tries + 1:
            return Again(functools.partial(_grade, pool, replace(job, tries=number - 1)))
        if not slot.running:
            pool.start(slot)
        try:
            report = slot.grade(files, job.problem, None)
        except RunnerError as error:
            if pool.stopping.is_set():
                raise
            fault = str(error)
        else:
            if report.verdict is not Verdict.SYSTEM_ERROR:
                return Done(job.key, report, started, time.monotonic() - begin)
            fault = next((check.staff for check in report.checks if check.staff), fault)
    return Done(job.key, _system_error(slot.work, files, fault), started, time.monotonic() - begin)


def _system_error(work: Work, files: dict[str, bytes], fault: str) -> Report:
    """The report of a submission that our own machinery failed to grade, time and again. It scores nothing, not zero."""
    version = grader_version(work.assignment, work.profile.name)
    specs = [
        CheckSpec(check.id, check.title, check.points, check.hint, check.visibility)
        for check in read_suite(work.assignment.hidden_folder)
    ]
    return failed_report(
        assignment=work.assignment.name,
        specs=specs,
        verdict=Verdict.SYSTEM_ERROR,
        message="Grading failed for a reason on our side. It will be tried again; it costs you nothing.",
        staff=fault,
        seed=0,
        profile=work.profile.name,
        version=version,
        digest=digest_files(files),
    )


def run_jobs(work: Work, jobs: Sequence[Job], slots: int) -> Generator[Done]:
    """Grade ``jobs`` on ``slots`` runners; give each as it is done, in no particular order.

    Raises:
        AutogradeError: a runner could not start, for a reason that concerns every job.
    """
    with Pool[Done](work, max(1, min(slots, len(jobs)))) as pool:
        tasks = [functools.partial(_grade, pool, job) for job in jobs]
        for _, done in pool.run(tasks):
            yield done


def default_slots() -> int:
    """One runner a core that this process may use."""
    return len(os.sched_getaffinity(0))


@dataclass(frozen=True, slots=True)
class BatchResult:
    """A submission and its new attempt."""

    submission: Submission
    attempt: Attempt
    seconds: float


def grade_assignment(
    course: Course,
    assignment: Assignment,
    store: Store,
    *,
    profile: str = "cpu",
    slots: int | None = None,
    force: bool = False,
    on_start: Callable[[int], None] = lambda _: None,
    on_done: Callable[[BatchResult], None] = lambda _: None,
) -> list[BatchResult]:
    """Grade every submission that has no attempt by the current grader version; all of them with ``force``.

    Raises:
        StoreError: somebody else is grading the assignment.
        AutogradeError: grading cannot begin, or the store failed. What was graded until then is kept.
    """
    work = Work(course, assignment, assignment.profile(profile), store.state)
    course_secret(store.state)  # made once here, not by several runners at a time
    read_suite(assignment.hidden_folder)
    graded: list[BatchResult] = []
    with store.grading_lock(assignment.name):
        version = grader_version(assignment, profile)
        pending = {submission.id: submission for submission in store.pending(assignment.name, version, force=force)}
        on_start(len(pending))
        jobs = [Job(key, _reader(store, submission), submission.problem) for key, submission in pending.items()]
        if not jobs:
            return []
        # Closed by name: an error's traceback would keep the slots alive.
        with contextlib.closing(run_jobs(work, jobs, slots or default_slots())) as results:
            for done in results:
                attempt = store.record(pending[done.key], done.report, started_at=done.started_at, once=not force)
                graded.append(BatchResult(pending[done.key], attempt, done.seconds))
                on_done(graded[-1])
    return graded


def _reader(store: Store, submission: Submission) -> Callable[[], dict[str, bytes]]:
    return lambda: store.files(submission)


def grade_upload(
    course: Course, assignment: Assignment, upload: Upload, *, profile: str = "cpu", state: Path | None = None
) -> Report:
    """Grade one upload without the store.

    Raises:
        AutogradeError: grading cannot begin.
    """
    return grade_uploads(course, assignment, [upload], profile=profile, state=state)[0]


def grade_uploads(
    course: Course,
    assignment: Assignment,
    uploads: Sequence[Upload],
    *,
    profile: str = "cpu",
    state: Path | None = None,
    slots: int | None = None,
) -> list[Report]:
    """Grade several uploads without the store; the reports come in the order of the uploads."""
    work = Work(course, assignment, assignment.profile(profile), state or course.state)
    course_secret(work.state)
    jobs = [Job(index, _files_of(upload), upload.problem) for index, upload in enumerate(uploads)]
    with contextlib.closing(run_jobs(work, jobs, slots or default_slots())) as results:
        reports: dict[int, Report] = {done.key: done.report for done in results}
    if len(reports) != len(uploads):
        raise AutogradeError("not every upload came back from grading")
    return [reports[index] for index in range(len(uploads))]


def _files_of(upload: Upload) -> Callable[[], dict[str, bytes]]:
    return lambda: dict(upload.files)
