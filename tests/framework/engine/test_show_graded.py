"""Figures through the real runner: what hostile models do to them, and that they cost no points."""

from __future__ import annotations

import subprocess
import sys

import pytest

from grader.course import load_course
from grader.grading import grade_uploads
from grader.intake import Upload
from grader.records import ConfusionFigure, Verdict
from tests.support.builder import Homework, build_course

pytestmark = pytest.mark.runner

CONFIG = """
course: {name: Shown, timezone: UTC}
sandbox: {minimum: []}
assignments:
  shown:
    title: Shown
    due: 2030-01-01T00:00
    files: [model.py]
    data: {set: digits8x8, train: 100, test: 60}
    profiles:
      cpu:
        limits: {wall_s: 60, cpu_s: 40, memory_mb: 700, check_s: 2, output_kb: 64}
        thresholds: {quality: {zero: -1.0, full: 0.0}}
"""
SUITE = '''
"""Hidden checks."""
from grader.checks import points


@points(4)
def test_model(student, held_out, award, show):
    """It answers."""
    show.confusion(held_out.examples(40), student.predict)
    award(held_out.accuracy(student.predict), metric="quality")


@points(1, visibility="hidden")
def test_after(student):
    """What follows has a worker."""
    assert student.one() == 1
'''
MODEL = '''
import torch


def one() -> int:
    """One."""
    return 1


def predict(x: torch.Tensor) -> torch.Tensor:
    """Zeros for the test part; what {what} for the 40 examples."""
    if len(x) == 40:
        {body}
    return torch.zeros(len(x), dtype=torch.int64)
'''
BODIES = {
    "right": "return torch.arange(40) % 10",
    "scores": "return torch.eye(10)[torch.arange(40) % 10]",
    "raises": "raise ValueError('<script>alert(1)</script>')",
    "exits": "import os; os._exit(0)",
    "hangs": "import threading; threading.Event().wait()",
    "eats_memory": "return torch.zeros(10**11)",
    "text": "return '<script>alert(1)</script>'",
    "not_finite": "return torch.full((40, 10), torch.nan)",
    "no_class": "return torch.full((40,), 2**40)",
    "other_shape": "return torch.zeros(41, dtype=torch.int64)",
    "deep": "return [[[[[[x]]]]]]",
    "lies": "import numpy; y = numpy.zeros(40).view(type('Odd', (numpy.ndarray,), {'shape': (40,)})); return y",
}
DRAWN = {"right", "scores", "not_finite", "no_class"}


@pytest.fixture(scope="module")
def reports(tmp_path_factory):
    """Reports by submission, all graded in one batch."""
    homework = Homework("shown", {"model.py": MODEL.format(what="is right", body=BODIES["right"])}, suite=SUITE)
    course = load_course(build_course(tmp_path_factory.mktemp("shown"), CONFIG, homework))
    texts = [MODEL.format(what=name, body=body).encode() for name, body in BODIES.items()]
    uploads = [Upload({"model.py": text}) for text in texts]
    # One slot: a second runner costs more to start than it saves.
    graded = grade_uploads(course, course.assignment("shown"), uploads, slots=1)
    return dict(zip(BODIES, graded, strict=True))


@pytest.mark.parametrize("name", BODIES)
def test_a_figure_costs_no_points(reports, name):
    """Whatever a model does while it is drawn, the check keeps what it earned, and the next check runs."""
    report = reports[name]
    told = [(check.id, check.verdict.value, check.message, check.staff[-500:]) for check in report.checks]
    assert report.verdict is Verdict.ACCEPTED, told
    assert report.score == 5


@pytest.mark.parametrize("name", BODIES)
def test_a_figure_holds_counts_or_a_reason(reports, name):
    """A sound answer is counted; of any other the report says in a sentence why nothing is drawn."""
    (figure,) = reports[name].checks[0].figures
    if name in DRAWN:
        assert isinstance(figure, ConfusionFigure)
        assert sum(map(sum, figure.counts)) + sum(figure.unanswered) == 40
        assert (sum(figure.unanswered) == 40) == (name in ("not_finite", "no_class"))
    elif name != "lies":  # what a subclass claims is its worker's affair: it comes as what it is, or not at all
        assert figure.kind == "missing", figure
        assert 30 < len(figure.description) < 800


def test_the_same_submission_has_the_same_figures(reports, tmp_path_factory):
    """Graded again, a report is the same, figures with it."""
    homework = Homework("shown", {"model.py": MODEL.format(what="is right", body=BODIES["right"])}, suite=SUITE)
    course = load_course(build_course(tmp_path_factory.mktemp("again"), CONFIG, homework))
    upload = Upload({"model.py": MODEL.format(what="right", body=BODIES["right"]).encode()})
    (again,) = grade_uploads(course, course.assignment("shown"), [upload], slots=1)
    assert again.checks[0].figures == reports["right"].checks[0].figures


def test_an_author_reads_what_is_drawn(tmp_path):
    """`pytest HIDDEN --submission PATH` says in words what each figure shows."""
    solution = MODEL.format(what="is right", body=BODIES["scores"])
    course = build_course(tmp_path, CONFIG, Homework("shown", {"model.py": solution}, suite=SUITE))
    hidden, submission = course.parent / "assignments/shown/hidden", course.parent / "solutions/shown"
    command = [sys.executable, "-m", "pytest", hidden, "--submission", submission, "-p", "no:cacheprovider"]
    told = subprocess.run(command, capture_output=True, text=True, check=False, cwd=course.parent)
    assert "figure: Which classes your model confuses. Counted over 40 public samples" in told.stdout, told.stdout
