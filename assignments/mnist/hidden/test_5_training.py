"""Hidden checks: one step of training, accuracy, and a trained network on digits that nobody has seen."""

import pytest
import torch
from torch.nn import functional as F

from grader.checks import assert_close, points
from grader.checks.training import of_linear, sgd_steps, unasked

TOLERANCE = {"rtol": 1e-3, "atol": 1e-5}
D, C = 6, 4


def draw(rng, *sizes):
    """A linear classifier, and a batch for it of each size."""
    weight, bias = torch.randn(D, C, generator=rng), torch.randn(C, generator=rng)
    batches = [[torch.randn(n, D, generator=rng), torch.randint(C, (n,), generator=rng)] for n in sizes]
    return weight, bias, batches


def loss_of(name, scores, y):
    """The two losses that the probe knows by these names."""
    if name == "cross-entropy":
        return F.cross_entropy(scores, y)
    return (scores.gather(1, y[:, None]) - 1).pow(2).sum()


def descend(weight, bias, batches, rate, loss, left=None, mistaken=None, momentum=0.5, **more):
    """SGD with momentum: (weights after all steps, loss before each step)."""
    linear = of_linear(mistaken or (lambda scores, y: loss_of(loss, scores, y)))
    return sgd_steps((weight, bias), linear, batches, rate=rate, momentum=momentum, left=left, **more)


@points(3, hint="zero_grad, loss_fn(model(x), y), backward, step: each once, and backward before step.")
@pytest.mark.parametrize("loss", ["cross-entropy", "squared"], ids=["cross-entropy", "another"])
@pytest.mark.parametrize("sizes", [[5], [5, 7]])
def test_train_batch_step(student, probe, rng, loss, sizes):
    """`train_batch` makes one step of the optimiser on the loss that it is given."""
    weight, bias, batches = draw(rng, *sizes)
    got = probe.steps_of_training(student.ref("train_batch"), weight, bias, batches, 0.05, loss, True, True)
    right, _ = descend(weight, bias, batches, 0.05, loss)

    def wrong(index, **how):
        return lambda: descend(weight, bias, batches, 0.05, loss, **how)[0][index]

    for index, name in enumerate(("weight", "bias")):
        start = (weight, bias)[index]
        mistakes = {
            "gradients added to the old ones: zero_grad is missing": wrong(index, left=(0.7, 0.7)),
            "no step at all, or with gradients cleared before it": lambda: start,
            "a step uphill": lambda: 2 * start - right[index],
            "a softmax before the loss": wrong(index, mistaken=lambda s, y: loss_of(loss, s.softmax(1), y)),
        }
        mistakes |= unasked(lambda index=index, **how: descend(weight, bias, batches, 0.05, loss, **how)[0][index], momentum=0.5)
        if loss == "squared":
            mistakes["cross-entropy instead of loss_fn"] = wrong(index, mistaken=lambda s, y: F.cross_entropy(s, y))
        if len(sizes) == 1:
            mistakes["two steps instead of one"] = wrong_twice(weight, bias, batches, loss, index)
            # Momentum 0.5: the second step with the same gradient is one and a half times the first.
            mistakes["the optimiser's step called twice"] = lambda: start + 2.5 * (right[index] - start)
        else:
            mistakes["no momentum from batch to batch, as with a different optimiser than the one given"] = wrong(index, momentum=0.0)
        assert_close(got[name], right[index], name=f"the model's {name} after training", mistakes=mistakes, **TOLERANCE)
    # Large inputs: a gradient far above what anybody clips it to.
    steep = [[60 * x, y] for x, y in batches]
    got = probe.steps_of_training(student.ref("train_batch"), weight, bias, steep, 1e-4, loss, True, False)
    right, _ = descend(weight, bias, steep, 1e-4, loss)
    for index, name in enumerate(("weight", "bias")):
        mistakes = unasked(lambda index=index, **how: descend(weight, bias, steep, 1e-4, loss, **how)[0][index], momentum=0.5)
        assert_close(got[name], right[index], name=f"the model's {name} after training with large gradients", mistakes=mistakes, **TOLERANCE)


