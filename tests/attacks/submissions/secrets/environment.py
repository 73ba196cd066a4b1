"""Prints its environment, and that of its process's start."""
import ctypes
import os

print("TRIED", dict(os.environ))
with open("/proc/self/environ") as file:
    print(file.read())
environ = ctypes.POINTER(ctypes.c_char_p).in_dll(ctypes.CDLL(None), "environ")
index = 0
while environ[index]:
    print(environ[index])
    index += 1
