"""A Tensor subclass that gives other bytes each time it is read."""
import itertools

import torch

COUNTER = itertools.count()


class Shifty(torch.Tensor):
    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        found = super().__torch_function__(func, types, args, kwargs or {})
        return found + next(COUNTER) if func.__name__ in ("detach", "cpu", "contiguous") else found


def softmax(x):
    print("TRIED")
    return torch.zeros_like(x).as_subclass(Shifty)
