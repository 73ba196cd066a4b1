"""What strangers, other sites and hostile uploads get from the service: nothing."""

from __future__ import annotations

import io
import re
import tarfile
from datetime import timedelta

import pytest

from grader.server.context import COOKIE
from grader.server.limiter import Limiter
from grader.server.log_lines import JsonLines
from grader.server.sign_in import local
from tests.framework.server.conftest import COURSE, RIGHT, zipped


def test_every_answer_carries_the_headers(site):
    """Pages, refusals, data and files: no script but ours, no sniffing, no framing, no caching."""
    number = site.handed_in("kurt")
    kurt = site.browser("kurt")
    for path in (
        "/",
        "/nowhere",
        f"/submissions/{number}",
        "/api/v1/me",
        f"/submissions/{number}/files/backprop.py",
        "/static/site.css",
    ):
        headers = kurt.get(path).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "script-src 'unsafe" not in policy
        assert headers["referrer-policy"] == "same-origin"
    assert kurt.get("/").headers["cache-control"] == "no-store"


def test_no_page_has_a_script_of_its_own(site):
    """Scripts are files of ours: nothing that a policy would have to let in."""
    number = site.handed_in("kurt")
    site.grade(number)
    for path in (
        "/",
        "/assignments/backprop",
        f"/submissions/{number}",
        "/account",
        "/device",
        "/assignments/backprop/leaderboard",
    ):
        page = site.browser("kurt").get(path).text
        assert re.findall(r"<script(?! src=)", page) == []
        assert re.findall(r"\son\w+=", page) == []
        assert "<style" not in page


def test_what_students_sent_is_saved_and_never_shown_as_a_page(site):
    """A file that claims to be HTML comes as an attachment of bytes, in a sandbox."""
    number = site.handed_in("kurt", {"backprop.py": RIGHT, "evil.txt": b"<script>alert(1)</script>"})
    answer = site.browser("kurt").get(f"/submissions/{number}/files/evil.txt")
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["content-disposition"].startswith("attachment")
    assert "sandbox" in answer.headers["content-security-policy"]


def test_names_of_files_are_text(site):
    """Markup in a file's name, or in a handle, stays text on every page."""
    number = site.handed_in("kurt", {"backprop.py": RIGHT, "<img src=x onerror=alert(1)>.csv": b"1"})
    site.post("kurt", "/account/leaderboard", {"handle": "<b>bold</b>"})
    site.grade(number)
    for path in (f"/submissions/{number}", "/account", "/assignments/backprop/leaderboard"):
        page = site.browser("kurt").get(path).text
        assert "<img src=x" not in page
        assert "<b>bold" not in page


def test_a_form_without_the_sessions_token_changes_nothing(site):
    """A missing, a wrong and another session's token are refused, for uploads too."""
    number = site.handed_in("kurt")
    client = site.browser("kurt")
    for token in (None, "", "wrong", site.csrf("emmy")):
        data = {} if token is None else {"csrf": token}
        assert client.post(f"/submissions/{number}/withdraw", data=data).status_code == 403
        files = [("files", ("backprop.py", b"x = 1", "text/plain"))]
        assert client.post("/assignments/backprop/submissions", data=data, files=files).status_code == 403
    assert site.service.store.withdrawn() == frozenset()
    assert len(site.service.store.submissions("backprop")) == 1


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ],
)
def test_a_form_from_another_site_is_refused(site, headers):
    """Even with the right token; and the form that signs in as well, which has none."""
    number = site.handed_in("kurt")
    data = {"csrf": site.csrf("kurt")}
    assert site.browser("kurt").post(f"/submissions/{number}/withdraw", data=data, headers=headers).status_code == 403
    assert site.browser().post("/sign-in", data={"who": "kurt"}, headers=headers).status_code == 403


def test_signing_in_makes_a_new_session(site):
    """A session that somebody planted in the browser is nobody's afterwards: it is not taken over, and it ends."""
    planted = site.browser("emmy").cookies[COOKIE]
    victim = site.browser()
    victim.cookies.set(COOKIE, planted)
    secret = site.service.data.make_link("kurt", timedelta(minutes=5))
    fresh = victim.post(f"/sign-in/{secret}").cookies[COOKIE]
    assert fresh != planted
    assert site.service.data.session(fresh).person == "kurt"
    assert site.service.data.session(planted) is None


