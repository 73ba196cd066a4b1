"""Looks at every descriptor it was born with."""
import os
import stat

for number in range(4096):
    try:
        mode = os.fstat(number).st_mode
    except OSError:
        continue
    kind = "socket" if stat.S_ISSOCK(mode) else "pipe" if stat.S_ISFIFO(mode) else "device" if stat.S_ISCHR(mode) else "file"
    expected = {0: "device", 1: "pipe", 2: "pipe", 3: "socket"}.get(number)
    target = os.readlink(f"/proc/self/fd/{number}") if os.path.exists("/proc/self/fd") else "?"
    if kind != expected:
        print("PWNED", number, kind, target)
print("TRIED")
