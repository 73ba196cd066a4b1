"""What an executor needs around it before tests can open it: agents for a spool, a cluster for Slurm, Ray's extra."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.agent import agents


@contextlib.contextmanager
def arranged(name: str, folder: Path) -> Iterator[None]:
    """Arrange it meanwhile."""
    with pytest.MonkeyPatch.context() as patch, contextlib.ExitStack() as stack:
        if name in ("spool", "slurm"):
            patch.setenv("AUTOGRADE_SPOOL", str(folder / "spool"))
        if name == "spool":
            stack.enter_context(agents(folder / "spool", 2))
        yield
