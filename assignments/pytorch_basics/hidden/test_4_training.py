"""Hidden checks for training.py: data, loops, honest evaluation, accuracy on held-out digits."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from grader.checks import StudentError, assert_close, points
from grader.checks.training import of_linear, sgd_steps, unasked
from grader.text import counted


def _seed(rng):
    return int(torch.randint(2**31 - 1, (1,), generator=rng))


def _linear_problem(rng, n, d=5, classes=4, dtype=torch.float64):
    """x, y, weight, bias of a linear classifier."""
    x, weight = torch.randn(n, d, generator=rng, dtype=dtype), torch.randn(d, classes, generator=rng, dtype=dtype)
    y, bias = torch.randint(classes, (n,), generator=rng), torch.randn(classes, generator=rng, dtype=dtype)
    return x, y, weight, bias


@points(2, hint="Transform the image in `__getitem__`, each time anew; return the label unchanged.")
def test_dataset(student, probe, rng):
    """`DigitsDataset` gives one (image, label) at a time, and transforms images only, each time anew."""
    images, labels = torch.rand(6, 1, 9, 7, generator=rng), torch.tensor([7, 0, 3, 9, 3, 1])
    got = probe.read_dataset(student.ref("DigitsDataset"), images, labels)
    assert got["length"] == 6, f"`len(dataset)` should be 6; it is {got['length']}."
    assert_close(got["image"], images[1], rtol=0, atol=1e-6, name="the image of dataset[1]")
    assert_close(got["images"], images, rtol=0, atol=1e-6, name="the images in batches")
    assert got["labels"].dtype == torch.int64, f"Batched labels should be int64; they are {got['labels'].dtype}."
    assert torch.equal(got["labels"], labels), "The labels that a DataLoader reads are not those handed in."
    assert got["calls"] == 3, f"Reading three examples should call the transform three times; it was {got['calls']}."
    assert all(tuple(s) == (1, 9, 7) for s in got["shapes"]), "The transform should be given one image (1, H, W)."
    for call, (index, image) in enumerate(zip((2, 0, 2), got["changed"], strict=True), start=1):
        expected = images[index] * 0.5 + call
        mistakes = {}
        if call == 3:  # the second time that this example is asked for
            mistakes["the transformed image written back into the data set, and transformed again"] = (images[index] * 0.5 + 1) * 0.5 + call
            mistakes["the transformed image of the first call: it is kept, and not made anew"] = images[index] * 0.5 + 1
        assert_close(image, expected, rtol=1e-5, atol=1e-6, name=f"the transformed image of dataset[{index}]", mistakes=mistakes)
    assert got["changed_labels"] == [3, 7, 3], "The labels should not pass through the transform."


@points(1, hint="Compare the two lengths in `__init__` and raise a ValueError.")
def test_dataset_refuses_unequal_lengths(student, rng):
    """`DigitsDataset` refuses different numbers of images and labels."""
    images, labels = torch.rand(5, 1, 4, 4, generator=rng), torch.zeros(4).long()
    student.DigitsDataset(images[:4], labels)
    try:
        student.DigitsDataset(images, labels)
    except StudentError as error:
        found = str(error).partition(":")[0].split()[0]
        assert found == "ValueError", f"5 images with 4 labels should raise a ValueError; `DigitsDataset` raises {found}."
    else:
        raise AssertionError("5 images with 4 labels should raise a ValueError; `DigitsDataset` raises nothing.")


@points(2, hint="Permute all indices once, with a generator seeded by `seed`, and cut the permutation in three.")
@pytest.mark.parametrize(("n", "n_validation", "n_test"), [(100, 15, 25), (37, 10, 9), (100, 0, 25), (100, 15, 0)])
def test_split_indices(student, rng, n, n_validation, n_test):
    """`split_indices` mixes, and gives every index to exactly one part."""
    seed = _seed(rng)
    parts = [torch.as_tensor(part) for part in student.split_indices(n, n_validation, n_test, seed)]
    sizes = [len(part) for part in parts]
    assert sizes == [n - n_validation - n_test, n_validation, n_test], f"The parts have {sizes} indices."
    together = torch.cat(parts)
    assert together.dtype == torch.int64, f"Indices should be int64; they are {together.dtype}."
    assert torch.equal(together.sort().values, torch.arange(n)), "Some index is in two parts, or in none."
    for part, what in zip(parts, ("training", "validation", "test"), strict=True):
        mixed = not len(part) or int(part.max() - part.min()) > len(part) * 1.05
        assert mixed, f"The {what} part is one block of neighbours: sorted data would put whole classes in it."
    again, other = (
        [torch.as_tensor(part) for part in student.split_indices(n, n_validation, n_test, s)] for s in (seed, seed + 1)
    )
    same = all(torch.equal(a, b) for a, b in zip(parts, again, strict=True))
    assert same, "The same seed should give the same split."
    last = 2 if n_test else 1
    assert not torch.equal(parts[last], other[last]), "A different seed should give a different split."
    zero, default = (torch.cat([torch.as_tensor(part) for part in student.split_indices(n, n_validation, n_test, *s)]) for s in ((0,), ()))
    assert torch.equal(zero, default), "Without a seed, `split_indices` should use seed 0."
    assert not torch.equal(zero, torch.arange(n)), "With seed 0 nothing is mixed: 0 is a seed like any other."
    assert not torch.equal(zero, together), f"Seeds 0 and {seed} give the same split."


@points(2, hint="shuffle=True for training, False for validation; `drop_last` would lose examples.")
@pytest.mark.parametrize(("n_train", "n_validation"), [(23, 12), (40, 17)])
def test_make_loaders(student, probe, rng, n_train, n_validation):
    """`make_loaders` gives every example once per epoch, and shuffles the training set only."""
    train, validation = probe.read_loaders(student.ref("make_loaders"), n_train, n_validation, 5, 2, _seed(rng))
    orders = [sum(batches, []) for batches in train]
    for order, batches in zip(orders, train, strict=True):
        assert sorted(order) == list(range(n_train)), "An epoch should give each training example exactly once."
        assert max(len(b) for b in batches) == 5, "Batches should hold `batch_size` examples."
        assert len(batches) == -(-n_train // 5), "Only the last batch may be smaller than `batch_size`."
    assert orders[0] != list(range(n_train)), "Training examples come in the order of the set; they should be shuffled."
    assert orders[0] != orders[1], "Training examples come in the same order every epoch."
    for batches in validation:
        assert sum(batches, []) == list(range(n_validation)), "Validation examples should come once each, in order."


def _own_epochs(x, y, weight, bias, batch_size, rate, momentum, epochs, loss_fn):
    """The truth: the parameters after some epochs of SGD, and the mean loss of each epoch."""
    batches = list(zip(x.split(batch_size), y.split(batch_size), strict=True))
    parameters, losses = sgd_steps((weight, bias), of_linear(loss_fn), batches * epochs, rate=rate, momentum=momentum)
    sizes = torch.tensor([len(labels) for _, labels in batches], dtype=torch.float64)
    means = torch.tensor(losses, dtype=torch.float64).reshape(epochs, -1) @ sizes / len(y)
    return parameters, means.tolist()


def _epochs_otherwise(x, y, weight, bias, batch_size, learning_rate, momentum, epochs, loss_fn):
    """What wrong epochs end in: by what is wrong, functions that give {"weight": ..., "bias": ...}."""

    def run(loss_fn=loss_fn, clear="each batch", every=1, rebuild=False, build=torch.optim.SGD, momentum=momentum, decay=0.0, change=lambda gradients: gradients, **options):
        leaves = [weight.clone().requires_grad_(), bias.clone().requires_grad_()]
        options = options or {"lr": learning_rate, "momentum": momentum, "weight_decay": decay}
        optimizer = build(leaves, **options)
        for _ in range(epochs):
            if clear == "each epoch":
                optimizer.zero_grad()
            batches = list(zip(x.split(batch_size), y.split(batch_size), strict=True))
            for number, (xb, yb) in enumerate(batches):
                if rebuild:
                    optimizer = build(leaves, **options)
                loss = loss_fn(xb @ leaves[0] + leaves[1], yb)
                if clear == "each batch" and number % every == 0:
                    optimizer.zero_grad()
                loss.backward()
                if (number + 1) % every and number + 1 < len(batches):
                    continue
                for leaf, gradient in zip(leaves, change([leaf.grad for leaf in leaves]), strict=True):
                    leaf.grad = gradient
                optimizer.step()
        return dict(zip(("weight", "bias"), (leaf.detach() for leaf in leaves), strict=True))

    found = {
        "gradients that add up from batch to batch: `zero_grad` is missing": lambda: run(clear="never"),
        "gradients that add up from batch to batch: they are cleared once an epoch, not for each batch": lambda: run(clear="each epoch"),
        "the cross-entropy, whatever `loss_fn` is given": lambda: run(loss_fn=F.cross_entropy),
        "a new optimiser for every batch: its momentum is lost": lambda: run(rebuild=True),
        "one step for every two batches, whose gradients are added": lambda: run(every=2),
        "one step for each epoch, the gradients of all its batches added": lambda: run(every=10**6),
        "parameters that have not moved": lambda: {"weight": weight, "bias": bias},
    }
    found |= unasked(lambda **how: run(**how), momentum=momentum)
    for rate in (0.1, 1e-2, 1e-3):
        words = f"an optimiser of your own (SGD with rate {rate:g}), not the one that is given"
        found[words] = lambda rate=rate: run(lr=rate)
    return found


_LOSSES = {
    "cross-entropy": F.cross_entropy,
    "squared": lambda scores, labels: (scores.gather(1, labels[:, None]) - 1).pow(2).mean(),
}


@points(4, hint="Per batch: scores, loss_fn, zero_grad, backward, step - with the optimiser you are given.")
@pytest.mark.parametrize(("loss", "momentum"), [("cross-entropy", 0.9), ("squared", 0.0)])
def test_train_epoch_steps(student, probe, rng, loss, momentum):
    """`train_epoch` takes one step of the given optimiser on the given loss per batch."""
    x, y, weight, bias = _linear_problem(rng, 11)
    got = probe.run_train_epochs(student.ref("train_epoch"), weight, bias, x, y, 4, 0.05, momentum, 2, loss)
    (w, b), _ = _own_epochs(x, y, weight, bias, 4, 0.05, momentum, 2, _LOSSES[loss])
    # Some loops go through float32 labels or losses; 1e-5 is far below any wrong step.
    mistakes = _epochs_otherwise(x, y, weight, bias, 4, 0.05, momentum, 2, _LOSSES[loss])
    right = {"weight": w, "bias": b}
    assert_close(got, right, rtol=1e-5, atol=1e-6, name="after two epochs, parameters", mistakes=mistakes)
    # Large inputs: a gradient far above what anybody clips it to.
    steep = (60 * x, y, weight, bias, 4, 1e-4, 0.0, 1, _LOSSES[loss])
    got = probe.run_train_epochs(student.ref("train_epoch"), weight, bias, 60 * x, y, 4, 1e-4, 0.0, 1, loss)
    (w, b), _ = _own_epochs(*steep)
    assert_close(got, {"weight": w, "bias": b}, rtol=1e-5, atol=1e-6, name="after an epoch with large gradients, parameters", mistakes=_epochs_otherwise(*steep))


def _first_steps(x, y, weight, bias):
    """Batches of the first epoch, and the parameters at which each one's loss is computed."""
    rows = [slice(k, k + 4) for k in range(0, len(x), 4)]
    return rows, [(weight, bias), *(_own_epochs(x[: 4 * k], y[: 4 * k], weight, bias, 4, 0.05, 0.0, 1, F.cross_entropy)[0] for k in range(1, len(rows)))]


