"""What a layer of the sandbox is, and what layers share of a zygote, of one fork, and of the machine outside."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from grader.layer_names import MOUNT_NS, UID
from grader.limits import Limits
from grader.sandbox.layers.cgroups import Group
from grader.sandbox.layers.rlimits import Baseline
from grader.sandbox.layers.rootfs import SCRATCH


@dataclass(frozen=True, slots=True)
class Berth:
    """What a worker shares with no other that lives: a user id, a control group where the machine has them, a folder.

    A slot has two. The spare that is forked ahead must not be in reach of the submission that runs: neither count
    against its limit of processes, nor be what the kernel ends when its memory runs out. ``scratch`` is a folder on the
    machine's disk, needed only where a worker cannot have a file system of its own.
    """

    uid: int
    group: Group | None = None
    scratch: str | None = None
    #: Whether the worker in it may start programs.
    programs: bool = True


@dataclass(slots=True)
class Base:
    """What the zygote has of each layer, kept for its forks.

    ``hidden`` are packages that workers must not have, and ``emptied`` files that have nothing in them for a worker.
    ``layers`` are those that it entered, ``without`` those to do without, as on a machine that lacks them, and
    ``most_landlock_abi`` the most to use of Landlock. ``notes`` say why a layer is missing, as "name: reason".
    """

    readable: list[str]
    without: frozenset[str] = frozenset()
    most_landlock_abi: int | None = None
    hidden: tuple[str, ...] = ()
    emptied: tuple[str, ...] = ()
    layers: set[str] = field(default_factory=set)
    tried: set[str] = field(default_factory=set)  # to enter, or left out as asked: all of them, in the end
    notes: list[str] = field(default_factory=list)
    berths: tuple[Berth, ...] = ()  # made before the root file system changes
    warm: Baseline = field(default_factory=Baseline)
    landlock_abi: int = 0
    filters: list[bytes] = field(default_factory=list)  # of system calls, compiled
    no_programs: bytes = b""  # the one that workers get besides which may not start programs
    pid_ns: int | None = None  # descriptor of the zygote's own PID namespace
    proc: int = -1  # descriptor of the machine's /proc, to find what must end where no PID namespace ends it

    def user_of(self, berth: Berth) -> tuple[int, int]:
        """The user and group id of workers in ``berth``."""
        return (berth.uid, berth.uid) if UID in self.layers else (os.geteuid(), os.getegid())

    def scratch_of(self, berth: Berth) -> str:
        """The folder that workers in ``berth`` may write to."""
        if MOUNT_NS in self.layers:
            return SCRATCH
        assert berth.scratch is not None
        return berth.scratch


@dataclass(frozen=True, slots=True)
class Outside:
    """What a probe is told of the machine around its worker. ``namespaces`` are inode numbers, by name in /proc/PID/ns."""

    canary: str  # a file that every user of the machine may read
    coordinator: int  # a process id
    user: int
    namespaces: Mapping[str, int]
    memory_mb: int  # what one process of the worker may use; its control group may use ``scratch_mb`` more
    scratch_mb: int


@runtime_checkable
class Layer(Protocol):
    """One layer of the sandbox: one object, in ``grader.sandbox.layers.LAYERS``.

    The zygote enters a layer once; each fork is then confined by it. The doctor's texts, the refusal of a machine, and
    the table in docs/explanation/security.md are these attributes.
    """

    name: str
    """as in ``grader.layer_names``, so as `sandbox.minimum` spells it"""
    gives: str
    """what a worker has by it: a phrase"""
    lacking: str
    """what the lack of it means: a clause"""
    needs: str
    """what the machine must offer: a phrase"""

    def fix(self) -> str:
        """What to do about the lack of it on this machine: a command wherever one will do."""

    def enter(self, base: Base) -> None:
        """Have the zygote do, once, what its forks need of this layer.

        Raises:
            OSError: this machine does not offer the layer; the reason becomes a note.
        """

    def before_fork(self, base: Base, limits: Limits, berth: Berth) -> None:
        """Prepare, in the zygote, for the fork that comes next. Called only where the layer was entered.

        Raises:
            OSError: the layer was entered and does not work.
        """
        return

    def confine(self, base: Base, limits: Limits, berth: Berth) -> bool:
        """Put the layer on this freshly forked process, for good; whether it holds it. Called only where entered.

        Raises:
            OSError, or an error of the layer's library: the layer was entered and does not work.
        """
        return True

    def probe(self, outside: Outside) -> bool:
        """Try, inside a worker, what the layer must stop; whether it was stopped.

        Raises:
            OSError: nothing in this worker shows whether the layer is on.
        """


def stopped(attempt: Callable[[], object]) -> bool:
    """Whether an attempt got nothing: it raised OSError, or gave something false."""
    try:
        return not attempt()
    except OSError:
        return True
