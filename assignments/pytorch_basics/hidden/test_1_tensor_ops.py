"""Hidden checks for tensor_ops.py: images, sigmoid, losses."""

import re

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from grader.checks import StudentError, assert_close, points, untouched


def _uniform(rng, *shape, low=-1.0, high=1.0, dtype=torch.float32):
    return torch.rand(*shape, generator=rng, dtype=dtype) * (high - low) + low


def _labels(rng, n, classes):
    """Labels in which each row's own number says nothing about its class."""
    return torch.randint(classes, (n,), generator=rng)


# --- images --------------------------------------------------------------------------------------------------------


@points(3, hint="From (H, W, C) to (C, H, W): `permute` moves axes, `reshape` only cuts the same numbers anew.")
@pytest.mark.parametrize(("height", "width", "channels"), [(5, 8, 3), (9, 4, 1), (6, 6, 3)])
def test_image_to_tensor(student, np_rng, height, width, channels):
    """`image_to_tensor` moves the channels to the front and scales pixels to [0, 1]."""
    image = np_rng.integers(0, 256, (height, width, channels), dtype=np.uint8)
    image[0, 0], image[-1, -1] = 255, 0
    tensor = untouched(student.image_to_tensor)(image)
    expected = torch.from_numpy(image.astype(np.float32).transpose(2, 0, 1) / np.float32(255))
    assert_close(tensor, expected, rtol=1e-6, atol=1e-7, name="image_to_tensor(image)", inputs={"image": image})
    assert tensor.dtype == torch.float32, f"`image_to_tensor` should give float32; it gave {tensor.dtype}."


@points(3, hint="Clip to [0, 1] first, then scale by 255 and round; only then convert to uint8, which cuts and wraps.")
@pytest.mark.parametrize(("channels", "height", "width", "live"), [(3, 6, 9, False), (1, 7, 4, False), (3, 5, 4, True)])
def test_tensor_to_image(student, rng, channels, height, width, live):
    """`tensor_to_image` clips, scales, rounds and moves the channels to the end."""
    # Whole grey values plus less than 0.3: far from .5, where rounding is a matter of taste.
    grey = torch.randint(0, 256, (channels, height, width), generator=rng).float()
    tensor = (grey + _uniform(rng, channels, height, width, low=-0.3, high=0.3)) / 255
    tensor[0, 0, 0], tensor[0, 1, 0], tensor[0, 0, 1], tensor[0, 1, 1] = -0.4, 1.7, 5.0, -3.0
    expected = (tensor.double().clamp(0, 1) * 255).round().permute(1, 2, 0).numpy()
    # A network's output requires grad and is shown all the same.
    image = student.tensor_to_image(student.leaf(tensor) if live else tensor)
    assert getattr(image, "dtype", None) == np.uint8, "`tensor_to_image` should give a uint8 array."
    clipped, raw = tensor.double().clamp(0, 1) * 255, tensor.double() * 255
    mistakes = {
        "the fraction cut off instead of rounded": clipped.floor(),
        "values outside [0, 1] wrapped around instead of clipped": raw.round().remainder(256),
        "values outside [0, 1] wrapped round, and the fraction cut off": raw.trunc().remainder(256),
        "the picture stretched between its own lowest and highest value": ((raw - raw.min()) / (raw.max() - raw.min()) * 255).round(),
        "the picture divided by its highest value": (raw.clamp(min=0) / raw.max() * 255).round(),
    }
    mistakes = {words: grey.permute(1, 2, 0) for words, grey in mistakes.items()}
    assert_close(image, expected.astype(np.uint8), rtol=0, atol=0, name="tensor_to_image(tensor)", mistakes=mistakes)


@points(1, hint="The two functions undo each other: the same factor, and the axes moved back the other way.")
def test_image_round_trip(student, np_rng):
    """An image survives the way to a tensor and back unchanged."""
    image = np_rng.permutation(np.arange(256 * 3, dtype=np.int64) % 256).astype(np.uint8).reshape(16, 16, 3)[:, :12]
    again = student.tensor_to_image(student.image_to_tensor(image))
    assert_close(again, image, rtol=0, atol=0, name="the image after the round trip")