@points(1, hint="Weigh each batch's mean loss by its number of examples: the last batch is smaller.")
def test_train_epoch_loss(student, probe, rng):
    """`train_epoch` returns the mean loss over examples."""
    x, y, weight, bias = _linear_problem(rng, 9)
    y[-1] = (x[-1] @ weight + bias).argmin()  # the lone example of the last batch has a loss unlike the others
    got = probe.run_train_epochs(student.ref("train_epoch"), weight, bias, x, y, 4, 0.05, 0.0, 2, "cross-entropy")
    _, losses = _own_epochs(x, y, weight, bias, 4, 0.05, 0.0, 2, F.cross_entropy)
    steps = [F.cross_entropy(x[rows] @ w + b, y[rows]) for rows, (w, b) in zip(*_first_steps(x, y, weight, bias), strict=True)]
    mistakes = {
        "the mean of the batches' means: the smaller last batch counts as much as the others": torch.stack(steps).mean(),
        "the sum of the batches' means": torch.stack(steps).sum(),
        "the loss of the last batch alone": steps[-1],
    }
    for value, expected in zip(got["losses"], losses, strict=True):
        assert_close(value, expected, rtol=1e-4, atol=1e-5, name="the mean loss", inputs={"x": x}, mistakes=mistakes)


@points(2, hint="`model.train()` first: the model may come from an evaluation.")
def test_train_epoch_mode(student, probe, rng):
    """`train_epoch` trains in training mode, even if the model is in evaluation mode."""
    x, y, weight, bias = _linear_problem(rng, 8)
    # The second model gives other scores where it is run in evaluation mode.
    got, strict = (
        probe.run_train_epochs(student.ref("train_epoch"), weight, bias, x, y, 4, 0.01, 0.0, 1, "cross-entropy", wanted) for wanted in (False, True)
    )
    assert got["seen"], "`train_epoch` never ran the model."
    in_training = all(training for training, _, _ in got["seen"]) and torch.allclose(got["weight"], strict["weight"])
    assert in_training, "`train_epoch` ran the model in evaluation mode."


