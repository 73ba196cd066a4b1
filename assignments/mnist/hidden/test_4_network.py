"""Hidden checks: the data set and the three networks, judged from outside: names and order of layers are the student's."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from grader.checks import assert_close, points
from grader.checks.activations import other_activations

TOLERANCE = {"rtol": 1e-3, "atol": 1e-4}


def read(MNISTDataset, probe, rng, dark=False):
    """Six random images, among them the whole range of grey or, ``dark``, half of it; and what the student's data set makes of them."""
    images = torch.randint(256, (6, 28, 28), generator=rng, dtype=torch.uint8)
    images[0, 0, :2] = torch.tensor([0, 255], dtype=torch.uint8)
    images[1] = images[1] // 2  # no white in it: dividing by an image's own maximum shows
    if dark:
        images = images // 2
    labels = torch.randint(10, (6,), generator=rng)
    return images, labels, probe.read_dataset(MNISTDataset, images, labels)


@points(2, hint="Convert to float first, then divide by 255; the 784 numbers are the image's rows one after another.")
@pytest.mark.parametrize("dark", [False, True], ids=["all greys", "dark"])
def test_dataset_pixels(student, probe, rng, dark):
    """`MNISTDataset` rescales pixels to [0, 1] and lays an image out as a row."""
    images, _, got = read(student.ref("MNISTDataset"), probe, rng, dark)
    values = images.double().reshape(6, -1)
    assert_close(
        got["x"],
        values / 255,
        name="an image",
        mistakes={
            "no division by 255": lambda: values,
            "a division by 256": lambda: values / 256,
            "a division before the conversion to float: whole numbers": lambda: (values / 255).floor(),
            "each image divided by its own maximum": lambda: values / values.amax(dim=1, keepdim=True),
            "all images divided by the largest value among them": lambda: values / values.max(),
            "pixels in [-1, 1]": lambda: values / 127.5 - 1,
            "pixels in [-0.5, 0.5]": lambda: values / 255 - 0.5,
            "mean 0 and standard deviation 1 for each image": lambda: (values - values.mean(1, True)) / values.std(1, keepdim=True),
            "mean 0 and standard deviation 1 for all images together": lambda: (values - values.mean()) / values.std(),
            "columns of pixels one after the other, not rows": lambda: images.transpose(1, 2).double().reshape(6, -1) / 255,
            "pixels of different images mixed": lambda: images.double().reshape(784, 6).T / 255,
            "the division by 255 done twice": lambda: values / 255**2,
        },
        **TOLERANCE,
    )


@points(2, hint="One item is (784,) float32 and its label; a DataLoader makes (N, 784) and (N,) of them.")
def test_dataset_items(student, probe, rng):
    """`MNISTDataset` has a length, and items that a `DataLoader` can batch."""
    images, labels, got = read(student.ref("MNISTDataset"), probe, rng)
    assert got["length"] == 6, f"a data set of 6 images says that it has {got['length']}"
    assert list(got["shape"]) == [784], f"one image should have shape (784,); it has {tuple(got['shape'])}"
    assert got["dtype"] == "torch.float32", f"one image should be a tensor of float32; it is {got['dtype']}"
    assert tuple(got["batch"].shape) == (6, 784), f"a batch of 6 should have shape (6, 784); it has {tuple(got['batch'].shape)}"
    assert_close(got["batch"], got["x"].float(), name="a batch made by a DataLoader", **TOLERANCE)
    assert torch.equal(got["y"].long(), labels), "the labels should come as they are, each with its image"
    assert got["batch_labels"].dtype == torch.int64, f"labels should be int64; they are {got['batch_labels'].dtype}"


def by_size(parameters):
    """Both weights as (out, in), both biases as vectors, found by how many numbers they hold."""
    found = {}
    for name, shape in {"w1": (1000, 784), "w2": (10, 1000), "b1": (1000,), "b2": (10,)}.items():
        fitting = [p for p in parameters if p.numel() == np.prod(shape)]
        assert fitting, f"MNISTNeuralNet should have a parameter of {' x '.join(map(str, shape))} numbers; there is none"
        value = fitting[0]
        found[name] = (value if tuple(value.shape) == shape else value.T).reshape(shape)
    return found


def centred(scores):
    """Scores less their row's mean: scores and log-softmax of scores are then the same."""
    return scores - scores.mean(dim=1, keepdim=True)


