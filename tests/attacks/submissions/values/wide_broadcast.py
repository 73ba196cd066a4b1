"""An answer of the wrong shape that broadcasts to gigabytes."""
import torch


def softmax(x):
    print("TRIED")
    return torch.zeros(1 << 24, 1)


def halves(x):
    return [torch.zeros(1 << 24, 1), torch.zeros(1 << 24, 1)]


def train(x, y):
    return lambda inputs: torch.zeros(1 << 24, 1)
