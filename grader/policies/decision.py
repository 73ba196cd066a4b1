"""What people decided about one student or team in one assignment. A decision is never changed: the latest counts."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from grader.course import Assignment


class DecisionKind(StrEnum):
    """What was decided."""

    EXTENSION = "extension"
    OVERRIDE = "override"
    CHOICE = "choice"
    SLIP_DAYS = "slip_days"
    EXTRA_ATTEMPTS = "extra_attempts"
    REGRADE = "regrade"
    LINE_COMMENT = "line_comment"
    FEEDBACK = "feedback"
    GRADES = "grades"


@dataclass(frozen=True, slots=True)
class Decision:
    """One decision, with who made it, when (aware, UTC) and why.

    An extension has ``due`` (aware, UTC). An override has ``number``, the points that count, or is ``excused``: the
    assignment does not count in the course's grade. A choice has ``submission_id``. Slip days and extra attempts have a
    ``number``. One that has none of these takes the earlier ones back.

    A regrade has the ``submission_id`` that is to be graded again, and as its ``number`` that of the last attempt that
    there was then: it is done by any later one. A line comment has that of the submission that it is
    about, its ``file``, the line as ``number``, and its text as ``comment``; without a line it takes that line's
    comments back. Whether students see feedback and grades of an assignment is decided for everybody, whose ``owner`` is
    empty: ``number`` is 1 or 0.
    """

    kind: DecisionKind
    assignment: str
    owner: str
    author: str
    made_at: datetime
    comment: str = ""
    due: datetime | None = None
    number: float | None = None
    submission_id: int | None = None
    excused: bool = False
    file: str = ""
    id: int = 0

    @property
    def withdrawn(self) -> bool:
        """True where it takes back what was decided before."""
        return self.due is None and self.number is None and self.submission_id is None and not self.excused


class Decisions:
    """Decisions in the order in which they were made."""

    def __init__(self, made: Iterable[Decision] = ()) -> None:
        self._made: dict[tuple[DecisionKind, str, str], list[Decision]] = {}
        for decision in made:
            self._made.setdefault((decision.kind, decision.assignment, decision.owner), []).append(decision)

    def __bool__(self) -> bool:
        return bool(self._made)

    def history(self, kind: DecisionKind, assignment: str, owner: str) -> tuple[Decision, ...]:
        """All of a kind, the first made first; what was taken back is among them."""
        return tuple(self._made.get((kind, assignment, owner), ()))

    def latest(self, kind: DecisionKind, assignment: str, *owners: str) -> Decision | None:
        """The one that counts: the last made, unless it was taken back; that of the first of ``owners`` who has one."""
        for owner in owners:
            made = self._made.get((kind, assignment, owner))
            if made and not made[-1].withdrawn:
                return made[-1]
        return None

    def shown(self, what: DecisionKind, assignment: str) -> bool:
        """Whether students see the feedback or the grades of an assignment; they do unless somebody decided otherwise."""
        made = self._made.get((what, assignment, ""))
        return not made or bool(made[-1].number)

    def about(self, kind: DecisionKind, submission_id: int) -> tuple[Decision, ...]:
        """Those of a kind about one submission, the first made first."""
        every = (item for (its_kind, *_), made in self._made.items() if its_kind is kind for item in made)
        return tuple(sorted((item for item in every if item.submission_id == submission_id), key=lambda item: item.id))

    def applied(self, assignment: Assignment) -> Assignment:
        """The assignment with the due dates that were granted, in place of those that autograde.yml has for the same owner.

        An extension ends nothing early: where everybody's due date is later by now, that one counts.
        """
        granted = {
            owner: made[-1].due
            for (kind, name, owner), made in self._made.items()
            if kind is DecisionKind.EXTENSION and name == assignment.name and made[-1].due is not None
        }
        if not granted or assignment.due is None:
            return assignment
        # In UTC: Python compares wall-clock times where both share a zone.
        due = assignment.due.astimezone(UTC)
        later = {owner: max(due, moment.astimezone(UTC)) for owner, moment in granted.items() if moment}
        return replace(assignment, extensions={**assignment.extensions, **later})