@points(3, hint="nn.Linear(784, 1000), nn.ReLU(), nn.Linear(1000, 10), and nothing after it.")
def test_network_plain(student, probe, rng):
    """`MNISTNeuralNet` computes 784 - 1000 - 10 with a ReLU from its own parameters."""
    model = student.MNISTNeuralNet()
    sizes = probe.parameter_shapes(model)
    layers = by_size(probe.parameters_of(model))
    assert sizes["count"] == 795_010, f"the plain network should have 795010 parameters; yours has {sizes['count']}"
    x = torch.rand(5, 784, generator=rng)
    before = x @ layers["w1"].T + layers["b1"]

    def from_hidden(hidden):
        return hidden @ layers["w2"].T + layers["b2"]

    right = from_hidden(F.relu(before))
    for mode in (False, True):
        first, second = probe.scores_of(model, x, mode)
        assert first.shape == (5, 10), f"for 5 images, scores should have shape (5, 10); they have {tuple(first.shape)}"
        where = "in training mode" if mode else "in evaluation mode"
        assert torch.equal(first, second), f"{where}, two calls of the plain network differ"
        is_softmax = bool((first >= 0).all()) and torch.allclose(first.sum(dim=1), torch.ones(5), atol=1e-4)
        assert not is_softmax, "the network returns probabilities, but CrossEntropyLoss expects scores and contains a softmax"
        assert_close(
            centred(first),
            centred(right),
            name=f"the scores {where}, less the mean of each row,",
            mistakes={
                "no ReLU between the layers": lambda: centred(from_hidden(before)),
                "a ReLU on the scores as well": lambda: centred(F.relu(right)),
                **other_activations(lambda f: centred(from_hidden(f(before))), "the ReLU"),
                "a sigmoid on the scores": lambda: centred(right.sigmoid()),
                "the ReLU on the scores, and none between the layers": lambda: centred(F.relu(from_hidden(before))),
            },
            **TOLERANCE,
        )


def hidden(probe, model, x, training, passes=1):
    """(passes, N, 1000) hidden units as the last layer sees them."""
    units = probe.hidden_units(model, x, training, passes)
    assert units is not None, "MNISTNeuralNet should have one weight of 10 x 1000 numbers, from hidden units to scores"
    assert units.numel(), "the scores of MNISTNeuralNet are not what its last linear layer gives: does a ReLU, a softmax or the like follow it?"
    return units


def unlike_factors(units, dropped):
    """What is dropped where the units that are left are not all scaled alike; units (passes, K)."""
    values, counts = units.flatten().round(decimals=5).unique(return_counts=True)
    often = values[counts.argmax()]
    if counts.max() > 0.05 * units.numel() and often != 0:
        return f"hidden units that are dropped become {float(often):.3g} instead of 0, and the others are shifted: is this a different kind of dropout?"
    if dropped.any():
        return "hidden units are dropped, and those that are left change by unlike factors: something in front of them is dropped as well"
    return "no hidden unit is dropped, and all change from call to call: something before them is dropped, perhaps the pixels"


@points(3, hint="nn.Dropout(dropout) on the hidden units. F.dropout needs training=self.training.")
@pytest.mark.parametrize("p", [0.2, 0.7])
def test_network_dropout(student, probe, rng, p):
    """`MNISTNeuralNet(dropout=p)` drops hidden units with probability p in training, and none in evaluation."""
    model = student.MNISTNeuralNet(dropout=p)
    x = torch.rand(2, 784, generator=rng)
    first, second = probe.scores_of(model, x)
    assert torch.equal(first, second), "in evaluation mode two calls differ: dropout is still active"
    kept = hidden(probe, model, x, False)[0]
    active = kept.abs() > 1e-3
    units = hidden(probe, model, x, True, passes=12)
    assert not torch.equal(units[0], units[1]), "in training mode two calls give the same result: nothing is dropped"
    ratio = units[:, active] / kept[active]
    dropped = ratio == 0
    unlike = float(ratio[~dropped].std() / ratio[~dropped].mean()) > 1e-3 if not dropped.all() else False
    assert not unlike, unlike_factors(units[:, active], dropped)
    share, band = dropped.double().mean().item(), 5 * (p * (1 - p) / dropped.numel()) ** 0.5
    assert abs(share - p) < band, (
        f"with dropout={p}, {share:.1%} of the hidden units are dropped in training"
        + ("; it is read as the probability to keep a unit" if abs(share - 1 + p) < band else "")
    )
    shared = active.all(dim=0)
    assert not torch.equal(units[:, 0, shared] == 0, units[:, 1, shared] == 0), "both images of a batch lose the same hidden units"
    factors = ratio[~dropped]
    assert_close(
        factors,
        torch.full_like(factors, 1 / (1 - p)),
        name="the factor of the hidden units that are kept",
        mistakes={
            "no division by 1 - p": lambda: torch.ones_like(factors),
            "a division by p": lambda: torch.full_like(factors, 1 / p),
            "dropout twice": lambda: torch.full_like(factors, 1 / (1 - p) ** 2),
        },
        **TOLERANCE,
    )


