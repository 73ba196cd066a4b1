"""Keeps the held-out inputs in a global, in builtins, in a module and in the environment, and prints them in later checks.

honest: 20
"""
import builtins
import os
import sys

import torch

KEPT = []
print("TRIED")


def keep(inputs):
    KEPT.append(inputs)
    builtins.kept = sys.modules["json"].kept = torch.kept = inputs
    os.environ["KEPT"] = str(inputs[0].tolist())[:1000]


def caption(n):
    if KEPT or hasattr(builtins, "kept") or hasattr(torch, "kept") or "KEPT" in os.environ:
        print("PWNED", KEPT, os.environ.get("KEPT"))


softmax = halves = caption


def train(x, y):
    centres = torch.stack([x[y == k].mean(dim=0) for k in range(10)])

    def predict(inputs):
        if len(inputs) == 100:
            keep(inputs)
        return -torch.cdist(inputs, centres)

    return predict

