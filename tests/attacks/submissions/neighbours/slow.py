"""Right in everything, but slow: half of the processor time that a check may take, in two cases."""
import time
from typing import Any

import torch


def softmax(x: torch.Tensor) -> torch.Tensor:
    """Rows of x (N, C) as probabilities."""
    begin = time.process_time()
    while time.process_time() - begin < 0.36:
        pass
    shifted = (x - x.max(dim=1, keepdim=True).values).exp()
    return shifted / shifted.sum(dim=1, keepdim=True)


def loss_and_grad(w: torch.Tensor) -> tuple[float, torch.Tensor]:
    """The mean of the squares of w (N,), and its gradient."""
    return float((w**2).mean()), 2 * w / len(w)


class Layer:
    """An affine layer with weight (D, M) and bias (M,)."""

    def __init__(self, weight: torch.Tensor, bias: torch.Tensor) -> None:
        self.weight = weight.clone().requires_grad_()
        self.bias = bias.clone().requires_grad_()

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        return x @ self.weight + self.bias


def train(x: torch.Tensor, y: torch.Tensor) -> Any:
    """A model that gives scores (N, 10) for inputs (N, 784)."""
    centres = torch.stack([x[y == k].mean(dim=0) for k in range(10)])
    return lambda inputs: -torch.cdist(inputs, centres)


def caption(n: int) -> str:
    """n lines, each with its number."""
    print("captioning")
    return "\n".join(str(k) for k in range(n))


def halves(x: torch.Tensor) -> list:
    """The first and the second half of x."""
    return [x[: len(x) // 2], x[len(x) // 2 :]]
