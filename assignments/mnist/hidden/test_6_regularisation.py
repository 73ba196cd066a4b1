"""Hidden checks: weight decay in both forms, and the block for feature maps."""

import pytest
import torch
from torch.nn import functional as F

from grader.checks import assert_close, points
from grader.checks.activations import other_activations

TOLERANCE = {"rtol": 1e-4, "atol": 1e-6}


def weights_of(parameters):
    """Those with two axes or more."""
    return [p for p in parameters if p.dim() >= 2]


def without_biases(parameters):
    """What is left when all that is called a bias is left out: the weights, and the scales of batch norm."""
    return [p for index, p in enumerate(parameters) if index in (0, 2, 4)]


def squares(parameters):
    """The sum of all squares."""
    return sum(p.square().sum().item() for p in parameters)


def mixed_batch(rng):
    """A batch for the probe's mixed model: 5 images of 4 x 4, 4 classes."""
    return torch.randn(5, 1, 4, 4, generator=rng, dtype=torch.float64), torch.randint(4, (5,), generator=rng)


def seed_of(rng):
    """A seed for the probe's model."""
    return int(torch.randint(2**31, (1,), generator=rng))


@points(2, hint="parameter.square().sum() over the parameters with two axes or more, all in torch, so that it has a gradient.")
def test_l2_penalty(student, probe, rng):
    """`l2_penalty` sums the squares of all weights, and of nothing else."""
    got = probe.penalty_of(student.ref("l2_penalty"), seed_of(rng))
    assert got["graph"], "the penalty has no gradient: keep it in torch, without .item(), .data, .detach() or torch.tensor(...)"
    parameters = got["parameters"]
    weights = weights_of(parameters)
    right = squares(weights)
    assert_close(
        got["value"],
        right,
        name="the penalty",
        mistakes={
            "biases, scales and shifts counted as well": lambda: squares(parameters),
            "the scales of batch norm counted as well: they are called weight, and have one axis": lambda: squares(
                without_biases(parameters)
            ),
            "the factor 1/2": lambda: right / 2,
            "the norm, not its square": lambda: right**0.5,
            "a sum of norms, not of squares": lambda: sum(w.norm().item() for w in weights),
            "absolute values instead of squares": lambda: sum(w.abs().sum().item() for w in weights),
            "means instead of sums": lambda: sum(w.square().mean().item() for w in weights),
            "one mean over all weights": lambda: right / sum(w.numel() for w in weights),
            "the linear layers alone; a convolution has weights too": lambda: squares([w for w in weights if w.dim() == 2]),
            "the convolutions alone": lambda: squares([w for w in weights if w.dim() == 4]),
            "the biases instead of the weights": lambda: squares([p for p in parameters if p.dim() < 2]),
        },
        **TOLERANCE,
    )
    mistakes = {
        "the weights left out that require no gradient": lambda: squares(weights[1:]),
        "the weights that require no gradient, alone": lambda: squares(weights[:1]),
    }
    assert_close(got["frozen"], right, name="the penalty of a network whose convolution is frozen", mistakes=mistakes, **TOLERANCE)
    for parameter, gradient in zip(parameters, got["gradients"]):
        right = 2 * parameter if parameter.dim() >= 2 else torch.zeros_like(parameter)
        assert_close(gradient, right, name=f"the penalty's gradient for a parameter with {parameter.dim()} axes", **TOLERANCE)


@points(2, hint="Return a function of (scores, y) that computes the penalty at each call, and adds lam times it.")
@pytest.mark.parametrize("lam", [0.3, 0.05])
def test_penalised(student, probe, rng, lam):
    """`penalised` adds `lam` times the penalty of the current weights."""
    x, y = mixed_batch(rng)
    got = probe.penalised_losses(student.ref("penalised"), seed_of(rng), x, y, lam)
    now = [squares(weights_of(parameters)) for parameters in got["parameters"]]
    everything = [squares(parameters) for parameters in got["parameters"]]
    scales_too = [squares(without_biases(parameters)) for parameters in got["parameters"]]
    data = got["data"]
    for when, name in enumerate(("the loss", "the loss after the weights have changed")):
        assert_close(
            got["values"][when],
            data[when] + lam * now[when],
            name=name,
            mistakes={
                "no penalty": lambda: data[when],
                "lam left out": lambda: data[when] + now[when],
                **{f"lam = {other:g}, whatever is given": lambda other=other: data[when] + other * now[when] for other in (0.3, 0.1, 0.05, 0.01, 1e-3) if other != lam},
                "a penalty of the norms of the weights, not of their squares": lambda: data[when] + lam * sum(w.norm().item() for w in weights_of(got["parameters"][when])),
                "the penalty subtracted": lambda: data[when] - lam * now[when],
                "the penalty alone": lambda: lam * now[when],
                "the factor 1/2": lambda: data[when] + lam / 2 * now[when],
                "biases, scales and shifts penalised as well": lambda: data[when] + lam * everything[when],
                "the scales of batch norm penalised as well": lambda: data[when] + lam * scales_too[when],
                "the penalty of the old weights: compute it at each call": lambda: data[when] + lam * now[0],
            },
            **TOLERANCE,
        )
    for parameter, gradient, plain in zip(got["parameters"][0], got["gradients"], got["plain"]):
        decay = 2 * lam * parameter if parameter.dim() >= 2 else 0 * parameter
        mistakes = {"no gradient through the penalty": lambda: plain, "no gradient through the loss": lambda: decay}
        name = f"the loss's gradient for a parameter with {parameter.dim()} axes"
        assert_close(gradient, plain + decay, name=name, mistakes=mistakes, **TOLERANCE)


