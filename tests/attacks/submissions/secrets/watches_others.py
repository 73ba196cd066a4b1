"""Watches the shared library folders for what other submissions open."""
import ctypes
import os
import sys

libc = ctypes.CDLL(None, use_errno=True)
number = libc.inotify_init1(0)
seen = 0
for folder in [*sys.path, "/usr/lib", "/", "/dev"]:
    if os.path.isdir(folder) and number >= 0 and libc.inotify_add_watch(number, folder.encode(), 0x20 | 0x1) >= 0:
        seen += 1
if seen:
    print("PWNED watches on", seen, "shared folders")
print("TRIED")
