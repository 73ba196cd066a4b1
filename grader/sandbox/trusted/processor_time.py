"""How much processor time a worker has used, with all that it started: read from /proc, from outside."""

from __future__ import annotations

import os
from pathlib import Path

_TICK = os.sysconf("SC_CLK_TCK")


def stat_fields(pid: int) -> list[str]:
    """The fields of /proc/PID/stat after the name: state, parent, group, session, terminal, its group, flags, ...

    Empty where the process is gone, or is not to be seen.
    """
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


def processor_seconds(pid: int) -> float | None:
    """Seconds of processor time, user and system, of a process, its threads, and its children, living or waited for.

    None where the process is gone. Missing is what a child used that ended while its parent ignored SIGCHLD: the kernel
    adds that to nobody's account, and the wall clock bounds it. Ticks are of 10 ms on most machines (proc(5)).
    """
    ticks, waiting, found = 0, [pid], False
    while waiting:
        member = waiting.pop()
        fields = stat_fields(member)
        if len(fields) > 14:
            found = True
            ticks += sum(map(int, fields[11:15]))  # utime, stime, and both of children that were waited for
            waiting += _children(member)
    return ticks / _TICK if found else None


def _children(pid: int) -> list[int]:
    found: list[int] = []
    try:
        for thread in Path(f"/proc/{pid}/task").iterdir():
            found += map(int, (thread / "children").read_text().split())
    except OSError:  # it ended meanwhile, or this kernel was built without CONFIG_PROC_CHILDREN
        return found
    return found
