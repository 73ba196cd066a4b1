"""Tests for you: data set, networks, training, accuracy."""

import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader

from grader.checks import assert_close
from mnist import MNISTDataset, MNISTNeuralNet, accuracy, train_batch


@pytest.fixture
def toy():
    """Twenty images of noise, all labels present twice."""
    generator = torch.Generator().manual_seed(0)
    return torch.randint(256, (20, 28, 28), generator=generator, dtype=torch.uint8), torch.arange(20) % 10


def test_dataset(toy):
    """White is 1, black is 0, and a loader makes batches."""
    images, labels = toy
    images[3, 0, 0], images[3, 27, 27] = 255, 0
    data = MNISTDataset(images, labels)
    x, y = data[3]
    assert len(data) == 20
    assert x.shape == (784,)
    assert (float(x[0]), float(x[783]), int(y)) == (1.0, 0.0, 3)
    batch, _ = next(iter(DataLoader(data, batch_size=5)))
    assert (batch.shape, batch.dtype) == ((5, 784), torch.float32)


@pytest.mark.parametrize(("options", "parameters"), [({}, 795_010), ({"dropout": 0.5}, 795_010), ({"batch_norm": True}, 797_010)])
def test_networks(options, parameters):
    """All three give ten scores; batch norm learns a scale and a shift for each hidden unit."""
    model = MNISTNeuralNet(**options)
    assert model(torch.rand(6, 784)).shape == (6, 10)
    # Where batch norm follows, the first bias may be left out.
    assert sum(p.numel() for p in model.parameters()) in (parameters, parameters - 1000)


def test_dropout_only_in_training():
    """Two calls differ in training, and agree in evaluation."""
    torch.manual_seed(0)
    model, x = MNISTNeuralNet(dropout=0.5), torch.rand(4, 784)
    model.train()
    assert not torch.equal(model(x), model(x))
    model.eval()
    assert torch.equal(model(x), model(x))


def test_one_step():
    """A step by hand: with w = 1, x = 2 and the loss (w x)², the gradient is 8."""
    model = nn.Linear(1, 1, bias=False)
    nn.init.ones_(model.weight)
    opt = torch.optim.SGD(model.parameters(), lr=0.1)
    loss = train_batch(torch.tensor([[2.0]]), torch.tensor([0.0]), model, opt, lambda out, y: (out - y[:, None]).pow(2).mean())
    assert_close(float(loss), 4.0, name="the loss", rtol=1e-5)
    assert_close(model.weight, torch.tensor([[0.2]]), name="the weight", rtol=1e-5)


def test_accuracy():
    """Two of three are right."""
    x, y = torch.eye(3), torch.tensor([0, 1, 0])
    assert_close(float(accuracy(x, y, nn.Identity())), 2 / 3, name="accuracy", rtol=1e-5)


def test_learns_twenty_images_by_heart(toy):
    """The parts work together: a network that can't do this has a bug."""
    torch.manual_seed(0)
    data = MNISTDataset(*toy)
    model = MNISTNeuralNet(batch_norm=True)
    opt = torch.optim.Adam(model.parameters(), lr=1e-3)
    for _ in range(15):
        for x, y in DataLoader(data, batch_size=10, shuffle=True):
            train_batch(x, y, model, opt, nn.CrossEntropyLoss())
    x, y = next(iter(DataLoader(data, batch_size=20)))
    assert accuracy(x, y, model) == 1.0
