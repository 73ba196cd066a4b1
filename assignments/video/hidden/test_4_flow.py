"""Hidden checks for flow.py. Pictures are sums of slow waves by formula, so that any shift of them is known exactly."""

import math

import pytest
import torch
from torch.nn import functional as F

from grader.checks import assert_close, points


#: Directions all round, so that no window holds texture in one direction only.
ALL_ROUND = torch.arange(6) * math.pi / 6
#: Directions within about 25 degrees of the diagonal: where the picture gets brighter to the right, it mostly does so downwards.
SLANTED = math.pi / 4 + torch.linspace(-0.55, 0.35, 6)


def waves(rng, n, c=1, shortest=14.0, directions=ALL_ROUND):
    """Random slow waves: a function of x and y, (N, C, ...) for (N or 1, 1, H, W)."""
    count = len(directions)
    turn = 2 * math.pi * torch.rand(n, c, count, 1, 1, generator=rng)
    angle = (directions + (0.4 if directions is ALL_ROUND else 0.2) * torch.rand(n, c, count, generator=rng))[..., None, None]
    length = shortest * (1 + torch.rand(n, c, count, 1, 1, generator=rng))

    def picture(x, y):
        x, y = x[..., None, :, :], y[..., None, :, :]
        phase = 2 * math.pi / length * (x * angle.cos() + y * angle.sin()) + turn
        # Twice the contrast of a photograph: what guards a singular matrix must not weigh here.
        return 0.5 + 2 * phase.sin().mean(dim=2)

    return picture


def grid(height, width):
    """x and y of all pixels, (1, 1, H, W) each."""
    y, x = torch.meshgrid(torch.arange(height).float(), torch.arange(width).float(), indexing="ij")
    return x[None, None], y[None, None]


def pair(rng, shift, height=40, width=52):
    """Two frames (1, 1, H, W) of which the second is the first, moved by ``shift`` = (dx, dy)."""
    picture = waves(rng, 1)
    x, y = grid(height, width)
    return picture(x, y), picture(x - shift[0], y - shift[1])


def middle(flow, border=9):
    """The median of a flow (1, 2, H, W) away from the border, dx and dy."""
    return flow[0, :, border:-border, border:-border].flatten(1).median(dim=1).values


def shape_of_flow(flow, size):
    """The shape of a flow, in words where it is wrong."""
    assert tuple(flow.shape) == size, f"The flow should have shape {size}, dx before dy; it has {tuple(flow.shape)}."


SWAPPED = "dy before dx"
SIGNS = {
    (-1, -1): "the opposite sign: Ix dx + Iy dy = -It, with It = second - first",
    (-1, 1): "the opposite sign of dx",
    (1, -1): "the opposite sign of dy",
}
SCALES = {
    1 / 2: "half of it: differences over two pixels that are not divided by 2",
    1 / 4: "4 times too little: filters with a weight of 4",
    1 / 8: "8 times too little: Sobel filters that are not divided by 8",
    1 / 32: "32 times too little: Scharr filters that are not divided by 32",
    2: "twice as much: differences that are halved twice",
    4: "4 times as much",
    8: "8 times as much",
}


def mistakes_of_flow(got, right):
    """What comes of exchanged axes, signs and scales, one of them or several at once; flows are (..., 2), dx before dy."""
    if got.abs().max() < 1e-3:
        return {"no flow at all": torch.zeros_like(right)}
    found, ways = {}, []
    for swapped in (False, True):
        for signs in ((1, 1), *SIGNS):
            for scale in (1, *SCALES):
                parts = [SWAPPED if swapped else None, SIGNS.get(signs), SCALES.get(scale)]
                value = (right.flip(-1) if swapped else right) * torch.tensor(signs) * scale
                ways.append(([part for part in parts if part], value))
    for parts, value in sorted(ways, key=lambda way: len(way[0])):
        # Of two explanations that give the same here, the one with fewer mistakes is reported.
        same = any(torch.allclose(value, other, rtol=0.1, atol=0.02) for other in found.values())
        if len(parts) == 1 or (parts and not same):
            found[" and ".join(parts)] = value
    return found


#: One step is exact to first order. Derivatives of either frame or of their mean, any window and guards up to 1e-4 stay within 0.12 here,
#: and within 0.13 where two motions meet (60 seeds each); a mistake is named by a finer measure.
NEAR = 0.16
SHIFTS = [(0.5, -0.25), (-0.7, 0.4), (0.2, 0.9), (1.0, 0.0), (-0.3, -0.8)]