@points(2, hint="Sum over examples and divide once at the end; batch means have unequal weight.")
@pytest.mark.parametrize(
    ("n", "batch_size", "loss"), [(10, 4, "cross-entropy"), (11, 10, "squared"), (12, 12, "cross-entropy")]
)
def test_evaluate(student, probe, rng, n, batch_size, loss):
    """`evaluate` gives the mean loss and the accuracy over all examples."""
    x, y, weight, bias = _linear_problem(rng, n)
    scores = x @ weight + bias
    y = torch.where(torch.arange(n) % 3 == 0, y, scores.argmax(dim=1))
    y[-2:] = torch.stack([scores[-2].argmax(), scores[-1].argmin()])
    got = probe.run_evaluate(student.ref("evaluate"), weight, bias, x, y, batch_size, loss, True, True)
    expected = _LOSSES[loss](scores, y).item()
    right = (scores.argmax(dim=1) == y).double()

    def of_means(each):
        return torch.stack([part.mean() for part in each.split(batch_size)]).mean()

    words = "the mean of the batches' means: the smaller last batch counts as much as the others"
    losses = torch.stack([_LOSSES[loss](scores[k : k + 1], y[k : k + 1]) for k in range(n)])
    mistakes = {words: of_means(losses), "the sum over the examples, not divided": losses.sum()}
    parts = losses.split(batch_size)
    mistakes["each batch's loss times `batch_size`, the smaller last one's too"] = sum(part.mean() * batch_size for part in parts) / n
    if loss != "cross-entropy":
        mistakes["the cross-entropy, whatever `loss_fn` is given"] = F.cross_entropy(scores, y)
    assert_close(got["loss"], expected, rtol=1e-4, atol=1e-5, name="the loss of evaluate", inputs={"x": x}, mistakes=mistakes)
    full = "batch_size times the number of batches as the number of examples: the last batch is smaller"
    filled = right.sum() / (batch_size * len(right.split(batch_size)))
    mistakes = {words: of_means(right), full: filled, "per cent instead of a fraction": 100 * right.mean(), "the number of right ones": right.sum()}
    accuracy = right.mean().item()
    assert_close(got["accuracy"], accuracy, rtol=0, atol=1e-6, name="the accuracy of evaluate", inputs={"x": x}, mistakes=mistakes)


