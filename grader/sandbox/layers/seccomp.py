"""Which system calls student code may make: a list of what may be, everything else is refused.

The list holds what Python, numpy, torch and ordinary programs need; docs/explanation/security.md says why, group by group. What it
does not name fails with ENOSYS, so that a kernel's newer calls are shut without anyone thinking of them, and libc falls
back as it does on an older kernel. What is known to be asked for, and to be refused, fails with EPERM.

The filter is compiled once, by the zygote through libseccomp; a fork only hands the finished program to the kernel.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import resource
import socket
from typing import Any, Final

from grader.layer_names import SECCOMP
from grader.limits import Limits
from grader.sandbox.layers import kernel
from grader.sandbox.layers.base import Base, Berth, Layer, Outside, stopped

ALLOWED: Final[dict[str, str]] = {
    "files by name, within what the file system shows": (
        "open openat openat2 creat stat lstat newfstatat statx access faccessat faccessat2 readlink readlinkat "
        "mkdir mkdirat rmdir rename renameat renameat2 link linkat unlink unlinkat symlink symlinkat "
        "chmod fchmod fchmodat fchmodat2 chown fchown lchown fchownat umask truncate utime utimes utimensat futimesat "
        "getcwd chdir fchdir statfs fstatfs getxattr lgetxattr fgetxattr listxattr llistxattr flistxattr"
    ),
    "open files": (
        "read write readv writev pread64 pwrite64 preadv pwritev preadv2 pwritev2 lseek close close_range fstat "
        "getdents getdents64 ftruncate fallocate fsync fdatasync fadvise64 readahead dup dup2 dup3 fcntl flock ioctl "
        "pipe pipe2 sendfile copy_file_range splice tee poll ppoll select pselect6 epoll_create epoll_create1 epoll_ctl "
        "epoll_wait epoll_pwait epoll_pwait2 eventfd eventfd2 signalfd signalfd4 timerfd_create timerfd_settime "
        "timerfd_gettime"
    ),
    "the wire, and pairs of sockets among own processes": (
        "socketpair sendto recvfrom sendmsg recvmsg sendmmsg recvmmsg shutdown getsockopt setsockopt getsockname "
        "getpeername"
    ),
    "own memory": (
        "brk mmap munmap mremap mprotect madvise msync mlock munlock mlockall munlockall mlock2 membarrier get_mempolicy"
    ),
    "own processes and threads": (
        "clone fork vfork execve execveat exit exit_group wait4 waitid kill tkill tgkill rt_sigqueueinfo "
        "rt_tgsigqueueinfo pidfd_open pidfd_send_signal getpid getppid gettid getpgid setpgid getpgrp setsid getsid "
        "set_tid_address set_robust_list get_robust_list futex futex_waitv rseq arch_prctl prctl restart_syscall"
    ),
    "signals, timers and clocks of its own": (
        "rt_sigaction rt_sigprocmask rt_sigreturn rt_sigpending rt_sigsuspend rt_sigtimedwait sigaltstack pause alarm "
        "setitimer getitimer timer_create timer_settime timer_gettime timer_getoverrun timer_delete nanosleep "
        "clock_nanosleep clock_gettime clock_getres gettimeofday time times"
    ),
    "asking who and where it is; lowering its own limits": (
        "getuid geteuid getgid getegid getresuid getresgid getgroups capget uname sysinfo getrusage getrlimit setrlimit "
        "prlimit64 getpriority sched_yield sched_getaffinity sched_setaffinity sched_getparam sched_getscheduler "
        "sched_get_priority_max sched_get_priority_min sched_rr_get_interval sched_getattr getcpu getrandom"
    ),
}

#: Refused with EPERM rather than ENOSYS: what exists, and programs ask for.
DENIED: Final[dict[str, str]] = {
    "sockets: even an empty network has abstract addresses, and netlink and AF_ALG are kernel code nobody needs": (
        "socket connect bind listen accept accept4"
    ),
    "looking into other processes": (
        "ptrace process_vm_readv process_vm_writev process_madvise process_mrelease kcmp pidfd_getfd"
    ),
    "mounts and namespaces": (
        "mount umount2 pivot_root chroot unshare setns move_mount open_tree fsopen fsconfig fsmount fspick mount_setattr "
        "open_by_handle_at name_to_handle_at fanotify_init fanotify_mark"
    ),
    "large kernel interfaces with a history of holes": (
        "bpf perf_event_open userfaultfd io_uring_setup io_uring_enter io_uring_register seccomp keyctl add_key "
        "request_key landlock_create_ruleset landlock_add_rule landlock_restrict_self modify_ldt vmsplice "
        "remap_file_pages pkey_alloc pkey_free pkey_mprotect"
    ),
    "the machine's own": (
        "init_module finit_module delete_module kexec_load kexec_file_load reboot swapon swapoff acct quotactl "
        "quotactl_fd syslog sethostname setdomainname settimeofday clock_settime clock_adjtime adjtimex iopl ioperm "
        "personality vhangup lookup_dcookie nfsservctl uselib ustat sysfs _sysctl mknod mknodat sync syncfs "
        "sync_file_range"
    ),
    "other identities": (
        "setuid setgid setreuid setregid setresuid setresgid setfsuid setfsgid setgroups capset setxattr lsetxattr "
        "fsetxattr removexattr lremovexattr fremovexattr"
    ),
    "memory and messages that outlive a process, or escape its limits": (
        "shmget shmat shmctl shmdt semget semop semctl semtimedop msgget msgsnd msgrcv msgctl mq_open mq_unlink "
        "mq_timedsend mq_timedreceive mq_notify mq_getsetattr memfd_create memfd_secret io_setup io_destroy io_submit "
        "io_cancel io_getevents io_pgetevents"
    ),
    "a larger share of the machine": (
        "setpriority sched_setscheduler sched_setparam sched_setattr ioprio_set ioprio_get migrate_pages move_pages "
        "mbind set_mempolicy set_mempolicy_home_node"
    ),
    "watching a neighbour by the files and pages that all share": (
        "inotify_init inotify_init1 inotify_add_watch inotify_rm_watch mincore cachestat"
    ),
}

_NAMESPACE_FLAGS: Final = (
    kernel.CLONE_NEWNS, kernel.CLONE_NEWUTS, kernel.CLONE_NEWIPC, kernel.CLONE_NEWUSER, kernel.CLONE_NEWPID,
    kernel.CLONE_NEWNET, kernel.CLONE_NEWCGROUP, kernel.CLONE_NEWTIME,
)  # fmt: skip
#: PDEATHSIG: a worker ends with its zygote. SECCOMP and SCHED_CORE: kernel code that no student needs.
_PRCTL_DENIED: Final = (1, 22, 62)
#: TIOCSTI and TIOCLINUX put text into a terminal's input.
_IOCTL_DENIED: Final = (0x5412, 0x541C)
#: F_SETLEASE and F_NOTIFY tell when somebody else opens a file that all submissions read.
_FCNTL_DENIED: Final = (1024, 1026)
#: Who is at the other end of the wire, and a descriptor of that process: SO_PEERCRED, PEERSEC, PEERGROUPS, PEERPIDFD;
#: and SO_PASSCRED, PASSSEC, PASSPIDFD, which have each message say so.
_GETSOCKOPT_DENIED: Final = (17, 31, 59, 77)
_SETSOCKOPT_DENIED: Final = (16, 34, 76)
_AF_UNIX: Final = 1
_RLIMIT_RTTIME: Final = 15
#: A command is an int to the kernel: a filter that compared all 64 bits would let through what the kernel cuts off.
_INT: Final = 0xFFFF_FFFF
_NO_CALL: Final = 499


class Seccomp(Layer):
    """The filter of system calls: compiled in the zygote, handed to the kernel by each fork."""

    name = SECCOMP
    gives = "may make only listed system calls"
    lacking = "the whole kernel is open to attack"
    needs = "libseccomp, `pyseccomp`"

    def fix(self) -> str:
        return "sudo apt install libseccomp2, and python -m pip install pyseccomp"

    def enter(self, base: Base) -> None:
        base.filters, base.no_programs = compile_filters()
        if not base.filters:
            raise OSError("libseccomp or pyseccomp is missing")

    def confine(self, base: Base, limits: Limits, berth: Berth) -> bool:
        # The last of them refuses further ones.
        for program in (*((base.no_programs,) if not berth.programs else ()), *base.filters):
            kernel.filter_system_calls(program)
        return True

    def probe(self, outside: Outside) -> bool:
        """Ask for a socket, to be traced, and for a call that no kernel has: refused, refused, unknown."""
        libc = ctypes.CDLL(None, use_errno=True)
        return (
            stopped(lambda: socket.socket(socket.AF_UNIX))
            and libc.ptrace(0, 0, 0, 0) == -1
            and libc.syscall(_NO_CALL) == -1
            and ctypes.get_errno() == errno.ENOSYS
        )


def compile_filters() -> tuple[list[bytes], bytes]:
    """The filters as BPF programs, in the order to load them; none where libseccomp or its binding is missing.

    Two of them, of which the kernel takes what refuses more: the first by number, the second by arguments. Then one
    that refuses to start programs, for workers in which torch lacks a part: another interpreter would have it.

    Raises:
        OSError, or an error of libseccomp: it is there and does not work.
    """
    try:
        import pyseccomp
    except (ImportError, OSError, RuntimeError):
        return [], b""
    refuse = pyseccomp.ERRNO(errno.EPERM)
    numbers = pyseccomp.SyscallFilter(defaction=pyseccomp.ERRNO(errno.ENOSYS))
    listed = [(action, name) for action, groups in ((pyseccomp.ALLOW, ALLOWED), (refuse, DENIED))
              for group in groups.values() for name in group.split()]  # fmt: skip
    for action, name in listed:
        with contextlib.suppress(OSError, ValueError, RuntimeError):  # this libseccomp or architecture lacks the call
            numbers.add_rule(action, name)
    no_programs = pyseccomp.SyscallFilter(defaction=pyseccomp.ALLOW)
    for name in ("execve", "execveat"):
        no_programs.add_rule(refuse, name)
    return [_program(numbers), _program(_by_arguments(pyseccomp, refuse))], _program(no_programs)


def _by_arguments(pyseccomp: Any, refuse: int) -> Any:
    rules = pyseccomp.SyscallFilter(defaction=pyseccomp.ALLOW)
    for flag in _NAMESPACE_FLAGS:
        rules.add_rule(refuse, "clone", pyseccomp.Arg(0, pyseccomp.MASKED_EQ, flag, flag))
    for call, position, values in (
        ("prctl", 0, _PRCTL_DENIED),
        ("ioctl", 1, _IOCTL_DENIED),
        ("fcntl", 1, _FCNTL_DENIED),
        ("getsockopt", 2, _GETSOCKOPT_DENIED),
        ("setsockopt", 2, _SETSOCKOPT_DENIED),
    ):
        for value in values:
            rules.add_rule(refuse, call, pyseccomp.Arg(position, pyseccomp.MASKED_EQ, _INT, value))
    # A pair of another family, TIPC say, would have the kernel load its module. (AF_UNIX as 64 bits is the only one.)
    rules.add_rule(refuse, "socketpair", pyseccomp.Arg(0, pyseccomp.NE, _AF_UNIX))
    # The limit on core files stays where it is, and those on time too: a lower one would end the worker by SIGKILL, as
    # nobody but us and the machine's own people should be able to. Reading them is fine.
    for kind in (resource.RLIMIT_CORE, resource.RLIMIT_CPU, _RLIMIT_RTTIME):
        rules.add_rule(refuse, "setrlimit", pyseccomp.Arg(0, pyseccomp.MASKED_EQ, _INT, kind))
        rules.add_rule(
            refuse, "prlimit64",
            pyseccomp.Arg(1, pyseccomp.MASKED_EQ, _INT, kind), pyseccomp.Arg(2, pyseccomp.NE, 0),
        )  # fmt: skip
    return rules


def _program(rules: Any) -> bytes:
    with os.fdopen(os.memfd_create("filter"), "w+b") as file:
        rules.export_bpf(file)
        file.seek(0)
        return file.read()
