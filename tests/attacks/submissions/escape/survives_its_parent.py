"""Asks the kernel not to end it with its parent."""
import ctypes

libc = ctypes.CDLL(None, use_errno=True)
signal = ctypes.c_int(-1)
libc.prctl(1, 0, 0, 0, 0)
libc.prctl(2, ctypes.byref(signal), 0, 0, 0)
if signal.value != 9:
    print("PWNED", signal.value)
libc.prctl(36, 1, 0, 0, 0)
print("TRIED")
