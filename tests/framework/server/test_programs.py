"""Programs that act for a person: let in by RFC 8628, with scopes; the API's description; and what a receiver is told."""

from __future__ import annotations

import json
import threading
import time
from contextlib import contextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
import uvicorn
from typer.testing import CliRunner

from grader.cli.main import app as command_line
from grader.errors import StoreAway, UsageError
from grader.server.api import description
from grader.server.device_flow import GRANT
from grader.server.webhook import SECRET, Webhook, signature
from grader.student.service_client import ServiceClient
from tests.framework.server.conftest import RIGHT, WRONG


def begin(site, scope="read submit"):
    """A device begins; what it is told."""
    return site.browser().post("/api/v1/device/code", data={"client_id": "a terminal", "scope": scope}).json()


def ask(site, begun):
    """A device asks whether it may go on, as if it had waited long enough."""
    from sqlalchemy import update

    from grader.server.web_tables import devices

    with site.service.store.connections.writing() as connection:
        connection.execute(update(devices).values(asked_at=None))
    return (
        site.browser()
        .post("/api/v1/device/token", data={"grant_type": GRANT, "device_code": begun["device_code"]})
        .json()
    )


def test_a_device_is_let_in_by_its_person(site):
    """It waits until somebody who is signed in says yes on the page; its token then acts for them."""
    begun = begin(site)
    assert ask(site, begun) == {"error": "authorization_pending"}
    page = site.browser("kurt").get(f"/device?code={begun['user_code']}").text
    assert "a terminal" in page
    assert "hand in and withdraw for you" in page
    assert ask(site, begun) == {"error": "authorization_pending"}  # looking lets nobody in
    site.post("kurt", "/device", {"code": begun["user_code"], "decision": "allow"})
    told = ask(site, begun)
    assert told["token_type"] == "Bearer"
    client = site.program("kurt")
    client.headers["authorization"] = f"Bearer {told['access_token']}"
    assert client.get("/api/v1/me").json()["id"] == "kurt"
    assert ask(site, begun) == {"error": "invalid_grant"}  # one code, one token


def test_a_device_that_is_refused_or_too_late_gets_nothing(site):
    """Refused, unknown and expired are told apart, as the RFC says."""
    begun = begin(site)
    site.post("kurt", "/device", {"code": begun["user_code"].lower(), "decision": "deny"})
    assert ask(site, begun) == {"error": "access_denied"}
    assert ask(site, {"device_code": "unknown"}) == {"error": "invalid_grant"}
    from sqlalchemy import update

    from grader.server.web_tables import devices

    late = begin(site)
    with site.service.store.connections.writing() as connection:
        connection.execute(update(devices).values(ends_at=site.now[0] - timedelta(days=300)))
    assert ask(site, late) == {"error": "expired_token"}
    assert (
        "no program that waits" in site.post("kurt", "/device", {"code": late["user_code"], "decision": "allow"}).text
    )


def test_a_device_that_asks_too_often_is_told_to_slow_down(site):
    """And waits longer from then on."""
    begun = begin(site)
    data = {"grant_type": GRANT, "device_code": begun["device_code"]}
    answers = [site.browser().post("/api/v1/device/token", data=data).json()["error"] for _ in range(2)]
    assert answers == ["authorization_pending", "slow_down"]


def test_codes_cannot_be_guessed_one_after_another(site):
    """After some wrong codes a person is told to wait."""
    answers = [
        site.post("kurt", "/device", {"code": f"BBBB-{number:04}", "decision": "allow"}).status_code
        for number in range(22)
    ]
    assert answers[-1] == 429


def test_a_student_cannot_give_a_device_more_than_they_may(site):
    """A scope of staff's is not in the token, whatever was asked for."""
    begun = begin(site, "read staff")
    site.post("kurt", "/device", {"code": begun["user_code"], "decision": "allow"})
    assert ask(site, begun)["scope"] == "read"
    assert begin(site, "everything") == {"error": "invalid_scope"}


