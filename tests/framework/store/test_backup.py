"""A backup holds everything at one moment, and brings it back; what is damaged is refused, and nothing is overwritten."""

from __future__ import annotations

import io
import json
import stat
import tarfile
import threading
from datetime import UTC, datetime, timedelta

import pytest
from typer.testing import CliRunner

from grader.cli.main import app
from grader.course import course_secret, load_course
from grader.errors import StoreError
from grader.policies import Decision, DecisionKind
from grader.store import Mark, Store
from grader.store.audit_log import AuditEntry
from grader.store.backup import read_backup, write_backup
from tests.support.attempts import NOON, hand_in, report
from tests.support.stores import execute, rows

pytestmark = pytest.mark.slow


def filled(store):
    """Submissions, an attempt, a mark, a decision with its entry in the log."""
    first = hand_in(store, "ada")
    store.record(first, report(first, score=7.0))
    hand_in(store, "grace", files={"a.py": b"2"})
    store.put_mark(Mark("backprop", "ada", "why", 3.0, 0.5, "good", "staff", NOON, first.id))
    made = Decision(DecisionKind.OVERRIDE, "backprop", "ada", "emmy", NOON, "why not", number=3.0)
    store.decide(made, AuditEntry("override", "emmy", NOON, "instructor", "backprop", "ada"))
    return store


def contents(store):
    """What a course has of a store, files included."""
    received = store.submissions("backprop")
    decided = store.decisions().history(DecisionKind.OVERRIDE, "backprop", "ada")
    return (
        received,
        [store.files(one) for one in received],
        store.attempts("backprop"),
        store.marks("backprop"),
        decided,
    )


@pytest.fixture
def empty_database(request, database):
    """The address of a second, empty database of the same engine."""
    return request.getfixturevalue("postgres_server").url() if database else ""


def test_everything_comes_back(store, empty_database, tmp_path):
    """On both engines: rows, files, the rule that decisions are append-only, and numbers that go on."""
    path = tmp_path / "backups" / "monday.tar"
    write_backup(filled(store), path, course="Tiny")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    before = contents(store)
    hand_in(store, "kurt", files={"late.py": b"3"})
    read_backup(path, tmp_path / "new", empty_database)
    restored = Store(tmp_path / "new", empty_database)
    assert contents(restored) == before
    with pytest.raises(StoreError, match="append-only"):
        execute(restored, "DELETE FROM decisions")
    assert hand_in(restored, "kurt").id == 3


def test_nobody_signs_in_with_a_backup(store, empty_database, tmp_path):
    """A session or token of then is not there: it may have been revoked since. Chosen handles are."""
    from grader.server.web_data import WebData

    data = WebData(filled(store))
    session = data.open_session("ada", timedelta(days=1))
    token, _ = data.make_token("ada", "laptop", ["read"], timedelta(days=1))
    data.choose("ada", "leaderboard", "enchantress")
    write_backup(store, tmp_path / "b.tar", course="Tiny")
    assert data.session(session)
    read_backup(tmp_path / "b.tar", tmp_path / "new", empty_database)
    there = WebData(Store(tmp_path / "new", empty_database))
    assert there.session(session) is None
    assert there.token(token) is None
    assert there.choices("leaderboard") == {"ada": "enchantress"}


def test_a_backup_is_of_one_moment(store, empty_database, tmp_path):
    """Taken while others hand in and grade: every submission in it has its files, and every attempt its submission."""
    filled(store)
    over = threading.Event()

    def busy():
        number = 0
        while not over.is_set():
            number += 1
            one = hand_in(store, f"student{number}", files={"a.py": f"{number}".encode()}, at=datetime.now(UTC))
            store.record(one, report(one))

    thread = threading.Thread(target=busy)
    thread.start()
    try:
        for number in range(2):
            write_backup(store, tmp_path / f"{number}.tar", course="Tiny")
    finally:
        over.set()
        thread.join()
    read_backup(tmp_path / "1.tar", tmp_path / "new", empty_database)
    restored = Store(tmp_path / "new", empty_database)
    received = restored.submissions("backprop")
    assert len(received) >= 2
    assert all(restored.files(one) for one in received)
    assert rows(restored, "SELECT count(*) FROM attempts WHERE submission_id NOT IN (SELECT id FROM submissions)") == [
        (0,)
    ]


