"""Statistics of one assignment, made of everybody's history. Nothing here changes a score."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import replace

from grader.statistics.check_flags import STUCK, flags_of
from grader.statistics.class_statistics import CheckStatistics, ClassStatistics
from grader.statistics.diagnoses import diagnoses_of, longest_stay
from grader.statistics.histories import CheckOutcome, History
from grader.statistics.item_analysis import item_rest, thirds
from grader.statistics.mistakes_made import MistakeMade


def analyse(histories: Sequence[History], mistakes: Sequence[MistakeMade] = ()) -> ClassStatistics:
    """Statistics of a class; ``mistakes`` are the course's wrong variants with those who made them."""
    order: dict[str, CheckOutcome] = {}
    for history in histories:
        for upload in (history.counted, *history.uploads):
            for name, outcome in upload.checks.items():
                order.setdefault(name, outcome)
    checks = tuple(_check(outcome, histories, mistakes) for outcome in order.values())
    return ClassStatistics(
        checks=checks,
        histories=tuple(histories),
        max_score=max((history.counted.max_score for history in histories), default=0.0),
        scores=tuple(history.counted.score for history in histories),
        first_scores=tuple(history.uploads[0].score for history in histories),
        names={history.owner: history.name for history in histories},
    )


def _check(about: CheckOutcome, histories: Sequence[History], mistakes: Sequence[MistakeMade]) -> CheckStatistics:
    name = about.id
    having = [history for history in histories if name in history.counted.checks]
    counted = [history.counted.checks[name] for history in having]
    rest = [
        sum(item.score for item in history.counted.checks.values()) - one.score
        for history, one in zip(having, counted, strict=True)
    ]
    shares = [outcome.share for outcome in counted]
    tries = {history.owner: _until_passed(name, history) for history in histories}
    passed = [number for number in tries.values() if number]
    failed = [
        history for history in histories if any(name in u.checks and not u.checks[name].full for u in history.uploads)
    ]
    seconds = [u.checks[name].seconds for history in histories for u in history.uploads if name in u.checks]
    found = CheckStatistics(
        id=name,
        title=about.title,
        max_score=about.max_score,
        students=len(having),
        difficulty=statistics.fmean(shares) if shares else 0.0,
        first_pass=sum(number == 1 for number in passed) / len(tries) if tries else 0.0,
        attempts_until_passed=statistics.median(passed) if passed else None,
        never=sum(not number for number in tries.values()),
        item_rest=item_rest(shares, rest),
        thirds=thirds(shares, rest),
        diagnoses=diagnoses_of(name, histories),
        seconds=statistics.median(seconds) if seconds else 0.0,
        slowest=max(seconds, default=0.0),
        failed_once=len(failed),
        stuck=tuple(h.owner for h in failed if longest_stay(name, h.uploads) >= STUCK),
        unstable=tuple(h.owner for h in histories if any(name in u.unstable for u in h.uploads)),
        mistakes=tuple(item for item in mistakes if name in item.checks),
    )
    return replace(found, flags=flags_of(found))


def _until_passed(name: str, history: History) -> int:
    """The number of the first submission with all points of a check; 0 where there is none."""
    for number, upload in enumerate(history.uploads, start=1):
        if name in upload.checks and upload.checks[name].full:
            return number
    return 0
