"""Who hands in: students and teams, and how an upload's name leads to one of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from grader.course.models import Student, Team

if TYPE_CHECKING:
    from collections.abc import Iterator

Owner = Student | Team


@dataclass(frozen=True)
class Roster:
    """The students and teams of a course, in the file's order."""

    students: tuple[Student, ...] = ()
    teams: tuple[Team, ...] = field(default=())

    def __iter__(self) -> Iterator[Owner]:
        yield from self.students
        yield from self.teams

    @cached_property
    def _by_text(self) -> dict[str, Owner]:
        found: dict[str, Owner] = {}
        # Ids win over e-mails, those over handles; the loader refuses rosters where any two of them clash.
        for owner in self:
            found.setdefault(owner.id.casefold(), owner)
        for owner in self:
            if isinstance(owner, Student) and owner.email:
                found.setdefault(owner.email.casefold(), owner)
        for owner in self:
            if owner.handle:
                found.setdefault(owner.handle.casefold(), owner)
        return found

    @cached_property
    def _by_id(self) -> dict[str, Owner]:
        found: dict[str, Owner] = {}
        for owner in self:
            found.setdefault(owner.id, owner)
        return found

    @cached_property
    def _teams_of(self) -> dict[str, list[Team]]:
        found: dict[str, list[Team]] = {}
        for team in self.teams:
            for member in dict.fromkeys(team.members):
                found.setdefault(member, []).append(team)
        return found

    def find(self, text: str) -> Owner | None:
        """The student or team with this id, e-mail or handle, whatever the case; None where there is none."""
        return self._by_text.get(text.strip().casefold())

    def get(self, owner_id: str) -> Owner | None:
        """The student or team with exactly this id."""
        return self._by_id.get(owner_id)

    def team_of(self, student_id: str, assignment: str | None = None) -> Team | None:
        """The team that a student is a member of: for that assignment, or the first for any."""
        teams = self._teams_of.get(student_id, ())
        return next((team for team in teams if assignment is None or team.hands_in(assignment)), None)

    def owner_of(self, student_id: str, assignment: str) -> str:
        """Who hands in when a student does: the team for that assignment, or the student."""
        team = self.team_of(student_id, assignment)
        return team.id if team else student_id

    def members_of(self, owner_id: str) -> tuple[str, ...]:
        """The students whom an owner hands in for: a team's members, or the student alone."""
        owner = self.get(owner_id)
        return owner.members if isinstance(owner, Team) else (owner_id,)

    def owners_for(self, student_id: str, assignment: str | None = None) -> tuple[str, ...]:
        """Whose submissions count for a student: the student's own, and the team's."""
        team = self.team_of(student_id, assignment)
        return (student_id, team.id) if team else (student_id,)
