"""Claims: coordinators that share a store do no work twice, and what one held comes back. The same on both engines."""

from __future__ import annotations

import contextlib
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import select

from grader.errors import StoreError
from grader.records import Verdict
from grader.store import Mark, Store
from grader.store import claims as claims_module
from grader.store.tables import submissions
from tests.support.attempts import NOON, hand_in, report
from tests.support.stores import again, execute, rows

#: For what a loaded machine may take a while to do.
_PATIENCE_S = 60
_GRADED = (
    "INSERT INTO attempts (submission_id, grader_version, ordinal, profile, seed, verdict, max_score, report, started_at,"
    " finished_at, counts) SELECT submission_id, 'v1', 1, profile, seed, verdict, max_score, report, started_at,"
    " finished_at, true FROM attempts"
)
_ENDED = "UPDATE claims SET claimed_until = '2000-01-01 00:00:00.000000'"


@pytest.fixture
def handed_in(store):
    """Five submissions."""
    return [hand_in(store, f"s{number}", files={"a.py": b"%d" % number}) for number in range(5)]


def numbers(handed_in):
    return [submission.id for submission in handed_in]


def test_what_one_has_claimed_no_other_gets(store, handed_in):
    """In the order that was asked for, and as many as were asked for."""
    wanted = numbers(handed_in)[::-1]
    with store.claims("v1") as mine, again(store).claims("v1") as theirs:
        assert mine.take(wanted, 2) == wanted[:2]
        assert theirs.take(wanted, 2) == wanted[2:4]
        assert mine.take(wanted, 9) == wanted[4:]
        assert theirs.take(wanted, 1) == mine.take(wanted, 1) == []
        assert theirs.take([], 1) == []


def test_versions_are_claimed_apart(store, handed_in):
    """Two graders may grade the same submission under two profiles at a time."""
    wanted = numbers(handed_in)
    with store.claims("v1") as one, store.claims("v2") as other:
        assert one.take(wanted, 9) == other.take(wanted, 9) == wanted


@pytest.mark.slow
def test_many_are_looked_at_in_turn(store):
    """Free ones are found behind a long row of claimed ones."""
    wanted = [hand_in(store, f"s{number}", files={}).id for number in range(140)]
    with store.claims("v1") as mine, store.claims("v1") as theirs:
        assert mine.take(wanted, 130) == wanted[:130]
        assert theirs.take(wanted, 20) == wanted[130:]


def test_leaving_gives_everything_back(store, handed_in):
    """Also where the batch ends with an error, and when it was closed before."""
    wanted = numbers(handed_in)
    for end in (lambda claims: claims.close(), lambda _: 1 / 0):
        with contextlib.suppress(ZeroDivisionError), store.claims("v1") as mine:
            assert mine.take(wanted, 9) == wanted
            end(mine)
        assert rows(store, "SELECT count(*) FROM claims") == [(0,)]


def test_what_a_vanished_coordinator_held_comes_back(store, handed_in):
    """When its claims end, not before."""
    wanted = numbers(handed_in)
    vanished, other = store.claims("v1"), store.claims("v1")
    assert vanished.take(wanted, 3) == wanted[:3]
    assert other.take(wanted, 9) == wanted[3:]
    execute(store, _ENDED + f" WHERE holder = '{vanished.holder}'")
    assert other.take(wanted, 9) == wanted[:3]
    vanished.close()
    assert rows(store, "SELECT DISTINCT holder FROM claims") == [(other.holder,)]
    other.close()


def test_claims_are_renewed_while_work_goes_on(store, handed_in):
    """By a thread, as long as they are held; a renewed claim is nobody else's."""
    wanted = numbers(handed_in)
    with store.claims("v1", claim_s=1200) as mine:
        mine.take(wanted, 9)
        execute(store, _ENDED)
        assert mine.renew() == 5
        assert store.claims("v1").take(wanted, 9) == []
    with store.claims("v1", claim_s=0.4) as mine:
        mine.take(wanted, 1)
        seen, end = set(), time.monotonic() + _PATIENCE_S
        while len(seen) < 3 and time.monotonic() < end:
            seen.update(rows(store, "SELECT claimed_until FROM claims"))
            time.sleep(0.05)
        assert len(seen) >= 3
    assert not [thread for thread in threading.enumerate() if thread.name == "claims"]