@points(2, hint="`torch.stack` adds an axis, `torch.cat` does not.")
@pytest.mark.parametrize("n", [1, 4])
def test_make_batch(student, np_rng, n):
    """`make_batch` stacks images to (N, C, H, W), in their order."""
    images = [np_rng.integers(0, 256, (5, 7, 3), dtype=np.uint8) for _ in range(n)]
    expected = torch.from_numpy(np.stack(images).astype(np.float32).transpose(0, 3, 1, 2) / np.float32(255))
    mistakes = {
        "`torch.cat`, which joins along an existing axis, instead of `torch.stack`, which adds one": expected.flatten(0, 1),
        "the images in reverse order": expected.flip(0),
        "the last image left out": expected[:-1],
        "each image divided by its own largest value, not by 255": lambda: expected / expected.flatten(1).amax(dim=1)[:, None, None, None],
    }
    assert_close(
        untouched(student.make_batch)(images), expected, rtol=1e-6, atol=1e-7, dtype=torch.float32,
        name="make_batch(images)", inputs={"images": np.stack(images)}, mistakes=mistakes,
    )


# --- sigmoid -------------------------------------------------------------------------------------------------------


def _clamped(x, function):
    """What you get with arguments held between two bounds: against an overflow, for example."""
    return {f"x clamped to [-{most}, {most}]": lambda most=most: function(x.clamp(-most, most)) for most in (3, 4, 5, 6, 8, 10, 15, 20, 30, 50, 80)}


@points(2, hint="1 / (1 + exp(-x)), entry by entry.")
@pytest.mark.parametrize(("scale", "dtype"), [(3.0, torch.float64), (3.0, torch.float32), (1e4, torch.float32)])
def test_sigmoid(student, rng, scale, dtype):
    """`sigmoid` follows its definition, for any shape and for large entries."""
    x = scale * torch.randn(2, 3, 4, generator=rng, dtype=dtype)
    y = student.sigmoid(x)
    assert_close(y, torch.sigmoid(x), name="sigmoid(x)", inputs={"x": x}, mistakes=_clamped(x, torch.sigmoid))
    assert y.dtype == dtype, f"`sigmoid` of {dtype} should be {dtype}; it is {y.dtype}."


@points(1, hint="Use tensor operations only: `.item()`, `.detach()` and `torch.tensor(...)` cut the graph.")
def test_sigmoid_gradient(student, rng):
    """Autograd can differentiate `sigmoid`."""
    x = 3 * torch.randn(4, 3, generator=rng, dtype=torch.float64)
    weights = torch.randn(4, 3, generator=rng, dtype=torch.float64)
    leaf = student.leaf(x)
    y = student.sigmoid(leaf)
    assert y.requires_grad, "The result of `sigmoid` is cut off from its argument: autograd has nothing to follow."
    y.backward(weights)
    p = torch.sigmoid(x)
    assert_close(leaf.grad, weights * p * (1 - p), name="gradient of sigmoid", inputs={"x": x})


@points(3, hint="dL/dx = dL/dy * y * (1 - y). Keep y in `ctx`, one per call.")
@pytest.mark.parametrize(("scale", "dtype"), [(2.0, torch.float64), (1e3, torch.float32)])
def test_sigmoid_operation(student, probe, rng, scale, dtype):
    """`Sigmoid.apply` gives values and gradients, also when it is used twice before going backward."""
    x, z, upstream = (torch.randn(5, 3, generator=rng, dtype=dtype) for _ in range(3))
    x, z = scale * x, scale * z
    got = probe.sigmoid_operation(student.ref("Sigmoid"), x, z, upstream)
    p, q = torch.sigmoid(x), torch.sigmoid(z)
    assert_close(got["y"], p, name="Sigmoid.apply(x)", inputs={"x": x})
    assert_close(got["v"], q, name="Sigmoid.apply(z)", inputs={"z": z})
    mistakes = {
        "y (1 - y) alone: dL/dy, which backward receives, is left out": p * (1 - p),
        "the y of the latest call: keep it in `ctx`, where each call has its own": upstream * q * (1 - q),
        "the sigmoid applied to y once more": upstream * torch.sigmoid(p) * (1 - torch.sigmoid(p)),
        "the mean of dL/dy for every entry": upstream.mean() * p * (1 - p),
        "the sum of dL/dy for every entry": upstream.sum() * p * (1 - p),
        "the slope of tanh, 1 - y ** 2": upstream * (1 - p**2),
    }
    right = upstream * p * (1 - p)
    assert_close(got["x_grad"], right, name="gradient through Sigmoid.apply", inputs={"x": x}, mistakes=mistakes)
    assert_close(got["z_grad"], upstream.flip(0) * q * (1 - q), name="gradient through a second Sigmoid.apply")
    assert torch.equal(got["x"], x), "`Sigmoid.forward` overwrites the x that it is given."
    assert torch.equal(got["upstream"], upstream), "`Sigmoid.backward` overwrites dL/dy, which the rest of the graph still needs."
    assert got["steps"] == 1, f"`Sigmoid.apply` should add one node to the graph; x is {got['steps']} steps away."


