"""More memory than there is.

memory_limit: test_add test_add_probe
"""

import ctypes, os, sys, time


def add(x, y):
    return torch.ones(10**11)
