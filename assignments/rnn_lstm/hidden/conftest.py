"""What the checks of RNN and LSTM share: the layers in closed form, right and wrong, and how a student's is read.

A form holds its parameters in one canonical array, (gates, H, D + H + 1): for each gate and unit the weights of the
inputs, those of the states and the bias. `grader.checks.parameter_roles` finds which entry of the student's parameters plays
which of these parts, so that nothing is asked of names, packing, gate order, orientation or the number of biases.
"""

import itertools
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from grader.checks import StudentError, assert_close
from grader.checks.parameter_roles import Reader, Reading, Refuted
from grader.text import counted

#: Sizes that all differ, so that nothing that is swapped or transposed goes unseen.
SMALL = {"D": 2, "H": 3, "T": 4, "B": 5}
SIZES = [SMALL, {"D": 4, "H": 2, "T": 3, "B": 6}, {"D": 1, "H": 4, "T": 5, "B": 3}]
#: float32 against float64 over a few steps; a wrong layer is off by more than a hundred times this.
TOLERANCE = {"rtol": 1e-3, "atol": 2e-4}
#: Where torch does it all: classes of its modules, and names of its functions.
READY_MADE = {
    *("RNN", "LSTM", "GRU", "RNNCell", "LSTMCell", "GRUCell", "RNNBase", "RNNCellBase"),
    *("lstm", "lstm_cell", "gru", "gru_cell", "rnn_tanh", "rnn_relu", "rnn_tanh_cell", "rnn_relu_cell"),
}


@dataclass(frozen=True)
class Form:
    """A recurrent layer in closed form; `says` is what a student hears whose layer is this one."""

    says: str
    gates: int
    step: Callable  # (pre-activations (gates, K, B, H), h, c) -> (h, c)
    reads: Callable = lambda x: x
    shows: Callable = lambda h_seq, c_seq, h0: h_seq

    def size(self, D, H):
        """How many parts it has."""
        return self.gates * H * (D + H + 1)

    def run(self, parts, x, h=None, c=None, detach=""):
        """Under K canonical vectors (K, size), on x (T, B, D): h_seq (K, T, B, H), last h and c (K, B, H)."""
        x = self.reads(x)
        D = x.shape[-1]
        H = next(H for H in range(1, 1000) if self.size(D, H) == parts.shape[-1])
        weights = parts.reshape(-1, self.gates, H, D + H + 1)
        zero = x.new_zeros(len(weights), x.shape[1], H)
        h0 = h = zero if h is None else h.expand_as(zero)
        c = zero if c is None else c.expand_as(zero)
        h_seq, c_seq = [], []
        for step in x:
            h, c = h.detach() if "h" in detach else h, c.detach() if "c" in detach else c
            seen = torch.cat([step.expand(len(weights), *step.shape), h, torch.ones_like(h[..., :1])], dim=-1)
            h, c = self.step(torch.einsum("kgjm,kbm->gkbj", weights, seen), h, c)
            h_seq.append(h)
            c_seq.append(c)
        return self.shows(torch.stack(h_seq, dim=1), torch.stack(c_seq, dim=1), h0), h, c


# --- the two right ones ---------------------------------------------------------------------------------------------

GATES = ("input gate i", "forget gate f", "candidate g", "output gate o")
ACTIVATIONS = {"tanh": torch.tanh, "relu": torch.relu}


def _lstm(z, h, c):
    i, f, g, o = z
    c = f.sigmoid() * c + i.sigmoid() * g.tanh()
    return o.sigmoid() * c.tanh(), c


LSTM = Form("", 4, _lstm)
RNN = {name: Form("", 1, lambda z, h, c, f=f: (f(z[0]), c)) for name, f in ACTIVATIONS.items()}

# --- and what they become by mistake --------------------------------------------------------------------------------


def _cell(says, gates, cell, hidden=lambda o, c, before: o.sigmoid() * c.tanh(), keep=lambda c: c):
    """An LSTM with another rule for the cell or for the hidden state; the output gate comes last."""

    def step(z, h, before):
        c = cell(before, *z[:-1])
        return hidden(z[-1], c, before), keep(c)

    return Form(says, gates, step)


