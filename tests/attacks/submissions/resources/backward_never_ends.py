"""A function of autograd whose backward pass sleeps, in a thread of torch's own engine.
verdict: time_limit
"""
import time

import torch

print("TRIED")


class Slow(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x.clone()

    @staticmethod
    def backward(ctx, grad):
        while True:
            time.sleep(1)


class Layer:
    def __init__(self, weight, bias):
        self.weight = weight.clone().requires_grad_()
        self.bias = bias

    def __call__(self, x):
        return Slow.apply(x @ self.weight + self.bias)
