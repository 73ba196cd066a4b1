"""What a runner does before it says that it is ready."""

from __future__ import annotations

import subprocess
import sys
from types import SimpleNamespace

import pytest

from grader.engine.warm_up import warm_up
from grader.errors import CourseError

pytestmark = pytest.mark.torch


class Session:
    """A session whose held-out data is counted."""

    drawn = 0

    def held_out(self, seed, check):
        """Draw it."""
        self.drawn += 1


def suite(*fixtures):
    """A suite of one check that asks for these."""
    return SimpleNamespace(items=[SimpleNamespace(fixturenames=list(fixtures))], session=Session())


def test_held_out_data_is_drawn_where_a_check_asks_for_it():
    """Once, before any submission; and not at all where no check does."""
    asked, other = suite("student", "held_out"), suite("student")
    warm_up(asked)
    warm_up(other)
    assert (asked.session.drawn, other.session.drawn) == (1, 0)


def test_data_that_cannot_be_had_is_said_before_anything_is_graded():
    """The error is the course's, and reaches whoever starts the runner."""
    broken = suite("held_out")

    class Broken:
        def held_out(self, seed, check):
            raise CourseError("no such data set")

    broken.session = Broken()
    with pytest.raises(CourseError):
        warm_up(broken)


def test_the_first_steps_of_a_suite_import_nothing_more():
    """After warming up, backward() and an optimiser's step find all of torch that they use."""
    program = """
import sys
from types import SimpleNamespace
from grader.engine.warm_up import warm_up
warm_up(SimpleNamespace(items=[], session=None))
import torch
before = set(sys.modules)
x = torch.randn(3, requires_grad=True)
(x * x).mean().backward()
for kind in (torch.optim.SGD, torch.optim.Adam):
    kind([x]).step()
new = {name for name in set(sys.modules) - before if name.startswith(("torch", "sympy"))}
assert len(new) < 10, sorted(new)
"""
    subprocess.run([sys.executable, "-c", program], check=True)