def _sum(c, i, f, g):
    return f.sigmoid() * c + i.sigmoid() * g.tanh()


def _turned(form, name):
    """A right cell that is led along the sequence in a wrong way, or shows the wrong thing."""
    return [
        replace(
            form,
            says=f"{name} takes the first axis for the batch and the second for time; inputs are time-major, (T, B, D).",
            reads=lambda x: x.transpose(0, 1),
            shows=lambda h_seq, c_seq, h0: h_seq.transpose(1, 2),
        ),
        replace(
            form,
            says=f"{name} runs through the sequence from the last step to the first.",
            reads=lambda x: x.flip(0),
        ),
        replace(
            form,
            says=f"{name} runs through the sequence from the last step to the first.",
            reads=lambda x: x.flip(0),
            shows=lambda h_seq, c_seq, h0: h_seq.flip(1),
        ),
        replace(
            form,
            says="`h_seq` holds the state before each step; it should hold the one after it.",
            shows=lambda h_seq, c_seq, h0: torch.cat([h0[:, None], h_seq[:, :-1]], dim=1),
        ),
        replace(form, says=f"{name} reads the first input again at every step.", reads=lambda x: x[:1].expand_as(x)),
    ]


WRONG_LSTM = [
    _cell("The input gate of `LSTM` is coupled to its forget gate, i = 1 - f; each needs its own weights.", 3, lambda c, f, g: f.sigmoid() * c + (1 - f.sigmoid()) * g.tanh()),
    _cell("The forget gate of `LSTM` is coupled to its input gate, f = 1 - i; each needs its own weights.", 3, lambda c, i, g: (1 - i.sigmoid()) * c + i.sigmoid() * g.tanh()),
    _cell("`LSTM` gives o * c; the tanh on the cell is missing: h = o * tanh(c).", 4, _sum, lambda o, c, _: o.sigmoid() * c),
    _cell("The candidate of `LSTM` lacks its tanh: g = tanh(...).", 4, lambda c, i, f, g: f.sigmoid() * c + i.sigmoid() * g),
    _cell("The candidate of `LSTM` goes through a sigmoid; g = tanh(...).", 4, lambda c, i, f, g: f.sigmoid() * c + i.sigmoid() * g.sigmoid()),
    _cell("The hidden state of `LSTM` is read from the cell before its update: h_t = o_t * tanh(c_t), not c_{t-1}.", 4, _sum, lambda o, _, before: o.sigmoid() * before.tanh()),
    _cell("`LSTM` keeps the tanh of the cell for the next step; c itself goes on, tanh(c) is for h only.", 4, lambda c, i, f, g: _sum(c, i, f, g).tanh(), lambda o, c, _: o.sigmoid() * c),
    _cell("`LSTM` has no output gate: h = o * tanh(c).", 4, lambda c, i, f, g: _sum(c, i, f, g), lambda _, c, __: c.tanh()),
    _cell("`LSTM` has no forget gate: c_t = f_t * c_{t-1} + i_t * g_t.", 3, lambda c, i, g: c + i.sigmoid() * g.tanh()),
    _cell("`LSTM` has no input gate: c_t = f_t * c_{t-1} + i_t * g_t.", 3, lambda c, f, g: f.sigmoid() * c + g.tanh()),
    _cell("`LSTM` starts every step from an empty cell: c_t = f_t * c_{t-1} + i_t * g_t.", 3, lambda c, i, g: i.sigmoid() * g.tanh()),
    _cell("`LSTM` adds i * g before it forgets: f acts only on c_{t-1}, c_t = f_t * c_{t-1} + i_t * g_t.", 4, lambda c, i, f, g: f.sigmoid() * (c + i.sigmoid() * g.tanh())),
    _cell("`LSTM` reads the cell through a hardtanh; h = o * tanh(c).", 4, _sum, lambda o, c, _: o.sigmoid() * F.hardtanh(c)),
    _cell("The gates of `LSTM` go through a hardsigmoid; they should go through a sigmoid.", 4, lambda c, i, f, g: F.hardsigmoid(f) * c + F.hardsigmoid(i) * g.tanh(), lambda o, c, _: F.hardsigmoid(o) * c.tanh()),
    *(
        _cell(f"`LSTM` adds {more:g} to its forget gate in `forward`, which no parameter holds: set the bias itself.", 4, lambda c, i, f, g, more=more: (f + more).sigmoid() * c + i.sigmoid() * g.tanh())
        for more in (1.0, -1.0)
    ),
    _cell("The candidate of `LSTM` goes through a relu; g = tanh(...).", 4, lambda c, i, f, g: f.sigmoid() * c + i.sigmoid() * g.relu()),
    _cell("`LSTM` reads the cell through a sigmoid instead of tanh: h = o * tanh(c).", 4, _sum, lambda o, c, _: o.sigmoid() * c.sigmoid()),
    _cell("`LSTM` applies tanh to the cell twice: c continues unchanged, and h = o * tanh(c).", 4, lambda c, i, f, g: _sum(c, i, f, g).tanh()),
    _cell("In `LSTM`, the output gate sees the cell, o = sigmoid(... + c); it must depend only on x and h.", 4, _sum, lambda o, c, _: (o + c).sigmoid() * c.tanh()),
    replace(LSTM, says="`h_seq` of `LSTM` holds the cells; it should hold the hidden states.", shows=lambda h_seq, c_seq, h0: c_seq),
    *_turned(LSTM, "`LSTM`"),
]  # fmt: skip


