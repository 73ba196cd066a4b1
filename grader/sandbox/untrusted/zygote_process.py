"""The zygote: a clean process that has imported torch and no code of anybody's, and forks a confined worker on demand.

Started by :class:`grader.sandbox.trusted.zygote.Zygote` as ``python -m grader.sandbox.untrusted.zygote_process FD CONFIG`` with an empty
environment. It holds no hidden test, no reference, no label and no path to the gradebook, so a fork of it holds none
either. It never touches CUDA and starts no thread, with which its forks would hang; see first_use.py.

It speaks JSON over a SOCK_SEQPACKET socket with the trusted side, one request and one answer at a time::

    {"op": "fork", "limits": {...}, "programs": true} + fds [wire, output]   ->  {"pid": 17}
    {"op": "reap", "pid": 17, "ending": false}             ->  {"status": 9, "oom_kills": 0, ...}   kills it if it lives
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import gc
import json
import os
import select
import signal
import socket
import sys
import time
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from grader.limits import Limits
from grader.sandbox.layers import isolation, kernel, rlimits, rootfs
from grader.sandbox.layers.base import Base, Berth
from grader.sandbox.layers.descriptors import Kept
from grader.sandbox.untrusted import absent, adaptations, first_use, huge_pages, kernels, worker_process

#: Imported once, so that no fork pays for them. The dynamo is what torch.optim imports at its first step.
PRELOAD = (
    "numpy", "torch", "torch.nn", "torch.optim", "torch.utils.data", "torch._dynamo", "torchvision",
    "torchvision.transforms", "PIL.Image", "csv", "random", "unittest.mock",
)  # fmt: skip

#: What torch imports late in some versions, where it exists.
_LATE = ("torch.profiler._cupti_monitor",)
#: Huge pages cost what some 30 forks save: a zygote that has made so many forks is likely to make more.
_FORKS_BEFORE = 16


def _to_preload(masked: Collection[str]) -> list[str]:
    """What to import where some packages are masked: nothing of theirs, and nothing that needs torch without it."""
    lacking = {*masked, *(("torchvision",) if "torch" in masked else ())}
    return [name for name in PRELOAD if name.partition(".")[0] not in lacking]


def _preload(names: list[str]) -> list[str]:
    """Import what workers need; give the names that are not to be had here."""
    missing = []
    for name in names:
        try:
            __import__(name)
        except Exception:  # noqa: BLE001 - a torchvision of another build than torch raises RuntimeError
            missing.append(name)
    if "torch" in sys.modules:
        for name in _LATE:
            with contextlib.suppress(ImportError):
                __import__(name)
        torch = sys.modules["torch"]
        torch.set_num_threads(1)  # two threads a worker on shared cores are slower than one
        # Reads /proc/cpuinfo, which workers do not have; each would complain of it in the student's output.
        torch.backends.cpu.get_cpu_capability()
    return missing


#: How long a worker that has hung up may take to end; its namespace is taken down first.
_ENDING_S = 5.0


@dataclass(frozen=True, slots=True)
class Life:
    """A pipe whose writing end the zygote alone keeps: a fork can tell by it whether its zygote still lives.

    The kernel ends a worker with its zygote, but only from the moment at which the fork has asked for that.
    """

    read: int
    write: int

    @classmethod
    def begin(cls) -> Self:
        """Make the pipe, in the zygote."""
        return cls(*os.pipe())


def _is_over(read: int) -> bool:
    """Whether there is something to read from ``read``: of a pipe of ours, that the other end has ended."""
    poller = select.poll()
    poller.register(read, select.POLLIN)
    return bool(poller.poll(0))


def _fork(
    base: Base,
    limits: Limits,
    berth: Berth,
    wire_fd: int,
    output_fd: int,
    control: socket.socket,
    life: Life,
) -> int:
    isolation.before_fork(base, limits, berth)
    pid = os.fork()
    if pid:
        return pid
    kept = Kept(wire_fd, output_fd, life.read)
    status = 70  # EX_SOFTWARE: our own set-up failed
    try:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        control.close()
        os.close(life.write)
        layers = isolation.confine(base, limits, berth, kept)
        if not _is_over(kept.life):
            os.close(kept.life)
            worker_process.serve(kept.wire, layers, root=str(Path.cwd()))
            status = 0
    except BaseException as error:  # noqa: BLE001 - a fork must never return to the zygote's loop
        worker_process.report_setup_failure(kept.wire, f"{type(error).__name__}: {error}")
    finally:
        os._exit(status)


def _reap(pid: int, *, ending: bool = False) -> dict[str, Any]:
    """Kill a worker and say how it ended; ``ending``: it has hung up, and most likely ends by itself.

    ``by_us`` in the answer tells a worker that lived until it was killed here from one that had ended before.
    """
    deadline = time.monotonic() + (_ENDING_S if ending else 0.0)
    try:
        while not (ended := _has_ended(pid)) and time.monotonic() < deadline:
            time.sleep(0.002)
        os.kill(pid, signal.SIGKILL)
        _, status, usage = os.wait4(pid, 0)
    except (ChildProcessError, ProcessLookupError):
        return {"status": None}
    cpu_s = usage.ru_utime + usage.ru_stime
    return {"status": status, "maxrss_kb": usage.ru_maxrss, "cpu_s": cpu_s, "by_us": not ended}


def _has_ended(pid: int) -> bool:
    return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def _killed(berth: Berth) -> int:
    return berth.group.killed() if berth.group else 0


def serve(control: socket.socket, base: Base, loose: huge_pages.Loose) -> None:
    """Answer requests until the trusted side hangs up; then kill what is left and return."""
    asked, forks = functools.partial(_is_over, control.fileno()), 0
    life = Life.begin()
    living: dict[int, tuple[Berth, int]] = {}  # where it lives, and how many the kernel had ended there before it
    try:
        while True:
            if forks >= _FORKS_BEFORE:
                loose.put_together(asked)
            raw, fds, _, _ = socket.recv_fds(control, 1 << 16, 4)
            if not raw:
                return
            request = json.loads(raw)
            if request["op"] == "fork":
                forks += 1
                try:
                    taken = {berth.uid for berth, _ in living.values()}
                    berth = next((berth for berth in base.berths if berth.uid not in taken), base.berths[0])
                    before = _killed(berth)
                    confined = dataclasses.replace(berth, programs=request["programs"])
                    pid = _fork(base, Limits(**request["limits"]), confined, fds[0], fds[1], control, life)
                    living[pid] = berth, before
                    answer: dict[str, Any] = {"pid": pid}
                except OSError as error:
                    answer = {"error": str(error)}
                for fd in fds:
                    os.close(fd)
            else:
                answer = _reap(request["pid"], ending=request.get("ending", False))
                if request["pid"] in living:
                    berth, before = living.pop(request["pid"])
                    isolation.end_forks(base, berth, living)
                    answer["oom_kills"] = _killed(berth) - before
            control.send(json.dumps(answer).encode())
    except (ConnectionResetError, BrokenPipeError):
        return  # it hung up with answers still unread
    finally:
        for pid, (berth, _) in living.items():
            _reap(pid)
            isolation.end_forks(base, berth, ())
        isolation.leave(base)


def main(fd: int, config: dict[str, Any]) -> None:
    """Isolate this process, warm up, say so, and serve."""
    control = socket.socket(fileno=fd)
    kernel.die_with_parent()
    os.umask(0o022)  # a worker is another user, and must be able to enter the root that is made for it here
    if _is_over(fd):
        return  # the runner was killed before this process was bound to its end
    readable = rootfs.library_folders() + list(config.get("readable", []))
    masked = config.get("hidden", [])
    base = isolation.new_base(readable, config.get("without", []), config.get("landlock_abi"), masked)
    isolation.enter_early(base)
    absent.hide(masked)
    gc.disable()  # imports make half a million objects, and no garbage to speak of
    missing = _preload([*(() if config.get("bare") else _to_preload(masked)), *config.get("preload", [])])
    first_use.warm()
    adaptations.adapt()
    if config.get("by_hand"):
        base.emptied = kernels.written_files()
    base.warm = rlimits.read_baseline()
    loose = huge_pages.Loose()  # by a /proc that is gone after this
    isolation.enter(base)
    gc.enable()
    gc.freeze()  # forks share these objects; a collection there would copy their pages
    control.send(
        json.dumps({"layers": isolation.in_order(base.layers), "notes": base.notes, "missing": missing}).encode()
    )
    serve(control, base, loose)


if __name__ == "__main__":
    main(int(sys.argv[1]), json.loads(sys.argv[2]))
    sys.stderr.flush()
    # Python would now take torch apart, object by object, for half a second.
    os._exit(0)
