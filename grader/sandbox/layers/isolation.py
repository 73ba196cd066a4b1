"""Isolation of workers by the kernel: the layers, put on in the order that they need.

The zygote enters them. Before torch is imported come those that want a single thread and the machine's whole file
system (:func:`enter_early`); when it is warm come the others (:func:`enter`), last the root file system, which holds the
interpreter and its libraries, read-only, and nothing else of this machine. Each fork calls :func:`confine` before it
sees a byte of student code.

A layer that this machine lacks is left out and said so: the caller compares the layers that a worker reports with the
minimum that the course demands. docs/explanation/security.md says what each missing one means.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Final

from grader.layer_names import CGROUP, IPC_NS, LANDLOCK, LAYER_NAMES, MOUNT_NS, NET_NS, PID_NS, SECCOMP, UID, USER_NS
from grader.limits import Limits
from grader.sandbox.layers import LAYERS, cleanup, find_layer, kernel, rlimits
from grader.sandbox.layers.base import Base, Berth
from grader.sandbox.layers.descriptors import Kept

#: Unprivileged users for workers, two a zygote and taken in turn, so that the processes of each are counted apart, those
#: of a submission that is being killed as well. No account has these ids.
_FIRST_UID: Final = 30_000

#: What a worker believes its machine to be called.
_HOST: Final = "worker"


def new_base(
    readable: list[str], without: Collection[str], most_landlock_abi: int | None, hidden: Sequence[str] = ()
) -> Base:
    """What a zygote starts with: nothing entered, and two berths of user ids that no other zygote has."""
    # By process id, because the kernel counts a user's processes over all batches that run on a machine.
    first = _FIRST_UID + 2 * (os.getpid() % 10_000)
    return Base(
        readable=readable,
        without=frozenset(without),
        most_landlock_abi=most_landlock_abi,
        hidden=tuple(hidden),
        berths=(Berth(first), Berth(first + 1)),
    )


def enter_early(base: Base) -> None:
    """Enter what must be entered with a single thread, so before torch is imported, and with this machine's files."""
    _enter(base, (CGROUP, USER_NS))


def enter(base: Base) -> None:
    """Move this process to namespaces and a root file system of its own, as far as the machine allows."""
    # The libraries of these are read before the root file system changes.
    _enter(base, (UID, LANDLOCK, SECCOMP, NET_NS, IPC_NS))
    _name_host(base)
    _enter(base, (PID_NS,))
    if PID_NS not in base.layers:
        base.pid_ns = None
        base.proc = os.open("/proc", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        kernel.adopt_orphans()
    _enter(base, (MOUNT_NS,))
    if MOUNT_NS not in base.layers:
        base.berths = tuple(Berth(berth.uid, berth.group, cleanup.scratch_folder()) for berth in base.berths)
    assert base.tried == set(LAYER_NAMES), "a layer has no place in the order of entering"


def _enter(base: Base, names: Sequence[str]) -> None:
    base.tried.update(names)
    for name in names:
        if name in base.without:
            continue
        try:
            find_layer(name).enter(base)
        except OSError as error:
            base.notes.append(f"{name}: {error}")
        else:
            base.layers.add(name)


def _name_host(base: Base) -> None:
    try:
        kernel.unshare(kernel.CLONE_NEWUTS)
        kernel.name_host(_HOST)
    except OSError as error:
        base.notes.append(f"uts_ns: {error}")


def before_fork(base: Base, limits: Limits, berth: Berth) -> None:
    """Do, in the zygote, what the next fork needs. Raises OSError."""
    for layer in LAYERS:
        if layer.name in base.layers:
            layer.before_fork(base, limits, berth)


def confine(base: Base, limits: Limits, berth: Berth, kept: Kept) -> list[str]:
    """Lock this freshly forked process in, for good; give the layers that hold it.

    Raises:
        OSError, or an error of the sandbox libraries: a layer that was entered does not work.
    """
    held: set[str] = set()
    tried: set[str] = set()

    def put_on(*names: str) -> None:
        tried.update(names)
        held.update(name for name in names if name in base.layers and find_layer(name).confine(base, limits, berth))

    put_on(CGROUP)  # by files that are open until here
    kept.settle()
    os.setsid()
    put_on(USER_NS, MOUNT_NS, NET_NS, IPC_NS, PID_NS)
    scratch = base.scratch_of(berth)
    if MOUNT_NS not in held:
        os.chown(scratch, *base.user_of(berth))
    Path(scratch, "tmp").mkdir(exist_ok=True)
    os.chown(f"{scratch}/tmp", *base.user_of(berth))
    rlimits.apply(limits, base.warm)
    kernel.drop_bounding_set()
    put_on(UID)
    kernel.drop_capabilities()
    kernel.no_new_privileges()
    kernel.die_with_parent()  # here, because a change of user clears it
    os.chdir(scratch)
    put_on(LANDLOCK)
    os.environ.update(HOME=scratch, TMPDIR=f"{scratch}/tmp", MPLCONFIGDIR=f"{scratch}/tmp", MPLBACKEND="Agg")
    tempfile.tempdir = f"{scratch}/tmp"
    put_on(SECCOMP)  # last: it refuses what the others are put on with
    assert tried == set(LAYER_NAMES), "a layer has no place in the order of putting on"
    return in_order(held)


def in_order(names: Collection[str]) -> list[str]:
    """``names``, outermost layer first."""
    return [layer.name for layer in LAYERS if layer.name in names]


def end_forks(base: Base, berth: Berth, keep: Collection[int]) -> None:
    """Kill and remove what a worker that was killed has left, where its namespaces do not see to it.

    ``keep`` names the workers that live on.
    """
    if PID_NS not in base.layers:
        cleanup.end_all(berth.group, berth.uid if UID in base.layers else None, base.proc, frozenset(keep))
    if berth.scratch is not None:
        cleanup.empty_scratch(berth.scratch)


def leave(base: Base) -> None:
    """Take away what was made outside of this process."""
    for berth in base.berths:
        if berth.group is not None:
            berth.group.remove()
        if berth.scratch is not None:
            cleanup.remove_scratch(berth.scratch)