@points(3, hint="`model.eval()`, `torch.no_grad()`, and at the end `model.train(was_training)`.")
@pytest.mark.parametrize("training", [True, False])
def test_evaluate_leaves_the_model(student, probe, rng, training):
    """`evaluate` runs in evaluation mode without a graph, and leaves the model as it was."""
    x, y, weight, bias = _linear_problem(rng, 10)
    # The second model gives other scores where it is run in another mode, or with a graph.
    got, strict = (
        probe.run_evaluate(student.ref("evaluate"), weight, bias, x, y, 4, "cross-entropy", training, False, wanted) for wanted in (False, True)
    )
    assert got["seen"], "`evaluate` never ran the model."
    assert not any(mode for mode, _, _ in got["seen"]), "`evaluate` ran the model in training mode: dropout was active."
    assert not any(graph for _, graph, _ in got["seen"]), "`evaluate` recorded a graph it does not need."
    assert abs(got["loss"] - strict["loss"]) <= 1e-4 * (1 + abs(got["loss"])), "`evaluate` ran the model in training mode, or recorded a graph."
    for name, value in got["before"].items():
        assert torch.equal(value, got["after"][name]), f"`evaluate` changed the model's `{name}`."
    for before, after in zip(got["gradients"], got["kept"], strict=True):
        assert torch.equal(before, after), "`evaluate` changed the model's gradients."
    assert got["learns"], "`evaluate` switches off `requires_grad` of the model's parameters, and leaves it off: they do not learn any more."
    modes = {True: "training", False: "evaluation"}
    assert got["training"] is training, (
        f"A model in {modes[training]} mode came back from `evaluate` in {modes[not training]} mode."
    )


