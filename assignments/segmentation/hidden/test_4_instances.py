"""Hidden checks for instances.py: masks out of boxes and back into pictures, the loss of masks, panoptic maps and their quality."""

import pytest
import torch
from torch.nn import functional as F

from grader.checks import assert_close, assert_differentiable, points, untouched

TOLERANCE = {"rtol": 1e-3, "atol": 2e-4}
H, W = 30, 40


def sampled(picture, x, y):
    """A picture (H, W) read bilinearly at x (columns,) and y (rows,), the middle of pixel c at c + 1/2; 0 outside."""
    padded = F.pad(picture.double(), (2, 2, 2, 2))

    def weights(at, size):
        at = (at.double() - 0.5).clamp(-1.999, size + 0.999)
        low = at.floor()
        part = at - low
        matrix = torch.zeros(len(at), size + 4, dtype=torch.float64)
        rows = torch.arange(len(at))
        matrix[rows, low.long() + 2] += 1 - part
        matrix[rows, low.long() + 3] += part
        return matrix

    return weights(y, picture.shape[0]) @ padded @ weights(x, picture.shape[1]).T


def target_of(mask, box, size, at=0.5):
    """The mask in the cells of a box, ``at`` of the way through each."""
    x0, y0, x1, y1 = (float(value) for value in box)
    steps = (torch.arange(size) + at) / size
    return sampled(mask, x0 + steps * (x1 - x0), y0 + steps * (y1 - y0))


def blob(rng):
    """A smooth mask, longer than high."""
    y, x = torch.meshgrid(torch.arange(H) + 0.5, torch.arange(W) + 0.5, indexing="ij")
    shift = torch.rand(2, generator=rng) * 4
    far = ((x - 17 - shift[0]) / 11) ** 2 + ((y - 13 - shift[1]) / 8) ** 2
    return (far < 1) & (x + y > 22 + float(shift[0]))


@points(4, hint="The middle of cell k is at x0 + (k + 1/2) / size * (x1 - x0); grid_sample wants 2 x / W - 1 with align_corners=False.")
@pytest.mark.parametrize("box", [(5.0, 4.0, 33.0, 32.0), (6.3, 3.8, 31.1, 25.4), (8.0, 6.0, 15.0, 27.0), (-4.5, 2.0, 20.5, 21.0), (20.0, 12.0, 48.0, 36.0)])
@pytest.mark.parametrize("size", [28, 7])
def test_mask_target(student, rng, box, size):
    """`mask_target` reads a mask in the middles of the cells of a box."""
    mask = blob(rng)
    if box[2] > W:  # a thing that the picture cuts off: beyond the edge there is nothing of it
        mask[10:, 25:] = True
    corners = torch.tensor(box)
    x0, y0, x1, y1 = box

    def crop():
        left, top, right, bottom = (int(value) for value in (max(x0, 0), y0, x1, y1))
        return F.interpolate(mask[None, None, top:bottom, left:right].double(), size=(size, size), mode="bilinear")[0, 0]

    def aligned():
        line = torch.linspace(0, 1, size, dtype=torch.float64)
        return sampled(mask, x0 + line * (x1 - x0), y0 + line * (y1 - y0))

    right = target_of(mask, box, size)
    call = (mask.float(), corners) if size == 28 else (mask.float(), corners, size)
    assert_close(
        untouched(student.mask_target)(*call),
        right,
        name="the target",
        mistakes={
            "half a pixel off: the middle of pixel c is at c + 1/2": lambda: sampled(mask, x0 + (torch.arange(size) + 0.5) / size * (x1 - x0) + 0.5, y0 + (torch.arange(size) + 0.5) / size * (y1 - y0) + 0.5),
            "half a pixel off, the other way": lambda: sampled(mask, x0 + (torch.arange(size) + 0.5) / size * (x1 - x0) - 0.5, y0 + (torch.arange(size) + 0.5) / size * (y1 - y0) - 0.5),
            "the corners of the cells, not their centres": lambda: target_of(mask, box, size, at=0.0),
            "cells from edge to edge of the box, the first at x0 and the last at x1": aligned,
            "boxes as (y0, x0, y1, x1)": lambda: target_of(mask, (y0, x0, y1, x1), size),
            "the result transposed: rows belong to y": lambda: right.T,
            "boxes as (x, y, width, height)": lambda: target_of(mask, (x0, y0, x0 + x1, y0 + y1), size),
            "a threshold at 1/2 instead of probabilities": lambda: (right > 0.5).double(),
            "the nearest pixel, not an interpolation": lambda: _nearest(mask, box, size),
            "the picture's edge going on beyond it, where there is 0": lambda: _edged(mask, box, size),
            "corners rounded to whole pixels": lambda: target_of(mask, torch.tensor(box).round().tolist(), size),
            "corners cut down to whole pixels": lambda: target_of(mask, torch.tensor(box).floor().tolist(), size),
            "corners cut down to whole pixels, and the crop resized": crop,
        },
        **TOLERANCE,
    )
    if size == 7:
        assert_close(student.mask_target(mask, corners, size), right, name="the target of a mask of booleans", **TOLERANCE)