# --- losses --------------------------------------------------------------------------------------------------------


@points(2, hint="One softmax per row: reduce over dim=1 and keep that dimension.")
@pytest.mark.parametrize(("n", "classes"), [(4, 7), (9, 3), (5, 5)])
def test_log_softmax(student, rng, n, classes):
    """`log_softmax` follows its definition, row by row."""
    scores = 2 * torch.randn(n, classes, generator=rng, dtype=torch.float64)
    # 2e-5: an epsilon inside the logarithm is the stability check's business, not this one's.
    assert_close(
        student.log_softmax(scores), scores.log_softmax(dim=1), rtol=2e-5, atol=2e-5,
        name="log_softmax(scores)", inputs={"scores": scores},
    )


@points(3, hint="exp(89) overflows float32: subtract each row's maximum first, and do not take the log of a softmax.")
@pytest.mark.parametrize("scale", [100.0, 1e4])
def test_log_softmax_stable(student, rng, scale):
    """`log_softmax` and its gradient stay right for large scores, and do not change when a row is shifted."""
    scores = scale * torch.randn(6, 4, generator=rng)
    # One row lies far below zero: a single maximum for the whole batch would let it underflow.
    scores[2] = -3 * scale + torch.randn(4, generator=rng)
    leaf = student.leaf(scores)
    output = student.log_softmax(leaf)
    right = scores.log_softmax(dim=1)
    held = {f"results held above -{most}": lambda most=most: right.clamp(min=-most) for most in (10, 20, 30, 50, 100)}
    held |= {f"probabilities kept above {least:g}": lambda least=least: right.exp().clamp(min=least).log() for least in (1e-12, 1e-10, 1e-8, 1e-7, 1e-6)}
    assert_close(output, right, rtol=1e-4, atol=1e-3, name="log_softmax(large scores)", mistakes=held)
    picked = _labels(rng, 6, 4)
    weights = F.one_hot(picked, 4).float()
    assert output.requires_grad, "The result of `log_softmax` is cut off from its argument."
    output.backward(weights)
    expected = weights - scores.softmax(dim=1)
    top = F.one_hot(scores.argmax(dim=1), 4).float()
    mistakes = {"the logarithm of the sum cut off from the graph": lambda: weights, "the logarithm of the sum cut off from the graph, where the maximum is not": lambda: weights - top}
    assert_close(leaf.grad, expected, rtol=1e-3, atol=1e-3, name="gradient of log_softmax at large scores", mistakes=mistakes)