OTHER_ACTIVATIONS = [
    ("a", "leaky relu", F.leaky_relu), ("an", "elu", F.elu), ("a", "gelu", F.gelu), ("a", "silu", F.silu),
    ("a", "softplus", F.softplus), ("a", "hardtanh", F.hardtanh), ("a", "softsign", F.softsign),
]  # fmt: skip


def _wrong_rnns(activation):
    other = {"tanh": "relu", "relu": "tanh"}[activation]
    f = ACTIVATIONS[activation]
    terms = Form(
        "`RNN` applies the activation only to the state's term; it belongs around the sum, activation(W h + V x + b).",
        2,
        lambda z, h, c: (z[0] + f(z[1]), c),
    )
    return [
        replace(RNN[other], says=f"`RNN(activation={activation!r})` computes with {other}."),
        Form("`RNN` has no activation: h_t = activation(W h_{t-1} + V x_t + b).", 1, lambda z, h, c: (z[0], c)),
        Form("`RNN` passes its sum through a sigmoid.", 1, lambda z, h, c: (z[0].sigmoid(), c)),
        *(
            Form(f"`RNN(activation={activation!r})` passes its sum through {article} {other}.", 1, lambda z, h, c, g=g: (g(z[0]), c))
            for article, other, g in OTHER_ACTIVATIONS
        ),
        Form(
            "`RNN` applies the activation to two terms and then adds them; it belongs around their sum.",
            2,
            lambda z, h, c: (f(z[0]) + f(z[1]), c),
        ),
        terms,
        Form(
            "`RNN` adds the old state to the new one: h_t = activation(W h_{t-1} + V x_t + b).",
            1,
            lambda z, h, c: (h + f(z[0]), c),
        ),
        Form(
            "`RNN` adds the old state without its weights: h_t = activation(W h_{t-1} + V x_t + b).",
            1,
            lambda z, h, c: (f(z[0] + h), c),
        ),
        *(
            Form(
                f"`RNN` multiplies the old state by {share:g} before W is applied: h_t = activation(W h_{{t-1}} + V x_t + b).",
                1,
                lambda z, h, c, share=share: (share * f(z[0]), c),
                shows=lambda h_seq, c_seq, h0, share=share: h_seq / share,
            )
            for share in (0.5, 0.9, 2.0)
        ),
        *_turned(RNN[activation], "`RNN`"),
    ]


