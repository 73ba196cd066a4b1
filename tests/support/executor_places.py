"""What an executor needs around it before tests can open it: agents for a spool, a cluster for Slurm, Ray's extra.

Those of this machine and the spool grade by tests.support.stub_runner, clusters by the engine's own runner.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from grader.grading.slot import Slot
from grader.grading.slurm import SlurmExecutor
from tests.cluster import ray_nodes, slurm_nodes
from tests.support.agent import ROOT, agents
from tests.support.executor_tasks import KillsAgent, KillsRunner
from tests.support.packages import install

#: Executors whose slots are processes of the one that opened it.
HERE = ("local", "serial")


@contextlib.contextmanager
def arranged(name: str, folder: Path) -> Iterator[None]:
    """Arrange it meanwhile."""
    with pytest.MonkeyPatch.context() as patch, contextlib.ExitStack() as stack:
        if name in HERE:
            patch.setattr(Slot, "RUNNER", "tests.support.stub_runner")
            patch.setenv("PYTHONPATH", os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH")))))
        if name in ("spool", "slurm"):
            patch.setenv("AUTOGRADE_SPOOL", str(folder / "spool"))
        if name == "spool":
            stack.enter_context(agents(folder / "spool", 2))
        if name == "slurm":  # two nodes of two cores: one executor is warm while tests open others
            if missing := slurm_nodes.missing():
                pytest.skip(f"NOT RUN: Slurm is not installed here: {', '.join(missing)}")
            stack.enter_context(slurm_nodes.running(folder / "nodes", 2, cores=2))
            # Only what Slurm is asked to export reaches a job.
            patch.setattr(
                SlurmExecutor, "AGENT", ("env", f"PYTHONPATH={ROOT}", sys.executable, "-m", "tests.support.agent")
            )
        if name == "ray":
            if ray_nodes.missing():
                pytest.skip("NOT RUN: ray is not installed here: pip install -e '.[ray]'")
            # One executor is warm while tests open others.
            patch.setattr("grader.grading.ray_executor.default_slots", lambda: 4)
            # Actors have the environment in which their cluster was started.
            kinds = {kind.kind: f"{kind.__module__}:{kind.__name__}" for kind in (KillsRunner, KillsAgent)}
            install(patch, folder / "package", "tasks_of_tests", "", autograde_tasks=kinds)
            patch.setenv("PYTHONPATH", os.pathsep.join((str(ROOT), str(folder / "package"))))
        yield
