"""What staff do, for programs: everything that their pages do, with a token of the scope `staff`."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import FastAPI, HTTPException, Query
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from grader.errors import UsageError
from grader.policies import Decision, DecisionKind
from grader.reports.explanation import explain
from grader.server.context import AssignmentDep, CallerDep, ServiceDep, SubmissionDep
from grader.server.staff_class import lines_of
from grader.server.staff_student import person_of
from grader.text import clean

#: Row numbers of both engines.
MOST_ROWS = 2**31 - 1
_EARLIEST, _LATEST = datetime(2000, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)
Text = Annotated[str, Field(max_length=2000)]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


class ExtensionBody(_Body):
    """A later due date; without ``due`` an extension is taken back."""

    due: AwareDatetime | None = Field(default=None, ge=_EARLIEST, le=_LATEST)
    reason: Text = ""


class OverrideBody(_Body):
    """The points that count, or an excuse; with neither an override is taken back."""

    points: float | None = Field(default=None, ge=0, le=1e6)
    excused: bool = False
    comment: Text


class GrantBody(_Body):
    """Attempts beyond the limit (replaces an earlier grant)."""

    count: int | None = Field(default=None, ge=0, le=1000)
    reason: Text = ""


class CommentBody(_Body):
    """A message beside a line, counted from 1, of a submission's file."""

    file: str = Field(max_length=1000)
    line: int = Field(ge=1, le=10_000_000)
    text: str = Field(min_length=1, max_length=2000)


class PublishedBody(_Body):
    """What students see of an assignment; what is left out stays as it is."""

    feedback: bool | None = None
    grades: bool | None = None


class StepInfo(BaseModel):
    """One step to a number."""

    what: str
    value: str
    why: str


class StudentInfo(BaseModel):
    """One student in one assignment, as staff see them."""

    student: str
    name: str
    state: str
    why: str
    score: float | None
    max_score: float | None
    handed_in: int
    submission: int | None


class DecisionInfo(BaseModel):
    """A decision that was made, and the score that follows."""

    kind: str
    assignment: str
    owner: str
    author: str
    made_at: datetime
    comment: str
    score: float | None


class AuditInfo(BaseModel):
    """One entry of the audit log."""

    id: int
    at: datetime
    actor: str
    role: str
    action: str
    assignment: str
    subject: str
    detail: dict[str, Any]


class Done(BaseModel):
    """How many submissions were concerned."""

    submissions: int


def students(service: ServiceDep, assignment: AssignmentDep) -> list[StudentInfo]:
    """The class at a glance: those first who need a person."""
    return [
        StudentInfo(
            student=line.student,
            name=line.name,
            state=line.state,
            why=line.why,
            score=line.standing.final_score,
            max_score=line.standing.max_score,
            handed_in=line.handed_in,
            submission=line.standing.submission.id if line.standing.submission else None,
        )
        for line in lines_of(service, assignment)
    ]


def explained(service: ServiceDep, student: str, assignment: AssignmentDep) -> list[StepInfo]:
    """How a student's points came about."""
    person = person_of(service, student)
    row = service.ledger.counted_attempt(assignment.name, person.id)
    if row is None:
        raise HTTPException(404, "there is no such student")
    steps = explain(row, assignment, service.ledger.decisions(), service.course.timezone)
    return [StepInfo(what=step.what, value=step.value, why=step.why) for step in steps]


def extend(
    service: ServiceDep, caller: CallerDep, student: str, assignment: AssignmentDep, body: ExtensionBody
) -> DecisionInfo:
    """Give a student a later due date."""
    who = person_of(service, student).id
    return _decided(
        service,
        lambda: service.ledger.extend(
            assignment.name, who, body.due, comment=clean(body.reason), **_by(service, caller)
        ),
    )


def override(
    service: ServiceDep, caller: CallerDep, student: str, assignment: AssignmentDep, body: OverrideBody
) -> DecisionInfo:
    """Set a student's points, or excuse them."""
    who = person_of(service, student).id
    return _decided(
        service,
        lambda: service.ledger.override(
            assignment.name,
            who,
            body.points,
            comment=clean(body.comment),
            excused=body.excused,
            **_by(service, caller),
        ),
    )


