"""The constants of a class: what each submission is graded under, and whose constants an answer agrees with.

A task carries values without a name; whose they are is known here, where the roster and the store are.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from grader.course import Assignment, Course, course_secret
from grader.course.drawn_constants import constants_of, defaults_of
from grader.engine.own_constants import Draws
from grader.records import Agreement, Constants, Report
from grader.text import counted

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from grader.store import Store, Submission

#: How the flags begin that are made here.
_PREFIX = "constants: "
#: Others that a flag names, and different draws of a class that a task carries.
_NAMED, _MOST = 5, 5000


@dataclass(frozen=True)
class ClassConstants:
    """The constants of everybody who may hand in an assignment."""

    course: Course
    assignment: Assignment
    secret: bytes

    @classmethod
    def read(cls, course: Course, assignment: Assignment, state: Path) -> ClassConstants:
        """Those under the secret of ``state``, which is read only where the assignment has constants.

        Raises:
            StoreError: the secret cannot be read.
        """
        return cls(course, assignment, course_secret(state) if assignment.constants else b"")

    def values(self, submission: Submission) -> Constants:
        """What a submission is graded under: the constants of who handed it in, though they left or changed their team."""
        return self.of(submission.owner, submission.received_at)

    def of(self, owner: str, received_at: datetime | None = None) -> Constants:
        """The constants of a student or team; the defaults for what was received before there were any."""
        return constants_of(self.assignment, self.secret, owner, received_at)

    def graded_otherwise(self, store: Store) -> list[Submission]:
        """What was last graded under other constants than it would be now: the course changed since."""
        if not self.assignment.constants:
            return []
        last = {attempt.submission_id: attempt.report.constants for attempt in store.attempts(self.assignment.name)}
        found = store.submissions(self.assignment.name)
        return [one for one in found if one.id in last and last[one.id] != self.values(one)]

    @cached_property
    def by_owner(self) -> Mapping[str, Constants]:
        """By who may hand in: teams, and the students who hand in alone."""
        roster, name = self.course.roster, self.assignment.name
        alone = [student.id for student in roster.students if roster.owner_of(student.id, name) == student.id]
        teams = [team.id for team in roster.teams if team.hands_in(name)]
        return {owner: self.of(owner) for owner in (*alone, *teams)} if self.assignment.constants else {}

    @cached_property
    def _different(self) -> Sequence[Constants]:
        # In an order that says nothing of whose they are.
        return [json.loads(text) for text in sorted({json.dumps(values) for values in self.by_owner.values()})][:_MOST]

    def draws(self, values: Constants) -> Draws | None:
        """What a task takes along for a submission under ``values``; None where the assignment has no constants."""
        return Draws(values, self._different) if self.assignment.constants else None

    def nobodys(self) -> Draws | None:
        """The same for an upload that belongs to nobody."""
        return self.draws(defaults_of(self.assignment))

    def flagged(self, owner: str, report: Report) -> Report:
        """The report with a flag for staff where answers agree with the constants of others than ``owner``."""
        flags = [flag for flag in report.flags if not flag.startswith(_PREFIX)]
        found = list(self._flags(owner, report.agreements))
        return (
            report
            if not found and len(flags) == len(report.flags)
            else report.model_copy(update={"flags": (*flags, *found)})
        )

    def _flags(self, owner: str, agreements: Sequence[Agreement]) -> list[str]:
        if not agreements:
            return []
        others = {other: values for other, values in self.by_owner.items() if other != owner}
        groups = [agreements]
        who = _agreeing(others, agreements)
        if not who:  # no one person has all of them
            groups = [[agreement] for agreement in agreements]
        flags = []
        for group in groups:
            if who := _agreeing(others, group):
                checks = ", ".join(dict.fromkeys(agreement.check for agreement in group))
                shown = {name: who[0][1][name] for agreement in group for name in agreement.values[0]}
                values = ", ".join(f"{name} = {value!r}" for name, value in shown.items())
                names = ", ".join(other for other, _ in who[:_NAMED])
                more = f" and {len(who) - _NAMED} more" if len(who) > _NAMED else ""
                flags.append(
                    f"{_PREFIX}{checks}: the answer is not right for this submission's own constants, and agrees with "
                    f"{values}, which {counted(len(who), 'other')} of {len(others)} "
                    f"{'has' if len(who) == 1 else 'have'}: {names}{more}"
                )
        return flags


def _agreeing(others: Mapping[str, Constants], agreements: Sequence[Agreement]) -> list[tuple[str, Constants]]:
    """Who has constants with which every one of ``agreements`` agrees."""
    return [
        (owner, values)
        for owner, values in others.items()
        if all(any(draw.items() <= values.items() for draw in agreement.values) for agreement in agreements)
    ]
