"""Public tests for networks.py: shapes, parameters, signs."""

import torch

from networks import Network, ParallelBlock, TwoLayerNet


def _count(module):
    return sum(parameter.numel() for parameter in module.parameters())


def test_two_layer_net():
    """The right shape, the right number of parameters, and outputs of both signs."""
    torch.manual_seed(0)
    net = TwoLayerNet(4, 50, 10)
    output = net(torch.randn(20, 4))
    assert output.shape == (20, 10)
    assert _count(net) == 4 * 50 + 50 + 50 * 10 + 10
    assert output.min() < 0 < output.max()


def test_parallel_block():
    """The right shape, two layers' worth of parameters, and nothing below zero."""
    torch.manual_seed(0)
    block = ParallelBlock(4, 5)
    output = block(torch.randn(20, 4))
    assert output.shape == (20, 5)
    assert _count(block) == 2 * (4 * 5 + 5)
    assert output.min() == 0 < output.max()


def test_blocks_stack():
    """A module is a building block: it goes into nn.Sequential like any layer."""
    model = torch.nn.Sequential(ParallelBlock(6, 8), ParallelBlock(8, 4), TwoLayerNet(4, 7, 2))
    assert model(torch.randn(3, 6)).shape == (3, 2)


def test_network():
    """Ten scores for each image, 3,898 parameters, each with a gradient."""
    net = Network()
    scores = net(torch.rand(2, 1, 28, 28))
    assert scores.shape == (2, 10)
    assert _count(net) == 3898
    scores.sum().backward()
    assert all(parameter.grad is not None for parameter in net.parameters())
