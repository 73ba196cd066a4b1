"""Who may sign in: the students of the roster and the staff of autograde.yml, each with one role."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from grader.course.server_config import Role

if TYPE_CHECKING:
    from grader.course import Course

#: From the least to the most that a role may do.
ROLES: tuple[Role, ...] = ("student", "grader", "instructor", "admin")
STAFF: frozenset[Role] = frozenset({"grader", "instructor", "admin"})


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who can sign in. ``id`` is the roster's, or that of `server.staff`."""

    id: str
    name: str
    role: Role
    email: str = ""

    @property
    def staff(self) -> bool:
        """Whether this person is staff, in whatever role."""
        return self.role in STAFF


class Directory:
    """Everybody of a course who can sign in."""

    def __init__(self, course: Course) -> None:
        people = [Person(item.id, item.name, "student", item.email or "") for item in course.roster.students]
        people += [Person(item.id, item.name, item.role, item.email or "") for item in course.server.staff]
        self._by_id = {person.id: person for person in people}
        self._by_text = {person.id.casefold(): person for person in people}
        self._by_text |= {person.email.casefold(): person for person in people if person.email}

    def __iter__(self) -> Iterator[Person]:
        yield from self._by_id.values()

    def get(self, person_id: str) -> Person | None:
        """The person with exactly this id."""
        return self._by_id.get(person_id)

    def find(self, text: str) -> Person | None:
        """The person with this id or e-mail address, whatever the case."""
        return self._by_text.get(text.strip().casefold())
