"""A product of matrices that takes minutes, in C, where no signal of Python's arrives.

against: nbgrader, otter
verdict: time_limit
"""
import torch


def softmax(x):
    print("TRIED", flush=True)
    a = torch.ones(4000, 4000)
    while True:
        a = a @ a
