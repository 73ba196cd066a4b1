"""Landlock: what of the file system a worker may open, and whom it may signal, as the kernel's own rule on a process.

Landlock came in parts (Documentation/userspace-api/landlock.rst). ABI 1 (Linux 5.13) holds files; 2 to 5 add moves
between folders, truncation, TCP and device controls; 6 (Linux 6.12) adds the scope of signals and abstract sockets.
Below 6 what is missing is held by namespaces: a root of read-only mounts (truncation, devices), a PID namespace
(signals) and an empty network namespace (TCP, abstract sockets). Where all three hold, the layer counts; where one is
missing, the rules are applied all the same, and the layer is not reported.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Final

from grader.layer_names import LANDLOCK, MOUNT_NS, NET_NS, PID_NS
from grader.limits import Limits
from grader.sandbox.layers import kernel, rootfs
from grader.sandbox.layers.base import Base, Berth, Layer, Outside, stopped

#: From here on Landlock alone holds files, signals and abstract sockets.
FULL_ABI: Final = 6
#: What holds instead, below that.
STAND_INS: Final = (MOUNT_NS, NET_NS, PID_NS)
#: The ABI that brought each protection, by the library's names.
_SINCE: Final = {
    "FS_TRUNCATE": 3, "NET_TCP": 4, "FS_IOCTL_DEV": 5, "SIGNAL_SCOPE": 6, "ABSTRACT_UNIX_SOCKET_SCOPE": 6,
}  # fmt: skip


class Landlock(Layer):
    """Rules of the worker's own on files, signals and sockets, which stand where a namespace has a hole."""

    name = LANDLOCK
    gives = "restricts files, signals and sockets"
    lacking = "one hole in the namespaces opens the file system"
    needs = f"Linux 6.12 (ABI 6), or 5.13 with {', '.join(f'`{name}`' for name in STAND_INS)}; `sandlock`"

    def fix(self) -> str:
        return (
            "python -m pip install sandlock, on Linux 5.13 or later with `lsm=landlock,...` (docs/how-to/deployment.md)"
        )

    def enter(self, base: Base) -> None:
        """Load the library, before the root file system changes."""
        found = abi()
        base.landlock_abi = found if base.most_landlock_abi is None else min(found, base.most_landlock_abi)
        if base.landlock_abi < 1:
            raise OSError("the kernel has none, it is off, or sandlock is missing")

    def confine(self, base: Base, limits: Limits, berth: Berth) -> bool:
        """Apply the rules; whether they amount to the whole layer. Raises sandlock.SandlockError."""
        readable = [*rootfs.SYSTEM, *base.readable, "/dev"]
        if PID_NS in base.layers:
            readable.append("/proc")  # which is its own; another one tells of other processes
        writable = [base.scratch_of(berth), "/dev/null"]
        if MOUNT_NS in base.layers:
            writable += rootfs.PRIVATE
        restrict(base.landlock_abi, readable, writable)
        return counts(base.landlock_abi, base.layers)

    def probe(self, outside: Outside) -> bool:
        return stopped(lambda: list(Path("/").iterdir())) and stopped(Path(outside.canary).read_bytes)


def abi() -> int:
    """The kernel's Landlock ABI; 0 where it has none, or `sandlock` is missing."""
    try:
        import sandlock  # noqa: F401 - whether it can be had
    except (ImportError, OSError, RuntimeError):
        return 0
    return kernel.landlock_abi()


def counts(version: int, layers: Collection[str]) -> bool:
    """Whether rules of this ABI, with what ``layers`` hold, amount to the whole layer."""
    return version >= FULL_ABI or (version >= 1 and all(layer in layers for layer in STAND_INS))


def restrict(version: int, readable: Sequence[str], writable: Sequence[str]) -> None:
    """Restrict this process, for good, to what ABI ``version``, 1 or more, can express.

    Raises:
        sandlock.SandlockError: the kernel refused the rules.
    """
    import sandlock

    kinds = sandlock.Protection
    lacking = [int(kinds[name]) for name, since in _SINCE.items() if since > version]
    # A kernel that knows nothing of moves between folders (ABI 1) forbids them all.
    rules = sandlock.Sandbox(
        fs_readable=[path for path in readable if Path(path).exists()],
        fs_writable=list(writable),
        disable=lacking,
        allow_degraded=[int(kinds["FS_REFER"])],
    )
    sandlock.confine(rules)
