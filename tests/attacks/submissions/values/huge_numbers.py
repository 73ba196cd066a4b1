"""Integers of ten thousand digits, and numbers of odd kinds."""
import decimal
import fractions

import torch


def softmax(x):
    print("TRIED")
    return 10**9_000


def loss_and_grad(w):
    return 10**9_000, torch.zeros_like(w)


def caption(n):
    return 10**9_000


def halves(x):
    return [10**9_000, decimal.Decimal("sNaN")]


def train(x, y):
    return lambda inputs: [10**9_000, fractions.Fraction(1, 3)] * 50