def assert_not_held(student, rng):
    """Nothing holds a flow within bounds: slow waves that move by more than a pixel and a half give about as much."""
    picture = waves(rng, 1, shortest=40.0)
    x, y = grid(60, 72)
    first, second = picture(x, y), picture(x - 1.9, y + 1.7)
    inner = student.lucas_kanade(first, second, 21)[0, :, 15:-15, 15:-15].flatten(1).abs()
    most = inner.amax(dim=1, keepdim=True)
    # No two pixels of an estimate have the very same flow; those that are cut off all have the bound.
    share = float((inner == most).double().mean(dim=1).max())
    assert share < 0.2, (
        f"A picture of waves of 40 pixels and more moves by dx = 1.9, dy = -1.7, and {100 * share:.0f} % of its pixels have exactly the same flow, "
        f"{float(most.min()):.3g} along one axis: is the flow held within bounds?"
    )


def assert_solved(student, rng):
    """The 2 x 2 system is solved as a whole: in a slanted picture its mixed entries are nearly as large as those on the diagonal.

    Over 60 seeds, all derivatives and guards that the contract allows find 0.96 to 1.05 of the shift; without the mixed entries in the
    determinant, 0.51 at most.
    """
    picture = waves(rng, 4, directions=SLANTED)
    x, y = grid(40, 52)
    flow = student.lucas_kanade(picture(x, y), picture(x - 0.4, y - 0.4), 11)[:, :, 9:-9, 9:-9]
    share = float(flow.mean(dim=1).flatten(1).median(dim=1).values.mean()) / 0.4
    assert 0.75 < share < 1.25, (
        f"Where a picture gets brighter to the right it gets brighter downwards too, and it moves by dx = dy = 0.4: the flow along the diagonal is "
        f"{share:.2f} times as long as it should be. The sum of Ix Iy is not small in such a window, and belongs into the solution and its "
        f"determinant, (sum IxIx)(sum IyIy) - (sum IxIy)^2."
    )


@points(5, hint="Solve [[sum IxIx, sum IxIy], [sum IxIy, sum IyIy]] (dx, dy) = -(sum IxIt, sum IyIt) in each window.")
@pytest.mark.parametrize("shift", SHIFTS)
def test_lucas_kanade_shift(student, rng, shift):
    """`lucas_kanade` finds by how much a whole picture has moved, for shifts of at most a pixel."""
    first, second = pair(rng, shift)
    flow = student.lucas_kanade(first, second, 11)
    shape_of_flow(flow, (1, 2, 40, 52))
    assert torch.isfinite(flow).all(), "The flow holds numbers that are not finite."
    dx, dy = shift
    got, right = middle(flow), torch.tensor(shift)
    if (got - right).abs().max() <= NEAR:
        if shift == SHIFTS[0]:
            assert_not_held(student, rng)
        if shift == SHIFTS[1]:
            assert_solved(student, rng)
        return
    assert_close(
        got,
        right,
        name=f"the flow of a picture that moves by dx = {dx:g}, dy = {dy:g} (median away from the border)",
        mistakes=mistakes_of_flow(got, right),
        rtol=0.1,
        atol=0.02,
    )


