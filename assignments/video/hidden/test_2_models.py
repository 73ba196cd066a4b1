"""Hidden checks for video_models.py: what each model can see and cannot see, the layers of C3D, and three trainings."""

import math

import pytest
import torch
from torch.nn import functional as F

from grader.checks import assert_close, assert_registered, points

#: Scores are scaled up to differ by about 2, and what batches of other sizes round off is scaled with them.
TOLERANCE = {"rtol": 5e-3, "atol": 5e-3}
#: Settings of a model for T frames of C channels, by its name.
ARGUMENTS = {
    "SingleFrameCNN": lambda t, c: {"num_classes": 5, "in_channels": c},
    "LateFusionFC": lambda t, c: {"num_classes": 5, "num_frames": t, "in_channels": c, "image_size": 24},
    "LateFusionPool": lambda t, c: {"num_classes": 5, "in_channels": c},
    "EarlyFusion": lambda t, c: {"num_classes": 5, "num_frames": t, "in_channels": c},
    "CNN3D": lambda t, c: {"num_classes": 5, "in_channels": c},
    "C3D": lambda t, c: {"num_classes": 5, "in_channels": c, "width": 2},
}


def draw(rng, n, t, c=3, height=24, width=24):
    """Smooth random clips (N, T, C, H, W) in [0, 1]: coarse noise, made larger."""
    coarse = torch.rand(n * t, c, height // 4, width // 4, generator=rng)
    return F.interpolate(coarse, size=(height, width), mode="bilinear").reshape(n, t, c, height, width)


def seed_of(np_rng):
    return int(np_rng.integers(2**31))


def new_model(student, probe, np_rng, name, t, c, x=None, spread=None):
    """A fresh model, whose norms have seen ``x``, and whose scores differ by ``spread`` from frame to frame."""
    return probe.new_model(student.ref(name), ARGUMENTS[name](t, c), seed_of(np_rng), x, spread)


def made_at_once(student, probe, name, t, c, x):
    """No parameter of a model is made in a forward pass."""
    new = probe.parameters_after_a_pass(student.ref(name), ARGUMENTS[name](t, c), x)
    assert not new, (
        f"A forward pass of `{name}` replaces {', '.join(f'`{key}`' for key in new[:6])} by new parameters: an optimiser made before it holds the old "
        "ones, and these are never trained. Make all layers in `__init__`."
    )


def distance(one, other, spread):
    """How far two batches of scores are apart, relative to how far ``spread``'s rows are from each other."""
    return float((one - other).abs().max() / (spread - spread.flip(0)).abs().max().clamp(min=1e-12))


def scores_shape(scores, n, name):
    """The shape of scores, in words where it is wrong."""
    assert tuple(scores.shape) == (n, 5), f"For {n} clips and 5 classes `{name}` should give shape {(n, 5)}; it gave {tuple(scores.shape)}."


def at_least(scores):
    """Logarithms of probabilities, none below that of a millionth."""
    return scores.clamp(min=math.log(1e-6))


@points(3, hint="Scores of all N * T frames; softmax; reshape(N, T, -1).mean(dim=1); log.")
@pytest.mark.parametrize("size", [(3, 5, 3, 24, 24), (2, 1, 1, 16, 32), (4, 2, 2, 32, 24), (2, 37, 1, 16, 16)])
def test_single_frame_average(student, probe, rng, np_rng, size):
    """`SingleFrameCNN` gives the logarithm of its frames' averaged probabilities."""
    n, t, c, height, width = size
    x = draw(rng, *size)
    model = new_model(student, probe, np_rng, "SingleFrameCNN", t, c, x, 2.0)
    got, *alone = probe.scores_of(model, x, *(x[:, frame : frame + 1] for frame in range(t)))
    scores_shape(got, n, "SingleFrameCNN")
    # The classes of each frame, by the model itself, told about that frame alone.
    single = torch.stack(alone, dim=1)
    assert not ((single >= 0).all() and torch.allclose(single.sum(dim=2), torch.ones(n, t), atol=1e-3)), (
        "`SingleFrameCNN` gives probabilities, without the logarithm: the cross-entropy would put them through a softmax once more."
    )
    chances = single.softmax(dim=2)
    right = chances.mean(dim=1).log()
    mixed = chances.transpose(0, 1).reshape(n, t, 5)
    wrong = {
        "the mean of the frames' log-probabilities; probabilities are averaged": lambda: chances.log().mean(dim=1),
        "the mean of the frames' scores; probabilities are averaged": lambda: single.mean(dim=1).log_softmax(dim=1),
        "the first frame alone": right if t == 1 else chances[:, 0].log(),
        "the last frame alone": right if t == 1 else chances[:, -1].log(),
        "the middle frame alone": right if t == 1 else chances[:, t // 2].log(),
        "the largest probability of any frame": lambda: chances.amax(dim=1).log(),
        "the first 16 frames alone": lambda: chances[:, :16].mean(dim=1).log(),
        "the first 32 frames alone": lambda: chances[:, :32].mean(dim=1).log(),
        **{f"probabilities kept above {least:g}": lambda least=least: chances.mean(dim=1).clamp(min=least).log() for least in (1e-5, 1e-4, 1e-3, 1e-2, 0.05)},
        "the sum of the frames' probabilities, not their mean": lambda: chances.sum(dim=1).log(),
        "frames of different clips averaged: N and T exchanged": lambda: mixed.mean(dim=1).log(),
        "frames of different clips averaged: (T, N) taken for (N, T)": lambda: single.reshape(t, n, 5).softmax(2).mean(0).log(),
    }
    # Whoever keeps the logarithm finite may do so below a millionth.
    assert_close(
        at_least(got),
        at_least(right),
        name="the model's output for a clip",
        mistakes={what: lambda value=value: at_least(value() if callable(value) else value) for what, value in wrong.items()},
        **TOLERANCE,
    )


@points(3, hint="features (N * T, D, H', W') -> mean over H' and W' -> (N, T, D) -> mean over T -> one linear layer.")
@pytest.mark.parametrize("size", [(3, 4, 3, 24, 24), (2, 6, 1, 16, 32)])
def test_late_pool(student, probe, rng, np_rng, size):
    """`LateFusionPool` averages over time and space before one linear layer: a clip's scores are the mean of its frames' scores."""
    n, t, c, height, width = size
    x = draw(rng, *size)
    model = new_model(student, probe, np_rng, "LateFusionPool", t, c, x, 2.0)
    other = draw(rng, 2, t, c, height + 8, width - 8)
    shuffled = x[:, torch.randperm(t, generator=rng)]
    got, moved, resized, *alone = probe.scores_of(model, x, shuffled, other, *(x[:, frame : frame + 1] for frame in range(t)))
    scores_shape(got, n, "LateFusionPool")
    scores_shape(resized, 2, "LateFusionPool")
    assert not ((got >= 0).all() and torch.allclose(got.sum(dim=1), torch.ones(n), atol=1e-3)), (
        "`LateFusionPool` gives probabilities: a softmax at the end, which the cross-entropy will do once more. Leave it out."
    )
    single = torch.stack(alone, dim=1)
    spread = single.mean(dim=1)
    assert distance(got, moved, spread) < 1e-2, (
        "The scores of `LateFusionPool` change when the frames of a clip change their order; an average over time cannot tell."
    )
    # A frame that is shown three times more weighs more in an average, and not in a maximum.
    pairs = torch.stack([x[:, 0], x[:, 1]], dim=1), torch.stack([x[:, 0], x[:, 0], x[:, 0], x[:, 1]], dim=1)
    one, often = probe.scores_of(model, *pairs)
    largest = torch.allclose(one, often, rtol=1e-4, atol=1e-5) and distance(got, spread, spread) > 1e-2
    assert not largest, "`LateFusionPool` gives a clip the same scores however often one of its frames is repeated: a maximum over time, where it should average."
    assert_close(
        got,
        spread,
        name="the scores of a clip, compared with the mean of the model's scores of its frames,",
        mistakes={
            "the largest score of any frame: a maximum over time, not an average": lambda: single.amax(dim=1),
            "the sum over the frames, not their mean": lambda: single.sum(dim=1),
            "the first frame alone": single[:, 0],
            "the last frame alone": single[:, -1],
            "the middle frame alone": single[:, t // 2],
            "the frames' probabilities averaged; this model averages features": lambda: single.softmax(dim=2).mean(dim=1),
            "a softmax at the end": lambda: single.mean(dim=1).softmax(dim=1),
            "frames of different clips averaged: (T, N) taken for (N, T)": lambda: single.transpose(0, 1).reshape(n, t, 5).mean(dim=1),
        },
        **TOLERANCE,
    )


def meets_late(student, probe, np_rng, rng, t=4):
    """A late fusion network and clips; the layers that run."""
    x = draw(rng, 3, t)
    model = new_model(student, probe, np_rng, "LateFusionFC", t, 3, x)
    return model, x


@points(3, hint="features of (N * T, C, H, W), then reshape(N, -1): T, D, H' and W' side by side; then Linear, ReLU, Linear.")
def test_late_fc(student, probe, rng, np_rng):
    """`LateFusionFC` runs one 2-D network on each frame, and fully connected layers on the features of all frames in their order."""
    t = 4
    model, x = meets_late(student, probe, np_rng, rng, t)
    got, alone, backward = probe.scores_of(model, x, x[:1], x.flip(1))
    scores_shape(got, 3, "LateFusionFC")
    assert distance(got[:1], alone, got) < 1e-3, "`LateFusionFC` gives a clip different scores in a batch than alone: frames of different clips are mixed."
    assert distance(got, backward, got) > 1e-3, (
        "`LateFusionFC` gives a clip played backwards the same scores: features are averaged over time before the fully "
        "connected layers, which should see them in their order."
    )
    counts = probe.convolution_sizes(student.ref("LateFusionFC"), [ARGUMENTS["LateFusionFC"](frames, 3) for frames in (3, 6)])
    many = "there is a 2-D network for each frame. One network runs on all frames." if counts[1] == 2 * counts[0] else (
        "frames already meet in them. They should first meet in the fully connected layers."
    )
    assert counts[0] == counts[1], f"With 6 frames instead of 3, the convolutions of `LateFusionFC` hold {counts[1]} weights instead of {counts[0]}: {many}"
    for frame in range(t):
        changed = x.clone()
        changed[:, frame] = draw(rng, 3, 1)[:, 0]
        moved = probe.shares_that_move(model, x, changed)
        assert all(share <= 1 / t + 1e-3 for share in moved), (
            f"When one of {t} frames changes, {100 * max(moved):.0f} % of what a convolution of `LateFusionFC` gives changes with it: "
            "frames already meet in the 2-D network. They should first meet in the fully connected layers."
        )
        there = probe.scores_of(model, changed)[0]
        assert distance(got, there, got) > 1e-3, f"`LateFusionFC` does not look at frame {frame} of {t}: its scores stay the same without it."
    linear = [layer for layer in probe.layers_of(model, x) if layer["kind"] == "Linear"]
    assert len(linear) >= 2, f"`LateFusionFC` should have two `nn.Linear` layers or more after the features; {len(linear)} ran."
    assert not probe.linear_without_activation(model, x), (
        "`LateFusionFC` has nothing between two linear layers. Without an activation, they are equivalent to a single one: put a ReLU there."
    )
    larger = {**ARGUMENTS["LateFusionFC"](2, 3), "image_size": 56}
    (scores,) = probe.new_scores(student.ref("LateFusionFC"), larger, seed_of(np_rng), None, draw(rng, 2, 2, height=56, width=56))
    scores_shape(scores, 2, "LateFusionFC")


@points(4, hint="clips.flatten(1, 2): (N, T * C, H, W). The first convolution has T * C input channels; then a normal 2-D network.")
@pytest.mark.parametrize("case", [(4, 3), (5, 1), (3, 2)])
def test_early_fusion(student, probe, rng, np_rng, case):
    """`EarlyFusion` shows all frames of a clip to its first convolution, each of them once."""
    t, c = case
    x = draw(rng, 3, t, c)
    made_at_once(student, probe, "EarlyFusion", t, c, x)
    model = new_model(student, probe, np_rng, "EarlyFusion", t, c, x)
    got, alone, backward = probe.scores_of(model, x, x[:1], x.flip(1))
    scores_shape(got, 3, "EarlyFusion")
    assert distance(got[:1], alone, got) < 1e-3, "`EarlyFusion` gives a clip different scores in a batch than alone: frames of different clips are mixed."
    assert distance(got, backward, got) > 1e-3, "`EarlyFusion` gives a clip played backwards the same scores: it does not see the order of frames."
    layers = probe.layers_of(model, x)
    assert layers and layers[0]["kind"] in ("Conv2d", "Conv3d"), "The first layer of `EarlyFusion` should be a convolution over all frames."
    first = layers[0]
    each = first["weight"][1] * (first["weight"][2] if first["kind"] == "Conv3d" else 1)
    assert each == t * c, (
        f"A filter of the first convolution of `EarlyFusion` should see all {t} frames of {c} channels, {t * c} channels in all; its weight has "
        f"shape {tuple(first['weight'])}, and it sees {each}."
    )
    assert first["output"][0] == 3 and (first["kind"] == "Conv2d" or first["output"][2] == 1), (
        f"After the first convolution of `EarlyFusion` there should be no time any more; it gives shape {tuple(first['output'])} for 3 clips."
    )
    seen = probe.stacked_channels(model, x[:2])
    places = sorted(tuple(place) for slices in seen for place in slices)
    clips = {place[0] for place in places}
    assert clips == {0}, "The first convolution of `EarlyFusion` sees frames of other clips as well: N and T are mixed."
    assert places == sorted((0, frame, channel) for frame in range(t) for channel in range(c)), (
        "Each input channel of the first convolution of `EarlyFusion` should show one channel of one frame; some are shown twice or never."
    )
    keep = [index for index, (place,) in enumerate(seen) if place[1] == 1]
    other = draw(rng, 3, t, c)
    other[:, 1] = x[:, 1]
    one = probe.scores_without_frames(model, x, keep)
    two = probe.scores_without_frames(model, other, keep)
    assert distance(one, two, one) < 1e-3, (
        "With all weights of the first convolution at 0 but those of one frame, the scores of `EarlyFusion` still change with the other frames: "
        "they come in behind the first convolution as well."
    )


@points(2, hint="nn.Conv3d wants (N, C, T, H, W): clips.transpose(1, 2), never view. Kernels of 3 frames, and no pool over all of time first.")
@pytest.mark.parametrize("t", [8, 6, 11])
def test_3d_order(student, probe, rng, np_rng, t):
    """`CNN3D` takes clips of any length, and sees the order of their frames."""
    x = draw(rng, 3, t, 2)
    model = new_model(student, probe, np_rng, "CNN3D", t, 2, x)
    got, alone, backward = probe.scores_of(model, x, x[:1], x.flip(1))
    scores_shape(got, 3, "CNN3D")
    assert distance(got[:1], alone, got) < 1e-3, "`CNN3D` gives a clip different scores in a batch than alone: frames of different clips are mixed."
    given = probe.first_input(model, x)
    assert given is not None, "`CNN3D` has no convolution."
    if tuple(given.shape) == (3, 2, t, 24, 24):
        # A model may normalise its input first: compared is what is left when mean and scale are gone.
        normal = lambda value: (value - value.mean()) / value.std()  # noqa: E731
        mixed = x.reshape(3, 2, t, 24, 24)
        assert not torch.allclose(normal(given), normal(mixed), atol=1e-3), (
            "What the first convolution of `CNN3D` is given has the right shape, but frames and channels are mixed: `view` or `reshape` where axes should be "
            "exchanged, by `transpose` or `permute`."
        )
    assert distance(got, backward, got) > 1e-3, (
        "`CNN3D` gives a clip played backwards the same scores: no filter of it compares frames, or time is pooled away before one does."
    )


@points(2, hint="At the end, mean over what is left of time and space; the filters before it slide over time.")
def test_3d_shift(student, probe, rng, np_rng):
    """`CNN3D` gives the same scores when the same thing happens 8 frames later."""
    t = 48
    x = draw(rng, 2, t, 2)
    model = new_model(student, probe, np_rng, "CNN3D", t, 2, x[:, :8])
    event = draw(rng, 2, 6, 2)
    clips = []
    for start in (18, 26):
        clip = torch.zeros(2, t, 2, 24, 24)
        clip[:, start : start + 6] = event
        clips.append(clip)
    blank, early, late = probe.scores_of(model, torch.zeros(2, t, 2, 24, 24), *clips)
    effect = (early - blank).abs().max()
    assert effect > 1e-6, (
        "`CNN3D` gives a clip in which something happens in the middle the same scores as a blank one: at the end, features should be averaged over all of time."
    )
    assert (early - late).abs().max() < 1e-2 * effect + 1e-6, (
        "`CNN3D` gives other scores when the same thing happens 8 frames later in a clip of 48: its filters should slide over time, and "
        "the features should be averaged over time at the end."
    )


PLAN = (1, "pool", 2, "pool", 4, 4, "pool", 8, 8, "pool", 8, 8, "pool")


def run_c3d(weights, biases, x, *, first_pool=(1, 2, 2), padded=False, relu=True, relus=(True, True), last_relu=False):
    """Scores of C3D with the given weights."""
    h, at = x.transpose(1, 2), 0
    for number, part in enumerate(PLAN):
        if part == "pool":
            window = first_pool if number == 1 else (2, 2, 2)
            padding = (0, 1, 1) if padded and number == len(PLAN) - 1 else 0
            h = F.max_pool3d(h, window, window, padding)
        else:
            h = F.conv3d(h, weights[at], biases[at], padding=1)
            h = h.relu() if relu else h
            at += 1
    h = h.flatten(1)
    for index in range(3):
        h = F.linear(h, weights[at + index], biases[at + index])
        h = h.relu() if (*relus, last_relu)[index] else h
    return h


@points(3, hint="conv-ReLU blocks with 1, 2, 4 4, 8 8, 8 8 times width filters, a pool after each; flatten 8w * 1 * 3 * 3; three linear layers.")
def test_c3d(student, probe, rng, np_rng):
    """`C3D` has the layers of the slide."""
    x = torch.rand(1, 16, 3, 112, 112, generator=rng)
    model = new_model(student, probe, np_rng, "C3D", 16, 3)
    layers = probe.layers_of(model, x)
    shapes, size, channels = [], [16, 112, 112], 3
    for number, part in enumerate(PLAN):
        if part == "pool":
            size = [size[0] // (1 if number == 1 else 2), size[1] // 2, size[2] // 2]
            shapes.append(("MaxPool3d", [1, channels, *size]))
        else:
            channels = 2 * part
            shapes.append(("Conv3d", [1, channels, *size]))
    shapes += [("Linear", [1, 128]), ("Linear", [1, 128]), ("Linear", [1, 5])]
    for number, (kind, shape) in enumerate(shapes):
        got = layers[number] if number < len(layers) else {"kind": "nothing", "output": []}
        assert (got["kind"], got["output"]) == (kind, shape), (
            f"Layer {number + 1} of `C3D(5, 3, width=2)`, counting convolutions, pools and linear layers, should be nn.{kind} and give shape {tuple(shape)} for a clip of "
            f"16 x 112 x 112; it is {got['kind']} and gives {tuple(got['output'])}."
        )
    strange = probe.norms_and_dropout(model)
    assert not strange, f"`C3D` holds nn.{strange[0]}; it should have no batch norm and no dropout."
    grey = probe.layers_of(probe.new_model(student.ref("C3D"), ARGUMENTS["C3D"](16, 1), seed_of(np_rng), None, None), x[:, :, :1])
    assert grey, "`C3D(5, 1, width=2)`, for clips of one channel, has no convolution, pool or linear layer."
    got = probe.executed(model, x)
    weights, biases = got["weights"], got["biases"]
    for number, (weight, bias) in enumerate(zip(weights, biases)):
        assert weight.dim() == 2 or tuple(weight.shape[2:]) == (3, 3, 3), f"Convolution {number + 1} of `C3D` should have a kernel of 3 x 3 x 3; its weight has shape {tuple(weight.shape)}."
        assert bias is not None, f"Layer {number + 1} of `C3D` should have a bias."
    right = run_c3d(weights, biases, x)
    assert_close(
        got["scores"],
        right,
        name="what `C3D` makes of its layers",
        mistakes={
            "no ReLU after the convolutions": lambda: run_c3d(weights, biases, x, relu=False),
            "a ReLU after the last layer": lambda: run_c3d(weights, biases, x, last_relu=True),
            "no ReLU after the second of the three linear layers": lambda: run_c3d(weights, biases, x, relus=(True, False)),
            "no ReLU after the first of the three linear layers": lambda: run_c3d(weights, biases, x, relus=(False, True)),
            "no ReLU after the linear layers": lambda: run_c3d(weights, biases, x, relus=(False, False)),
            "a softmax at the end": lambda: right.softmax(dim=1),
            "a log-softmax at the end": lambda: right.log_softmax(dim=1),
        },
        rtol=1e-3,
        atol=1e-5,
    )
    count = sum(value.numel() for value in (*weights, *biases))
    assert_registered(model, count, name="`C3D(5, 3, width=2)`")


@points(1, hint="No softmax and no ReLU after the last layer: cross-entropy wants scores.")
@pytest.mark.parametrize("name", ["LateFusionFC", "LateFusionPool", "EarlyFusion", "CNN3D"])
def test_scores(student, probe, rng, np_rng, name):
    """The scores of the models are scores: they are not probabilities, and they may be negative."""
    x = draw(rng, 6, 8)
    (got,) = probe.scores_of(new_model(student, probe, np_rng, name, 8, 3, x), x)
    sums = got.sum(dim=1)
    assert not ((got >= 0).all() and torch.allclose(sums, torch.ones(6), atol=1e-3)), (
        f"What `{name}` gives are probabilities: a softmax, which the cross-entropy will do once more. Leave it out."
    )
    # A fresh network's scores may all be positive by chance, through the biases of its last layer; those of six hardly.
    fresh = [got] + [probe.scores_of(new_model(student, probe, np_rng, name, 8, 3, x), x)[0] for _ in range(5)]
    assert any((scores < 0).any() for scores in fresh), (
        f"None of six new `{name}` gives a negative score for any clip: is there a ReLU after its last layer?"
    )


@points(1, hint="Layers belong in attributes, nn.Sequential or nn.ModuleList, in `__init__`; nothing is made in forward.")
@pytest.mark.parametrize("name", ["SingleFrameCNN", "LateFusionFC", "LateFusionPool", "EarlyFusion", "CNN3D"])
def test_models_learn(student, probe, rng, np_rng, name):
    """All layers of the models are made in `__init__`, seen by the optimiser, and reached by gradients."""
    x = draw(rng, 3, 8)
    made_at_once(student, probe, name, 8, 3, x)
    (scores,) = probe.new_scores(student.ref(name), {**ARGUMENTS[name](8, 3), "num_classes": 7}, seed_of(np_rng), None, x)
    classes = int(scores.shape[-1])
    assert classes == 7, f"`{name}` with num_classes=7 gives {classes} scores for each clip."
    got = probe.reached(new_model(student, probe, np_rng, name, 8, 3), x)
    assert_registered(new_model(student, probe, np_rng, name, 8, 3), got["registered"] + got["stray"], name=f"`{name}`")
    cut = ", ".join(f"`{key}`" for key in got["cut"][:6])
    assert not got["cut"], f"No gradient reaches {cut} of `{name}`, though the layers are in use: something cuts the graph behind them, or they are frozen."


def knows(student, probe, held_out, name, settings, seed):
    """The accuracy on public clips that a model has which nobody has trained."""
    fresh = probe.new_model(student.ref(name), settings, seed)
    return held_out.known(100).accuracy(lambda x: probe.predict(fresh, x))


def train(student, probe, held_out, name, settings, epochs, seed, one_frame=False):
    """A model trained on public clips."""
    clips, labels = held_out.train
    bytes_ = (clips * 255).round().to(torch.uint8)
    return probe.trained(student.ref(name), settings, bytes_, labels, epochs, seed, one_frame)


@points(5, timeout=60, hint="Overfit 20 clips first. Does `clips.transpose(1, 2)` come before the first convolution? Batch norm helps in such a short training.")
def test_motion(student, probe, held_out, profile, award, untrained, show, np_rng):
    """A trained `CNN3D` recognises the direction in which digits move, on clips that it has not seen."""
    settings = {"num_classes": 8, "in_channels": 1}
    untrained(knows(student, probe, held_out, "CNN3D", settings, seed_of(np_rng)), metric="motion_accuracy")
    model = train(student, probe, held_out, "CNN3D", settings, profile.budget["motion_epochs"], seed_of(np_rng))
    examples = held_out.examples(200)
    show.clips(examples, lambda x: probe.predict(model, x))
    show.confusion(examples, lambda x: probe.predict(model, x))
    award(held_out.accuracy(lambda x: probe.predict(model, x)), metric="motion_accuracy")


@points(3, timeout=60, hint="Are all frames stacked before the first convolution? Nothing may be lost there; then a normal 2-D network.")
def test_motion_early(student, probe, held_out, profile, award, untrained, np_rng):
    """A trained `EarlyFusion` recognises the direction in which digits move, on clips that it has not seen."""
    settings = {"num_classes": 8, "num_frames": 6, "in_channels": 1}
    untrained(knows(student, probe, held_out, "EarlyFusion", settings, seed_of(np_rng)), metric="early_accuracy")
    model = train(student, probe, held_out, "EarlyFusion", settings, profile.budget["motion_epochs"], seed_of(np_rng))
    award(held_out.accuracy(lambda x: probe.predict(model, x)), metric="early_accuracy")


@points(4, timeout=60, hint="Three blocks of convolution, batch norm, ReLU and pool are enough. Do all frames of a clip have a say?")
def test_appearance(student, probe, held_out, profile, award, untrained, show, np_rng):
    """A trained `SingleFrameCNN` recognises which digit moves, on clips that it has not seen."""
    looks = held_out.also["appearance"]
    settings = {"num_classes": 10, "in_channels": 1}
    untrained(knows(student, probe, looks, "SingleFrameCNN", settings, seed_of(np_rng)), metric="appearance_accuracy")
    model = train(student, probe, looks, "SingleFrameCNN", settings, profile.budget["appearance_epochs"], seed_of(np_rng), one_frame=True)
    show.clips(looks.examples(200), lambda x: probe.predict(model, x))
    award(looks.accuracy(lambda x: probe.predict(model, x)), metric="appearance_accuracy")
