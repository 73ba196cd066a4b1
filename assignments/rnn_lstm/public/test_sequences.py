"""Public tests for sequences.py, on torch's own layers."""

import torch
from torch import nn

from grader.checks import assert_close
from sequences import final_states, input_gradient_norms, last_states, pad


def test_gradient_norms_of_a_linear_chain():
    """Of a recurrence that halves its state at each step, the gradient halves from step to step back."""
    rnn = nn.RNN(1, 1, nonlinearity="relu")
    with torch.no_grad():
        rnn.weight_ih_l0.fill_(1.0)
        rnn.weight_hh_l0.fill_(0.5)
        rnn.bias_ih_l0.fill_(0.0)
        rnn.bias_hh_l0.fill_(0.0)
    norms = input_gradient_norms(rnn, torch.ones(4, 1, 1))
    assert_close(norms, torch.tensor([0.125, 0.25, 0.5, 1.0]), name="the norms")


def test_gradient_norms_of_an_lstm():
    """One number for each step, and nothing left behind."""
    lstm, x = nn.LSTM(3, 5), torch.randn(6, 2, 3)
    assert input_gradient_norms(lstm, x).shape == (6,)
    assert not x.requires_grad
    assert all(parameter.grad is None for parameter in lstm.parameters())


def test_pad():
    """Time first, zeros behind the end."""
    x, lengths = pad([torch.ones(2, 3), torch.ones(4, 3), torch.ones(1, 3)])
    assert x.shape == (4, 3, 3)
    assert lengths.tolist() == [2, 4, 1]
    assert x[:, 0, 0].tolist() == [1, 1, 0, 0]


def test_last_states():
    """Each sequence has its own end."""
    h_seq = torch.arange(12.0).reshape(4, 3, 1)
    assert last_states(h_seq, torch.tensor([2, 4, 1])).tolist() == [[3.0], [10.0], [2.0]]


def test_a_padded_batch_equals_single_sequences():
    """Padding must not be seen."""
    torch.manual_seed(0)
    lstm = nn.LSTM(3, 5)
    sequences = [torch.randn(length, 3) for length in (2, 4, 1)]
    alone = torch.stack([lstm(sequence[:, None])[0][-1, 0] for sequence in sequences])
    assert_close(final_states(lstm, sequences), alone, name="the final states")
