"""What a student sees: the assignments, one assignment with its history, and one submission from receipt to feedback."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from io import BytesIO
from pathlib import PurePosixPath
from typing import Any, TypeVar
from urllib.parse import quote

from fastapi import FastAPI, HTTPException, Request
from fastapi.responses import RedirectResponse, Response
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile

from grader.course import Assignment
from grader.errors import UsageError
from grader.policies import DecisionKind
from grader.records import Report
from grader.reports.explanation import decided, explain
from grader.reports.feedback import FeedbackItem, feedback_values, student_view
from grader.server.allowance import Allowance, allowance
from grader.server.context import AssignmentDep, Caller, CallerDep, ServiceDep, SubmissionDep
from grader.server.directory import Person
from grader.server.hand_in import Receipt, Sent, UploadRefused, receipt_of, take_in
from grader.server.line_comments import line_comments
from grader.server.service import Place, Service
from grader.server.standing_view import hidden_metrics
from grader.server.views import page
from grader.store import Attempt, Standing, Submission
from grader.store.standings import whose_due
from grader.store.summaries import AttemptSummary

AnyAttempt = TypeVar("AnyAttempt", Attempt, AttemptSummary)
#: Uploads of one person in so many seconds. Attempts have rules of their own; this one is against a broken script.
_UPLOADS, _UPLOADS_S = 12, 60.0


@dataclass(frozen=True, slots=True)
class Line:
    """One assignment of the list, or one submission of a history, as a page shows it."""

    assignment: Assignment
    due: datetime | None
    standing: Standing | None
    allowance: Allowance
    handed_in: int = 0
    waiting: int = 0


@dataclass(frozen=True, slots=True)
class Tried:
    """One submission of a history. ``number`` counts a student's from 1; ``attempt`` is its last one."""

    number: int
    submission: Submission
    place: Place
    attempt: AttemptSummary | None
    counts: bool
    withdrawn: bool

    @property
    def score(self) -> float | None:
        """The points of the checks; None while there are none."""
        return self.attempt.score if self.attempt else None


def standing_of(service: Service, person: Person, assignment: Assignment) -> Standing | None:
    """Where a student stands; None for who is not in the roster, and for students while grades are not published."""
    if not service.shown(person, assignment, DecisionKind.GRADES):
        return None
    rows = service.standing(assignment, by="student")
    return next((row for row in rows if row.owner == person.id), None)


def history(service: Service, person: Person, assignment: Assignment) -> list[Tried]:
    """A student's submissions with what became of each, the last first."""
    standing = standing_of(service, person, assignment)
    counting = standing.submission.id if standing and standing.submission and standing.attempt else 0
    withdrawn = service.store.withdrawn()
    shown = service.shown(person, assignment, DecisionKind.FEEDBACK)
    mine = service.mine(person, assignment)
    outcomes = service.store.outcomes([item.id for item in mine])
    tried = []
    for number, submission in enumerate(mine, start=1):
        attempts = outcomes.get(submission.id, [])
        tried.append(
            Tried(
                number,
                submission,
                service.place(submission, attempts),
                last_word(attempts) if shown else None,
                submission.id == counting,
                submission.id in withdrawn,
            )
        )
    return tried[::-1]


def last_word(attempts: Sequence[AnyAttempt]) -> AnyAttempt | None:
    """The attempt that a page shows: the last one with a score, or the last one where none has."""
    scored = [attempt for attempt in attempts if not attempt.held]
    return scored[-1] if scored else attempts[-1] if attempts else None


def home(request: Request, service: ServiceDep, caller: CallerDep) -> Response:
    """Every assignment with its due date, what counts now and what may still be handed in."""
    if caller.person.staff:
        return RedirectResponse("/staff", 303)
    lines = []
    for assignment in service.assignments(caller.person):
        mine = service.mine(caller.person, assignment)
        waiting = sum(service.place(item).state in ("waiting", "running", "paused") for item in mine[-3:])
        lines.append(
            Line(
                assignment,
                service.due(caller.person, assignment),
                standing_of(service, caller.person, assignment) if mine else None,
                allowance(service, caller.person, assignment),
                len(mine),
                waiting,
            )
        )
    far = datetime.max.replace(tzinfo=service.now().tzinfo)
    lines.sort(key=lambda line: line.due or far)
    now = service.now()
    coming = [line for line in lines if line.due is None or line.due >= now]
    return page(
        request,
        "home.html.j2",
        coming=coming,
        past=[line for line in lines if line not in coming][::-1],
        trouble=service.trouble(),
    )


def assignment_page(request: Request, service: ServiceDep, caller: CallerDep, assignment: AssignmentDep) -> Response:
    """One assignment: the form, what counts, and every submission."""
    return _assignment_page(request, service, caller, assignment)