@points(2, hint="lam * w² has the gradient 2 * lam * w, and weight_decay=d adds d * w. Parameter groups spare the biases.")
@pytest.mark.parametrize(("lam", "rate"), [(0.3, 0.1), (0.0, 0.25)])
def test_sgd_with_weight_decay(student, probe, rng, lam, rate):
    """`sgd_with_weight_decay` makes the steps that the penalised loss makes."""
    x, y = mixed_batch(rng)
    got = probe.decayed_steps(student.ref("sgd_with_weight_decay"), seed_of(rng), x, y, rate, lam, 3)
    assert got["optimizer"], "sgd_with_weight_decay should return an optimiser of torch.optim"
    speed = {momentum: [torch.zeros_like(p) for p in got["parameters"][0]] for momentum in (0.5, 0.8, 0.9, 0.95, 0.99)}
    for before, gradients, after in zip(got["parameters"], got["gradients"], got["parameters"][1:]):
        for index, (p, g, moved) in enumerate(zip(before, gradients, after)):
            for momentum, old in speed.items():
                old[index] = momentum * old[index] + g + (2 * lam * p if p.dim() >= 2 else 0)
            decay = 2 * lam if p.dim() >= 2 else 0.0
            kind = "weights" if p.dim() >= 2 else "biases, scales and shifts"
            mistakes = {
                "no update: the optimiser does not have them": lambda: p,
                "weight_decay = lam, where the gradient of lam * w² is 2 * lam * w": lambda: p - rate * (g + lam * p),
                "no decay": lambda: p - rate * g,
                "twice the decay": lambda: p - rate * (g + 4 * lam * p),
                "a step uphill": lambda: p + rate * (g + decay * p),
                **{f"a momentum of {momentum:g}, which nobody asked for": lambda old=old: p - rate * old[index] for momentum, old in speed.items()},
                "a decay that is multiplied by the rate twice": lambda: p - rate * (g + rate * decay * p),
                "a rate of 0.1, whatever `lr` is given": lambda: p - 0.1 * (g + decay * p),
                "a rate of 0.01, whatever `lr` is given": lambda: p - 0.01 * (g + decay * p),
            }
            if p.dim() < 2:
                mistakes["decay, which is only for weights"] = lambda: p - rate * (g + 2 * lam * p)
            if p.dim() == 4:
                mistakes["no decay; a convolution has weights too"] = mistakes.pop("no decay")
            right = p - rate * (g + decay * p)
            assert_close(moved, right, name=f"what a step makes of the {kind}", mistakes=mistakes, **TOLERANCE)


def conv_of(parameters, sizes):
    """The block's convolution weight, found by its shape."""
    shape = (sizes[1], sizes[0], 3, 3)
    found = [p for p in parameters if tuple(p.shape) == shape]
    assert found, f"ConvBlock{tuple(sizes)} should have a convolution weight of shape {shape}"
    return found[0]


def normalised(maps, axes=(0, 2, 3)):
    """Batch norm as a new layer has it."""
    mean, var = maps.mean(dim=axes, keepdim=True), maps.var(dim=axes, keepdim=True, unbiased=False)
    return (maps - mean) / (var + 1e-5).sqrt()


LOOSE = {"rtol": 2e-3, "atol": 2e-3}