def test_a_token_is_shown_once_and_ends_when_it_is_revoked(site):
    """Afterwards it lets nobody in; somebody else's cannot be revoked."""
    page = site.post("kurt", "/account/tokens", {"name": "x", "scopes": ["read"]}).text
    secret = page.partition('<code class="hash">')[2].partition("<")[0]
    assert secret.startswith("agt_")
    assert secret not in site.browser("kurt").get("/account").text
    client = site.program("kurt")
    client.headers["authorization"] = f"Bearer {secret}"
    assert client.get("/api/v1/me").status_code == 200
    number = site.service.data.tokens("kurt")[-1].id
    assert site.post("emmy", f"/account/tokens/{number}/revoke").status_code == 404
    assert site.post("kurt", f"/account/tokens/{number}/revoke").status_code == 303
    answer = client.get("/api/v1/me")
    assert answer.status_code == 401
    assert "invalid_token" in answer.headers["www-authenticate"]


def test_the_description_has_every_route_of_the_api(site):
    """Each with what it answers; pages are not in it."""
    found = description(site.app)
    from grader.server.access import RULES

    paths = {(method, path) for method, path in RULES if path.startswith("/api/") and not path.endswith("openapi.json")}
    assert {(method.upper(), path) for path, item in found["paths"].items() for method in item} == paths
    assert found["paths"]["/api/v1/assignments/{assignment}/submissions"]["post"]["requestBody"]["required"]


class _Receiver(BaseHTTPRequestHandler):
    taken: list
    refuse: list

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        if self.refuse:
            self.refuse.pop()
            self.send_error(503)
            return
        self.taken.append((dict(self.headers), body))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_):
        """Print nothing."""


def test_a_receiver_is_told_of_what_was_graded_and_can_check_by_whom(site, monkeypatch):
    """One event an attempt, signed over its time and body; a refusal is tried again."""
    from dataclasses import replace

    from grader.course.server_config import WebhookConfig

    monkeypatch.setenv(SECRET, "hush")
    handler = type("Handler", (_Receiver,), {"taken": [], "refuse": [1]})
    with HTTPServer(("127.0.0.1", 0), handler) as receiver:
        threading.Thread(target=receiver.serve_forever, daemon=True).start()
        config = replace(
            site.service.course,
            server=site.service.course.server.model_copy(
                update={"webhook": WebhookConfig(url=f"http://127.0.0.1:{receiver.server_port}/")}
            ),
        )
        hook = Webhook(lambda: config, sleep=lambda _: None)
        number = site.handed_in("kurt")
        hook.graded(site.service.store.submission(number), site.grade(number))
        hook.wait()
        receiver.shutdown()
    ((headers, body),) = handler.taken
    event = json.loads(body)
    assert (event["event"], event["submission"], event["owner"], event["score"]) == ("graded", number, "kurt", 15.0)
    headers = {name.lower(): value for name, value in headers.items()}
    assert (
        headers["x-autograde-signature"] == f"sha256={signature('hush', int(headers['x-autograde-timestamp']), body)}"
    )
    assert b"return x" not in body


@contextmanager
def served(app):
    """The application at a port of this machine; its address."""
    server = uvicorn.Server(
        uvicorn.Config(app, host="127.0.0.1", port=0, log_config=None, access_log=False, lifespan="off")
    )
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(10)


