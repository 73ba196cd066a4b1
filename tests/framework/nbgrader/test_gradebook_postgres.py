"""The gradebook on PostgreSQL, and the store beside it in the same database: the same steps."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from grader.course import load_course
from grader.nbgrader.diff import differences
from grader.nbgrader.layout import NbgraderLayout, open_gradebook
from grader.nbgrader.run_step import run_step
from grader.nbgrader.sync import sync
from tests.support import gradebook as small

pytestmark = pytest.mark.filterwarnings("ignore")


def test_the_gradebook_may_be_on_postgresql(postgres_server, tmp_path, monkeypatch):
    """Roster, scores, penalty, a mark and its comment: written, read back, in step."""
    url = postgres_server.url()
    monkeypatch.setenv("AUTOGRADE_GRADEBOOK_DB", url.replace("postgresql:", "postgresql+psycopg:"))
    monkeypatch.setenv("AUTOGRADE_STORE_DB", url)
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
    assert not (layout.course.state / "store.db").exists()
