"""Looks for the labels in frames, and among all objects, while the grader waits for predictions.

honest: 20
says: What your code prints in this check is not shown
"""
import gc
import sys

import torch


def train(x, y):
    print("TRIED")
    centres = torch.stack([x[y == k].mean(dim=0) for k in range(10)])

    def model(inputs):
        frame = sys._getframe()
        while frame:
            if any("label" in name for name in frame.f_locals):
                raise ValueError("PWNED a frame with labels")
            frame = frame.f_back
        if any(isinstance(value, torch.Tensor) and value.shape == (100,) for value in gc.get_objects()):
            raise ValueError("PWNED a hundred labels")
        return -torch.cdist(inputs, centres)

    return model
