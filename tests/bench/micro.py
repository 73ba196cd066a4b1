"""Micro-benchmark of the idea: a fork of a process that has torch against a fresh `import torch`.

Runs by itself (``python tests/bench/micro.py``) and prints JSON in milliseconds; `run.py` runs it as a step. It forks
plainly, without sandbox or wire, so it says what the idea is worth before isolation is paid for.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import traceback
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

SOLUTION = Path(__file__).parent / "jobs" / "solution.py"
FRESH, FORKS, TRAINED = 3, 30, 3
CHILD_TIMEOUT_S = 120


def fresh_import_ms() -> float:
    """Median wall time of a new Python that imports torch and exits."""
    times = []
    for _ in range(FRESH):
        started = time.perf_counter()
        subprocess.run([sys.executable, "-c", "import torch"], check=True, timeout=CHILD_TIMEOUT_S)
        times.append(time.perf_counter() - started)
    return 1e3 * median(times)


def forked_ms(work: Callable[[], object], repeats: int) -> float:
    """Median wall time of: fork this process, do ``work`` in the child, exit, be waited for.

    Raises RuntimeError where a child failed.
    """
    times = []
    for _ in range(repeats):
        started = time.perf_counter()
        pid = os.fork()
        if pid == 0:
            try:
                work()
                os._exit(0)
            except BaseException:  # noqa: BLE001 - a child must never return into the parent's code
                traceback.print_exc()
                os._exit(1)
        _, status = os.waitpid(pid, 0)
        times.append(time.perf_counter() - started)
        if status:
            raise RuntimeError(f"a forked child ended with status {status}")
    return 1e3 * median(times)


def main() -> None:
    """Measure and print."""
    measured = {"fresh `import torch`": fresh_import_ms()}
    import torch  # not before the fresh imports: they should find memory as a new machine has it

    # The parent only imports: a parent that ran a threaded operation or backward() makes children that hang.
    torch.set_num_threads(1)
    code = compile(SOLUTION.read_text(), str(SOLUTION), "exec")

    def small() -> None:
        student: dict[str, object] = {"__name__": "solution"}
        exec(code, student)
        student["softmax"](torch.zeros(4, 10))  # type: ignore[operator]

    def training() -> None:
        student: dict[str, object] = {"__name__": "solution"}
        exec(code, student)
        student["train"](torch.zeros(500, 64), torch.zeros(500, dtype=torch.int64))  # type: ignore[operator]

    measured["fork, student's import, first call"] = forked_ms(small, FORKS)
    measured["fork and training of 20 steps, torch imported"] = forked_ms(training, TRAINED)
    # The first optimiser of a process imports torch._dynamo: seconds, which the parent can pay for all its forks.
    import torch._dynamo

    measured["fork and training of 20 steps, torch._dynamo imported too"] = forked_ms(training, FORKS)
    sys.stdout.write(json.dumps(measured, indent=1) + "\n")


if __name__ == "__main__":
    main()
