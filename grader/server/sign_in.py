"""Signing in and out: by a link that is e-mailed or printed. Nobody learns from it who is enrolled."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import urlsplit

from fastapi import FastAPI, Form, Request
from fastapi.responses import RedirectResponse, Response

from grader.server.context import COOKIE, CallerDep, ServiceDep, address_of, too_many
from grader.server.directory import Person
from grader.server.service import Service
from grader.server.views import page

#: How long a link works that somebody asked for, and one that staff printed.
LINK = timedelta(minutes=20)
PRINTED_LINK = timedelta(days=7)
#: Links that one address may ask for, and links for one person, in so many seconds; and guesses at links.
_ASKED, _ASKED_FOR, _ASKED_S = 20, 5, 900.0
_TRIED, _TRIED_S = 60, 60.0


def link_for(service: Service, person: Person, length: timedelta, base: str) -> str:
    """A link that signs a person in once; ``base`` is the service's address, without a slash at its end."""
    return f"{base}/sign-in/{service.data.make_link(person.id, length)}"


def show(request: Request, service: ServiceDep, to: str = "/") -> Response:
    """The form that asks for a link."""
    if getattr(request.state, "caller", None) is not None:
        return RedirectResponse("/", 303)
    return page(
        request, "sign_in.html.j2", sent=False, to=local(to), oidc=service.course.server.oidc, mail=service.mailer.works
    )


def ask(request: Request, service: ServiceDep, who: str = Form("", max_length=320)) -> Response:
    """Send a link to whoever it is; the answer, and the time it takes, are the same for everybody."""
    too_many(service.limiter.hit(f"ask {address_of(request)}", _ASKED, _ASKED_S))
    person = service.directory.find(who)
    # One limit for a person, however often they are asked for; and silent, for a refusal would say that they exist.
    allowed = not service.limiter.hit(f"link {who.strip().casefold()}", _ASKED_FOR, _ASKED_S)
    # The same work for somebody whom nobody knows: a link that signs nobody in.
    secret = service.data.make_link(person.id if person else "", LINK)
    to = person.email if person is not None and allowed else ""
    service.mailer.send_link(to, f"{base_url(request)}/sign-in/{secret}", int(LINK.total_seconds() // 60))
    return page(
        request, "sign_in.html.j2", sent=True, to="/", oidc=service.course.server.oidc, mail=service.mailer.works
    )


def confirm(request: Request, secret: str, to: str = "/") -> Response:
    """A page with a button: a program that follows every link in a mail uses none up, and shows nothing of whose it is."""
    return page(request, "sign_in_confirm.html.j2", secret=secret, to=local(to))


def enter(request: Request, service: ServiceDep, secret: str, to: str = Form("/", max_length=2000)) -> Response:
    """Use a link: from now on the browser is signed in, in a session that it did not have before."""
    too_many(service.limiter.hit(f"enter {address_of(request)}", _TRIED, _TRIED_S))
    name = service.data.use_link(secret)
    person = service.directory.get(name) if name else None
    if person is None:
        return page(request, "sign_in_failed.html.j2", status=403)
    return signed_in(request, service, person, to)


def signed_in(request: Request, service: Service, person: Person, to: str) -> Response:
    """A fresh session for a person, in place of whichever the browser had."""
    length = timedelta(days=service.course.server.session_days)
    secret = service.data.open_session(person.id, length, replaces=request.cookies.get(COOKIE, ""))
    response = RedirectResponse(local(to), 303)
    response.set_cookie(
        COOKIE,
        secret,
        max_age=int(length.total_seconds()),
        path="/",
        httponly=True,
        samesite="lax",
        secure=_is_secure(request),
    )
    return response


def leave(request: Request, service: ServiceDep, caller: CallerDep) -> Response:
    """Sign out, or stop looking at a student's pages."""
    if caller.acting and caller.session is not None:
        service.data.act_for(caller.session, "")
        return RedirectResponse("/staff", 303)
    service.data.close_session(request.cookies.get(COOKIE, ""))
    response = RedirectResponse("/sign-in", 303)
    response.delete_cookie(COOKIE, path="/")
    return response


def local(to: str) -> str:
    """``to`` where it is a path of ours; the first page otherwise: no link leads from here to another site."""
    parts = urlsplit(to.replace("\\", "/"))
    plain = to.startswith("/") and not to.startswith("//") and not parts.netloc and not parts.scheme
    return to if plain and to.isprintable() else "/"


def base_url(request: Request) -> str:
    """The service's address: the one in autograde.yml, or the one that was called."""
    service: Service = request.app.state.service
    return service.course.server.url or f"{request.url.scheme}://{request.url.netloc}"


def _is_secure(request: Request) -> bool:
    return base_url(request).startswith("https:")


def add_routes(app: FastAPI) -> None:
    """Add these routes to the application."""
    app.get("/sign-in", include_in_schema=False)(show)
    app.post("/sign-in", include_in_schema=False)(ask)
    app.get("/sign-in/{secret}", include_in_schema=False)(confirm)
    app.post("/sign-in/{secret}", include_in_schema=False)(enter)
    app.post("/sign-out", include_in_schema=False)(leave)
