"""Chosen checks on one version of a solution, seed by seed, for ``autograde validate``. See measurement.py."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Iterator, Mapping, Sequence

import pytest

from grader.engine.hidden_suite import Suite, combined
from grader.engine.measurement import Attempted, Plan
from grader.engine.outcomes import CaseOutcome, blame_student
from grader.engine.own_constants import Draws
from grader.engine.plugin import case_id
from grader.engine.run import SubmissionRun
from grader.records import CheckResult, Verdict


def measure(suite: Suite, files: Mapping[str, bytes], plan: Plan) -> list[Attempted]:
    """Run the checks of ``plan`` on ``files``, once for each seed, in one worker.

    Raises:
        SystemFault: something of ours failed in each try.
    """
    draws = Draws(plan.constants) if plan.constants else None
    prepared = suite.session.prepare(files, plan.seeds[0], draws=draws, alive=suite.alive)
    attempt = suite.attempt(prepared, lambda run: _all_seeds(suite, run, plan))
    if attempt.run.fault is not None:
        raise attempt.run.fault
    return attempt.result


def _all_seeds(suite: Suite, run: SubmissionRun, plan: Plan) -> list[Attempted]:
    run.clock.patience = {case_id(item): plan.patience.get(item.originalname, math.inf) for item in suite.items}
    if plan.wall_s is not None:
        run.clock.limit_all(plan.wall_s)
    stages = [[item for item in suite.items if item.originalname in stage] for stage in plan.stages]
    with _diagnosis(wanted=not plan.brief):
        return [_one_seed(suite, run, plan, stages, seed) for seed in plan.seeds]


@contextlib.contextmanager
def _diagnosis(*, wanted: bool) -> Iterator[None]:
    if wanted:
        yield
        return
    from grader.checks.close import without_diagnosis  # with torch, which is loaded late

    with without_diagnosis():
        yield


def _one_seed(
    suite: Suite, run: SubmissionRun, plan: Plan, stages: Sequence[Sequence[pytest.Function]], seed: int
) -> Attempted:
    """Run stage after stage, as long as each check of a stage is passed."""
    begin = time.monotonic()
    run.again(seed)
    checks: list[CheckResult] = []
    seen: dict[str, list[str]] = {}
    metrics: dict[str, float] = {}
    for stage in stages:
        if plan.traced:
            outcomes = _traced(suite, run, stage, plan.traced, seen)
        else:
            ran = suite.run(stage, run, brief=plan.brief)
            outcomes = ran.outcomes
            metrics |= {name: found.value for name, found in ran.metrics.items() if found.value is not None}
        if plan.vouched:
            outcomes = {case: _vouched(outcome) for case, outcome in outcomes.items()}
        checks += combined(stage, outcomes)
        if any(check.verdict is not Verdict.ACCEPTED for check in checks):
            break
    return Attempted(seed=seed, checks=tuple(checks), seconds=time.monotonic() - begin, seen=seen, metrics=metrics)


def _traced(
    suite: Suite, run: SubmissionRun, stage: Sequence[pytest.Function], function: str, seen: dict[str, list[str]]
) -> dict[str, CaseOutcome]:
    """Run each case by itself, and ask ``function`` of the submission what ran; its answers go to ``seen``, by check."""
    outcomes: dict[str, CaseOutcome] = {}
    for item in stage:
        outcomes |= suite.run([item], run).outcomes
        marks = run.lookup(function, module=next(iter(suite.session.modules)))()
        seen[item.originalname] = sorted({*seen.get(item.originalname, ()), *map(str, marks)})
    return outcomes


def _vouched(outcome: CaseOutcome) -> CaseOutcome:
    """The solution passes at this seed: what a check stumbled over is the version's own value."""
    if outcome.verdict is Verdict.GRADER_ERROR and outcome.unexplained:
        return blame_student(outcome, outcome.message)
    return outcome
