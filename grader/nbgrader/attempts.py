"""The attempt that counts for a submission: the stored one where there is one, else a new one, graded in the sandbox."""

from __future__ import annotations

import atexit
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from grader.course import Assignment, course_secret, grader_version
from grader.grading import ClassConstants, GradeTask, SerialExecutor, Work
from grader.records import Verdict

if TYPE_CHECKING:
    from grader.nbgrader.layout import NbgraderLayout
    from grader.store import Attempt, Store, Submission


def attempt_for(layout: NbgraderLayout, store: Store, assignment: Assignment, submission: Submission) -> Attempt:
    """The attempt whose scores count for ``submission``, graded now where the current graders have none.

    Raises:
        AutogradeError: grading cannot begin, or the store failed.

    """
    found = stored_attempt(store, assignment, submission)
    return found if found is not None else _grade(layout, store, assignment, submission)


def stored_attempt(store: Store, assignment: Assignment, submission: Submission) -> Attempt | None:
    """The last attempt with a score by the graders as they are now; one held for a suite's fault where none has any."""
    versions = {grader_version(assignment, profile) for profile in assignment.profiles}
    mine = [attempt for attempt in store.attempts(submission=submission) if attempt.grader_version in versions]
    scored = [attempt for attempt in mine if not attempt.held and attempt.score is not None]
    if scored:
        return scored[-1]
    # Our own failures are tried again; a fault of the suite waits until the suite changes.
    return mine[-1] if mine and mine[-1].verdict is not Verdict.SYSTEM_ERROR else None


def _grade(layout: NbgraderLayout, store: Store, assignment: Assignment, submission: Submission) -> Attempt:
    profile = assignment.profile(layout.course.gradebook.profile)
    course_secret(store.state)
    constants = ClassConstants.read(layout.course, assignment, store.state)
    draws = constants.draws(constants.values(submission))
    task = GradeTask(submission.id, store.files(submission), submission.problem, draws=draws)
    with (
        store.grading_lock(assignment.name),
        store.claims(grader_version(assignment, profile.name)) as claims,
        _WARM.executor(Work(layout.course, assignment, profile, store.state)) as one,
    ):
        # Whoever grades it as well, on another machine, is not waited for: the first report that counts stays.
        claims.take([submission.id])
        (done,) = one.run([task])
        report = constants.flagged(submission.owner, done.answer)
        return store.record(submission, report, started_at=done.started_at, once=True, claims=claims)


class _Warm:
    """The executor that stays warm between submissions, for nbgrader hands them over one by one."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._executor: SerialExecutor | None = None
        self._key: tuple[str, ...] = ()

    @contextmanager
    def executor(self, work: Work) -> Iterator[SerialExecutor]:
        """The executor for ``work``, for one caller at a time.

        One for another assignment, or for graders that have changed since, is closed; so is one whose run failed.
        """
        key = (*work.config().values(), grader_version(work.assignment, work.profile.name))
        with self._lock:
            if key != self._key:
                self.close()
            if self._executor is None:
                self._executor, self._key = SerialExecutor(work), key
            try:
                yield self._executor
            except BaseException:
                self.close()
                raise

    def close(self) -> None:
        """End its processes."""
        if self._executor is not None:
            self._executor.close()
        self._executor, self._key = None, ()


#: nbgrader makes a preprocessor for each notebook, so an executor that outlives them lives here.
_WARM = _Warm()
atexit.register(_WARM.close)
