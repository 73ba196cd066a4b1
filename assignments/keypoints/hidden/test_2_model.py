"""Hidden checks for keypoint_model.py: sizes, the network, an epoch of training, measures, and faces nobody has seen."""

import pytest
import torch

from grader.checks import assert_close, assert_registered, points
from grader.checks.training import sgd_steps, unasked

TOLERANCE = {"rtol": 1e-3, "atol": 1e-5}


@points(4, hint="(W_I - F + 2P) // S + 1: padding counts twice, and what does not fill a whole step is dropped.")
@pytest.mark.parametrize("case", [(96, 3, 1, 1), (96, 5, 4, 2), (7, 3, 2, 0), (11, 4, 3, 1), (5, 5, 1, 0), (30, 2, 7, 3)])
def test_conv_output_size(student, case):
    """`conv_output_size` computes the size that a convolution gives."""
    size, kernel, stride, padding = case
    made = torch.nn.functional.conv1d(torch.zeros(1, 1, size), torch.zeros(1, 1, kernel), stride=stride, padding=padding).shape[-1]
    exact = (size - kernel + 2 * padding) / stride + 1
    mistakes = {
        "the padding counted at one end only": lambda: (size - kernel + padding) // stride + 1,
        "no padding": lambda: (size - kernel) // stride + 1,
        "no + 1": made - 1,
        "no stride": size - kernel + 2 * padding + 1,
        "a fraction that is not rounded down": exact,
        "a fraction rounded up": -int(-exact // 1),
        "the + 1 before the division": lambda: (size - kernel + 2 * padding + 1) // stride,
    }
    got = student.conv_output_size(*case)
    assert_close(got, made, name=f"conv_output_size{case}", mistakes=mistakes)
    assert not isinstance(got, float), f"`conv_output_size{case}` should be an int, with which layers can be built; it is the float {got}."
    if padding == 0:
        named = student.conv_output_size(size=size, kernel_size=kernel, stride=stride)
        assert_close(named, made, name="conv_output_size without a padding", mistakes=mistakes)
    if stride == 1 and padding == 0:
        assert_close(student.conv_output_size(size, kernel), made, name="conv_output_size without a stride")


def faces(public_data, count):
    """Some pictures in [0, 1]."""
    return public_data.train[0][:count]


def new_model(student, probe, np_rng):
    return probe.new_model(student.ref("KeypointModel"), int(np_rng.integers(2**31)))


@points(3, hint="The last layer has 30 outputs; the first takes 1 channel. Use flatten(1), or view(x.size(0), -1), not squeeze.")
def test_model_shape(student, probe, np_rng, public_data, record):
    """`KeypointModel` maps pictures (N, 1, 96, 96) to 30 coordinates each, every picture independently."""
    model = new_model(student, probe, np_rng)
    record("parameters", float(probe.count_parameters(model)))
    x = faces(public_data, 5)
    for n in (5, 1):
        shape = tuple(probe.predict(model, x[:n]).shape)
        assert shape in ((n, 30), (n, 15, 2)), f"For {n} pictures `KeypointModel` should give shape {(n, 30)} or {(n, 15, 2)}; it gave {shape}."
    together, alone = probe.predict(model, x), torch.cat([probe.predict(model, x[n : n + 1]) for n in range(5)])
    assert torch.isfinite(together).all(), "`KeypointModel` gives numbers that are not finite."
    assert torch.allclose(together, alone, rtol=1e-3, atol=1e-4), "In evaluation mode, `KeypointModel` gives a picture different keypoints in a batch than alone."


@points(2, hint="Layers belong in attributes, nn.Sequential or nn.ModuleList; between them no detach, .data, numpy or no_grad.")
def test_model_learns(student, probe, np_rng, public_data):
    """All layers of `KeypointModel` are seen by the optimiser, and reached by gradients."""
    model = new_model(student, probe, np_rng)
    got = probe.reached(model, faces(public_data, 4))
    # What the outputs depend on, and an optimiser would not see: the library knows where to look for it.
    assert_registered(model, got["registered"] + got["stray"], name="`KeypointModel()`")
    cut = ", ".join(f"`{name}`" for name in got["cut"][:6])
    assert not got["cut"], f"No gradient reaches {cut} of `KeypointModel`, though the layers are in use: something cuts the graph behind them, or they are frozen."


@points(2, hint="No ReLU and no sigmoid after the last layer. Nothing is needed there; a tanh does little harm.")
def test_model_range(student, probe, np_rng, public_data):
    """`KeypointModel` can give negative coordinates."""
    model = new_model(student, probe, np_rng)
    got = probe.pull(model, faces(public_data, 4), -0.9, 30, 3e-3)
    assert torch.isfinite(got).all(), "A few steps of training make `KeypointModel` give numbers that are not finite."
    low = float(got.flatten(1).mean(1).min())
    if low >= -0.25:
        # Large steps can put every unit of a plain network to sleep, which says nothing about its last layer.
        got = torch.cat([got, probe.pull(new_model(student, probe, np_rng), faces(public_data, 4), -0.9, 120, 3e-4)])
        low = float(got.flatten(1).mean(1).min())
    assert got.min() < 0, (
        "`KeypointModel` never gives a negative number, not even after many steps towards -0.9: what follows its last layer "
        "cuts them off, and half of all coordinates are negative."
    )
    assert low < -0.25, (
        f"Many steps of Adam towards -0.9 for every coordinate bring `KeypointModel` to {low:.2f} on average at the least: "
        "something after its last layer, or the gradient's way to it, keeps it from large negative numbers."
    )
    # However large its parameters are: a tanh reaches 1, a mean over the cells of a map the middle of the outermost; half a tanh does not.
    most = float(probe.stretched(new_model(student, probe, np_rng), faces(public_data, 4), 20.0))
    assert not most < 0.7, (
        f"However large the weights of `KeypointModel` are made, no coordinate gets beyond {most:.2f}: what follows its last layer keeps it "
        "within bounds, and coordinates reach from -1 to 1."
    )


def draw(rng, *sizes):
    """A linear model's weights, and batches of pictures (N, 1, 2, 3) and keypoints of each size."""
    weight = torch.randn(6, 30, generator=rng)
    batches = [[torch.randn(n, 1, 2, 3, generator=rng), torch.randn(n, 15, 2, generator=rng)] for n in sizes]
    return weight, batches


def descend(weight, batches, lr, momentum, *, left=None, loss=None, layout=(0, 1, 2), **more):
    """SGD with momentum: the weights after all steps, the loss before each."""

    def value(parameters, image, keypoints):
        error = image.flatten(1) @ parameters[0] - keypoints.double().permute(layout).flatten(1)
        return loss(error) if loss else (error**2).mean()

    (weight,), losses = sgd_steps((weight,), value, batches, rate=lr, momentum=momentum, left=left, **more)
    return weight, losses


@points(5, hint="For each batch: loss = mse(model(image).flatten(1), keypoints.flatten(1)), zero_grad, backward, step.")
@pytest.mark.parametrize("split", [False, True], ids=["30", "15x2"])
@pytest.mark.parametrize("sizes", [(4,), (6, 5, 1)], ids=["one", "three"])
def test_train_epoch_steps(student, probe, rng, split, sizes):
    """`train_epoch` takes a step on the mean squared error of each batch."""
    weight, batches = draw(rng, *sizes)
    settings = {"lr": 0.4, "momentum": 0.5}
    got = probe.epoch_of(student.ref("train_epoch"), weight, batches, settings, split, True, 0.3)
    right = descend(weight, batches, **settings)[0]

    def wrong(**how):
        return lambda: descend(weight, batches, **settings, **how)[0]

    assert_close(
        got["weight"],
        right,
        name="the model's weight after an epoch",
        mistakes={
            "old gradients not cleared": wrong(left=(0.3,)),
            "gradients that add up from batch to batch": wrong(left=(0.0,)),
            "no step taken at all": weight,
            "steps in the wrong direction": lambda: descend(weight, batches, -0.4, 0.5)[0],
            "the sum of the squares, not their mean": wrong(loss=lambda e: (e**2).sum()),
            "a sum over the coordinates, a mean over the faces only": wrong(loss=lambda e: (e**2).sum(dim=1).mean()),
            "a mean over the coordinates, a sum over the faces": wrong(loss=lambda e: (e**2).mean(dim=1).sum()),
            "half the mean squared error": wrong(loss=lambda e: (e**2).mean() / 2),
            "absolute errors, not squared ones": wrong(loss=lambda e: e.abs().mean()),
            "the root of the mean squared error": wrong(loss=lambda e: (e**2).mean().sqrt()),
            "all x before all y: the layout (2, 15) instead of (15, 2)": wrong(layout=(0, 2, 1)),
            **unasked(lambda **how: descend(weight, batches, **{**settings, **how})[0], momentum=settings["momentum"]),
            "the smooth L1 loss, not the squared error": wrong(loss=lambda e: torch.nn.functional.smooth_l1_loss(e, torch.zeros_like(e))),
            **({"a step on the first batch only": lambda: descend(weight, batches[:1], **settings)[0],
                "a step on the last batch only": lambda: descend(weight, batches[-1:], **settings)[0],
                "the last batch left out": lambda: descend(weight, batches[:-1], **settings)[0],
                "one step on all the gradients together": lambda: _one_step(weight, batches, 0.4)} if len(sizes) > 1 else {}),
        },
        **TOLERANCE,
    )  # fmt: skip
    # Bright pictures: a gradient far above what anybody clips it to.
    bright, steep = [[60 * image, keypoints] for image, keypoints in batches], {"lr": 1e-4, "momentum": 0.0}
    got = probe.epoch_of(student.ref("train_epoch"), weight, bright, steep, split, True, 0.0)
    mistakes = unasked(lambda **how: descend(weight, bright, **{**steep, **how})[0])
    assert_close(got["weight"], descend(weight, bright, **steep)[0], name="the model's weight after an epoch with large gradients", mistakes=mistakes, **TOLERANCE)


def _one_step(weight, batches, lr):
    return weight - lr * sum((weight - descend(weight, [batch], 1.0, 0.0)[0]) for batch in batches)


@points(3, hint="model.train() first. Sum up loss.item() * N before each step, and divide by the number of faces.")
@pytest.mark.parametrize("sizes", [(5, 2), (1, 4, 3)])
def test_train_epoch_loss(student, probe, rng, sizes):
    """`train_epoch` trains in training mode, and returns the mean loss of the epoch."""
    weight, batches = draw(rng, *sizes)
    settings = {"lr": 0.2, "momentum": 0.0}
    got = probe.epoch_of(student.ref("train_epoch"), weight, batches, settings, False, False, 0.0)
    assert got["seen"], "`train_epoch` never calls the model."
    assert all(mode for mode, *_ in got["seen"]), "`train_epoch` runs the model in evaluation mode: call model.train() first."
    moved = [descend(weight, batches[: k + 1], **settings)[0] for k in range(len(batches))]
    shares = torch.tensor(sizes) / sum(sizes)
    before, after, still = (
        torch.tensor(losses)
        for losses in (
            descend(weight, batches, **settings)[1],
            [descend(weights, [batch], 0.0, 0.0)[1][0] for weights, batch in zip(moved, batches)],
            descend(weight, batches, 0.0, 0.0)[1],
        )
    )
    assert_close(
        got["loss"],
        float((before * shares).sum()),
        name="what train_epoch returned",
        mistakes={
            "each batch weighted equally, even the smaller last one": float(before.mean()),
            "the sum over the batches": float(before.sum()),
            "the sum over the faces": lambda: float((before * torch.tensor(sizes)).sum()),
            "the losses divided by the number of batches, after a weight for each face": lambda: float((before * torch.tensor(sizes)).sum() / len(sizes)),
            "the losses after the steps": lambda: float((after * shares).sum()),
            "the loss of the last batch only": float(before[-1]),
            "the loss of the first batch only": float(before[0]),
            "the losses of a model that does not learn": lambda: float((still * shares).sum()),
            "losses divided by the number of faces, and not multiplied by the size of the batch": float(before.sum() / sum(sizes)),
        },
        **TOLERANCE,
    )
    assert not got["graph"], "What `train_epoch` returns holds a graph, and with it the memory of whole batches: return a number, loss.item()."


def pair(rng, n, split):
    """Predictions and targets with eyes well apart."""
    target = torch.rand(n, 15, 2, generator=rng) * 1.6 - 0.8
    target[:, 0] = target[:, 1] + 0.4 + torch.rand(n, 2, generator=rng)
    predicted = target + 0.3 * torch.randn(n, 15, 2, generator=rng) * (1 + torch.arange(n))[:, None, None]
    return (predicted if split else predicted.reshape(n, 30)), target


@points(3, hint="1 / (2 * ((predicted.reshape(target.shape) - target) ** 2).mean())")
@pytest.mark.parametrize("split", [False, True], ids=["30", "15x2"])
def test_keypoint_score(student, rng, split):
    """`keypoint_score` is 1 / (2 MSE)."""
    predicted, target = pair(rng, 4, split)
    square = float(((predicted.reshape(target.shape) - target).double() ** 2).mean())
    mistakes = {
        "1 / MSE, without the 2": 1 / square,
        "the mean squared error, not its inverse": square,
        "twice the mean squared error, not its inverse": 2 * square,
        "half the mean squared error, not its inverse: MSE / 2": square / 2,
        "1/2 times MSE's inverse squared": 1 / (2 * square**2),
        "the root of the mean squared error": 1 / (2 * square**0.5),
        "a sum over the coordinates of a face": 1 / (60 * square),
        "a sum over all squares, not their mean": 1 / (240 * square),
        "a sum over x and y, a mean over keypoints": 1 / (4 * square),
        "the mean of each face's own score": lambda: float((1 / (2 * ((predicted.reshape(target.shape) - target) ** 2).mean(dim=(1, 2)))).mean()),
        "absolute errors, not squared ones": lambda: 1 / (2 * float((predicted.reshape(target.shape) - target).abs().mean())),
    }
    assert_close(student.keypoint_score(predicted, target), 1 / (2 * square), name="the score", mistakes=mistakes, **TOLERANCE)


@points(4, hint="Distances (N, 15) by a norm over the last axis; mean over 15; divide by each face's own eye distance; mean.")
@pytest.mark.parametrize("split", [False, True], ids=["30", "15x2"])
def test_normalised_mean_error(student, rng, split):
    """`normalised_mean_error` is the mean distance, relative to the distance of the eyes."""
    predicted, target = pair(rng, 4, split)
    p, t = predicted.reshape(target.shape).double(), target.double()
    far, eyes = (p - t).norm(dim=2), (t[:, 0] - t[:, 1]).norm(dim=1)

    def value(far=far, eyes=eyes):
        return float((far.mean(dim=1) / eyes).mean())

    assert_close(
        student.normalised_mean_error(predicted, target),
        value(),
        name="the error",
        mistakes={
            "distances that are not divided by the distance of the eyes": lambda: far.mean().item(),
            "one distance of eyes for all faces, the mean of them": lambda: far.mean().item() / eyes.mean().item(),
            "the distance of the predicted eyes, not of the true ones": lambda: value(eyes=(p[:, 0] - p[:, 1]).norm(dim=1)),
            "squared distances": lambda: value(far=far**2),
            "the square of the eyes' distance": lambda: value(eyes=eyes**2),
            "squared distances, all squares of them": lambda: value(far=far**2, eyes=eyes**2),
            "absolute errors of coordinates, not distances": lambda: value(far=(p - t).abs().mean(dim=2)),
            "|dx| + |dy|, not the Euclidean distance": lambda: value(far=(p - t).abs().sum(dim=2)),
            "a sum over the keypoints, not their mean": lambda: 15 * value(),
            "a sum over the faces, not their mean": lambda: 4 * value(),
            "the first two corners for the centres of the eyes": lambda: value(eyes=(t[:, 2] - t[:, 3]).norm(dim=1)),
            "the outer corners for the centres of the eyes": lambda: value(eyes=(t[:, 3] - t[:, 5]).norm(dim=1)),
            "the horizontal distance of the eyes only": lambda: value(eyes=(t[:, 0] - t[:, 1])[:, 0].abs()),
            "the norm over all keypoints together": lambda: float(((p - t).flatten(1).norm(dim=1) / eyes).mean()),
            "the root of the mean square of x and y instead of the Euclidean distance": lambda: value(far=(p - t).square().mean(dim=2).sqrt()),
            "the root of the mean square, not the mean distance": lambda: value(far=(far**2).mean(dim=1, keepdim=True).sqrt()),
        },
        **TOLERANCE,
    )


@points(7, timeout=60, hint="Can the network say where things are? Convolutions with strides or pooling, then linear layers; overfit four faces first.")
def test_faces(student, probe, held_out, profile, award, record, untrained, show, np_rng, public_data):
    """A trained `KeypointModel` finds the keypoints of faces that it has not seen: score 1 / (2 MSE)."""
    images, keypoints = held_out.train
    pictures = (images * 255).round().to(torch.uint8)
    model, losses = probe.trained(student.ref("KeypointModel"), pictures, keypoints, profile.budget["epochs"], int(np_rng.integers(2**31)))
    predict = lambda x: 48 + 48 * probe.predict(model, x)  # noqa: E731
    show.curve(losses)
    show.points(held_out.examples(4), predict)
    fresh = probe.new_model(student.ref("KeypointModel"), int(np_rng.integers(2**31)))
    before = held_out.known(50).point_errors(lambda x: 48 + 48 * probe.predict(fresh, x)).mse
    untrained(48**2 / (2 * before) if before > 0 else float("inf"), metric="test_score")
    straight = probe.straightness(model, faces(public_data, 12))
    assert straight < 0.9999, (
        "A trained `KeypointModel` gives for two pictures that are added up what it gives for each, added up: it is linear. Put an activation, a ReLU say, "
        "between its layers; without one they are no more than a single layer."
    )
    errors = held_out.point_errors(predict)
    record("test_error", errors.normalised)
    square = errors.mse / 48**2
    award(1 / (2 * square) if square > 0 else 0.0, metric="test_score")
