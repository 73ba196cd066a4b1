"""Grades what waits, for as long as it runs: some lanes, each with one submission at a time, on warm executors.

It is a process of its own (``grading_process``), beside the service's or on another machine that shares the store; tests
run it in a thread. It takes nothing but the store's word for what is to be done, so that a kill at any moment loses at
most the seconds of what was being graded.
"""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from grader.course import Assignment, Course, course_secret, load_course
from grader.errors import AutogradeError, StoreAway, StoreError, UsageError
from grader.grading import ClassConstants, Decided, Executor, GradeTask, Watchable, Work, open_executor
from grader.server.executor_pool import Budget, ExecutorPool
from grader.server.queueing import in_order
from grader.server.secret_values import secret_value
from grader.server.service import current_versions
from grader.server.web_data import WebData
from grader.server.webhook import SECRET, Webhook
from grader.store.claims import Claims
from grader.store.waiting import Waiting

if TYPE_CHECKING:
    from grader.records import Report
    from grader.store import Attempt, Store, Submission

log = logging.getLogger("autograde.grading")
Publish = Callable[[int, dict[str, Any]], None]

#: How often to look for work that nobody announced, to say that we live, and to look at the course's files, in seconds.
_LOOK_S, _BEAT_S, _COURSE_S = 1.0, 3.0, 5.0
#: After grading could not begin at all, in seconds: at first, and at most.
_TROUBLE_S, _LONGEST_TROUBLE_S = 2.0, 60.0
#: For so long a result waits for a store that is away, in seconds; after that the work is done anew.
_KEPT_S = 120.0


