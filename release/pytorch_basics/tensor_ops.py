"""Images as tensors, and functions on tensors: sigmoid, log-softmax, cross-entropy, hinge.

Rules for the whole file:

* No function changes its arguments.
* A value that depends on a tensor stays connected to it, so that autograd can differentiate it: no `.item()`,
  `.detach()`, `.numpy()` or `torch.tensor(...)` on the way from input to result.
* Sigmoid, log-softmax, cross-entropy and hinge are built from elementary operations (`exp`, `log`, `max`, `sum`,
  indexing, `where`, `clamp`, ...). The library's own softmax, logsumexp, sigmoid and losses are for checking only.
"""

from typing import Any

import numpy as np
import torch


def image_to_tensor(image: np.ndarray) -> torch.Tensor:
    """Turn one image as files hold it into one image as PyTorch wants it.

    Args:
        image: (H, W, C) uint8 array, 0 is black and 255 is full intensity; C is 1 or 3, H and W are any size.

    Returns:
        (C, H, W) float32 tensor with values in [0, 1]: the pixel divided by 255, so that 255 becomes exactly 1.

    """
    raise NotImplementedError("image_to_tensor: write your solution here")


def tensor_to_image(tensor: torch.Tensor) -> np.ndarray:
    """Turn a tensor back into an image that can be shown or saved; the inverse of `image_to_tensor`.

    Args:
        tensor: (C, H, W) float tensor. Values should lie in [0, 1]; what lies outside is clipped, not wrapped.
            It may require grad.

    Returns:
        (H, W, C) uint8 array: 255 times the clipped value, rounded to the nearest whole number.

    """
    raise NotImplementedError("tensor_to_image: write your solution here")


def make_batch(images: list[np.ndarray]) -> torch.Tensor:
    """Put images of one size into one batch.

    Args:
        images: N arrays (H, W, C) uint8, all of the same shape, N at least 1.

    Returns:
        (N, C, H, W) float32 tensor with values in [0, 1], in the order of the list.

    """
    raise NotImplementedError("make_batch: write your solution here")


def sigmoid(x: torch.Tensor) -> torch.Tensor:
    """Compute 1 / (1 + exp(-x)) for each entry, as an ordinary function that autograd sees through.

    Args:
        x: float tensor of any shape. Values are right up to |x| = 1e4; gradients are tested up to |x| = 20.

    Returns:
        Tensor of the same shape and dtype.

    """
    raise NotImplementedError("sigmoid: write your solution here")


class Sigmoid(torch.autograd.Function):
    """The sigmoid as a separate operation: one node in the graph, with a backward pass written by hand.

    Use it as `Sigmoid.apply(x)`. Keep what the backward pass needs in `ctx` (`ctx.save_for_backward`), never on the
    class: one network applies the operation many times before it goes backward. Values and gradients are right
    (and finite) up to |x| = 1e4.
    """

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor) -> torch.Tensor:
        """Compute the sigmoid of `x` (any shape) and keep what `backward` will need."""
        raise NotImplementedError("Sigmoid.forward: write your solution here")

    @staticmethod
    def backward(ctx: Any, grad_output: torch.Tensor) -> torch.Tensor:
        """Turn dL/dy (`grad_output`, the shape of `x`) into dL/dx of the same shape."""
        raise NotImplementedError("Sigmoid.backward: write your solution here")


def log_softmax(scores: torch.Tensor) -> torch.Tensor:
    """Compute the logarithm of the softmax over each row, without overflow.

    Args:
        scores: (N, C) float tensor, one row per example; entries as large as 1e4 in size must work.

    Returns:
        (N, C) tensor of log-probabilities; `exp` of each row sums to 1.

    """
    raise NotImplementedError("log_softmax: write your solution here")


def cross_entropy(scores: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Compute the softmax cross-entropy, averaged over the batch.

    Args:
        scores: (N, C) float tensor of raw scores (logits): no softmax has been applied to them.
        labels: (N,) int64 tensor of class numbers in 0..C-1.

    Returns:
        Tensor without axes: the MEAN over the N examples of minus the log-probability of the right class (natural log).

    """
    raise NotImplementedError("cross_entropy: write your solution here")


def hinge_loss(scores: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Compute the hinge loss of a two-class classifier, averaged over the batch.

    Args:
        scores: (N,) float tensor, positive where the classifier says "yes".
        targets: (N,) float tensor of -1 and +1.

    Returns:
        Tensor without axes: the MEAN over the N examples of max(0, 1 - target * score).

    """
    raise NotImplementedError("hinge_loss: write your solution here")
