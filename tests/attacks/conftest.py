"""One batch with every attack in it, graded once for all the tests here."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

from arena.battle import Battle, fight  # noqa: E402 - the arena is found by the line above
from arena.catalogue import Attack, attacks  # noqa: E402

# Neither is of this suite's own tests: one is what is attacked, the other what attacks.
collect_ignore = ["course", "submissions", "arena"]


@pytest.fixture(scope="session")
def battle(tmp_path_factory: pytest.TempPathFactory) -> Battle:
    """What came of grading all attacks, with honest neighbours, on several slots."""
    return fight(attacks(), tmp_path_factory.mktemp("attacked"))


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test with the argument ``attack`` runs for each of them."""
    if "attack" in metafunc.fixturenames:
        found: list[Attack] = attacks()
        metafunc.parametrize("attack", found, ids=[attack.name for attack in found])