@points(3, hint="Pick each row's entry at its label, average over the batch, mind the sign. The scores are raw.")
@pytest.mark.parametrize(("n", "classes"), [(6, 4), (3, 8), (1, 5)])
def test_cross_entropy(student, rng, n, classes):
    """`cross_entropy` is the mean negative log-probability of the right class."""
    scores = 2 * torch.randn(n, classes, generator=rng, dtype=torch.float64)
    labels = _labels(rng, n, classes)
    if n > 1:
        labels[-2:] = torch.tensor([0, classes - 1])  # no class is left out, be it the first or the last
    picked = scores.softmax(dim=1)[torch.arange(n), labels]
    mistakes = {
        "a softmax before the log-softmax, which already normalises": lambda: F.cross_entropy(scores.softmax(dim=1), labels),
        "a softmax over the batch (dim=0)": lambda: F.nll_loss(scores.log_softmax(dim=0), labels),
        "the probability instead of its logarithm": lambda: -picked.mean(),
        "the raw scores, without a softmax": lambda: F.nll_loss(scores, labels),
        "the columns of all labels for every row, `[:, labels]`: each row has its own label": lambda: -scores.log_softmax(dim=1)[:, labels].mean(),
        "the mean of each class's own mean: all examples count alike": lambda: torch.stack([-picked[labels == c].log().mean() for c in labels.unique()]).mean(),
        **{f"the examples of class {c} left out": lambda c=c: -picked[labels != c].log().mean() for c in (0, classes - 1)},
        **{f"the examples of class {c} counted with a loss of 0": lambda c=c: -(picked.log() * (labels != c)).mean() for c in (0, classes - 1)},
        **{f"labels smoothed by {share:g}": lambda share=share: F.cross_entropy(scores, labels, label_smoothing=share) for share in (0.05, 0.1, 0.2)},
    }
    # 2e-5: an epsilon inside the logarithm is not this check's business.
    assert_close(
        student.cross_entropy(scores, labels), F.cross_entropy(scores, labels), rtol=2e-5, atol=2e-5,
        name="cross_entropy(scores, labels)", inputs={"scores": scores}, mistakes=mistakes,
    )


@points(2, hint="The gradient of the mean loss is (softmax - one-hot) / N; autograd finds it when the graph is whole.")
def test_cross_entropy_gradient(student, rng):
    """Autograd finds the gradient of `cross_entropy`."""
    scores, labels = torch.randn(5, 3, generator=rng, dtype=torch.float64), _labels(rng, 5, 3)
    leaf = student.leaf(scores)
    loss = student.cross_entropy(leaf, labels)
    assert loss.requires_grad, "The loss is cut off from the scores: a network could not learn from it."
    loss.backward()
    hot = F.one_hot(labels, 3)
    expected = (scores.softmax(dim=1) - hot) / 5
    mistakes = {
        "the logarithm of the sum cut off from the graph": -hot / 5,
        "the logarithm of the sum cut off from the graph, where the maximum is not": (F.one_hot(scores.argmax(dim=1), 3) - hot).double() / 5,
        "the labels' own scores cut off from the graph": scores.softmax(dim=1) / 5,
        **{f"labels smoothed by {share:g}": (scores.softmax(dim=1) - (1 - share) * hot - share / 3) / 5 for share in (0.05, 0.1, 0.2)},
        **{f"the examples of class {c} left out": 5 * expected * (labels != c)[:, None] / max(1, int((labels != c).sum())) for c in range(3)},
    }
    assert_close(leaf.grad, expected, rtol=1e-4, atol=1e-5, name="gradient of cross_entropy", inputs={"scores": scores}, mistakes=mistakes)


@points(2, hint="max(0, 1 - target * score), then the mean over all N examples, including those without a loss.")
@pytest.mark.parametrize("n", [7, 12])
def test_hinge_loss(student, rng, n):
    """`hinge_loss` and its gradient follow the definition."""
    targets = torch.where(torch.arange(n) % 3 == 0, 1.0, -1.0).double()
    # Margins between 0.2 and 0.8 or 1.2 and 3, and some negative ones: never at the kink at 1.
    margins = _uniform(rng, n, low=0.2, high=0.8, dtype=torch.float64)
    margins[1::3] += 1.4
    margins[2::3] -= 2.5
    margins[2] = -30.0  # nothing caps a loss
    scores = margins * targets
    leaf = student.leaf(scores)
    loss = student.hinge_loss(leaf, targets)
    each = (1 - margins).clamp(min=0)
    mistakes = {
        "the mean over the examples that have a loss, not over all": each[each > 0].mean(),
        "no margin, max(0, -target * score)": (-margins).clamp(min=0).mean(),
        "no maximum with 0": (1 - margins).mean(),
        "a conversion of targets from 0 and 1 to -1 and 1, although they already are -1 and 1": (1 - (2 * targets - 1) * scores).clamp(min=0).mean(),
        "the square of each loss": each.square().mean(),
        "the absolute value of 1 - target * score, not its maximum with 0": (1 - margins).abs().mean(),
        **{f"losses capped at {most}": each.clamp(max=most).mean() for most in (1, 2, 5, 10, 20)},
    }
    assert_close(loss, each.mean(), name="hinge_loss(scores, targets)", inputs={"scores": scores}, mistakes=mistakes)
    assert loss.requires_grad, "The hinge loss is cut off from the scores: autograd has nothing to follow."
    loss.backward()
    assert_close(leaf.grad, -targets * (margins < 1) / n, name="gradient of hinge_loss", inputs={"scores": scores})


