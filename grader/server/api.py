"""The API: everything that the pages do, for programs. Its description is at /api/v1/openapi.json."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI, HTTPException, Request
from fastapi.openapi.utils import get_openapi
from fastapi.responses import JSONResponse, Response
from starlette.concurrency import run_in_threadpool

from grader.course import Assignment
from grader.policies import DecisionKind
from grader.records import Report
from grader.server.account import choose_handle, shown_name
from grader.server.allowance import allowance
from grader.server.api_models import (
    AssignmentInfo,
    BoardInfo,
    BoardRow,
    ConstantInfo,
    FileInfo,
    LeaderboardChoice,
    Me,
    PartInfo,
    PlaceInfo,
    SubmissionInfo,
    SubmissionLine,
)
from grader.server.context import AssignmentDep, Caller, CallerDep, ServiceDep, SubmissionDep, caller_of
from grader.server.hand_in import Receipt, UploadRefused, receipt_of
from grader.server.live_events import place_event
from grader.server.service import Service
from grader.server.sign_in import base_url
from grader.server.standing_view import board
from grader.server.student_pages import (
    choose_submission,
    history,
    last_word,
    receive,
    standing_of,
    visible_report,
)

_UPLOAD_FORM = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["files"],
                    "properties": {"files": {"type": "array", "items": {"type": "string", "format": "binary"}}},
                }
            }
        },
    }
}


def me(service: ServiceDep, caller: CallerDep) -> Me:
    """Who calls."""
    person = caller.person
    return Me(id=person.id, name=person.name, role=person.role, leaderboard_name=shown_name(service, person))


def choose_name(service: ServiceDep, caller: CallerDep, choice: LeaderboardChoice) -> Me:
    """Choose the name on the leaderboard; an empty one is a pseudonym."""
    choose_handle(service, caller.person, choice.handle)
    return me(service, caller)


def assignments(service: ServiceDep, caller: CallerDep) -> list[AssignmentInfo]:
    """The assignments that are out."""
    return [_assignment(service, caller, item) for item in service.assignments(caller.person)]


def one_assignment(service: ServiceDep, caller: CallerDep, assignment: AssignmentDep) -> AssignmentInfo:
    """One assignment."""
    return _assignment(service, caller, assignment)


def submissions(service: ServiceDep, caller: CallerDep, assignment: AssignmentDep) -> list[SubmissionLine]:
    """The caller's submissions and their team's, the last first."""
    return [
        SubmissionLine(
            id=item.submission.id,
            number=item.number,
            received_at=item.submission.received_at,
            state=item.place.state,
            score=item.score,
            max_score=item.attempt.max_score if item.attempt else None,
            verdict=item.attempt.verdict.value if item.attempt else None,
            counts=item.counts,
            withdrawn=item.withdrawn,
        )
        for item in history(service, caller.person, assignment)
    ]


async def hand_in(
    request: Request, service: ServiceDep, caller: CallerDep, assignment: AssignmentDep
) -> SubmissionInfo:
    """Hand in files, a zip or a notebook; the answer is the receipt."""
    try:
        receipt = await receive(request, service, caller.person, assignment)
    except UploadRefused as refused:
        raise HTTPException(422, str(refused.what)) from None
    return await run_in_threadpool(_submission, request, service, receipt)


def one_submission(
    request: Request, service: ServiceDep, submission: SubmissionDep, assignment: AssignmentDep
) -> SubmissionInfo:
    """A submission: its receipt, and where it is."""
    return _submission(request, service, receipt_of(service, assignment, submission))


def report(service: ServiceDep, caller: CallerDep, submission: SubmissionDep, assignment: AssignmentDep) -> Report:
    """The report of the last attempt, as its student may see it now."""
    if not service.shown(caller.person, assignment, DecisionKind.FEEDBACK):
        raise HTTPException(404, "the feedback is not published yet")
    attempt = last_word(service.store.attempts(submission=submission))
    if attempt is None:
        raise HTTPException(404, "it has not been graded yet")
    return visible_report(service, assignment, submission, attempt)


def withdraw(
    request: Request, service: ServiceDep, caller: CallerDep, submission: SubmissionDep, assignment: AssignmentDep
) -> SubmissionInfo:
    """Have a submission count for nothing; it stays in the history."""
    service.withdraw(submission, caller.person)
    return _submission(request, service, receipt_of(service, assignment, submission))


def choose(
    request: Request, service: ServiceDep, caller: CallerDep, submission: SubmissionDep, assignment: AssignmentDep
) -> SubmissionInfo:
    """Make this submission count, where the course lets one choose."""
    choose_submission(service, caller.person, submission)
    return _submission(request, service, receipt_of(service, assignment, submission))


def leaderboard(service: ServiceDep, caller: CallerDep, assignment: AssignmentDep) -> BoardInfo:
    """The leaderboard: the best, and those around the caller."""
    found = board(service, assignment, caller.person)
    rows = tuple(
        BoardRow(
            rank=seen.row.ranks or None,
            baseline=seen.row.baseline,
            rose=seen.rose,
            handle=seen.row.handle,
            mine=seen.mine,
            metrics={column.metric: cell.value for column, cell in zip(found.columns, seen.row.cells, strict=True)},
            score=seen.row.score,
            max_score=seen.row.max_score,
        )
        for seen in found.rows
    )
    return BoardInfo(
        assignment=assignment.name, of=found.of, laddered=found.laddered, revealed=found.revealed, rows=rows
    )


def openapi(request: Request) -> Response:
    """The description of the API."""
    return JSONResponse(description(request.app))


def description(app: FastAPI) -> dict[str, Any]:
    """The API in OpenAPI's terms; the pages are left out."""
    routes = [route for route in app.routes if str(getattr(route, "path", "")).startswith("/api/")]
    found = get_openapi(title="Autograde", version=app.version, routes=routes)
    found.setdefault("components", {})["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
    found["security"] = [{"token": []}]
    return found


def _assignment(service: Service, caller: Caller, assignment: Assignment) -> AssignmentInfo:
    allowed = allowance(service, caller.person, assignment)
    row = standing_of(service, caller.person, assignment)
    counting = row is not None and row.attempt is not None and row.submission is not None
    return AssignmentInfo(
        name=assignment.name,
        title=assignment.title,
        files=assignment.files,
        due=service.due(caller.person, assignment),
        counts=assignment.attempts,
        may_hand_in=allowed.allowed and caller.person.role == "student",
        attempts_left=allowed.left,
        next_attempt_at=allowed.next_at,
        why=allowed.why,
        score=row.final_score if row else None,
        max_score=row.max_score if row else None,
        counting_submission=row.submission.id if counting and row and row.submission else None,
        constants=tuple(ConstantInfo(**one._asdict()) for one in service.constants(caller.person, assignment)),
    )


def _submission(request: Request, service: Service, receipt: Receipt) -> SubmissionInfo:
    submission = receipt.submission
    assignment, person = service.course.assignments.get(submission.assignment), caller_of(request).person
    shown = assignment is not None and service.shown(person, assignment, DecisionKind.FEEDBACK)
    attempt = last_word(service.store.attempts(submission=submission)) if shown else None
    return SubmissionInfo(
        id=submission.id,
        assignment=submission.assignment,
        received_at=submission.received_at,
        sha256=submission.digest,
        new=receipt.new,
        uploader=submission.uploader,
        files=tuple(FileInfo(path=file.path, sha256=file.sha256, size=file.size) for file in submission.files),
        left_out=submission.left_out,
        problem=submission.problem,
        parts=tuple(PartInfo(file=part.file, state=part.state, source=part.source) for part in receipt.parts),
        notes=receipt.notes,
        withdrawn=submission.id in service.store.withdrawn(),
        place=PlaceInfo(**place_event(service.place(submission))),
        score=attempt.score if attempt else None,
        max_score=attempt.max_score if attempt else None,
        verdict=attempt.verdict.value if attempt else None,
        url=f"{base_url(request)}/submissions/{submission.id}",
    )


def add_routes(app: FastAPI) -> None:
    """Add these routes to the application."""
    v1 = "/api/v1"
    app.get(f"{v1}/openapi.json", include_in_schema=False)(openapi)
    app.get(f"{v1}/me")(me)
    app.put(f"{v1}/me/leaderboard")(choose_name)
    app.get(f"{v1}/assignments")(assignments)
    app.get(f"{v1}/assignments/{{assignment}}")(one_assignment)
    app.get(f"{v1}/assignments/{{assignment}}/leaderboard")(leaderboard)
    app.get(f"{v1}/assignments/{{assignment}}/submissions")(submissions)
    app.post(f"{v1}/assignments/{{assignment}}/submissions", status_code=201, openapi_extra=_UPLOAD_FORM)(hand_in)
    app.get(f"{v1}/submissions/{{submission_id}}")(one_submission)
    app.get(f"{v1}/submissions/{{submission_id}}/report")(report)
    app.post(f"{v1}/submissions/{{submission_id}}/withdraw")(withdraw)
    app.post(f"{v1}/submissions/{{submission_id}}/choose")(choose)
