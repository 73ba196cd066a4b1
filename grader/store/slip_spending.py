"""Which of a student's slip days are spent on which assignment, by what the store holds."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TYPE_CHECKING

from grader.course import read_questions
from grader.policies import DecisionKind, Decisions, allocate_slip_days
from grader.store.standings import GradedSubmission, Rules, histories, marks_of, worth

if TYPE_CHECKING:
    from grader.course import Assignment, Course
    from grader.store.values import Mark

History = tuple[Sequence[GradedSubmission], Mapping[str, Mapping[str, "Mark"]]]


def spend_slip_days(
    course: Course,
    decisions: Decisions,
    read: Callable[[Assignment], History],
    only: Collection[str] | None = None,
) -> dict[str, dict[str, int]]:
    """The days that each student spends, by assignment and student; nothing of those who spend none.

    What staff entered is spent as entered, as far as the budget goes, on earlier assignments first. Where the course
    spends days automatically the rest goes where it raises the course's grade most: the sum of weight times fraction of
    the points, nothing dropped. Nothing is spent where an override decides. ``read`` gives what was handed in for an
    assignment, and people's marks; ``only`` names the students who are wanted.
    """
    budget = course.slip_days.budget
    if not budget:
        return {}
    automatic = course.slip_days.use == "automatic"
    pinned: dict[str, dict[str, int]] = {}
    wishes: dict[str, list[tuple[str, list[float]]]] = {}
    for assignment in course.assignments.values():
        if not assignment.slip_days:
            continue
        submissions, marks = read(assignment)
        rules = Rules(assignment, read_questions(assignment.notebook_source), decisions)
        handed = histories(submissions, course.roster, assignment, by="student")
        for student in course.roster.students:
            mine = handed.get(student.id, [])
            if (only is not None and student.id not in only) or not any(item.days_late for item in mine):
                continue
            ids = course.roster.owners_for(student.id, assignment.name)
            if decisions.latest(DecisionKind.OVERRIDE, assignment.name, *ids):
                continue
            entered = decisions.latest(DecisionKind.SLIP_DAYS, assignment.name, *ids)
            known = pinned.setdefault(student.id, {})
            if entered is not None:
                left = budget - sum(known.values())
                known[assignment.name] = min(int(entered.number or 0), assignment.slip_days, left)
            elif automatic:
                choice = decisions.latest(DecisionKind.CHOICE, assignment.name, *ids)
                fractions = worth(mine, rules, marks_of(student, marks), choice)
                gains = [assignment.weight * fraction for fraction in fractions]
                wishes.setdefault(student.id, []).append((assignment.name, gains))
    found: dict[str, dict[str, int]] = {}
    for student_id, known in pinned.items():
        wanted = wishes.get(student_id, [])
        days = allocate_slip_days([gains for _, gains in wanted], budget - sum(known.values()))
        for name, count in (*known.items(), *zip((name for name, _ in wanted), days, strict=True)):
            if count:
                found.setdefault(name, {})[student_id] = count
    return found