class Dispatcher:
    """Grades for a course until it is stopped.

    Args:
        course: the course.
        store: where submissions are, and attempts go.
        lanes: how many submissions are graded at a time.
        warm: how many executors are kept, at least as many as there are lanes.
        profile: the budget of each assignment.
        executor: which executor, by name.
        open_one: makes an executor, in place of ``executor``: for tests.
        publish: learns what happens to each submission.

    """

    def __init__(
        self,
        course: Course,
        store: Store,
        *,
        lanes: int,
        warm: int | None = None,
        profile: Callable[[Assignment], str] = lambda _: "cpu",
        executor: str = "local",
        open_one: Callable[[Work], Executor] | None = None,
        publish: Publish = lambda *_: None,
    ) -> None:
        self._course, self._store, self._profile, self._publish = course, store, profile, publish
        self._lanes = lanes
        self._pool = ExecutorPool(
            open_one or (lambda work: open_executor(executor, work, 1)), max(warm or lanes + 2, lanes)
        )
        self._data = WebData(store)
        self.webhook = Webhook(lambda: self._course)
        self._stop, self._new = threading.Event(), threading.Condition()
        self._taking = threading.Lock()
        self._claims: dict[tuple[str, bool], Claims] = {}
        self._running: dict[int, str] = {}
        self._trouble: dict[str, tuple[str, float, int]] = {}
        self._versions: dict[str, str] = {}
        self._read_at = float("-inf")
        self._changed_at = 0.0
        self._started_at = datetime.now(UTC)
        self._holder = ""

    def run(self) -> None:
        """Grade until :meth:`stop`; what is under way then is finished.

        Raises:
            UsageError: there is a webhook, and no secret to sign with.
        StoreError: somebody else grades for this course already, and the store cannot be shared.
        """
        course_secret(self._store.state)
        if self._course.server.webhook is not None and not secret_value(SECRET):
            raise UsageError(
                "a webhook without a secret could be anybody's",
                where=SECRET,
                fix="set it, or take `server.webhook` out",
            )
        with contextlib.ExitStack() as stack:
            for name in self._course.assignments:
                stack.enter_context(self._store.grading_lock(name))
            self._refresh()
            lanes = [threading.Thread(target=self._lane, name=f"lane {number}") for number in range(self._lanes)]
            for thread in lanes:
                thread.start()
            try:
                self._look_after()
            finally:
                self.stop()
                for thread in lanes:
                    thread.join()
                self._pool.close()
                for claims in self._claims.values():
                    claims.close()
                with contextlib.suppress(StoreError):
                    self._data.gone(self._name())

    def stop(self) -> None:
        """Begin nothing more. From any thread."""
        self._stop.set()
        self.nudge()

    def nudge(self) -> None:
        """Look for work now."""
        with self._new:
            self._new.notify_all()

    def _look_after(self) -> None:
        """Say that we live, follow changes of the course, and keep warm what will be needed."""
        beat_at = float("-inf")
        while not self._stop.is_set():
            try:
                if time.monotonic() - self._read_at > _COURSE_S:
                    self._refresh()
                if time.monotonic() - beat_at > _BEAT_S:
                    beat_at = time.monotonic()
                    trouble = "; ".join(dict.fromkeys(text for text, *_ in self._trouble.values()))
                    self._data.beat(self._name(), self._lanes, self._started_at, tuple(self._running), trouble)
                self._warm_one()
            except AutogradeError as error:
                log.warning("the store cannot be reached: %s", error.what)
            self._stop.wait(_LOOK_S)

    def _refresh(self) -> None:
        """Read the course again where it changed, and close what is warm for an earlier version of it."""
        self._read_at = time.monotonic()
        try:
            changed_at = self._course.path.stat().st_mtime
            if changed_at != self._changed_at:
                if self._changed_at:
                    self._course = load_course(self._course.path)
                self._changed_at = changed_at
        except (AutogradeError, OSError) as error:
            log.warning("autograde.yml was not read again: %s", error)
        versions = current_versions(self._course, self._profile)
        if versions != self._versions:
            self._versions = versions
            self._trouble.clear()
            good = set(versions.values())
            self._pool.drop(lambda budget: budget.version in good)

    def _warm_one(self) -> None:
        """Start an executor for the assignment that is due next, while nothing waits and there is room."""
        now = datetime.now(UTC)
        if self._pool.full or self._running:
            return
        coming = sorted(
            (item for item in self._course.assignments.values() if item.due is not None and item.due >= now),
            key=lambda item: item.due or now,
        )
        for assignment in coming[:1]:
            budget = self._budget(assignment)
            if budget is not None and not self._pool.has(budget) and assignment.name not in self._trouble:
                try:
                    executor = self._pool.take(budget, self._work(assignment))
                except AutogradeError as error:
                    self._note_trouble(assignment.name, error)
                else:
                    self._pool.give_back(budget, executor)

    def _lane(self) -> None:
        while not self._stop.is_set():
            try:
                found = self._next()
            except AutogradeError as error:
                log.warning("the store cannot be reached: %s", error.what)
                found = None
                self._stop.wait(_LOOK_S)
            if found is None:
                with self._new:
                    if not self._stop.is_set():
                        self._new.wait(_LOOK_S)
                continue
            waiting, budget = found
            try:
                self._grade(waiting, budget)
            except StoreAway as error:
                log.warning("the store cannot be reached: %s", error.what)
                self._stop.wait(_LOOK_S)
            except AutogradeError as error:
                self._note_trouble(waiting.assignment, error)
            except Exception as error:
                log.exception("grading submission %d failed", waiting.submission_id)
                self._note_trouble(waiting.assignment, error)
            finally:
                self._running.pop(waiting.submission_id, None)
                self._publish(waiting.submission_id, {"kind": "done"})

    def _next(self) -> tuple[Waiting, Budget] | None:
        """Claim what is next; None where nothing can be."""
        with self._taking:
            if self._stop.is_set():
                return None
            withdrawn = self._store.withdrawn()
            for item in in_order(self._store.waiting(self._versions), datetime.now(UTC)):
                assignment = self._course.assignments.get(item.assignment)
                if item.submission_id in self._running or item.submission_id in withdrawn or assignment is None:
                    continue
                _, until, _ = self._trouble.get(item.assignment, ("", 0.0, 0))
                budget = self._budget(assignment)
                if budget is None or time.monotonic() < until:
                    continue
                if self._claims_for(budget.version, force=item.asked).take([item.submission_id]):
                    self._running[item.submission_id] = item.assignment
                    return item, budget
        return None

    def _grade(self, item: Waiting, budget: Budget) -> None:
        claims = self._claims_for(budget.version, force=item.asked)
        try:
            submission = self._store.submission(item.submission_id)
            assignment = self._course.assignment(item.assignment)
            self._publish(submission.id, {"kind": "running", "at": time.time()})
            executor = self._pool.take(budget, self._work(assignment))
            try:
                self._run(executor, submission, claims, once=not item.asked)
            except BaseException:
                self._pool.discard(executor)
                raise
            self._pool.give_back(budget, executor)
        except BaseException:
            claims.give_back(item.submission_id)
            raise
        self._trouble.pop(item.assignment, None)

    def _run(self, executor: Executor, submission: Submission, claims: Claims, *, once: bool) -> None:
        if isinstance(executor, Watchable):
            executor.watch(self._seen)
        assignment = self._course.assignment(submission.assignment)
        constants = ClassConstants.read(self._course, assignment, self._store.state)
        draws = constants.draws(constants.values(submission))
        task = GradeTask(submission.id, self._store.files(submission), submission.problem, draws=draws)
        for result in executor.run([task]):
            report = constants.flagged(submission.owner, result.answer)
            attempt = self._record(submission, report, result.started_at, claims, once=once)
            self.webhook.graded(submission, attempt)

    def _record(
        self, submission: Submission, report: Report, started_at: datetime, claims: Claims, *, once: bool
    ) -> Attempt:
        """Keep what was graded; where the store is away the report waits for it."""
        until, again = time.monotonic() + _KEPT_S, False
        while True:
            try:
                if again and not once:
                    # The answer to a commit may have been lost. With `once` the store finds out by itself.
                    known = self._store.attempts(submission=submission, grader_version=report.grader_version)
                    mine = [attempt for attempt in known if attempt.started_at == started_at]
                    if mine:
                        return mine[-1]
                return self._store.record(submission, report, started_at=started_at, once=once, claims=claims)
            except StoreAway:
                if self._stop.is_set() or time.monotonic() > until:
                    raise
                again = True
                self._stop.wait(_LOOK_S)

    def _seen(self, number: int, check: Decided) -> None:
        self._publish(
            number,
            {
                "kind": "check",
                "id": check.id,
                "title": check.title,
                "verdict": check.verdict,
                "score": check.score,
                "max_score": check.max_score,
            },
        )

    def _note_trouble(self, assignment: str, error: Exception) -> None:
        """Grading of an assignment could not begin: say why to staff, and try again after a while, ever longer."""
        _, _, times = self._trouble.get(assignment, ("", 0.0, 0))
        text = f"{assignment}: {str(error).strip()[:300]}"
        log.error("grading does not begin: %s", text)
        pause = min(_TROUBLE_S * (1 << min(times, 10)), _LONGEST_TROUBLE_S)
        self._trouble[assignment] = (text, time.monotonic() + pause, times + 1)

    def _budget(self, assignment: Assignment) -> Budget | None:
        version = self._versions.get(assignment.name)
        return Budget(assignment.name, self._profile(assignment), version) if version else None

    def _work(self, assignment: Assignment) -> Work:
        return Work(self._course, assignment, assignment.profile(self._profile(assignment)), self._store.state)

    def _claims_for(self, version: str, *, force: bool = False) -> Claims:
        """The claims for a version; with ``force``, those on what it has graded already."""
        if (version, force) not in self._claims:
            self._claims[version, force] = self._store.claims(version, force=force)
        return self._claims[version, force]

    def _name(self) -> str:
        if not self._holder:
            self._holder = self._store.claims("").holder
        return self._holder