def test_a_thread_renews_on_the_connections_of_the_batch(store, handed_in):
    """Which were made by another thread, and may be in use."""
    with store.grading_lock("backprop"), store.claims("v1") as mine, ThreadPoolExecutor(1) as thread:
        mine.take(numbers(handed_in), 2)
        assert thread.submit(mine.renew).result() == 2
        with store._database.reading():
            assert thread.submit(mine.renew).result() == 2


def test_recording_gives_a_claim_back(store, handed_in):
    """In the same transaction as the attempt; what is graded is not claimed again, but with force."""
    first, second, *_ = handed_in
    wanted = [first.id, second.id]
    with store.claims("v1") as mine:
        mine.take(wanted, 2)
        store.record(first, report(first), once=True, claims=mine)
        assert rows(store, "SELECT submission_id FROM claims") == [(second.id,)]
        with store.claims("v1") as theirs:
            assert theirs.take(wanted, 2) == []
        with store.claims("v1", force=True) as forced:
            assert forced.take(wanted, 2) == [first.id]


def test_what_failed_by_our_fault_can_be_claimed_again(store, handed_in):
    """An attempt that is held leaves the submission to be graded."""
    first = handed_in[0]
    with store.claims("v1") as mine:
        mine.take([first.id])
        store.record(first, report(first, verdict=Verdict.SYSTEM_ERROR), once=True, claims=mine)
        assert mine.take([first.id]) == [first.id]


def test_a_slow_coordinator_finds_the_other_report(store, handed_in):
    """Its claim ended, another graded: the first report that counts stays, and the late one gets it."""
    first = handed_in[0]
    slow, other = store.claims("v1"), store.claims("v1")
    assert slow.take([first.id]) == [first.id]
    execute(store, _ENDED)
    assert other.take([first.id]) == [first.id]
    kept = again(store).record(first, report(first, score=7.0), once=True, claims=other)
    late = store.record(first, report(first, score=3.0), once=True, claims=slow)
    assert late == kept
    assert [(one.score, one.counts) for one in store.attempts("backprop")] == [(7.0, True)]
    assert rows(store, "SELECT count(*) FROM claims") == [(0,)]
    slow.close()
    other.close()


def test_which_attempt_counts(store):
    """The first with a verdict; one that is asked for beside it takes its place, a held one never does."""
    submission = hand_in(store)
    script = [
        ({"verdict": Verdict.SYSTEM_ERROR}, True, [False]),
        ({"score": 5.0}, True, [False, True]),
        ({"score": 6.0}, True, [False, True]),
        ({"score": 7.0}, False, [False, False, True]),
        ({"verdict": Verdict.GRADER_ERROR}, False, [False, False, True, False]),
        ({"score": 1.0}, True, [False, False, True, False]),
        ({"score": 2.0, "version": "v2"}, True, [False, False, True, False, True]),
    ]
    for fields, once, expected in script:
        given = store.record(submission, report(submission, **fields), once=once)
        attempts = store.attempts("backprop")
        assert [attempt.counts for attempt in attempts] == expected
        assert given in attempts


def test_everybody_at_once_claims_each_once(store):
    """Coordinators in a race: no submission is claimed by two, and none by nobody."""
    wanted = [hand_in(store, f"s{number}", files={}).id for number in range(40)]

    def work(_):
        mine = again(store).claims("v1")
        found = []
        while taken := mine.take(wanted, 3):
            found += taken
        return mine, found

    with ThreadPoolExecutor(6) as pool:
        done = list(pool.map(work, range(6)))
    assert sorted(number for _, found in done for number in found) == wanted
    for mine, _ in done:
        mine.close()


def test_everybody_at_once_records_once(store):
    """Reports in a race: one attempt, and everybody gets it."""
    submission = hand_in(store)

    def work(number):
        return again(store).record(submission, report(submission, score=float(number)), once=True)

    with ThreadPoolExecutor(6) as pool:
        given = {(attempt.id, attempt.score) for attempt in pool.map(work, range(12))}
    (kept,) = store.attempts("backprop")
    assert given == {(kept.id, kept.score)}


