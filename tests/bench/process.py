"""Run a command to its end under a time limit, and measure it: wall, CPU of it and all it started, peak memory.

The benchmark makes itself the reaper of orphans, so that helpers which a tool leaves behind (kernels, pool workers) are
counted, waited for, and ended: a tool that daemonises its work does not look cheaper by it.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import select
import signal
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    import resource
    from collections.abc import Mapping, Sequence

PR_SET_CHILD_SUBREAPER = 36
ORPHAN_GRACE_S = 5.0
TAIL = 3000


class StepFailedError(Exception):
    """A step of the benchmark failed; its message says which, and shows the end of what it printed."""


@dataclass(frozen=True, slots=True)
class Finished:
    """What a command took. ``peak_mb`` is the largest resident set of any single process in it."""

    wall_s: float
    cpu_s: float
    peak_mb: float
    stdout: str
    stderr: str


def measured_environment(*, scratch: Path, path_first: Path) -> dict[str, str]:
    """The environment every tool is measured in: one thread, bytecode caching on, no settings of the user's.

    ``path_first`` is the ``bin`` folder of the tool's own environment; ``scratch`` takes its configuration folders.
    """
    unset = {"PYTHONDONTWRITEBYTECODE", "PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "PYTEST_ADDOPTS"}
    environment = {key: value for key, value in os.environ.items() if key not in unset}
    environment["PATH"] = f"{path_first}{os.pathsep}{environment.get('PATH', os.defpath)}"
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS"):
        environment[name] = "1"
    for name in ("IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR"):
        folder = scratch / name.lower()
        folder.mkdir(parents=True, exist_ok=True)
        environment[name] = str(folder)
    return environment


def run(
    command: Sequence[str | Path],
    *,
    what: str,
    timeout_s: float,
    cwd: Path,
    environment: Mapping[str, str] | None = None,
) -> Finished:
    """Run ``command`` in ``cwd`` and measure it.

    Raises StepFailedError where it could not start, ran past ``timeout_s`` or exited with another status than 0.
    """
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    before = set(_children(os.getpid()))
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        started = time.perf_counter()
        try:
            process = subprocess.Popen(
                [str(part) for part in command],
                cwd=cwd,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                start_new_session=True,
            )
        except OSError as error:
            raise StepFailedError(f"{what}: cannot start {command[0]}: {error}") from error
        try:
            in_time = _wait(process.pid, timeout_s)
        except BaseException:
            _kill_tree(process.pid)
            raise
        wall = time.perf_counter() - started
        if not in_time:
            _kill_tree(process.pid)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        usages = [usage, *_reap_orphans(before)]
        texts = [_text(stream) for stream in (out, err)]
    if not in_time or process.returncode != 0:
        reason = f"exited with {process.returncode}" if in_time else f"ran past {timeout_s:.0f} s and was ended"
        tail = "\n".join(text.strip()[-TAIL:] for text in texts if text.strip())
        raise StepFailedError(f"{what}: {' '.join(map(str, command))} {reason}\n{tail}")
    cpu = sum(one.ru_utime + one.ru_stime for one in usages)
    return Finished(wall, cpu, max(one.ru_maxrss for one in usages) / 1024, *texts)


def _text(stream: IO[bytes]) -> str:
    stream.seek(0)
    return stream.read().decode(errors="replace")


def _wait(pid: int, timeout_s: float) -> bool:
    """True once ``pid`` has exited (it is left to be waited for); False when the time is up."""
    descriptor = os.pidfd_open(pid)
    try:
        poll = select.poll()
        poll.register(descriptor, select.POLLIN)
        return bool(poll.poll(timeout_s * 1000))
    finally:
        os.close(descriptor)


def _children(pid: int) -> list[int]:
    """Direct children of ``pid``, whichever of its threads started them."""
    found: list[int] = []
    for listing in Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(OSError):
            found += [int(word) for word in listing.read_text().split()]
    return found


def _kill_tree(pid: int) -> None:
    """End ``pid`` and its descendants: kernels lead sessions of their own, so a process group would miss them."""
    below = _children(pid)
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
    for child in below:
        _kill_tree(child)


def _reap_orphans(before: set[int]) -> list[resource.struct_rusage]:
    """Wait for what the command left behind, ending it after a grace; the usage of each.

    ``before`` are the children that this process had already: they are somebody else's.
    """
    usages: list[resource.struct_rusage] = []
    started = time.monotonic()
    while orphans := set(_children(os.getpid())) - before:
        for orphan in orphans:
            pid, _, usage = os.wait4(orphan, os.WNOHANG)
            if pid:
                usages.append(usage)
            elif time.monotonic() > started + ORPHAN_GRACE_S:
                _kill_tree(orphan)
        if time.monotonic() > started + 2 * ORPHAN_GRACE_S:
            raise StepFailedError("processes that a tool left behind cannot be ended")
        time.sleep(0.02)
    return usages
