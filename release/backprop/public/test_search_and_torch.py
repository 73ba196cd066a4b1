"""Tests for you: the search and the PyTorch network."""

import numpy as np
import pytest
import torch

from backprop import TwoLayerNet
from grader.checks import assert_close
from hyperparams import grid_settings, hyperparameter_search, random_settings
from torch_net import TorchTwoLayerNet, train_torch


@pytest.fixture
def toy():
    """Thirty points of three classes, easy to tell apart."""
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(30, 4)), np.arange(30) % 3
    x[np.arange(30), y] += 4
    return x, y


def test_grid():
    """Two values by two values make four settings."""
    settings = grid_settings({"reg": [0.0, 0.1], "std": [0.1, 0.2]})
    assert len(settings) == 4
    assert {"reg": 0.1, "std": 0.1} in settings


def test_random_settings_stay_in_range():
    """Every draw lies between its bounds."""
    settings = random_settings({"learning_rate": (1e-4, 1e-1)}, 50, seed=1)
    assert len(settings) == 50
    assert all(1e-4 <= setting["learning_rate"] <= 1e-1 for setting in settings)


def test_search_prefers_what_learns(toy):
    """A rate of 0.1 beats one of 0."""
    settings = [{"learning_rate": rate, "std": 0.1, "num_iters": 200, "batch_size": 10} for rate in (0.0, 0.1)]
    net, best, results = hyperparameter_search(*toy, *toy, settings)
    assert best["learning_rate"] == 0.1
    assert len(results) == 2
    assert np.mean(net.predict(toy[0]) == toy[1]) > 0.8


def test_torch_net_equals_numpy_net(toy):
    """Under the same weights both networks give the same scores and the same loss."""
    x, y = toy
    numpy_net, torch_net = TwoLayerNet(4, 7, 3, std=0.5), TorchTwoLayerNet(4, 7, 3)
    torch_net.load_numpy(numpy_net.params)
    tx = torch.tensor(x, dtype=torch.float32)
    assert_close(torch_net(tx), numpy_net.loss(x), name="scores", rtol=1e-4, atol=1e-4, inputs={"x": x})
    loss = torch_net.loss(tx, torch.tensor(y), reg=0.1)
    expected = numpy_net.loss(x, y, reg=0.1)[0]
    assert_close(loss, expected, name="loss", rtol=1e-4, atol=1e-4, inputs={"x": x, "y": y, "reg": 0.1})


def test_torch_training(toy):
    """A toy problem is learnt."""
    x, y = torch.tensor(toy[0], dtype=torch.float32), torch.tensor(toy[1])
    net = TorchTwoLayerNet(4, 10, 3, std=0.1)
    history = train_torch(net, x, y, x, y, learning_rate=0.2, reg=0.0, num_iters=200, batch_size=10)
    assert len(history["loss_history"]) == 200
    assert (net.predict(x) == y).float().mean() > 0.8
