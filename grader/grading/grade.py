"""Grading in bulk: which submissions need it, an executor that grades them, and one writer.

Results come back to the calling thread, which alone writes the store. An attempt is recorded whole in one transaction
when its report is there, so a batch that is killed at any moment loses at most what was being graded, and the next
one grades exactly that. Where several coordinators share a store each claims what it is about to grade, and none is done
before everything is: what another held, and did not finish, comes back when its claim ends.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from grader.course import Assignment, Course, course_secret, grader_version, read_suite
from grader.course.equivalence import Described, describe
from grader.errors import AutogradeError
from grader.grading.eta import Eta
from grader.grading.executor import EXECUTORS, open_executor
from grader.grading.local import default_slots
from grader.grading.order import Planned, plan
from grader.grading.reuse import carried, remember
from grader.grading.slot import Work
from grader.grading.tasks import GradeTask
from grader.intake import Upload
from grader.records import Report

if TYPE_CHECKING:
    from grader.store import Attempt, Store, Submission
    from grader.store.claims import Claims

#: How often to look whether another coordinator is done, or gone, in seconds.
_LOOK_AGAIN_S = 2.0
#: Slots to use where an executor does not know how many it has.
_UNKNOWN_SLOTS = 64


@dataclass(frozen=True, slots=True)
class BatchResult:
    """A submission and its new attempt.

    ``left_s``: seconds until the batch ends, as it looks; None where it is too early to say. ``reused``: the grader version
    whose report was taken over without a run, where it says what this one would say.
    """

    submission: Submission
    attempt: Attempt
    seconds: float
    left_s: float | None = None
    reused: str = ""


def grade_assignment(
    course: Course,
    assignment: Assignment,
    store: Store,
    *,
    profile: str = "cpu",
    slots: int | None = None,
    executor: str = "local",
    force: bool = False,
    on_start: Callable[[int], None] = lambda _: None,
    on_done: Callable[[BatchResult], None] = lambda _: None,
    on_wait: Callable[[int], None] = lambda _: None,
) -> list[BatchResult]:
    """Grade every submission that has no attempt by the current grader version; all of them with ``force``.

    Gives what was graded here. ``on_wait`` learns how many are left that only other coordinators have claimed.

    Raises:
        StoreError: somebody else is grading the assignment.
        UsageError: there is no executor of that name.
        AutogradeError: grading cannot begin, or the store failed. What was graded until then is kept.
    """
    EXECUTORS.load(executor, where="--executor")  # a wrong name is an error though there be nothing to grade
    work = Work(course, assignment, assignment.profile(profile), store.state)
    course_secret(store.state)  # made once here, not by several runners at a time
    read_suite(assignment.hidden_folder)
    graded: list[BatchResult] = []
    with store.grading_lock(assignment.name):
        version = grader_version(assignment, profile)
        pending = store.pending(assignment.name, version, force=force)
        on_start(len(pending))
        if not pending:
            return []
        described = describe(assignment, profile)
        remember(store.state, version, described)
        if not force:
            for known in _carry_over(assignment, store, described, version, pending):
                graded.append(known)
                on_done(known)
            pending = [
                submission for submission in pending if submission.id not in {known.submission.id for known in graded}
            ]
            if not pending:
                return graded
        most = _slots(executor, slots, len(pending))
        begun: dict[int, Submission] = {}
        planned = plan(pending, store.durations(assignment.name), profile)
        eta = Eta(planned, most)
        # Closed by name: an error's traceback would keep the slots alive.
        with (
            store.claims(version, force=force) as claims,
            contextlib.closing(open_executor(executor, work, most)) as running,
        ):
            while planned:
                before = len(begun)
                for done in running.run(_tasks(store, claims, planned, begun, most)):
                    submission = begun[done.key]
                    attempt = store.record(
                        submission, done.answer, started_at=done.started_at, once=not force, claims=claims
                    )
                    eta.done(submission.id)
                    graded.append(BatchResult(submission, attempt, done.seconds, eta.seconds))
                    on_done(graded[-1])
                if not store.shared:
                    break
                left = store.pending(assignment.name, version, force=force)
                pending = [submission for submission in left if submission.id not in begun]
                planned = plan(pending, store.durations(assignment.name), profile)
                if planned and len(begun) == before:
                    on_wait(len(planned))
                    time.sleep(_LOOK_AGAIN_S)
    return graded


def _carry_over(
    assignment: Assignment, store: Store, described: Described, version: str, pending: Sequence[Submission]
) -> Iterator[BatchResult]:
    """Record the reports that need no run: by versions that differ in hints, comments or thresholds alone."""
    reports = carried(store, assignment.name, version, described)
    for submission in pending:
        if (found := reports.get(submission.id)) is not None:
            attempt = store.record(submission, found.report, once=True)
            yield BatchResult(submission, attempt, 0.0, reused=found.version)


def _slots(executor: str, wanted: int | None, tasks: int) -> int:
    """How many slots to use: as many as were asked for or as the executor has, and no more than there are tasks."""
    default = getattr(EXECUTORS.load(executor, where="--executor"), "default_slots", default_slots)
    return min(wanted or default() or _UNKNOWN_SLOTS, tasks)


def _tasks(
    store: Store, claims: Claims, planned: Sequence[Planned], begun: dict[int, Submission], ahead: int
) -> Iterator[GradeTask]:
    """The tasks for what can be claimed of ``planned``, ``ahead`` at a time; each is in ``begun`` when its turn comes.

    The files of each are read then, not before.
    """
    plans = {one.submission.id: one for one in planned}
    wanted = list(plans)
    while taken := claims.take(wanted, ahead):
        wanted = wanted[wanted.index(taken[-1]) + 1 :]  # those before it are another's
        for number in taken:
            submission = begun[number] = plans[number].submission
            files = store.files(submission)
            yield GradeTask(number, files, submission.problem, priority=plans[number].priority)


def grade_upload(
    course: Course,
    assignment: Assignment,
    upload: Upload,
    *,
    profile: str = "cpu",
    state: Path | None = None,
    executor: str = "local",
) -> Report:
    """Grade one upload without the store.

    Raises:
        AutogradeError: grading cannot begin.
    """
    return grade_uploads(course, assignment, [upload], profile=profile, state=state, executor=executor)[0]


def grade_uploads(
    course: Course,
    assignment: Assignment,
    uploads: Sequence[Upload],
    *,
    profile: str = "cpu",
    state: Path | None = None,
    slots: int | None = None,
    executor: str = "local",
) -> list[Report]:
    """Grade several uploads without the store; the reports come in the order of the uploads."""
    if not uploads:
        return []
    work = Work(course, assignment, assignment.profile(profile), state or course.state)
    read_suite(assignment.hidden_folder)  # its mistakes are named before anything is started
    course_secret(work.state)
    tasks = (GradeTask(index, upload.files, upload.problem) for index, upload in enumerate(uploads))
    most = _slots(executor, slots, len(uploads))
    with contextlib.closing(open_executor(executor, work, most)) as running:
        reports: dict[int, Report] = {done.key: done.answer for done in running.run(tasks)}
    if len(reports) != len(uploads):
        raise AutogradeError("not every upload came back from grading")
    return [reports[index] for index in range(len(uploads))]
