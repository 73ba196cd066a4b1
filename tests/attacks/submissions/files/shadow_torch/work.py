"""Files named as the modules that the worker itself uses.

against: nbgrader
"""
import numpy
import torch

print("TRIED", "submission" in torch.__file__, "submission" in numpy.__file__)


def softmax(x):
    return torch.zeros_like(x)
