"""Grading in bulk: which submissions need it, an executor that grades them, and one writer.

Results come back to the calling thread, which alone writes the store. An attempt is recorded whole in one transaction
when its report is there, so a batch that is killed at any moment loses at most what was being graded, and the next
one grades exactly that. Where several coordinators share a store each claims what it is about to grade, and none is done
before everything is: what another held, and did not finish, comes back when its claim ends.
"""

from __future__ import annotations

import contextlib
import difflib
import time
import zlib
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import TypeAdapter

from grader.course import Assignment, Course, course_secret, grader_version, read_suite
from grader.course.equivalence import Described, describe
from grader.errors import AutogradeError, UsageError
from grader.grading.class_constants import ClassConstants
from grader.grading.eta import Eta
from grader.grading.executor import EXECUTORS, open_executor
from grader.grading.local import default_slots
from grader.grading.order import Planned, plan
from grader.grading.reuse import can_keep, carried, merged, remember
from grader.grading.slot import Work
from grader.grading.tasks import GradeTask
from grader.intake import Upload
from grader.records import CheckResult, Report

if TYPE_CHECKING:
    from grader.store import Attempt, Store, Submission
    from grader.store.claims import Claims

#: How often to look whether another coordinator is done, or gone, in seconds.
_LOOK_AGAIN_S = 2.0
#: Slots to use where an executor does not know how many it has.
_UNKNOWN_SLOTS = 64
_CHECKS = TypeAdapter(tuple[CheckResult, ...])


class BatchResult:
    """A submission and its new attempt.

    ``left_s``: seconds until the batch ends, as it looks; None where it is too early to say. ``reused``: the grader version
    whose report was taken over without a run, where it says what this one would say.

    A batch of any size keeps one of each submission, so the report's checks, nearly all of its memory, are compressed.
    """

    __slots__ = ("_bare", "_checks", "left_s", "reused", "seconds", "submission")

    def __init__(
        self,
        submission: Submission,
        attempt: Attempt,
        seconds: float,
        left_s: float | None = None,
        reused: str = "",
    ) -> None:
        self.submission, self.seconds, self.left_s, self.reused = submission, seconds, left_s, reused
        self._bare = replace(attempt, report=attempt.report.model_copy(update={"checks": ()}))
        self._checks = zlib.compress(_CHECKS.dump_json(attempt.report.checks))

    @property
    def attempt(self) -> Attempt:
        """The attempt with its report, whole."""
        checks = _CHECKS.validate_json(zlib.decompress(self._checks))
        return replace(self._bare, report=self._bare.report.model_copy(update={"checks": checks}))


def grade_assignment(
    course: Course,
    assignment: Assignment,
    store: Store,
    *,
    profile: str = "cpu",
    slots: int | None = None,
    executor: str = "local",
    force: bool = False,
    owners: Collection[str] | None = None,
    only: Collection[str] = (),
    on_start: Callable[[int], None] = lambda _: None,
    on_done: Callable[[BatchResult], None] = lambda _: None,
    on_wait: Callable[[int], None] = lambda _: None,
) -> list[BatchResult]:
    """Grade every submission that has no attempt by the current grader version; all of them with ``force``.

    Gives what was graded here. ``owners`` leaves out the submissions of others. With ``only``, the checks of these names are
    run, at the seed of the submission's last attempt, and the others are kept from it; one that has no such attempt is
    graded whole. ``on_wait`` learns how many are left that only other coordinators have claimed.

    Raises:
        StoreError: somebody else is grading the assignment.
        UsageError: there is no executor, or no check, of that name.
        AutogradeError: grading cannot begin, or the store failed. What was graded until then is kept.
    """
    EXECUTORS.load(executor, where="--executor")  # a wrong name is an error though there be nothing to grade
    work = Work(course, assignment, assignment.profile(profile), store.state)
    course_secret(store.state)  # made once here, not by several runners at a time
    ids = _check_ids(assignment, only)
    graded: list[BatchResult] = []
    with store.grading_lock(assignment.name):
        version = grader_version(assignment, profile)

        def pending() -> list[Submission]:
            found = store.pending(assignment.name, version, force=force)
            return [submission for submission in found if owners is None or submission.owner in owners]

        left = pending()
        on_start(len(left))
        if not left:
            return []
        constants = ClassConstants.read(course, assignment, store.state)
        described = describe(assignment, profile)
        remember(store.state, version, described)
        if not force and not only:
            for known in _carry_over(constants, store, described, version, left):
                graded.append(known)
                on_done(known)
            done_already = {known.submission.id for known in graded}
            left = [submission for submission in left if submission.id not in done_already]
            if not left:
                return graded
        most = _slots(executor, slots, len(left))
        kept = _kept(store, constants, profile, ids, only)
        batch = _Batch(store, most, ids, frozenset(only), kept, constants)
        planned = plan(left, store.durations(assignment.name), profile)
        eta = Eta(planned, most)
        # Closed by name: an error's traceback would keep the slots alive.
        with (
            store.claims(version, force=force) as claims,
            contextlib.closing(open_executor(executor, work, most)) as running,
        ):
            while planned:
                before = len(batch.begun)
                for done in running.run(batch.tasks(claims, planned)):
                    submission = batch.begun[done.key]
                    report = batch.report(submission, done.answer)
                    attempt = store.record(
                        submission, report, started_at=done.started_at, once=not force, claims=claims
                    )
                    eta.done(submission.id)
                    graded.append(BatchResult(submission, attempt, done.seconds, eta.seconds))
                    on_done(graded[-1])
                if not store.shared:
                    break
                left = [submission for submission in pending() if submission.id not in batch.begun]
                planned = plan(left, store.durations(assignment.name), profile)
                if planned and len(batch.begun) == before:
                    on_wait(len(planned))
                    time.sleep(_LOOK_AGAIN_S)
    return graded


