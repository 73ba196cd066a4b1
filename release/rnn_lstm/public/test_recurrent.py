"""Public tests for recurrent.py: shapes, states, and torch's own layers as the truth."""

import pytest
import torch
from torch import nn

from grader.checks import assert_close
from recurrent import LSTM, RNN


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


@pytest.mark.parametrize("activation", ["tanh", "relu"])
def test_rnn_shapes(activation):
    """All states and the last one; steps first, batch second."""
    h_seq, h = RNN(3, 5, activation)(torch.randn(7, 2, 3))
    assert h_seq.shape == (7, 2, 5)
    assert h.shape in ((1, 2, 5), (2, 5))
    assert_close(h.reshape(2, 5), h_seq[-1], name="the last state")


def test_lstm_shapes():
    """All hidden states, then the last hidden state and the last cell."""
    h_seq, (h, c) = LSTM(3, 5)(torch.randn(7, 2, 3))
    assert h_seq.shape == (7, 2, 5)
    assert h.shape == c.shape
    assert h.shape in ((1, 2, 5), (2, 5))
    assert_close(h.reshape(2, 5), h_seq[-1], name="the last state")


@pytest.mark.parametrize("activation", ["tanh", "relu"])
def test_rnn_equals_torch(activation):
    """With torch's parameters, torch's states."""
    ours, theirs = RNN(3, 5, activation), nn.RNN(3, 5, nonlinearity=activation)
    ours.load_torch(theirs)
    x = torch.randn(7, 2, 3)
    assert_close(ours(x)[0], theirs(x)[0], name="h_seq", rtol=1e-4, atol=1e-5, inputs={"x": x})


def test_lstm_equals_torch():
    """With torch's parameters, torch's states and cells."""
    ours, theirs = LSTM(3, 5), nn.LSTM(3, 5)
    ours.load_torch(theirs)
    x = torch.randn(7, 2, 3)
    (h_seq, (_, c)), (right, (_, right_c)) = ours(x), theirs(x)
    assert_close(h_seq, right, name="h_seq", rtol=1e-4, atol=1e-5, inputs={"x": x})
    assert_close(c.reshape(2, 5), right_c[0], name="c", rtol=1e-4, atol=1e-5, inputs={"h": h_seq[-1]})


def test_a_sequence_in_two_parts():
    """The states after the first part are where the second part starts."""
    lstm, rnn, x = LSTM(3, 5), RNN(3, 5), torch.randn(7, 2, 3)
    _, (h, c) = lstm(x[:4])
    assert_close(lstm(x[4:], h, c)[0], lstm(x)[0][4:], name="the LSTM's states of the second part")
    _, h = rnn(x[:4])
    assert_close(rnn(x[4:], h)[0], rnn(x)[0][4:], name="the RNN's states of the second part")


def test_parameters_are_registered():
    """An optimiser finds what is to be trained, and every parameter gets a gradient."""
    for layer in (RNN(3, 5), LSTM(3, 5)):
        assert list(layer.parameters())
        layer(torch.randn(7, 2, 3))[0].sum().backward()
        assert all(parameter.grad is not None for parameter in layer.parameters())


def test_forget_bias():
    """A forget gate that is wide open keeps more of what came in long ago."""
    lstm, x = LSTM(1, 5), torch.zeros(20, 1, 1)
    x[0] = 3.0
    lstm.set_forget_bias(-5.0)
    forgetful = lstm(x)[1][1].detach()
    lstm.set_forget_bias(5.0)
    retentive = lstm(x)[1][1].detach()
    assert retentive.abs().sum() > forgetful.abs().sum()
