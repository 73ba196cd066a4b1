"""Kernel interfaces that no homework needs: io_uring, bpf, perf, userfaultfd, keyrings, modules, clocks."""
import ctypes

libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long
buffer = ctypes.create_string_buffer(256)
for name, args in {
    "io_uring_setup": (425, 4, buffer), "bpf": (321, 0, buffer, 72), "perf_event_open": (298, buffer, 0, -1, -1, 0),
    "userfaultfd": (323, 1), "add_key": (248, b"user", b"LEFT", b"x", 1, -3), "keyctl": (250, 0, -3, 1), "request_key": (249, b"user", b"x", None, 0),
    "init_module": (175, buffer, 0, b""), "kexec_load": (246, 0, 0, None, 0), "settimeofday": (164, buffer, None), "reboot": (169, 0, 0, 0, None),
    "sethostname": (170, b"x", 1), "swapon": (167, b"/scratch/x", 0), "acct": (163, b"/scratch/x"), "quotactl": (179, 0, None, 0, None),
    "personality": (135, 0x0040000), "fanotify_init": (300, 0, 0), "ioperm": (173, 0, 1, 1), "iopl": (172, 3), "modify_ldt": (154, 1, buffer, 16),
    "syslog": (103, 3, buffer, 256), "lookup_dcookie": (212, 1, buffer, 256), "vmsplice": (278, 1, buffer, 1, 0), "process_madvise": (440, 0, buffer, 1, 0, 0),
}.items():
    arguments = [ctypes.c_long(arg) if isinstance(arg, int) else arg for arg in args]
    if libc.syscall(*arguments) >= 0:
        print("PWNED", name)
print("TRIED")