def test_a_cookie_is_for_the_server_alone(site):
    """No script reads it, no other site sends it, and with https nothing else carries it."""
    secret = site.service.data.make_link("kurt", timedelta(minutes=5))
    cookie = site.browser().post(f"/sign-in/{secret}").headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie


def test_a_link_signs_in_once_and_not_for_ever(site):
    """The second use, and one after its time, sign nobody in; reading it uses nothing up."""
    secret = site.service.data.make_link("kurt", timedelta(minutes=5))
    late = site.service.data.make_link("kurt", timedelta(seconds=-1))
    client = site.browser()
    for _ in range(3):
        assert client.get(f"/sign-in/{secret}").status_code == 200
    assert client.post(f"/sign-in/{secret}").status_code == 303
    client.cookies.clear()
    assert client.post(f"/sign-in/{secret}").status_code == 403
    assert client.post(f"/sign-in/{late}").status_code == 403


class _Post:
    """A mailer that keeps what it is to send."""

    works = True

    def __init__(self):
        self.sent = []

    def send_link(self, to, link, minutes):
        self.sent.append((to, link))


def test_asking_for_a_link_does_not_say_who_is_enrolled(site):
    """The answer is the same to the letter, the same calls are made, and only who is enrolled gets a mail."""
    site.service.mailer = post = _Post()
    answers = [
        site.browser().post("/sign-in", data={"who": who}) for who in ("kurt@example.org", "KURT", "nobody@example.org")
    ]
    assert len({answer.text for answer in answers}) == 1
    assert {answer.status_code for answer in answers} == {200}
    assert [to for to, _ in post.sent] == ["kurt@example.org", "kurt@example.org", ""]
    stranger = post.sent[2][1].rpartition("/")[2]
    assert site.browser().post(f"/sign-in/{stranger}").status_code == 403


def test_one_address_asks_for_only_so_many_links(site):
    """After that it is told to wait; and one person gets only a few mails, whoever asks."""
    site.service.mailer = post = _Post()
    answers = [site.browser().post("/sign-in", data={"who": "kurt"}) for _ in range(25)]
    assert [answer.status_code for answer in answers[:20]] == [200] * 20
    assert answers[-1].status_code == 429
    assert int(answers[-1].headers["retry-after"]) > 0
    assert len([to for to, _ in post.sent if to]) == 5


def test_the_limiter_forgets_after_the_window():
    """Two in ten seconds: the third waits until the first is ten seconds old; refusals count for nothing."""
    clock = [0.0]
    limiter = Limiter(lambda: clock[0])
    assert [limiter.hit("a", 2, 10) for _ in range(2)] == [0.0, 0.0]
    clock[0] = 4.0
    assert [limiter.hit("a", 2, 10) for _ in range(3)] == [6.0] * 3
    assert limiter.hit("b", 2, 10) == 0.0
    clock[0] = 10.0
    assert limiter.hit("a", 2, 10) == 0.0


def test_a_proxys_word_for_an_address_counts_only_where_it_is_named(site):
    """Anybody may write the header: without `server.proxies` it says nothing."""
    site.service.mailer = _Post()
    codes = [
        site.browser()
        .post("/sign-in", data={"who": "kurt"}, headers={"x-forwarded-for": f"10.0.0.{number}"})
        .status_code
        for number in range(22)
    ]
    assert codes[-1] == 429


@pytest.mark.parametrize(
    "to",
    [
        "https://evil.example/",
        "//evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "javascript:alert(1)",
        "/a\r\nb",
        "",
    ],
)
def test_signing_in_leads_to_no_other_site(to):
    """What is no path of ours becomes the first page."""
    assert local(to) == "/"


def test_signing_in_leads_back_to_where_one_wanted_to_go(site):
    """With its query; the page asks for it on the way."""
    answer = site.browser().get("/assignments/backprop?x=1")
    assert answer.headers["location"] == "/sign-in?to=/assignments/backprop%3Fx=1" or answer.headers[
        "location"
    ].startswith("/sign-in?to=/assignments/backprop")
    assert local("/assignments/backprop?x=1") == "/assignments/backprop?x=1"


