"""Control groups for workers: what all processes of a submission together may use of memory and processes.

Resource limits hold each process alone; a submission that forks 60 children could use 60 times as much. Both versions
of the kernel's interface are served (Documentation/admin-guide/cgroup-v1/memory.rst and cgroup-v2.rst). Every file is
opened while the whole file system can still be seen: the zygote's own root shows none of this.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
from dataclasses import dataclass, field
from pathlib import Path

_PREFIX = "autograde-"
#: Where the coordinator and its runners go in a group that is handed to us.
_OURSELVES = "autograde-trusted"
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
    def create(cls, name: str, owner: int) -> Group | None:
        """Make a group for a zygote whose process id is ``owner``, as the machine counts.

        None where this machine lets us make none that limits memory.
        """
        folders: list[_Folder] = []
        name = f"{_PREFIX}{owner}-{name}"
        for parent, names in hierarchies():
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

    def end(self) -> None:
        """Kill every process in it: at once where the kernel can, else with no more room to fork."""
        for folder in self._folders:
            if "kill" in folder.files:
                os.write(folder.files["kill"], b"1")
                return
        for folder in self._folders:
            if "pids" in folder.files and "members" in folder.files:
                os.pwrite(folder.files["pids"], b"0", 0)
                for line in os.pread(folder.files["members"], 1 << 20, 0).split():
                    with contextlib.suppress(OSError):
                        os.kill(int(line), signal.SIGKILL)

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
    "pids": {"pids": "pids.max", "procs": "cgroup.procs", "members": "cgroup.procs"},
    # In a group of its own a submission weighs as much as a neighbour, whether it runs one process or thirty.
    "cpu": {"procs": "cgroup.procs"},
}
_V2 = {
    "memory": "memory.max",
    "swap": "memory.swap.max",
    "events": "memory.events",
    "pids": "pids.max",
    "procs": "cgroup.procs",
    "kill": "cgroup.kill",
}


def hierarchies(*, step_down: bool = True) -> list[tuple[Path, dict[str, str]]]:
    """The folders that this process's groups may be made in, and the files that matter there."""
    found: list[tuple[Path, dict[str, str]]] = []
    with contextlib.suppress(OSError):
        for line in Path("/proc/self/cgroup").read_text(encoding="utf-8").splitlines():
            _, controllers, path = line.split(":", 2)
            if not controllers and (folder := _delegated(path, step_down=step_down)):
                found.append((folder, _V2))
            found += [(_ROOT / name / path.lstrip("/"), _V1[name]) for name in controllers.split(",") if name in _V1]
    return [(folder, names) for folder, names in found if os.access(folder, os.W_OK)]


def usable() -> list[tuple[Path, dict[str, str]]]:
    """Like :func:`hierarchies`, for looking: nothing is moved."""
    return hierarchies(step_down=False)


def _delegated(path: str, *, step_down: bool) -> Path | None:
    """The folder of version 2 that hands memory down to groups made in it: our own, or its parent; None without one.

    A group with processes in it cannot hand controllers down (cgroups(7), "no internal processes"). Where ours was
    given to us to manage, as by `systemd-run --user --scope -p Delegate=yes` or by a container that mounts it
    writable, its processes are moved one level down first.
    """
    mount = next((root for root in (_ROOT, _ROOT / "unified") if (root / "cgroup.controllers").exists()), _ROOT)
    place = mount / path.lstrip("/")
    above = [place] if place == mount else [place, place.parent]
    if found := next((folder for folder in above if _hands_down_memory(folder) and os.access(folder, os.W_OK)), None):
        return found
    with contextlib.suppress(OSError):
        if "memory" in (place / "cgroup.controllers").read_text(encoding="ascii").split() and os.access(place, os.W_OK):
            if not step_down:
                return place
            _step_down(place)
            return place if _hands_down_memory(place) else None
    return None


def _step_down(place: Path) -> None:
    """Move the processes of ``place`` into a folder below it, and have it hand its controllers down. Raises OSError."""
    below = place / _OURSELVES
    below.mkdir(exist_ok=True)
    for _ in range(100):  # what is forked meanwhile is found in the next round
        members = (place / "cgroup.procs").read_text(encoding="ascii").split()
        if not members:
            break
        for member in members:
            with contextlib.suppress(ProcessLookupError):
                (below / "cgroup.procs").write_text(member, encoding="ascii")
    for controller in ("memory", "pids", "cpu"):
        with contextlib.suppress(OSError):  # memory is what is asked for; the others where they were delegated
            (place / "cgroup.subtree_control").write_text(f"+{controller}", encoding="ascii")


def _hands_down_memory(folder: Path) -> bool:
    try:
        return "memory" in (folder / "cgroup.subtree_control").read_text(encoding="ascii").split()
    except OSError:
        return False


def _make(parent: Path, name: str, names: dict[str, str]) -> _Folder:
    made = parent / name
    made.mkdir()
    folder = _Folder(os.open(parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC), name)
    for key, file in names.items():
        flags = os.O_RDONLY if key in ("events", "members") else os.O_WRONLY
        with contextlib.suppress(FileNotFoundError):
            folder.files[key] = os.open(made / file, flags | os.O_CLOEXEC)
    return folder


def sweep() -> int:
    """Remove groups of zygotes that were killed before they could; give how many could not be removed yet."""
    return sum(_sweep(parent) for parent, _ in hierarchies())


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
