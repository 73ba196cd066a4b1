"""A hidden suite, collected once, that runs on one submission after another."""

from __future__ import annotations

import contextlib
import functools
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Generic, NamedTuple, TypeVar

import pytest

from grader.engine.clock import PATIENT_FACTOR
from grader.engine.outcomes import NOT_RUN, CaseOutcome, CheckSpec, combine, spec_of
from grader.engine.plugin import GradingState, case_id
from grader.engine.run import MAX_HANGS, SubmissionRun, open_run
from grader.engine.session import Prepared
from grader.errors import AutogradeError
from grader.records import CheckResult, Metric, Verdict
from grader.retry import RETRIES
from grader.sandbox.trusted.worker import WAITED, WorkerKilled

T = TypeVar("T")


class Ran(NamedTuple):
    """What cases came to, and the metrics that they recorded."""

    outcomes: dict[str, CaseOutcome]
    metrics: dict[str, Metric]


@dataclass(frozen=True, slots=True)
class Attempt(Generic[T]):
    """The last try at a submission. Where ``run.fault`` is set, ``result`` does not count."""

    run: SubmissionRun
    result: T
    #: Wall seconds that went by in tries that do not count.
    lost: float


class Suite:
    """The items of a pytest session, and the state that their fixtures read."""

    def __init__(
        self,
        pytest_session: pytest.Session,
        state: GradingState,
        alive: Callable[[], None],
        decided: Callable[[CheckResult], None] = lambda _: None,
    ) -> None:
        """``alive`` is called before each case: whoever waits can tell a slow suite from one that hangs.

        ``decided`` is called with each check as its last case is over. What it came to may be looked at once more: the
        report has the last word.
        """
        self.items = [item for item in pytest_session.items if isinstance(item, pytest.Function)]
        self.session = state.session
        self._pytest_session = pytest_session
        self._state = state
        self.alive, self.decided = alive, decided

    @functools.cached_property
    def specs(self) -> list[CheckSpec]:
        """The checks in the order of the suite; cases of one check together."""
        return _specs(self.items)

    def attempt(self, prepared: Prepared, work: Callable[[SubmissionRun], T]) -> Attempt[T]:
        """Do ``work`` on a submission until nothing of ours fails meanwhile; after the last try, ``run.fault`` says.

        Each try is the whole submission in a fresh worker with the same seed: what the lost worker held, checks that
        passed may have made. docs/decisions/0004-killed-workers.md has what a student could gain by it.
        """
        lost, begin = 0.0, time.monotonic()
        for left in reversed(range(RETRIES.in_runner)):
            run = open_run(self.session, prepared, blames_kills=not left)
            with contextlib.closing(run):
                result = work(run)
            if run.fault is None:
                break
            lost = time.monotonic() - begin
            if not isinstance(run.fault, WorkerKilled):
                self.session.close()  # the next one starts with a new zygote
        return Attempt(run, result, lost)

    def run(self, items: Sequence[pytest.Function], run: SubmissionRun, *, brief: bool = False) -> Ran:
        """Run ``items`` and leave the worker as it is; ``brief`` as in :class:`~grader.engine.measurement.Plan`.

        Cases that ran out of wall time alone are tried again afterwards, before it costs anything; not in ``brief``,
        where only mistakes are looked for.
        """
        ran = self._pass(items, run, brief=brief)
        if not brief and run.fault is None:
            self._settle_waits(items, run, ran)
        return ran

    def _settle_waits(self, items: Sequence[pytest.Function], run: SubmissionRun, ran: Ran) -> None:
        """Try each case that ran out of wall time alone once more, in a worker of its own and with more of it.

        Nothing else of the submission computes meanwhile. Where an import runs out of time again, or a function in two
        cases, it does so by itself: further cases that ended there keep their outcome. All of this may take as much
        wall time as all checks together had.
        """
        again_in: dict[str, list[CaseOutcome]] = {}  # by the function or file that ran out of time again
        files = frozenset(self.session.modules.values())
        wall_s = run.clock.wall_s
        for item in items:
            outcome = ran.outcomes.get(case_id(item))
            if outcome is None or not outcome.waited or wall_s <= 0:
                continue
            others = again_in.get(outcome.label, [])
            if len(others) >= (1 if outcome.label in files else MAX_HANGS):
                if not any(other.waited for other in others):
                    message = outcome.message.replace(f" {WAITED}", "")
                    ran.outcomes[case_id(item)] = replace(outcome, message=message)
                continue
            lone = open_run(self.session, replace(run.prepared, seed=run.seed), wall_factor=PATIENT_FACTOR)
            lone.clock.patience, lone.clock.wall_s = run.clock.patience, wall_s
            with contextlib.closing(lone):
                again = self._pass([item], lone)
            if lone.fault is not None:
                run.give_up(lone.fault)
                return
            wall_s -= lone.clock.waited
            found = ran.outcomes[case_id(item)] = again.outcomes.get(case_id(item), outcome)
            ran.metrics.update(again.metrics)
            if found.label and found.verdict is Verdict.TIME_LIMIT:
                again_in.setdefault(found.label, []).append(found)

    def _pass(self, items: Sequence[pytest.Function], run: SubmissionRun, *, brief: bool = False) -> Ran:
        self._state.begin(run, brief=brief)
        failed: set[str] = set()
        for index, item in enumerate(items):
            if item.originalname in failed:
                continue
            self.alive()
            # Where the check's other cases may be left out, the next item for certain is the next check's first.
            later = (other for other in items[index + 1 :] if not brief or other.originalname != item.originalname)
            following = next(later, None)
            # nextitem=None on the last item tears down what the suite keeps for a session.
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
            if stopped := self._pytest_session.shouldfail or self._pytest_session.shouldstop:
                raise AutogradeError(f"the suite stopped pytest: {stopped}")
            outcome = self._state.outcomes.get(case_id(item))
            if not brief and (following is None or following.originalname != item.originalname):
                self._announce(item)
            if brief and outcome is not None and outcome.verdict is not Verdict.ACCEPTED:
                failed.add(item.originalname)
        return Ran(dict(self._state.outcomes), dict(self._state.metrics))

    def _announce(self, item: pytest.Function) -> None:
        """Say what the check of ``item`` has come to; nothing where one of its cases has not run."""
        cases = [
            self._state.outcomes.get(case_id(other)) for other in self.items if other.originalname == item.originalname
        ]
        known = [case for case in cases if case is not None]
        if len(known) == len(cases):
            self.decided(combine(spec_of(item), known))


def combined(items: Sequence[pytest.Function], outcomes: Mapping[str, CaseOutcome]) -> tuple[CheckResult, ...]:
    """The checks of ``items``, from what their cases came to."""
    cases: dict[str, list[CaseOutcome]] = {}
    for item in items:
        cases.setdefault(item.originalname, []).append(outcomes.get(case_id(item), NOT_RUN))
    return tuple(combine(spec, cases[spec.id]) for spec in _specs(items))


def _specs(items: Sequence[pytest.Function]) -> list[CheckSpec]:
    return list({item.originalname: spec_of(item) for item in items}.values())