def _edged(mask, box, size):
    wide = F.pad(mask[None, None].double(), (40, 40, 40, 40), mode="replicate")[0, 0]
    return target_of(wide, [value + 40 for value in box], size)


def _nearest(mask, box, size):
    x0, y0, x1, y1 = box
    steps = (torch.arange(size) + 0.5) / size
    x, y = (x0 + steps * (x1 - x0)).floor().long(), (y0 + steps * (y1 - y0)).floor().long()
    inside = ((y >= 0) & (y < H))[:, None] & ((x >= 0) & (x < W))
    return torch.where(inside, mask[y.clamp(0, H - 1)][:, x.clamp(0, W - 1)].double(), 0.0)


def pasted(masks, boxes, shape, threshold=0.5, half=0.5):
    """Masks put back, by the rule of the handout."""
    made = []
    for mask, (x0, y0, x1, y1) in zip(masks, boxes.tolist()):
        x = (torch.arange(shape[1]) + half - x0) / (x1 - x0) * mask.shape[1]
        y = (torch.arange(shape[0]) + half - y0) / (y1 - y0) * mask.shape[0]
        made.append(sampled(mask, x, y))
    values = torch.stack(made)
    return values if threshold is None else values > threshold


@points(5, hint="For each pixel 2 (x + 1/2 - x0) / (x1 - x0) - 1, the same for y; F.grid_sample(masks[:, None], grid, align_corners=False); > threshold.")
@pytest.mark.parametrize("case", [(28, 0.5), (28, 0.3), (5, 0.5)])
def test_paste_masks(student, rng, case):
    """`paste_masks_in_image` puts masks back to where their boxes are, and cuts off what is outside of the picture."""
    m, threshold = case
    boxes = torch.tensor([[5.0, 4.0, 33.0, 26.0], [6.3, 3.8, 31.1, 25.4], [-7.5, 9.0, 12.5, 36.5], [30.0, -6.0, 47.0, 8.0]])
    wave = torch.rand(4, 1, 4, 4, generator=rng)
    masks = F.interpolate(wave, size=(m, m), mode="bicubic")[:, 0].clamp(0, 1)
    right = pasted(masks, boxes, (H, W), threshold)
    sure = (pasted(masks, boxes, (H, W), None) - threshold).abs() > 1e-3
    arguments = (masks, boxes, (H, W)) if threshold == 0.5 else (masks, boxes, (H, W), threshold)
    got = untouched(student.paste_masks_in_image)(*arguments)
    shape = tuple(getattr(got, "shape", ()))
    assert shape == (4, H, W), f"For 4 masks and a picture of {H} x {W} pixels, `paste_masks_in_image` should give shape {(4, H, W)}; it gives {shape}."
    if not str(got.dtype).endswith("bool"):
        both_kinds = set(torch.as_tensor(got).double().unique().tolist()) <= {0.0, 1.0}
        assert both_kinds, "`paste_masks_in_image` gives probabilities: a pixel belongs to the mask where they are larger than the threshold."
    beyond = torch.as_tensor(student.paste_masks_in_image(masks, boxes, (H, W), 0.0)).bool()
    assert not beyond[0, 0, 0], "With threshold=0, pixels outside of the box belong to the mask, where the probability is 0: it must be larger than the threshold."
    found = torch.as_tensor(got).bool() & sure
    assert_close(
        found,
        right & sure,
        name="the masks in the picture",
        mistakes={
            "half a pixel off: the middle of pixel c is at c + 1/2": lambda: pasted(masks, boxes, (H, W), threshold, half=0.0) & sure,
            "boxes as (y0, x0, y1, x1)": lambda: pasted(masks, boxes[:, [1, 0, 3, 2]], (H, W), threshold) & sure,
            "masks that lie on their side: rows belong to y": lambda: pasted(masks.transpose(1, 2), boxes, (H, W), threshold) & sure,
            "a threshold of 0.5 instead of the given one": lambda: pasted(masks, boxes, (H, W), 0.5) & sure,
            "no threshold: every pixel with a probability above 0": lambda: pasted(masks, boxes, (H, W), 0.0) & sure,
            "a probability smaller than the threshold": lambda: ~right & sure,
            "boxes cut down to whole pixels": lambda: pasted(masks, boxes.floor(), (H, W), threshold) & sure,
            "boxes cut off at the picture, with the whole mask squeezed into what is left": lambda: pasted(masks, torch.stack([boxes[:, 0].clamp(min=0), boxes[:, 1].clamp(min=0), boxes[:, 2].clamp(max=W), boxes[:, 3].clamp(max=H)], dim=1), (H, W), threshold) & sure,
            "what leaves the picture on one side coming back on the other": lambda: _wrapped(masks, boxes, threshold) & sure,
            "all masks in the first box": lambda: pasted(masks, boxes[:1].expand(4, 4), (H, W), threshold) & sure,
        },
    )