def grant(
    service: ServiceDep, caller: CallerDep, student: str, assignment: AssignmentDep, body: GrantBody
) -> DecisionInfo:
    """Give a student attempts beyond the limit."""
    who = person_of(service, student).id
    return _decided(
        service,
        lambda: service.ledger.grant_attempts(
            assignment.name, who, body.count, comment=clean(body.reason), **_by(service, caller)
        ),
    )


def comment(service: ServiceDep, caller: CallerDep, submission: SubmissionDep, body: CommentBody) -> DecisionInfo:
    """Put a message beside a line of a submission."""
    return _decided(
        service,
        lambda: service.ledger.comment_on_line(
            submission, body.file, body.line, clean(body.text), **_by(service, caller)
        ),
    )


def regrade(service: ServiceDep, caller: CallerDep, submission: SubmissionDep) -> Done:
    """Have a submission graded again, behind everything that students wait for."""
    count = service.ledger.regrade([submission], **_by(service, caller))
    service.changed()
    service.nudge()
    return Done(submissions=count)


def publish(service: ServiceDep, caller: CallerDep, assignment: AssignmentDep, body: PublishedBody) -> PublishedBody:
    """Show students feedback and grades, or no longer; what they see now."""
    for kind, shown in ((DecisionKind.FEEDBACK, body.feedback), (DecisionKind.GRADES, body.grades)):
        if shown is not None:
            service.ledger.publish(assignment.name, kind, shown=shown, **_by(service, caller))
    service.changed()
    made = service.store.decisions(assignment.name)
    return PublishedBody(
        feedback=made.shown(DecisionKind.FEEDBACK, assignment.name),
        grades=made.shown(DecisionKind.GRADES, assignment.name),
    )


def audit(
    service: ServiceDep,
    subject: Annotated[str, Query(max_length=200)] = "",
    before: Annotated[int, Query(ge=0, le=MOST_ROWS)] = 0,
    most: Annotated[int, Query(ge=1, le=500)] = 100,
) -> list[AuditInfo]:
    """Who did what, the latest first; ``before`` is the number of an entry to go on from."""
    entries = service.ledger.audit_entries(subject=clean(subject), most=most, before=before)
    return [
        AuditInfo(
            id=entry.id,
            at=entry.at,
            actor=entry.actor,
            role=entry.role,
            action=entry.action,
            assignment=entry.assignment,
            subject=entry.subject,
            detail=dict(entry.detail),
        )
        for entry in entries
    ]


def _by(service: ServiceDep, caller: CallerDep) -> dict[str, Any]:
    return {"author": caller.real.id, "now": service.now(), "role": caller.real.role}


def _decided(service: ServiceDep, decide: Any) -> DecisionInfo:
    try:
        made: Decision = decide()
    except UsageError as error:
        raise HTTPException(422, f"{error.what}; {error.fix}" if error.fix else error.what) from None
    service.changed()
    row = service.ledger.counted_attempt(made.assignment, made.owner)
    return DecisionInfo(
        kind=made.kind.value,
        assignment=made.assignment,
        owner=made.owner,
        author=made.author,
        made_at=made.made_at,
        comment=made.comment,
        score=row.final_score if row is not None else None,
    )


def add_routes(app: FastAPI) -> None:
    """Add these routes to the application."""
    v1 = "/api/v1/staff"
    app.get(f"{v1}/audit")(audit)
    app.get(f"{v1}/assignments/{{assignment}}/students")(students)
    app.put(f"{v1}/assignments/{{assignment}}/published")(publish)
    app.get(f"{v1}/students/{{student}}/assignments/{{assignment}}")(explained)
    app.put(f"{v1}/students/{{student}}/assignments/{{assignment}}/extension")(extend)
    app.put(f"{v1}/students/{{student}}/assignments/{{assignment}}/override")(override)
    app.put(f"{v1}/students/{{student}}/assignments/{{assignment}}/attempts")(grant)
    app.post(f"{v1}/submissions/{{submission_id}}/comments")(comment)
    app.post(f"{v1}/submissions/{{submission_id}}/regrade")(regrade)
