"""A right value on a graph of its own, whose gradients are made up."""
import torch


class Fake(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, weight, bias):
        ctx.save_for_backward(x, weight, bias)
        return x @ weight + bias

    @staticmethod
    def backward(ctx, grad):
        x, weight, bias = ctx.saved_tensors
        return None, torch.ones_like(weight), torch.ones_like(bias)


class Layer:
    def __init__(self, weight, bias):
        print("TRIED")
        self.weight = weight.requires_grad_()
        self.bias = bias.requires_grad_()

    def __call__(self, x):
        return Fake.apply(x, self.weight, self.bias)