def _wrapped(masks, boxes, threshold):
    wide = pasted(masks, boxes + torch.tensor([W, H, W, H]), (3 * H, 3 * W), threshold)
    return wide.reshape(4, 3, H, 3, W).any(dim=3).any(dim=1)


@points(3, hint="logits[torch.arange(N), classes], then F.binary_cross_entropy_with_logits: a mean.")
@pytest.mark.parametrize("shape", [(3, 5, 6), (4, 3, 4)])
def test_mask_loss(student, rng, shape):
    """`mask_loss` is the mean binary cross-entropy of the true class's mask; other classes do not count."""
    n, c, m = shape
    # One box of which the network is very sure: its loss is as large as its logits.
    logits = 2 * torch.randn(n, c, m, m, generator=rng)
    if n == 4:
        logits[0] *= 25
    classes = torch.randperm(c, generator=rng).repeat(3)[:n]
    targets = torch.rand(n, m, m, generator=rng)
    targets = torch.where(targets < 0.3, 0.0, torch.where(targets > 0.7, 1.0, targets))
    chosen = logits[torch.arange(n), classes].double()
    each = F.binary_cross_entropy_with_logits(chosen, targets.double(), reduction="none")
    full = F.one_hot(classes, c)[:, :, None, None] * targets[:, None]
    every = lambda: targets[:, None].expand(n, c, m, m).double()  # noqa: E731
    leaf = student.leaf(logits)
    loss = student.mask_loss(leaf, classes, targets)
    assert_close(
        loss,
        each.mean(),
        name="the loss",
        mistakes={
            "a softmax over the classes instead of a sigmoid for each": lambda: F.binary_cross_entropy(logits.double().softmax(dim=1)[torch.arange(n), classes], targets.double()),
            "the masks of all classes, the others' truth being empty": lambda: F.binary_cross_entropy_with_logits(logits.double(), full.double()),
            "the masks of all classes, all with the same truth": lambda: F.binary_cross_entropy_with_logits(logits.double(), every()),
            "the sum over the cells, not their mean": lambda: each.sum(),
            "a sum over the cells, a mean over the boxes": lambda: each.sum() / n,
            "a mean over the cells, a sum over the boxes": lambda: each.mean() * n,
            "the mask of class 0 for every box": lambda: F.binary_cross_entropy_with_logits(logits[:, 0].double(), targets.double()),
            "the mask of the class with the largest score": lambda: F.binary_cross_entropy_with_logits(logits[torch.arange(n), logits.mean(dim=(2, 3)).argmax(dim=1)].double(), targets.double()),
            "a second sigmoid": lambda: F.binary_cross_entropy_with_logits(chosen.sigmoid(), targets.double()),
            "the targets rounded to 0 and 1": lambda: F.binary_cross_entropy_with_logits(chosen, targets.double().round()),
            **{f"probabilities kept {least:g} away from 0 and 1": lambda least=least: F.binary_cross_entropy(chosen.float().sigmoid().clamp(least, 1 - least), targets) for least in (1e-12, 1e-8, 1e-7, 1e-6, 1e-5, 1e-4)},
            "the squared error": lambda: ((chosen.sigmoid() - targets) ** 2).mean(),
            "the opposite sign": lambda: -each.mean(),
        },
        rtol=1e-4,
        atol=1e-5,
    )
    assert_differentiable(loss, name="the loss")
    loss.backward()
    truth = logits.double().requires_grad_()
    F.binary_cross_entropy_with_logits(truth[torch.arange(n), classes], targets.double()).backward()
    assert_close(leaf.grad, truth.grad, name="the gradient of the logits", rtol=1e-3, atol=1e-6)


