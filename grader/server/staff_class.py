"""The class at a glance: who has not begun, who is stuck, who is held and why; and what students see of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Literal

from fastapi import FastAPI, Form, Request
from fastapi.responses import RedirectResponse, Response

from grader.policies import DecisionKind
from grader.reports.leaderboard import PASS_FRACTION
from grader.server.context import AssignmentDep, CallerDep, ServiceDep
from grader.server.views import page
from grader.text import clean, shorten

if TYPE_CHECKING:
    from grader.course import Assignment
    from grader.server.service import Service
    from grader.store import Standing, Submission

#: Whoever handed in so often, and passes by none of it, is stuck; so is whoever had no better score so many times in a row.
STUCK_AFTER = 3
_REASON = 200
#: From what needs a person first to what needs nobody.
STATES = ("held", "stuck", "not begun", "waiting", "not passed", "passed")


@dataclass(frozen=True, slots=True)
class Line:
    """One student in one assignment. ``state`` is one of :data:`STATES`, ``why`` what is behind it."""

    student: str
    name: str
    state: str
    why: str
    standing: Standing
    handed_in: int
    last_at: datetime | None


def lines_of(service: Service, assignment: Assignment) -> list[Line]:
    """Every student of the roster, those first who need a person."""
    handed: dict[str, list[Submission]] = {}
    for submission in service.store.submissions(assignment.name):
        handed.setdefault(submission.owner, []).append(submission)
    scores: dict[int, float | None] = {
        summary.submission_id: summary.score for summary in service.store.summaries(assignment.name)
    }
    rows = service.standing(assignment, by="student")
    reports = service.store.reports(
        row.latest.id for row in rows if row.held and row.latest is not None and row.latest.held
    )
    withdrawn = service.store.withdrawn()
    lines = []
    for row in rows:
        owners = service.course.roster.owners_for(row.owner, assignment.name)
        mine = sorted((item for owner in owners for item in handed.get(owner, [])), key=lambda item: item.received_at)
        mine = [item for item in mine if item.id not in withdrawn]
        report = reports.get(row.latest.id) if row.latest is not None else None
        held = next((check.staff or check.title for check in report.checks if check.verdict.held), "") if report else ""
        state, why = state_of(row, [scores.get(item.id) for item in mine], held)
        lines.append(Line(row.owner, row.name, state, why, row, len(mine), mine[-1].received_at if mine else None))
    return sorted(lines, key=lambda line: (STATES.index(line.state), line.name.casefold()))


def state_of(row: Standing, scores: Sequence[float | None], held: str) -> tuple[str, str]:
    """The state of a student with these scores, the first attempt's first, and what is behind it."""
    if row.held:
        return "held", _sentence(held) or "an attempt waits for staff"
    if row.submission is None and row.override is None:
        return "not begun", ""
    if row.final_score is None:
        return "waiting", "not graded yet" if row.submission is not None else "excused"
    passed = row.max_score is None or row.final_score >= PASS_FRACTION * row.max_score
    graded = [score for score in scores if score is not None]
    if not passed and len(graded) >= STUCK_AFTER:
        best = max(graded)
        since = len(graded) - graded.index(best) - 1
        if since >= STUCK_AFTER - 1:
            return "stuck", f"no better score in the last {since} attempts"
        return "stuck", f"{len(graded)} attempts, and none passes"
    return ("passed" if passed else "not passed"), ""


def _sentence(text: str) -> str:
    """The last line of a traceback, or the text, fit for a table."""
    lines = [line for line in clean(text).splitlines() if line.strip()]
    return shorten(lines[-1].strip(), _REASON) if lines else ""


def class_page(request: Request, service: ServiceDep, assignment: AssignmentDep, state: str = "") -> Response:
    """One assignment's class."""
    lines = lines_of(service, assignment)
    decisions = service.store.decisions(assignment.name)
    return page(
        request,
        "staff_class.html.j2",
        assignment=assignment,
        lines=[line for line in lines if state in ("", line.state)],
        counts=[(name, sum(line.state == name for line in lines)) for name in STATES],
        chosen=state if state in STATES else "",
        feedback_shown=decisions.shown(DecisionKind.FEEDBACK, assignment.name),
        grades_shown=decisions.shown(DecisionKind.GRADES, assignment.name),
    )


def publish(
    service: ServiceDep,
    caller: CallerDep,
    assignment: AssignmentDep,
    what: Literal["feedback", "grades"] = Form(),
    shown: bool = Form(),
) -> Response:
    """Show students the feedback or the grades, or no longer."""
    service.ledger.publish(
        assignment.name,
        DecisionKind(what),
        shown=shown,
        author=caller.real.id,
        now=service.now(),
        role=caller.real.role,
    )
    service.changed()
    return RedirectResponse(f"/staff/assignments/{assignment.name}", 303)


def regrade_all(service: ServiceDep, caller: CallerDep, assignment: AssignmentDep) -> Response:
    """Have what counts for everybody graded again; it comes after everything that students wait for."""
    rows = service.standing(assignment)
    counting = [row.submission for row in rows if row.submission is not None]
    service.ledger.regrade(counting, author=caller.real.id, now=service.now(), role=caller.real.role)
    service.changed()
    service.nudge()
    return RedirectResponse("/staff/work", 303)


def add_routes(app: FastAPI) -> None:
    """Add these routes to the application."""
    app.get("/staff/assignments/{assignment}", include_in_schema=False)(class_page)
    app.post("/staff/assignments/{assignment}/publish", include_in_schema=False)(publish)
    app.post("/staff/assignments/{assignment}/regrade", include_in_schema=False)(regrade_all)
