"""Hidden checks for inflate.py: weights, norms, whole networks, and in which frames they are exact."""

import pytest
import torch
from torch.nn import functional as F

from grader.checks import assert_close, points
from grader.text import counted

CONVOLUTIONS = {
    "plain": ({"in_channels": 2, "out_channels": 3, "kernel_size": 3, "padding": 1}, 3),
    "unequal": ({"in_channels": 2, "out_channels": 4, "kernel_size": (5, 2), "stride": (1, 2), "padding": (2, 1)}, 5),
    "groups": ({"in_channels": 4, "out_channels": 6, "kernel_size": (3, 1), "groups": 2, "bias": False, "dilation": (2, 1)}, 3),
    "one": ({"in_channels": 3, "out_channels": 2, "kernel_size": 2, "stride": 2}, 1),
}


@points(4, hint="weight[:, :, None].repeat(1, 1, time, 1, 1) / time; bias as it is; kernel (time, kh, kw), stride (1, sh, sw), padding (time // 2, ph, pw).")
@pytest.mark.parametrize("case", CONVOLUTIONS)
def test_inflate_conv(student, probe, np_rng, case):
    """`inflate_conv` copies a 2-D convolution along time, and divides by its length."""
    settings, time = CONVOLUTIONS[case]
    got = probe.inflated_conv(student.ref("inflate_conv"), settings, time, int(np_rng.integers(2**31)), (9, 11))
    assert got["kind"] == "Conv3d", f"`inflate_conv` should give an nn.Conv3d; it gave {got['kind']}."
    flat = got["weight_2d"][:, :, None].repeat(1, 1, time, 1, 1)
    right = flat / time
    centre = torch.zeros_like(flat)
    centre[:, :, time // 2] = flat[:, :, 0]
    assert_close(
        got["weight"],
        right,
        name="the inflated weight",
        inputs={"time": time},
        mistakes={
            "weights that are not divided by `time`": flat,
            "the 2-D weight in the middle slice alone, the others 0; each slice should hold it, divided by `time`": centre,
            "the 2-D weight in the first slice alone": lambda: torch.cat([flat[:, :, :1], torch.zeros_like(flat[:, :, 1:])], dim=2),
            "a division by the square of `time`": flat / time**2,
            "a division by the number of numbers in the kernel": lambda: flat / (time * flat.shape[3] * flat.shape[4]),
            "a multiplication by `time`": flat * time,
            "time as the last axis": lambda: right.permute(0, 1, 3, 4, 2),
        },
    )
    if got["bias_2d"] is None:
        assert got["bias"] is None, "`inflate_conv` gives a convolution without bias a bias."
    else:
        assert got["bias"] is not None, "`inflate_conv` loses the bias."
        assert_close(
            got["bias"],
            got["bias_2d"],
            name="the inflated bias",
            mistakes={
                "a bias that is divided by `time`, too: it is added once, however long the kernel is": got["bias_2d"] / time,
                "a bias of 0": torch.zeros_like(got["bias_2d"]),
            },
        )
    assert not got["shared"], "The inflated convolution shares memory with the 2-D one: training one of them changes the other."
    assert got["trained"], "The parameters of the inflated convolution do not require gradients."
    number = lambda value: (value, value) if isinstance(value, int) else tuple(value)  # noqa: E731
    stride, padding, dilation = (number(settings.get(key, default)) for key, default in (("stride", 1), ("padding", 0), ("dilation", 1)))
    groups = settings.get("groups", 1)

    def run(stride=stride, padding=padding, dilation=dilation, groups=groups, time_padding=time // 2):
        return F.conv3d(got["clip"], right, got["bias_2d"], (1, *stride), (time_padding, *padding), (1, *dilation), groups)

    output = run()
    inner = slice(time // 2, 5 - time // 2)  # what pads a clip in time is not asked here, but how much of it
    assert got["output"].shape[2] == 5, (
        f"With {time} frames in the kernel and padding in time, 5 frames should become 5; they become {got['output'].shape[2]}."
    )
    assert tuple(got["output"].shape) == tuple(output.shape), (
        f"For clips of shape {tuple(got['clip'].shape)} the inflated convolution of {settings} should give shape {tuple(output.shape)}; it gave "
        f"{tuple(got['output'].shape)}: stride, padding and dilation should be kept in space."
    )
    assert_close(
        got["output"][:, :, inner],
        output[:, :, inner],
        name="what the inflated convolution makes of a clip, away from its ends,",
        mistakes={"time padded by a different number of frames, and cut": lambda: output.roll(1, dims=2)[:, :, inner]},
        rtol=1e-3,
        atol=1e-4,
    )


@points(2, hint="nn.BatchNorm3d(norm.num_features, eps, momentum); then load_state_dict: scale, shift and running statistics.")
@pytest.mark.parametrize("settings", [{"num_features": 3, "eps": 0.3, "momentum": 0.4}, {"num_features": 5}], ids=["unusual", "usual"])
def test_inflate_batch_norm(student, probe, rng, np_rng, settings):
    """`inflate_batch_norm` keeps scale, shift, running statistics, eps and momentum."""
    channels = settings["num_features"]
    eps, momentum = settings.get("eps", 1e-5), settings.get("momentum", 0.1)
    x = 1 + 2 * torch.randn(2, channels, 3, 4, 5, generator=rng)
    got = probe.inflated_norm(student.ref("inflate_batch_norm"), settings, int(np_rng.integers(2**31)), x)
    assert got["kind"] == "BatchNorm3d", f"`inflate_batch_norm` should give an nn.BatchNorm3d; it gave {got['kind']}."
    old = got["before"]
    mean, var = old["running_mean"], old["running_var"]

    def normed(mean=mean, var=var, weight=old["weight"], bias=old["bias"], eps=eps):
        each = lambda value: value.reshape(-1, 1, 1, 1)  # noqa: E731
        return (x - each(mean)) / (each(var) + eps).sqrt() * each(weight) + each(bias)

    zero, one = torch.zeros(channels), torch.ones(channels)
    fresh = x.transpose(0, 1).flatten(1)
    assert_close(
        got["eval"],
        normed(),
        name="what the inflated norm gives in evaluation mode",
        mistakes={
            "running statistics that are not copied": lambda: normed(zero, one),
            "the running variance not copied": lambda: normed(var=one),
            "the running mean not copied": lambda: normed(mean=zero),
            "scale and shift not copied": lambda: normed(weight=one, bias=zero),
            "nothing copied": lambda: normed(zero, one, one, zero),
            "the usual eps, not that of the 2-D norm": lambda: normed(eps=1e-5),
            "the usual eps, and running statistics that are not copied": lambda: normed(zero, one, eps=1e-5),
        },
        rtol=1e-3,
        atol=1e-4,
    )
    moved = (1 - momentum) * mean + momentum * fresh.mean(dim=1)
    assert_close(
        got["after"]["running_mean"],
        moved,
        name="the running mean after a step of training",
        mistakes={"the usual momentum, not that of the 2-D norm": lambda: 0.9 * mean + 0.1 * fresh.mean(dim=1), "a running mean that stays": mean},
        rtol=1e-3,
        atol=1e-4,
    )
    assert not got["shared"], "The inflated norm shares memory with the 2-D one: training one of them changes the other."


@points(4, hint="Recurse through nn.Sequential; Conv2d -> inflate_conv, BatchNorm2d -> inflate_batch_norm, MaxPool2d -> MaxPool3d((1, k, k)); others as they are.")
@pytest.mark.parametrize(("time", "frames", "training"), [(3, 9, False), (5, 11, True), (1, 4, False)])
def test_inflate(student, probe, rng, np_rng, time, frames, training):
    """`inflate` makes a network that gives on a still video what the 2-D one gives for a frame."""
    x = torch.randn(2, 2, 13, 10, generator=rng)
    got = probe.inflated_network(student.ref("inflate"), time, frames, int(np_rng.integers(2**31)), x, training)
    if got["fails"] is not None:
        pools = next(([a, b] for a, b in got["pools"] if a != b), None)
        assert not pools, f"A pool of the inflated network makes {pools[1]} frames of {pools[0]}: pools should not pool over time."
        raise AssertionError(f"The inflated network does not run on clips of {frames} frames: {got['fails']}")
    flat, solid = got["flat"], got["solid"]
    reach = 2 * (time // 2)
    size = (2, flat.shape[1], frames, *flat.shape[2:])
    assert tuple(solid.shape) == size, f"For clips of {frames} frames the inflated network should give shape {size}; it gave {tuple(solid.shape)}."
    exact = range(reach, frames - reach)
    assert_close(
        solid[:, :, exact],
        flat[:, :, None].expand(-1, -1, len(exact), -1, -1),
        name=f"the features of frames {exact.start} to {exact.stop - 1} of {frames} that are all alike, compared with those of one frame,",
        rtol=1e-3,
        atol=1e-3,
    )
    if time > 1:
        assert (solid[:, :, 0] - flat).abs().max() < 1e3, "The features at the end of the clip are not finite."
    wanted = "training" if training else "evaluation"
    assert got["modes"][1] == (got["parts"][1] if training else 0), f"`inflate` of a network in {wanted} mode should give one in {wanted} mode, all its parts as well."
    assert got["modes"][0] == (got["parts"][0] if training else 0), "`inflate` changes the mode of the 2-D network."
    assert not got["changed"], "`inflate` changes the 2-D network."


@points(2, hint="Each convolution reaches time // 2 frames further, to both sides; the reaches add up.")
@pytest.mark.parametrize("case", [(13, [3, 3, 3]), (9, [5, 1, 3]), (4, [3, 3]), (7, [1]), (3, [7]), (16, [3, 1, 7, 3])])
def test_exact_frames(student, case):
    """`exact_frames` says in which frames an inflated network equals its 2-D one."""
    frames, times = case
    reach = sum(time // 2 for time in times)
    right = list(range(reach, frames - reach))

    def spread(reach, end=None):
        return list(range(reach, frames - (reach if end is None else end)))

    got = list(student.exact_frames(frames, times))
    if not right:
        assert not got, f"exact_frames{case} should be empty: zeros from beyond the ends reach every frame. It holds {counted(len(got), 'frame')}."
        return
    assert_close(
        got,
        right,
        name=f"exact_frames{case}",
        mistakes={
            "time - 1 for each convolution, to both sides": lambda: spread(sum(time - 1 for time in times)),
            "the largest reach of any convolution, not their sum": lambda: spread(max(time // 2 for time in times)),
            "the reach of the first convolution alone": lambda: spread(times[0] // 2),
            "the reach of the last convolution alone": lambda: spread(times[-1] // 2),
            "one frame for each convolution": lambda: spread(len(times)),
            "one end of the clip only": lambda: spread(reach, 0),
            "a range that leaves out its last frame": lambda: spread(reach, reach + 1),
            "all frames": lambda: spread(0),
        },
    )