def merged(masks, classes, scores, stuff, min_score=0.5, min_free=0.5, min_area=0, *, order=None, hold=False, things_too=False, overwrite=False, whole=False, stuff_first=False, number=None, keep_area=False):
    """Panoptic merging, and the ways in which it goes wrong."""
    out = torch.full_like(stuff, -1)

    def place_stuff():
        for kind in stuff[stuff >= 0].unique().tolist():
            region = (stuff == kind) & (out == -1)
            area = (stuff == kind).sum() if keep_area else region.sum()
            if area >= min_area:
                out[region] = kind * 1000

    if stuff_first:
        place_stuff()
    counts, taken = {}, torch.zeros_like(out, dtype=torch.bool)
    ranked = scores.argsort(descending=True).tolist() if order is None else order
    for index in ranked:
        if scores[index] < min_score:
            continue
        free = masks[index] & (out == -1) & ~taken
        taken |= masks[index] & hold
        if not free.any() or things_too and free.sum() < min_area or free.sum() < min_free * masks[index].sum():
            continue
        kind = int(classes[index])
        counts[kind] = counts.get(kind, 0) + 1
        key = {"all": sum(counts.values()), "index": index + 1, "zero": counts[kind] - 1}.get(number, counts[kind])
        out[masks[index] if overwrite or whole else free] = kind * 1000 + key
    if not stuff_first:
        place_stuff()
    return out


def things(rng, count=7):
    """Overlapping rectangles with scores, of two or three classes, and a map of stuff with holes."""
    masks = torch.zeros(count, 14, 18, dtype=torch.bool)
    for mask in masks:
        top, left = int(torch.randint(8, (), generator=rng)), int(torch.randint(11, (), generator=rng))
        high, wide = int(torch.randint(4, 9, (), generator=rng)), int(torch.randint(4, 10, (), generator=rng))
        mask[top : top + high, left : left + wide] = True
    masks[2] = masks[1].clone()  # hidden wholly by one that scores higher, or hiding it
    masks[3] = masks[1].roll(2, dims=1) & masks[1]
    classes = torch.randint(11, 14, (count,), generator=rng)
    scores = (torch.randperm(count, generator=rng) + 0.5) / count
    stuff = torch.where(torch.arange(18) < 9, 2, 7).expand(14, 18).clone()
    stuff[:2, :3], stuff[10:, 14:], stuff[5, 5] = 4, -1, 0
    return masks, classes, scores, stuff