@points(2, hint="Evaluation mode, no graph, argmax over classes, batch after batch, then concatenate.")
def test_predict(student, probe, rng):
    """`predict` gives the class of each image, in order, batch by batch in evaluation mode."""
    x, _, weight, bias = _linear_problem(rng, 11, dtype=torch.float32)
    noisy = 3 * torch.randn(20, 5, generator=rng) + 1
    got = probe.run_predict(student.ref("predict"), weight, bias, x, 4, noisy, True)
    labels = got["labels"]
    assert labels.dtype == torch.int64, f"`predict` should give int64 labels; it gave {labels.dtype}."
    shape = tuple(labels.shape)
    assert shape == (11,), f"`predict` should give one label per image; for 11 images the shape is {shape}."
    assert not any(mode for mode, _, _ in got["seen"]), "`predict` ran the model in training mode."
    assert not any(graph for _, graph, _ in got["seen"]), "`predict` recorded a graph it does not need."
    assert max(size for _, _, size in got["seen"]) <= 4, "`predict` ran more than `batch_size` images at once."
    # Worked out here: the model was in the student's hands.
    norm = torch.nn.BatchNorm1d(5)
    norm(noisy)
    scores = norm.eval()(x) @ weight + bias
    mistakes = {
        "a softmax over the batch (axis 0), not over the classes: an image's class depends on the others": lambda: torch.cat([part.softmax(dim=0).argmax(dim=1) for part in scores.split(4)]),
        "the class with the lowest score": lambda: scores.argmin(dim=1),
        "the running averages of batch norm left out": lambda: (x @ weight + bias).argmax(dim=1),
    }
    assert_close(labels, scores.argmax(dim=1), rtol=0, atol=0, name="`predict`, which should give the class with the highest score,", mistakes=mistakes)
    assert got["training"], "A model in training mode came back from `predict` in evaluation mode."
    got = probe.run_predict(student.ref("predict"), weight, bias, x, 4, noisy, False)
    assert not got["training"], "A model in evaluation mode came back from `predict` in training mode."