def _check_ids(assignment: Assignment, only: Collection[str]) -> list[str]:
    """The checks of the suite, in order.

    Raises:
        UsageError: one of ``only`` is none of them; the nearest is named.
    """
    ids = [check.id for check in read_suite(assignment.hidden_folder)]
    for name in only:
        if name not in ids:
            near = difflib.get_close_matches(name, ids, n=1)
            fix = f"did you mean {near[0]!r}?" if near else f"use one of: {', '.join(ids)}"
            raise UsageError(f"{assignment.name} has no check {name!r}", where="--only-check", fix=fix)
    return ids


def _kept(
    store: Store, constants: ClassConstants, profile: str, ids: Sequence[str], only: Collection[str]
) -> dict[int, Report]:
    """By submission, the last report from which all checks but ``only`` can be kept: one under the same constants."""
    if not only:
        return {}
    name = constants.assignment.name
    values = {submission.id: constants.values(submission) for submission in store.submissions(name)}
    return {
        attempt.submission_id: attempt.report
        for attempt in store.attempts(name)
        if attempt.profile == profile
        and attempt.report.constants == values[attempt.submission_id]
        and can_keep(attempt.report, ids, only)
    }


@dataclass(slots=True)
class _Batch:
    """What is being graded: the submissions of tasks by their keys, and what is kept of earlier reports on them."""

    store: Store
    slots: int
    ids: list[str]
    only: frozenset[str]
    kept: dict[int, Report]
    constants: ClassConstants
    begun: dict[int, Submission] = field(default_factory=dict)

    def tasks(self, claims: Claims, planned: Sequence[Planned]) -> Iterator[GradeTask]:
        """The tasks for what can be claimed of ``planned``; each is in ``begun`` when its turn comes.

        As many are claimed at a time as there are slots. The files of each are read when its turn comes, not before.
        """
        plans = {one.submission.id: one for one in planned}
        wanted = list(plans)
        while taken := claims.take(wanted, self.slots):
            wanted = wanted[wanted.index(taken[-1]) + 1 :]  # those before it are another's
            for number in taken:
                submission = self.begun[number] = plans[number].submission
                before = self.kept.get(number)
                yield GradeTask(
                    number,
                    self.store.files(submission),
                    submission.problem,
                    seed=None if before is None else before.seed,
                    priority=plans[number].priority,
                    only=() if before is None else tuple(name for name in self.ids if name in self.only),
                    draws=self.constants.draws(self.constants.values(submission)),
                )

    def report(self, submission: Submission, answer: Report) -> Report:
        """The report to record: what came back, with what is kept of an earlier one."""
        before = self.kept.get(submission.id)
        report = answer if before is None else merged(before, answer, self.ids, self.only)
        return self.constants.flagged(submission.owner, report)


def _carry_over(
    constants: ClassConstants, store: Store, described: Described, version: str, pending: Sequence[Submission]
) -> Iterator[BatchResult]:
    """Record the reports that need no run: by versions that differ in hints, comments or thresholds alone.

    One under other constants than the submission's of today is of another run.
    """
    reports = carried(store, constants.assignment.name, version, described)
    for submission in pending:
        found = reports.get(submission.id)
        if found is not None and found.report.constants == constants.values(submission):
            attempt = store.record(submission, constants.flagged(submission.owner, found.report), once=True)
            yield BatchResult(submission, attempt, 0.0, reused=found.version)


def _slots(executor: str, wanted: int | None, tasks: int) -> int:
    """How many slots to use: as many as were asked for or as the executor has, and no more than there are tasks."""
    default = getattr(EXECUTORS.load(executor, where="--executor"), "default_slots", default_slots)
    return min(wanted or default() or _UNKNOWN_SLOTS, tasks)


def grade_upload(
    course: Course,
    assignment: Assignment,
    upload: Upload,
    *,
    profile: str = "cpu",
    state: Path | None = None,
    executor: str = "local",
    owner: str = "",
) -> Report:
    """Grade one upload without the store, under the constants of ``owner``; of nobody, under the defaults.

    Raises:
        AutogradeError: grading cannot begin.
    """
    owners = [owner] if owner else ()
    return grade_uploads(course, assignment, [upload], owners, profile=profile, state=state, executor=executor)[0]


def grade_uploads(
    course: Course,
    assignment: Assignment,
    uploads: Sequence[Upload],
    owners: Sequence[str] = (),
    *,
    profile: str = "cpu",
    state: Path | None = None,
    slots: int | None = None,
    executor: str = "local",
) -> list[Report]:
    """Grade several uploads without the store; the reports come in the order of the uploads.

    ``owners``: the student or team of each, whose constants count; without them, the defaults do.
    """
    if not uploads:
        return []
    work = Work(course, assignment, assignment.profile(profile), state or course.state)
    read_suite(assignment.hidden_folder)  # its mistakes are named before anything is started
    course_secret(work.state)
    constants = ClassConstants.read(course, assignment, work.state)
    draws = [constants.draws(constants.of(owner)) for owner in owners] or [constants.nobodys()] * len(uploads)
    tasks = (
        GradeTask(index, upload.files, upload.problem, draws=own)
        for index, (upload, own) in enumerate(zip(uploads, draws, strict=True))
    )
    most = _slots(executor, slots, len(uploads))
    with contextlib.closing(open_executor(executor, work, most)) as running:
        reports: dict[int, Report] = {done.key: done.answer for done in running.run(tasks)}
    if len(reports) != len(uploads):
        raise AutogradeError("not every upload came back from grading")
    return [
        constants.flagged(owners[index], reports[index]) if owners else reports[index] for index in range(len(uploads))
    ]
