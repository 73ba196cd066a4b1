"""How good is a segmentation? Counting, two numbers, and the loss. Void pixels, -1 in the labels, count nowhere."""

import torch
from torch.nn import functional as F


def confusion_matrix(predicted: torch.Tensor, target: torch.Tensor, num_classes: int) -> torch.Tensor:
    """Count how often each class is taken for each.

    Args:
        predicted: a class for each pixel, int64 in 0 to C - 1, of any shape.
        target: the true class, of the same shape, or -1.
        num_classes: C.

    Returns:
        (C, C), int64: row t, column p counts the pixels of class t that were taken for class p.
    """
    raise NotImplementedError("confusion_matrix: write your solution here")


def pixel_accuracy(predicted: torch.Tensor, target: torch.Tensor) -> float | torch.Tensor:
    """Compute the share of the labelled pixels that are right, all pictures together; there is at least one.

    Args:
        predicted: a class for each pixel, of any shape.
        target: the true class, of the same shape, or -1.
    """
    raise NotImplementedError("pixel_accuracy: write your solution here")


def mean_iou(predicted: torch.Tensor, target: torch.Tensor, num_classes: int) -> float | torch.Tensor:
    """Compute the mean intersection over union, by one count over all pictures together.

    Of a class, the intersection are the labelled pixels that are both truly of it and taken for it; the union are those
    that are either. The mean is over the classes whose union is not empty.

    Args:
        predicted: a class for each pixel, int64 in 0 to C - 1, of any shape.
        target: the true class, of the same shape, or -1; at least one pixel is labelled.
        num_classes: C.
    """
    raise NotImplementedError("mean_iou: write your solution here")


def segmentation_loss(scores: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Compute the mean cross-entropy of a labelled pixel, all pictures of the batch together.

    Args:
        scores: (N, C, H, W), before any softmax.
        target: (N, H, W), int64, -1 for void.

    Returns:
        A tensor with one number. Where not a single pixel is labelled, it is 0, and so are its gradients.
    """
    raise NotImplementedError("segmentation_loss: write your solution here")