WRONG_RNN = {activation: _wrong_rnns(activation) for activation in ACTIVATIONS}

# --- reading a student's --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Layer:
    """A student's layer that has been found to be what it should be, and which of its entries plays which part."""

    name: str
    model: Any
    probe: Any
    form: Form
    reading: Reading
    D: int
    H: int
    rng: torch.Generator

    def randomise(self):
        """Give the layer new random parameters; returns the canonical vector, (1, size) float64."""
        vector = torch.empty(len(self.reading.parts)).uniform_(-1, 1, generator=self.rng)
        self.probe.set_parameters(self.model, vector)
        return self.arrange(vector)

    def set_parts(self, parts):
        """Give the layer parameters that come to the canonical vector (1, size): the first entry of each part has all of it."""
        vector = torch.zeros(len(self.reading.parts), dtype=torch.float64)
        for part, value in enumerate(parts[0]):
            vector[int(np.flatnonzero(self.reading.parts == part)[0])] = value
        self.probe.set_parameters(self.model, vector.float())

    def long_memory(self):
        """Give the layer parameters under which a gradient neither vanishes nor explodes; returns the canonical vector."""
        weights = torch.zeros(1, self.form.gates, self.H, self.D + self.H + 1, dtype=torch.float64)
        weights[..., : self.D] = torch.empty(weights[..., : self.D].shape).uniform_(0.2, 0.6, generator=self.rng)
        if self.form.gates == 1:
            # Rolled by one unit at each step: as good as the identity, and no other.
            weights[0, 0, :, self.D : -1] = torch.eye(self.H, dtype=torch.float64).roll(1, dims=0)
        else:
            weights[0, 1, :, -1] = 6.0  # the forget gate stays open
        self.set_parts(weights.reshape(1, -1))
        return weights.reshape(1, -1)

    @property
    def right(self):
        """Whether it computes what it should, and is not one of the wrong ones that can be read all the same."""
        return not self.form.says

    def parts(self):
        """The canonical vector (1, size) of the parameters that the layer has now."""
        return self.arrange(self.probe.get_parameters(self.model))

    def entries(self):
        """For each unit the entries that are added up to the forget gate's bias, (H, all entries); others are far off."""
        size = self.D + self.H + 1
        vector = self.probe.get_parameters(self.model).double()
        wanted = torch.arange(self.H) * size + self.H * size + size - 1  # gate 1, every unit, last part
        return torch.where(torch.from_numpy(self.reading.parts) == wanted[:, None], vector, 1e6)

    def arrange(self, vector):
        """The canonical vector (1, size) float64 of a flat one."""
        return torch.from_numpy(self.reading.arrange(vector.double().numpy()))[None]

    def close(self, got, right, name, mistakes=None):
        """Compare with the truth, as float32 allows; `mistakes` as in `assert_close`."""
        assert_close(got, right, name=name, mistakes=mistakes, **TOLERANCE)

    def gradients_close(self, parts, x, weights):
        """Compare the gradients of the weighted last state with autograd's in closed form."""
        got = self.probe.last_state_gradient(self.model, x, weights)
        assert got["graph"], f"The last state of `{self.name}` has no graph: nothing could learn through it."
        found = {detach: self._gradients(parts, x, weights, detach) for detach in ("", "h", "c", "hc")}
        by_parts, by_x = found[""]
        mine = torch.where(torch.from_numpy(self.reading.parts) < 0, 0.0, by_parts[self.reading.parts])
        for detach, what in (("hc", "the states"), ("h", "the hidden state"), ("c", "the cell")):
            cut = found[detach][1]
            same = torch.allclose(got["inputs"].double(), cut, **TOLERANCE)
            if same and not torch.allclose(cut, by_x, **TOLERANCE):
                raise AssertionError(f"The gradient does not pass {what} from one step to the one before: the graph is cut there.")
        self.close(got["inputs"], by_x, "the gradient by the inputs")
        self.close(got["parameters"], mine, "the gradient by the parameters")

    def gradient_reaches_back(self, T):
        """Follow the gradient through T steps, with parameters under which it does not vanish."""
        parts = self.long_memory()
        x = 0.02 * torch.rand(T, 3, self.D, generator=self.rng) + 0.01
        weights = torch.ones(3, self.H)
        got = self.probe.last_state_gradient(self.model, x, weights)
        _, right = self._gradients(parts, x, weights, "")
        seen = [bool(step.any()) for step in got["inputs"]]
        if not all(seen):
            raise AssertionError(
                f"In a sequence of {T} steps, the gradient reaches back to the last {counted(sum(seen), 'input')} and to none before: "
                f"the graph is cut on the way."
            )
        self.close(got["inputs"], right, f"the gradient by the inputs, through {T} steps")

    def _gradients(self, parts, x, weights, detach):
        parts, x = parts.clone().requires_grad_(), x.double().requires_grad_()
        _, h, _ = self.form.run(parts, x, detach=detach)
        by_parts, by_x = torch.autograd.grad((h[0] * weights).sum(), (parts, x))
        return by_parts[0], by_x

    def load_and_compare(self, theirs, kind):
        """Have the layer load torch's, under random parameters, and compare part by part and then by outputs."""
        assert self.model.has("load_torch"), f"Your `{self.name}` has no method `load_torch`."
        flat = torch.empty(sum(p.numel() for p in theirs.parameters())).uniform_(-1, 1, generator=self.rng)
        torch.nn.utils.vector_to_parameters(flat, theirs.parameters())
        found = self.probe.load_torch(self.model, kind, self.D, self.H, getattr(theirs, "nonlinearity", ""), flat)
        v, w, b, b2 = (p.detach().double().reshape(self.form.gates, self.H, -1) for p in theirs.parameters())
        got = self.parts().reshape(self.form.gates, self.H, -1)
        if reason := _loaded_wrongly(got, v, w, b, b2):
            raise AssertionError(reason)
        self.close(got, torch.cat([v, w, b + b2], dim=-1), "the parameters after `load_torch`")
        assert found["left"], "`load_torch` changes the layer that it is given."
        assert not found["shared"], (
            f"After `load_torch`, a change of the parameters of `{self.name}` changes those of torch's layer as well: both hold the "
            f"same memory. Copy the values."
        )
        assert found["theirs_learns"], "After `load_torch`, the parameters of torch's layer no longer require a gradient; it should be left as it was."
        assert not found["frozen"], f"After `load_torch`, not all parameters of `{self.name}` require a gradient: it could not learn on."
        if self.right:
            x = self.inputs(5, 2)
            self.close(self.model(x)[0], theirs(x)[0].detach(), "h_seq after `load_torch`")

    def reads_zeros(self):
        """Compare on a sequence in which some steps are zero: they are inputs like any other, no padding."""
        parts, x = self.randomise(), self.inputs(5, 2)
        x[1], x[3, 0] = 0.0, 0.0
        kept = []

        def skip(run_step, zero):
            def step(z, h, c):
                new_h, new_c = run_step(z, h, c)
                held = zero[len(kept)][None, :, None]
                kept.append(True)
                return torch.where(held, h, new_h), torch.where(held, c, new_c)

            return step

        skipping = replace(self.form, step=skip(self.form.step, (x == 0).all(dim=-1)))
        mistakes = {"the state left as it is where an input is zero, as if that were padding": lambda: skipping.run(parts, x.double())[0][0]}
        self.close(self.model(x)[0], self.form.run(parts, x.double())[0][0], "h_seq where some inputs are zero", mistakes)

    def last_states_learn(self, x):
        """Whether gradients flow from the states that are returned last, apart from those in h_seq."""
        cut = self.probe.cut_last_states(self.model, x)
        what = " and ".join(cut)
        assert not cut, f"`{self.name}` returns {what} after the last step without a graph: whoever goes on from there cannot learn through it."

    def inputs(self, T, B):
        """Random inputs (T, B, D) float32."""
        return 1.5 * torch.randn(T, B, self.D, generator=self.rng)

    def started(self, x, states, shape, pair=False):
        """h_seq (T, B, H) from the given states (B, H): handed over in the `shape` of those that the layer returns, or else as torch has them."""
        failed = None
        for form in dict.fromkeys((tuple(shape), (1, x.shape[1], self.H))):
            given = tuple(state.reshape(form) for state in states)
            try:
                return self.model(x, given)[0] if pair else self.model(x, *given)[0]
            except StudentError as error:
                failed = failed or error
        raise failed

    def state(self, value, B, what):
        """A returned state as (B, H) float64; (1, B, H) and (B, H) are right."""
        shape = tuple(value.shape)
        right = shape in ((B, self.H), (1, B, self.H))
        assert right, (
            f"{what} of `{self.name}` should have the shape (1, B, H) or (B, H), "
            f"here {(1, B, self.H)}; it has {shape}."
        )
        return value.detach().double().reshape(B, self.H)


