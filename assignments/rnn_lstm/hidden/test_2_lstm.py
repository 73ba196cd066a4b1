"""Hidden checks for LSTM in recurrent.py. Truth: closed forms in float64, under the student's own random parameters."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from grader.checks import points


def _holds_a_large_cell(layer):
    """A cell that is written to for 20 steps counts to 20, and back to 0 in 20 more: nothing bounds it."""
    H, D = layer.H, layer.D
    weights = torch.zeros(4, H, D + H + 1, dtype=torch.float64)
    weights[[0, 1, 3], :, -1] = 8.0  # all gates open
    weights[2, :, :D] = 3.0
    parts = weights.reshape(1, -1)
    layer.set_parts(parts)
    x = torch.ones(40, 2, D)
    x[20:] = -1.0
    most = layer.model(x[:20])[1][1].detach().double().abs().max()
    h_seq = layer.model(x)[0]
    bounded = replace(layer.form, step=lambda z, h, c: _clipped(layer.form.step, z, h, c, most))
    mistakes = {f"the cell kept within -{float(most):.3g} and {float(most):.3g}": lambda: bounded.run(parts, x.double())[0][0]}
    layer.close(h_seq, layer.form.run(parts, x.double())[0][0], "h_seq where the cell gets large", mistakes)


def _clipped(step, z, h, c, most):
    h, c = step(z, h, c)
    c = c.clamp(-most, most)
    return z[3].sigmoid() * c.tanh(), c


@points(12, hint="One formula of the docstring at a time: f, i, o, g from W h + V x_t + b, then c, and then h from the new c.")
def test_lstm_sequence(student, read_lstm):
    """`LSTM` computes its hidden states, in every size and length."""
    for size in ({"D": 2, "H": 3, "T": 4, "B": 5}, {"D": 4, "H": 2, "T": 3, "B": 6}, {"D": 1, "H": 4, "T": 5, "B": 3}):
        layer = read_lstm(size)
    for T, B in ((1, 2), (7, 1)):
        parts, x = layer.randomise(), layer.inputs(T, B)
        layer.close(layer.model(x)[0], layer.form.run(parts, x.double())[0][0], f"h_seq for T = {T}, B = {B}")
    layer.reads_zeros()
    _holds_a_large_cell(layer)
    default = student.LSTM()(torch.ones(3, 2, 1))[0]
    assert tuple(default.shape) == (3, 2, 20), "`LSTM()` should have 1 input and 20 hidden units."


@points(4, hint="The second result is the pair (h, c) after the last step, hidden state first.")
def test_lstm_last_states(read_lstm):
    """`LSTM` returns hidden state and cell after the last step besides all hidden states."""
    layer = read_lstm(strict=False)
    parts, x = layer.randomise(), layer.inputs(6, 2)
    h_seq, (h, c) = layer.model(x)
    _, right_h, right_c = layer.form.run(parts, x.double())
    h, c = layer.state(h, 2, "The last hidden state"), layer.state(c, 2, "The last cell")
    everything = h_seq.double()
    layer.close(h, right_h[0], "the last hidden state", {
        "the cell in its place": right_c[0],
        "the state after the first step": lambda: everything[0],
        "the state before the first step": torch.zeros_like(right_h[0]),
        "the state before the last step": lambda: everything[-2],
    })
    layer.close(c, right_c[0], "the last cell", {
        "the hidden state in its place": right_h[0],
        "the tanh of the cell": lambda: right_c[0].tanh(),
        "the cell before the first step": torch.zeros_like(right_c[0]),
        "the cell before the last step": lambda: layer.form.run(parts, x[:-1].double())[2][0],
    })


@points(4, hint="Start from the given `h` and the given `c`; each starts from zeros only if it is None.")
@pytest.mark.parametrize("given", ["h and c", "h"])
def test_lstm_initial_states(probe, read_lstm, given):
    """`LSTM` starts from the given states, so it can continue a sequence."""
    layer = read_lstm(strict=False)
    parts, x = layer.randomise(), layer.inputs(5, 4)
    _, (h, _) = layer.model(x[:1])
    h0, c0 = (2 * torch.randn(4, layer.H, generator=layer.rng) for _ in range(2))
    states = [h0, c0]
    if given == "h":
        c0 = torch.zeros_like(c0)
        states = [h0]
    pair = probe.state_arguments(layer.model) == 1  # as torch's own layer has it
    h_seq = layer.started(x, [h0, c0] if pair else states, h.shape, pair)
    run = lambda h, c: layer.form.run(parts, x.double(), h.double(), c.double())[0][0]
    nothing = torch.zeros_like(h0)
    mistakes = {
        "the given states ignored": lambda: run(nothing, nothing),
        "the given h ignored": lambda: run(nothing, c0),
        "the given c ignored": lambda: run(h0, nothing),
        "h and c confused at the start": lambda: run(c0, h0),
        "the given h taken for the cell as well, c = h": lambda: run(h0, h0),
        "zeros for the given h, and h as the cell": lambda: run(nothing, h0),
    }
    layer.close(h_seq, run(h0, c0), f"h_seq after a given {given}", mistakes)
    shape = (1, 1, layer.H) if len(h.shape) == 3 else (1, layer.H)
    alone = layer.started(x[:, :1], [state[:1] for state in ([h0, c0] if pair else states)], shape, pair)
    mistakes = {"the given states ignored": lambda: run(nothing, nothing)[:, :1]}
    layer.close(alone, run(h0, c0)[:, :1], f"h_seq of a single sequence after a given {given}", mistakes)


@points(4, hint="Nothing on the way may cut the graph: no detach, .data, no_grad, or torch.tensor(...) of a tensor.")
def test_lstm_gradient(read_lstm):
    """Gradients flow from the last hidden state back through all steps to the parameters and the inputs."""
    layer = read_lstm(strict=False)
    parts, x, weights = layer.randomise(), layer.inputs(5, 3), torch.randn(3, layer.H, generator=layer.rng)
    layer.gradients_close(parts, x, weights)
    layer.last_states_learn(x)
    if layer.right:
        layer.gradient_reaches_back(37)


@points(5, hint="torch packs H rows for each of i, f, g, o, in this order; its two biases add up. Use torch.no_grad().")
@pytest.mark.parametrize(("D", "H"), [(2, 3), (4, 3)])
def test_lstm_load_torch(read_lstm, D, H):
    """`LSTM.load_torch` makes the layer compute what torch's nn.LSTM computes."""
    layer = read_lstm({"D": D, "H": H, "T": 4, "B": 5}, strict=False)
    layer.randomise()
    layer.load_and_compare(nn.LSTM(D, H), "LSTM")


