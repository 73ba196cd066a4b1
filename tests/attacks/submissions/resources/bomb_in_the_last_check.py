"""Uses up processes and descriptors in its last check, and dies, so that the next worker finds none.

file: plain.py
"""
import os
import time


def normalise(x):
    print("TRIED", flush=True)
    try:
        while True:
            if os.fork() == 0:
                os.setsid()
                time.sleep(60)
    except OSError:
        os._exit(0)
