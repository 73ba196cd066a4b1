"""A program asks to act for a person, who lets it in in a browser (OAuth 2.0 Device Authorization Grant, RFC 8628)."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from fastapi import FastAPI, Form, Request
from fastapi.responses import JSONResponse, Response
from sqlalchemy import delete, insert, select, update

from grader.server.access import SCOPES
from grader.server.account import TOKEN, scopes_for
from grader.server.api_models import DeviceCode, DeviceToken
from grader.server.context import CallerDep, ServiceDep, address_of, too_many
from grader.server.service import Service
from grader.server.sign_in import base_url
from grader.server.views import page
from grader.server.web_data import digest
from grader.server.web_tables import devices
from grader.text import clean

GRANT = "urn:ietf:params:oauth:grant-type:device_code"
_GOOD = timedelta(minutes=15)
_INTERVAL_S, _SLOWER_S = 3, 5
#: No vowels and no signs that look alike, as RFC 8628, section 6.1, suggests: 20 of them, 8 long, are 34 bits.
_SIGNS = "BCDFGHJKLMNPQRSTVWXZ"
_ASKED, _ASKED_S = 30, 600.0
_GUESSES, _GUESSES_S = 20, 600.0


def code(
    request: Request,
    service: ServiceDep,
    client_id: str = Form("", max_length=100),
    scope: str = Form("", max_length=200),
) -> Response:
    """Begin: two codes, one for the device and one for its person."""
    too_many(service.limiter.hit(f"device {address_of(request)}", _ASKED, _ASKED_S))
    wanted = scope.split() or ["read", "submit"]
    if not set(wanted) <= set(SCOPES):
        return _error("invalid_scope")
    secret = secrets.token_urlsafe(32)
    user_code = "".join(secrets.choice(_SIGNS) for _ in range(8))
    now = datetime.now(UTC)
    row = {
        "key": digest(secret),
        "user_code": user_code,
        "scopes": " ".join(sorted(set(wanted))),
        "name": clean(client_id) or "a program",
        "ends_at": now + _GOOD,
        "interval_s": _INTERVAL_S,
    }
    with service.store.connections.writing() as connection:
        connection.execute(delete(devices).where(devices.c.ends_at < now))
        connection.execute(insert(devices), row)
    shown = f"{user_code[:4]}-{user_code[4:]}"
    answer = DeviceCode(
        device_code=secret,
        user_code=shown,
        verification_uri=f"{base_url(request)}/device",
        verification_uri_complete=f"{base_url(request)}/device?code={shown}",
        expires_in=int(_GOOD.total_seconds()),
        interval=_INTERVAL_S,
    )
    return JSONResponse(answer.model_dump())


def token(
    service: ServiceDep, grant_type: str = Form("", max_length=100), device_code: str = Form("", max_length=200)
) -> Response:
    """Ask whether the person has answered; a token as soon as they have let the device in."""
    if grant_type != GRANT:
        return _error("unsupported_grant_type")
    key, now = digest(device_code), datetime.now(UTC)
    with service.store.connections.writing() as connection:
        row = connection.execute(select(devices).where(devices.c.key == key)).mappings().first()
        if row is None:
            return _error("invalid_grant")
        if row["ends_at"] < now:
            return _error("expired_token")
        interval = timedelta(seconds=row["interval_s"])
        if row["asked_at"] is not None and now - row["asked_at"] < interval - timedelta(seconds=0.5):
            slower = update(devices).where(devices.c.key == key)
            connection.execute(slower.values(asked_at=now, interval_s=row["interval_s"] + _SLOWER_S))
            return _error("slow_down")
        connection.execute(update(devices).where(devices.c.key == key).values(asked_at=now))
        if row["denied"]:
            return _error("access_denied")
        if not row["person"]:
            return _error("authorization_pending")
        connection.execute(delete(devices).where(devices.c.key == key))  # one code, one token
    secret, made = service.data.make_token(row["person"], row["name"], row["scopes"].split(), TOKEN)
    answer = DeviceToken(
        access_token=secret, expires_in=int(TOKEN.total_seconds()), scope=" ".join(sorted(made.scopes))
    )
    return JSONResponse(answer.model_dump())


def show(request: Request, service: ServiceDep, code: str = "") -> Response:
    """The page on which a person lets a device in. The code may be in the address; nothing happens without a click."""
    waiting = _waiting(service, code)
    return page(request, "device.html.j2", code=code[:20], waiting=waiting, words=SCOPES, done="", problem="")


def answer(
    request: Request,
    service: ServiceDep,
    caller: CallerDep,
    code: str = Form("", max_length=20),
    decision: Literal["look", "allow", "deny"] = Form("look"),
) -> Response:
    """Let a device in, or not. Its scopes are cut to those that the person may give."""
    too_many(service.limiter.hit(f"guess {caller.real.id}", _GUESSES, _GUESSES_S))
    waiting = _waiting(service, code)
    values: dict[str, Any] = {"code": code, "waiting": waiting, "words": SCOPES, "done": "", "problem": ""}
    if waiting is None:
        return page(
            request, "device.html.j2", **(values | {"problem": "There is no program that waits with this code."})
        )
    allowed = sorted(set(waiting["scopes"].split()) & set(scopes_for(caller.person)))
    if decision == "look":
        return page(request, "device.html.j2", **values)
    with service.store.connections.writing() as connection:
        change = update(devices).where(devices.c.key == waiting["key"], devices.c.person == "", ~devices.c.denied)
        if decision == "allow" and allowed:
            connection.execute(change.values(person=caller.person.id, scopes=" ".join(allowed)))
        else:
            connection.execute(change.values(denied=True))
    return page(
        request, "device.html.j2", **(values | {"done": "allowed" if decision == "allow" and allowed else "denied"})
    )


def _waiting(service: Service, code: str) -> dict[str, str] | None:
    plain = "".join(sign for sign in code.upper() if sign in _SIGNS)
    query = select(devices).where(devices.c.user_code == plain, devices.c.person == "", ~devices.c.denied)
    with service.store.connections.reading() as connection:
        row = connection.execute(query).mappings().first()
    if row is None or row["ends_at"] < datetime.now(UTC):
        return None
    return {"key": row["key"], "name": row["name"], "scopes": row["scopes"]}


def _error(name: str) -> Response:
    return JSONResponse({"error": name}, 400)


def add_routes(app: FastAPI) -> None:
    """Add these routes to the application."""
    app.post("/api/v1/device/code", response_model=DeviceCode)(code)
    app.post("/api/v1/device/token", response_model=DeviceToken)(token)
    app.get("/device", include_in_schema=False)(show)
    app.post("/device", include_in_schema=False)(answer)