def wrong_twice(weight, bias, batches, loss, index):
    return lambda: descend(weight, bias, batches * 2, 0.05, loss)[0][index]


@points(1, hint="model.train() first: dropout and batch norm behave differently in evaluation mode.")
def test_train_batch_mode(student, probe, rng):
    """`train_batch` trains in training mode, whatever mode the model is in."""
    weight, bias, batches = draw(rng, 5, 7)
    for training in (False, True):
        got = probe.steps_of_training(student.ref("train_batch"), weight, bias, batches, 0.05, "cross-entropy", training, False, plain=False)
        assert got["seen"], "train_batch never calls the model"
        assert all(mode for mode, _, _ in got["seen"]), "train_batch runs the model in evaluation mode"
        assert got["training"], "after train_batch the model should be in training mode"
        # A model that gives other scores where it is run in evaluation mode.
        alike = [
            probe.steps_of_training(student.ref("train_batch"), weight, bias, batches, 0.05, "cross-entropy", training, False, strict=strict)["weight"]
            for strict in (False, True)
        ]
        assert torch.allclose(*alike), "train_batch runs the model in evaluation mode"


@points(2, hint="The loss of the batch before the step; .item(), or .detach(), so that no graph is kept.")
@pytest.mark.parametrize("loss", ["cross-entropy", "squared"], ids=["cross-entropy", "another"])
def test_train_batch_loss(student, probe, rng, loss):
    """`train_batch` returns the loss before the step, as a plain number."""
    weight, bias, batches = draw(rng, 5, 7)
    # A new model for each batch: whether the step is right is asked elsewhere.
    found = [probe.steps_of_training(student.ref("train_batch"), weight, bias, [batch], 0.2, loss, True, True) for batch in batches]
    got = {"losses": [each["losses"][0] for each in found], "graph": any(each["graph"] for each in found)}
    losses = [descend(weight, bias, [batch], 0.2, loss)[1][0] for batch in batches]

    def after():
        moved = [descend(weight, bias, [batch], 0.2, loss)[0] for batch in batches]
        return [loss_of(loss, x.double() @ w + b, y).item() for (w, b), (x, y) in zip(moved, batches)]

    sizes = torch.tensor([5.0, 7.0])
    assert_close(
        torch.tensor(got["losses"]).double(),
        torch.tensor(losses).double(),
        name="what train_batch returned",
        mistakes={
            "the loss after the step": lambda: torch.tensor(after()),
            "the loss times the size of the batch": lambda: torch.tensor(losses) * sizes,
            "the loss divided by the size of the batch": lambda: torch.tensor(losses) / sizes,
            "a softmax before the loss": lambda: torch.tensor(
                [loss_of(loss, (x @ weight + bias).softmax(1), y).item() for x, y in batches]
            ),
            "cross-entropy instead of loss_fn": lambda: torch.tensor([F.cross_entropy(x @ weight + bias, y).item() for x, y in batches]),
        },
        **TOLERANCE,
    )
    assert not got["graph"], "the loss returned still holds its graph, and with it the memory of the whole batch: return a number"


@points(2, hint="The share of rows whose largest score is at the label: a mean, not a sum.")
@pytest.mark.parametrize("n", [7, 3])
def test_accuracy_value(student, probe, rng, n):
    """`accuracy` is the share of a batch that the model gets right."""
    while True:
        weight, bias, [[x, y]] = draw(rng, n)
        right = ((x @ weight + bias).argmax(dim=1) == y).double().mean().item()
        sure = ((x @ weight + bias).softmax(dim=1).amax(dim=1) > 0.5).double()
        sure_and_right = (((x @ weight + bias).argmax(dim=1) == y) * sure).mean().item()
        # 0, 1 and one half tell too little; and some right answer has a probability below one half.
        if 0 < right < 1 and abs(right - 0.5) > 0.05 and sure_and_right < right:
            break
    got = probe.measure(student.ref("accuracy"), weight, bias, x, y, True, True)
    scores = x @ weight + bias
    assert_close(
        got["value"],
        right,
        name="accuracy",
        mistakes={
            "the number of right answers, not their share": lambda: right * n,
            "the share of wrong answers": lambda: 1 - right,
            "a percentage": lambda: 100 * right,
            "only those right answers counted whose probability is above 1/2": lambda: sure_and_right,
            "the smallest score for the largest": lambda: (scores.argmin(dim=1) == y).double().mean().item(),
            "a division by the number of classes": lambda: right * n / C,
            "a share rounded to two digits": lambda: round(right, 2),
        },
        **TOLERANCE,
    )


