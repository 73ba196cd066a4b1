"""The leaderboard as its reader sees it: the best, and those around the reader."""

from __future__ import annotations

from fastapi import FastAPI, Request
from fastapi.responses import Response

from grader.server.context import AssignmentDep, CallerDep, ServiceDep
from grader.server.standing_view import board
from grader.server.views import page


def leaderboard(request: Request, service: ServiceDep, caller: CallerDep, assignment: AssignmentDep) -> Response:
    """The page."""
    return page(request, "standing.html.j2", assignment=assignment, board=board(service, assignment, caller.person))


def add_routes(app: FastAPI) -> None:
    """Add this route to the application."""
    app.get("/assignments/{assignment}/leaderboard", include_in_schema=False)(leaderboard)
