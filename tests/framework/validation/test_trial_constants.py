"""The solution under constants of students, and with those of somebody else."""

from __future__ import annotations

import pytest

from grader.course import load_course
from grader.records import CheckResult, Verdict
from grader.validation.trial_constants import trial_problems, trials
from tests.support.own_constants import write


@pytest.fixture
def found(tmp_path):
    """The trials of the small course."""
    assignment = load_course(write(tmp_path)).assignment("wide")
    return list(trials(assignment, assignment.solution_files()))


def test_a_right_solution_has_the_constants_that_it_is_graded_under(found):
    """Each draw once."""
    right = [trial for trial in found if not trial.wrong]
    assert len({trial.name for trial in right}) == len(right) == 8
    for trial in right:
        assert f"WIDTH = {trial.constants['width']}".encode() in trial.files["net.py"]
        assert f"SEED: int = {trial.constants['start']} ".encode() in trial.files["net.py"]


def test_a_wrong_one_has_somebody_elses_value_of_one_constant(found):
    """One for each constant that a module holds; the other constant is right."""
    width, start = (trial for trial in found if trial.wrong)
    assert f"WIDTH = {width.constants['width']}".encode() not in width.files["net.py"]
    assert f"SEED: int = {width.constants['start']} ".encode() in width.files["net.py"]
    assert f"WIDTH = {start.constants['width']}".encode() in start.files["net.py"]
    assert "somebody else's start" in start.name


@pytest.mark.parametrize(
    ("verdict", "problem"),
    [(Verdict.ACCEPTED, "no check compares it"), (Verdict.WRONG_ANSWER, ""), (Verdict.GRADER_ERROR, "grader_error")],
)
def test_somebody_elses_value_must_lose_points_and_break_no_check(verdict, problem):
    """Full marks mean that no check looks at the constant."""
    check = CheckResult(id="test_a", title="", verdict=verdict, score=None, max_score=1.0)
    assert problem in " ".join(trial_problems((check,)))
    assert bool(trial_problems((check,))) == bool(problem)
