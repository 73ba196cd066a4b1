"""From classes to things: the mask branch of Mask R-CNN, and panoptic segmentation.

A box is (x0, y0, x1, y1) in pixels, x to the right and y down; the pixel in column c reaches from x = c to x = c + 1, and its
middle is c + 1/2. A panoptic map is (H, W), int64: class * 1000 + number for a thing, numbers from 1 for each class; class *
1000 for stuff, all of a class in one; -1 for void.
"""

import torch
from torch.nn import functional as F


def mask_target(mask: torch.Tensor, box: torch.Tensor, size: int = 28) -> torch.Tensor:
    """Cut the truth for a mask branch out of a whole picture's mask.

    The box is divided into size times size cells, and the mask is read in the middle of each, bilinearly between the middles of its
    pixels; outside of the picture it is 0.

    Args:
        mask: (H, W), 0 or 1, float32 or bool.
        box: (4,), float32; corners need not be whole numbers.
        size: of the target.

    Returns:
        (size, size), float32 in [0, 1]: row r, column c is the cell in row r from the top.
    """
    raise NotImplementedError("mask_target: write your solution here")


def paste_masks_in_image(
    masks: torch.Tensor, boxes: torch.Tensor, image_shape: tuple[int, int], threshold: float = 0.5
) -> torch.Tensor:
    """Put predicted masks back to where their boxes are: the way back from :func:`mask_target`.

    The middle of each pixel is looked up in the mask, bilinearly between the middles of its cells; outside of the box it is 0.

    Args:
        masks: (N, M, M), float32: a probability for each cell of the box.
        boxes: (N, 4), float32; they may reach beyond the picture.
        image_shape: (H, W).
        threshold: a pixel belongs to the mask where the probability is larger.

    Returns:
        (N, H, W), bool.
    """
    raise NotImplementedError("paste_masks_in_image: write your solution here")


def mask_loss(logits: torch.Tensor, classes: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Compute the loss of the mask branch: each class has its own mask, and does not compete with the others.

    Args:
        logits: (N, C, M, M): for each of N boxes a mask of each class, before any squashing.
        classes: (N,), int64: the true class of each box. The masks of the other classes are not in the loss.
        targets: (N, M, M), float32 in [0, 1].

    Returns:
        The mean binary cross-entropy over all cells of all boxes.
    """
    raise NotImplementedError("mask_loss: write your solution here")


def merge_panoptic(
    masks: torch.Tensor,
    classes: torch.Tensor,
    scores: torch.Tensor,
    stuff: torch.Tensor,
    min_score: float = 0.5,
    min_free: float = 0.5,
    min_area: int = 0,
) -> torch.Tensor:
    """Merge predicted things and stuff so that every pixel belongs to one segment at most.

    Things whose score is ``min_score`` or more are placed one after the other, the highest score first. A thing gets those pixels of its
    mask that are still free; if that is less than the share ``min_free`` of its mask, or nothing, it is dropped, and leaves
    them free. Things of a class are numbered from 1 in the order in which they are placed. Then each class of stuff gets
    the pixels that are still free where ``stuff`` says so, if there are at least ``min_area`` of them.

    Args:
        masks: (N, H, W), bool.
        classes: (N,), int64.
        scores: (N,), float32, no two alike.
        stuff: (H, W), int64: a class of stuff for each pixel, or -1 for none.
        min_score: things with a lower score are not there.
        min_free: see above.
        min_area: see above, in pixels.

    Returns:
        A panoptic map, (H, W), int64.
    """
    raise NotImplementedError("merge_panoptic: write your solution here")


def panoptic_quality(predicted: torch.Tensor, target: torch.Tensor) -> tuple[float, float, float]:
    """Compute panoptic quality, and the two factors that it is made of.

    A predicted and a true segment of the same class match if their IoU is larger than 1/2; then no other can match either of
    them. Pixels that are void in the truth are left out of the union. A predicted segment without a match is a false positive,
    unless more than half of its pixels are void in the truth; a true one without a match is a false negative.

    Of a class, PQ is the sum of the IoUs of its matches divided by (TP + FP / 2 + FN / 2). SQ is the mean IoU of its
    matches, 0 where there are none, and RQ is TP / (TP + FP / 2 + FN / 2).

    Args:
        predicted: a panoptic map, (H, W); -1 where nothing is predicted.
        target: the true one.

    Returns:
        PQ, SQ and RQ, each the mean over the classes that have a true positive, a false positive or a false negative; 0
        where there are none.
    """
    raise NotImplementedError("panoptic_quality: write your solution here")
