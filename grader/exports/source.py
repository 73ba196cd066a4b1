"""What an export is made from: an assignment, its results, and the grades that follow from them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from grader.exports.grades import Grades, grades_of

if TYPE_CHECKING:
    from grader.course import Assignment, Course
    from grader.records import Report
    from grader.store import Store


@dataclass(frozen=True)
class Source:
    """One assignment of a course with its store. With ``profile``, attempts under another one do not count."""

    course: Course
    assignment: Assignment
    store: Store
    profile: str | None = None

    @cached_property
    def grades(self) -> Grades:
        """The grades as they stand when they are first asked for.

        Raises:
            AuthoringError: the hidden suite or the notebook cannot be read.
            StoreError: the store failed.
        """
        return grades_of(self.course, self.assignment, self.store, profile=self.profile)

    def reports(self) -> dict[str, Report]:
        """The report of each student's grading that counts, by the student's id.

        Raises:
            StoreError: the store failed.
        """
        rows = self.store.standing(self.course, self.assignment, by="student", profile=self.profile)
        found = self.store.reports(row.attempt.id for row in rows if row.attempt is not None)
        return {row.owner: found[row.attempt.id] for row in rows if row.attempt is not None}
