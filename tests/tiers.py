"""What a test costs, as a marker; ``--quick`` runs the tests that have none.

A file says what all of its tests cost in a ``pytestmark`` at its top, a test by a decorator; folders and fixtures whose tests
all cost the same are listed here. A test without a marker may neither import torch nor start a zygote or a runner, and it
fails if it tries. With ``--quick`` expensive files are not even imported: their marks are read from the source.
"""

from __future__ import annotations

import ast
import functools
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

#: From cheap to expensive; the text is what ``pytest --markers`` says.
COSTS = {
    "server": "imports FastAPI and what it needs (1 s, once)",
    "postgres": "needs a PostgreSQL server (3 s, once)",
    "torch": "imports torch into the process of the tests (2 s, once)",
    "runner": "starts a zygote, a worker or a runner (3 to 6 s each)",
    "nbgrader": "imports nbgrader and Jupyter's stack (4 s, once)",
    "course": "works on the course's own assignments",
    "slow": "takes seconds of its own",
    "attack": "belongs to the batch that grades every attack",
    "cluster": "needs Slurm or Ray, and minutes; runs with --cluster alone",
    "long": "trains for ten seconds and more, and repeats most of what `make validate` measures; runs with --long alone",
}
#: Folders below tests/ whose tests all cost the same.
FOLDERS = {
    "attacks": "attack",
    "chaos": "runner",
    "course": "course",
    "framework/nbgrader": "nbgrader",
    "framework/server": "server",
    "fuzz": "torch",
}
#: Fixtures that cost what their name says, wherever they are defined.
FIXTURES = {"postgres_server": "postgres", "zygote": "runner", "battle": "attack", "released": "nbgrader"}
#: What a process that imports torch for us is started as.
_STARTED = ("grader.engine.runner", "grader.sandbox.untrusted.zygote_process")
_TESTS = Path(__file__).parent


@functools.cache
def costs_of_file(path: Path) -> frozenset[str]:
    """What every test of a file costs, by its folder and by the ``pytestmark`` at its top; nothing is imported."""
    relative = path.relative_to(_TESTS).as_posix() if path.is_relative_to(_TESTS) else ""
    found = {cost for folder, cost in FOLDERS.items() if f"{relative}/".startswith(f"{folder}/")}
    if path.suffix == ".py":
        found |= _declared(ast.parse(path.read_text(encoding="utf-8")).body)
    return frozenset(found)


def _declared(body: Iterable[ast.stmt]) -> set[str]:
    """The costs among the markers that a module gives to all of its tests."""
    values = [
        node.value
        for node in body
        if isinstance(node, ast.Assign) and any(isinstance(t, ast.Name) and t.id == "pytestmark" for t in node.targets)
    ]
    named = {node.attr for value in values for node in ast.walk(value) if isinstance(node, ast.Attribute)}
    return named & set(COSTS)


def costs_of(item: pytest.Item) -> frozenset[str]:
    """What a test costs."""
    return frozenset(COSTS) & {marker.name for marker in item.iter_markers()}


class Guard:
    """Sees to it that a test without a marker is cheap: what torch or a runner would be started for raises instead."""

    def __init__(self, *, quick: bool) -> None:
        self.quick = quick
        self.item: pytest.Item | None = None

    def __call__(self, event: str, details: tuple[Any, ...]) -> None:
        """An audit hook of Python's: every first import and every process that is started passes here."""
        if event == "import" and details[0] == "torch":
            self.refuse("imports torch", "torch")
        elif event == "subprocess.Popen":
            command = details[1] if isinstance(details[1], (list, tuple)) else [details[1]]
            if any(str(part) in _STARTED for part in command):
                self.refuse(f"starts {next(str(part) for part in command if str(part) in _STARTED)}", "runner")

    def refuse(self, what: str, cost: str) -> None:
        """Raise, unless the running test is marked as what it does."""
        if self.item is None:
            if self.quick:
                pytest.fail(f"a file without a marker {what}: give it `pytestmark = pytest.mark.{cost}`")
            return
        allowed = costs_of(self.item) - ({"torch"} if cost == "runner" else set())
        if not allowed:
            pytest.fail(f"{self.item.nodeid} {what}: mark it with `@pytest.mark.{cost}`")


_GUARD = pytest.StashKey[Guard]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add ``--quick``, ``--cluster`` and ``--long``."""
    parser.addoption("--quick", action="store_true", help="run the tests that need neither torch nor a runner")
    parser.addoption("--cluster", action="store_true", help="run the tests that need Slurm or Ray as well")
    parser.addoption("--long", action="store_true", help="run the tests that `make validate` runs as well")


def pytest_configure(config: pytest.Config) -> None:
    """Register the markers, and watch what tests do."""
    for name, meaning in COSTS.items():
        config.addinivalue_line("markers", f"{name}: {meaning}")
    config.stash[_GUARD] = guard = Guard(quick=bool(config.getoption("quick")))
    sys.addaudithook(guard)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """With ``--quick``, leave out files and folders whose tests all cost something."""
    quick = config.getoption("quick") and (collection_path.is_dir() or collection_path.name.startswith("test_"))
    return True if quick and costs_of_file(collection_path) else None


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark tests by folder and fixture, put the expensive files first, and leave them out with ``--quick``."""
    weights: dict[Path, int] = {}
    order = list(COSTS)
    for item in items:
        by_folder = costs_of_file(item.path)
        by_fixture = {FIXTURES[name] for name in getattr(item, "fixturenames", ()) if name in FIXTURES}
        for cost in (by_folder | by_fixture) - costs_of(item):
            item.add_marker(cost)
    unasked = {cost for cost in ("cluster", "long") if not config.getoption(cost)}
    away = [item for item in items if costs_of(item) & unasked]
    if away:
        config.hook.pytest_deselected(items=away)
        items[:] = [item for item in items if not costs_of(item) & unasked]
    for item in items:
        weight = sum(1 << order.index(cost) for cost in costs_of(item))
        weights[item.path] = max(weights.get(item.path, 0), weight)
    # A file that takes long must not be the last that a process of several begins.
    items.sort(key=lambda item: -weights[item.path])
    if config.getoption("quick"):
        cheap = [item for item in items if not costs_of(item)]
        config.hook.pytest_deselected(items=[item for item in items if costs_of(item)])
        items[:] = cheap


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Any:
    """Tell the guard which test runs."""
    guard = item.config.stash[_GUARD]
    guard.item = item
    try:
        return (yield)
    finally:
        guard.item = None