@points(3, hint="nn.BatchNorm2d: one mean and one variance for each channel, over the batch, rows and columns. Then ReLU.")
@pytest.mark.parametrize(("size", "sizes"), [((5, 6), [3, 5]), ((7, 4), [4, 4])])
def test_conv_block(student, probe, rng, size, sizes):
    """`ConvBlock` is a 3x3 convolution, batch norm for each channel, ReLU; also where it keeps the number of channels."""
    channels, filters = sizes
    x = torch.randn(4, channels, *size, generator=rng) + torch.linspace(-1, 1, size[1])
    got = probe.run_block(student.ref("ConvBlock"), sizes, 0.0, x, True)
    parameters, out = got["parameters"], got["outputs"][0]
    maps = F.conv2d(x, conv_of(parameters, sizes), padding=1)
    biases = [p for p in parameters if p.numel() == filters and p.unique().numel() > 1] or [torch.zeros(filters)]
    biased = maps + biases[0].reshape(filters, 1, 1)
    assert_close(
        out,
        F.relu(normalised(maps)),
        name="the block's output in training mode",
        inputs={"x": x},
        mistakes={
            "no batch norm": lambda: F.relu(biased),
            "no ReLU": lambda: normalised(maps),
            **({"the block's input added at the end, as a shortcut": lambda: F.relu(normalised(maps)) + x, "the block's input added before the ReLU, as a shortcut": lambda: F.relu(normalised(maps) + x)} if channels == filters else {}),
            "ReLU before batch norm": lambda: normalised(F.relu(biased)),
            "a mean and variance for each pixel: that is BatchNorm1d on flattened maps": lambda: F.relu(normalised(maps, (0,))),
            "a mean and variance for each map of each example": lambda: F.relu(normalised(maps, (2, 3))),
            "a mean and variance for each example": lambda: F.relu(normalised(maps, (1, 2, 3))),
            "a mean and variance for each example, biases included": lambda: F.relu(normalised(biased, (1, 2, 3))),
            **{f"a padding of the kind {mode!r}, not zeros": lambda mode=mode: F.relu(normalised(F.conv2d(F.pad(x, (1, 1, 1, 1), mode=mode), conv_of(parameters, sizes)))) for mode in ("replicate", "reflect", "circular")},
            **other_activations(lambda f: f(normalised(maps)), "the ReLU"),
        },
        **LOOSE,
    )
    learnt = sum(p.numel() for p in parameters)
    assert learnt >= filters * (9 * channels + 2), f"the block should learn a scale and a shift for each channel too; it has {learnt} parameters"
    other = torch.randn(3, channels, *size, generator=rng)
    settled = probe.settled_block(student.ref("ConvBlock"), sizes, x, other)
    assert torch.equal(settled["alone"], settled["again"]), "in evaluation mode two calls differ: dropout is still active, or running averages move"
    assert_close(settled["alone"], settled["beside"], name="the block's output for images alone and beside others, in evaluation mode,", **LOOSE)


@points(2, hint="nn.Dropout2d drops whole channels; nn.Dropout silently drops single pixels.")
def test_conv_block_dropout(student, probe, rng):
    """`ConvBlock` drops whole channels in training."""
    sizes, p = [2, 16], 0.3
    x = torch.randn(30, 2, 7, 8, generator=rng)
    seed = int(torch.randint(2**31, (), generator=rng))
    got = probe.run_block(student.ref("ConvBlock"), sizes, p, x, True, passes=2, seed=seed)
    # Held against the block itself, as it is when nothing is dropped: what else is wrong with it is another check's business.
    plain = probe.run_block(student.ref("ConvBlock"), sizes, 0.0, x, True, seed=seed)
    right = F.relu(normalised(F.conv2d(x, conv_of(got["parameters"], sizes), padding=1)))
    first, second = got["outputs"]
    assert first.shape == right.shape, f"the output has shape {tuple(first.shape)}; it should have {tuple(right.shape)}"
    alike = all(torch.equal(a, b) for a, b in zip(got["parameters"], plain["parameters"], strict=False))
    right = plain["outputs"][0] if alike and plain["outputs"][0].shape == right.shape else right
    lost = (first == 0) & (right > 0.05)
    maps = (first == 0).flatten(2).all(dim=2)
    assert lost.any(), "in training mode nothing is dropped"
    assert (lost <= maps[:, :, None, None]).all(), "single pixels are dropped, where whole channels should be"
    share = maps.double().mean().item()
    # 480 maps: five standard deviations, a chance of 6e-7.
    assert abs(share - p) < 5 * (p * (1 - p) / maps.numel()) ** 0.5, (
        f"with dropout={p}, {share:.1%} of the channels are dropped" + ("; p is the probability to DROP" if abs(share - 1 + p) < 0.11 else "")
    )
    assert not (maps == maps[0]).all(), "every example loses the same channels"
    assert not torch.equal(first, second), "two calls in training mode drop the same channels"
    kept = ~maps[:, :, None, None].expand_as(first)
    assert_close(first[kept], (right / (1 - p))[kept], name="what is kept", mistakes={"no division by 1 - p": lambda: right[kept]}, **LOOSE)
