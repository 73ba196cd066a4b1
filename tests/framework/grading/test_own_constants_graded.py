"""Constants of each student's own through the store and a real runner: graded, flagged, replayed, taken over or not."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace

import pytest

from grader.course import load_course
from grader.grading import ClassConstants, SerialExecutor, Work, grade_assignment
from grader.grading.replay import replay
from grader.store import Store
from tests.support.own_constants import COURSE, handed_in, write

pytestmark = pytest.mark.runner

NOW = datetime(2026, 12, 1, 12, 0, tzinfo=UTC)


class Shared:
    """One warm executor for several calls."""

    def __init__(self, work):
        self.executor = SerialExecutor(work)
        self.run = self.executor.run

    def close(self):
        """Stay warm."""


def test_constants_from_the_course_file_to_the_report_and_back(tmp_path, monkeypatch):
    """One's own values earn everything, another's are flagged, and a report is taken over only under the same constants."""
    course = load_course(write(tmp_path))
    course.state.mkdir()
    (course.state / "secret").write_text("5a" * 32 + "\n")
    assignment = course.assignment("wide")
    store = Store(course.state)
    drawn = ClassConstants.read(course, assignment, store.state)
    assert drawn.of("ada")["width"] != drawn.of("emmy")["width"]
    shared = Shared(Work(course, assignment, assignment.profile("cpu"), store.state))
    for module in ("grade", "replay"):
        monkeypatch.setattr(f"grader.grading.{module}.open_executor", lambda *_: shared)
    start = iter(range(1, 100))
    for owner, values in {
        "ada": drawn.of("ada"),
        "emmy": drawn.of("ada"),
        "duo": {"width": 16, "start": 0},
        "grace": {**drawn.of("grace"), "width": float("inf")},
    }.items():
        files = {**handed_in(values), "note.txt": str(next(start)).encode()}
        store.put_submission("wide", owner, files, received_at=NOW)
    # `inf` is a name that the module does not have: it raises where it is imported, and costs nobody else anything.
    graded = {
        item.submission.owner: item.attempt for item in grade_assignment(course, assignment, store, executor="serial")
    }
    reports = {owner: attempt.report for owner, attempt in graded.items()}
    assert {owner: report.score for owner, report in reports.items()} == {
        "ada": 5.0,
        "emmy": 0.0,
        "duo": 0.0,
        "grace": 0.0,
    }
    assert reports["emmy"].constants == drawn.of("emmy")
    assert [flag.endswith(": ada") for flag in reports["emmy"].flags] == [True]
    assert not any(reports[owner].flags for owner in ("ada", "duo", "grace"))
    assert "everybody starts with" in reports["duo"].checks[0].message
    assert f"start = {drawn.of('emmy')['start']}" in reports["emmy"].checks[1].message
    assert not any(report.held for report in reports.values())

    again = replay(course, store, graded["emmy"].id, executor="serial")
    shared.executor.close()
    assert again.same, again.differences

    # Emmy's is set otherwise: a new version, whose report on ada is the old one; hers would be another run.
    text = COURSE.replace("default: 16", f"default: 16, given: {{emmy: {drawn.of('ada')['width']}}}")
    course = load_course(write(tmp_path, text))
    assignment = course.assignment("wide")
    (kept,) = grade_assignment(course, assignment, store, owners={"ada"}, executor="serial")
    assert kept.reused
    assert kept.attempt.report.checks == reports["ada"].checks
    tasks = []
    monkeypatch.setattr(
        "grader.grading.grade.open_executor", lambda *_: SimpleNamespace(run=tasks.extend, close=lambda: None)
    )
    with pytest.raises(TypeError):
        grade_assignment(course, assignment, store, owners={"emmy"}, executor="serial")
    assert tasks[0].draws.values == {**drawn.of("emmy"), "width": drawn.of("ada")["width"]}
