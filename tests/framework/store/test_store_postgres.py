"""The store on a server of PostgreSQL's: addresses, what its errors mean, and connections that break or are forked."""

from __future__ import annotations

import os
import sys

import pytest

from grader.course import load_course
from grader.errors import MachineError, StoreError, UsageError
from grader.store import Store, open_store
from tests.support import postgres
from tests.support.attempts import hand_in, report
from tests.support.stores import again, rows


@pytest.fixture
def url(postgres_server):
    """The address of a new database."""
    return postgres_server.url()


@pytest.fixture
def store(tmp_path, url):
    """An empty store."""
    return Store(tmp_path / "state", url)


@pytest.mark.parametrize(
    "url",
    [
        "mysql://grader:secret-word@host/name",
        "postgresql://grader:secret-word@host",
        "postgresql+asyncpg://grader:secret-word@host/name",
        "sqlite://",
        "grades.db",
        "postgresql//secret-word",
    ],
)
def test_other_addresses_are_refused(tmp_path, url):
    """The error says how one is written, and never tells a password."""
    with pytest.raises(UsageError, match="not the address of a store") as caught:
        Store(tmp_path, url)
    assert "secret-word" not in str(caught.value)
    assert "postgresql://" in caught.value.fix


def test_a_file_elsewhere_can_be_named(tmp_path):
    """By SQLAlchemy's address of it; the files of submissions stay in the state folder."""
    store = Store(tmp_path / "state", f"sqlite:///{tmp_path}/else/where.db")
    submission = hand_in(store)
    assert again(store).files(submission)
    assert (tmp_path / "else" / "where.db").is_file()
    assert [path.name for path in (tmp_path / "state").iterdir()] == ["blobs"]


def test_a_missing_driver_is_named(tmp_path, monkeypatch):
    """With what to install: exit code 3."""
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(MachineError, match="not installed") as caught:
        Store(tmp_path, "postgresql://grader@host/name")
    assert "autograde-torch[postgres]" in caught.value.fix


@pytest.mark.postgres
def test_errors_of_a_server_say_what_to_do(tmp_path, url):
    """A wrong name, a wrong user, no server: each with its fix, none with the password."""
    secret = url.replace("autograde@", "autograde:secret-word@")
    cases = {
        secret.replace("/test_", "/no_"): "createdb",
        secret.replace("autograde:", "stranger:"): "user",
        secret.replace("host=", "host=/nowhere"): "server runs",
    }
    for wrong, fix in cases.items():
        with pytest.raises(StoreError) as caught:
            Store(tmp_path, wrong)
        assert fix in caught.value.fix, str(caught.value)
        assert "secret-word" not in str(caught.value)
        assert caught.value.where.startswith("postgresql+psycopg://")


@pytest.mark.postgres
def test_a_connection_that_broke_is_made_anew(store, postgres_server):
    """A server that was restarted between two records, say, ends no batch."""
    submission = hand_in(store)
    with store.grading_lock("backprop"):
        assert store.pending("backprop", "v1") == [submission]
        ended = postgres_server.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname IS NOT NULL"
        )
        assert ended
        store.record(submission, report(submission), once=True)
        assert store.pending("backprop", "v1") == []


@pytest.mark.postgres
def test_a_fork_makes_connections_of_its_own(store):
    """Parent and child go on, each by itself."""
    submission = hand_in(store)
    child = os.fork()
    if child == 0:
        code = 1
        try:
            store.record(submission, report(submission, version="child"), once=True)
            code = 0
        finally:
            os._exit(code)
    store.record(submission, report(submission, version="parent"), once=True)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert {attempt.grader_version for attempt in store.attempts("backprop")} == {"child", "parent"}


@pytest.mark.postgres
def test_several_graders_may_hold_the_same_assignment(store):
    """Claims share the work there, no lock forbids it."""
    with store.grading_lock("backprop"), again(store).grading_lock("backprop"):
        assert store.shared
    assert not (store.state / "locks").exists()


@pytest.mark.postgres
def test_times_and_truths_have_the_database_own_types(store):
    """For whoever looks with psql."""
    found = dict(
        rows(
            store,
            "SELECT column_name, data_type FROM information_schema.columns "
            "WHERE table_name = 'attempts' AND column_name IN ('counts', 'finished_at', 'score')",
        )
    )
    assert found == {
        "counts": "boolean",
        "finished_at": "timestamp with time zone",
        "score": "double precision",
    }


def test_where_the_database_is_named(tiny_course, tmp_path, monkeypatch):
    """The command line wins, then the environment, then autograde.yml; another folder has a store of its own."""
    elsewhere = {name: f"sqlite:///{tmp_path}/{name}.db" for name in ("told", "environment", "file")}
    path = tiny_course / "autograde.yml"
    path.write_text(path.read_text() + f"store: {{database: '{elsewhere['file']}'}}\n")
    course = load_course(tiny_course)
    assert open_store(course).database == elsewhere["file"]
    monkeypatch.setenv("AUTOGRADE_STORE_DB", elsewhere["environment"])
    assert open_store(course).database == elsewhere["environment"]
    assert open_store(course, database=elsewhere["told"]).database == elsewhere["told"]
    own = open_store(course, tmp_path / "own")
    assert (own.state, own.database) == (tmp_path / "own", "")
    assert open_store(course, tmp_path / "own", elsewhere["told"]).database == elsewhere["told"]


def test_a_machine_without_postgresql_says_so(monkeypatch):
    """Tests are skipped with the package's name; where CI must not be without, they fail."""
    monkeypatch.setattr(postgres, "programs", lambda: None)
    for name in postgres.REQUIRED:
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(pytest.skip.Exception, match="apt-get install postgresql"), postgres.required_server():
        pass
    for name in postgres.REQUIRED:
        monkeypatch.setenv(name, "1")
        with pytest.raises(pytest.fail.Exception, match="apt-get install postgresql"), postgres.required_server():
            pass
        monkeypatch.delenv(name)
