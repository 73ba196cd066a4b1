"""The graders of the course's own assignments: what solution and stub score."""

from __future__ import annotations

from pathlib import Path

import pytest

from grader.course import load_course
from grader.grading import grade_uploads
from grader.intake import Upload
from grader.release.strip import make_stubs
from grader.validation.variants import STUB_CEILING

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
COURSE = load_course(ROOT / "autograde.yml")
#: Train for ten seconds and more: `make validate`, which CI runs, runs these.
LONG = {"segmentation", "video"}
NAMES = [pytest.param(name, marks=pytest.mark.long) if name in LONG else name for name in COURSE.assignments]
#: Whose solution is graded twice: one with torch alone, and one with numpy beside it. The others go the same ways.
TWICE = {"pytorch_basics", "backprop"}


@pytest.mark.parametrize("name", NAMES)
def test_solution_and_stub_score_what_they_must(name, tmp_path):
    """Full marks for the solution, the same twice but for times; next to nothing for the stub."""
    assignment = COURSE.assignment(name)
    solution = Upload(assignment.solution_files())
    uploads = [Upload(make_stubs(assignment)), solution, *([solution] if name in TWICE else [])]
    # One slot: a second runner would take longer to start than the three to be graded.
    stub, first, *again = grade_uploads(COURSE, assignment, uploads, state=tmp_path, slots=1)
    assert first.score == first.max_score == 100, [c for c in first.checks if c.score != c.max_score]
    assert [report.timeless() for report in again] == [first.timeless()] * len(again)
    assert not first.flags, first.flags
    assert stub.score is not None
    assert stub.score <= STUB_CEILING * stub.max_score
