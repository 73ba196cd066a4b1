"""It prints without end.

runtime_error: test_add test_add_probe
"""

import ctypes, os, sys, time


def add(x, y):
    while True:
        print("spam" * 1000)
