"""Hidden checks for RNN in recurrent.py. Truth: closed forms in float64, under the student's own random parameters."""

import pytest
import torch
from torch import nn

from grader.checks import points


@points(8, hint="For each step x_t of x: h = activation(W h + V x_t + b); collect the h along a first axis of time.")
@pytest.mark.parametrize("activation", ["tanh", "relu"])
def test_rnn_sequence(student, read_rnn, activation):
    """`RNN` computes its states, with either activation, in every size and length."""
    for size in ({"D": 2, "H": 3, "T": 4, "B": 5}, {"D": 4, "H": 2, "T": 3, "B": 6}, {"D": 1, "H": 4, "T": 5, "B": 3}):
        layer = read_rnn(activation, size)
    for T, B in ((1, 2), (7, 1)):
        parts, x = layer.randomise(), layer.inputs(T, B)
        layer.close(layer.model(x)[0], layer.form.run(parts, x.double())[0][0], f"h_seq for T = {T}, B = {B}")
    layer.reads_zeros()
    default = student.RNN()(torch.ones(3, 2, 1))[0]
    assert tuple(default.shape) == (3, 2, 20), "`RNN()` should have 1 input and 20 hidden units."
    assert float(default.min()) < 0, "`RNN()` should use tanh; its states have no negative entry."


@points(2, hint="The second result is the state after the last step; for T steps that is h_seq[T - 1].")
def test_rnn_last_state(read_rnn):
    """`RNN` returns the state after the last step besides all states."""
    layer = read_rnn("tanh", strict=False)
    parts, x = layer.randomise(), layer.inputs(6, 2)
    h_seq, h = layer.model(x)
    _, right, _ = layer.form.run(parts, x.double())
    layer.close(layer.state(h, 2, "The last state"), right[0], "the last state", {
        "the state after the first step": lambda: h_seq.double()[0],
        "the state before the first step": torch.zeros_like(right[0]),
        "the state before the last step": lambda: h_seq.double()[-2],
    })


@points(3, hint="Start from the `h` that is given; from zeros only if it is None. Test with `is None`.")
@pytest.mark.parametrize("activation", ["tanh", "relu"])
def test_rnn_initial_state(read_rnn, activation):
    """`RNN` starts from the given state, so it can continue a sequence."""
    layer = read_rnn(activation, strict=False)
    parts, x = layer.randomise(), layer.inputs(5, 4)
    _, h = layer.model(x[:1])
    given = 2 * torch.randn(4, layer.H, generator=layer.rng)
    h_seq = layer.started(x, [given], h.shape)
    right = layer.form.run(parts, x.double(), given.double())[0][0]
    mistakes = {"the given state ignored": lambda: layer.form.run(parts, x.double())[0][0]}
    layer.close(h_seq, right, "h_seq after a given state", mistakes)
    # The same for one sequence alone, which no code should take for something else.
    shape = (1, 1, layer.H) if len(h.shape) == 3 else (1, layer.H)
    alone = layer.started(x[:, :1], [given[:1]], shape)
    mistakes = {"the given state ignored": lambda: layer.form.run(parts, x[:, :1].double())[0][0]}
    layer.close(alone, right[:, :1], "h_seq of a single sequence after a given state", mistakes)


@points(3, hint="Nothing on the way may cut the graph: no detach, .data, no_grad, or torch.tensor(...) of a tensor.")
@pytest.mark.parametrize("activation", ["tanh", "relu"])
def test_rnn_gradient(probe, read_rnn, activation):
    """Gradients flow from the last state back through all steps to the parameters and the inputs."""
    layer = read_rnn(activation, strict=False)
    parts, x, weights = layer.randomise(), layer.inputs(5, 3), torch.randn(3, layer.H, generator=layer.rng)
    layer.gradients_close(parts, x, weights)
    layer.last_states_learn(x)
    if layer.right:
        layer.gradient_reaches_back(37)


@points(3, hint="W is weight_hh_l0, V is weight_ih_l0 (both (out, in)), b is the sum of the two biases. Use torch.no_grad().")
@pytest.mark.parametrize("activation", ["tanh", "relu"])
def test_rnn_load_torch(probe, read_rnn, activation):
    """`RNN.load_torch` makes the layer compute what torch's nn.RNN computes."""
    layer = read_rnn(activation, strict=False)
    layer.randomise()
    theirs = nn.RNN(layer.D, layer.H, nonlinearity=activation)
    layer.load_and_compare(theirs, "RNN")