def _assignment_page(
    request: Request, service: Service, caller: Caller, assignment: Assignment, *, problem: str = "", status: int = 200
) -> Response:
    tried = history(service, caller.person, assignment)
    return page(
        request,
        "assignment.html.j2",
        status=status,
        assignment=assignment,
        due=service.due(caller.person, assignment),
        tried=tried,
        counts=next((item for item in tried if item.counts), None),
        standing=standing_of(service, caller.person, assignment),
        allowance=allowance(service, caller.person, assignment),
        team=service.course.roster.team_of(caller.person.id, assignment.name),
        constants=service.constants(caller.person, assignment),
        trouble=service.trouble(),
        upload_mb=service.course.server.upload_mb,
        problem=problem,
    )


async def sent_files(request: Request) -> list[Sent]:
    """The files of a form, in its order; they lie on disk where they are large."""
    form = await request.form(max_files=500, max_fields=50, max_part_size=64 * 1024)
    return [Sent(value.filename or "", value.file) for _, value in form.multi_items() if isinstance(value, UploadFile)]


def check_allowed(service: Service, person: Person, assignment: Assignment) -> None:
    """Raise HTTPException 429 where nobody may hand in so often, or no attempt is left; it says when the next is."""
    if (wait := service.limiter.hit(f"upload {person.id}", _UPLOADS, _UPLOADS_S)) > 0:
        raise HTTPException(
            429,
            f"too many uploads in a minute; try again in {int(wait) + 1} s",
            headers={"Retry-After": str(int(wait) + 1)},
        )
    found = allowance(service, person, assignment)
    if not found.allowed:
        raise HTTPException(429, found.why)


async def receive(request: Request, service: Service, person: Person, assignment: Assignment) -> Receipt:
    """Take in the files of a form for ``person``, if they may hand in now.

    Raises:
        HTTPException: 429, when they may not; it says when.
        UploadRefused: as :func:`grader.server.hand_in.take_in`.
    """
    await run_in_threadpool(check_allowed, service, person, assignment)
    sent = await sent_files(request)
    arrived = request.state.arrived(service.now())
    return await run_in_threadpool(take_in, service, person, assignment, sent, arrived)


async def hand_in(request: Request, service: ServiceDep, caller: CallerDep, assignment: AssignmentDep) -> Response:
    """Take in what the form has; the answer leads to the receipt."""
    try:
        receipt = await receive(request, service, caller.person, assignment)
    except UploadRefused as refused:
        why = refused.what
        return await run_in_threadpool(
            lambda: _assignment_page(request, service, caller, assignment, problem=why, status=422)
        )
    again = "" if receipt.new else "?again=1"
    return RedirectResponse(f"/submissions/{receipt.submission.id}{again}", 303)


def submission_page(
    request: Request,
    service: ServiceDep,
    caller: CallerDep,
    submission: SubmissionDep,
    assignment: AssignmentDep,
    again: int = 0,
) -> Response:
    """One submission: the receipt, where it is now, and its feedback as soon as there is some."""
    attempts = service.store.attempts(submission=submission)
    shown = service.shown(caller.person, assignment, DecisionKind.FEEDBACK)
    attempt = last_word(attempts) if shown else None
    person = _student(service, caller, submission)
    mine = service.mine(person, assignment) if person else [submission]
    values: dict[str, Any] = {}
    if attempt is not None:
        values = feedback_of(service, assignment, submission, attempt, person, _before(service, mine, submission))
    number = next((at for at, item in enumerate(mine, start=1) if item.id == submission.id), 1)
    return page(
        request,
        "submission.html.j2",
        **(
            values
            | {
                "assignment": assignment,
                "submission": submission,
                "number": number,
                "of": len(mine),
                "attempt": attempt,
                "receipt": receipt_of(service, assignment, submission),
                "place": service.place(submission),
                "checks": service.hub.checks(submission.id) if shown else [],
                "kept_back": bool(attempts) and not shown,
                "comments": line_comments(service, submission),
                "again": bool(again),
                "withdrawn": submission.id in service.store.withdrawn(),
                "trouble": service.trouble(),
                "student": person,
                "course": service.course.name,
            }
        ),
    )


def feedback_of(
    service: Service,
    assignment: Assignment,
    submission: Submission,
    attempt: Attempt,
    person: Person | None,
    before: Attempt | None = None,
) -> dict[str, Any]:
    """What the feedback template names, as the student may see it now; ``before`` is of their submission before."""
    owner = person.id if person else submission.owner
    marks = service.store.marks(assignment.name).get(owner, {})
    standing = standing_of(service, person, assignment) if person else None
    if standing is not None and (standing.submission is None or standing.submission.id != submission.id):
        standing = None  # what staff set, or slip days paid for, is the number of the submission that counts
    decisions = service.store.decisions(assignment.name)
    granted, zone = decisions.applied(assignment), service.course.timezone
    item = FeedbackItem(
        owner,
        without_hidden_metrics(service, assignment, attempt.report),
        submission.received_at,
        marks,
        due_owner=whose_due(submission, granted),
        received_from=submission.received_from,
        standing=standing,
        steps=explain(standing, assignment, decisions, zone) if standing and decided(standing) else (),
        before=visible_report(service, assignment, submission, before) if before else None,
    )
    return feedback_values(item, course=service.course, assignment=granted, now=service.now())


