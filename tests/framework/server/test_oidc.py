"""Signing in by OpenID Connect, against a provider of our own: what it vouches for, and what is refused."""

from __future__ import annotations

import base64
import hashlib
import json
import time
from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest
from joserfc import jwt
from joserfc.jwk import ECKey

from grader.course.server_config import OidcConfig
from grader.server.context import COOKIE
from grader.server.oidc import Provider

ISSUER = "https://login.example.org"


class Authority:
    """A provider: it vouches for whom a test says, and checks what a client sends."""

    def __init__(self):
        self.key, self.other = ECKey.generate_key("P-256"), ECKey.generate_key("P-256")
        self.claims = {"email": "kurt@example.org", "email_verified": True}
        self.codes, self.wrong = {}, ""

    def __call__(self, request):
        """Answer a request of the client's."""
        path = request.url.path
        if path.endswith("/openid-configuration"):
            issuer = "https://evil.example" if self.wrong == "issuer" else ISSUER
            return httpx2.Response(200, json={
                "issuer": issuer, "authorization_endpoint": f"{ISSUER}/authorize",
                "token_endpoint": f"{ISSUER}/token", "jwks_uri": f"{ISSUER}/keys",
            })  # fmt: skip
        if path == "/keys":
            return httpx2.Response(200, json={"keys": [self.key.as_dict(private=False)]})
        form = {name: values[0] for name, values in parse_qs(request.content.decode()).items()}
        challenge, nonce = self.codes.pop(form["code"], (None, None))
        verifier = (
            base64.urlsafe_b64encode(hashlib.sha256(form["code_verifier"].encode()).digest()).decode().rstrip("=")
        )
        if challenge != verifier:
            return httpx2.Response(400, json={"error": "invalid_grant"})
        now = int(time.time())
        claims = {"iss": ISSUER, "aud": "autograde", "exp": now + 60, "nonce": nonce, "sub": "1", **self.claims}
        changes = {
            "audience": {"aud": "other"},
            "nonce": {"nonce": "x"},
            "late": {"exp": now - 3600},
            "token issuer": {"iss": "x"},
        }
        claims |= changes.get(self.wrong, {})
        key = self.other if self.wrong == "key" else self.key
        token = jwt.encode({"alg": "ES256"}, claims, key)
        if self.wrong == "none":
            head = base64.urlsafe_b64encode(b'{"alg":"none"}').decode().rstrip("=")
            body = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
            token = f"{head}.{body}."
        return httpx2.Response(200, json={"access_token": "x", "token_type": "Bearer", "id_token": token})

    def allow(self, location):
        """What the provider does when somebody has signed in there: a code, and where the browser goes with it."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(location).query).items()}
        assert asked["code_challenge_method"] == "S256"
        self.codes["c0de"] = (asked["code_challenge"], asked["nonce"])
        return f"/oidc/callback?code=c0de&state={asked['state']}"


@pytest.fixture
def authority(site):
    """The service with a provider."""
    found = Authority()
    config = OidcConfig(issuer=ISSUER, client_id="autograde", name="Example University")
    course = site.service.course
    site.service._course = replace(course, server=course.server.model_copy(update={"oidc": config}))
    site.app.state.provider = Provider(config, httpx2.MockTransport(found))
    return found


def test_somebody_whom_the_provider_vouches_for_is_signed_in(site, authority):
    """And led to where they wanted to go, in a session of their own."""
    client = site.browser()
    assert "Sign in with Example University" in client.get("/sign-in").text
    back = authority.allow(client.get("/oidc/start?to=/account").headers["location"])
    answer = client.get(back)
    assert answer.headers["location"] == "/account"
    assert site.service.data.session(answer.cookies[COOKIE]).person == "kurt"
    assert client.get(back).status_code == 403  # the code, and the browser's memory of it, are used up


@pytest.mark.parametrize("wrong", ["issuer", "audience", "nonce", "late", "token issuer", "key", "none"])
def test_an_answer_that_is_not_right_signs_nobody_in(site, authority, wrong):
    """Another issuer, audience, nonce or key, an expired token, one without a signature."""
    client = site.browser()
    if wrong == "issuer":
        authority.wrong = wrong
        assert client.get("/oidc/start").status_code == 502
        return
    back = authority.allow(client.get("/oidc/start").headers["location"])
    authority.wrong = wrong
    assert client.get(back).status_code == 403
    assert COOKIE not in client.cookies


def test_a_callback_that_the_browser_did_not_begin_is_refused(site, authority):
    """Another browser's, and one with another state: somebody could have been signed in as somebody else."""
    back = authority.allow(site.browser().get("/oidc/start").headers["location"])
    stranger = site.browser("")
    stranger.cookies.clear()
    assert stranger.get(back).status_code == 403
    client = site.browser("")
    client.get("/oidc/start")
    assert client.get("/oidc/callback?code=c0de&state=other").status_code == 403


def test_an_address_that_was_not_verified_is_nobodys(site, authority):
    """Whoever may write any address into their account there signs in as nobody here."""
    client = site.browser()
    authority.claims["email_verified"] = False
    assert client.get(authority.allow(client.get("/oidc/start").headers["location"])).status_code == 403
    authority.claims |= {"email_verified": True, "email": "stranger@example.org"}
    assert client.get(authority.allow(client.get("/oidc/start").headers["location"])).status_code == 403


def test_without_a_provider_there_is_none(site):
    """The routes say so, and the page has no button."""
    assert site.browser().get("/oidc/start").status_code == 404
    assert "Sign in with" not in site.browser().get("/sign-in").text
