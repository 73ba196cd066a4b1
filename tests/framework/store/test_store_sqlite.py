"""The store in a file of SQLite's: opened safely, one batch at a time, and every way a disk can fail."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from grader.errors import StoreError
from grader.store import Store, engines
from grader.store.schema import SCHEMA
from tests.support.attempts import hand_in, report


@pytest.fixture
def store(tmp_path):
    """An empty store."""
    return Store(tmp_path / "state")


def rows(store, query):
    connection = sqlite3.connect(store.state / "store.db")
    try:
        return connection.execute(query).fetchall()
    finally:
        connection.close()


def test_database_is_opened_safely(store):
    """Write-ahead logging, and no connection kept that a fork could inherit."""
    hand_in(store)
    assert rows(store, "PRAGMA journal_mode") == [("wal",)]
    assert rows(store, "PRAGMA user_version") == [(SCHEMA,)]
    open_files = [str(link.resolve()) for link in Path("/proc/self/fd").iterdir()]
    assert not [path for path in open_files if path.startswith(str(store.state))]


def test_newer_database_is_left_alone(store):
    """A store that a newer Autograde wrote is refused, and named."""
    connection = sqlite3.connect(store.state / "store.db")
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(StoreError, match="newer Autograde") as caught:
        Store(store.state)
    assert caught.value.fix == "upgrade Autograde"


def test_file_that_is_no_database(tmp_path):
    """Whatever lies in the database's place is reported, not overwritten."""
    (tmp_path / "store.db").write_text("not a database, but long enough to look like one" * 50)
    with pytest.raises(StoreError, match="not a database"):
        Store(tmp_path)
    assert (tmp_path / "store.db").read_text().startswith("not a database")


@pytest.fixture
def small_disk(tmp_path):
    """Runs a script with a disk of 2 MB at ``disk``, mounted for it alone; skips where that is not allowed."""

    def run(script):
        code = (
            "import os, sys\nfrom pathlib import Path\nfrom grader.sandbox.layers import kernel\n"
            "disk = Path(sys.argv[1])\n"
            "try:\n"
            "    kernel.unshare(kernel.CLONE_NEWNS)\n"
            "    kernel.mount('none', '/', None, kernel.MS_REC | kernel.MS_PRIVATE)\n"
            "    kernel.mount('tmpfs', str(disk), 'tmpfs', 0, 'size=2m')\n"
            "except OSError: sys.exit(77)\n"
            "from grader.errors import StoreError\nfrom grader.store import Store\n"
            "from tests.support.attempts import hand_in, report\n" + script
        )
        (tmp_path / "disk").mkdir()
        done = subprocess.run(
            [sys.executable, "-c", code, str(tmp_path / "disk")],
            cwd=Path(__file__).parents[3],
            env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[3])},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode == 77:
            pytest.skip("mounting is not allowed here")
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


@pytest.mark.slow
def test_full_disk_loses_nothing_and_goes_on(small_disk):
    """The error names the file and what to do; what was recorded is there, and the rest follows once there is space."""
    told = small_disk("""
ballast = disk / "ballast"
ballast.write_bytes(bytes(1 << 20))
store = Store(disk / "state")
submissions = [hand_in(store, f"s{n}") for n in range(40)]
done = 0
try:
    with store.grading_lock("backprop"):
        for done, submission in enumerate(submissions):
            store.record(submission, report(submission, metrics={}, message="x" * 30_000), once=True)
except StoreError as error:
    print(error.where, "|", error.what, "|", error.fix)
assert 0 < done < 39, done
try:
    hand_in(store, "late", files={"big.py": os.urandom(1 << 20)})
except StoreError as error:
    print(error.where, "|", error.what, "|", error.fix)
# As after a reboot: opened anew, while the disk is still full.
assert [a.submission_id for a in Store(disk / "state").attempts("backprop")] == [s.id for s in submissions[:done]]
with store.grading_lock("backprop"):
    pass
ballast.unlink()
for submission in store.pending("backprop", "v1")[:3]:
    store.record(submission, report(submission), once=True)
assert len(store.attempts("backprop")) == done + 3
assert not list((disk / "state" / "blobs").rglob(".*"))
""")
    full, blob = told.splitlines()
    assert "store.db | the result store failed: database or disk is full | free some space" in full
    assert "what was recorded is kept" in full
    assert "blobs" in blob
    assert "No space left on device" in blob