@points(2, hint="A window around each pixel: every pixel gets its own flow, from its own neighbours.")
@pytest.mark.parametrize("window", [9, 13])
def test_lucas_kanade_local(student, rng, window):
    """`lucas_kanade` finds different flows in different places and clips."""
    height, width, border = 40, 72, 12
    picture, other = waves(rng, 1), waves(rng, 1)
    x, y = grid(height, width)
    left = x < 36
    first = torch.cat([torch.where(left, picture(x, y), other(x, y)), picture(x, y)])
    second = torch.cat([torch.where(left, picture(x - 0.6, y), other(x, y + 0.5)), picture(x - 0.3, y - 0.3)])
    flow = student.lucas_kanade(first, second, window)
    shape_of_flow(flow, (2, 2, height, width))
    parts = [flow[0, :, border:-border, 10:26], flow[0, :, border:-border, 46:62], flow[1, :, border:-border, 10:62]]
    got = torch.stack([part.flatten(1).median(dim=1).values for part in parts])
    right = torch.tensor([[0.6, 0.0], [0.0, -0.5], [0.3, 0.3]])
    if (got - right).abs().max() > 0.2:
        assert_close(
            got,
            right,
            name="the flow in the left half, in the right half, and in the second clip",
            mistakes=mistakes_of_flow(got, right) | {"the clips exchanged": right[[2, 2, 0]]},
            rtol=0.1,
            atol=0.03,
        )
    # How far a pixel is seen: far from the window nothing may change, within it something does.
    changed = second.clone()
    changed[0, 0, 18, 15] += 0.5
    moved = (student.lucas_kanade(first, changed, window) - flow)[0].abs().amax(dim=0) > 1e-4
    rows, columns = moved.nonzero(as_tuple=True)
    reach = max(int((rows - 18).abs().max()), int((columns - 15).abs().max())) if len(rows) else 0
    half = window // 2
    assert half <= reach <= half + 3, (
        f"With a window of {window} pixels, a pixel that changes should change the flow up to {half} pixels away (a few more, through the "
        f"derivatives); it does so up to {reach} pixels away."
    )


@points(2, hint="A small number on the diagonal of the 2 x 2 matrix, or a mask: a flat window has a matrix of zeros.")
@pytest.mark.parametrize("case", ["still", "flat", "stripes"])
def test_lucas_kanade_hard(student, rng, case):
    """`lucas_kanade` gives 0 for frames that are equal, and finite numbers where there is no texture."""
    x, y = grid(30, 38)
    if case == "still":
        first = second = waves(rng, 1)(x, y)
    elif case == "flat":
        first, second = torch.full((1, 1, 30, 38), 0.4), torch.full((1, 1, 30, 38), 0.4)
    else:
        stripes = lambda x: 0.5 + 0.4 * (2 * math.pi * x / 15).sin() + 0 * y  # noqa: E731
        first, second = stripes(x), stripes(x - 0.6)
    flow = student.lucas_kanade(first, second, 7)
    shape_of_flow(flow, (1, 2, 30, 38))
    assert torch.isfinite(flow).all(), {
        "still": "The flow between equal frames is not finite.",
        "flat": "The flow of a flat picture is not finite: the 2 x 2 matrix is singular there, and must not be inverted without a correction.",
        "stripes": "The flow of vertical stripes is not finite: they say nothing about dy, the 2 x 2 matrix is singular, and must not be inverted without a correction.",
    }[case]
    if case == "stripes":
        dx, dy = middle(flow)
        masked = max(abs(dx), abs(dy)) < 0.01  # no flow where the matrix is singular
        assert masked or (abs(dx - 0.6) < 0.12 and abs(dy) < 0.12), (
            f"Vertical stripes that move by 0.6 to the right should give a flow near (0.6, 0), or 0 where you mask what is singular; it is ({dx:.2f}, {dy:.2f})."
        )
    else:
        assert flow.abs().max() < 1e-5, f"The flow between equal frames should be 0 everywhere; it reaches {float(flow.abs().max()):.2g}."


def sample(frames, x, y):
    """Bilinear samples of frames (N, C, H, W) at pixels (N, H, W), zero outside."""
    height, width = frames.shape[2:]
    where = torch.stack([2 * x / (width - 1) - 1, 2 * y / (height - 1) - 1], dim=3)
    return F.grid_sample(frames, where, align_corners=True)


WARPS = [((2.0, -1.0), (-3.0, 2.0)), ((0.5, 1.25), (-1.5, -0.75))]


