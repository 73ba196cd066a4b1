"""What to do on this machine about what a sandbox lacks here."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Final

_FIRST_PID_NAMESPACE: Final = 0xEFFF_FFFC  # include/linux/proc_ns.h

#: Settings that stand against user namespaces: the file, the value that does, and what to type.
AGAINST: Final = (
    ("/proc/sys/kernel/unprivileged_userns_clone", "0", "sudo sysctl -w kernel.unprivileged_userns_clone=1"),
    ("/proc/sys/kernel/apparmor_restrict_unprivileged_userns", "1", "sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0"),
    ("/proc/sys/user/max_user_namespaces", "0", "sudo sysctl -w user.max_user_namespaces=10000"),
)  # fmt: skip
_START_CONTAINER: Final = "start the container with the options in docs/how-to/deployment.md"
GRADE_AS_ROOT: Final = "grade as root: sudo autograde grade ..."


def in_container() -> bool:
    """Whether this seems to be a container of docker, podman or their like, and no machine made from an image of one."""
    if Path("/proc/self/ns/pid").exists() and Path("/proc/self/ns/pid").stat().st_ino == _FIRST_PID_NAMESPACE:
        return False
    return any(Path(path).exists() for path in ("/.dockerenv", "/run/.containerenv")) or "container" in os.environ


def fix_user_namespaces() -> str:
    """What to type so that an ordinary user may make user namespaces here."""
    for path, bad, command in AGAINST:
        try:
            if Path(path).read_text(encoding="ascii").strip() == bad:
                return command
        except OSError:
            continue
    return _START_CONTAINER if in_container() else GRADE_AS_ROOT


def fix_groups() -> str:
    """What to type to be given a control group."""
    if in_container():
        return _START_CONTAINER
    if shutil.which("systemd-run") and Path("/sys/fs/cgroup/cgroup.controllers").exists():
        return "systemd-run --user --scope -p Delegate=yes autograde grade ..."
    return GRADE_AS_ROOT
