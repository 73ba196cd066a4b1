"""What an executor needs around it before tests can open it: agents for a spool, a cluster for Slurm, Ray's extra."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from grader.grading.slurm import SlurmExecutor
from tests.cluster import ray_nodes, slurm_nodes
from tests.support.agent import ROOT, agents


@contextlib.contextmanager
def arranged(name: str, folder: Path) -> Iterator[None]:
    """Arrange it meanwhile."""
    with pytest.MonkeyPatch.context() as patch, contextlib.ExitStack() as stack:
        if name in ("spool", "slurm"):
            patch.setenv("AUTOGRADE_SPOOL", str(folder / "spool"))
        if name == "spool":
            stack.enter_context(agents(folder / "spool", 2))
        if name == "slurm":
            if missing := slurm_nodes.missing():
                pytest.skip(f"NOT RUN: Slurm is not installed here: {', '.join(missing)}")
            stack.enter_context(slurm_nodes.running(folder / "nodes", 2))
            patch.setattr(SlurmExecutor, "AGENT", (sys.executable, "-m", "tests.support.agent"))
            patch.setenv("PYTHONPATH", str(ROOT))
        if name == "ray":
            if ray_nodes.missing():
                pytest.skip("NOT RUN: ray is not installed here: pip install -e '.[ray]'")
            patch.setenv("PYTHONPATH", str(ROOT))
        yield