@points(4, hint="Sample at (x + dx, y + dy). grid_sample wants x before y, 2 * x / (W - 1) - 1 with align_corners=True.")
@pytest.mark.parametrize("shifts", WARPS, ids=["whole", "parts"])
def test_warp(student, rng, shifts):
    """`warp` fetches each pixel from where the flow says that it went."""
    height, width, border = 26, 34, 5
    frames = waves(rng, 2, c=3)(*grid(height, width))
    x, y = (value[0].expand(2, -1, -1) for value in grid(height, width))
    # A flow of its own for each clip, a little different from place to place.
    wobble = 0.3 * waves(rng, 2, c=2)(*grid(height, width)) - 0.15
    flow = torch.tensor(shifts)[:, :, None, None] + wobble
    dx, dy = flow.unbind(dim=1)
    inside = (slice(None), slice(None), slice(border, -border), slice(border, -border))

    def warped(x=x + dx, y=y + dy, picture=frames):
        return sample(picture, x, y)[inside]

    def stretched(scale_x, scale_y, align, grid_x=x + dx, grid_y=y + dy):
        where = torch.stack([2 * grid_x / scale_x - 1, 2 * grid_y / scale_y - 1], dim=3)
        return F.grid_sample(frames, where, padding_mode="border", align_corners=align)[inside]

    got = student.warp(frames, flow)
    assert tuple(got.shape) == tuple(frames.shape), f"`warp` should give the shape of the frames, {tuple(frames.shape)}; it gave {tuple(got.shape)}."
    assert_close(
        got[inside],
        warped(),
        name="the result of `warp`, away from the border,",
        inputs={"frames": frames[inside]},
        mistakes={
            "the opposite sign: (x - dx, y - dy)": lambda: warped(x - dx, y - dy),
            "the opposite sign of dx": lambda: warped(x - dx, y + dy),
            "the opposite sign of dy": lambda: warped(x + dx, y - dy),
            "dy taken for dx and dx for dy": lambda: warped(x + dy, y + dx),
            "dx alone, dy ignored": lambda: warped(x + dx, y),
            "dy alone, dx ignored": lambda: warped(x, y + dy),
            "x divided by W, not by W - 1, and y likewise": lambda: stretched(width, height, True),
            "x divided by H - 1 and y by W - 1": lambda: stretched(height - 1, width - 1, True),
            "align_corners=False for a grid that goes by the middles of the outer pixels": lambda: stretched(width - 1, height - 1, False),
            "dy taken for dx and dx for dy, and align_corners=False for a grid that goes by the middles of the outer pixels": lambda: stretched(width - 1, height - 1, False, x + dy, y + dx),
            "the opposite sign, and align_corners=False for a grid that goes by the middles of the outer pixels": lambda: stretched(width - 1, height - 1, False, x - dx, y - dy),
            "a grid with y before x": lambda: F.grid_sample(frames, torch.stack([2 * (y + dy) / (height - 1) - 1, 2 * (x + dx) / (width - 1) - 1], dim=3), align_corners=True)[inside],
            "the nearest pixel, not a mean of four": lambda: sample(frames, (x + dx).round(), (y + dy).round())[inside],
            "the flow in units of the grid, -1 to 1, not in pixels": lambda: F.grid_sample(frames, torch.stack([2 * x / (width - 1) - 1 + dx, 2 * y / (height - 1) - 1 + dy], dim=3), align_corners=True)[inside],
            "the flow of the first clip for all": lambda: warped(x + dx[:1], y + dy[:1]),
            "the frames as they were": frames[inside],
        },
        rtol=1e-3,
        atol=2e-4,
    )  # fmt: skip
    still = student.warp(frames, torch.zeros_like(flow))
    assert_close(still, frames, name="the result of `warp` by a flow of 0", rtol=1e-3, atol=2e-4)


@points(2, hint="torch.cat of lucas_kanade(clips[:, t], clips[:, t + 1]) over t, along the channels.")
@pytest.mark.parametrize("frames", [4, 2])
def test_flow_stack(student, rng, frames):
    """`flow_stack` stacks the flows between neighbouring frames, dx and dy in turn."""
    picture = waves(rng, 2)
    x, y = grid(20, 28)
    steps = torch.rand(2, frames, generator=rng) - 0.5
    clips = torch.stack([picture(x - 0.6 * t + steps[0, t], y + 0.3 * t + steps[1, t]) for t in range(frames)], dim=1)
    got = student.flow_stack(clips, 5)
    size = (2, 2 * (frames - 1), 20, 28)
    assert tuple(got.shape) == size, f"For clips of {frames} frames the stack should have shape {size}: 2 (T - 1) channels; it has {tuple(got.shape)}."
    flows = [student.lucas_kanade(clips[:, t], clips[:, t + 1], 5) for t in range(frames - 1)]
    right = torch.stack(flows, dim=1)
    assert_close(
        got,
        right.flatten(1, 2),
        name="the stack",
        mistakes={
            "all dx first, then all dy": lambda: right.transpose(1, 2).flatten(1, 2),
            "dy before dx": lambda: right.flip(2).flatten(1, 2),
            "the flows in reverse order": lambda: right.flip(1).flatten(1, 2),
            "flows from each frame back to the one before": lambda: torch.cat([student.lucas_kanade(clips[:, t + 1], clips[:, t], 5) for t in range(frames - 1)], dim=1),
            "flows from the first frame to each other one": lambda: torch.cat([student.lucas_kanade(clips[:, 0], clips[:, t + 1], 5) for t in range(frames - 1)], dim=1),
            "the default window, whatever `window` is": lambda: student.flow_stack(clips),
            "the flow between the first two frames, again and again": lambda: right[:, :1].expand_as(right).flatten(1, 2),
        },
        rtol=1e-3,
        atol=1e-4,
    )  # fmt: skip


