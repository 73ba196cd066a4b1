"""What a module counted is gone with the worker that it ended; the next check starts anew.

worker_died: test_add test_add_probe
"""

import ctypes, os, sys, time


def add(x, y):
    os._exit(1)


def once():
    _calls.append(1)
    return len(_calls)