def normalised(z):
    """Batch norm as a new layer has it: scale 1, shift 0."""
    return (z - z.mean(dim=0)) / (z.var(dim=0, unbiased=False) + 1e-5).sqrt()


@points(3, hint="nn.BatchNorm1d(1000) on the hidden units: its statistics run over the batch, its scale and shift are learnt.")
def test_network_batch_norm(student, probe, rng):
    """`MNISTNeuralNet(batch_norm=True)` normalises each hidden unit over the batch in training."""
    model = student.MNISTNeuralNet(batch_norm=True)
    parameters = probe.parameters_of(model)
    count = sum(parameter.numel() for parameter in parameters)
    # A bias in front of batch norm may be left out; scale and shift may not.
    assert count >= 796_010, (
        f"with batch norm the network should have 1000 scales and 1000 shifts more to learn; it has {count} parameters in all"
    )
    assert count <= 900_000, f"784 - 1000 - 10 with batch norm has 797010 parameters; yours has {count}"
    fitting = [p for p in parameters if p.numel() == 784_000]
    assert fitting, "MNISTNeuralNet should have a weight of 1000 x 784 numbers, from pixels to hidden units"
    weight = fitting[0] if fitting[0].shape[0] == 1000 else fitting[0].T
    x = torch.rand(7, 784, generator=rng)
    units = hidden(probe, model, x, True)[0]
    biases = [p.reshape(-1) for p in parameters if p.numel() == 1000 and p.unique().numel() > 1] or [torch.zeros(1000)]
    z = x @ weight.T
    before_relu = F.relu(normalised(z))
    after_relu = [normalised(F.relu(z + bias)) for bias in biases]
    if any(torch.allclose(units, right, rtol=2e-3, atol=5e-3) for right in after_relu):
        return
    assert_close(
        units,
        before_relu,
        name="the hidden units in training mode",
        mistakes={
            "no batch norm": lambda: F.relu(z + biases[0]),
            "each example normalised over its units, not each unit over the batch": lambda: F.relu(F.layer_norm(z + biases[0], (1000,))),
            "no ReLU after batch norm": lambda: normalised(z),
            "no ReLU before batch norm, nor after it": lambda: normalised(z + biases[0]),
            "the variance divided by N - 1": lambda: F.relu((z - z.mean(0)) / (z.var(0) + 1e-5).sqrt()),
            **other_activations(lambda f: f(normalised(z)), "the ReLU"),
        },
        rtol=2e-3,
        atol=5e-3,
    )


@points(3, hint="In evaluation mode batch norm uses its running averages, so an image's scores do not depend on the rest of the batch.")
def test_network_batch_norm_evaluation(student, probe, rng):
    """`MNISTNeuralNet(batch_norm=True)` uses running averages in evaluation mode, and drops only in training."""
    x = torch.rand(40, 784, generator=rng)
    model = student.MNISTNeuralNet(batch_norm=True, dropout=0.3)
    before = probe.state_of(model)
    probe.settle(model, x, 3)
    settled = probe.state_of(model)
    assert any(not torch.equal(a, b) for a, b in zip(before, settled)), "training on images leaves no running averages behind"
    together, again = probe.scores_of(model, x)
    same = all(torch.equal(a, b) for a, b in zip(settled, probe.state_of(model)))
    assert same, "the running averages move in evaluation mode; only training moves them"
    assert torch.equal(together, again), "in evaluation mode two calls differ: dropout is still active"
    alone, _ = probe.scores_of(model, x[:1])
    assert_close(alone, together[:1], name="an image's scores, alone and in a batch,", **TOLERANCE)
    one, two = probe.scores_of(model, x, True)
    assert not torch.equal(one, two), "with batch_norm=True and dropout=0.3 two calls in training give the same result: nothing is dropped"
    # Running averages of one and the same batch are its statistics, but for N - 1 and what is left of the start.
    model = student.MNISTNeuralNet(batch_norm=True)
    probe.settle(model, x, 120)
    units, fresh = (probe.hidden_units(model, x[:20] if not training else x, training) for training in (False, True))
    assert units is not None, "MNISTNeuralNet should have one weight of 10 x 1000 numbers, from hidden units to scores"
    if not units.numel() or not fresh.numel():
        return  # something follows the last layer, which other checks say
    units, fresh = units[0], fresh[0]
    close = (units - fresh[:20]).abs() <= 0.05 * (1 + fresh[:20].abs())
    assert close.double().mean() > 0.99, "after much training on one batch, evaluation should give for it what training gives"
