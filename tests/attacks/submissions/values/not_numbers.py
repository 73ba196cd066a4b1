"""NaN, infinities and minus zero for everything."""
import torch


def softmax(x):
    print("TRIED")
    return torch.full_like(x, float("nan"))


def loss_and_grad(w):
    return float("nan"), torch.full_like(w, float("inf"))


def halves(x):
    return [torch.full((3,), float("nan"))] * 2


def train(x, y):
    return lambda inputs: torch.full((len(inputs), 10), float("nan"))


class Layer:
    def __init__(self, weight, bias):
        self.weight = weight * float("nan")

    def __call__(self, x):
        return torch.full((4, 3), float("nan"), requires_grad=True)