def test_an_upload_beyond_the_limit_is_refused_as_it_comes(site, monkeypatch):
    """By what it says and by what it sends; nothing of it is kept."""
    monkeypatch.setattr("grader.server.app._SPARE_BYTES", -(100 << 20) + 50_000)
    token = site.csrf("kurt")
    files = [("files", ("backprop.py", b"#" * 200_000, "text/plain"))]
    answer = site.browser("kurt").post("/assignments/backprop/submissions", data={"csrf": token}, files=files)
    assert answer.status_code == 413

    def chunks():
        for _ in range(40):
            yield b"x" * 10_000

    headers = {"content-type": "multipart/form-data; boundary=x"}
    assert (
        site.browser("kurt").post("/assignments/backprop/submissions", content=chunks(), headers=headers).status_code
        == 413
    )
    assert site.service.store.submissions("backprop") == []


def _tar(name, **how):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        info = tarfile.TarInfo(name)
        for key, value in how.items():
            setattr(info, key, value)
        archive.addfile(info)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("../../etc/passwd", b"x"),
        ("backprop.py", b"\0" * 1000),
        ("backprop.py", b"(" * 100_000),
        ("backprop.py", b"x = " + b"-" * 100_000 + b"1"),
        ("work.zip", zipped({"../../../tmp/evil.py": b"x"})),
        ("work.zip", zipped({"a.txt": b"0" * 30_000_000})),
        ("work.zip", b"PK\3\4" + b"\xff" * 100),
        ("work.tar.gz", _tar("link", type=tarfile.SYMTYPE, linkname="/etc/passwd")),
        ("work.ipynb", b'{"cells": [{"cell_type": "code", "source": ' + b"[" * 5000),
        ("a" * 5000 + ".py", b"x"),
        ("\u202egnp.py", b"x"),
        ("", b"x"),
    ],
)
def test_a_hostile_upload_is_refused_or_kept_and_breaks_nothing(site, name, data):
    """The answer is a receipt or a sentence; nothing is written outside the state folder, and nothing is left lying about."""
    answer = site.hand_in("kurt", {name: data})
    assert answer.status_code in (303, 422, 400, 403)
    if answer.status_code == 303:
        assert site.browser("kurt").get(answer.headers["location"]).status_code == 200
    incoming = site.service.store.state / "incoming"
    assert not incoming.exists() or list(incoming.iterdir()) == []


def test_secrets_are_not_kept_as_they_are(site):
    """Neither a session's, a link's nor a token's secret is in the database."""
    session = site.browser("kurt").cookies[COOKIE]
    link = site.service.data.make_link("kurt", timedelta(minutes=5))
    token, _ = site.service.data.make_token("kurt", "x", ["read"], timedelta(days=1))
    everything = b"".join(path.read_bytes() for path in site.service.store.state.glob("store.db*"))
    assert b"kurt" in everything
    assert not any(secret.encode() in everything for secret in (session, link, token))


def test_logs_name_routes_and_nobody(site, caplog):
    """A line has the route's pattern: no secret of a link, no number, no name."""
    with caplog.at_level("INFO", logger="autograde.access"):
        number = site.handed_in("kurt")
        site.browser("kurt").get(f"/submissions/{number}")
    lines = [JsonLines().format(record) for record in caplog.records if record.name == "autograde.access"]
    assert any('"/submissions/{submission_id}"' in line for line in lines)
    assert any('"/sign-in/{secret}"' in line for line in lines)
    assert not any("kurt" in line for line in lines)


def test_staff_and_students_have_no_id_in_common(tmp_path):
    """autograde.yml with one id for both is refused, with its line."""
    from grader.course import load_course
    from grader.errors import CourseError
    from tests.support.builder import build_course

    text = COURSE.replace("id: tina", "id: kurt")
    with pytest.raises(CourseError, match="used twice"):
        load_course(build_course(tmp_path, text), check_files=False)
