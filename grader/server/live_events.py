"""Where a submission is, as it happens: server-sent events for its page."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

from fastapi import FastAPI, HTTPException, Request
from fastapi.responses import Response
from sse_starlette import EventSourceResponse, JSONServerSentEvent
from starlette.concurrency import run_in_threadpool

from grader.errors import StoreAway
from grader.policies import DecisionKind
from grader.records import Verdict
from grader.reports.verdicts import WORDINGS
from grader.server.context import CallerDep, ServiceDep, SubmissionDep
from grader.server.queueing import in_words
from grader.server.service import Place, Service
from grader.store import Submission

#: How often a page is told where it stands while nothing happens to its submission, in seconds.
_AGAIN_S = 2.0
#: Pages of one person that are told; more are refused, and ask again by themselves.
_PAGES = 12
#: After so long a page is told to ask again, so that no connection stays open for ever.
_LONGEST_S = 900.0


def place_event(place: Place) -> dict[str, Any]:
    """A place as data for a page, with the sentence that the page shows."""
    return {
        "state": place.state,
        "position": place.position,
        "of": place.of,
        "starts_s": None if place.starts_s in (None, float("inf")) else round(place.starts_s or 0.0, 1),
        "ends_s": None if place.ends_s in (None, float("inf")) else round(place.ends_s or 0.0, 1),
        "text": in_sentence(place),
    }


def in_sentence(place: Place) -> str:
    """Where a submission is, for its student."""
    match place.state:
        case "running":
            left = "" if place.ends_s is None else f" Done in {in_words(place.ends_s)}, by earlier attempts."
            return f"Being graded now.{left}"
        case "waiting" if place.position:
            ahead = place.position - 1
            who = "You are next." if not ahead else f"{ahead} before you." if ahead > 1 else "One before you."
            when = (
                ""
                if place.ends_s in (None, float("inf"))
                else f" Your verdict in {in_words(place.ends_s or 0.0)}, by earlier attempts."
            )
            return f"Waiting to be graded. {who}{when}"
        case "waiting":
            return "Waiting to be graded."
        case "paused":
            return (
                "Grading failed for a reason on our side. It will be tried again automatically, and costs you nothing."
            )
        case "held":
            return "Held for staff: something failed on our side. This is not a zero."
        case _:
            return "Graded."


def check_event(event: dict[str, Any]) -> dict[str, Any]:
    """A check that was decided as data for a page, with its verdict in words."""
    wording = WORDINGS[Verdict(event["verdict"])]
    return {
        **{name: event[name] for name in ("id", "title", "verdict", "score", "max_score")},
        "word": wording.word,
        "sign": wording.sign,
        "tone": wording.tone,
    }


async def events(request: Request, service: ServiceDep, caller: CallerDep, submission: SubmissionDep) -> Response:
    """The events of a submission until it is graded: ``place``, ``check`` and, at the end, ``done``."""
    open_pages: Counter[str] = request.app.state.open_pages
    if open_pages[caller.real.id] >= _PAGES:
        raise HTTPException(429, "too many pages are open", headers={"Retry-After": "10"})
    assignment = service.course.assignments.get(submission.assignment)
    shown = assignment is not None and await run_in_threadpool(
        service.shown, caller.person, assignment, DecisionKind.FEEDBACK
    )
    stream = _follow(service, submission, open_pages, caller.real.id, verdicts=shown)
    return EventSourceResponse(stream, ping=15, headers={"X-Accel-Buffering": "no", "Cache-Control": "no-store"})


async def _follow(
    service: Service, submission: Submission, open_pages: Counter[str], person: str, *, verdicts: bool
) -> AsyncIterator[JSONServerSentEvent]:
    open_pages[person] += 1
    try:
        with service.hub.reading(submission.id) as queue:
            begin, last = time.monotonic(), None
            for event in service.hub.checks(submission.id) if verdicts else ():
                yield JSONServerSentEvent(check_event(event), event="check")
            while time.monotonic() - begin < _LONGEST_S:
                try:
                    place = await run_in_threadpool(service.place, submission)
                except StoreAway:
                    return  # the page asks again by itself
                if place.state in ("graded", "held"):
                    yield JSONServerSentEvent({"state": place.state}, event="done")
                    return
                if (found := place_event(place)) != last:
                    yield JSONServerSentEvent(found, event="place")
                    last = found
                async for check in _checks(queue):
                    if verdicts:
                        yield check
    finally:
        open_pages[person] -= 1


async def _checks(queue: asyncio.Queue[dict[str, Any]]) -> AsyncIterator[JSONServerSentEvent]:
    """What is decided until something else happens, or a while has gone by."""
    until = time.monotonic() + _AGAIN_S
    while (left := until - time.monotonic()) > 0:
        try:
            event = await asyncio.wait_for(queue.get(), left)
        except TimeoutError:
            return
        if event["kind"] != "check":
            return
        yield JSONServerSentEvent(check_event(event), event="check")


def add_routes(app: FastAPI) -> None:
    """Add this route to the application."""
    app.get("/submissions/{submission_id}/events", include_in_schema=False)(events)
