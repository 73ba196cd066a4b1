"""A program in memory, run from there; and a file that no limit on files sees."""
import ctypes
import os

try:
    number = os.memfd_create("LEFT-@TOKEN@")
    print("PWNED memfd_create")
    with open("/bin/true", "rb") as program:
        os.write(number, program.read())
except OSError:
    pass
if ctypes.CDLL(None).syscall(447, 0) >= 0:
    print("PWNED memfd_secret")
print("TRIED")
