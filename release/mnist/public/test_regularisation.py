"""Tests for you: weight decay, the block for feature maps, curves, the sweep, crops."""

import pytest
import torch
from torch import nn
from torch.utils.data import TensorDataset

from experiments import dropout_sweep, fit, five_crops, predict_averaged, random_crops
from grader.checks import assert_close
from mnist import MNISTNeuralNet
from regularisation import ConvBlock, l2_penalty, penalised, sgd_with_weight_decay


def small_model():
    """Two weights, 3 and 4, and a bias of 100."""
    model = nn.Linear(2, 1)
    with torch.no_grad():
        model.weight.copy_(torch.tensor([[3.0, 4.0]]))
        model.bias.fill_(100.0)
    return model


def test_penalty():
    """3² + 4² = 25; the bias does not count."""
    assert_close(l2_penalty(small_model()).item(), 25.0, name="the penalty")
    loss = penalised(lambda out, y: (out - y).abs().mean(), small_model(), lam=0.1)
    assert_close(loss(torch.ones(3), torch.zeros(3)).item(), 3.5, name="the penalised loss")


def test_both_forms_of_weight_decay_agree():
    """One step with the term in the loss, one with the optimiser's decay."""
    x, y, lam, lr = torch.tensor([[1.0, -2.0]]), torch.tensor([[3.0]]), 0.05, 0.01
    steps = []
    for form in ("term", "decay"):
        model = small_model()
        plain = nn.functional.mse_loss
        loss_fn = penalised(plain, model, lam) if form == "term" else plain
        opt = torch.optim.SGD(model.parameters(), lr) if form == "term" else sgd_with_weight_decay(model, lr, lam)
        loss_fn(model(x), y).backward()
        opt.step()
        steps.append(torch.cat([p.detach().flatten() for p in model.parameters()]))
    assert_close(steps[1], steps[0], name="what the decaying optimiser made", rtol=1e-5)


def test_block():
    """Height and width stay; in training whole channels are dropped."""
    torch.manual_seed(0)
    block = ConvBlock(2, 6, dropout=0.5)
    out = block(torch.randn(8, 2, 7, 9))
    assert out.shape == (8, 6, 7, 9)
    assert (out >= 0).all()
    assert 8 < int((out == 0).flatten(2).all(dim=2).sum()) < 40


def noise(n):
    """A data set in which there is nothing to learn."""
    return TensorDataset(torch.rand(n, 784), torch.arange(n) % 10)


def test_fit():
    """Three curves with a number for every epoch, and a loss that falls."""
    torch.manual_seed(0)
    model = MNISTNeuralNet()
    opt = torch.optim.Adam(model.parameters(), lr=1e-3)
    history = fit(model, noise(30), noise(10), opt, nn.CrossEntropyLoss(), epochs=4, batch_size=8)
    assert {key: len(values) for key, values in history.items()} == {"loss": 4, "train_accuracy": 4, "validation_accuracy": 4}
    assert history["loss"][-1] < history["loss"][0]


def test_sweep():
    """A row for each rate, and a network."""
    torch.manual_seed(0)
    model, rows = dropout_sweep([0.0, 0.8], noise(40), noise(20), epochs=2)
    assert [row["dropout"] for row in rows] == [0.0, 0.8]
    assert model(torch.rand(2, 784)).shape == (2, 10)


@pytest.mark.parametrize("pad", [1, 2])
def test_crops(pad):
    """A single white pixel in the middle: where it stands afterwards says where the crop was cut."""
    images = torch.zeros(3, 7, 9)
    images[:, 3, 4] = 1
    crops = five_crops(images, pad)
    assert crops.shape == (3, 5, 7, 9)
    where = [tuple(int(v) for v in (crop == 1).nonzero()[0]) for crop in crops[1]]
    assert where == [(3 + pad, 4 + pad), (3 + pad, 4 - pad), (3 - pad, 4 + pad), (3 - pad, 4 - pad), (3, 4)]
    assert random_crops(images, pad).sum(dim=(1, 2)).tolist() == [1, 1, 1]


def test_average():
    """Probabilities: every row sums to 1."""
    torch.manual_seed(0)
    answer = predict_averaged(MNISTNeuralNet(dropout=0.5), torch.rand(4, 28, 28))
    assert answer.shape == (4, 10)
    assert_close(answer.sum(dim=1), torch.ones(4), name="the sums of probabilities", rtol=1e-5)
