"""What an instructor should look at, and the rule by which it is named. A flag is a reason to look, not a finding."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from grader.statistics.class_statistics import CheckStatistics, Flag

#: Students below whom no flag is raised that rests on a share or a correlation.
FEWEST = 10
EASY, HARD = 0.97, 0.30
#: A correlation whose interval ends below this is weak.
WEAK = 0.20
#: A share of points between which an unrelated check may be ambiguous: outside of it too few differ.
BETWEEN = (0.15, 0.90)
MANY_ATTEMPTS = 4
#: Submissions on end with the same message, and the share of those who ever failed, that say that it does not help.
STUCK, STUCK_SHARE = 3, 0.20


def flags_of(check: CheckStatistics) -> tuple[Flag, ...]:
    """The flags of a check."""
    found = [(rank, flag) for rank, rule in enumerate(_RULES) if (flag := rule(check)) is not None]
    return tuple(replace(flag, rank=rank) for rank, flag in found)


def _easy(check: CheckStatistics) -> Flag | None:
    if check.students < FEWEST or check.difficulty <= EASY:
        return None
    return Flag(
        "too easy",
        f"on average {check.difficulty:.0%} of the points are earned: it hardly distinguishes anybody",
        f"mean share of points above {EASY:.0%}, of at least {FEWEST} students",
    )


def _hard(check: CheckStatistics) -> Flag | None:
    if check.students < FEWEST or check.difficulty >= HARD:
        return None
    return Flag(
        "too hard",
        f"on average {check.difficulty:.0%} of the points are earned",
        f"mean share of points below {HARD:.0%}, of at least {FEWEST} students",
    )


def _negative(check: CheckStatistics) -> Flag | None:
    high = check.item_rest.high
    if check.students < FEWEST or high is None or high >= 0:
        return None
    return Flag(
        "negative",
        f"students who do well in the other checks do worse in this one (correlation {check.item_rest.value:.2f}): "
        "it may be wrong itself",
        f"item-rest correlation with a 95 % interval below 0, of at least {FEWEST} students",
    )


def _ambiguous(check: CheckStatistics) -> Flag | None:
    low, high = check.item_rest.low, check.item_rest.high
    if check.students < FEWEST or low is None or high is None:
        return None
    if not (low <= 0 and high < WEAK and BETWEEN[0] <= check.difficulty <= BETWEEN[1]):
        return None
    if high < 0:
        return None  # said already
    return Flag(
        "ambiguous",
        f"passing it is unrelated to the other checks (correlation {check.item_rest.value:.2f}): its task "
        "may be read in two ways, or its outcome may depend on chance",
        f"item-rest correlation whose 95 % interval has 0 in it and ends below {WEAK}, with a mean share of points between "
        f"{BETWEEN[0]:.0%} and {BETWEEN[1]:.0%}",
    )


def _unstable(check: CheckStatistics) -> Flag | None:
    if not check.unstable:
        return None
    return Flag(
        "unstable",
        f"{len(check.unstable)} submissions got different points when they were graded again",
        "the same submission, grader version and profile, but different points",
    )


def _many_attempts(check: CheckStatistics) -> Flag | None:
    typical = check.attempts_until_passed
    if check.students < FEWEST or typical is None or typical < MANY_ATTEMPTS:
        return None
    return Flag(
        "many attempts",
        f"those who passed it needed {typical:g} submissions (median)",
        f"median of at least {MANY_ATTEMPTS} submissions until full points",
    )


def _no_help(check: CheckStatistics) -> Flag | None:
    if check.failed_once < FEWEST or len(check.stuck) < STUCK_SHARE * check.failed_once:
        return None
    return Flag(
        "no help",
        f"{len(check.stuck)} of {check.failed_once} who failed it read the same message in {STUCK} submissions in a row",
        f"at least {STUCK_SHARE:.0%} of those who failed it, of at least {FEWEST}",
    )


_RULES: tuple[Callable[[CheckStatistics], Flag | None], ...] = (
    _negative,
    _unstable,
    _ambiguous,
    _hard,
    _easy,
    _many_attempts,
    _no_help,
)
