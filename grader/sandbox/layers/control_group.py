"""The layer that is a control group: memory and processes of a submission are limited together."""

from __future__ import annotations

import os
import secrets
import select
import signal
import time
from typing import Final

from grader.layer_names import CGROUP
from grader.limits import Limits
from grader.sandbox.layers.base import Base, Berth, Layer, Outside
from grader.sandbox.layers.cgroups import Group
from grader.sandbox.layers.remedies import fix_groups

#: A probe's children, each with this share of what one process may use: together more than the group may.
_CHILDREN: Final = 4
_SHARE: Final = 0.75
_PROBE_S: Final = 20.0
_PAGE: Final = 4096


class ControlGroup(Layer):
    """A group for each berth. The zygote makes them while it sees the machine's file system."""

    name = CGROUP
    gives = "limits memory and processes for the whole submission"
    lacking = "each process is limited, not all together; a submission can slow its neighbours"
    needs = "root, or a delegated control group"

    def fix(self) -> str:
        return fix_groups()

    def enter(self, base: Base) -> None:
        owner = os.getpid()
        groups = [Group.create(f"{berth.uid}-{secrets.token_hex(3)}", owner) for berth in base.berths]
        if not all(groups):
            for group in filter(None, groups):
                group.remove()
            raise OSError("no group that limits memory may be made here")
        base.berths = tuple(Berth(berth.uid, group) for berth, group in zip(base.berths, groups, strict=True))

    def before_fork(self, base: Base, limits: Limits, berth: Berth) -> None:
        assert berth.group is not None
        # Scratch files are memory too, and charged to the group.
        berth.group.limit((limits.memory_mb + limits.scratch_mb) << 20, limits.processes)

    def confine(self, base: Base, limits: Limits, berth: Berth) -> bool:
        """Join the group of the berth, whose files are open still: it is the first layer of a fork."""
        assert berth.group is not None
        berth.group.join()
        return True

    def probe(self, outside: Outside) -> bool:
        """Have children hold more memory than the group may; whether the kernel ended one of them.

        A kernel that ends the whole group ends the worker too, which whoever asked sees.
        """
        size = int(outside.memory_mb * _SHARE) << 20
        report, ready = os.pipe()
        wait, go = os.pipe()
        children = [_hold(size, ready, wait, go) for _ in range(_CHILDREN)]
        os.close(ready)
        os.close(wait)
        deadline = time.monotonic() + _PROBE_S
        holding, ended = 0, False
        while holding < _CHILDREN and not ended and time.monotonic() < deadline:
            if select.select([report], [], [], 0.05)[0]:
                holding += len(os.read(report, _CHILDREN))
            ended = any(os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) for pid in children)
        os.close(go)
        os.close(report)
        statuses = [os.waitpid(pid, 0)[1] for pid in children]
        return any(os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL for status in statuses)


def _hold(size: int, ready: int, wait: int, go: int) -> int:
    """Have a child write to ``size`` bytes, say so, and keep them until ``go`` is closed; gives its process id."""
    pid = os.fork()
    if pid:
        return pid
    try:
        os.close(go)
        block = bytearray(size)
        block[::_PAGE] = b"x" * len(range(0, size, _PAGE))  # untouched pages are no memory
        os.write(ready, b"x")
        os.read(wait, 1)
    finally:
        os._exit(0)
