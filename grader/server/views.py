"""Pages: our templates with what every page has, and nothing that a script of a student's could run in."""

from __future__ import annotations

from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

import jinja2
from fastapi import Request
from fastapi.responses import HTMLResponse

from grader.reports.formatting import moment
from grader.reports.pages import environment
from grader.server.context import Caller, service_of
from grader.server.queueing import in_words
from grader.text import counted

FOLDER = Path(__file__).parent
#: Nothing from elsewhere and no script but our files. Bars and colours of a legend are `style` attributes.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; style-src-attr 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)


def page(request: Request, template: str, *, status: int = 200, **values: Any) -> HTMLResponse:
    """A page for whoever calls. ``values`` are what the template names, beside ``me`` (a Caller or None) and ``course``."""
    service = service_of(request)
    caller: Caller | None = getattr(request.state, "caller", None)
    course = service.course
    shared = {
        "me": caller,
        "csrf": caller.csrf if caller else "",
        "course": course.name,
        "assignments": service.assignments(caller.person) if caller else [],
        "path": request.url.path,
        "when": lambda at: moment(at, course.timezone),
        "iso": _iso,
        "until": lambda at: span_to(at, service.now()),
    }
    html = _templates().get_template(template).render(**(shared | values))
    return HTMLResponse(html, status)


def span_to(at: datetime, now: datetime) -> str:
    """How far a moment is away, in words: `in 3 days`, `2 hours ago`."""
    seconds = (at - now).total_seconds()
    size = abs(seconds)
    for unit, length in (("day", 86400), ("hour", 3600), ("minute", 60)):
        if size >= length:
            words = counted(int(size // length), unit)
            return f"in {words}" if seconds > 0 else f"{words} ago"
    return "in less than a minute" if seconds > 0 else "just now"


def _iso(at: datetime) -> str:
    return at.isoformat(timespec="seconds")


@cache
def _templates() -> jinja2.Environment:
    templates = environment(FOLDER / "templates")
    templates.filters |= {"in_words": in_words, "counted": counted}
    return templates
