"""Control groups for workers: what all processes of a submission together may use of memory and processes.

Resource limits hold each process alone; a submission that forks 60 children could use 60 times as much. Both versions
of the kernel's interface are served (Documentation/admin-guide/cgroup-v1/memory.rst and cgroup-v2.rst). Every file is
opened while the whole file system can still be seen: the zygote's own root shows none of this.
"""

from __future__ import annotations

import contextlib
import os
import re
from dataclasses import dataclass, field
from pathlib import Path

_PREFIX = "autograde-"
_ROOT = Path("/sys/fs/cgroup")


@dataclass(slots=True)
class _Folder:
    """One folder of ours in a hierarchy: its parent, its name, and its files by what they are for."""

    parent: int
    name: str
    files: dict[str, int] = field(default_factory=dict)


class Group:
    """A control group for one worker at a time. The fork joins it; the zygote sets its limits and asks what ran out."""

    def __init__(self, folders: list[_Folder]) -> None:
        self._folders = folders

    @classmethod
    def create(cls, name: str) -> Group | None:
        """Make a group; None where this machine lets us make none that limits memory."""
        folders: list[_Folder] = []
        name = f"{_PREFIX}{os.getpid()}-{name}"
        for parent, names in _hierarchies():
            _sweep(parent)
            with contextlib.suppress(OSError):
                folders.append(_make(parent, name, names))
        group = cls(folders)
        if not any("memory" in folder.files for folder in folders):
            group.remove()
            return None
        return group

    def limit(self, memory: int, processes: int) -> None:
        """Set the limits, in bytes and in processes. Raises OSError."""
        for folder in self._folders:
            for key, value in (("memory", memory), ("swap", 0), ("pids", processes)):
                if key in folder.files:
                    os.pwrite(folder.files[key], str(value).encode(), 0)

    def join(self) -> None:
        """Move this process into the group. Raises OSError."""
        for folder in self._folders:
            os.write(folder.files["procs"], b"0")

    def killed(self) -> int:
        """How many processes of the group the kernel has killed so far because memory ran out."""
        for folder in self._folders:
            if "events" in folder.files:
                text = os.pread(folder.files["events"], 4096, 0).decode()
                found = re.search(r"^oom_kill (\d+)$", text, re.MULTILINE)
                return int(found[1]) if found else 0
        return 0

    def remove(self) -> None:
        """Take the group away, as far as nothing is in it."""
        for folder in self._folders:
            with contextlib.suppress(OSError):
                os.rmdir(folder.name, dir_fd=folder.parent)


#: What each file is for, by its name in version 1 and in version 2.
_V1 = {
    "memory": {"memory": "memory.limit_in_bytes", "events": "memory.oom_control", "procs": "cgroup.procs"},
    "pids": {"pids": "pids.max", "procs": "cgroup.procs"},
    # In a group of its own a submission weighs as much as a neighbour, whether it runs one process or thirty.
    "cpu": {"procs": "cgroup.procs"},
}
_V2 = {
    "memory": "memory.max",
    "swap": "memory.swap.max",
    "events": "memory.events",
    "pids": "pids.max",
    "procs": "cgroup.procs",
}


def _hierarchies() -> list[tuple[Path, dict[str, str]]]:
    """The folders that this process's groups may be made in, and the files that matter there."""
    found: list[tuple[Path, dict[str, str]]] = []
    with contextlib.suppress(OSError):
        for line in Path("/proc/self/cgroup").read_text().splitlines():
            _, controllers, path = line.split(":", 2)
            if not controllers:
                # A group with processes in it cannot hand controllers down; its parent can, where it is ours to use.
                place = _ROOT / path.lstrip("/")
                found += [(folder, _V2) for folder in (place, place.parent) if _hands_down_memory(folder)][:1]
            found += [(_ROOT / name / path.lstrip("/"), _V1[name]) for name in controllers.split(",") if name in _V1]
    return [(folder, names) for folder, names in found if os.access(folder, os.W_OK)]


def _hands_down_memory(folder: Path) -> bool:
    try:
        return "memory" in (folder / "cgroup.subtree_control").read_text().split()
    except OSError:
        return False


def _make(parent: Path, name: str, names: dict[str, str]) -> _Folder:
    made = parent / name
    made.mkdir()
    folder = _Folder(os.open(parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC), name)
    for key, file in names.items():
        flags = os.O_RDONLY if key == "events" else os.O_WRONLY
        with contextlib.suppress(FileNotFoundError):
            folder.files[key] = os.open(made / file, flags | os.O_CLOEXEC)
    return folder


def sweep() -> int:
    """Remove groups of zygotes that were killed before they could; give how many could not be removed yet."""
    return sum(_sweep(parent) for parent, _ in _hierarchies())


def _sweep(parent: Path) -> int:
    kept = 0
    for left in parent.glob(f"{_PREFIX}*"):
        owner = left.name.removeprefix(_PREFIX).partition("-")[0]
        if owner.isdigit() and not Path("/proc", owner).exists():
            try:
                left.rmdir()
            except FileNotFoundError:
                continue  # somebody else swept as well
            except OSError:
                kept += 1
    return kept
