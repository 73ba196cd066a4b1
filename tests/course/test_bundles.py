"""What students get, used as they use it: the public tests of every bundle."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.bundles import COURSE, NAMES, in_bundle
from tests.support.preloaded import Finished, pytest_main, run

pytestmark = pytest.mark.slow


#: How often each public test is run, with other random numbers each time: a right answer must not fail for what was drawn.
DRAWS = 4


def run_public(bundle: Path, *options: str) -> Finished:
    """Run a bundle's public tests as a student does: plain pytest, in the bundle."""
    return run(pytest_main, "public", "-q", "-p", "no:cacheprovider", *options, folder=bundle)


@pytest.mark.parametrize("name", NAMES)
def test_public_tests_pass_with_the_solution(name, tmp_path):
    """A student whose modules are right sees nothing but passes."""
    draws = ("-p", "tools.quality.draws", "--draws", str(DRAWS))
    done = run_public(in_bundle(name, COURSE.assignment(name).solution_files(), tmp_path), *draws)
    assert done.code == 0, done.output[-3000:]


@pytest.mark.parametrize("name", NAMES)
def test_public_tests_fail_politely_with_the_stub(name, tmp_path):
    """A fresh bundle collects without an error, and every failure names the function that is to be written."""
    done = run_public(in_bundle(name, {}, tmp_path))
    assert done.code == 1, done.output[-3000:]
    assert "write your solution here" in done.output
    assert "error" not in done.output.rpartition("\n")[0].splitlines()[-1].replace("NotImplementedError", "")
