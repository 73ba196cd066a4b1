"""An agent that knows the tests' kinds of task, and with ``--stub`` grades by tests.support.stub_runner.

``python -m tests.support.agent [--stub] [--idle=SECONDS] SPOOL``; `agents` starts some, and ends them.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]


@contextlib.contextmanager
def agents(spool: Path, count: int, *, stub: bool = True) -> Iterator[list[subprocess.Popen[bytes]]]:
    """So many agents as processes of this machine; what is started in place of one that was killed may be appended."""
    running: list[subprocess.Popen[bytes]] = []
    try:
        running += [start(spool, stub=stub) for _ in range(count)]
        yield running
    finally:
        for process in running:
            process.send_signal(signal.SIGCONT)
            process.terminate()
        for process in running:
            process.wait(30)


def start(spool: Path, *, stub: bool = True) -> subprocess.Popen[bytes]:
    """One agent."""
    command = [sys.executable, "-m", "tests.support.agent", *(["--stub"] if stub else []), str(spool)]
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    return subprocess.Popen(command, cwd=ROOT, env={**os.environ, "PYTHONPATH": path})


if __name__ == "__main__":
    from grader.cli.agents import _slurm_job
    from grader.grading import Stopped, stoppable
    from grader.grading.agent import Agent
    from grader.grading.slot import Slot
    from grader.sandbox.layers import kernel
    from tests.support.executor_tasks import register

    kernel.die_with_parent()
    register()
    if "--stub" in sys.argv:
        Slot.RUNNER = "tests.support.stub_runner"
    with contextlib.suppress(Stopped), stoppable():
        Agent(Path(sys.argv[-1]), job=_slurm_job()).run()
