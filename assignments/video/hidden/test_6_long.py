"""Hidden checks for slowfast.py and localise.py: two paths, their connection, overlaps in time, and suppression."""

import pytest
import torch
from torch.nn import functional as F

from grader.checks import assert_close, points


@points(2, hint="clips[:, ::slow_stride] and clips[:, ::slow_stride // alpha]")
@pytest.mark.parametrize("case", [(64, 16, 8), (24, 6, 3), (12, 4, 2), (8, 4, 4)])
def test_split_paths(student, rng, case):
    """`split_paths` gives the slow path every slow_stride-th frame, and the fast one alpha times as many."""
    t, slow_stride, alpha = case
    clips = torch.randn(2, t, 1, 2, 3, generator=rng)
    slow, fast = student.split_paths(clips, slow_stride, alpha)
    right = {"slow": clips[:, ::slow_stride], "fast": clips[:, :: slow_stride // alpha]}
    each = {
        "slow": {
            "the first T / slow_stride frames, one after the other; they should be spread over the clip": lambda: clips[:, : t // slow_stride],
            "every alpha-th frame": lambda: clips[:, ::alpha],
            "frames from the middle of each step": lambda: clips[:, slow_stride // 2 :: slow_stride],
            "the last frame of each step": lambda: clips[:, slow_stride - 1 :: slow_stride],
            "the mean of the frames of each step": lambda: clips.unflatten(1, (-1, slow_stride)).mean(dim=2),
            "the fast path's frames": right["fast"],
        },
        "fast": {
            "every alpha-th frame; alpha is how many more frames the fast path sees than the slow one": lambda: clips[:, ::alpha],
            "all frames": clips,
            "the last frame of each step, not the first one": lambda: clips[:, slow_stride // alpha - 1 :: slow_stride // alpha],
            "the mean of the frames of each step": lambda: clips.unflatten(1, (-1, slow_stride // alpha)).mean(dim=2),
            "the slow path's frames": right["slow"],
            "every frame up to a number": lambda: clips[:, : alpha * t // slow_stride],
        },
    }
    for name, got in (("slow", slow), ("fast", fast)):
        assert_close(got, right[name], name=f"the {name} path's frames", mistakes=each[name])


@points(2, hint="nn.Conv3d(F, 2 * F, (5, 1, 1), stride=(alpha, 1, 1), padding=(2, 0, 0)); then torch.cat([slow, conv(fast)], dim=1).")
@pytest.mark.parametrize("case", [(8, 3, 5, 2), (4, 2, 6, 3), (2, 5, 1, 4)])
def test_lateral(student, probe, rng, np_rng, case):
    """`LateralConnection` brings the fast path to the slow one's frames, and joins them."""
    alpha, channels, slow_channels, frames = case
    slow = torch.randn(2, slow_channels, frames, 3, 4, generator=rng)
    fast = torch.randn(2, channels, alpha * frames, 3, 4, generator=rng)
    got = probe.lateral(student.ref("LateralConnection"), channels, alpha, slow, fast, int(np_rng.integers(2**31)))
    assert got["convolutions"] == 1, f"`LateralConnection` should have one nn.Conv3d; it has {got['convolutions']}."
    weight, bias = got["weight"], got["bias"]
    size = (2 * channels, channels, 5, 1, 1)
    assert tuple(weight.shape) == size, f"The convolution's weight should have shape {size}, for {channels} channels of the fast path; it has {tuple(weight.shape)}."
    assert bias is not None, "The convolution of `LateralConnection` should have a bias."
    across = F.conv3d(fast, weight, bias, stride=(alpha, 1, 1), padding=(2, 0, 0))

    def shifted(padding):
        return F.conv3d(F.pad(fast, (0, 0, 0, 0, padding, 4 - padding)), weight, bias, stride=(alpha, 1, 1))

    assert_close(
        got["output"],
        torch.cat([slow, across], dim=1),
        name="the joined features",
        mistakes={
            "the fast path's features first, then the slow ones": lambda: torch.cat([across, slow], dim=1),
            "an addition instead of a concatenation": lambda: slow + across,
            "the fast path's features alone": across,
            "the slow path's features alone": slow,
            "a ReLU behind the convolution": lambda: torch.cat([slow, across.relu()], dim=1),
            "no padding in time at the beginning": lambda: torch.cat([slow, shifted(0)], dim=1),
            "all padding in time at the beginning": lambda: torch.cat([slow, shifted(4)], dim=1),
        },
        rtol=1e-3,
        atol=1e-4,
    )


def overlap(a, b, *, clamp=True, extra=0.0, hull=False, smaller=False):
    """IoU of segments (N, 2) and (M, 2), and what goes wrong with it."""
    a, b = a.double()[:, None], b.double()[None]
    both = torch.minimum(a[..., 1], b[..., 1]) - torch.maximum(a[..., 0], b[..., 0]) + extra
    both = both.clamp(min=0) if clamp else both
    lengths = (a[..., 1] - a[..., 0] + extra, b[..., 1] - b[..., 0] + extra)
    either = lengths[0] + lengths[1] - both
    if hull:
        either = torch.maximum(a[..., 1], b[..., 1]) - torch.minimum(a[..., 0], b[..., 0])
    if smaller:
        either = torch.minimum(*lengths)
    return torch.where(either > 0, both / either, 0.0 * both)


FIXED = torch.tensor([[0.0, 10], [5, 15], [10, 20], [2, 4], [30, 31.5], [3, 3], [0, 10]])


@points(3, hint="intersection = (min of ends - max of starts).clamp(min=0); union = both lengths - intersection; (N, 1) against (1, M).")
@pytest.mark.parametrize("case", ["fixed", "random", "hundredths"])
def test_temporal_iou(student, rng, case):
    """`temporal_iou` is intersection over union, for every pair of segments."""
    if case == "fixed":
        a, b = FIXED, FIXED[:5]
    else:
        a, b = (torch.rand(n, 1, generator=rng) * 20 + torch.tensor([[0.0, 0]]) for n in (6, 4))
        a, b = (torch.cat([each[:, :1], each[:, :1] + 0.5 + 8 * torch.rand(len(each), 1, generator=rng)], dim=1) for each in (a, b))
        if case == "hundredths":
            a, b = a / 100, b / 100
    got = student.temporal_iou(a, b)
    right = overlap(a, b)
    assert_close(
        got,
        right,
        name="the IoU",
        mistakes={
            "an intersection that may be negative, for segments that do not meet": lambda: overlap(a, b, clamp=False),
            "lengths of end - start + 1, as if times were frames": lambda: overlap(a, b, extra=1.0),
            "the intersection divided by the shorter segment": lambda: overlap(a, b, smaller=True),
            "the intersection alone": lambda: overlap(a, b) * (a[:, None, 1] - a[:, None, 0] + b[None, :, 1] - b[None, :, 0]) / (1 + overlap(a, b)),
            "a union that counts the intersection twice": lambda: overlap(a, b) / (1 + overlap(a, b)),
            "twice the intersection over the sum of lengths (Dice)": lambda: 2 * overlap(a, b) / (1 + overlap(a, b)),
            "one minus it": lambda: 1 - overlap(a, b),
            "the segments of `b` for rows, those of `a` for columns": lambda: overlap(a, b).T,
            "pairs by position only": lambda: overlap(a, b).diagonal(),
        },
        rtol=1e-4,
        atol=1e-6,
    )
    if case == "fixed":
        empty = student.temporal_iou(torch.tensor([[4.0, 4.0]]), torch.tensor([[4.0, 4.0], [7, 7]]))
        assert torch.isfinite(empty).all(), "Two segments of length 0 should have an IoU of 0; it is not finite."
        assert_close(empty, torch.zeros(1, 2), name="the IoU of segments of length 0")


def suppress(segments, scores, threshold, *, order=None, against_all=False, inclusive=False, once=False):
    """Indices that survive, and what goes wrong with it."""
    order = scores.argsort(descending=True) if order is None else order
    ious = overlap(segments, segments)
    kept = []
    for place, index in enumerate(order.tolist()):
        rivals = order[:place].tolist() if against_all else kept[:1] if once else kept
        worst = max((float(ious[index, rival]) for rival in rivals), default=0.0)
        if worst < threshold or (worst == threshold and not inclusive) or not rivals:
            kept.append(index)
    return torch.tensor(kept)


SEGMENTS = torch.tensor([[0.0, 10], [1, 11], [20, 30], [9, 19], [2, 12], [21, 29]])
SCORES = torch.tensor([0.9, 0.8, 0.7, 0.6, 0.95, 0.65])
CHAIN = torch.tensor([[0.0, 10], [4, 14], [8, 18]])


@points(3, hint="Sort by score; keep a segment if none of those *kept* so far overlaps with it by more than the threshold.")
@pytest.mark.parametrize("case", ["low", "high", "chain", "short", "random"])
def test_temporal_nms(student, rng, case):
    """`temporal_nms` keeps the best of each group of overlapping segments."""
    if case in ("low", "high"):
        segments, scores, threshold = SEGMENTS, SCORES, 0.3 if case == "low" else 0.75
    elif case == "chain":
        segments, scores, threshold = CHAIN, torch.tensor([0.9, 0.8, 0.7]), 0.3
    elif case == "short":
        segments, scores, threshold = CHAIN / 10, torch.tensor([0.7, 0.9, 0.8]), 0.45
    else:
        start = 30 * torch.rand(14, 1, generator=rng)
        segments = torch.cat([start, start + 4 + 6 * torch.rand(14, 1, generator=rng)], dim=1)
        scores, threshold = torch.randperm(14, generator=rng) / 14 - 0.4, 0.35
    got = student.temporal_nms(segments, scores, threshold)
    right = suppress(segments, scores, threshold)
    length = segments[:, 1] - segments[:, 0]
    assert_close(
        got,
        right,
        name="the kept indices",
        dtype=torch.int64,
        mistakes={
            "the worst segments first: scores sorted in increasing order": lambda: suppress(segments, scores, threshold, order=scores.argsort()),
            "segments in the order of their starts, not of their scores": lambda: suppress(segments, scores, threshold, order=segments[:, 0].argsort()),
            "segments in the given order instead of by their scores": lambda: suppress(segments, scores, threshold, order=torch.arange(len(scores))),
            "the longest segments first": lambda: suppress(segments, scores, threshold, order=length.argsort(descending=True)),
            "a comparison with all better segments; one that was dropped drops nobody": lambda: suppress(segments, scores, threshold, against_all=True),
            "a comparison with the best segment only": lambda: suppress(segments, scores, threshold, once=True),
            "the kept indices in increasing order, not by decreasing score": lambda: right.sort().values,
            "by increasing score": lambda: right.flip(0),
            "every segment kept": lambda: scores.argsort(descending=True),
            "the best segment alone": right[:1],
            "0 or 1 for each segment, not indices": lambda: torch.zeros(len(scores)).index_fill(0, right, 1),
        },
    )
