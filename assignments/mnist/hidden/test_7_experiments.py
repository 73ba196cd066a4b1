"""Hidden checks: training curves, the choice of a dropout rate, crops."""

import pytest
import torch
from torch.nn import functional as F

from grader.checks import assert_close, points

TOLERANCE = {"rtol": 1e-3, "atol": 1e-5}
D, C = 6, 4
KEYS = ("loss", "train_accuracy", "validation_accuracy")
OWN = "what your `accuracy` says of the model, which is wrong already"


def draw(rng, n, n_validation):
    """A linear classifier, a training and a validation set."""
    weight, bias = 0.5 * torch.randn(D, C, generator=rng), 0.5 * torch.randn(C, generator=rng)
    sets = [[torch.randn(k, D, generator=rng), torch.randint(C, (k,), generator=rng)] for k in (n, n_validation)]
    return weight, bias, *sets


def share(weight, bias, x, y):
    """Accuracy of a linear classifier."""
    return ((x @ weight + bias).argmax(dim=1) == y).double().mean().item()


def clear(weight, bias, x):
    """Whether every winner is ahead by more than rounding: else a right answer might count one example otherwise."""
    best = (x @ weight + bias).topk(2, dim=1).values
    return bool((best[:, 0] - best[:, 1] > 1e-3).all())


def draw_telling(rng, n, n_validation):
    """As ``draw``, until neither accuracy is 0 or 1 and the two differ: a sum, a percentage or the other set then shows."""
    while True:
        weight, bias, train, validation = draw(rng, n, n_validation)
        shares = [share(weight, bias, *data) for data in (train, validation)]
        told = all(0 < value < 1 and value != 0.5 for value in shares) and shares[0] != shares[1]
        if told and all(clear(weight, bias, data[0]) for data in (train, validation)):
            return weight, bias, train, validation


def history_of(got, epochs):
    """The curves, where they are there and long enough."""
    history = got["history"]
    missing = [key for key in KEYS if key not in history]
    assert not missing, f"what fit returns lacks {', '.join(missing)}"
    for key in KEYS:
        assert len(history[key]) == epochs, f'"{key}" has {len(history[key])} numbers after {epochs} epochs'
    return history


