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
    ### BEGIN SOLUTION
    labelled = target >= 0
    pairs = target[labelled] * num_classes + predicted[labelled]
    return torch.bincount(pairs, minlength=num_classes**2).reshape(num_classes, num_classes)
    ### END SOLUTION


def pixel_accuracy(predicted: torch.Tensor, target: torch.Tensor) -> float | torch.Tensor:
    """Compute the share of the labelled pixels that are right, all pictures together; there is at least one.

    Args:
        predicted: a class for each pixel, of any shape.
        target: the true class, of the same shape, or -1.
    """
    ### BEGIN SOLUTION
    labelled = target >= 0
    return (predicted == target)[labelled].double().mean().item()
    ### END SOLUTION


def mean_iou(predicted: torch.Tensor, target: torch.Tensor, num_classes: int) -> float | torch.Tensor:
    """Compute the mean intersection over union, by one count over all pictures together.

    Of a class, the intersection are the labelled pixels that are both truly of it and taken for it; the union are those
    that are either. The mean is over the classes whose union is not empty.

    Args:
        predicted: a class for each pixel, int64 in 0 to C - 1, of any shape.
        target: the true class, of the same shape, or -1; at least one pixel is labelled.
        num_classes: C.
    """
    ### BEGIN SOLUTION
    matrix = confusion_matrix(predicted, target, num_classes).double()
    hits = matrix.diagonal()
    union = matrix.sum(dim=0) + matrix.sum(dim=1) - hits
    return (hits / union)[union > 0].mean().item()
    ### END SOLUTION


def segmentation_loss(scores: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Compute the mean cross-entropy of a labelled pixel, all pictures of the batch together.

    Args:
        scores: (N, C, H, W), before any softmax.
        target: (N, H, W), int64, -1 for void.

    Returns:
        A tensor with one number. Where not a single pixel is labelled, it is 0, and so are its gradients.
    """
    ### BEGIN SOLUTION
    labelled = (target >= 0).sum()
    return F.cross_entropy(scores, target, ignore_index=-1, reduction="sum") / labelled.clamp(min=1)
    ### END SOLUTION