_KEYS = ["train_loss", "validation_accuracy", "validation_loss"]


def _blobs(rng, n, d=6, classes=3, noise=0.7):
    centres = torch.eye(d)[:classes] * 2
    y = torch.arange(n) % classes
    return centres[y] + noise * torch.randn(n, d, generator=rng), y


@points(1, hint="Append to each of the three lists once per epoch.")
def test_fit_history(student, probe, rng):
    """`fit` learns, and its history has one number per epoch and key."""
    train, validation = _blobs(rng, 60), _blobs(rng, 30)
    got = probe.run_fit(student.ref("fit"), train, validation, 3, 5, 0.1, 10, _seed(rng))
    history = got["history"]
    assert set(_KEYS) <= set(history), f"The history should have the keys {_KEYS}; it has {sorted(history)}."
    for key in _KEYS:
        assert len(history[key]) == 5, f"`{key}` should have 5 numbers, one per epoch; it has {len(history[key])}."
    largest = max(got["sizes"], default=10)
    assert largest == 10, f"With batch_size=10 `fit` trains on {largest} of 60 examples at a time."
    assert got["built"] <= 1, f"In 5 epochs `fit` builds {got['built']} optimisers: build one, before the loop, or its memory is lost after each epoch."
    losses = history["train_loss"]
    assert losses[-1] < 0.9 * losses[0], f"The training loss hardly falls: {losses[0]:.3f} to {losses[-1]:.3f}."
    accuracy = (got["train_scores"].argmax(dim=1) == train[1]).float().mean().item()
    assert accuracy > 0.7, f"After `fit`, three well separated groups are distinguished in only {accuracy:.0%} of cases."
    # After one epoch there is one set of weights to keep, and it is the one that was measured.
    got = probe.run_fit(student.ref("fit"), train, validation, 3, 1, 0.1, 10, _seed(rng))
    moved = (got["train_scores"] - got["first_scores"]).abs().max().item()
    assert moved > 1e-3, "After one epoch the model still has its initial weights: it is measured before it is trained."
    # By how much it is off otherwise is the business of `evaluate` and of the loss.
    before, after = (F.cross_entropy(got[key], validation[1]).item() for key in ("first_validation_scores", "validation_scores"))
    value = got["history"]["validation_loss"][0]
    early = abs(value - before) < 0.01 * abs(after - before)
    assert not early, 'history["validation_loss"][0] is the loss of the initial model: it is measured before the epoch, not after it.'


def _whose(got):
    """Say whose weights the model holds at the end, where they are those of one epoch, or their mean."""
    measured, history, state = got["measured"], got["history"], got["state"]
    if len(measured) != len(history["validation_accuracy"]):
        return ""
    losses = history["validation_loss"]
    mean = {name: torch.stack([one[name].double() for one in measured]).mean(dim=0) for name in state}
    known = {
        "It has the weights of the last epoch: was the best `state_dict` copied, and loaded at the end?": measured[-1],
        "It has the weights of the epoch with the lowest validation loss; the highest accuracy decides.": measured[losses.index(min(losses))],
        "It has the average of the weights of all epochs, not those of one.": mean,
    }
    alike = [words for words, other in known.items() if all(torch.allclose(other[name].double(), state[name].double(), atol=1e-6) for name in state)]
    return " Or: ".join(alike)


