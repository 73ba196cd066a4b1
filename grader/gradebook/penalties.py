"""The course's late policy as nbgrader's plug-in."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from nbgrader.plugins import LateSubmissionPlugin
from traitlets import Unicode

from grader.gradebook.places import places_at
from grader.gradebook.settle import penalty_of


class CourseLatePolicy(LateSubmissionPlugin):  # type: ignore[misc]
    """Takes from a late submission what autograde.yml says, grace and last day included."""

    course_file = Unicode(help="the course's autograde.yml").tag(config=True)

    def late_submission_penalty(self, student_id: str, score: float, total_seconds_late: float) -> float | None:
        """The points to take of ``score``; None where the submission is in time."""
        del student_id
        course = places_at(self.course_file).course
        # nbgrader tells its plug-in how late, but not for what; the step that calls it knows.
        assignment = course.assignment(self.parent.assignment_id)
        due = assignment.due or datetime.now(UTC)
        return penalty_of(score, assignment.late_policy.kept(due, due + timedelta(seconds=total_seconds_late)))
