"""How much processor time a worker has used, with all that it started: read from /proc, from outside."""

from __future__ import annotations

import os

from grader.sandbox.trusted.process_state import read_proc, stat_fields

_TICK = os.sysconf("SC_CLK_TCK")


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


def queued_seconds(pid: int) -> float:
    """Seconds for which a process's first thread was ready to run and no processor was free for it; 0 where unknown.

    The second number of /proc/PID/schedstat, in nanoseconds (Documentation/scheduler/sched-stats.rst).
    """
    try:
        return int(read_proc(f"/proc/{pid}/schedstat").split()[1]) / 1e9
    except (OSError, IndexError, ValueError):  # it is gone, or this kernel keeps no such account
        return 0.0


def _children(pid: int) -> list[int]:
    found: list[int] = []
    try:
        for thread in os.listdir(f"/proc/{pid}/task"):  # noqa: PTH208 - pathlib takes four times as long
            found += map(int, read_proc(f"/proc/{pid}/task/{thread}/children").split())
    except OSError:  # it ended meanwhile, or this kernel was built without CONFIG_PROC_CHILDREN
        return found
    return found
