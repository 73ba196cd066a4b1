"""One student as staff see them: where they stand and why, and what staff decide about them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fastapi import FastAPI, Form, HTTPException, Request
from fastapi.responses import RedirectResponse, Response

from grader.course import read_due
from grader.errors import UsageError
from grader.reports.explanation import Step, explain, explain_course
from grader.server.context import Caller, CallerDep, ServiceDep
from grader.server.views import page
from grader.text import clean

if TYPE_CHECKING:
    from grader.course import Assignment
    from grader.policies import AttemptsLeft
    from grader.server.directory import Person
    from grader.server.service import Service
    from grader.store import Standing, Submission

_TEXT = 2000


@dataclass(frozen=True, slots=True)
class Part:
    """One assignment of a student's: where they stand, how that came about, what they handed in, what is left."""

    assignment: Assignment
    standing: Standing | None
    steps: tuple[Step, ...]
    submissions: list[Submission]
    left: AttemptsLeft


def person_of(service: Service, student: str) -> Person:
    """The student of that id; raises HTTPException 404 where there is none."""
    person = service.directory.get(student)
    if person is None or person.staff:
        raise HTTPException(404, "there is no such student")
    return person


def student_page(request: Request, service: ServiceDep, student: str) -> Response:
    """Everything about one student."""
    return _student_page(request, service, person_of(service, student))


def _student_page(
    request: Request, service: Service, person: Person, *, problem: str = "", status: int = 200
) -> Response:
    ledger = service.ledger
    decisions, zone = ledger.decisions(), service.course.timezone
    parts = []
    for name, assignment in service.course.assignments.items():
        row = ledger.counted_attempt(name, person.id)
        steps = explain(row, assignment, decisions, zone) if row is not None else ()
        mine = [submission for submission, _ in ledger.attempts(name, person.id)]
        parts.append(Part(assignment, row, steps, mine, ledger.attempts_left(name, person.id, service.now())))
    whole = ledger.course_standings(service.now(), only=person.id)
    return page(
        request,
        "staff_student.html.j2",
        status=status,
        student=person,
        parts=parts,
        course_steps=explain_course(whole[0], service.course.course_grade.drop_lowest) if whole else (),
        log=ledger.audit_entries(subject=person.id, most=20),
        problem=problem,
    )


def extend(
    request: Request,
    service: ServiceDep,
    caller: CallerDep,
    student: str,
    assignment: str = Form(max_length=200),
    until: str = Form("", max_length=40),
    reason: str = Form("", max_length=_TEXT),
) -> Response:
    """Give a student a later due date; an empty one takes it back."""
    person = person_of(service, student)

    def decide() -> None:
        try:
            due = read_due(until, service.course.timezone) if until else None
        except ValueError:
            raise UsageError(f"{until!r} is not a time", fix="write it like 2026-12-06T23:59") from None
        service.ledger.extend(
            assignment,
            person.id,
            due,
            author=caller.real.id,
            comment=clean(reason),
            now=service.now(),
            role=caller.real.role,
        )

    return _decided(request, service, person, decide)


def override(
    request: Request,
    service: ServiceDep,
    caller: CallerDep,
    student: str,
    assignment: str = Form(max_length=200),
    points: str = Form("", max_length=20),
    excuse: bool = Form(False),
    comment: str = Form("", max_length=_TEXT),
) -> Response:
    """Set a student's points, or excuse them; neither takes the override back."""
    person = person_of(service, student)

    def decide() -> None:
        try:
            number = float(points.replace(",", ".")) if points.strip() else None
        except ValueError:
            raise UsageError(f"{points!r} is not a number of points", fix="write it like 7.5") from None
        if number is not None and not 0 <= number <= 1e6:
            raise UsageError(f"{points!r} is not a number of points", fix="write it like 7.5")
        service.ledger.override(
            assignment,
            person.id,
            number,
            author=caller.real.id,
            comment=clean(comment),
            now=service.now(),
            excused=excuse,
            role=caller.real.role,
        )

    return _decided(request, service, person, decide)


def grant(
    request: Request,
    service: ServiceDep,
    caller: CallerDep,
    student: str,
    assignment: str = Form(max_length=200),
    count: int = Form(ge=0, le=1000),
    reason: str = Form("", max_length=_TEXT),
) -> Response:
    """Give a student attempts beyond the limit, in place of what was granted before."""
    person = person_of(service, student)
    return _decided(
        request,
        service,
        person,
        lambda: service.ledger.grant_attempts(
            assignment,
            person.id,
            count or None,
            author=caller.real.id,
            comment=clean(reason),
            now=service.now(),
            role=caller.real.role,
        ),
    )


def act_for(service: ServiceDep, caller: CallerDep, student: str) -> Response:
    """Look at a student's pages, read-only, until staff sign out of them."""
    person = person_of(service, student)
    if caller.session is None:
        raise HTTPException(403, "this is done in a browser")
    service.data.act_for(caller.session, person.id)
    note(service, caller, "impersonate", subject=person.id)
    return RedirectResponse("/", 303)


def note(service: Service, caller: Caller, action: str, *, assignment: str = "", subject: str = "") -> None:
    """Note in the audit log what staff did that is no decision."""
    service.ledger.audit(
        action, actor=caller.real.id, now=service.now(), role=caller.real.role, assignment=assignment, subject=subject
    )


def _decided(request: Request, service: Service, person: Person, decide: Callable[[], object]) -> Response:
    try:
        decide()
    except UsageError as error:
        text = f"{error.what}; {error.fix}." if error.fix else f"{error.what}."
        return _student_page(request, service, person, problem=text, status=422)
    service.changed()
    return RedirectResponse(f"/staff/students/{person.id}", 303)


def add_routes(app: FastAPI) -> None:
    """Add these routes to the application."""
    app.get("/staff/students/{student}", include_in_schema=False)(student_page)
    app.post("/staff/students/{student}/extend", include_in_schema=False)(extend)
    app.post("/staff/students/{student}/override", include_in_schema=False)(override)
    app.post("/staff/students/{student}/attempts", include_in_schema=False)(grant)
    app.post("/staff/students/{student}/act", include_in_schema=False)(act_for)
