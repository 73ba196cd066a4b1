"""What each version must get, and what is told where it does not."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from grader.engine.measurement import Attempted
from grader.records import CheckResult, Verdict
from grader.validation.result import Flake
from grader.validation.variants import STUB_CEILING, Variant


def full_marks(name: str, attempts: Sequence[Attempted]) -> tuple[tuple[str, ...], tuple[Flake, ...]]:
    """Problems and flakes of a version that must get full marks: a check that it fails at every seed is a problem."""
    failed = [
        (attempt.seed, check)
        for attempt in attempts
        for check in attempt.checks
        if check.verdict is not Verdict.ACCEPTED
    ]
    problems, flakes = [], []
    for check in {check.id: check for _, check in reversed(failed)}.values():
        seeds = [seed for seed, found in failed if found.id == check.id]
        if len(seeds) == len(attempts):
            told = (check.message or check.staff)[:300]
            problems.append(f"{check.id}: {check.verdict.value}, {check.score} of {check.max_score} ({told})")
        else:
            flakes += [
                Flake(name, found.id, seed, found.verdict, (found.message or found.staff)[:300])
                for seed, found in failed
                if found.id == check.id
            ]
    return tuple(problems), tuple(flakes)


def stub_problems(checks: Sequence[CheckResult]) -> tuple[str, ...]:
    """What is wrong with what the stub got."""
    problems = [f"{check.id}: {check.verdict.value} ({check.staff[-300:]})" for check in checks if check.verdict.held]
    score = math.fsum(check.score or 0.0 for check in checks)
    most = math.fsum(check.max_score for check in checks)
    if score > STUB_CEILING * most:
        paid = ", ".join(check.id for check in checks if check.score)
        problems.append(f"the stub scores {score:g} of {most:g}, on {paid}")
    return tuple(problems)


def wrong_problems(
    variant: Variant, ran: Sequence[CheckResult], solution: Mapping[str, CheckResult]
) -> tuple[str, ...]:
    """What is wrong with what a wrong variant got. A check that did not run on it came to what the solution got."""
    problems = []
    checks = {**solution, **{check.id: check for check in ran}}
    if not variant.expect and all(check.verdict is Verdict.ACCEPTED for check in checks.values()):
        problems.append("it keeps full marks: no check sees it")
    for name, verdict in variant.expect.items():
        if name not in checks:
            problems.append(f"there is no check {name}")
        elif checks[name].verdict is not verdict:
            problems.append(f"{name}: {checks[name].verdict.value}, not {verdict.value}")
    problems += [
        f"{check.id}: {check.verdict.value}, though the variant does not name it ({(check.message or check.staff)[:200]})"
        for check in checks.values()
        if check.id not in variant.expect and check.verdict is not Verdict.ACCEPTED
    ]
    return tuple(problems)


def score(ran: Sequence[CheckResult], solution: Mapping[str, CheckResult]) -> float | None:
    """Points of a version; None where a check is held."""
    checks = {**solution, **{check.id: check for check in ran}}
    if any(check.verdict.held for check in checks.values()):
        return None
    return round(math.fsum(check.score or 0.0 for check in checks.values()), 6)
