"""Isolation of workers by the kernel, in layers.

The zygote calls :func:`enter` once. It moves to namespaces of its own (user, where it has no privilege; mount, network,
IPC, UTS) and to a root file system that holds the interpreter and its libraries, read-only, and nothing else of this
machine. Each fork calls :func:`confine` before it sees a byte of student code: a PID namespace of its own whose death
kills whatever it started, a fresh scratch folder of limited size, resource limits, an unprivileged user, Landlock and
seccomp. Landlock comes through `sandlock`, seccomp through libseccomp; the rest are plain system calls.

A layer that this machine lacks is left out and said so: the caller compares :func:`enter`'s answer, and the layers
that a worker reports, with the minimum that the course demands. docs/security.md says what each missing one means.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from grader.sandbox.layers import cleanup, kernel, landlock, rlimits, rootfs, seccomp
from grader.sandbox.layers.cgroups import Group
from grader.sandbox.limits import Limits

#: Unprivileged users for workers, two a zygote and taken in turn, so that the processes of each are counted apart, those
#: of a submission that is being killed as well. No account has these ids.
FIRST_UID: Final = 30_000

#: Every layer, outermost first.
LAYERS: Final = ("user_ns", "mount_ns", "net_ns", "ipc_ns", "pid_ns", "uid", "cgroup", "landlock", "seccomp")

#: What a worker believes its machine to be called.
_HOST: Final = "worker"


@dataclass(frozen=True, slots=True)
class Berth:
    """What a worker shares with no other that lives: a user id, a control group where the machine has them, a folder.

    A slot has two. The spare that is forked ahead must not be in reach of the submission that runs: neither count
    against its limit of processes, nor be what the kernel ends when its memory runs out. ``scratch`` is a folder on the
    machine's disk, needed only where a worker cannot have a file system of its own.
    """

    uid: int
    group: Group | None
    scratch: str | None = None


@dataclass(slots=True)
class Base:
    """What :func:`enter` achieved, kept by the zygote for its forks."""

    layers: list[str]
    readable: list[str]
    without: frozenset[str] = frozenset()  # layers to do without, as on a machine that lacks them
    landlock_abi: int = 0
    filters: list[bytes] = field(default_factory=list)  # of system calls, compiled
    warm: rlimits.Baseline = field(default_factory=rlimits.Baseline)
    proc: int = -1  # descriptor of the machine's /proc, to find what must end where no PID namespace ends it
    pid_ns: int | None = None  # descriptor of the zygote's own PID namespace
    notes: list[str] = field(default_factory=list)
    berths: tuple[Berth, ...] = ()  # made before the root file system changes


def enter_user_namespace(base: Base) -> None:
    """Become privileged within a user namespace of our own, where we have no privilege already.

    This process stays behind, outside, and the one that goes on is its child: only in a PID namespace that belongs to
    the user namespace may forks get PID namespaces of their own.

    Must run while the process has a single thread, so before torch is imported.
    """
    if kernel.may_administer() or "user_ns" in base.without:
        return
    uid, gid = os.geteuid(), os.getegid()
    try:
        kernel.unshare(kernel.CLONE_NEWUSER)
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"{uid} {uid} 1")
        Path("/proc/self/gid_map").write_text(f"{gid} {gid} 1")
    except OSError as error:
        base.notes.append(f"user_ns: {error}")
        return
    base.layers.append("user_ns")
    if "pid_ns" in base.without:
        return
    try:
        kernel.unshare(kernel.CLONE_NEWPID)
    except OSError as error:
        base.notes.append(f"pid_ns: {error}")
        return
    if child := os.fork():
        os.closerange(3, 4096)
        _, status = os.waitpid(child, 0)
        os._exit(os.waitstatus_to_exitcode(status) & 0xFF)
    kernel.die_with_parent()


def enter(base: Base) -> None:
    """Move this process to namespaces and a root file system of its own, as far as the machine allows."""
    _try(base, "net_ns", lambda: kernel.unshare(kernel.CLONE_NEWNET))
    _try(base, "ipc_ns", lambda: kernel.unshare(kernel.CLONE_NEWIPC))
    _try(base, "uts_ns", _neutral_name)
    _try(base, "pid_ns", lambda: _rehearse(base))
    if "pid_ns" not in base.layers:
        base.pid_ns = None
        base.proc = os.open("/proc", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        kernel.adopt_orphans()
    _try(base, "mount_ns", lambda: _own_root(base))
    if "mount_ns" not in base.layers:
        base.berths = tuple(Berth(berth.uid, berth.group, cleanup.scratch_folder()) for berth in base.berths)


def _try(base: Base, layer: str, step: Callable[[], None]) -> None:
    if layer in base.without:
        return
    try:
        step()
    except OSError as error:
        base.notes.append(f"{layer}: {error}")
    else:
        if layer in LAYERS:
            base.layers.append(layer)


def _neutral_name() -> None:
    kernel.unshare(kernel.CLONE_NEWUTS)
    kernel.name_host(_HOST)


def _rehearse(base: Base) -> None:
    """Do what each fork will need."""
    base.pid_ns = os.open("/proc/self/ns/pid", os.O_RDONLY | os.O_CLOEXEC)
    kernel.setns(base.pid_ns, kernel.CLONE_NEWPID)


def _own_root(base: Base) -> None:
    kernel.unshare(kernel.CLONE_NEWNS)
    rootfs.build_root(base.readable)


def new_pid_namespace(base: Base) -> None:
    """Have the next fork be process 1 of a PID namespace of its own. Called by the zygote before each fork."""
    if base.pid_ns is not None:
        # A process may leave only the namespace it is in itself, so go back to that first.
        kernel.setns(base.pid_ns, kernel.CLONE_NEWPID)
        kernel.unshare(kernel.CLONE_NEWPID)


def confine(base: Base, limits: Limits, berth: Berth) -> list[str]:
    """Lock this freshly forked process in, for good; give the layers that hold it.

    Raises:
        OSError, or an error of the sandbox libraries: a layer that :func:`enter` promised does not work.
    """
    layers = list(base.layers)
    os.setsid()
    scratch = _scratch(base, limits, berth)
    rlimits.apply(limits, base.warm)
    kernel.drop_bounding_set()
    if _own_user(base):
        _reachable(base)
        os.setgroups([])
        os.setresgid(berth.uid, berth.uid, berth.uid)
        os.setresuid(berth.uid, berth.uid, berth.uid)
        layers.append("uid")
    kernel.drop_capabilities()
    kernel.no_new_privileges()
    kernel.die_with_parent()  # here, because a change of user clears it
    os.chdir(scratch)
    if _landlock(base, scratch, layers):
        layers.append("landlock")
    os.environ.update(HOME=scratch, TMPDIR=f"{scratch}/tmp", MPLCONFIGDIR=f"{scratch}/tmp", MPLBACKEND="Agg")
    tempfile.tempdir = f"{scratch}/tmp"
    if seccomp.load(base.filters):
        layers.append("seccomp")
    return layers


def _reachable(base: Base) -> None:
    """Without a root of its own, a worker needs to reach the interpreter as the user that it becomes."""
    if "mount_ns" in base.layers:
        return
    for folder in map(Path, base.readable):
        closed = next((path for path in (folder, *folder.parents) if not path.stat().st_mode & 0o001), None)
        if closed is not None:
            raise PermissionError(
                f"Python lies in {folder}, and {closed} is closed to other users, which workers are here;"
                " use a Python that all users can read"
            )


def _own_user(base: Base) -> bool:
    return "user_ns" not in base.layers and os.geteuid() == 0 and "uid" not in base.without


def _scratch(base: Base, limits: Limits, berth: Berth) -> str:
    user, group = (berth.uid, berth.uid) if _own_user(base) else (os.geteuid(), os.getegid())
    if "mount_ns" in base.layers:
        # The control groups' namespace hides where on this machine its own group lies.
        kernel.unshare(kernel.CLONE_NEWNS | kernel.CLONE_NEWIPC * ("ipc_ns" in base.layers) | kernel.CLONE_NEWCGROUP)
        scratch = rootfs.mount_scratch(limits.scratch_mb, user, group)
        if base.pid_ns is not None:
            rootfs.mount_proc()
    else:
        assert berth.scratch is not None
        scratch = berth.scratch
        os.chown(scratch, user, group)
    Path(scratch, "tmp").mkdir(exist_ok=True)
    os.chown(f"{scratch}/tmp", user, group)
    return scratch


def _landlock(base: Base, scratch: str, layers: Collection[str]) -> bool:
    readable = [*rootfs.SYSTEM, *base.readable, "/dev"]
    if "pid_ns" in layers:
        readable.append("/proc")  # which is its own; another one tells of other processes
    restricted = landlock.restrict(base.landlock_abi, readable, [scratch, "/dev/null"])
    return restricted and landlock.counts(base.landlock_abi, layers)


def end_forks(base: Base, berth: Berth, keep: Collection[int]) -> None:
    """Kill and remove what a worker that was killed has left, where its namespaces do not see to it.

    ``keep`` names the workers that live on.
    """
    if "pid_ns" not in base.layers:
        cleanup.end_all(berth.group, berth.uid if _own_user(base) else None, base.proc, frozenset(keep))
    if berth.scratch is not None:
        cleanup.empty_scratch(berth.scratch)


def leave(base: Base) -> None:
    """Take away what :func:`enter` made outside of this process."""
    for berth in base.berths:
        if berth.group is not None:
            berth.group.remove()
        if berth.scratch is not None:
            cleanup.remove_scratch(berth.scratch)


def prepare(base: Base, most_landlock_abi: int | None) -> None:
    """Load the sandbox libraries and compile filters, before the root file system changes and forks begin."""
    if "landlock" not in base.without:
        found = landlock.abi()
        base.landlock_abi = found if most_landlock_abi is None else min(found, most_landlock_abi)
    if "seccomp" not in base.without:
        base.filters = seccomp.compile_filters()