def _before(service: Service, mine: Sequence[Submission], submission: Submission) -> Attempt | None:
    """The attempt at the submission before."""
    at = next((index for index, item in enumerate(mine) if item.id == submission.id), 0)
    return last_word(service.store.attempts(submission=mine[at - 1])) if at else None


def visible_report(service: Service, assignment: Assignment, submission: Submission, attempt: Attempt) -> Report:
    """An attempt's report as its student may see it now."""
    granted = service.store.granted(assignment)
    due = granted.due_for(whose_due(submission, granted))
    return student_view(without_hidden_metrics(service, assignment, attempt.report), due=due, now=service.now())


def without_hidden_metrics(service: Service, assignment: Assignment, report: Report) -> Report:
    """The report without the metrics that only the leaderboard may show, by the Ladder."""
    hidden = hidden_metrics(service, assignment)
    kept = {name: metric for name, metric in report.metrics.items() if name not in hidden}
    return report if len(kept) == len(report.metrics) else report.model_copy(update={"metrics": kept})


def file(service: ServiceDep, submission: SubmissionDep, path: str) -> Response:
    """One file of a submission, to be saved: a browser never shows it as a page of ours."""
    found = next((item for item in submission.files if item.path == path), None)
    if found is None:
        raise HTTPException(404, "there is no such file")
    return as_attachment(service.store.content(found), PurePosixPath(found.path).name)


def as_attachment(content: bytes, name: str) -> Response:
    """Bytes that somebody sent us, as a file to be saved under ``name``."""
    headers = {
        "Content-Disposition": f"attachment; filename*=UTF-8''{quote(name, safe='')}",
        "Content-Security-Policy": "default-src 'none'; sandbox",
    }
    return Response(content, media_type="application/octet-stream", headers=headers)


def withdraw(service: ServiceDep, caller: CallerDep, submission: SubmissionDep) -> Response:
    """Have a submission count for nothing; it stays in the history."""
    service.withdraw(submission, caller.person)
    return RedirectResponse(f"/assignments/{submission.assignment}", 303)


def choose_submission(service: Service, person: Person, submission: Submission) -> None:
    """Have a submission count for a person, or their team; raises HTTPException 422 where the course chooses itself."""
    if submission.id in service.store.withdrawn():
        raise HTTPException(422, "it was withdrawn; hand in the same files again first")
    try:
        service.ledger.choose(
            submission.assignment, person.id, submission.id, author=person.id, now=service.now(), role=person.role
        )
    except UsageError as error:
        raise HTTPException(422, error.what) from None
    service.changed()


def choose(service: ServiceDep, caller: CallerDep, submission: SubmissionDep) -> Response:
    """Have a submission count in place of the others."""
    choose_submission(service, caller.person, submission)
    return RedirectResponse(f"/assignments/{submission.assignment}", 303)


def own_data(service: ServiceDep, caller: CallerDep) -> Response:
    """Everything that is kept of a student: files, reports and marks, as a zip."""
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for assignment in service.assignments(caller.person):
            for number, submission in enumerate(service.mine(caller.person, assignment), start=1):
                folder = f"{assignment.name}/{number:03d}"
                archive.writestr(
                    f"{folder}/received.txt", f"{submission.received_at.isoformat()}\n{submission.digest}\n"
                )
                for stored in submission.files:
                    archive.writestr(f"{folder}/files/{stored.path}", service.store.content(stored))
                shown = service.shown(caller.person, assignment, DecisionKind.FEEDBACK)
                for attempt in service.store.attempts(submission=submission) if shown else ():
                    report = visible_report(service, assignment, submission, attempt)
                    archive.writestr(f"{folder}/report-{attempt.ordinal}.json", report.model_dump_json(indent=2))
    return as_attachment(buffer.getvalue(), f"{caller.person.id}.zip")


def _student(service: Service, caller: Caller, submission: Submission) -> Person | None:
    """Whose page a submission's is: the caller's own, or for staff that of whoever handed it in."""
    if not caller.person.staff:
        return caller.person
    names = (submission.uploader, submission.owner, *submission.members)
    return next((person for name in names if (person := service.directory.get(name))), None)


def add_routes(app: FastAPI) -> None:
    """Add these routes to the application."""
    app.get("/", include_in_schema=False)(home)
    app.get("/assignments/{assignment}", include_in_schema=False)(assignment_page)
    app.post("/assignments/{assignment}/submissions", include_in_schema=False)(hand_in)
    app.get("/submissions/{submission_id}", include_in_schema=False)(submission_page)
    app.get("/submissions/{submission_id}/files/{path:path}", include_in_schema=False)(file)
    app.post("/submissions/{submission_id}/withdraw", include_in_schema=False)(withdraw)
    app.post("/submissions/{submission_id}/choose", include_in_schema=False)(choose)
    app.get("/account/data.zip", include_in_schema=False)(own_data)
