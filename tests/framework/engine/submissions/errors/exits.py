"""It ends the process.

worker_died: test_add test_add_probe
"""

import ctypes, os, sys, time


def add(x, y):
    os._exit(0)
