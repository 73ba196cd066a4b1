"""A course whose only assignment has constants of each student's own: one in a module, one that a function is given."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from tests.support.builder import Homework, build_course

COURSE = """\
course: {name: Own, timezone: UTC}
sandbox: {minimum: []}
roster:
  students:
    - {id: ada, name: Ada Lovelace}
    - {id: emmy, name: Emmy Noether}
    - {id: grace, name: Grace Hopper}
    - {id: kurt, name: Kurt Goedel}
    - {id: alan, name: Alan Turing}
  teams:
    - {id: duo, name: Duo, members: [kurt, alan]}
assignments:
  wide:
    title: Wide
    due: 2030-01-01T00:00
    files: [net.py]
    constants:
      width: {choices: [24, 28, 32, 36], default: 16, file: net.py, about: units of the hidden layer}
      start: {range: [1000, 9999], default: 0, file: net.py, variable: SEED}
    profiles:
      cpu: {limits: {wall_s: 60, cpu_s: 40, memory_mb: 700, check_s: 5}}
"""
NET = '''\
"""A network."""
import torch

WIDTH = 16
SEED: int = 0  # é


def weights() -> torch.Tensor:
    """The first weights, (WIDTH,)."""
    ### BEGIN SOLUTION
    return torch.randn(WIDTH, generator=torch.Generator().manual_seed(SEED))
    ### END SOLUTION
'''
SUITE = '''\
"""Hidden checks."""
from grader.checks import points


@points(2)
def test_width(student, constants):
    """The network is as wide as it should be."""
    constants.assert_own(width=student.WIDTH)


@points(3)
def test_weights(student, reference, constants):
    """The weights start where they should."""
    import torch

    def right(own):
        return torch.randn(own.width, generator=torch.Generator().manual_seed(own.start))

    constants.assert_close(student.weights(), right, name="weights")
    assert torch.equal(reference.weights(), right(constants))
'''


def write(root: Path, text: str = COURSE) -> Path:
    """The course below ``root``; the path of its autograde.yml."""
    return build_course(root, text, Homework("wide", {"net.py": NET}, suite=SUITE))


def handed_in(values: Mapping[str, object]) -> dict[str, bytes]:
    """The solution with these constants in it."""
    text = NET.replace("WIDTH = 16", f"WIDTH = {values['width']!r}").replace(
        "SEED: int = 0", f"SEED: int = {values['start']!r}"
    )
    return {"net.py": text.encode()}