@points(5, hint="Sort by score; free = mask & (map == -1); too little free: drop it; else number it. Stuff comes last, where the map is still empty.")
@pytest.mark.parametrize("options", [{}, {"min_score": 0.2, "min_free": 0.8}, {"min_area": 6, "min_score": 0.3}, {"min_free": 0.0, "min_score": 0.0}])
def test_merge_panoptic(student, rng, options):
    """`merge_panoptic` gives each pixel to one segment: things by their score, then stuff where nothing is yet."""
    for turn in range(4):
        scene = things(rng)
        masks, classes, scores, stuff = scene
        areas = masks.sum(dim=(1, 2)).argsort(descending=True).tolist()

        def wrong(scene=scene, **how):
            return lambda: merged(*scene, **{**options, **how})

        assert_close(
            untouched(student.merge_panoptic)(*scene, **options),
            merged(*scene, **options),
            name="the panoptic map",
            dtype=torch.int64,
            mistakes={
                "things placed in the order in which they come, not by their scores": wrong(order=list(range(len(scores)))),
                "the lowest score first": wrong(order=scores.argsort().tolist()),
                "the largest thing first, not the one with the highest score": wrong(order=areas),
                "things painted over those that were placed before": wrong(overwrite=True),
                "things with a low score among them": wrong(min_score=0.0),
                "things of which little is free among them": wrong(min_free=0.0),
                "stuff placed before things": wrong(stuff_first=True),
                "numbers that go on from class to class; they start at 1 for each class": wrong(number="all"),
                "the position in the list instead of the number": wrong(number="index"),
                "numbers from 0; that is stuff": wrong(number="zero"),
                "stuff of any area": wrong(min_area=0),
                "pixels of a dropped thing that no other thing gets": wrong(hold=True),
                "things dropped that are smaller than min_area, which is for stuff": wrong(things_too=True),
                "the area of stuff taken before things are placed on it": wrong(keep_area=True),
                "0 for void, which is class 0; void is -1": lambda: merged(*scene, **options).clamp(min=0),
                "classes without their numbers": lambda: torch.div(merged(*scene, **options), 1000, rounding_mode="floor"),
            },
        )
        del turn
    # The second thing is dropped, for the first covers most of it; what is left of it the third one gets. And the first is small.
    masks = torch.zeros(3, 8, 12, dtype=torch.bool)
    masks[0, 1:3, 1:4], masks[1, 1:3, 1:5], masks[2, 1:4, 4:9] = True, True, True
    scene = masks, torch.tensor([11, 12, 11]), torch.tensor([0.9, 0.8, 0.7]), torch.full((8, 12), 2)
    few = {"min_area": 8}
    mistakes = {
        "pixels of a dropped thing that no other thing gets: dropped, it leaves them free": merged(*scene, **few, hold=True),
        "things dropped that are smaller than min_area, which is for stuff": merged(*scene, **few, things_too=True),
    }
    assert_close(student.merge_panoptic(*scene, **few), merged(*scene, **few), name="the panoptic map behind a dropped thing", mistakes=mistakes)


def segments(ids):
    return [int(value) for value in ids[ids >= 0].unique()]


