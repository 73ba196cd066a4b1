"""An executor that grades by a rule of the test's own, so that no runner is started."""

from __future__ import annotations

import threading
from datetime import UTC, datetime

from grader.course import grader_version
from grader.grading import Decided, Result
from tests.framework.server.conftest import report_of


class StubExecutor:
    """One slot. ``rule`` makes the answer of a task's files; ``opened`` lists every executor that was opened."""

    opened: list[StubExecutor]

    def __init__(self, work, rule, opened):
        self.work, self._rule, self.closed, self.ran = work, rule, False, []
        self._seen = lambda *_: None
        opened.append(self)

    def watch(self, seen):
        """As the protocol says."""
        self._seen = seen

    def run(self, tasks):
        """As the protocol says."""
        for task in tasks:
            self.ran.append(task.key)
            begin = datetime.now(UTC)
            how = self._rule(task) or {}
            submission = _Of(self.work.assignment.name)
            report = report_of(
                submission, task.files, grader_version(self.work.assignment, self.work.profile.name), **how
            )
            for check in report.checks:
                self._seen(task.key, Decided(check.id, check.title, check.verdict.value, check.score, check.max_score))
            yield Result(task.key, report, begin, 0.01, 1)

    def close(self):
        """As the protocol says."""
        self.closed = True


class _Of:
    def __init__(self, assignment):
        self.assignment = assignment


class Running:
    """A dispatcher in a thread, over stub executors."""

    def __init__(self, service, rule=lambda _: None, *, lanes=1, warm=None):
        from grader.server.dispatcher import Dispatcher

        self.opened, self.order, self.events = [], [], []

        def ruled(task):
            self.order.append(task.key)
            return rule(task)

        def publish(number, event):
            self.events.append((number, event["kind"]))
            service.hub.publish(number, dict(event))

        self.dispatcher = Dispatcher(
            service.course,
            service.store,
            lanes=lanes,
            warm=warm,
            open_one=lambda work: StubExecutor(work, ruled, self.opened),
            publish=publish,
        )
        self._thread = threading.Thread(target=self.dispatcher.run)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self.dispatcher.stop()
        self._thread.join(30)
        assert not self._thread.is_alive()
