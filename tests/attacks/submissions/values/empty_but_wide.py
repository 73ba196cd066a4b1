"""Arrays without an element, whose other axes are as long as can be."""
import numpy as np
import torch


def softmax(x):
    print("TRIED")
    return torch.empty(0, 2**40)


def loss_and_grad(w):
    return 0.0, torch.empty(2**55, 0)


def halves(x):
    return [np.empty((0, 2**40)), np.empty((2**31, 0, 2**20))]


def train(x, y):
    return lambda inputs: np.empty((len(inputs), 0))
