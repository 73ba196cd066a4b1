"""A segmentation fault.

worker_died: test_add test_add_probe
"""

import ctypes, os, sys, time


def add(x, y):
    ctypes.string_at(0)
