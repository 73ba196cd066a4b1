"""The gradebook on PostgreSQL: the same steps, on a server of the test's own that listens on a socket only."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import pytest

from grader.course import load_course
from grader.nbgrader.diff import differences
from grader.nbgrader.layout import NbgraderLayout, open_gradebook
from grader.nbgrader.run_step import run_step
from grader.nbgrader.sync import sync
from tests.support import gradebook as small

pytestmark = pytest.mark.filterwarnings("ignore")


def programs() -> Path | None:
    """Where PostgreSQL's own programs are."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    path = shutil.which("initdb") or (str(found[-1]) if found else None)
    return Path(path).resolve().parent if path else None


@pytest.fixture
def database():
    """A new cluster's URL; the server is stopped afterwards. It refuses to be root, so it is somebody else."""
    pytest.importorskip("psycopg")
    where = programs()
    if where is None:
        pytest.skip("no PostgreSQL on this machine")
    user = {"user": "nobody"} if os.geteuid() == 0 else {}
    folder = Path(tempfile.mkdtemp(prefix="autograde-postgres-"))
    folder.chmod(0o777)
    data = folder / "data"

    def run(*command):
        done = subprocess.run(
            command, check=False, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, timeout=120, **user
        )
        if done.returncode:
            pytest.skip(f"PostgreSQL does not run here: {done.stderr.decode()[-200:]}")

    run(where / "initdb", "-D", data, "-U", "autograde", "--auth=trust", "--no-sync", "--locale=C", "-E", "UTF8")
    options = f"-c listen_addresses='' -c unix_socket_directories={folder} -c fsync=off"
    run(where / "pg_ctl", "-D", data, "-o", options, "-l", folder / "log", "-w", "start")
    try:
        yield f"postgresql+psycopg://autograde@/postgres?host={folder}"
    finally:
        run(where / "pg_ctl", "-D", data, "-m", "immediate", "-w", "stop")
        shutil.rmtree(folder, ignore_errors=True)


def test_the_gradebook_may_be_on_postgresql(database, tmp_path, monkeypatch):
    """Roster, scores, penalty, a mark and its comment: written, read back, in step."""
    monkeypatch.setenv("AUTOGRADE_GRADEBOOK_DB", database)
    layout = NbgraderLayout(load_course(small.write_course(tmp_path, students=("ada", "alan"))))
    assignment = layout.course.assignment("hw")
    sync(layout, [assignment], wheel=False)
    assert run_step(layout, "GenerateAssignment", "hw") == ""
    files = {"work.py": b"x = 1\n", "hw.ipynb": (layout.released("hw") / "hw.ipynb").read_bytes()}
    submission = layout.store.put_submission("hw", "ada", files, received_at=datetime(2030, 1, 11, 11, tzinfo=UTC))[0]
    layout.store.record(submission, small.report_of(assignment, files, (1 / 3, 2.5, 0.0)))
    sync(layout, [assignment], wheel=False)
    assert run_step(layout, "Autograde", "hw") == ""
    with open_gradebook(layout) as gradebook:
        assert gradebook.engine.dialect.name == "postgresql"
        grade = gradebook.find_grade("why", "hw", "hw", "ada")
        grade.manual_score = 3.0
        gradebook.find_comment("why", "hw", "hw", "ada").manual_comment = "fine"
        gradebook.db.commit()
    sync(layout, [assignment], wheel=False)
    assert differences(layout, [assignment]) == []
    with open_gradebook(layout) as gradebook:
        entry = gradebook.find_submission("hw", "ada")
        assert entry.score == pytest.approx(1 / 3 + 2.5 + 3)
        assert entry.late_submission_penalty == pytest.approx(0.1 * entry.score)
    assert not (layout.root / "gradebook.db").exists()
