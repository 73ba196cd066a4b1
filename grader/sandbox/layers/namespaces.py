"""The layers that are namespaces: users, mounts, network, IPC, processes (namespaces(7))."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from grader.layer_names import IPC_NS, MOUNT_NS, NET_NS, PID_NS, USER_NS
from grader.limits import Limits
from grader.sandbox.layers import kernel, rootfs
from grader.sandbox.layers.base import Base, Berth, Layer, Outside, stopped
from grader.sandbox.layers.remedies import fix_user_namespaces

_NEEDS: Final = "user namespaces, or root"
#: The user that a namespace shows in place of those that it does not map (user_namespaces(7)).
_NOBODY: Final = 65534


def identities() -> dict[str, int]:
    """The inode number of each namespace of this process, by its name in /proc/self/ns; none without that folder."""
    try:
        return {path.name: path.stat().st_ino for path in Path("/proc/self/ns").iterdir()}
    except OSError:
        return {}


class _Namespace(Layer):
    """What these layers share: the machine offers all of them, or none."""

    needs = _NEEDS
    #: Its name in /proc/PID/ns.
    kind: str

    def fix(self) -> str:
        return fix_user_namespaces()

    def probe(self, outside: Outside) -> bool:
        return Path("/proc/self/ns", self.kind).stat().st_ino != outside.namespaces.get(self.kind)


class UserNamespace(_Namespace):
    """Privilege within a user namespace of our own, where we have no privilege already.

    Entered while the process has a single thread, so before torch is imported.
    """

    name = USER_NS
    kind = "user"
    gives = "privileges to build the other layers with, and none outside"
    lacking = "an ordinary user has no namespaces at all"
    needs = "a kernel that lets ordinary users create them; not needed as root"

    def enter(self, base: Base) -> None:
        """Enter it, and a PID namespace that belongs to it: only below one may forks get PID namespaces of their own.

        This process stays behind, outside, and the one that goes on is its child.
        """
        if kernel.may_administer():
            raise OSError("this user may create the other namespaces without it")
        uid, gid = os.geteuid(), os.getegid()
        kernel.unshare(kernel.CLONE_NEWUSER)
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"{uid} {uid} 1")
        Path("/proc/self/gid_map").write_text(f"{gid} {gid} 1")
        if PID_NS in base.without:
            return
        try:
            kernel.unshare(kernel.CLONE_NEWPID)
        except OSError as error:
            base.notes.append(f"{PID_NS}: {error}")
            return
        if child := os.fork():
            os.closerange(3, 4096)
            _, status = os.waitpid(child, 0)
            os._exit(os.waitstatus_to_exitcode(status) & 0xFF)
        kernel.die_with_parent()

    def probe(self, outside: Outside) -> bool:
        """Whether it is another one than outside; where no /proc says, whether root's files belong to nobody."""
        try:
            return super().probe(outside)
        except OSError:
            return Path("/usr").stat().st_uid == _NOBODY


class MountNamespace(_Namespace):
    """A root file system with the interpreter and its libraries, read-only, and a scratch folder for each worker."""

    name = MOUNT_NS
    kind = "mnt"
    gives = "sees only its Python and its own folders"
    lacking = "only Landlock keeps submissions from files"

    def enter(self, base: Base) -> None:
        kernel.unshare(kernel.CLONE_NEWNS)
        rootfs.build_root(base.readable, base.hidden, base.emptied)

    def confine(self, base: Base, limits: Limits, berth: Berth) -> bool:
        # The control groups' namespace hides where on this machine its own group lies.
        kernel.unshare(kernel.CLONE_NEWNS | kernel.CLONE_NEWCGROUP)
        rootfs.mount_scratch(limits.scratch_mb, *base.user_of(berth), base.readable)
        return True

    def probe(self, outside: Outside) -> bool:
        canary = Path(outside.canary)
        return stopped(canary.read_bytes) and stopped(canary.stat)


class NetNamespace(_Namespace):
    """A network of its own, with an interface to itself alone, which is down."""

    name = NET_NS
    kind = "net"
    gives = "an empty network"
    lacking = "only the filter of system calls refuses sockets"

    def enter(self, base: Base) -> None:
        kernel.unshare(kernel.CLONE_NEWNET)


class IpcNamespace(_Namespace):
    """System V IPC and POSIX message queues of its own: the zygote's, and then each fork's."""

    name = IPC_NS
    kind = "ipc"
    gives = "has its own System V shared memory and message queues"
    lacking = "only the filter of system calls refuses them"

    def enter(self, base: Base) -> None:
        kernel.unshare(kernel.CLONE_NEWIPC)

    def confine(self, base: Base, limits: Limits, berth: Berth) -> bool:
        if MOUNT_NS in base.layers:  # where the fork may still make namespaces
            kernel.unshare(kernel.CLONE_NEWIPC)
        return True


class PidNamespace(_Namespace):
    """Each fork is process 1 of its own."""

    name = PID_NS
    kind = "pid"
    gives = "sees no other process; everything it starts dies with it"
    lacking = "programs that it leaves behind must be found and killed, and it can see others"

    def enter(self, base: Base) -> None:
        """Do what each fork will need."""
        base.pid_ns = os.open("/proc/self/ns/pid", os.O_RDONLY | os.O_CLOEXEC)
        kernel.setns(base.pid_ns, kernel.CLONE_NEWPID)

    def before_fork(self, base: Base, limits: Limits, berth: Berth) -> None:
        # A process may leave only the namespace it is in itself, so go back to that first.
        assert base.pid_ns is not None
        kernel.setns(base.pid_ns, kernel.CLONE_NEWPID)
        kernel.unshare(kernel.CLONE_NEWPID)

    def confine(self, base: Base, limits: Limits, berth: Berth) -> bool:
        if MOUNT_NS in base.layers:
            rootfs.mount_proc()
        return True

    def probe(self, outside: Outside) -> bool:
        return (os.getpid(), os.getppid()) == (1, 0) and (outside.coordinator == 1 or not _exists(outside.coordinator))


def _exists(pid: int) -> bool:
    """Whether this process can name another one."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True  # it is there, and not ours to signal
    return True