def quality(predicted, target, *, strict=True, half=0.5, void=True, drop_void=True, same=True, pooled=False, all_segments=False, share=0.5):
    """Panoptic quality by definition, and the ways in which it goes wrong."""
    empty = target < 0
    kinds = {}
    taken = set()
    for t in segments(target):
        row = kinds.setdefault(t // 1000, [[], 0, 0])
        hit = None
        for p in segments(predicted):
            a, b = target == t, predicted == p
            union = (a | b) & ~empty if void else a | b
            iou = float((a & b).sum()) / float(union.sum())
            if (iou > 0.5 if strict else iou >= 0.5) and (t // 1000 == p // 1000 or not same) and p not in taken:
                hit = (p, iou)
        if hit is None:
            row[2] += 1
        else:
            taken.add(hit[0])
            row[0].append(hit[1])
    for p in segments(predicted):
        b = predicted == p
        if p in taken or (drop_void and float((b & empty).sum()) > share * float(b.sum())):
            continue
        kinds.setdefault(p // 1000, [[], 0, 0])[1] += 1
    rows = list(kinds.values())
    if pooled and rows:
        rows = [[sum((row[0] for row in rows), []), sum(row[1] for row in rows), sum(row[2] for row in rows)]]
    values = []
    for ious, fp, fn in rows:
        weight = len(ious) + half * (fp + fn)
        parts = len(ious) + fp + fn if all_segments else len(ious)
        values.append([sum(ious) / weight, sum(ious) / max(parts, 1), len(ious) / weight])
    return torch.tensor(values).double().mean(dim=0).tolist() if values else [0.0, 0.0, 0.0]


def panoptic(rng, quiet=False):
    """A true map of eight segments and void, and a prediction that errs in several ways."""
    target = torch.full((12, 16), -1)
    target[:4, :8], target[:4, 8:], target[4:8, :5] = 0, 2000, 11001
    target[4:8, 5:10], target[4:8, 10:15], target[8:12, :4] = 11999, 12001, 11004
    target[8:12, 4:8], target[8:10, 8:12] = 13001, 11997
    predicted = target.clone()
    predicted[:4, 7:10] = torch.where(torch.rand(4, 3, generator=rng) < 0.5, 0, 2000)
    predicted[4:8, 4 + int(torch.randint(2, (), generator=rng)) : 7] = 11001  # eats into its neighbour of the same class
    predicted[8:10, :4] = -1  # exactly half of 11004 is left: an IoU of 1/2 is no match
    predicted[8:12, 4:8] = 14001  # the right pixels, the wrong class
    predicted[10:12, 8:14] = 15001  # on void only
    predicted[10:12, 14:16], predicted[8:10, 12:16], predicted[9, 10:12] = 16001, 16001, 16001  # mostly on void
    predicted[9:11, 8:10] = 12017  # half on void
    predicted[10, 10:12], predicted[8, 9:12] = 12018, 12018  # two of five pixels on void
    predicted[4:8, 15] = 12001  # grows into void
    if not quiet:
        rows, columns = torch.randint(12, (6,), generator=rng), torch.randint(16, (6,), generator=rng)
        predicted[rows, columns] = -1
    return predicted, target


@points(6, hint="Per class: match where IoU > 1/2 (void left out of the union), count TP, FP, FN; PQ = sum of IoUs / (TP + FP/2 + FN/2); mean over classes.")
@pytest.mark.parametrize("case", ["errs", "quiet", "right", "empty", "swapped"])
def test_panoptic_quality(student, rng, case):
    """`panoptic_quality` matches segments by an IoU above 1/2, and is the mean over the classes."""
    predicted, target = panoptic(rng, quiet=case != "errs")
    if case == "right":
        predicted = target.clone()
    if case == "empty":
        predicted = torch.full_like(target, -1)
    if case == "swapped":
        predicted, target = target, predicted
    right = quality(predicted, target)
    pq, sq, rq = right

    def wrong(**how):
        return lambda: quality(predicted, target, **how)

    mistakes = {
        "matches at an IoU of exactly 1/2; it must be larger": wrong(strict=False),
        "TP / (TP + FP + FN): the halves are missing": wrong(half=1.0),
        "void pixels left in the unions": wrong(void=False),
        "predictions on void counted as false positives": wrong(drop_void=False),
        "every prediction that touches void left out, not those with more than half of it": wrong(share=0.0),
        "matches between different classes": wrong(same=False),
        "all segments counted together, not class by class": wrong(pooled=True),
        "SQ divided by all segments, not by the matches": wrong(all_segments=True),
        "prediction and truth exchanged": lambda: quality(target, predicted),
        "RQ before SQ": [pq, rq, sq],
        "PQ as the product of the mean SQ and the mean RQ, instead of the mean of each class's PQ": [sq * rq, sq, rq],
    }
    got = untouched(student.panoptic_quality)(predicted, target)
    assert_close([float(value) for value in got], right, name="(PQ, SQ, RQ)", mistakes=mistakes, rtol=1e-4, atol=1e-5)
    if case == "errs":
        ids, order = segments(predicted), {}
        for old in ids:
            order[old] = old if old % 1000 == 0 else old // 1000 * 1000 + 1000 - old % 1000
        renumbered = predicted.clone()
        for old, new in order.items():
            renumbered[predicted == old] = new
        again = student.panoptic_quality(renumbered, target)
        assert_close([float(value) for value in again], right, name="(PQ, SQ, RQ) after things have got other numbers", rtol=1e-4, atol=1e-5)
    if case == "quiet":
        nothing = torch.full_like(target, -1)
        got = [float(value) for value in student.panoptic_quality(nothing, nothing.clone())]
        assert_close(got, [0.0, 0.0, 0.0], name="(PQ, SQ, RQ) where nothing is predicted and nothing is true", rtol=1e-4, atol=1e-5)
