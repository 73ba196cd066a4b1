"""Fills the memory by many small children in its last check, so that the kernel ends something larger: the next worker.

file: plain.py
"""
import os
import time


def normalise(x):
    print("TRIED", flush=True)
    for _ in range(28):
        try:
            if os.fork() == 0:
                hoard = []
                while True:
                    hoard.append(bytearray(b"x") * (1 << 20))
                    time.sleep(0.02)
        except OSError:
            break
    time.sleep(1.5)
    return x
