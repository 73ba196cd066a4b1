"""Long doubles made of any bits, which are no numbers the processor knows.

file: plain.py
"""
import numpy as np


def normalise(x):
    print("TRIED")
    bits = np.random.default_rng(0).integers(0, 256, size=5 * 4 * 16, dtype=np.uint8)
    return bits.view(np.longdouble).reshape(5, 4)
