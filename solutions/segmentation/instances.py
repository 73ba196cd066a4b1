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
    ### BEGIN SOLUTION
    height, width = mask.shape
    x0, y0, x1, y1 = box.unbind()
    middles = (torch.arange(size) + 0.5) / size
    x = (2 * (x0 + middles * (x1 - x0)) / width - 1).expand(size, size)
    y = (2 * (y0 + middles * (y1 - y0)) / height - 1)[:, None].expand(size, size)
    return F.grid_sample(mask[None, None].float(), torch.stack([x, y], dim=2)[None], align_corners=False)[0, 0]
    ### END SOLUTION


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
    ### BEGIN SOLUTION
    height, width = image_shape
    x0, y0, x1, y1 = boxes[:, :, None].unbind(dim=1)
    x = 2 * (torch.arange(width) + 0.5 - x0) / (x1 - x0) - 1
    y = 2 * (torch.arange(height) + 0.5 - y0) / (y1 - y0) - 1
    grid = torch.stack([x[:, None].expand(-1, height, -1), y[:, :, None].expand(-1, -1, width)], dim=3)
    return F.grid_sample(masks[:, None], grid, align_corners=False)[:, 0] > threshold
    ### END SOLUTION


def mask_loss(logits: torch.Tensor, classes: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Compute the loss of the mask branch: each class has its own mask, and does not compete with the others.

    Args:
        logits: (N, C, M, M): for each of N boxes a mask of each class, before any squashing.
        classes: (N,), int64: the true class of each box. The masks of the other classes are not in the loss.
        targets: (N, M, M), float32 in [0, 1].

    Returns:
        The mean binary cross-entropy over all cells of all boxes.
    """
    ### BEGIN SOLUTION
    chosen = logits[torch.arange(len(classes)), classes]
    return F.binary_cross_entropy_with_logits(chosen, targets)
    ### END SOLUTION


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
    ### BEGIN SOLUTION
    merged = torch.full_like(stuff, -1)
    placed: dict[int, int] = {}
    for index in scores.argsort(descending=True).tolist():
        mask, kind = masks[index], int(classes[index])
        free = mask & (merged == -1)
        if scores[index] < min_score or not free.any() or free.sum() < min_free * mask.sum():
            continue
        placed[kind] = placed.get(kind, 0) + 1
        merged[free] = kind * 1000 + placed[kind]
    things = merged != -1
    for kind in stuff[stuff >= 0].unique().tolist():
        region = (stuff == kind) & ~things
        if region.sum() >= min_area:
            merged[region] = kind * 1000
    return merged
    ### END SOLUTION


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
    ### BEGIN SOLUTION
    void = target < 0
    true_ids, guessed_ids = target[~void].unique().tolist(), predicted[predicted >= 0].unique().tolist()
    matches: dict[int, list[float]] = {}
    missed: dict[int, int] = {}
    free = set(guessed_ids)
    for true_id in true_ids:
        truth = target == true_id
        for guessed_id in guessed_ids:
            guess = predicted == guessed_id
            hits = int((truth & guess).sum())
            iou = hits / int((truth | guess & ~void).sum())
            if true_id // 1000 == guessed_id // 1000 and iou > 0.5:
                matches.setdefault(true_id // 1000, []).append(iou)
                free.discard(guessed_id)
                break
        else:
            missed[true_id // 1000] = missed.get(true_id // 1000, 0) + 1
    for guessed_id in free:
        guess = predicted == guessed_id
        if 2 * int((guess & void).sum()) <= int(guess.sum()):
            missed[guessed_id // 1000] = missed.get(guessed_id // 1000, 0) + 1
    rows = []
    for kind in {*matches, *missed}:
        ious = matches.get(kind, [])
        weight = len(ious) + missed.get(kind, 0) / 2
        rows.append((sum(ious) / weight, sum(ious) / max(len(ious), 1), len(ious) / weight))
    pq, sq, rq = (sum(column) / len(rows) for column in zip(*rows)) if rows else (0.0, 0.0, 0.0)
    return pq, sq, rq
    ### END SOLUTION
