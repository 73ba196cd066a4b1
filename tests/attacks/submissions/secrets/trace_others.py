"""Traces, reads and copies the memory and the files of other processes."""
import ctypes

libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long
buffer = ctypes.create_string_buffer(64)
vector = (ctypes.c_size_t * 2)(ctypes.addressof(buffer), 64)
for pid in (0, 1, 2, int("@PID@")):
    tries = {
        "ptrace": (101, 16, pid, 0, 0), "seize": (101, 0x4206, pid, 0, 0), "traceme": (101, 0, 0, 0, 0),
        "vm_readv": (310, pid, vector, 1, vector, 1, 0), "vm_writev": (311, pid, vector, 1, vector, 1, 0),
        "kcmp": (312, pid, pid, 0, 0, 0),
    }
    for name, (number, *args) in tries.items():
        arguments = [arg if not isinstance(arg, int) else ctypes.c_long(arg) for arg in args]
        if libc.syscall(ctypes.c_long(number), *arguments) >= 0:
            print("PWNED", name, pid)
opened = libc.syscall(ctypes.c_long(434), ctypes.c_long(1), ctypes.c_long(0))
if opened >= 0 and libc.syscall(ctypes.c_long(438), ctypes.c_long(opened), ctypes.c_long(0), ctypes.c_long(0)) >= 0:
    print("PWNED pidfd_getfd")
print("TRIED")