@points(4, hint="Find the H entries of the forget gate. With two biases, set one to the value and the other to zero.")
@pytest.mark.parametrize("value", [1.0, -2.5, 0.0])
def test_lstm_forget_bias(probe, read_lstm, value):
    """`set_forget_bias` sets the forget gate's bias, as a sum, and leaves everything else alone."""
    layer = read_lstm(strict=False)
    before = layer.randomise()
    single = layer.entries()
    layer.model.set_forget_bias(value)
    after = layer.parts()
    biases, new = (parts.reshape(4, layer.H, -1)[..., -1] for parts in (before, after))
    forget = torch.full((layer.H,), value, dtype=torch.float64)
    kept = torch.where((layer.entries() - single).abs() < 1e-6, single, 0.0) * (single < 1e5)
    still = torch.allclose(new[1], biases[1], atol=1e-5) and not torch.allclose(new[1], forget, atol=1e-5)
    zero = " 0 is a value like any other: ask `is None`, not `if value`." if not value else ""
    assert not still, f"`set_forget_bias({value:g})` leaves the forget gate's bias as it was.{zero}"
    one_left = torch.allclose(new[1], forget + kept.sum(dim=1), atol=1e-5) and not torch.allclose(new[1], forget, atol=1e-5)
    assert not one_left, (
        "Your layer adds two biases in the forget gate, and one of them was not changed; their sum should be the value."
    )
    assert not value or not torch.allclose(new[1], 2 * forget, atol=1e-5), (
        "The forget bias is twice the requested value: your layer adds two biases, and both were set."
    )
    changed = [gate for k, gate in enumerate("ifgo") if k != 1 and not torch.allclose(new[k], biases[k], atol=1e-5)]
    named = {"i": "input gate", "f": "forget gate", "g": "candidate", "o": "output gate"}
    assert not changed, f"`set_forget_bias` changes the bias of the {named[changed[0]]}." if changed else ""
    added = {"the value added to the bias that was there": biases[1] + forget, "the value cut to a whole number": forget.trunc()}
    columns = [column + forget for column in single[single < 1e5].reshape(layer.H, -1).T]
    if columns:
        nearest = min(columns, key=lambda column: float((column - new[1]).abs().sum()))
        added["the value added to one of its biases, and the others cleared"] = nearest
    layer.close(new[1], forget, "the forget gate's bias", added)
    right = before.clone()
    right.reshape(4, layer.H, -1)[1, :, -1] = value
    layer.close(after, right, "the other parameters, after set_forget_bias")
    assert probe.learns(layer.model), "After `set_forget_bias`, not all parameters require a gradient: the layer could not learn on."
