"""What staff and students decide, and what follows from it: the policies of a course on its store."""

from __future__ import annotations

import getpass
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from grader.course import read_questions, read_suite
from grader.errors import UsageError
from grader.policies import (
    AttemptsLeft,
    CourseGrade,
    Decision,
    DecisionKind,
    Decisions,
    GradePart,
    attempts_left,
    course_grade,
)
from grader.records import Verdict
from grader.store.audit_log import AuditEntry, add_entry, read_entries
from grader.store.decision_rows import last_attempts
from grader.store.standings import Standing
from grader.text import counted

if TYPE_CHECKING:
    from grader.course import Assignment, Course
    from grader.store.store import Store
    from grader.store.values import Submission


#: Due dates lie between these years: an hour more or less is a date there in every timezone.
_FIRST_YEAR, _LAST_YEAR = 2000, 2200


@dataclass(frozen=True, slots=True)
class CourseStanding:
    """One student's grade of the whole course, with the standing in every assignment that it comes from.

    ``parts`` are by assignment; ``complete`` is False while something that counts has no score yet.
    """

    student: str
    name: str
    grade: CourseGrade
    parts: Mapping[str, GradePart]
    standings: Mapping[str, Standing]
    complete: bool


class Ledger:
    """The decisions of a course, and its policies applied to what was handed in.

    Every decision is kept as a row of its own, with an entry in the audit log, in one transaction. An ``owner`` is the id
    of a student or team of the roster; a student stands for the team that hands in the assignment.
    """

    def __init__(self, course: Course, store: Store) -> None:
        self.course, self.store = course, store

    # What follows from the policies.

    def assignment(self, name: str) -> Assignment:
        """The assignment with the due dates that were granted; raises CourseError where there is none of that name."""
        return self.store.granted(self.course.assignment(name))

    def due_for(self, assignment: str, owner: str) -> datetime | None:
        """When it is due for ``owner``: the latest of the dates of the student and of the team. None where nothing is due."""
        granted = self.assignment(assignment)
        dues = [granted.due_for(one) for one in self._ids(assignment, owner)]
        return max((due for due in dues if due is not None), key=lambda due: due.astimezone(UTC), default=None)

    def attempts_left(self, assignment: str, owner: str, now: datetime) -> AttemptsLeft:
        """How many attempts ``owner`` has left at ``now``, and when the next one comes.

        An attempt is one submission, a team's for all of its members. One costs nothing while it is held for a fault of
        ours, or where it could not be read, for then nobody learnt anything from it.
        """
        limit = self.course.assignment(assignment).attempt_limit
        granted = self.store.decisions(assignment).latest(
            DecisionKind.EXTRA_ATTEMPTS, assignment, *self._ids(assignment, owner)
        )
        spent = [submission.received_at for submission, costs in self.attempts(assignment, owner) if costs]
        return attempts_left(limit, spent, now, extra=int(granted.number or 0) if granted else 0)

    def attempts(self, assignment: str, owner: str) -> list[tuple[Submission, bool]]:
        """Everything that ``owner`` or the team handed in, the first first, and whether it costs an attempt."""
        mine = self.store.handed_in(assignment, self._ids(assignment, owner))
        return [(submission, _costs(verdicts)) for submission, verdicts in mine]

    def counted_attempt(self, assignment: str, owner: str) -> Standing | None:
        """Where ``owner`` stands: the submission that counts and its number. None for who is not on the roster.

        For a student it is the row of a gradebook, for a team that of the leaderboard.
        """
        by_student = any(student.id == owner for student in self.course.roster.students)
        rows = self.store.standing(
            self.course, self.course.assignment(assignment), by="student" if by_student else "owner", only=owner
        )
        return rows[0] if rows else None

    def course_standings(self, now: datetime, *, only: str | None = None) -> list[CourseStanding]:
        """The grade of the course for every student of the roster (for ``only`` one), as it is at ``now``.

        An assignment counts where it has a score, and with zero once its due date has passed and nothing was handed in.
        What waits for grading or staff does not count yet; what was excused never does.
        """
        rows = {
            name: {row.owner: row for row in self.store.standing(self.course, assignment, by="student", only=only)}
            for name, assignment in self.course.assignments.items()
        }
        most = {name: _max_score(assignment) for name, assignment in self.course.assignments.items()}
        found = []
        for student in self.course.roster.students:
            if only not in (None, student.id):
                continue
            mine = {name: given[student.id] for name, given in rows.items() if student.id in given}
            parts = {
                name: GradePart(
                    name,
                    _fraction(row, most[name], now),
                    self.course.assignments[name].weight,
                    self.course.assignments[name].droppable,
                )
                for name, row in mine.items()
            }
            complete = not any(
                row.submission is not None and row.final_score is None and not row.excused for row in mine.values()
            )
            grade = course_grade(list(parts.values()), self.course.course_grade.drop_lowest)
            found.append(CourseStanding(student.id, student.name, grade, parts, mine, complete))
        return found

    # What people decide.

    def extend(
        self,
        assignment: str,
        owner: str,
        due: datetime | None,
        *,
        author: str,
        comment: str,
        now: datetime,
        role: str = "",
    ) -> Decision:
        """Give ``owner`` until ``due``, or (None) take an extension back; raises UsageError where it is not later."""
        everybody = self.course.assignment(assignment).due
        if due is not None and not _FIRST_YEAR <= due.year <= _LAST_YEAR:
            raise UsageError(f"the year {due.year} is not one of this course", fix="write it like 2026-12-06T23:59")
        if due is not None and everybody is None:
            raise UsageError(
                "the assignment has no due date",
                where=f"assignments.{assignment}.due",
                fix="give `due` in autograde.yml first",
            )
        if due is not None and everybody is not None and due.astimezone(UTC) <= everybody.astimezone(UTC):
            raise UsageError(
                "an extension is later than the due date",
                where=f"assignments.{assignment}.due",
                fix=f"name a time after {everybody.isoformat()}",
            )
        made = self._decision(DecisionKind.EXTENSION, assignment, owner, author, comment, now)
        return self._keep(replace(made, due=due.astimezone(UTC) if due else None), role)

    def override(
        self,
        assignment: str,
        owner: str,
        points: float | None,
        *,
        author: str,
        comment: str,
        now: datetime,
        excused: bool = False,
        role: str = "",
    ) -> Decision:
        """Have ``points`` count, lateness and all; or excuse; or (neither) take the override back.

        Raises UsageError where there is no comment: a number that nobody can explain is no grade.
        """
        if not comment.strip():
            raise UsageError("an override needs a comment", where=f"{assignment}, {owner}", fix="say why")
        if points is not None and excused:
            raise UsageError("an override has points, or it excuses", where=f"{assignment}, {owner}", fix="choose one")
        made = self._decision(DecisionKind.OVERRIDE, assignment, owner, author, comment, now)
        return self._keep(replace(made, number=points, excused=excused), role)

    def choose(
        self,
        assignment: str,
        owner: str,
        submission_id: int | None,
        *,
        author: str,
        now: datetime,
        comment: str = "",
        role: str = "",
    ) -> Decision:
        """Have that submission count, or (None) the last one again.

        Raises UsageError where the course does not let one choose, or where somebody else handed it in.
        """
        if self.course.assignment(assignment).attempts != "chosen":
            raise UsageError(
                f"of several submissions the {self.course.assignment(assignment).attempts} one counts",
                where=f"assignments.{assignment}.attempts",
                fix="with `attempts: chosen` one of them can be chosen",
            )
        mine = [submission.id for submission, _ in self.attempts(assignment, owner)]
        if submission_id is not None and submission_id not in mine:
            raise UsageError(
                f"submission {submission_id} is none of {owner}'s for {assignment}",
                fix=f"use one of: {', '.join(map(str, mine))}" if mine else "nothing was handed in yet",
            )
        # The choice is the team's: everybody of a team sees the same submission count.
        whose = self.course.roster.owner_of(owner, assignment)
        made = self._decision(DecisionKind.CHOICE, assignment, whose, author, comment, now)
        return self._keep(replace(made, submission_id=submission_id), role)

    def spend_slip_days(
        self,
        assignment: str,
        student: str,
        days: int | None,
        *,
        author: str,
        now: datetime,
        comment: str = "",
        role: str = "",
    ) -> Decision:
        """Spend exactly ``days`` of a student's slip days there, or (None) what the course's rule gives.

        Raises UsageError where the budget or the assignment does not allow so many.
        """
        most, budget = self.course.assignment(assignment).slip_days, self.course.slip_days.budget
        made = self.store.decisions()
        elsewhere = sum(
            int(entered.number or 0)
            for name in self.course.assignments
            if name != assignment and (entered := made.latest(DecisionKind.SLIP_DAYS, name, *self._ids(name, student)))
        )
        if days is not None and not 0 <= days <= min(most, budget - elsewhere):
            raise UsageError(
                f"{student} can spend no more than {counted(max(min(most, budget - elsewhere), 0), 'slip day')} there",
                where="slip_days",
                fix=f"the budget is {budget}, of which {elsewhere} are entered elsewhere; {most} at most for {assignment}",
            )
        decision = self._decision(DecisionKind.SLIP_DAYS, assignment, student, author, comment, now)
        return self._keep(replace(decision, number=days), role)

    def grant_attempts(
        self,
        assignment: str,
        owner: str,
        count: int | None,
        *,
        author: str,
        comment: str,
        now: datetime,
        role: str = "",
    ) -> Decision:
        """Give ``owner`` so many attempts beyond the limit, in place of what was granted before; None: none."""
        whose = self.course.roster.owner_of(owner, assignment)
        made = self._decision(DecisionKind.EXTRA_ATTEMPTS, assignment, whose, author, comment, now)
        return self._keep(replace(made, number=count), role)

    def regrade(
        self, submissions: Sequence[Submission], *, author: str, now: datetime, comment: str = "", role: str = ""
    ) -> int:
        """Have submissions graded again by the present graders; how many. The new attempt counts, the old ones stay."""
        with self.store.connections.reading() as connection:
            last = last_attempts(connection, [submission.id for submission in submissions])
        for submission in submissions:
            made = Decision(
                DecisionKind.REGRADE,
                submission.assignment,
                submission.owner,
                author,
                now.astimezone(UTC),
                comment.strip(),
            )
            asked = replace(made, submission_id=submission.id, number=float(last.get(submission.id, 0)))
            self._keep(asked, role)
        return len(submissions)

    def comment_on_line(
        self, submission: Submission, file: str, line: int, text: str, *, author: str, now: datetime, role: str = ""
    ) -> Decision:
        """Put ``text`` beside a line, counted from 1, of a submission's file; raises UsageError where there is none."""
        if file not in {item.path for item in submission.files}:
            raise UsageError(f"submission {submission.id} has no file {file!r}", fix="name one of its files")
        if line < 1 or not text.strip():
            raise UsageError("a comment has a line and a text", where=file, fix="count lines from 1, and say something")
        made = Decision(
            DecisionKind.LINE_COMMENT,
            submission.assignment,
            submission.owner,
            author,
            now.astimezone(UTC),
            text.strip(),
        )
        return self._keep(replace(made, submission_id=submission.id, file=file, number=float(line)), role)

    def publish(
        self, assignment: str, what: DecisionKind, *, shown: bool, author: str, now: datetime, role: str = ""
    ) -> None:
        """Show students the feedback or the grades of an assignment, or no longer."""
        name = self.course.assignment(assignment).name
        made = Decision(what, name, "", author, now.astimezone(UTC))
        self._keep(replace(made, number=1.0 if shown else 0.0), role)

    # The log.

    def audit(
        self,
        action: str,
        *,
        actor: str,
        now: datetime,
        role: str = "",
        assignment: str = "",
        subject: str = "",
        detail: Mapping[str, object] | None = None,
    ) -> None:
        """Note that ``actor`` did ``action``. ``detail`` is JSON, and nothing in it is a student's own text."""
        with self.store.connections.writing() as connection:
            add_entry(connection, AuditEntry(action, actor, now, role, assignment, subject, detail or {}))

    def audit_entries(
        self, *, assignment: str = "", subject: str = "", most: int = 200, before: int = 0
    ) -> list[AuditEntry]:
        """The log, the latest entry first; each argument that is given narrows it. ``before`` is the number to go on from."""
        with self.store.connections.reading() as connection:
            return read_entries(connection, assignment=assignment, subject=subject, most=most, before=before)

    def decisions(self, assignment: str | None = None) -> Decisions:
        """What was decided so far."""
        return self.store.decisions(assignment)

    def _ids(self, assignment: str, owner: str) -> Sequence[str]:
        return self.course.roster.owners_for(owner, assignment)

    def _decision(
        self, kind: DecisionKind, assignment: str, owner: str, author: str, comment: str, now: datetime
    ) -> Decision:
        name = self.course.assignment(assignment).name
        if self.course.roster.get(owner) is None:
            raise UsageError(f"there is no student or team {owner!r}", where="roster", fix="use an id of the roster")
        return Decision(kind, name, owner, author, now.astimezone(UTC), comment.strip())

    def _keep(self, decision: Decision, role: str) -> Decision:
        detail: dict[str, Any] = {"comment": decision.comment}
        if decision.kind in (DecisionKind.FEEDBACK, DecisionKind.GRADES):
            detail = {"published": "yes" if decision.number else "no"}
        else:
            # What a regrade's number is follows from the attempts, and says nothing to people.
            names = ("due", "number", "submission_id", "excused", "file")
            for name in names if decision.kind is not DecisionKind.REGRADE else names[2:3]:
                # Zero is a number of points, days or attempts; what is not so is left out.
                if (value := getattr(decision, name)) is not None and value is not False and value != "":
                    detail[name] = value.isoformat() if isinstance(value, datetime) else value
        if decision.withdrawn:
            detail["withdrawn"] = True
        entry = AuditEntry(
            decision.kind.value, decision.author, decision.made_at, role, decision.assignment, decision.owner, detail
        )
        return replace(decision, id=self.store.decide(decision, entry))


def operator_name() -> str:
    """Who runs a command: the name that the operating system has for the user."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a user without a name, in a container say
        return "staff"


def _costs(verdicts: Sequence[Verdict]) -> bool:
    """Whether a submission whose attempts have these verdicts, the latest last, costs an attempt."""
    settled = [verdict for verdict in verdicts if not verdict.held]
    return settled[-1] is not Verdict.NOT_RUN if settled else not verdicts


def _fraction(row: Standing, max_score: float, now: datetime) -> float | None:
    most = row.max_score or max_score
    if row.excused or not most:
        return None
    if row.final_score is not None:
        return row.final_score / most
    overdue = row.submission is None and row.due is not None and row.due.astimezone(UTC) < now.astimezone(UTC)
    return 0.0 if overdue else None


def _max_score(assignment: Assignment) -> float:
    checks = sum(check.points for check in read_suite(assignment.hidden_folder))
    return checks + sum(question.points for question in read_questions(assignment.notebook_source))