# --- rules of the file ---------------------------------------------------------------------------------------------

_READY_MADE = {
    "sigmoid", "sigmoid_", "expit", "logsigmoid", "log_sigmoid", "softmax", "log_softmax", "softmin", "logsumexp",
    "cross_entropy", "nll_loss", "binary_cross_entropy_with_logits", "hinge_embedding_loss", "multi_margin_loss",
}  # fmt: skip


@points(2, hint="Build it from exp, log, max, sum and indexing; compare with torch's version in your own test.")
@pytest.mark.without("sigmoid", "expit", "silu", "glu", "softmax", "sumexp", "cross_entropy", "nll_loss", "hinge", "margin_loss", "attention")
@pytest.mark.parametrize("name", ["sigmoid", "Sigmoid", "log_softmax", "cross_entropy", "hinge_loss"])
def test_from_elementary_operations(student, probe, rng, name):
    """Sigmoid and losses are built from elementary operations."""
    scores = torch.randn(6, 4, generator=rng)
    arguments = {
        "cross_entropy": (scores, _labels(rng, 6, 4)),
        "hinge_loss": (scores[:, 0], scores[:, 1].sign()),
    }.get(name, (scores,))
    # Names can be hidden from the probe. What they lead to does not run here, however it is called.
    try:
        if name == "Sigmoid":
            result, used = probe.torch_names_of_method(student.ref(name), "apply", *arguments)
        else:
            result, used = probe.torch_names(student.ref(name), *arguments)
    except StudentError as error:
        if found := re.search("torch's own `(\\w+)`", str(error)):
            raise AssertionError(f"`{name}` calls torch's own `{found[1].strip('_').removeprefix('special_')}`; here you write it yourself.") from None
        raise
    shape = () if name in ("cross_entropy", "hinge_loss") else (6, 4)
    assert result is not None, f"`{name}` should return a tensor."
    assert tuple(result.shape) == shape, f"`{name}` should return shape {shape}; it returned {tuple(result.shape)}."
    ready_made = sorted(_READY_MADE & set(used))
    assert not ready_made, f"`{name}` calls torch's own `{', '.join(ready_made)}`; here you write it yourself."


@points(1, hint="`clamp_`, `-=` and `t[mask] = 0` write into the caller's tensor; work on a new one.")
@pytest.mark.parametrize("name", ["sigmoid", "log_softmax", "cross_entropy", "hinge_loss", "tensor_to_image"])
def test_arguments_unchanged(student, rng, name):
    """Functions do not change their arguments."""
    scores = 3 * torch.randn(6, 4, generator=rng)
    others = {"cross_entropy": _labels(rng, 6, 4), "hinge_loss": torch.randn(6, 4, generator=rng).sign()[:, 0]}
    if name == "hinge_loss":
        scores = scores[:, 0].clone()
    elif name == "tensor_to_image":
        scores = scores[None]
    first = student.leaf(scores, requires_grad=False)
    second = [student.leaf(others[name], requires_grad=False)] if name in others else []
    getattr(student, name)(first, *second)
    changed = f"`{name}` overwrites its argument"
    what = "tensor was" if name in ("sigmoid", "tensor_to_image") else "scores were"
    assert torch.equal(first.fetch(), scores), f"{changed}: the {what} different after the call."
    if second:
        assert torch.equal(second[0].fetch(), others[name]), f"{changed}: the targets were different after the call."