@points(2, hint="model.eval() first: with dropout active and the batch's own statistics, you measure a different network.")
def test_accuracy_mode(student, probe, rng):
    """`accuracy` measures in evaluation mode and changes nothing."""
    weight, bias, [[noise, _], [x, y]] = draw(rng, 40, 30)
    for training in (True, False):
        got = probe.measure(student.ref("accuracy"), weight, bias, x, y, False, training, noise=3 * noise + 1)
        assert got["seen"], "accuracy never calls the model"
        assert not any(mode for mode, _, _ in got["seen"]), "accuracy runs the model in training mode"
        # Worked out here: the model was in the student's hands.
        norm = torch.nn.BatchNorm1d(len(weight), dtype=weight.dtype)
        norm(3 * noise + 1)
        right = ((norm.eval()(x) @ weight + bias).argmax(dim=1) == y).double().mean().item()
        assert abs(got["value"] - right) < 1e-4, "accuracy is not the share of right answers that the model gives in evaluation mode"
        same = all(torch.equal(a, b) for a, b in zip(got["before"], got["after"]))
        assert same, "accuracy changes the model's parameters or running averages"


@points(1, hint="@torch.no_grad() above the function, or `with torch.no_grad():` around the call of the model.")
def test_accuracy_without_graph(student, probe, rng):
    """`accuracy` builds no graph."""
    weight, bias, [[x, y]] = draw(rng, 9)
    # Labels that the model names: all right, and all wrong where it gives other scores.
    y = (x @ weight + bias).argmax(dim=1)
    got, strict = (probe.measure(student.ref("accuracy"), weight, bias, x, y, True, False, strict=wanted) for wanted in (False, True))
    assert got["seen"], "accuracy never calls the model"
    graph = got["graph"] or any(graph for _, graph, _ in got["seen"]) or abs(got["value"] - strict["value"]) > 1e-6
    assert not graph, "accuracy runs the model with gradients switched on, which wastes memory"


def trained(student, probe, profile, held_out, np_rng, epochs=None):
    """The network that the student's parts make of the training digits; of 0 epochs, what it was before."""
    x, y = held_out.train
    images = (x[:, 0] * 255).round().to(torch.uint8)
    parts = [student.ref(name) for name in ("MNISTDataset", "MNISTNeuralNet", "train_batch")]
    return probe.trained(*parts, images, y, profile.budget["epochs"] if epochs is None else epochs, int(np_rng.integers(2**31)))


@points(3, hint="The parts work together: data set, network with batch norm and dropout, train_batch. If a part fails, fix it first.")
def test_digits(student, probe, profile, held_out, award, untrained, show, np_rng):
    """A network trained by your parts recognises digits that it has not seen."""
    model = trained(student, probe, profile, held_out, np_rng)
    show.confusion(held_out.examples(300), lambda x: probe.predict(model, x))
    fresh = trained(student, probe, profile, held_out, np_rng, epochs=0)
    untrained(held_out.known().accuracy(lambda x: probe.predict(fresh, x)), metric="test_accuracy")
    award(held_out.accuracy(lambda x: probe.predict(model, x)), metric="test_accuracy")


@points(2, hint="Averages over five crops shifted by one pixel should be as good as the image alone, or a little better.")
def test_digits_averaged(student, probe, profile, held_out, award, untrained, np_rng):
    """The same network recognises digits when its answers are averaged over five crops."""
    model = trained(student, probe, profile, held_out, np_rng)
    accuracy = held_out.accuracy(lambda x: student.predict_averaged(model, x[:, 0]))
    fresh = trained(student, probe, profile, held_out, np_rng, epochs=0)
    untrained(held_out.known().accuracy(lambda x: student.predict_averaged(fresh, x[:, 0])), metric="averaged_accuracy")
    award(accuracy, metric="averaged_accuracy")
