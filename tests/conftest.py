"""What many of the framework's tests share."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

import tests.support.no_grammars  # noqa: F401 - before anything that imports jsonschema
from tests.support.builder import Homework, build_course
from tests.support.postgres import PostgresServer, required_server

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytest_plugins = ["tests.tiers"]

TINY_COURSE = """\
course: {name: Tiny, timezone: Europe/Berlin}
late_policy: {grace_minutes: 15, penalty_per_day: 0.1, max_days: 3}
roster:
  students:
    - {id: ada, name: Ada Lovelace, email: ada@example.org, handle: enchantress}
    - {id: grace, name: Grace Hopper, email: grace@example.org}
    - {id: kurt, name: Kurt Gödel, handle: incomplete}
    - {id: evelyn, name: Evelyn Boyd Granville}
    - {id: 0012, name: No}
  teams:
    - {id: team-rho, name: Team Rho, members: [ada, grace]}
assignments:
  backprop:
    title: Backpropagation
    due: 2026-12-04T23:59
    files: [backprop.py, hyperparams.py]
    forbid: {backprop.py: {modules: [torch]}}
    data: {set: digits, train: 100, validation: 20, test: 50, flat: true, array: numpy}
    profiles:
      cpu:
        limits: {wall_s: 30}
        thresholds: {test_accuracy: {zero: 0.6, full: 0.9}, loss: {zero: 2.0, full: 0.5}}
        budget: {epochs: 5, rate: 0.1}
      gpu: {data: {train: 4000}}
    leaderboard:
      - {metric: test_accuracy, title: Accuracy}
  single:
    title: One file
    files: [single.py]
    attempts: last
    late_policy: {}
"""

# A loaded machine must not fail a property: hypothesis's deadlines are assertions about wall time.
settings.register_profile("steady", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("steady")


def pytest_collection_finish() -> None:
    """Leave what was imported out of every later garbage collection: torch alone has half a million objects."""
    gc.collect()
    gc.freeze()


@pytest.fixture
def tiny_course(tmp_path: Path) -> Path:
    """The root of a small course of two assignments, with every file that loading it asks for."""
    homeworks = (
        Homework(name, dict.fromkeys(files, '"""A solution."""\n'))
        for name, files in (("backprop", ["backprop.py", "hyperparams.py"]), ("single", ["single.py"]))
    )
    return build_course(tmp_path / "course", TINY_COURSE, *homeworks).parent


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """A PostgreSQL server of this process's own; tests that use it are marked `postgres`."""
    with required_server() as running:
        yield running