def _loaded_wrongly(got, v, w, b, b2):
    """What went wrong in taking over torch's parameters; the empty string where nothing is recognised."""
    D, same = v.shape[-1], lambda a, b: torch.allclose(a, b, atol=1e-5)
    right = torch.cat([v, w, b + b2], dim=-1)
    if same(got, right):
        return ""
    for order in itertools.permutations(range(len(v))):
        if same(got, right[list(order)]):
            return "`load_torch` mixes up the gates: torch's order is i, f, g, o."
    if same(got[..., D:-1], w.transpose(1, 2)) and not same(got[..., D:-1], w):
        return "`load_torch` puts the recurrent weights in transposed."
    bias, weights = got[..., -1:], same(got[..., :-1], right[..., :-1])
    if weights and (same(bias, b) or same(bias, b2)):
        return "`load_torch` takes over one of torch's two biases; what counts is their sum."
    if weights and (same(bias, 2 * b + b2) or same(bias, b + 2 * b2)):
        return "`load_torch` counts one of torch's two biases twice: what counts is their sum, once."
    if weights and (same(bias, 2 * b) or same(bias, 2 * b2)):
        return "`load_torch` takes the same one of torch's two biases twice."
    return ""


def _only_the_cell(form, candidate):
    """Whether a wrong form has the gates of the right one, and runs along the sequence as it does: all but its formula is right."""
    return candidate.gates == form.gates and (candidate.reads, candidate.shows) == (form.reads, form.shows)