@points(3, hint="Losses: add loss * len(y) and divide by the number of examples. Accuracies: on all of the set, after the epoch.")
def test_fit_curves(student, probe, rng):
    """`fit` returns the loss and both accuracies of every epoch."""
    # A rate of zero: whatever the order, every number is known.
    weight, bias, train, validation = draw_telling(rng, 5, 7)
    got = probe.run_fit(student.ref("fit"), weight, bias, train, validation, 0.0, 3, {"batch_size": 4}, "cross-entropy")
    history = history_of(got, 3)
    each = F.cross_entropy(train[0] @ weight + bias, train[1], reduction="none").double()
    mean = each.mean()
    lonely = (mean * 5 - each) / 8 + each / 2  # a batch of four and one of one, counted alike
    assert_close(
        history["loss"],
        [mean.item()] * 3,
        name='"loss"',
        mistakes={
            "the mean of the batches' means: a smaller last batch counts as much as a full one": lambda: [
                min(lonely.tolist(), key=lambda value: abs(value - loss)) for loss in history["loss"]
            ],
            "the sum over the examples": lambda: [5 * mean.item()] * 3,
            "the loss added up over the epochs": lambda: [k * mean.item() for k in (1, 2, 3)],
        },
        **TOLERANCE,
    )
    rights = {key: share(weight, bias, *data) for key, data in (("train_accuracy", train), ("validation_accuracy", validation))}
    for key, right in rights.items():
        other = next(value for name, value in rights.items() if name != key)
        own = probe.measure(student.ref("accuracy"), weight, bias, *dict(zip(rights, (train, validation)))[key], True, True)["value"]
        mistakes = {OWN: [own] * 3, "the accuracy of the other set": lambda: [other] * 3}
        data = dict(zip(rights, (train, validation)))[key]
        ahead = ((data[0] @ weight + bias).argmax(dim=1) == data[1]).double()
        parts = {"the first batch": [ahead[:4]], "the last batch": [ahead[len(ahead) // 4 * 4 :], ahead[-4:]]}
        mistakes |= {f"the accuracy on {words} alone, not on all of the set": [part.mean().item()] * 3 for words, some in parts.items() for part in some if len(part)}
        mistakes["the mean of the batches' accuracies: a smaller last batch counts as much as a full one"] = [torch.stack([part.mean() for part in ahead.split(4)]).mean().item()] * 3
        assert_close(history[key], [right] * 3, name=f'"{key}"', mistakes=mistakes, **TOLERANCE)


def descend(weight, bias, train, validation, rate, loss):
    """Three epochs of one batch each: (weight, bias, curves, accuracies before each epoch, all weights); no weight where a race is too close."""
    w, b, curves, places = weight.clone(), bias.clone(), {key: [] for key in KEYS}, []
    before = {"train_accuracy": [], "validation_accuracy": []}
    for _ in range(3):
        w, b = w.requires_grad_(), b.requires_grad_()
        scores = train[0] @ w + b
        value = F.cross_entropy(scores, train[1]) if loss == "cross-entropy" else (scores.gather(1, train[1][:, None]) - 1).pow(2).sum()
        dw, db = torch.autograd.grad(value, [w, b])
        old, w, b = (w.detach(), b.detach()), (w - rate * dw).detach(), (b - rate * db).detach()
        curves["loss"].append(value.item())
        places.append((w.clone(), b.clone()))
        for key, data in zip(before, (train, validation)):
            if not clear(w, b, data[0]) or not clear(*old, data[0]):
                return None, None, curves, before, places
            before[key].append(share(*old, *data))
            curves[key].append(share(w, b, *data))
    return w, b, curves, before, places


@points(2, hint="train_batch for each batch, with the opt and the loss_fn that fit was given; accuracies after the epoch's last step.")
@pytest.mark.parametrize("loss", ["cross-entropy", "squared"], ids=["cross-entropy", "another"])
def test_fit_trains(student, probe, rng, loss):
    """`fit` trains the model with the optimiser and the loss that it is given."""
    rate = 0.4 if loss == "cross-entropy" else 0.02
    while True:
        weight, bias, train, validation = draw(rng, 8, 9)
        w, b, expected, before, places = descend(weight, bias, train, validation, rate, loss)
        # Both accuracies move in training, and are not each other: else the curves tell too little.
        curves = [expected["train_accuracy"], expected["validation_accuracy"]]
        if w is not None and all(before[key] != expected[key] for key in before) and curves[0] != curves[1]:
            break
    # One batch an epoch: the order does not matter.
    got = probe.run_fit(student.ref("fit"), weight, bias, train, validation, rate, 3, {"batch_size": 8}, loss)
    history = history_of(got, 3)
    # A `train_batch` that is wrong for itself never trains in training mode: that is another check's business.
    trained = sum(training for training, _, _ in got["seen"])
    assert not 0 < trained < 3, (
        f"of 3 epochs `fit` trains {trained} in training mode and the rest in evaluation mode: `accuracy` may leave the model there"
    )
    for name, right, start in (("weight", w, weight), ("bias", b, bias)):
        mistakes = {"no training": lambda: start}
        assert_close(got[name], right, name=f"the model's {name} after three epochs", mistakes=mistakes, **TOLERANCE)
    for key in KEYS:
        mistakes = {}
        if key in before:
            other = next(curve for name, curve in expected.items() if name not in (key, "loss"))
            data = train if key == "train_accuracy" else validation
            measured = [probe.measure(student.ref("accuracy"), *place, *data, True, True)["value"] for place in places]
            mistakes = {
                OWN: measured,
                "the accuracy before the epoch, not after it": lambda: before[key],
                "the accuracy of the other set": lambda: other,
            }
        assert_close(history[key], expected[key], name=f'"{key}"', mistakes=mistakes, **TOLERANCE)


@points(2, hint="DataLoader(train_set, batch_size=batch_size, shuffle=True); nothing dropped, and no validation example among them.")
@pytest.mark.parametrize(("count", "settings", "sizes"), [(50, {"batch_size": 8}, [8] * 6 + [2]), (70, {}, [32, 32, 6])])
def test_fit_batches(student, probe, count, settings, sizes):
    """`fit` takes every training example once an epoch, in a new order each time."""
    steps = probe.order_of_batches(student.ref("fit"), count, 3, settings)
    assert all(number >= 0 for step in steps for number in step), "fit trains on validation examples"
    got = [len(step) for step in steps]
    assert len(got) == 3 * len(sizes), f"three epochs of {count} examples are {3 * len(sizes)} steps of training; fit made {len(got)}"
    assert got == sizes * 3, f"batches of {got[: len(sizes)]} in the first epoch of {count} examples; they should be {sizes}"
    epochs = [sum(steps[k : k + len(sizes)], []) for k in range(0, len(steps), len(sizes))]
    assert all(sorted(epoch) == list(range(count)) for epoch in epochs), "each epoch should take every training example once"
    assert epochs[0] != sorted(epochs[0]), "the examples come in the order of the set: shuffle them"
    assert epochs[0] != epochs[1], "the second epoch repeats the order of the first"


def noise(rng, n):
    """Images and labels that have nothing to do with each other; images so unlike that two networks seldom agree on them."""
    return [torch.randn(n, 784, generator=rng), torch.randint(10, (n,), generator=rng)]


def seed_of(rng):
    """A seed for the student's sweep."""
    return int(torch.randint(2**31, (1,), generator=rng))


def rows_of(got, rates):
    """The rows, where they are what was asked for."""
    rows = got["rows"]
    assert len(rows) == len(rates), f"{len(rates)} rates give {len(rows)} rows"
    for row, rate in zip(rows, rates):
        missing = [key for key in ("dropout", "train_accuracy", "validation_accuracy") if key not in row]
        assert not missing, f"a row of dropout_sweep lacks {', '.join(missing)}"
        assert abs(row["dropout"] - rate) < 1e-9, 'the rows should have the rates in their order, under "dropout"'
    return rows


def right_share(scores, data):
    """Accuracy of scores."""
    return (scores.argmax(dim=1) == data[1]).double().mean().item()


@points(2, hint="The highest validation accuracy decides; return that same network.")
def test_sweep_selects(student, probe, rng):
    """`dropout_sweep` returns the network that is best on the validation set."""
    sweep = student.ref("dropout_sweep")
    # Neither the first nor the last is the best on the validation set, nor on the training set.
    rates = [0.8, 0.9, 0.0, 0.7]
    for _ in range(8):
        train, validation, seed = noise(rng, 80), noise(rng, 60), seed_of(rng)
        # A quarter of the labels are what the second network, trained alone, gives: then it is the best on the validation set,
        # if by little, while the third, which drops nothing, is the best on the training set, and in the sum of both.
        alone = probe.sweep(sweep, rates[1:2], train, validation, 1, seed)
        validation[1][::4] = alone["validation_scores"].argmax(dim=1)[::4]
        got = probe.sweep(sweep, rates, train, validation, 1, seed)
        rows = rows_of(got, rates)
        on_train, on_validation = ([row[key] for row in rows] for key in ("train_accuracy", "validation_accuracy"))
        mine = {"train_accuracy": right_share(got["train_scores"], train), "validation_accuracy": right_share(got["validation_scores"], validation)}
        assert any(all(abs(row[key] - mine[key]) < 1e-4 for key in mine) for row in rows), (
            f"the network returned has {mine['train_accuracy']:.3f} on the training and {mine['validation_accuracy']:.3f} on the validation set, "
            "measured in evaluation mode; no row says so"
        )
        places = {
            "the one that is best on the training set": max(on_train) - mine["train_accuracy"] < 1e-4,
            "the one with the largest sum of both accuracies": max(map(sum, zip(on_train, on_validation))) - sum(mine.values()) < 1e-4,
            "that of the last rate": all(abs(rows[-1][key] - mine[key]) < 1e-4 for key in mine),
            "that of the first rate": all(abs(rows[0][key] - mine[key]) < 1e-4 for key in mine),
        }
        fitting = [words for words, fits in places.items() if fits]
        assert abs(mine["validation_accuracy"] - max(on_validation)) < 1e-4, (
            "the network returned is not the one with the highest validation accuracy" + (f"; it is {', or '.join(fitting)}" if fitting else "")
        )
        # Seldom the two sets agree all the same, or two networks tie: then this told nothing.
        best, sums = on_validation.index(max(on_validation)), [sum(pair) for pair in zip(on_train, on_validation)]
        if on_validation.count(max(on_validation)) == 1 and on_train[best] < max(on_train) and sums[best] < max(sums):
            return


@points(2, hint="MNISTNeuralNet(dropout=rate) after torch.manual_seed(seed), Adam with 1e-3, batches of 32, all of the epochs.")
def test_sweep_trains(student, probe, rng):
    """`dropout_sweep` trains each network with its own rate, from the same start."""
    # Many images, and three networks: two that differ seldom get the same number right.
    train, validation = noise(rng, 64), noise(rng, 300)
    seed, rates = seed_of(rng), [0.4, 0.4, 0.4]
    got = probe.sweep(student.ref("dropout_sweep"), rates, train, validation, 1, seed, True)
    rows = rows_of(got, rates)
    assert rows[0] == rows[1] == rows[2], (
        "the same rate gives different results: set the seed before each network is made, and numpy's seed too if you draw from numpy"
    )
    share = got["dropped"]
    # 12 passes over two images with about 500 active units each: five standard deviations are 0.023.
    assert share is not None, "the network returned should be an MNISTNeuralNet, with a weight of 10 x 1000 numbers"
    # Below 0 where it could not be measured, which the network's own checks say.
    assert share < 0 or abs(share - 0.4) < 0.03, f"the network for the rate 0.4 drops {share:.1%} of its hidden units in training"
    for count, epochs, steps in ((32, 1, 1), (33, 1, 2), (32, 2, 2)):
        # Equal examples: Adam's first step has the size of its rate, and a second one goes the same way, if less far.
        equal = [torch.rand(1, 784, generator=rng).expand(count, 784).clone(), torch.full((count,), 3)]
        moved = probe.sweep_step(student.ref("dropout_sweep"), student.ref("MNISTNeuralNet"), equal, epochs, seed)
        assert moved is not None, "the networks of dropout_sweep have other parameters than `MNISTNeuralNet(dropout=rate)`: without batch norm, for example"
        low, high = (0.99e-3, 1.01e-3) if steps == 1 else (1.3e-3, 2.02e-3)
        assert low < moved < high, (
            f"{epochs} epoch(s) of {count} equal examples are {steps} step(s) of Adam at 1e-3, which move a weight by {low:.2g} to {high:.2g} "
            f"from where the seed puts it; here one moves by {moved:.2g}. Look at the rate, the batches of 32, the epochs, the seed."
        )


@points(2, hint="One random top and one random left for each image, from 0 to 2 * pad inclusive.")
@pytest.mark.parametrize("pad", [None, 1])
def test_random_crops(student, rng, pad):
    """`random_crops` cuts each image at a different place, and all places are equally likely."""
    n, height, width = 3000, 3, 4
    images = torch.rand(n, height, width, generator=rng) + 0.1
    crops = student.random_crops(images) if pad is None else student.random_crops(images, pad)
    pad = 2 if pad is None else pad
    assert tuple(crops.shape) == (n, height, width), f"crops have shape {tuple(crops.shape)}; they should have that of the images, {(n, height, width)}"
    padded = F.pad(images, (pad, pad, pad, pad))
    places = [(top, left) for top in range(2 * pad + 1) for left in range(2 * pad + 1)]
    cut = torch.stack([padded[:, top : top + height, left : left + width] for top, left in places])
    match = (cut - crops).abs().amax(dim=(2, 3)) < 1e-6
    if not match.any(dim=0).all():
        rolled = torch.stack([images.roll((pad - top, pad - left), (1, 2)) for top, left in places])
        wraps = bool(((rolled - crops).abs().amax(dim=(2, 3)) < 1e-6).any(dim=0).all())
        assert wraps, "some of what random_crops returned is no crop of the padded image: check the padding, and rows against columns"
        raise AssertionError("what leaves the image on one side comes back on the other: pad with zeros instead of rolling")
    counts = match.sum(dim=1)
    assert (counts > 0).sum() > 1, "all images are cut at the same place: draw a place for each"
    missing = [place for place, count in zip(places, counts.tolist()) if count == 0]
    diagonal = all(top == left for (top, left), count in zip(places, counts.tolist()) if count)
    assert not diagonal, "every image is cut at a place whose top equals its left: draw two numbers for each image, one for each direction"
    assert not missing, f"of the {len(places)} places, {len(missing)} never occur, among them top {missing[0][0]}, left {missing[0][1]}"
    p = 1 / len(places)
    # Six and a quarter standard deviations: that any of 25 counts leaves this band has a chance below 1e-6.
    assert ((counts - n * p).abs() < 6.25 * (n * p * (1 - p)) ** 0.5).all(), "some positions are cut far more often than others"
    again = student.random_crops(images, pad)
    assert not torch.equal(again, crops), "two calls cut at the same places"


def cut_five(images, pad):
    """The definition."""
    height, width = images.shape[1:]
    padded = F.pad(images, (pad, pad, pad, pad))
    places = [(0, 0), (0, 2 * pad), (2 * pad, 0), (2 * pad, 2 * pad), (pad, pad)]
    return torch.stack([padded[:, top : top + height, left : left + width] for top, left in places], dim=1)


@points(2, hint="Top left, top right, bottom left, bottom right, centre, of the padded image; stacked along axis 1.")
@pytest.mark.parametrize("pad", [None, 1, 3])
def test_five_crops(student, rng, pad):
    """`five_crops` cuts four corners and the centre out of each padded image, in this order."""
    images = torch.rand(6, 7, 9, generator=rng) + 0.1
    crops = student.five_crops(images) if pad is None else student.five_crops(images, pad)
    pad = 2 if pad is None else pad
    right = cut_five(images, pad)
    edge, mirrored = (F.pad(images[:, None], (pad, pad, pad, pad), mode=mode)[:, 0] for mode in ("replicate", "reflect"))
    places = [(0, 0), (0, 2 * pad), (2 * pad, 0), (2 * pad, 2 * pad), (pad, pad)]
    assert_close(
        crops,
        right,
        name="the crops",
        inputs={"images": images},
        mistakes={
            "crops along axis 0 and images along axis 1": lambda: right.transpose(0, 1),
            "the centre first": lambda: right[:, [4, 0, 1, 2, 3]],
            "top right and bottom left in each other's place": lambda: right[:, [0, 2, 1, 3, 4]],
            "the corners in the order top left, top right, bottom right, bottom left": lambda: right[:, [0, 1, 3, 2, 4]],
            "the corners in the opposite order": lambda: right[:, [3, 2, 1, 0, 4]],
            "the edge repeated, where zeros are padded": lambda: torch.stack([edge[:, t : t + 7, u : u + 9] for t, u in places], dim=1),
            "the picture mirrored beyond its edge, where zeros are padded": lambda: torch.stack([mirrored[:, t : t + 7, u : u + 9] for t, u in places], dim=1),
            "mirrored crops": lambda: right.flip(3),
            "pixels that leave on one side and come in on the other": lambda: torch.stack(
                [images.roll((pad - t, pad - u), (1, 2)) for t, u in places], dim=1
            ),
        },
        rtol=1e-5,
        atol=1e-6,
    )


def averaged(predict_averaged, probe, rng, settings, strict=False):
    """The student's average for a linear model whose five answers disagree, and all that went in."""
    images = torch.rand(4, 5, 6, generator=rng)
    weight = 3 * torch.randn(30, 3, generator=rng)
    got = probe.averaged(predict_averaged, weight, images, settings, strict)
    return images, weight, got


@points(2, hint="softmax first, then the mean over the five; the crops of one image must stay together.")
@pytest.mark.parametrize("pad", [None, 2])
def test_predict_averaged(student, probe, rng, pad):
    """`predict_averaged` is the mean of the softmaxes of the five crops."""
    images, weight, got = averaged(student.ref("predict_averaged"), probe, rng, {} if pad is None else {"pad": pad})
    pad = 1 if pad is None else pad
    scores = cut_five(images, pad).flatten(2) @ weight
    mixed = cut_five(images, pad).flatten(2).reshape(20, 30) @ weight
    assert_close(
        got["probabilities"],
        scores.softmax(dim=2).mean(dim=1),
        name="the probabilities",
        inputs={"images": images},
        mistakes={
            "the mean of the scores, and its softmax": lambda: scores.mean(dim=1).softmax(dim=1),
            "the mean of the scores, and no softmax": lambda: scores.mean(dim=1),
            "the sum over the crops, not their mean": lambda: scores.softmax(dim=2).sum(dim=1),
            "the image alone": lambda: scores[:, 4].softmax(dim=1),
            "the largest probability over the crops, not their mean": lambda: scores.softmax(dim=2).amax(dim=1),
            "crops of different images averaged": lambda: mixed.softmax(dim=1).reshape(5, 4, 3).mean(dim=0),
            "the share of votes": lambda: F.one_hot(scores.argmax(dim=2), 3).double().mean(dim=1),
            "log-probabilities": lambda: scores.log_softmax(dim=2).mean(dim=1),
            "the geometric mean, exp of the mean of the logarithms": lambda: scores.log_softmax(dim=2).mean(dim=1).exp(),
            "the geometric mean, divided by its sum": lambda: scores.log_softmax(dim=2).mean(dim=1).softmax(dim=1),
            **{f"crops of pad {other}, not of {pad}": lambda other=other: (cut_five(images, other).flatten(2) @ weight).softmax(dim=2).mean(dim=1) for other in (0, 1, 2, 3, 4) if other != pad},
            "the four corners without the centre": lambda: scores[:, :4].softmax(dim=2).mean(dim=1),
            "the centre and three corners": lambda: scores[:, 1:].softmax(dim=2).mean(dim=1),
        },
        rtol=1e-3,
        atol=1e-5,
    )


@points(1, hint="model.eval(), and torch.no_grad() around the model's call.")
def test_predict_averaged_mode(student, probe, rng):
    """`predict_averaged` runs the model in evaluation mode and without a graph."""
    state = rng.get_state()
    _, _, got = averaged(student.ref("predict_averaged"), probe, rng, {})
    # The same once more, with a model that gives other scores where it is run otherwise.
    rng.set_state(state)
    _, _, strict = averaged(student.ref("predict_averaged"), probe, rng, {}, strict=True)
    assert got["seen"], "predict_averaged never calls the model"
    assert not any(mode for mode, _, _ in got["seen"]), "predict_averaged runs the model in training mode"
    assert not any(graph for _, graph, _ in got["seen"]), "predict_averaged runs the model with gradients switched on"
    assert not got["graph"], "what predict_averaged returns carries a graph, and with it everything that it was computed from"
    alike = torch.allclose(got["probabilities"], strict["probabilities"], rtol=1e-3, atol=1e-5)
    assert alike, "predict_averaged runs the model in training mode, or with gradients switched on"