def test_the_secret_only_where_it_is_asked_for(tmp_path):
    """Without it the file holds nothing from which held-out data can be drawn; with it the restored course draws the same."""
    store = filled(Store(tmp_path / "state"))
    secret = course_secret(store.state)
    write_backup(store, tmp_path / "without.tar", course="Tiny")
    write_backup(store, tmp_path / "with.tar", course="Tiny", secret=True)
    assert secret.hex().encode() not in (tmp_path / "without.tar").read_bytes()
    read_backup(tmp_path / "with.tar", tmp_path / "new")
    assert course_secret(tmp_path / "new") == secret
    assert stat.S_IMODE((tmp_path / "new" / "secret").stat().st_mode) == 0o600


def test_results_that_are_there_stay(tmp_path):
    """A folder with results, and a backup of the other engine, are refused; nothing is changed."""
    store = filled(Store(tmp_path / "state"))
    write_backup(store, tmp_path / "b.tar", course="Tiny")
    before = contents(store)
    with pytest.raises(StoreError, match="results already"):
        read_backup(tmp_path / "b.tar", store.state)
    with pytest.raises(StoreError, match="backup of sqlite"):
        read_backup(tmp_path / "b.tar", tmp_path / "new", "postgresql://somebody@/nothing")
    assert contents(store) == before


def rewritten(path, change):
    """The archive with its members passed through ``change``, which gives a name and content, or None to leave it out."""
    target = path.with_name("changed.tar")
    with tarfile.open(path) as origin, tarfile.open(target, "w") as copy:
        for entry in origin:
            found = change(entry.name, origin.extractfile(entry).read())
            if found is not None:
                new = tarfile.TarInfo(found[0])
                new.size = len(found[1])
                copy.addfile(new, io.BytesIO(found[1]))
    return target


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda name, data: (name, data[:-1] + b"!") if name.startswith("blobs/") else (name, data), "is damaged"),
        (lambda name, data: None if name.startswith("blobs/") else (name, data), "not whole"),
        (lambda name, data: None if name == "store.db" else (name, data), "not whole"),
        (lambda name, data: None if name == "manifest.json" else (name, data), "is no backup"),
        (lambda name, data: ("../" + name, data) if name.startswith("blobs/") else (name, data), "has no place"),
        (lambda name, data: (name, data.replace(b'"format": 1', b'"format": 9')), "newer Autograde"),
    ],
)
def test_a_damaged_backup_is_refused(tmp_path, change, says):
    """A changed file, a missing one, one that has no place there, and a format of the future are each named."""
    write_backup(filled(Store(tmp_path / "state")), tmp_path / "b.tar", course="Tiny")
    with pytest.raises(StoreError, match=says):
        read_backup(rewritten(tmp_path / "b.tar", change), tmp_path / "new")
    assert not (tmp_path / "blobs").exists()


def test_a_file_that_was_lost_is_named(tmp_path):
    """A backup that would not be whole is not written, and an earlier one of that name stays."""
    store = filled(Store(tmp_path / "state"))
    (tmp_path / "b.tar").write_text("the last good one")
    next((store.state / "blobs").glob("*/*")).unlink()
    with pytest.raises(StoreError, match="missing"):
        write_backup(store, tmp_path / "b.tar", course="Tiny")
    assert (tmp_path / "b.tar").read_text() == "the last good one"
    assert not list(tmp_path.glob(".autograde-backup-*"))


def test_the_commands(tiny_course, tmp_path):
    """`backup` and `restore` say what they did, as text and as JSON."""
    course = load_course(tiny_course)
    filled(Store(course.state))

    def run(*words):
        done = CliRunner().invoke(app, [*words, "--course", str(course.path)])
        assert done.exit_code == 0, done.output
        return done.output

    made = json.loads(run("backup", str(tmp_path / "b.tar"), "--json"))
    assert (made["engine"], made["blobs"], made["secret"]) == ("sqlite", 3, False)
    text = run("restore", str(tmp_path / "b.tar"), "--state", str(tmp_path / "new"))
    assert "Tiny" in text
    assert "secret was not in it" in text