@pytest.mark.slow
def test_read_only_disk_is_named(small_disk):
    """A store that cannot be written is refused with the reason and the fix, not with a traceback."""
    told = small_disk("""
store = Store(disk / "state")
submission = hand_in(store)
kernel.mount("none", str(disk), None, kernel.MS_REMOUNT | kernel.MS_RDONLY)
for act in (
    lambda: Store(disk / "state"), lambda: Store(disk / "new"), lambda: hand_in(store, "b", files={"c": b"c"}),
    lambda: store.grading_lock("backprop").__enter__(), lambda: store.record(submission, report(submission)),
):
    try:
        act()
    except StoreError as error:
        print(error.where, "|", error.fix)
""")
    lines = told.splitlines()
    assert len(lines) == 5
    assert all("write there" in line or "space" in line for line in lines), told


def test_locked_database_is_named(store, monkeypatch):
    """Somebody who holds the file too long is the reason given."""
    monkeypatch.setattr(engines, "_BUSY_MS", 50)
    submission = hand_in(store)
    holder = sqlite3.connect(store.state / "store.db", isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    try:
        with pytest.raises(StoreError, match="locked") as caught:
            store.record(submission, report(submission))
        assert "another program holds the file" in caught.value.fix
    finally:
        holder.close()
    assert store.record(submission, report(submission)).ordinal == 1


def test_damaged_database_is_left_as_it_is(store):
    """A page overwritten is an error with a fix; nothing is written over what is left."""
    for number in range(30):
        hand_in(store, f"s{number}", source="x" * 500)
    path = store.state / "store.db"
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    raw = bytearray(path.read_bytes())
    raw[4096:] = os.urandom(len(raw) - 4096)
    path.write_bytes(raw)
    with pytest.raises(StoreError, match=r"malformed|not a database|disk image") as caught:
        Store(store.state).submissions("backprop")
    assert "left as it is" in caught.value.fix
    assert path.read_bytes()[4096:] == raw[4096:]


def test_lost_database_is_not_begun_anew(store):
    """Where submissions are but no results, grading everything again must be somebody's wish."""
    hand_in(store)
    for path in store.state.glob("store.db*"):
        path.unlink()
    with pytest.raises(StoreError, match="missing, while submissions are there"):
        Store(store.state)
    (store.state / "store.db").touch()
    with pytest.raises(StoreError, match="missing, while submissions are there"):
        Store(store.state)


def test_one_grader_at_a_time(store):
    """A second grader of the same assignment is told who holds it; others and later ones go ahead."""
    running = rf"grading backprop is running already \(process {os.getpid()}\)"
    with store.grading_lock("backprop"):
        with pytest.raises(StoreError, match=running), store.grading_lock("backprop"):
            pass
        with store.grading_lock("single"):
            pass
    with store.grading_lock("backprop"):
        pass


@pytest.mark.slow
def test_lock_of_a_dead_grader_is_free(store):
    """The kernel frees the lock of a process that was killed."""
    code = (
        "import os, sys; from pathlib import Path; from grader.store import Store\n"
        "with Store(Path(sys.argv[1])).grading_lock('backprop'): os._exit(9)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(store.state)], cwd=Path(__file__).parents[3], check=False)
    assert done.returncode == 9
    with store.grading_lock("backprop"):
        pass


def test_a_batch_keeps_the_file_open(store):
    """While an assignment is graded, SQLite's log is not moved into the file and removed after each record."""
    log = store.state / "store.db-wal"
    first, second = hand_in(store), hand_in(store, "grace")
    store.record(first, report(first))
    assert not log.exists()
    with store.grading_lock("backprop"):
        store.record(second, report(second))
        assert log.stat().st_size > 0
        assert [one.score for one in Store(store.state).attempts("backprop")] == [5.0, 5.0]
        # What keeps it open holds no lock: others write meanwhile.
        hand_in(Store(store.state), "kurt")
    assert not log.exists()
    assert len(store.attempts("backprop")) == 2
