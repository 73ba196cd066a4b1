"""Mounts, unmounts and pivots, by the old calls and the new."""
import ctypes

libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long
for name, args in {
    "mount": (165, b"none", b"/scratch", b"tmpfs", 0, None), "remount": (165, b"none", b"/", None, 0x20 | 0x1000, None),
    "bind": (165, b"/usr", b"/scratch", None, 0x1000, None), "umount": (166, b"/proc", 2), "pivot_root": (155, b".", b"."),
    "open_tree": (428, -100, b"/", 1), "fsopen": (430, b"tmpfs", 0), "move_mount": (429, -100, b"/usr", -100, b"/scratch", 0),
    "mount_setattr": (442, -100, b"/", 0, None, 0), "chroot": (161, b"/scratch"), "fspick": (433, -100, b"/", 0),
}.items():
    arguments = [ctypes.c_long(arg) if isinstance(arg, int) else arg for arg in args]
    if libc.syscall(*arguments) >= 0:
        print("PWNED", name)
print("TRIED")
