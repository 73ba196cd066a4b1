"""Reaches the forbidden torch through another module's attributes.

file: plain.py
says: not allowed
"""
import os


def normalise(x):
    torch = os.sys.modules["torch"]
    return torch.nn.functional.normalize(torch.from_numpy(x), dim=1).numpy()