def read_layer(student, probe, name, rng, form, wrong, size=SMALL, strict=True, **options):
    """Build the student's layer, find what its parameters do, and hold it against the form; fails with the reason.

    Without `strict`, a layer with a wrong formula that is known is given back, with that for its form: whatever else is
    asked of it can be held against what it computes.
    """
    D, H, T, B = size["D"], size["H"], size["T"], size["B"]
    model = getattr(student, name)(input_size=D, hidden_size=H, **options)
    x = 1.5 * torch.randn(T, B, D, generator=rng)
    facts = probe.describe(model, x)
    assert facts["module"], f"`{name}` should be an nn.Module; it is a {model.type_name}."
    ready_made = sorted(READY_MADE.intersection([*facts["classes"], *facts["functions"]]))
    assert not ready_made, f"`{name}` uses torch's own `{ready_made[0]}`; here you build it yourself."
    entries = sum(int(np.prod(shape)) for shape in facts["shapes"])
    assert entries, (
        f"`{name}` registers no parameter, so nothing of it could be trained. Layers in a plain list and tensors that "
        f"are no nn.Parameter are not seen."
    )
    probe.set_parameters(model, torch.empty(entries).uniform_(-1, 1, generator=rng))
    _h_seq(name, model, x, H)
    first, again, later = probe.answers(model, x, 7)
    assert torch.allclose(first, again, rtol=1e-4, atol=1e-5), (
        f"Called twice with the same input, `{name}` gives two answers: no state may be kept from one call to the next."
    )
    assert torch.allclose(first, later, rtol=1e-4, atol=1e-5), (
        f"`{name}` draws random numbers when it runs; states must start at zero, and nothing in it may be random."
    )
    ours = x.double()

    def respond(vectors):
        return probe.respond(model, torch.from_numpy(vectors).float(), x).numpy()

    reader = Reader(respond, entries, np.random.default_rng(int(torch.randint(2**31, (), generator=rng))))

    def read(candidate):
        found = reader.read(lambda parts: candidate.run(torch.from_numpy(parts), ours)[0], candidate.size(D, H))
        return None if isinstance(found, Refuted) else found

    reading = read(form)
    layer = Layer(name, model, probe, form, reading, D, H, rng)
    if reading is not None and _holds(layer, T + 1, B + 2):
        assert not reading.missing.size, _without(name, form, reading.missing, D, H)
        return layer
    for candidate in wrong:
        reading = read(candidate)
        if reading is None:
            continue
        found = replace(layer, form=candidate, reading=reading)
        if _holds(found, T + 1, B + 2):
            if not strict and not reading.missing.size and _only_the_cell(form, candidate):
                return found
            raise AssertionError(candidate.says)
    assert not respond(np.zeros((1, entries))).any(), (
        f"With all its parameters zero, every state of `{name}` should be zero, and it is not. Do the states start at zero?"
    )
    raise AssertionError(
        f"However its parameters are read, `{name}` does not compute what it should: no choice of which weight belongs "
        f"to what makes its states right. Go through the formulas of the docstring one by one."
    )


