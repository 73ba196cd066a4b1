"""Whether somebody may hand in now, how many attempts they have left, and when the next one comes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from grader.course import Assignment
    from grader.server.directory import Person
    from grader.server.service import Service


@dataclass(frozen=True, slots=True)
class Allowance:
    """``left`` is None where there is no limit; ``next_at`` is when the next attempt comes, where none is left."""

    allowed: bool
    left: int | None = None
    next_at: datetime | None = None
    why: str = ""


def allowance(service: Service, person: Person, assignment: Assignment) -> Allowance:
    """What `person` may hand in for `assignment` now."""
    if person.staff:
        return Allowance(False, why="Staff hand nothing in.")
    due, now = service.due(person, assignment), service.now()
    left = service.ledger.attempts_left(assignment.name, person.id, now)
    most = assignment.late_policy.max_days
    why = ""
    if not left:
        why = "No attempt is left." if left.next_at is None else "No attempt is left now; the next one comes by itself."
    elif due is not None and most is not None:
        ends = due + timedelta(days=most + assignment.slip_days, minutes=assignment.late_policy.grace_minutes)
        if now > ends:
            # Taken all the same: staff may extend, and the receipt is the proof of what there was.
            why = "This is too late to count, unless staff give you more time. It is kept anyway."
    return Allowance(bool(left), left.left, left.next_at, why)
