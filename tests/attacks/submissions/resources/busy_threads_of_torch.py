"""Asks torch for more threads than the machine has, and keeps them busy."""
import torch

torch.set_num_threads(64)
print("TRIED", torch.get_num_threads())


def softmax(x):
    a = torch.ones(2000, 2000)
    while True:
        a = a @ a
