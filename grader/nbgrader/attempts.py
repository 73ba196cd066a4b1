"""The attempt that counts for a submission: the stored one where there is one, else a new one, graded in the sandbox."""

from __future__ import annotations

import atexit
import threading
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Self

from grader.course import Assignment, course_secret, grader_version
from grader.errors import RunnerError
from grader.grading.slot import Slot, Work
from grader.records import Verdict

if TYPE_CHECKING:
    from grader.nbgrader.layout import NbgraderLayout
    from grader.records import Report
    from grader.store import Attempt, Store, Submission

_TRIES = 3


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
    slots = _SLOTS.slot(Work(layout.course, assignment, profile, store.state))
    with store.grading_lock(assignment.name), slots:
        started = datetime.now(UTC)
        report = slots.grade(store.files(submission), submission.problem)
        return store.record(submission, report, started_at=started)


class _Warm:
    """A slot that stays warm between submissions, for nbgrader hands them over one by one."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._slot: Slot | None = None
        self._key: tuple[str, str, str] | None = None

    def slot(self, work: Work) -> _Warm:
        """Make this the slot for ``work``; another assignment's, or one of graders that have changed, is closed."""
        key = (str(work.course.path), work.assignment.name, grader_version(work.assignment, work.profile.name))
        if key != self._key:
            self.close()
            self._slot, self._key = Slot(work), key
        return self

    def __enter__(self) -> Self:
        self._lock.acquire()
        return self

    def __exit__(self, *_: object) -> None:
        self._lock.release()

    def grade(self, files: dict[str, bytes], problem: str | None) -> Report:
        """Grade one submission; a runner that dies is started again."""
        assert self._slot is not None
        for attempt in range(_TRIES):
            try:
                report = self._slot.grade(files, problem, None)
            except RunnerError:
                if attempt == _TRIES - 1:
                    raise
            else:
                if report.verdict is not Verdict.SYSTEM_ERROR or attempt == _TRIES - 1:
                    return report
        raise AssertionError("unreachable")  # pragma: no cover

    def close(self) -> None:
        """End the slot's processes."""
        if self._slot is not None:
            self._slot.close()
            self._slot = self._key = None


#: nbgrader makes a preprocessor for each notebook, so a slot that outlives them lives here.
_SLOTS = _Warm()
atexit.register(_SLOTS.close)
