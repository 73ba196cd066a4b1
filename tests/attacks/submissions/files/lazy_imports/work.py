"""Files named as what torch and the standard library import late.

says: TRIED
"""
import torch

print("TRIED")


def softmax(x):
    # Whatever of these torch takes up runs in the worker, with a student's rights and no more.
    torch.compile
    return torch.zeros_like(x)
