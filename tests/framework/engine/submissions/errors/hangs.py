"""It never returns.

time_limit: test_add test_add_probe
"""

import ctypes, os, sys, time


def add(x, y):
    print("called")
    while True:
        time.sleep(1)
