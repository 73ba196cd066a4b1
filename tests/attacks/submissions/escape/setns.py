"""Enters the namespaces of others, through /proc and through descriptors of processes."""
import ctypes
import os

libc = ctypes.CDLL(None, use_errno=True)
for pid in ("1", "@PID@", str(os.getppid())):
    for kind in ("mnt", "pid", "net", "user", "ipc", "uts"):
        try:
            number = os.open(f"/proc/{pid}/ns/{kind}", os.O_RDONLY)
        except OSError:
            continue
        if libc.setns(number, 0) == 0:
            print("PWNED", pid, kind)
        os.close(number)
for pid in (1, int("@PID@")):
    try:
        if libc.setns(os.pidfd_open(pid), 0x00020000) == 0:
            print("PWNED by pidfd", pid)
    except OSError:
        continue
print("TRIED")
