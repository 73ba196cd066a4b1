"""How many attempts somebody has left: a token bucket.

The bucket starts full. An attempt takes a token; a token comes back every ``refill_hours``, up to ``capacity``. ``total``
limits all attempts together. Source: the token bucket of traffic shaping (J. Turner, New directions in communications,
IEEE Communications Magazine 24(10), 1986).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from grader.course import AttemptLimit

_TICK = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class AttemptsLeft:
    """``left`` attempts may be handed in now, None where there is no limit.

    ``next_at`` is when one more comes (aware, UTC); None where none will, or none is missing. ``used`` counts those that
    were handed in and cost one.
    """

    left: int | None
    next_at: datetime | None
    used: int

    def __bool__(self) -> bool:
        """True where something may be handed in."""
        return self.left is None or self.left > 0


def attempts_left(limit: AttemptLimit, spent: Sequence[datetime], now: datetime, *, extra: int = 0) -> AttemptsLeft:
    """What is left at ``now`` after the attempts received at the moments ``spent`` (aware, any order).

    ``extra`` attempts were granted by staff, beyond both limits; they are used where the bucket is empty. An attempt
    that came in although none was left, by ``autograde collect`` say, takes what there is and leaves no debt. Whoever
    should have an attempt back is left out of ``spent``.
    """
    used, total = len(spent), None if limit.total is None else limit.total + extra
    remaining = None if total is None else max(total - used, 0)
    if limit.capacity is None:
        return AttemptsLeft(remaining, None, used)
    # In whole microseconds, so that a token comes exactly when it is due. In UTC: Python subtracts wall-clock times
    # where both share a zone, an hour wrong across a change of clocks.
    unit = max(timedelta(hours=limit.refill_hours) // _TICK, 1) if limit.refill_hours is not None else 1
    full = credit = limit.capacity * unit
    at: datetime | None = None
    for moment in sorted(moment.astimezone(UTC) for moment in spent):
        credit = _refilled(credit, full, at, moment, limit)
        at = moment
        if credit >= unit:
            credit -= unit
        elif extra:
            extra -= 1
    now = now.astimezone(UTC)
    credit = _refilled(credit, full, at, now, limit)
    left = credit // unit + extra
    if remaining is not None and remaining <= left:
        return AttemptsLeft(remaining, None, used)
    comes = limit.refill_hours is not None and credit < full
    # A clock that runs behind what was received: the token is counted from then.
    begin = now if at is None else max(now, at)
    return AttemptsLeft(left, begin + (unit - credit % unit) * _TICK if comes else None, used)


def _refilled(credit: int, full: int, since: datetime | None, now: datetime, limit: AttemptLimit) -> int:
    if since is None or limit.refill_hours is None:
        return credit
    return min(full, credit + max((now - since) // _TICK, 0))
