"""The database's server goes away and comes back: callers hear of it, nothing is lost, and nothing is there twice."""

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import psycopg
import pytest

from grader.errors import StoreAway, StoreError
from grader.records import Verdict
from grader.server import hand_in
from grader.server.dispatcher import Dispatcher
from grader.store import database
from grader.store.engines import PostgresEngine
from tests.framework.server.conftest import RIGHT, open_site, report_of
from tests.support.postgres import missing, server

pytestmark = pytest.mark.postgres


@pytest.fixture
def away(postgres_server, tmp_path, monkeypatch):
    """The class on a server of its own that a test may kill, and the server."""
    monkeypatch.setattr(database, "_AWAY_S", 0.0)
    monkeypatch.setattr(hand_in, "_PAUSES_S", (0.0,))
    assert missing() is None
    with server() as own:
        yield open_site(tmp_path, database=own.url()), own


@pytest.mark.parametrize(
    ("text", "gone"),
    [
        ("server closed the connection unexpectedly", True),
        ('connection to server on socket "/x/.s.PGSQL.5432" failed: No such file or directory', True),
        ("FATAL:  the database system is starting up", True),
        ("FATAL:  the database system is not yet accepting connections", True),
        ("FATAL:  the database system is in recovery mode", True),
        ("FATAL:  sorry, too many clients already", True),
        ('FATAL:  database "nothing" does not exist', False),
        ('FATAL:  role "nobody" does not exist', False),
        ('FATAL:  password authentication failed for user "grade"', False),
    ],
)
def test_what_waiting_helps_against_is_told_from_what_it_does_not(tmp_path, text, gone):
    """By the server's words, where a connection was refused and there is no code."""
    engine = PostgresEngine(tmp_path, "postgresql:///x")
    assert engine.away(psycopg.OperationalError(text)) is gone
    assert not engine.away(ValueError(text))


def test_callers_are_asked_to_come_again_and_connections_are_opened_anew(away):
    """While it is away pages and programs get 503 with Retry-After, never 404 or 500; after that everything is there."""
    site, own = away
    number = site.handed_in("kurt")
    program = site.program("kurt")
    form = site.csrf("kurt")
    assert program.get(f"/api/v1/submissions/{number}").status_code == 200
    own.kill()
    files = [("files", ("backprop.py", RIGHT, "text/plain"))]
    answers = [
        site.browser("kurt").get("/"),
        site.browser("kurt").get(f"/submissions/{number}"),
        site.browser("kurt").post("/assignments/backprop/submissions", data={"csrf": form}, files=files),
        program.get(f"/api/v1/submissions/{number}"),
        program.post("/api/v1/assignments/backprop/submissions", files=files),
        site.browser().get("/health"),
    ]
    assert [answer.status_code for answer in answers] == [503] * len(answers)
    assert all(int(answer.headers["retry-after"]) > 0 for answer in answers)
    own.restart()
    assert site.browser("kurt").get(f"/submissions/{number}").status_code == 200
    assert program.post("/api/v1/assignments/backprop/submissions", files=files).status_code == 201


def test_a_receipt_whose_commit_got_no_answer_is_given_all_the_same(site, monkeypatch):
    """The upload was kept, and the word of that was lost: it is looked for by its files, and is new to its student."""
    store, real = site.service.store, site.service.store.put_submission
    monkeypatch.setattr(hand_in, "_PAUSES_S", (0.01,))
    calls = []

    def lost(*arguments, **named):
        found = real(*arguments, **named)
        calls.append(found)
        if len(calls) == 1:
            raise StoreAway("the connection was lost")
        return found

    monkeypatch.setattr(store, "put_submission", lost)
    answer = site.hand_in("kurt")
    assert answer.status_code == 303
    assert "again" not in answer.headers["location"]
    assert len(store.submissions("backprop", "kurt")) == 1


def test_who_asks_again_with_no_attempt_left_gets_the_receipt(site, monkeypatch):
    """The answer was lost on its way, and that was the last attempt: the same files are no further one, others are."""
    number = site.handed_in("kurt")
    monkeypatch.setattr(hand_in, "allowance", lambda *_: hand_in_refused)
    hand_in_refused = type("Refused", (), {"allowed": False, "why": "No attempt is left."})()
    assert f"/submissions/{number}" in site.hand_in("kurt").headers["location"]
    assert site.hand_in("kurt", {"backprop.py": b"x = 1\n"}).status_code == 422


@pytest.mark.parametrize("asked", [False, True])
def test_a_result_waits_for_a_store_that_is_away(site, monkeypatch, asked):
    """What was graded is recorded when the store is back, once, also where the first commit was kept without a word."""
    number = site.handed_in("kurt")
    store = site.service.store
    dispatcher = Dispatcher(site.service.course, store, lanes=1, open_one=lambda _: None)
    monkeypatch.setattr("grader.server.dispatcher._LOOK_S", 0.01)
    real, tries = store.record, []

    def lost(*arguments, **named):
        tries.append(named)
        attempt = real(*arguments, **named)
        if len(tries) == 1:
            raise StoreAway("the connection was lost")
        return attempt

    monkeypatch.setattr(store, "record", lost)
    submission = store.submission(number)
    version = site.service.versions()["backprop"]
    report = report_of(submission, store.files(submission), version, verdict=Verdict.ACCEPTED)
    with store.claims(version) as claims:
        assert claims.take([number]) == [number]
        attempt = dispatcher._record(submission, report, datetime.now(UTC), claims, once=not asked)
    assert attempt.counts
    assert len(store.attempts(submission=submission)) == 1


def test_a_claim_whose_giving_back_failed_is_not_held_for_ever(site, monkeypatch):
    """Its row is left where the store was away: it is renewed no more, and whoever left it may claim it again at once."""
    number = site.handed_in("kurt")
    store = site.service.store
    with store.claims("v1") as mine:
        assert mine.take([number]) == [number]
        assert mine.take([number]) == []

        def gone(*_):
            raise StoreError("away")

        with monkeypatch.context() as patch:
            patch.setattr(mine, "settle", gone)
            mine.give_back(number)
        assert mine.renew() == 0
        with store.claims("v1") as theirs:
            assert theirs.take([number]) == []
        assert mine.take([number]) == [number]
        assert mine.renew() == 1


def test_a_server_that_is_back_in_a_moment_is_not_missed(postgres_server, tmp_path, monkeypatch):
    """A transaction that has not begun waits for the server; nobody is sent away."""
    with server() as own:
        site = open_site(tmp_path, database=own.url())
        monkeypatch.setattr(database, "_AWAY_S", 60.0)
        own.kill()
        with ThreadPoolExecutor(1) as pool:
            found = pool.submit(site.service.store.recent)
            while site.service.store.connections._missed_at is None:
                time.sleep(0.01)
            own.restart()
            assert found.result() == []