@points(3, hint="spatial(clips[:, T // 2]).log_softmax(1) + temporal(flow_stack(clips)).log_softmax(1)")
@pytest.mark.parametrize("frames", [5, 4])
def test_two_stream(student, probe, rng, frames):
    """`TwoStream` adds the log-probabilities of a frame's scores and of its flow's scores."""
    height, width, classes = 10, 12, 4
    picture = waves(rng, 3)
    x, y = grid(height, width)
    clips = torch.stack([picture(x - 0.5 * t, y - 0.2 * t) for t in range(frames)], dim=1)
    spatial = torch.randn(height * width, classes, generator=rng) / 4
    temporal = torch.randn(2 * (frames - 1) * height * width, classes, generator=rng) / 20
    got = probe.two_streams(student.ref("TwoStream"), spatial, temporal, clips)
    stack = student.flow_stack(clips)
    sizes = [[3, 1, height, width], list(stack.shape)]
    for name, seen, size in zip(("spatial", "temporal"), got["seen"], sizes):
        assert len(seen) == 1, f"The {name} stream should run once for a batch of clips; it ran {len(seen)} times."
        assert seen[0] == size, f"The {name} stream should get {'one frame of each clip' if name == 'spatial' else 'the stack of flow'}, of shape {tuple(size)}; it got {tuple(seen[0])}."
    assert got["registered"] == spatial.numel() + temporal.numel(), "`TwoStream` does not register its streams' parameters: keep both networks in attributes, after `super().__init__()`."

    cut = [name for name, reached in got["reached"].items() if not reached]
    assert not cut, f"No gradient reaches the {' and the '.join(cut)} stream through `TwoStream`: no detach, .data, numpy or no_grad between its scores and the sum."

    def look(frame=frames // 2):
        return clips[:, frame].flatten(1) @ spatial

    move = stack.flatten(1) @ temporal
    a, b = look().log_softmax(dim=1), move.log_softmax(dim=1)

    def normal(scores):
        return scores.log_softmax(dim=1)  # a constant for each clip says nothing

    made = {
        "the first frame, not frame T // 2": lambda: normal(look(0).log_softmax(1) + b),
        "a part of the flow where the frame belongs": lambda: normal((stack[:, 0].flatten(1) @ spatial).log_softmax(1) + b),
        "the last frame, not frame T // 2": lambda: normal(look(frames - 1).log_softmax(1) + b),
        "the frame after or before T // 2": lambda: normal(look(frames // 2 - 1).log_softmax(1) + b),
        "the streams' probabilities added; their logarithms are": lambda: normal(a.exp() + b.exp()),
        "the logarithm of the mean of the probabilities; the log-probabilities are added": lambda: normal((a.exp() + b.exp()).log()),
        "the mean of the log-probabilities, not their sum": lambda: normal((a + b) / 2),
        "the product of the scores": lambda: normal(look() * move),
        "the product of the log-probabilities, not their sum": lambda: normal(a * b),
        "the product of the probabilities, without the logarithm": lambda: normal((a + b).exp()),
        "the spatial stream alone": a,
        "the temporal stream alone": b,
        "the difference of the streams": lambda: normal(a - b),
    }
    scores = got["scores"]
    assert tuple(scores.shape) == (3, classes), f"For 3 clips and {classes} classes `TwoStream` should give shape (3, {classes}); it gave {tuple(scores.shape)}."
    assert_close(scores.log_softmax(dim=1), normal(a + b), name="the scores of both streams (but for a constant of each clip)", mistakes=made, rtol=1e-3, atol=1e-3)