def _h_seq(name, model, x, H):
    """The sequence of states, of the right shape."""
    h_seq = model(x)[0].detach()
    T, B, _ = x.shape
    shape = tuple(h_seq.shape)
    swapped = " Time and batch have changed places." if shape == (B, T, H) else ""
    assert shape == (T, B, H), f"`h_seq` of `{name}` should be (T, B, H) = {(T, B, H)}; it is {shape}.{swapped}"
    return h_seq


def _holds(layer, T, B):
    """Whether the layer equals its form under two more sets of random parameters, on inputs of another length."""
    for _ in range(2):
        parts, x = layer.randomise(), layer.inputs(T, B)
        got = layer.model(x)[0].detach().double()
        right = layer.form.run(parts, x.double())[0][0]
        if got.shape != right.shape or not torch.allclose(got, right, **TOLERANCE):
            return False
    return True


def _without(name, form, missing, D, H):
    """Say what no parameter does."""
    lacking = np.zeros(form.size(D, H), dtype=bool)
    lacking[missing] = True
    gates = lacking.reshape(form.gates, H, D + H + 1)
    kinds = {"the input": gates[..., :D], "the previous state": gates[..., D:-1], "the bias": gates[..., -1]}
    for kind, part in kinds.items():
        if part.all():
            return f"{kind.capitalize()} has no influence in `{name}`: no parameter belongs to it."
    for gate, part in zip(GATES, gates, strict=False):
        if form.gates == 4 and part.all():
            return f"The {gate} of `{name}` depends on nothing: no parameter belongs to it."
    for kind, part in kinds.items():
        for gate, of_gate in zip(GATES, part, strict=False):
            if of_gate.all():
                where = f"the {gate}" if form.gates == 4 else "the sum"
                return f"In `{name}`, {kind} has no influence on {where}: no parameter belongs to it."
    return f"In `{name}`, some weights that there should be are missing: no parameter has their effect."


@pytest.fixture
def read_lstm(student, probe, rng):
    """`read_lstm()` gives the student's LSTM, read; `read_lstm(size)` in another size; `strict=False` as in `read_layer`."""
    return lambda size=SMALL, strict=True: read_layer(student, probe, "LSTM", rng, LSTM, WRONG_LSTM, size, strict)


@pytest.fixture
def read_rnn(student, probe, rng):
    """`read_rnn("tanh")` gives the student's RNN, read; `read_rnn("relu", size)` in another size."""

    def read(activation, size=SMALL, strict=True):
        wrong = WRONG_RNN[activation]
        return read_layer(student, probe, "RNN", rng, RNN[activation], wrong, size, strict, activation=activation)

    return read