def test_everybody_at_once_hands_in_the_same(store):
    """One submission, with the earliest time; one mark as well."""

    def work(number):
        mine = again(store)
        mine.put_mark(Mark("backprop", "ada", "why", 3.0, 0.0, "", "staff", NOON))
        return mine.put_submission("backprop", "ada", {"a.py": b"1"}, received_at=NOON + timedelta(seconds=number))

    with ThreadPoolExecutor(6) as pool:
        given = list(pool.map(work, range(12, 0, -1)))
    assert sum(new for _, new in given) == 1
    (kept,) = store.submissions("backprop")
    assert kept.received_at == NOON + timedelta(seconds=1)
    assert rows(store, "SELECT count(*) FROM marks") == [(1,)]


def test_text_of_any_kind_is_kept(store):
    """What PostgreSQL cannot hold is replaced, on both engines alike; nothing else is."""
    submission = hand_in(store, source="a\0b.zip", problem="Ünïcode ☃ \0 'quote' %s :x")
    assert (submission.source, submission.problem) == ("a\ufffdb.zip", "Ünïcode ☃ \ufffd 'quote' %s :x")
    written = report(submission, metrics={})
    checks = (written.checks[0].model_copy(update={"message": "nul \0, snowman ☃"}),)
    attempt = store.record(submission, written.model_copy(update={"checks": checks}))
    assert again(store).attempts("backprop") == [attempt]
    assert attempt.report.checks[0].message == "nul \0, snowman ☃"


@pytest.mark.postgres
def test_whoever_is_just_claiming_is_not_waited_for(tmp_path, postgres_server):
    """PostgreSQL skips what another transaction has locked."""
    store = Store(tmp_path, postgres_server.url())
    first, second = (hand_in(store, owner, files={}) for owner in ("ada", "grace"))
    with (
        store._database.writing() as connection,
        again(store).claims("v1") as mine,
    ):
        connection.execute(select(submissions.c.id).where(submissions.c.id == first.id).with_for_update())
        assert mine.take([first.id, second.id], 2) == [second.id]


@pytest.mark.postgres
@pytest.mark.parametrize("meanwhile", ["claimed", "graded"])
def test_what_others_did_since_the_query_began_is_seen(tmp_path, postgres_server, monkeypatch, meanwhile):
    """The query that finds what is free may be older than another's claim, or attempt: neither is overlooked."""
    store = Store(tmp_path, postgres_server.url())
    submission = hand_in(store)
    build = claims_module._claim

    def others_first(*, shared):
        if meanwhile == "graded":
            execute(again(store), _GRADED)
        else:
            execute(again(store), f"INSERT INTO claims VALUES ({submission.id}, 'v1', 'other', '2100-01-01')")
        return build(shared=shared)

    monkeypatch.setattr(claims_module, "_claim", others_first)
    store.record(submission, report(submission, version="other"))
    with store.claims("v1") as mine:
        assert mine.take([submission.id]) == []
    holders = rows(store, "SELECT holder FROM claims")
    assert holders == ([("other",)] if meanwhile == "claimed" else [])


def test_a_batch_that_was_killed_frees_its_claims_at_once_on_sqlite(tmp_path):
    """Whoever has the lock of the assignment knows that nobody else grades it."""
    store = Store(tmp_path)
    first, other = hand_in(store, files={}), hand_in(store, assignment="single", files={})
    killed = store.claims("v1")
    assert killed.take([first.id, other.id], 2) == [first.id, other.id]
    with store.grading_lock("backprop"), store.claims("v1") as mine:
        assert mine.take([first.id, other.id], 2) == [first.id]
    killed.close()


def test_a_store_that_is_gone_takes_no_work_down_with_it(store, handed_in, monkeypatch):
    """Giving back and renewing never raise: the claims end by themselves."""
    mine = store.claims("v1", claim_s=0.1)
    mine.take(numbers(handed_in), 2)

    def broken():
        raise StoreError("the server is gone")

    monkeypatch.setattr(store._database, "writing", broken)
    time.sleep(0.1)
    mine.close()
