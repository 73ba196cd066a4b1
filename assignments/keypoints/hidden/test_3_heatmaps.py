"""Hidden checks for heatmaps.py. Maps are never square, cells never one pixel, and x never y."""

import pytest
import torch
from torch.nn import functional as F

from grader.checks import assert_close, assert_differentiable, points

TOLERANCE = {"rtol": 1e-3, "atol": 1e-5}
PIXELS = {"rtol": 1e-4, "atol": 2e-3}
#: Rows, columns, pixels of a cell.
MAPS = [(5, 7, 4), (6, 4, 3)]


def scatter(rng, n, k, height, width, stride):
    """Points on a map, none near the border of a cell."""
    cells = torch.stack([torch.randint(width, (n, k), generator=rng), torch.randint(height, (n, k), generator=rng)], dim=2)
    return (cells + 0.1 + 0.8 * torch.rand(n, k, 2, generator=rng)) * stride


def middles(height, width, stride):
    """x and y of the middles of all cells, (H, W) each."""
    y, x = torch.meshgrid((torch.arange(height) + 0.5) * stride, (torch.arange(width) + 0.5) * stride, indexing="ij")
    return x, y


@points(5, hint="exp(-((cx - x)^2 + (cy - y)^2) / (2 sigma^2)), with cx = (c + 0.5) * stride; rows belong to y.")
@pytest.mark.parametrize("shape", MAPS)
@pytest.mark.parametrize("sigma", [1.5, 5.0])
def test_gaussian_heatmaps(student, rng, shape, sigma):
    """`gaussian_heatmaps` draws a Gaussian of height 1 about each keypoint."""
    height, width, stride = shape
    keypoints = scatter(rng, 3, 4, *shape)
    keypoints[0, 0] -= torch.tensor([width * stride, 0.0])  # outside
    x, y = middles(*shape)

    def square(points=keypoints, x=x, y=y):
        return (x - points[..., 0, None, None]) ** 2 + (y - points[..., 1, None, None]) ** 2

    right = torch.exp(-square() / (2 * sigma**2))
    cells = lambda: ((keypoints / stride).floor() + 0.5) * stride  # noqa: E731
    assert_close(
        student.gaussian_heatmaps(keypoints, (height, width), stride, sigma),
        right,
        name="the maps",
        mistakes={
            "sigma where its square belongs": lambda: torch.exp(-square() / (2 * sigma)),
            "no 2 before sigma squared": lambda: torch.exp(-square() / sigma**2),
            "no sigma": lambda: torch.exp(-square() / 2),
            "a distance that is not squared": lambda: torch.exp(-square().sqrt() / (2 * sigma**2)),
            "a sum of 1 instead of a height of 1": lambda: right / right.sum(dim=(2, 3), keepdim=True),
            "a maximum of 1 in the nearest cell; it is 1 at the keypoint itself": lambda: right / right.amax(dim=(2, 3), keepdim=True),
            "the density of the normal distribution, where the height should be 1": lambda: right / (2 * torch.pi * sigma**2),
            "the corners of the cells, not their centres": lambda: torch.exp(-square(x=x - stride / 2, y=y - stride / 2) / (2 * sigma**2)),
            "keypoints rounded to the centres of their cells": lambda: torch.exp(-square(cells()) / (2 * sigma**2)),
            "x and y of the keypoints exchanged": lambda: torch.exp(-square(keypoints.flip(2)) / (2 * sigma**2)),
            "sigma in cells, not in pixels": lambda: torch.exp(-square() / (2 * (sigma * stride) ** 2)),
            "distances in cells, not in pixels": lambda: torch.exp(-square() / stride**2 / (2 * sigma**2)),
            "keypoints in pixels and cells without the stride": lambda: torch.exp(-square(x=x / stride, y=y / stride) / (2 * sigma**2)),
            "(W, H) for (H, W)": lambda: torch.exp(-_turned(keypoints, shape) / (2 * sigma**2)),
            "keypoints rounded to whole pixels": lambda: torch.exp(-square(keypoints.round()) / (2 * sigma**2)),
            **{f"nothing further than {times} sigma from a keypoint": lambda times=times: right * (square() <= (times * sigma) ** 2) for times in (2, 3, 4)},
            "empty maps for keypoints outside of the image": lambda: right * ((keypoints >= 0) & (keypoints < torch.tensor([width * stride, height * stride]))).all(dim=2)[..., None, None],
        },
        **TOLERANCE,
    )


def _turned(keypoints, shape):
    height, width, stride = shape
    x, y = middles(width, height, stride)
    return (x - keypoints[..., 0, None, None]) ** 2 + (y - keypoints[..., 1, None, None]) ** 2


