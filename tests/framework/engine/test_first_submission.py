"""The first submission of a slot pays for nothing that the others do not pay for, by the time that limits count."""

from __future__ import annotations

import pytest

from grader.course import load_course
from grader.grading.slot import Work
from grader.records import Verdict
from tests.support.tiny import COURSE, write_course
from tools.load.measure import FACTOR, SPARE_S, costlier_at_first, times_by_case

pytestmark = pytest.mark.runner

#: What reaches for much of torch for the first time: a backward pass, an optimiser, a convolution, a compiled function.
BASICS = """\
import torch
from torch import nn


def add(x, y):
    return x + y


def step(x):
    net = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.ReLU(), nn.Flatten(), nn.LazyLinear(3))
    net(x)
    optimiser = torch.optim.AdamW(net.parameters())
    nn.functional.cross_entropy(net(x), torch.zeros(len(x), dtype=torch.long)).backward()
    optimiser.step()
    return [parameter.detach() for parameter in net.parameters()]


def burn(seconds):
    import time

    end = time.process_time() + seconds
    while time.process_time() < end:
        pass
"""
SUITE = '''\
"""Hidden checks."""
import torch
from grader.checks import points

RUNS = []


@points(1)
def test_step(student, rng):
    """`step` trains; the suite itself computes gradients, too, before it asks."""
    weight = torch.randn(3, generator=rng, requires_grad=True)
    (weight * weight).sum().backward()
    assert len(student.step(torch.randn(2, 1, 8, 8, generator=rng))) == 6


@points(1)
def test_add(student):
    """`add` adds."""
    assert student.add(torch.ones(1), torch.ones(1)).item() == 2


@points(1)
def test_burn_once(student):
    """A suite that has the first submission do more than the others, as a control of the measurement."""
    RUNS.append(1)
    student.burn(1.0 if len(RUNS) == 1 else 0.0)
'''


@pytest.fixture(scope="module")
def times(tmp_path_factory):
    """Processor seconds of each case, for three submissions of one slot."""
    root = tmp_path_factory.mktemp("first")
    path = write_course(root, suite=SUITE, course=COURSE)
    course = load_course(path)
    assignment = course.assignment("tiny")
    files = {file: (assignment.solution_folder / file).read_bytes() for file in assignment.files}
    work = Work(course, assignment, assignment.profile("cpu"), course.state)
    reports, found = times_by_case(work, [files | {"basics.py": BASICS.encode()}] * 3)
    assert [report.verdict for report in reports] == [Verdict.ACCEPTED] * 3, [
        check.message for check in reports[0].checks
    ]
    return found


def test_no_check_costs_the_first_submission_more(times):
    """By processor time, which is what limits count; only the check that does more at first is found."""
    assert set(costlier_at_first(times)) == {"test_it.py::test_burn_once"}


def test_every_case_is_measured(times):
    """Each case of each submission has a time, and the one that computes for a second has most of one: clocks are coarse."""
    assert [len(found) for found in times] == [3, 3, 3]
    assert times[0]["test_it.py::test_burn_once"] > 0.5
    assert times[1]["test_it.py::test_burn_once"] < 0.5


def test_what_is_called_costlier():
    """A case counts where the first submission's time is beyond both a factor and what machines differ by."""
    later = [{"a": 1.0, "b": 0.0}, {"a": 1.2, "b": 0.0}]
    assert costlier_at_first([{"a": 1.1 * FACTOR, "b": SPARE_S}, *later]) == {}
    first = {"a": 1.1 * FACTOR + 2 * SPARE_S, "b": 2 * SPARE_S}
    assert costlier_at_first([first, *later]) == {"a": (first["a"], 1.1), "b": (first["b"], 0.0)}
