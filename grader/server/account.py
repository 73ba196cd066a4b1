"""A person's own page: the name on the leaderboard, tokens for programs, their data, and signing out everywhere."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from fastapi import FastAPI, Form, HTTPException, Request
from fastapi.responses import RedirectResponse, Response

from grader.course.pseudonyms import pseudonym
from grader.server.access import SCOPES
from grader.server.context import COOKIE, Caller, CallerDep, ServiceDep
from grader.server.directory import Person
from grader.server.service import Service
from grader.server.views import page
from grader.text import clean

#: How long a token for programs is good.
TOKEN = timedelta(days=120)
_NAME, _HANDLE = 100, 40
_TOKENS = 20
#: What is kept of a person's choice: `anonymous`, or a handle of their own.
LEADERBOARD = "leaderboard"


def scopes_for(person: Person) -> dict[str, str]:
    """The scopes that a person's tokens may have, in words."""
    wanted = {"read", "staff"} if person.staff else {"read", "submit"}
    return {scope: words for scope, words in SCOPES.items() if scope in wanted}


def shown_name(service: Service, person: Person) -> str:
    """The name that the leaderboard shows for a person: a pseudonym, unless they chose to be known by a handle."""
    return service.data.choices(LEADERBOARD).get(person.id) or pseudonym(service.secret, person.id)


def choose_handle(service: Service, person: Person, handle: str) -> str:
    """Show ``handle`` for a person on the leaderboard, or a pseudonym again where it is empty; the name that is shown.

    Raises HTTPException 422 where others would take it for somebody else.
    """
    wanted = clean(handle).replace("\n", " ").strip()
    if len(wanted) > _HANDLE:
        raise HTTPException(422, f"a handle has at most {_HANDLE} characters")
    folded = wanted.casefold()
    if wanted:
        for other in service.directory:
            if other.id != person.id and folded in (other.id.casefold(), other.name.casefold(), other.email.casefold()):
                raise HTTPException(422, "others would take this handle for somebody else; choose another")
        taken = service.data.choices(LEADERBOARD)
        if any(name.casefold() == folded for who, name in taken.items() if who != person.id):
            raise HTTPException(422, "somebody has this handle; choose another")
    service.data.choose(person.id, LEADERBOARD, wanted)
    service.changed()
    return shown_name(service, person)


def show(request: Request, service: ServiceDep, caller: CallerDep) -> Response:
    """The page."""
    return _show(request, service, caller)


def _show(request: Request, service: Service, caller: Caller, **more: Any) -> Response:
    values: dict[str, Any] = {
        "tokens": service.data.tokens(caller.person.id),
        "scopes": scopes_for(caller.person),
        "handle": service.data.choices(LEADERBOARD).get(caller.person.id, ""),
        "shown": shown_name(service, caller.person),
        "secret": "",
        "problem": "",
    }
    return page(request, "account.html.j2", **(values | more))


def leaderboard_name(
    request: Request, service: ServiceDep, caller: CallerDep, handle: str = Form("", max_length=200)
) -> Response:
    """Choose the name on the leaderboard."""
    try:
        choose_handle(service, caller.person, handle)
    except HTTPException as error:
        return _show(request, service, caller, problem=str(error.detail), handle=handle)
    return RedirectResponse("/account", 303)


def make_token(
    request: Request,
    service: ServiceDep,
    caller: CallerDep,
    name: str = Form("a program", max_length=_NAME),
    scopes: list[str] = Form([]),  # noqa: B008 - FastAPI reads it from the form
) -> Response:
    """Make a token; its secret is shown once, on this page."""
    allowed = scopes_for(caller.person)
    if not scopes or not set(scopes) <= set(allowed):
        return _show(request, service, caller, problem="Choose what the token may be used for.")
    if len(service.data.tokens(caller.person.id)) >= _TOKENS:
        return _show(request, service, caller, problem=f"There are {_TOKENS} tokens already; revoke one first.")
    secret, _ = service.data.make_token(caller.person.id, clean(name) or "a program", scopes, TOKEN)
    return _show(request, service, caller, secret=secret)


def revoke_token(service: ServiceDep, caller: CallerDep, number: int) -> Response:
    """End a token."""
    if not service.data.revoke_token(caller.person.id, number):
        raise HTTPException(404, "there is no such token")
    return RedirectResponse("/account", 303)


def sign_out_everywhere(service: ServiceDep, caller: CallerDep) -> Response:
    """End every session of the person, this one too."""
    service.data.close_sessions(caller.real.id)
    response = RedirectResponse("/sign-in", 303)
    response.delete_cookie(COOKIE, path="/")
    return response


def add_routes(app: FastAPI) -> None:
    """Add these routes to the application."""
    app.get("/account", include_in_schema=False)(show)
    app.post("/account/leaderboard", include_in_schema=False)(leaderboard_name)
    app.post("/account/tokens", include_in_schema=False)(make_token)
    app.post("/account/tokens/{number}/revoke", include_in_schema=False)(revoke_token)
    app.post("/account/sign-out-everywhere", include_in_schema=False)(sign_out_everywhere)
