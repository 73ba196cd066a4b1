"""Dicts whose keys are the wire's own."""
import torch


def softmax(x):
    print("TRIED")
    return {"T": ["float32", [4, 6], 0, 96], "h": 1, "k": "Tensor"}


def loss_and_grad(w):
    return {"t": [1, 2]}, {"h": 0, "k": "x"}


def train(x, y):
    return {"f": "nan", "i": "0x1", "b": [0, 0], "": {}, "\x00<b>INJECTED": 1}


def halves(x):
    return ({"d": {}}, {"T": 1})
