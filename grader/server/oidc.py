"""Signing in by an OpenID Connect provider: the authorization code flow with PKCE, state and nonce."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import secrets
from functools import cached_property
from typing import Any
from urllib.parse import urlencode

import httpx2 as httpx
from fastapi import FastAPI, HTTPException, Request
from fastapi.responses import RedirectResponse, Response
from itsdangerous import BadData, URLSafeTimedSerializer
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from starlette.concurrency import run_in_threadpool

from grader.course.server_config import OidcConfig
from grader.server.context import ServiceDep
from grader.server.secret_values import secret_value
from grader.server.service import Service
from grader.server.sign_in import base_url, local, signed_in
from grader.server.views import page

#: The cookie that holds what a browser began, and how long that is good, in seconds.
_COOKIE, _GOOD_S = "autograde_oidc", 600
_ALGORITHMS = ["RS256", "RS384", "RS512", "ES256", "ES384", "PS256", "EdDSA"]
_TIMEOUT_S = 10.0


class Provider:
    """A provider as its metadata describes it. ``transport`` is for tests."""

    def __init__(self, config: OidcConfig, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self.config, self._transport = config, transport
        self._metadata: dict[str, Any] | None = None
        self._lock = asyncio.Lock()

    async def metadata(self) -> dict[str, Any]:
        """Its endpoints and the address of its keys; read once.

        Raises HTTPException 502 where it cannot be reached, or names another issuer than autograde.yml.
        """
        async with self._lock:
            if self._metadata is None:
                issuer = self.config.issuer.rstrip("/")
                found = await self._get(f"{issuer}/.well-known/openid-configuration")
                if str(found.get("issuer", "")).rstrip("/") != issuer:
                    raise HTTPException(502, "the sign-in service is not the one that was set up")
                self._metadata = found
            return self._metadata

    async def exchange(self, code: str, redirect: str, verifier: str) -> str:
        """The ID token that a code is worth.

        Raises HTTPException 403 where the provider refuses, 502 where it does not answer.
        """
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": redirect,
            "code_verifier": verifier,
            "client_id": self.config.client_id,
        }
        if self._secret:
            form["client_secret"] = self._secret
        try:
            async with httpx.AsyncClient(timeout=_TIMEOUT_S, transport=self._transport) as client:
                answer = await client.post((await self.metadata())["token_endpoint"], data=form)
                found = answer.json() if answer.is_success else {}
        except (httpx.HTTPError, ValueError) as error:
            raise HTTPException(502, "the sign-in service cannot be reached at the moment") from error
        if not isinstance(found, dict) or not isinstance(found.get("id_token"), str):
            raise HTTPException(403, "the sign-in service refused")
        return str(found["id_token"])

    async def claims(self, id_token: str, nonce: str) -> dict[str, Any]:
        """What a token says, once its signature, issuer, audience, time and nonce are found to be right.

        Raises HTTPException 403 where one of them is not.
        """
        metadata = await self.metadata()
        keys = await self._get(metadata["jwks_uri"])
        wanted = jwt.JWTClaimsRegistry(
            leeway=60,
            iss={"essential": True, "value": metadata["issuer"]},
            aud={"essential": True, "value": self.config.client_id},
            exp={"essential": True},
            nonce={"essential": True, "value": nonce},
        )
        try:
            token = jwt.decode(id_token, KeySet.import_key_set(keys), algorithms=_ALGORITHMS)  # type: ignore[arg-type]
            wanted.validate(token.claims)
        except (JoseError, ValueError, KeyError, TypeError) as error:
            raise HTTPException(403, "the sign-in service gave an answer that is not valid") from error
        return dict(token.claims)

    @cached_property
    def _secret(self) -> str:
        return secret_value("AUTOGRADE_OIDC_SECRET")

    async def _get(self, url: str) -> dict[str, Any]:
        try:
            async with httpx.AsyncClient(timeout=_TIMEOUT_S, transport=self._transport) as client:
                answer = (await client.get(url)).raise_for_status().json()
        except (httpx.HTTPError, ValueError) as error:
            raise HTTPException(502, "the sign-in service cannot be reached at the moment") from error
        if not isinstance(answer, dict):
            raise HTTPException(502, "the sign-in service gave an answer that is not valid")
        return answer


async def start(request: Request, service: ServiceDep, to: str = "/") -> Response:
    """Send the browser to the provider."""
    provider = provider_of(request)
    metadata = await provider.metadata()
    begun = {
        "state": secrets.token_urlsafe(24),
        "nonce": secrets.token_urlsafe(24),
        "verifier": secrets.token_urlsafe(48),
        "to": local(to),
    }
    asked = {
        "response_type": "code",
        "client_id": provider.config.client_id,
        "redirect_uri": _redirect(request),
        "scope": "openid email profile",
        "state": begun["state"],
        "nonce": begun["nonce"],
        "code_challenge": base64.urlsafe_b64encode(hashlib.sha256(begun["verifier"].encode()).digest())
        .decode()
        .rstrip("="),
        "code_challenge_method": "S256",
    }
    url = f"{metadata['authorization_endpoint']}?{urlencode(asked)}"
    response = RedirectResponse(url, 303)
    secure = base_url(request).startswith("https:")
    response.set_cookie(
        _COOKIE,
        _signer(service).dumps(begun),
        max_age=_GOOD_S,
        path="/oidc",
        httponly=True,
        samesite="lax",
        secure=secure,
    )
    return response


async def callback(request: Request, service: ServiceDep, code: str = "", state: str = "") -> Response:
    """Take the browser back: exchange the code, and sign in whom the provider vouches for."""
    provider = provider_of(request)
    try:
        begun = _signer(service).loads(request.cookies.get(_COOKIE, ""), max_age=_GOOD_S)
    except BadData:
        begun = None
    if begun is None or not code or not secrets.compare_digest(begun["state"].encode(), state.encode()):
        return await run_in_threadpool(lambda: page(request, "sign_in_failed.html.j2", status=403))
    id_token = await provider.exchange(code, _redirect(request), begun["verifier"])
    claims = await provider.claims(id_token, begun["nonce"])
    person = service.directory.find(str(claims.get(provider.config.claim, "")))
    # An address that the provider has not checked may be anybody's.
    if provider.config.claim == "email" and not claims.get("email_verified", False):
        person = None
    if person is None:
        return await run_in_threadpool(lambda: page(request, "sign_in_failed.html.j2", status=403))
    response = await run_in_threadpool(signed_in, request, service, person, begun["to"])
    response.delete_cookie(_COOKIE, path="/oidc")
    return response


def provider_of(request: Request) -> Provider:
    """The provider that autograde.yml names.

    Raises HTTPException 404 where it names none.
    """
    service: Service = request.app.state.service
    config = service.course.server.oidc
    if config is None:
        raise HTTPException(404, "there is no sign-in by another service here")
    known: Provider | None = getattr(request.app.state, "provider", None)
    if known is None or known.config != config:
        known = request.app.state.provider = Provider(config)
    return known


def _redirect(request: Request) -> str:
    return f"{base_url(request)}/oidc/callback"


def _signer(service: Service) -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(service.secret, salt="oidc")


def add_routes(app: FastAPI) -> None:
    """Add these routes to the application."""
    app.get("/oidc/start", include_in_schema=False)(start)
    app.get("/oidc/callback", include_in_schema=False)(callback)