@points(2, hint="Deep-copy the state_dict when validation accuracy is best (its tensors are live); load it at the end.")
def test_fit_keeps_the_best_epoch(student, probe, rng):
    """After `fit` the model holds the weights of the epoch with the highest validation accuracy."""
    for norm in (False, True) * 3:
        # Labels at random: validation accuracy goes up and down, and the last epoch is seldom the best.
        train, validation = (
            (torch.randn(n, 6, generator=rng), torch.randint(3, (n,), generator=rng)) for n in (40, 48)
        )
        got = probe.run_fit(student.ref("fit"), train, validation, 3, 6, 0.1, 8, _seed(rng), norm)
        count = len(got["history"]["validation_accuracy"])
        assert count == 6, f"`fit` was called with 6 epochs, but its history has {counted(count, 'number')}: does it stop early?"
        accuracy = (got["validation_scores"].argmax(dim=1) == validation[1]).float().mean().item()
        best = max(got["history"]["validation_accuracy"])
        buffers = [name for name in got["state"] if "running" in name]
        measured = got["measured"]
        if norm and len(measured) != 6:
            continue  # never measured in evaluation mode: another check's business, and with batch norm other numbers
        if len(measured) == 6:
            last = measured[-1]
            ends = [state for state, value in zip(measured, got["history"]["validation_accuracy"], strict=True) if abs(value - best) < 1e-6]
            weights = [name for name in got["state"] if name not in buffers and "tracked" not in name]
            same = [state for state in ends if all(torch.equal(state[name], got["state"][name]) for name in weights)]
            kept = not same or any(torch.equal(state[name], got["state"][name]) for state in same for name in buffers) or not buffers
            where = " (they are those of the last epoch)" if all(torch.equal(last[name], got["state"][name]) for name in buffers) else ""
            assert kept, f"The weights are those of the best epoch, but the buffers, batch norm's running averages, are not{where}: keep and load the whole `state_dict`."
        assert abs(accuracy - best) < 0.012, (
            f"The best validation accuracy in the history is {best:.3f}; the model left by `fit` has {accuracy:.3f}. {_whose(got)}".rstrip()
        )


@points(2, hint="Only training examples may reach `backward`; validation chooses the epoch and nothing else.")
def test_fit_does_not_learn_from_validation(student, probe, rng):
    """Training does not depend on the validation set."""
    train, honest, seed = _blobs(rng, 36), _blobs(rng, 30), _seed(rng)
    poison = (5 + torch.randn(30, 6, generator=rng), (honest[1] + 1) % 3)
    # One batch per epoch, so that the order of the examples does not matter.
    a, b = (probe.run_fit(student.ref("fit"), train, v, 3, 4, 0.02, 36, seed)["history"] for v in (honest, poison))
    difference = max(abs(p - q) for p, q in zip(a["train_loss"], b["train_loss"], strict=True))
    assert len(a["train_loss"]) == 4, f"`fit` should train for 4 epochs; its history has {len(a['train_loss'])}."
    assert np.isfinite([*a["train_loss"], *b["train_loss"]]).all(), "The training loss is not finite."
    assert difference < 1e-3, "The training loss depends on the validation set: it must have been trained on."
    gap = max(abs(p - q) for p, q in zip(a["validation_loss"], b["validation_loss"], strict=True))
    assert gap > 1e-3, "The validation loss does not depend on the validation set."


def _accuracies(weights, x, y):
    return {name: ((x @ w).argmax(dim=1) == y).float().mean().item() for name, w in weights.items()}


@points(2, hint="Compare validation accuracies; evaluate the winner, and only the winner, on the test set, once.")
def test_select_then_test(student, probe, rng):
    """`select_then_test` chooses by validation accuracy and looks at the test set once."""
    found = 0
    while found < 3:
        weights = {f"model {k}": torch.randn(4, 3, generator=rng) for k in range(4)}
        validation, test = ((torch.randn(n, 4, generator=rng), torch.randint(3, (n,), generator=rng)) for n in (25, 19))
        on_validation, on_test = _accuracies(weights, *validation), _accuracies(weights, *test)
        ranked = sorted(on_validation.values())
        best = max(on_validation, key=on_validation.get)
        # Wanted: one clear winner on validation, and another one on test.
        if ranked[-1] == ranked[-2] or on_test[best] == max(on_test.values()) or best == "model 0":
            continue
        found += 1
        name, accuracy, reads = probe.run_select(student.ref("select_then_test"), weights, validation, test)
        assert max(reads) < 2, f"Some test examples were read {max(reads)} times: the test set is for one look."
        others = {
            "lowest validation loss": min(weights, key=lambda key: F.cross_entropy(validation[0] @ weights[key], validation[1])),
            "lowest validation accuracy": min(on_validation, key=on_validation.get),
            "highest test accuracy": max(on_test, key=on_test.get),
        }
        fits = [words for words, other in others.items() if other == name]
        which = f"; it is the one with the {fits[0]}" if len(fits) == 1 else ""
        assert name == best, f"The chosen model is not the one with the highest validation accuracy{which}."
        mistakes = {"the accuracy on the validation set": on_validation[best], "the highest test accuracy of any model": max(on_test.values())}
        assert_close(accuracy, on_test[best], rtol=0, atol=1e-6, name="the test accuracy", mistakes=mistakes)


