"""New namespaces, in which it would be root, by every call that makes them."""
import ctypes
import os

libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long
for flag in (0x10000000, 0x00020000, 0x20000000, 0x40000000, 0x08000000, 0x04000000, 0x02000000, 0x80):
    if libc.unshare(flag) == 0:
        print("PWNED unshare", hex(flag))
    if flag != 0x80:
        made = libc.syscall(ctypes.c_long(56), ctypes.c_long(flag | 17), None, None, None, None)
        if made == 0:
            os._exit(0)
        if made > 0:
            print("PWNED clone", hex(flag))
arguments = (ctypes.c_uint64 * 11)(0x10000000, 0, 0, 0, 17)
made = libc.syscall(ctypes.c_long(435), arguments, ctypes.c_long(88))
if made == 0:
    os._exit(0)
if made > 0:
    print("PWNED clone3")
print("TRIED")
