"""What the kernel says of a process, read from /proc."""

from __future__ import annotations

from pathlib import Path


def stat_fields(pid: int) -> list[str]:
    """The fields of /proc/PID/stat after the name: state, parent, group, session, terminal, its group, flags, ...

    Empty where the process is gone, or is not to be seen.
    """
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
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