def _few(rng):
    """Training and validation images with labels at random, in the order of `train_network`."""
    images, labels = torch.rand(80, 1, 28, 28, generator=rng), torch.randint(10, (80,), generator=rng)
    return images[:70], labels[:70], images[70:], labels[70:]


@points(1, hint="`torch.manual_seed(seed)` before you build the network, and no random numbers from elsewhere.")
def test_train_network_repeats(student, probe, rng):
    """`train_network` gives the same network for the same seed, and a different one for a different seed."""
    few, seed = _few(rng), _seed(rng) % 10_000
    first, again, *others = (
        probe.train_on_few(student.ref("train_network"), *few, 1, s)["scores"] for s in (seed, seed, seed + 1, seed + 2)
    )
    assert torch.allclose(first, again, rtol=1e-4, atol=1e-5), "The same seed gave two different networks."
    for s, other in enumerate(others, start=seed + 1):
        assert not torch.allclose(first, other, rtol=1e-4, atol=1e-5), f"Seeds {seed} and {s} gave the same network."


@points(1, hint="Pass `epochs` on to `fit`; use the validation images only as `fit`'s validation set.")
def test_train_network_budget(student, probe, rng):
    """`train_network` trains only on the training set, and not longer than allowed."""
    (images, labels, *validation), seed = _few(rng), _seed(rng) % 10_000
    runs = {
        epochs: probe.train_on_few(student.ref("train_network"), images, labels, *validation, epochs, seed)
        for epochs in (1, 3)
    }
    for epochs, run in runs.items():
        trained = run["trained"]
        most = epochs * len(images)
        assert trained <= most, (
            f"epochs={epochs} passes over {len(images)} training images allow {most} examples in training; "
            f"`train_network` trained on {trained}. Does it pass `epochs` on, and train only on the training set?"
        )
        assert trained, "`train_network` never trained the `Network` that it returns."
    unseen = int((runs[3]["looked"] < 0.9).sum())
    assert not unseen, f"In 3 epochs `train_network` never measures its network on {unseen} of {len(validation[0])} validation images; they choose the epoch."
    # After one epoch there is nothing to choose, so the validation set cannot change anything.
    others = (torch.rand(10, 1, 28, 28, generator=rng), (validation[1] + 1) % 10)
    one = runs[1]["scores"]
    again, two = (
        probe.train_on_few(student.ref("train_network"), images, labels, *pair, 1, seed)["scores"]
        for pair in (validation, others)
    )
    repeats, same = (torch.allclose(one, scores, rtol=1e-3, atol=1e-4) for scores in (again, two))
    assert same or not repeats, "Other validation images gave other weights after one epoch: the network was trained on them."


@points(4, hint="Look at the training curve first: does the loss fall? Then try learning rates and batch sizes.")
def test_accuracy(student, held_out, profile, award, untrained):
    """A network trained by `train_network` reads digits that it has never seen."""
    few = student.train_network(*(part[-40:] for part in held_out.train), *(part[:10] for part in held_out.validation), epochs=1)
    untrained(held_out.known().accuracy(lambda images: student.predict(few, images)), metric="test_accuracy")
    model = student.train_network(*held_out.train, *held_out.validation, epochs=profile.budget["epochs"])
    award(held_out.accuracy(lambda images: student.predict(model, images)), metric="test_accuracy")