@points(4, hint="Softmax over all H * W cells of a map at once; then the sums of chance times (c + 0.5) * stride, and of (r + 0.5) * stride.")
@pytest.mark.parametrize("shape", MAPS)
@pytest.mark.parametrize("scale", [1.0, 30.0])
def test_soft_argmax(student, rng, shape, scale):
    """`soft_argmax` gives the expectation of a map's cells under its softmax."""
    height, width, stride = shape
    scores = scale * torch.randn(3, 5, height, width, generator=rng)
    x, y = middles(*shape)

    def mean(chances, x=x, y=y):
        return torch.stack([(chances * x).sum(dim=(2, 3)), (chances * y).sum(dim=(2, 3))], dim=2)

    def over_cells(scores):
        return scores.flatten(2).softmax(dim=2).reshape(scores.shape)

    right = mean(over_cells(scores.double()))
    half = stride / 2
    assert_close(
        student.soft_argmax(scores, stride),
        right,
        name="the keypoints",
        mistakes={
            "the corners of the cells: half a cell is missing": lambda: right - half,
            "half a pixel for half a cell": lambda: right - half + 0.5,
            "cells, not pixels: the stride is missing": lambda: right / stride,
            "cells without the half, and without the stride": lambda: right / stride - 0.5,
            "y before x": lambda: right.flip(2),
            "a softmax over the rows only, not over all cells": lambda: mean(scores.double().softmax(dim=2)),
            "a softmax over the columns only, not over all cells": lambda: mean(scores.double().softmax(dim=3)),
            "a softmax over the keypoints, not over the cells": lambda: mean(scores.double().softmax(dim=1)),
            "a softmax of the sums along each axis, not over all cells": lambda: mean(scores.double().sum(dim=2).softmax(dim=2)[:, :, None] * scores.double().sum(dim=3).softmax(dim=2)[..., None]),
            "the scores as weights, without a softmax": lambda: mean(scores.double()),
            "the cell with the largest score": lambda: _argmax(scores, stride),
            "a sigmoid, not a softmax": lambda: mean(scores.double().sigmoid()),
            "the softmax of minus the scores": lambda: mean(over_cells(-scores.double())),
            "exp of the scores, and no division by their sum": lambda: mean(scores.double().exp()),
            **{f"a softmax that is sharper: the scores multiplied by {k}": lambda k=k: mean(over_cells(scores.double() * k)) for k in (2, 5, 10, 100)},
            **{f"a softmax that is flatter: the scores divided by {k}": lambda k=k: mean(over_cells(scores.double() / k)) for k in (2, 5, 10, 100)},
        },
        **PIXELS,
    )


@points(2, hint="Sums and products have gradients; argmax, .item(), numpy and .detach() have none.")
def test_soft_argmax_gradient(student, probe, rng):
    """A network can learn through `soft_argmax`: its gradient is that of the expectation."""
    scores = torch.randn(2, 3, 4, 6, generator=rng)
    weights = torch.randn(2, 3, 2, generator=rng)
    got = probe.gradient_through(student.ref("soft_argmax"), scores, 4, weights)
    assert got is not None, "What soft_argmax returns is cut from the graph: no gradient gets back to the scores."
    truth = scores.clone().requires_grad_()
    x, y = middles(4, 6, 4)
    (expected,) = torch.autograd.grad((_mean(truth, x, y) * weights).sum(), truth)
    cells = {
        "half a cell, or a cell, for a pixel: the stride is missing": expected / 4,
        "y before x": lambda: torch.autograd.grad((_mean(truth, x, y).flip(2) * weights).sum(), truth)[0],
        "a softmax over the rows only": lambda: torch.autograd.grad((_weighted(truth.softmax(dim=2), x, y) * weights).sum(), truth)[0],
        "a softmax over the columns only": lambda: torch.autograd.grad((_weighted(truth.softmax(dim=3), x, y) * weights).sum(), truth)[0],
        "the scores as weights, without a softmax": lambda: torch.autograd.grad((_weighted(truth, x, y) * weights).sum(), truth)[0],
    }
    assert_close(got, expected, name="the gradient of the scores", mistakes=cells, rtol=1e-3, atol=1e-4)


def _weighted(chances, x, y):
    return torch.stack([(chances * x).sum(dim=(2, 3)), (chances * y).sum(dim=(2, 3))], dim=2)


def _mean(scores, x, y):
    return _weighted(scores.flatten(2).softmax(dim=2).reshape(scores.shape), x, y)


