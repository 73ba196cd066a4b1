"""What the kernel says of a process, read from /proc."""

from __future__ import annotations

import os


def read_proc(path: str) -> str:
    """The text of a file in /proc. Raises OSError. Some are read at each request: pathlib would take four times as long."""
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        parts = []
        while part := os.read(fd, 1 << 16):  # the kernel gives a page at a time
            parts.append(part)
        return b"".join(parts).decode("utf-8", "replace")
    finally:
        os.close(fd)


def stat_fields(pid: int) -> list[str]:
    """The fields of /proc/PID/stat after the name: state, parent, group, session, terminal, its group, flags, ...

    Empty where the process is gone, or is not to be seen.
    """
    try:
        return read_proc(f"/proc/{pid}/stat").rpartition(")")[2].split()
    except OSError:
        return []


def process_state(pid: int) -> str:
    """The state of a process as proc(5) spells it, "T" for a stopped one; nothing where that is not to be seen."""
    return (stat_fields(pid) or [""])[0]


def is_exiting(pid: int) -> bool:
    """Whether a process is on its way out, or that is not to be seen. It is, before the kernel closes its files."""
    fields = stat_fields(pid)
    return len(fields) < 7 or bool(int(fields[6]) & _PF_EXITING)


#: Of a task's flags (include/linux/sched.h).
_PF_EXITING = 0x4
