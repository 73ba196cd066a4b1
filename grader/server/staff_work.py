"""What staff do with one submission, the queue with those who grade, and the audit log."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from fastapi import FastAPI, Form, Query, Request
from fastapi.responses import RedirectResponse, Response

from grader.errors import StoreError, UsageError
from grader.server.context import CallerDep, ServiceDep, SubmissionDep
from grader.server.line_comments import line_comments
from grader.server.staff_api import MOST_ROWS
from grader.server.views import page
from grader.text import clean, shorten

if TYPE_CHECKING:
    from grader.server.service import Service
    from grader.store import Submission

_TEXT = 2000
#: What a page shows of a submission's files, and of the queue.
_LINES, _QUEUE, _ENTRIES = 2000, 200, 100


def work_page(request: Request, service: ServiceDep) -> Response:
    """The queue, and every process that grades with its last word."""
    queue = service.queue()
    running = service.hub.running() | {number: 0.0 for grader in service.graders() for number in grader.doing}
    return page(
        request,
        "staff_work.html.j2",
        queue=queue,
        shown=queue.order[:_QUEUE],
        running=[service.store.submission(number) for number in sorted(running)],
        graders=service.data.graders(),
        live={item.holder for item in service.graders()},
        now=service.now(),
    )


def submission_page(request: Request, service: ServiceDep, submission: SubmissionDep) -> Response:
    """The files of a submission with comments on their lines, and its attempts."""
    return _submission_page(request, service, submission)


def _submission_page(
    request: Request, service: Service, submission: Submission, *, problem: str = "", status: int = 200
) -> Response:
    files = []
    for stored in submission.files:
        try:
            text = service.store.content(stored).decode("utf-8")
        except (UnicodeDecodeError, StoreError):
            continue
        files.append((stored.path, [shorten(clean(line)) for line in text.splitlines()[:_LINES]]))
    return page(
        request,
        "staff_submission.html.j2",
        status=status,
        submission=submission,
        files=files,
        comments=line_comments(service, submission),
        attempts=service.store.attempts(submission=submission),
        students=[
            person
            for name in dict.fromkeys((submission.owner, *submission.members))
            if (person := service.directory.get(name)) is not None
        ],
        problem=problem,
    )


def comment(
    request: Request,
    service: ServiceDep,
    caller: CallerDep,
    submission: SubmissionDep,
    file: str = Form(max_length=1000),
    line: int = Form(ge=1, le=10_000_000),
    text: str = Form(max_length=_TEXT),
) -> Response:
    """Put a message beside a line, for the student."""
    try:
        service.ledger.comment_on_line(
            submission, file, line, clean(text), author=caller.real.id, now=service.now(), role=caller.real.role
        )
    except UsageError as error:
        return _submission_page(request, service, submission, problem=f"{error.what}; {error.fix}.", status=422)
    return RedirectResponse(f"/staff/submissions/{submission.id}", 303)


def regrade(service: ServiceDep, caller: CallerDep, submission: SubmissionDep) -> Response:
    """Have one submission graded again; it comes after everything that students wait for."""
    service.ledger.regrade([submission], author=caller.real.id, now=service.now(), role=caller.real.role)
    service.changed()
    service.nudge()
    return RedirectResponse(f"/staff/submissions/{submission.id}", 303)


def audit_page(
    request: Request,
    service: ServiceDep,
    subject: Annotated[str, Query(max_length=200)] = "",
    before: Annotated[int, Query(ge=0, le=MOST_ROWS)] = 0,
) -> Response:
    """Who did what, the latest first."""
    subject = clean(subject)
    entries = service.ledger.audit_entries(subject=subject, most=_ENTRIES + 1, before=before)
    return page(
        request,
        "staff_audit.html.j2",
        entries=entries[:_ENTRIES],
        subject=subject,
        more=entries[_ENTRIES - 1].id if len(entries) > _ENTRIES else 0,
    )


def add_routes(app: FastAPI) -> None:
    """Add these routes to the application."""
    app.get("/staff/work", include_in_schema=False)(work_page)
    app.get("/staff/audit", include_in_schema=False)(audit_page)
    app.get("/staff/submissions/{submission_id}", include_in_schema=False)(submission_page)
    app.post("/staff/submissions/{submission_id}/comment", include_in_schema=False)(comment)
    app.post("/staff/submissions/{submission_id}/regrade", include_in_schema=False)(regrade)
