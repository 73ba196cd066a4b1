"""Schemas of the store: every earlier one migrates, by the same steps that a new database would take."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest

from grader.errors import StoreError
from grader.store import Mark, ReceivedFrom, Store
from grader.store.schema import SCHEMA, migrations
from grader.store.tables import metadata
from tests.support.attempts import NOON, hand_in, report
from tests.support.stores import again, execute, rows

ROOT = Path(__file__).parents[3]
#: Files as the Autograde of each schema wrote them, as SQL.
WRITTEN = sorted((Path(__file__).parent / "files").glob("*.sql"))

#: A second attempt that counts, by whoever writes past our code.
SECOND = (
    "INSERT INTO attempts (id, submission_id, grader_version, ordinal, profile, seed, verdict, max_score, report,"
    " started_at, finished_at, counts) SELECT 77, submission_id, grader_version, 2, profile, seed, verdict, max_score,"
    " report, started_at, finished_at, true FROM attempts"
)


@pytest.fixture
def written(request, tmp_path):
    """A state folder with the file of an earlier schema."""
    (tmp_path / "state").mkdir()
    with sqlite3.connect(tmp_path / "state" / "store.db") as connection:
        connection.executescript(request.param.read_text())
    connection.close()
    return tmp_path / "state"


def differences(store):
    """How the database is other than the tables say, by Alembic's comparison."""
    from alembic.autogenerate import compare_metadata
    from alembic.runtime.migration import MigrationContext

    with store._database.reading() as connection:
        options = {"version_table": "autograde_version"}
        return compare_metadata(MigrationContext.configure(connection, opts=options), metadata)


@pytest.mark.slow
@pytest.mark.parametrize("written", WRITTEN, indirect=True, ids=lambda path: path.stem)
def test_a_file_of_an_earlier_schema_is_migrated(request, written):
    """Everything is there, the last attempt with a verdict counts, and new submissions are kept whole."""
    store = Store(written)
    assert rows(store, "PRAGMA user_version") == [(SCHEMA,)]
    assert rows(store, "SELECT version_num FROM autograde_version") == [(str(SCHEMA),)]
    assert differences(store) == []
    ada, kurt, evelyn, grace = store.submissions("backprop")
    assert [one.owner for one in (ada, kurt, evelyn, grace)] == ["ada", "kurt", "evelyn", "grace"]
    assert (ada.received_at, ada.source, [file.path for file in ada.files]) == (
        NOON, "ada.zip", ["backprop.py", "sub/y.py"],
    )  # fmt: skip
    assert grace.received_at == NOON + timedelta(hours=1, microseconds=123456)
    assert (kurt.problem, kurt.has_work, kurt.files) == ("it is no archive", False, ())
    assert (ada.received_from, ada.members, ada.left_out, ada.has_work) == (ReceivedFrom.UNKNOWN, (), (), True)
    assert len(store.submissions("single")) == 1
    found = {one.id: [(a.grader_version, a.score, a.counts) for a in store.attempts(submission=one)] for one in
             (ada, grace, kurt, evelyn)}  # fmt: skip
    assert found == {
        ada.id: [("v1", 3.0, False), ("v1", 6.0, True), ("v2", 7.5, True)],
        grace.id: [("v1", None, False), ("v1", 4.0, True), ("v1", None, False)],
        kurt.id: [("v1", 0.0, True)],
        evelyn.id: [("v1", None, False)],
    }
    assert store.attempts(submission=ada)[0].finished_at == NOON + timedelta(hours=2)
    marks = {"ada": {"test_a": Mark("backprop", "ada", "test_a", 8.0, 0.0, "less neat", "staff", NOON, ada.id)}}
    assert store.marks("backprop") == ({} if request.node.callspec.id == "schema1" else marks)
    assert store.pending("backprop", "v1") == []
    new = hand_in(store, "new", left_out=[("x", "y")], members=["new"], uploader="new")
    assert again(store).submission(new.id) == new
    assert store.record(new, report(new), once=True).counts


@pytest.mark.parametrize("written", WRITTEN[-1:], indirect=True, ids=lambda path: path.stem)
def test_a_migration_that_fails_changes_nothing(written):
    """The file is as it was, and migrates once what stood in the way is gone."""
    with sqlite3.connect(written / "store.db") as connection:
        connection.execute("CREATE TABLE claims (own TEXT)")
    connection.close()
    for _ in range(2):
        with pytest.raises(StoreError, match="claims"):
            Store(written)
    with sqlite3.connect(written / "store.db") as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (3,)
        assert "counts" not in [row[1] for row in connection.execute("PRAGMA table_info(attempts)")]
        assert not list(connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'autograde_version'"))
        connection.execute("DROP TABLE claims")
    connection.close()
    assert len(Store(written).attempts("backprop")) == 8


def test_a_new_database_is_what_the_tables_say(store):
    """Fresh ones are made from the tables at once, and marked as of the newest schema."""
    assert differences(store) == []
    assert rows(store, "SELECT version_num FROM autograde_version") == [(str(SCHEMA),)]


def test_migrations_from_nothing_lead_to_the_same_tables(store):
    """On either engine, step by step from an empty database."""
    from alembic import command

    with store._database.writing() as connection:
        metadata.drop_all(connection)
        connection.exec_driver_sql("DROP TABLE autograde_version")
        command.upgrade(migrations(connection), "head")
    assert differences(store) == []
    assert rows(store, "SELECT version_num FROM autograde_version") == [(str(SCHEMA),)]
    submission = hand_in(store)
    assert store.record(submission, report(submission), once=True).counts
    with pytest.raises(StoreError, match=r"(?i)unique"):
        execute(store, SECOND)


def test_the_database_keeps_one_counting_attempt(store):
    """A constraint of the database, whatever code writes there."""
    submission = hand_in(store)
    store.record(submission, report(submission), once=True)
    with pytest.raises(StoreError, match=r"(?i)unique"):
        execute(store, SECOND)
    execute(store, SECOND.replace("true", "false"))
    assert [attempt.counts for attempt in store.attempts("backprop")] == [True, False]


@pytest.mark.postgres
def test_a_newer_database_on_postgresql_is_left_alone(tmp_path, postgres_server):
    """It is refused, and named without its password."""
    url = postgres_server.url().replace("autograde@", "autograde:secret-word@")
    store = Store(tmp_path, url)
    execute(store, "UPDATE autograde_version SET version_num = '99'")
    with pytest.raises(StoreError, match="newer Autograde") as caught:
        again(store)
    assert "secret-word" not in str(caught.value)


def test_many_may_open_a_new_store_at_once(tmp_path, database):
    """One makes the tables, the others find them."""
    with ThreadPoolExecutor(8) as pool:
        stores = list(pool.map(lambda _: Store(tmp_path / "state", database), range(8)))
    assert [differences(store) for store in stores[:2]] == [[], []]


@pytest.mark.slow
def test_nothing_imports_what_it_does_not_need(tmp_path):
    """No command and no runner pays for SQLAlchemy before a store is opened, and none for Alembic or the ORM then."""
    code = """
import sys
from pathlib import Path
import grader.cli.main, grader.cli.instructor, grader.cli.grading, grader.cli.results, grader.grading, grader.intake, grader.reports
import grader.store, grader.store.blobs, grader.store.standings
assert "sqlalchemy" not in sys.modules
for _ in range(2):
    grader.store.Store(Path(sys.argv[1]))
assert "sqlalchemy" in sys.modules
assert not {"alembic", "sqlalchemy.orm", "psycopg"} & set(sys.modules)
"""
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