def test_the_command_line_hands_in_looks_and_fetches(site, tmp_path, monkeypatch):
    """The browser is asked once; then files go up, the receipt and the points come back, and so do report and files."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setattr("grader.student.service_client.time.sleep", lambda _: None)
    work = tmp_path / "bundle"
    work.mkdir()
    (work / "backprop.py").write_bytes(RIGHT)
    (work / "pyproject.toml").write_text(
        '[tool.autograde]\nassignment = "backprop"\nfiles = ["backprop.py", "extra.py"]\n'
    )
    run = CliRunner()

    def let_in(address, code):
        site.post("kurt", "/device", {"code": code, "decision": "allow"})

    monkeypatch.setattr("grader.cli.service_calls._show_code", let_in)
    with served(site.app) as url:
        answer = run.invoke(command_line, ["submit", str(work), "--to", url, "--no-wait"])
        assert answer.exit_code == 1, answer.output  # something is missing
        assert "extra.py" in answer.output
        assert "MISSING" in answer.output
        (submission,) = site.service.store.submissions("backprop")
        assert submission.owner == "kurt"
        site.grade(submission.id)
        answer = run.invoke(command_line, ["status", str(submission.id), "--to", url])
        assert "15 of 15 points" in answer.output
        assert "backprop" in run.invoke(command_line, ["status", "--to", url]).output
        answer = run.invoke(command_line, ["fetch", str(submission.id), "--to", url, "--out", str(tmp_path / "out")])
        assert answer.exit_code == 0, answer.output
        place = tmp_path / "out" / str(submission.id)
        assert (place / "files" / "backprop.py").read_bytes() == RIGHT
        assert json.loads((place / "report.json").read_text())["score"] == 15.0
        tokens = tmp_path / "config" / "autograde" / "tokens.json"
        assert tokens.stat().st_mode & 0o077 == 0
        with pytest.raises(UsageError, match="no such submission"):
            ServiceClient(url).submission(999)


def test_a_service_that_cannot_reach_its_results_is_asked_again(site, tmp_path, monkeypatch):
    """It says when: after that the same files go up once more, and are one submission. It is not asked for ever."""
    waits, real, away = [], site.service.store.put_submission, [2]
    monkeypatch.setattr("grader.student.service_client.time.sleep", waits.append)
    monkeypatch.setattr("grader.server.hand_in._PAUSES_S", ())

    def put(*arguments, **named):
        found = real(*arguments, **named)
        if away[0]:
            away[0] -= 1
            raise StoreAway("the connection was lost")
        return found

    monkeypatch.setattr(site.service.store, "put_submission", put)
    token, _ = site.service.data.make_token("kurt", "test", ["read", "submit"], timedelta(days=1))
    with served(site.app) as url:
        monkeypatch.setenv("AUTOGRADE_TOKEN", token)
        client = ServiceClient(url, tokens=tmp_path / "t.json")
        receipt = client.submit("backprop", {"backprop.py": RIGHT})
        assert [item.id for item in site.service.store.submissions("backprop")] == [receipt["id"]]
        assert [wait for wait in waits if wait >= 1] == [5, 5]  # the service's own code sleeps as well, for less
        away[0] = 99
        with pytest.raises(UsageError, match="cannot be reached at the moment"):
            client.submit("backprop", {"backprop.py": RIGHT + b"#"})


def test_a_token_never_crosses_a_network_in_the_clear(tmp_path):
    """Plain http is for this machine alone."""
    with pytest.raises(UsageError, match="cross the network unencrypted"):
        ServiceClient("http://grade.example.org", tokens=tmp_path / "t.json")
    assert ServiceClient("grade.example.org", tokens=tmp_path / "t.json").url == "https://grade.example.org"


def test_withdrawing_and_handing_in_again(site):
    """What was withdrawn counts for nothing; the same files handed in once more count again, with their first time."""
    number = site.handed_in("kurt", {"backprop.py": WRONG})
    site.grade(number)
    client = site.program("kurt")
    assert client.post(f"/api/v1/submissions/{number}/withdraw").json()["withdrawn"]
    assert client.get("/api/v1/assignments/backprop").json()["score"] is None
    again = client.post("/api/v1/assignments/backprop/submissions", files={"files": ("backprop.py", WRONG)}).json()
    assert (again["id"], again["new"], again["withdrawn"]) == (number, False, False)
    assert client.get("/api/v1/assignments/backprop").json()["score"] == 15.0
