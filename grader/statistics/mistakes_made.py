"""The course's wrong variants beside what students did: which of the mistakes that a check sees they make, and how often."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from grader.statistics.histories import GradedUpload, History
from grader.validation.variants import Variant


@dataclass(frozen=True, slots=True)
class MistakeMade:
    """A wrong variant, the checks that must see it, and the students who did the same in some submission.

    ``owners`` is None where that cannot be known: the variant has no ``names``, the message that tells it from others.
    """

    name: str
    why: str
    checks: tuple[str, ...]
    owners: tuple[str, ...] | None


def mistakes_made(variants: Sequence[Variant], histories: Sequence[History]) -> tuple[MistakeMade, ...]:
    """Each wrong variant with those who made the mistake: a message of a check that must see it matches its ``names``."""
    found = []
    for variant in variants:
        if variant.kind != "wrong":
            continue
        owners = None
        if variant.names is not None:
            pattern = re.compile(variant.names)
            owners = tuple(h.owner for h in histories if any(_made(variant, pattern, u) for u in h.uploads))
        found.append(MistakeMade(variant.name, variant.why, tuple(variant.expect), owners))
    return tuple(found)


def _made(variant: Variant, pattern: re.Pattern[str], upload: GradedUpload) -> bool:
    outcomes = [upload.checks[name] for name in variant.expect if name in upload.checks]
    return any(not outcome.full and pattern.search(outcome.message) for outcome in outcomes)
