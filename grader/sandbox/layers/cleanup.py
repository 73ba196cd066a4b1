"""The end of a submission's processes where no PID namespace ends them: by control group, by user, by descent.

A PID namespace dies with its first process. Without one (a container that forbids it, a machine without user
namespaces) a daemon that forked twice would live on. Three things stand in, each alone enough:

- a control group: version 2 kills all in it at once, in version 1 nothing in it may fork any more and each is killed;
- runs under its own user id: a process of that user kills all of its own, in one system call that no fork outruns
  (kill(2), "pid equal to -1");
- descent: the zygote adopts orphans, stops every descendant, and kills them when no new one appears.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from grader.sandbox.layers.cgroups import Group

_PREFIX: Final = "autograde-scratch-"
#: Rounds of looking for what is left; each finds everything but what was forked during it.
_ROUNDS: Final = 2000
#: After so many in a row that find nothing new, nothing is left.
_QUIET: Final = 5


def end_all(group: Group | None, uid: int | None, proc: int, keep: frozenset[int]) -> None:
    """Kill what a submission has left behind: all of ``group``, of user ``uid``, and descendants not below ``keep``.

    ``proc`` is a descriptor of a /proc that shows this process and all it started.
    """
    if group is not None:
        group.end()
    if uid is not None:
        _as_user(uid)
    _descendants(proc, keep)
    for _ in range(_ROUNDS):  # whose parents are killed as well are ours to wait for only once those are gone
        left = [child for child in _children(proc, os.getpid()) if child not in keep]
        if not left:
            break
        for child in left:
            with contextlib.suppress(OSError):
                os.kill(child, signal.SIGKILL)
                os.waitpid(child, 0)


def _as_user(uid: int) -> None:
    """Kill every process of a user. Needs the right to become that user."""
    pid = os.fork()
    if not pid:
        try:
            os.setgroups([])
            os.setresgid(uid, uid, uid)
            os.setresuid(uid, uid, uid)
            os.kill(-1, signal.SIGKILL)
        finally:
            os._exit(0)
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, 0)


def _descendants(proc: int, keep: frozenset[int]) -> None:
    """Stop what descends from this process and from none of ``keep``, until nothing new appears; then kill it.

    The kernel's list of children misses those that change parents while it is read, so one look that finds nothing new
    proves nothing (proc_pid_children(5)).
    """
    stopped: set[int] = set()
    quiet = 0
    for _ in range(_ROUNDS):
        found = _below(proc, os.getpid(), keep) - stopped
        _signal(found, signal.SIGSTOP)
        stopped |= found
        quiet = 0 if found else quiet + 1
        if quiet == _QUIET:
            break
        time.sleep(0.001)
    _signal(stopped, signal.SIGKILL)


def _below(proc: int, root: int, keep: frozenset[int]) -> set[int]:
    found: set[int] = set()
    waiting = [root]
    while waiting:
        new = [pid for pid in _children(proc, waiting.pop()) if pid not in keep and pid not in found]
        found.update(new)
        waiting += new
    return found


def _children(proc: int, pid: int) -> list[int]:
    """The children of a process, of all of its threads (proc_pid_children(5)); none where /proc does not say."""
    found: list[int] = []
    with contextlib.suppress(OSError):
        tasks = os.open(f"{pid}/task", os.O_RDONLY | os.O_DIRECTORY, dir_fd=proc)
        try:
            for task in os.listdir(tasks):  # noqa: PTH208 - of a descriptor
                with os.fdopen(os.open(f"{task}/children", os.O_RDONLY, dir_fd=tasks), encoding="ascii") as file:
                    found += [int(word) for word in file.read().split()]
        finally:
            os.close(tasks)
    return found


def _signal(pids: set[int], number: int) -> None:
    for pid in pids:
        with contextlib.suppress(OSError):
            os.kill(pid, number)


# -- scratch folders on the machine's own disk, where there is no mount namespace ---------------------------------------


def scratch_folder() -> str:
    """Make a scratch folder that is named after this process; remove those of processes that are gone. Raises OSError."""
    for left in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        owner = left.name.removeprefix(_PREFIX).partition("-")[0]
        if owner.isdigit() and not Path("/proc", owner).exists():
            remove_scratch(str(left))
    return tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-")


def empty_scratch(folder: str) -> None:
    """Remove what is in a scratch folder. Its processes are gone; links in it are removed and not followed."""
    with contextlib.suppress(OSError):
        for entry in os.scandir(folder):
            if entry.is_dir(follow_symlinks=False):
                shutil.rmtree(entry.path, onerror=_open_up)
            else:
                os.unlink(entry.path)  # noqa: PTH108 - an entry, not a path


def remove_scratch(folder: str) -> None:
    """Remove a scratch folder with all that is in it."""
    empty_scratch(folder)
    with contextlib.suppress(OSError):
        Path(folder).rmdir()


def _open_up(remove: Callable[[str], object], path: str, _: object) -> None:
    """Try again with the folder made accessible: a submission may have closed it, to leave something behind."""
    with contextlib.suppress(OSError):
        Path(path).parent.chmod(0o700)
        if Path(path).is_dir() and not Path(path).is_symlink():
            Path(path).chmod(0o700)
            shutil.rmtree(path, ignore_errors=True)
        else:
            remove(path)
