"""An exception from a function within.

runtime_error: test_add test_add_probe
"""

import torch


def inner(x):
    return torch.ones(2) @ torch.ones(3)


def add(x, y):
    return inner(x)
