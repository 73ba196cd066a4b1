"""Where staff begin: what needs them, and what waits."""

from __future__ import annotations

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, PlainTextResponse, Response

from grader.server.context import ServiceDep
from grader.server.metrics_text import metrics_text
from grader.server.views import page


def home(request: Request, service: ServiceDep) -> Response:
    """Each assignment at a glance, and the queue."""
    queue = service.queue()
    lines = []
    for assignment in service.course.assignments.values():
        rows = service.standing(assignment, by="student")
        lines.append(
            {
                "assignment": assignment,
                "students": len(rows),
                "begun": sum(row.submission is not None for row in rows),
                "held": sum(row.held for row in rows),
                "waiting": sum(item.assignment == assignment.name for item in queue.order),
            }
        )
    return page(
        request, "staff_home.html.j2", lines=lines, queue=queue, graders=service.data.graders(), now=service.now()
    )


def queue(service: ServiceDep) -> Response:
    """What waits and who grades, as data."""
    found = service.queue()
    return JSONResponse(
        {
            "waiting": [
                {
                    "submission": item.submission_id,
                    "assignment": item.assignment,
                    "regrade": item.regrade,
                    "starts_s": None
                    if found.starts[item.submission_id] == float("inf")
                    else round(found.starts[item.submission_id], 1),
                }
                for item in found.order
            ],
            "running": sorted(service.hub.running()),
            "paused": sorted(found.paused),
            "graders": [
                {
                    "holder": item.holder,
                    "lanes": item.lanes,
                    "beat_at": item.beat_at.isoformat(),
                    "doing": item.doing,
                    "trouble": item.trouble,
                }
                for item in service.data.graders()
            ],
        }
    )


def metrics(service: ServiceDep) -> Response:
    """Figures for Prometheus; a token of an admin with the scope `staff` reads them."""
    return PlainTextResponse(metrics_text(service), media_type="text/plain; version=0.0.4")


def add_routes(app: FastAPI) -> None:
    """Add these routes to the application."""
    app.get("/staff", include_in_schema=False)(home)
    app.get("/staff/queue", include_in_schema=False)(queue)
    app.get("/metrics", include_in_schema=False)(metrics)
