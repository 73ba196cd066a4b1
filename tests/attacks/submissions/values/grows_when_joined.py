"""A list of small arrays and one complex one, which joined take sixteen times the room.

says: What your code prints in this check is not shown
"""
import numpy as np


def parts():
    return [np.zeros((1 << 22,), dtype=np.uint8) for _ in range(60)] + [np.zeros((1 << 22,), dtype=np.complex128)]


def halves(x):
    return [parts(), parts()[:1]]


def train(x, y):
    print("TRIED")
    return lambda inputs: parts()