def _argmax(maps, stride):
    width = maps.shape[3]
    best = maps.flatten(2).argmax(dim=2)
    return (torch.stack([best % width, best // width], dim=2) + 0.5) * stride


@points(3, hint="column = floor(x / stride), row = floor(y / stride), cell = row * W + column; the offset is from the middle.")
@pytest.mark.parametrize("shape", MAPS)
def test_encode_cells(student, rng, shape):
    """`encode_cells` gives each keypoint's cell, -1 outside, and its offset from the middle."""
    height, width, stride = shape
    keypoints = scatter(rng, 4, 6, *shape)
    full = torch.tensor([width * stride, height * stride]).float()
    keypoints[0, :4] = torch.tensor([[0, 0], [0.0, 1], [stride, 2 * stride], [full[0] - 1, full[1] - 0.5]])  # on edges, in the last cell
    keypoints[1, :4] = torch.tensor([[-0.3, 1], [1, -0.3], [full[0], 1], [1, full[1]]])  # just outside, on each of the four sides
    keypoints[2, :2] = torch.tensor([[full[0] + 9, 1], [1.0, -9]])
    cells, offsets = student.encode_cells(keypoints, (height, width), stride)
    column, row = (keypoints / stride).floor().unbind(dim=2)
    inside = (column >= 0) & (column < width) & (row >= 0) & (row < height)
    right = torch.where(inside, row * width + column, -1.0).long()
    clamped = lambda: row.clamp(0, height - 1) * width + column.clamp(0, width - 1)  # noqa: E731

    def placed(across, down):
        fits = (across >= 0) & (across < width) & (down >= 0) & (down < height)
        return torch.where(fits, down * width + across, -1.0).long()

    def cut():
        return placed(*(keypoints / stride).trunc().unbind(dim=2))

    def pushed():
        return placed(column.clamp(min=0), row.clamp(min=0))

    def closed():
        ends = torch.tensor([width, height])
        across, down = torch.where(keypoints == ends * stride, ends - 1.0, (keypoints / stride).floor()).unbind(dim=2)
        return placed(across, down)

    def near():
        across, down = (keypoints / stride).round().unbind(dim=2)
        fits = (across >= 0) & (across < width) & (down >= 0) & (down < height)
        return torch.where(fits, down * width + across, -1.0).long()

    assert_close(
        cells,
        right,
        name="cells",
        dtype=torch.int64,
        mistakes={
            "keypoints outside put into the nearest cell": lambda: clamped().long(),
            "keypoints outside not marked with -1": lambda: (row * width + column).long(),
            "column * H + row: columns one after the other, not rows": lambda: torch.where(inside, column * height + row, -1.0).long(),
            "row * H + column": lambda: torch.where(inside, row * height + column, -1.0).long(),
            "x taken for the row": lambda: torch.where(inside, column * width + row, -1.0).long(),
            "numbers rounded to the nearest, not down": near,
            "0 for keypoints outside, not -1": lambda: right.clamp(min=0),
            "numbers cut towards 0, so that what is just left of or above the map counts as inside": lambda: cut(),
            "keypoints left of and above the map pushed to its edge": lambda: pushed(),
            "the right and the lower edge of the map put into the last cells: they do not belong to it": closed,
            "the right edge of the map counted as inside": lambda: torch.where((column == width) & (row >= 0) & (row < height), row * width + column, right.float()).long(),
            "the lower edge of the map counted as inside": lambda: torch.where((row == height) & (column >= 0) & (column < width), row * width + column, right.float()).long(),
        },
    )
    place = torch.stack([column, row], dim=2)
    keep = inside[..., None]
    truth = torch.where(keep, keypoints - (place + 0.5) * stride, 0.0)
    assert_close(
        offsets,
        truth,
        name="offsets",
        mistakes={
            "the distance from the cell's corner, not from its middle": lambda: torch.where(keep, keypoints - place * stride, 0.0),
            "the opposite sign: middle minus keypoint": lambda: -truth,
            "cells, not pixels": lambda: truth / stride,
            "y before x": lambda: truth.flip(2),
            "offsets of keypoints outside that are not 0": lambda: keypoints - (place + 0.5) * stride,
            "half a pixel for half a cell": lambda: torch.where(keep, keypoints - place * stride - 0.5, 0.0),
        },
        **PIXELS,
    )


@points(4, hint="best = argmax over the H * W cells; column = best % W, row = best // W; the middle is (c + 0.5) * stride.")
@pytest.mark.parametrize("shape", MAPS)
@pytest.mark.parametrize("offset", [False, True], ids=["plain", "offset"])
def test_decode_cells(student, rng, shape, offset):
    """`decode_cells` gives the middle of the cell with the largest value, plus the offset there."""
    height, width, stride = shape
    maps = torch.randn(3, 4, height, width, generator=rng)
    offsets = torch.randn(3, 4, 2, height, width, generator=rng) * stride / 3 if offset else None
    plain = _argmax(maps, stride)
    best = maps.flatten(2).argmax(dim=2)
    there = offsets.flatten(3).gather(3, best[:, :, None, None].expand(3, 4, 2, 1))[..., 0] if offset else torch.zeros(3, 4, 2)
    row, column = best // width, best % width
    half = stride / 2
    mistakes = {
        "the corners of the cells: half a cell is missing": lambda: plain + there - half,
        "half a pixel for half a cell": lambda: plain + there - half + 0.5,
        "cells, not pixels: the stride is missing": lambda: plain / stride - 0.5 + there,
        "cells, not pixels, at their middles: the stride is missing": lambda: plain / stride + there,
        "y before x": lambda: plain.flip(2) + there,
        "y before x, in offsets as well": lambda: (plain + there).flip(2),
        "the height of the map where its width belongs": lambda: (torch.stack([best % height, best // height], dim=2) + 0.5) * stride + there,
        "the cell with the smallest value": lambda: _argmax(-maps, stride),
    }
    if offset:
        mistakes |= {
            "the offsets left out": plain,
            "the offsets subtracted": lambda: plain - there,
            "the offsets in cells: multiplied by the stride": lambda: plain + stride * there,
            "y before x in the offsets": lambda: plain + there.flip(2),
            "the mean of all offsets, not that of the winning cell": lambda: plain + offsets.mean(dim=(3, 4)),
            "the largest offset, not that of the winning cell": lambda: plain + offsets.amax(dim=(3, 4)),
        }
    del row, column
    arguments = (maps, stride, offsets) if offset else (maps, stride)
    assert_close(student.decode_cells(*arguments), plain + there, name="the keypoints", mistakes=mistakes, **PIXELS)


@points(3, hint="cross_entropy of (N * K, H * W) scores with (N * K,) cells, ignore_index=-1.")
@pytest.mark.parametrize("missing", [0, 4])
def test_heatmap_loss(student, rng, missing):
    """`heatmap_loss` is the mean cross-entropy of the choice among a map's cells, maps without a keypoint left out."""
    n, k, height, width = 3, 5, 4, 6
    scores = 2 * torch.randn(n, k, height, width, generator=rng)
    cells = torch.randint(height * width, (n, k), generator=rng)
    cells.view(-1)[torch.randperm(n * k, generator=rng)[:missing]] = -1
    flat, wanted = scores.reshape(n * k, -1).double(), cells.reshape(-1)
    count = n * k - missing
    right = F.cross_entropy(flat, wanted, ignore_index=-1)
    binary = F.one_hot(wanted.clamp(min=0), height * width).double()
    log = flat.log_softmax(dim=1)
    leaf = student.leaf(scores)
    loss = student.heatmap_loss(leaf, cells)
    assert_close(
        loss,
        right,
        name="the loss",
        mistakes={
            "a sum over the maps, not their mean": right * count,
            "a mean over the images, a sum over the keypoints": right * count / n,
            "a mean over all maps, those without a keypoint too": right * count / (n * k) if missing else torch.nan,
            "a division by the number of cells as well": right / (height * width),
            "a softmax before the softmax of the loss": lambda: F.cross_entropy(flat.softmax(dim=1), wanted, ignore_index=-1),
            "-1 taken for the last cell": lambda: -log[torch.arange(n * k), wanted].mean(),
            "-1 taken for the first cell": lambda: F.cross_entropy(flat, wanted.clamp(min=0)),
            "a sigmoid for each cell, not one softmax": lambda: F.binary_cross_entropy_with_logits(flat, binary),
            "the squared error to a one-hot map": lambda: ((flat - binary) ** 2).mean(),
            "the squared error of the softmax to a one-hot map": lambda: ((flat.softmax(dim=1) - binary) ** 2).mean(),
            "the opposite sign": -right,
            "a softmax over the keypoints, not over the cells": lambda: -scores.double().log_softmax(dim=1).reshape(n * k, -1).gather(1, wanted.clamp(min=0)[:, None])[wanted >= 0].mean(),
            "the chance of the right cell without its logarithm": lambda: -log.exp().gather(1, wanted.clamp(min=0)[:, None])[wanted >= 0].mean(),
        },
        **TOLERANCE,
    )
    assert_differentiable(loss, name="the loss")
