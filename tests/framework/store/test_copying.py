"""A store moves from a file to a server, and back, with everything in it."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from grader.cli.main import app
from grader.course import load_course
from grader.errors import StoreError
from grader.policies import Decision, DecisionKind
from grader.records import Verdict
from grader.store import Mark, Store, open_store
from grader.store.audit_log import AuditEntry, read_entries
from tests.support.attempts import NOON, hand_in, report


def filled(store):
    """Submissions, attempts of every kind, and a mark."""
    first, second = hand_in(store, "ada", left_out=[("x", "y")]), hand_in(store, "grace", files={})
    store.record(first, report(first), once=True)
    store.record(first, report(first, score=7.0))
    store.record(second, report(second, verdict=Verdict.SYSTEM_ERROR), once=True)
    store.put_mark(Mark("backprop", "ada", "why", 3.0, 0.5, "good", "staff", NOON, first.id))
    chosen = Decision(DecisionKind.CHOICE, "backprop", "ada", "ada", NOON, submission_id=first.id)
    store.withdraw(second, "grace")
    store.decide(chosen, AuditEntry("choice", "ada", NOON, "student", "backprop", "ada", {"submission_id": first.id}))
    return store


def contents(store):
    decided = store.decisions().history(DecisionKind.CHOICE, "backprop", "ada")
    with store.connections.reading() as connection:
        log = read_entries(connection, assignment="backprop", subject="ada", most=9, before=0)
    return (
        store.submissions("backprop"),
        store.attempts("backprop"),
        store.marks("backprop"),
        decided,
        log,
        store.withdrawn(),
    )


@pytest.mark.parametrize("direction", ["to", "from"])
def test_everything_is_copied(tmp_path, database, direction):
    """Numbers included; what comes later gets numbers of its own, and the rules hold there as well."""
    url = f"sqlite:///{tmp_path}/there.db"
    source, target = (Store(tmp_path, where) for where in ((url, database) if direction == "to" else (database, url)))
    counts = filled(source).copy_to(target)
    assert counts == {
        "submissions": 2, "files": 2, "attempts": 3, "checks": 6, "metrics": 6, "marks": 1, "decisions": 1, "audit": 1,
        "withdrawals": 1,
    }  # fmt: skip
    assert contents(target) == contents(source)
    new = hand_in(target, "kurt", files={"a.py": b"3"})
    assert new.id == 3
    assert target.record(new, report(new), once=True).id == 4
    with pytest.raises(StoreError, match="already"):
        source.copy_to(target)
    assert len(target.submissions("backprop")) == 3


@pytest.mark.postgres
def test_the_command_moves_a_course(tiny_course, postgres_server, monkeypatch):
    """From the file in the state folder to the database that is named; without one there is nothing to do."""
    course = load_course(tiny_course)
    before = contents(filled(open_store(course)))
    command = ["copy-store", "--course", str(course.path), "--json"]
    alone = CliRunner().invoke(app, command)
    assert alone.exit_code == 2
    assert "--store" in alone.output
    monkeypatch.setenv("AUTOGRADE_STORE_DB", postgres_server.url())
    done = CliRunner().invoke(app, command)
    assert done.exit_code == 0, done.output
    assert json.loads(done.output)["attempts"] == 3
    assert contents(open_store(course)) == before
    assert open_store(course).shared
