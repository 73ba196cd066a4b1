"""Public tests, with other random numbers than those that they ask for: no right answer may fail for what was drawn.

A test that sets a seed passes with the solution once and for all, and may still fail with a right answer that draws its numbers in another
order. So every test is run many times, and each time every seed that it sets is another one. The solution and all right variants are tried,
in the bundle as students get it.

    python -m tools.quality.draws segmentation --draws 50
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the number of draws."""
    parser.addoption(
        "--draws", type=int, default=1, help="how often to run each test, with other random numbers each time"
    )


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run each test once for each draw."""
    metafunc.fixturenames.append("draw")
    metafunc.parametrize("draw", range(metafunc.config.getoption("draws")), indirect=True)


@pytest.fixture
def draw(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    """Seed all generators with a number of this draw's own, and add it to every seed that the test sets."""
    import random

    import numpy as np
    import torch

    shift = 7919 * request.param
    manual_seed, default_rng, np_seed = torch.manual_seed, np.random.default_rng, np.random.seed

    class Generator(torch.Generator):
        """A generator whose seeds are shifted."""

        def manual_seed(self, seed: int) -> torch.Generator:
            return super().manual_seed(seed + shift)

    manual_seed(shift)
    np_seed(shift)
    random.seed(shift)
    monkeypatch.setattr(torch, "manual_seed", lambda seed: manual_seed(seed + shift))
    monkeypatch.setattr(torch, "Generator", Generator)
    monkeypatch.setattr(
        np.random, "default_rng", lambda seed=0: default_rng(seed + shift if isinstance(seed, int) else seed)
    )
    monkeypatch.setattr(np.random, "seed", lambda seed=0: np_seed(seed + shift))
    return int(request.param)


def failures(bundle: Path, draws: int) -> tuple[int, list[str]]:
    """How many runs of tests there were in ``bundle``, and the ids of those that failed.

    Raises RuntimeError if pytest did not come to its end.
    """
    root = Path(__file__).parents[2]
    environment = os.environ | {"PYTHONPATH": str(root), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "pytest", "public", "-q", "--tb=line", "-p", "no:cacheprovider"]
    command += ["-p", "tools.quality.draws", "--draws", str(draws)]
    done = subprocess.run(
        command, check=False, cwd=bundle, env=environment, capture_output=True, text=True, timeout=3600
    )
    if done.returncode not in (0, 1):
        raise RuntimeError(
            f"pytest ended with {done.returncode} in {bundle}:\n{done.stdout[-2000:]}{done.stderr[-2000:]}"
        )
    counted = re.findall(r"(\d+) (?:passed|failed)", done.stdout.splitlines()[-1])
    return sum(map(int, counted)), re.findall(r"^FAILED (\S+)", done.stdout, re.MULTILINE)


def main() -> int:
    """Print what failed for each right answer of each assignment named; 1 if anything did."""
    from tests.support.bundles import COURSE, in_bundle
    from tools.load.measure import right_answers

    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--draws", type=int, default=20)
    parser.add_argument("--solution", action="store_true", help="leave out the variants")
    arguments = parser.parse_args()
    failed = 0
    for name in arguments.names or COURSE.assignments:
        assignment = COURSE.assignment(name)
        answers = {"solution": assignment.solution_files()} if arguments.solution else right_answers(assignment)
        for answer, files in answers.items():
            with tempfile.TemporaryDirectory() as folder:
                bundle = in_bundle(name, files, Path(folder))
                runs, lost = failures(bundle, arguments.draws)
            failed += len(lost)
            print(
                f"{name} {answer}: {len(lost)} of {runs} failed" + "".join(f"\n    {test}" for test in lost), flush=True
            )
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
