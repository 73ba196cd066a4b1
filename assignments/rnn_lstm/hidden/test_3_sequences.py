"""Hidden checks for sequences.py, on layers of ours with random weights in float64. Truth: autograd and slicing here."""

import pytest
import torch

from grader.checks import assert_close, points


def _run(kind, weights, x):
    """The states (T, B, H) and cells of a layer with weights (V, W, b), V and W as (in, out); zero at the start."""
    v, w, b = weights
    h = c = x.new_zeros(x.shape[1], w.shape[0])
    h_seq, c_seq = [], []
    for step in x:
        z = step @ v + h @ w + b
        if kind == "LSTM":
            i, f, g, o = z.chunk(4, dim=-1)
            c = f.sigmoid() * c + i.sigmoid() * g.tanh()
            h = o.sigmoid() * c.tanh()
        else:
            h = c = z.tanh()
        h_seq.append(h)
        c_seq.append(c)
    return torch.stack(h_seq), torch.stack(c_seq)


def _weights(rng, kind, D, H, scale=0.8, forget=0.0):
    """Random V, W and b of a layer; `forget` is added to the forget gate's bias."""
    width = 4 * H if kind == "LSTM" else H
    v, w, b = (scale * torch.randn(*shape, generator=rng, dtype=torch.float64) for shape in ((D, width), (H, width), (width,)))
    if kind == "LSTM":
        b[H : 2 * H] += forget
    return [v, w, b]


def _inputs(rng, T, B, D):
    return torch.randn(T, B, D, generator=rng, dtype=torch.float64)


def _gradient(kind, weights, x, of=lambda h_seq, c_seq: h_seq[-1].sum()):
    leaf = x.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(of(*_run(kind, weights, leaf)), leaf)
    return gradient


def _norm_mistakes(kind, weights, x, right):
    """What `input_gradient_norms` gives by mistake."""
    gradient = _gradient(kind, weights, x)
    known = {
        "the steps in reverse order": lambda: right.flip(0),
        "the sum of all states, not the last state alone": lambda: (
            _gradient(kind, weights, x, lambda h, c: h.sum()).flatten(1).norm(dim=1)
        ),
        "the first state instead of the last": lambda: _gradient(kind, weights, x, lambda h, c: h[0].sum()).flatten(1).norm(dim=1),
        "the mean of the last state's entries, not their sum": lambda: right / (x.shape[1] * weights[1].shape[0]),
        "the squared norms": lambda: right.square(),
        "the root of the mean of the squares, not of their sum": lambda: right / gradient[0].numel() ** 0.5,
        "the sum of the squared states, not of the states": lambda: _gradient(kind, weights, x, lambda h, c: h[-1].square().sum()).flatten(1).norm(dim=1),
        "the sum of absolute values, not the Euclidean norm": lambda: gradient.abs().flatten(1).sum(dim=1),
        "the mean of absolute values, not the Euclidean norm": lambda: gradient.abs().flatten(1).mean(dim=1),
        "the largest absolute value, not the Euclidean norm": lambda: gradient.abs().flatten(1).amax(dim=1),
        "one norm per sequence, averaged over the batch": lambda: gradient.norm(dim=2).mean(dim=1),
        "one norm per sequence, added up over the batch": lambda: gradient.norm(dim=2).sum(dim=1),
        "one norm per sequence and step": lambda: gradient.norm(dim=2),
        "the gradient summed before the norm is taken": lambda: gradient.flatten(1).sum(dim=1).abs(),
        "one norm for all steps together": lambda: gradient.norm(),
        "the last step's norm alone": lambda: right[-1],
        "the first step's norm alone": lambda: right[0],
        "the norms divided by their largest": lambda: right / right.max(),
        "the logarithm of the norms": lambda: right.log(),
    }
    if kind == "LSTM":
        known["the last cell instead of the last hidden state"] = lambda: (
            _gradient(kind, weights, x, lambda h, c: c[-1].sum()).flatten(1).norm(dim=1)
        )
    return known


@points(8, hint="Make the inputs a leaf, run, and take the gradient of h_seq[-1].sum() with respect to it: (T, B, D). One norm for each t.")
@pytest.mark.parametrize(
    ("kind", "T", "forget"), [("RNN", 6, 0.0), ("LSTM", 5, 0.0), ("RNN", 30, 0.0), ("LSTM", 30, 4.0)]
)
def test_input_gradient_norms(student, probe, rng, kind, T, forget):
    """`input_gradient_norms` measures the gradient at every input, even where it has almost vanished."""
    weights = _weights(rng, kind, 3, 4, scale=0.8 if T < 10 else 0.25, forget=forget)
    if (kind, T) == ("RNN", 30):
        weights[1] = 0.4 * torch.linalg.qr(weights[1]).Q  # each step shrinks the gradient to 0.4 or less
    x = _inputs(rng, T, 5, 3)
    right = _gradient(kind, weights, x).flatten(1).norm(dim=1)
    got = probe.measure_norms(student.ref("input_gradient_norms"), kind, weights, x)["norms"]
    mistakes = _norm_mistakes(kind, weights, x, right)
    # Relative at every step: where it vanishes, the smallest is 1e11 times smaller than the largest.
    assert_close(got, right, rtol=1e-3, atol=1e-30, name="input_gradient_norms(model, x)", inputs={"x": x}, mistakes=mistakes)


@points(3, hint="torch.autograd.grad with a copy of x leaves no .grad behind; `backward` does, in every parameter.")
@pytest.mark.parametrize("kind", ["RNN", "LSTM"])
def test_input_gradient_norms_leaves_no_trace(student, probe, rng, kind):
    """`input_gradient_norms` leaves the model and the inputs as they were."""
    weights, x = _weights(rng, kind, 3, 4), _inputs(rng, 5, 2, 3)
    got = probe.measure_norms(student.ref("input_gradient_norms"), kind, weights, x)
    assert got["norms"].numel(), "`input_gradient_norms` returned no number."
    for gradient in got["left"]:
        assert torch.equal(gradient, torch.full_like(gradient, 0.25)), "The `.grad` of the model's parameters has changed."
    for given, after in zip(weights, got["weights"], strict=True):
        assert torch.equal(given, after), "The model's parameters have changed."
    assert not got["frozen"], "The model's parameters no longer require a gradient."
    assert got["training"], "The model was in training mode, and is in evaluation mode now."
    assert torch.equal(got["x"], x), "The values of `x` have changed."
    assert not got["x_requires_grad"], "The `x` that was given requires a gradient now; work on a copy."
    assert not got["x_has_grad"], "The `x` that was given has a `.grad` now; work on a copy."
    assert not got["graph"], "The result still has a graph; it is a measurement, so detach it."


def _sequences(rng, lengths, D=3):
    return [1 + torch.rand(T, D, generator=rng, dtype=torch.float64) for T in lengths]


@points(4, hint="A zero tensor (T, B, D) with T the largest length; sequence b fills [:T_b, b]. Lengths: int64.")
@pytest.mark.parametrize("lengths", [[4, 2, 6, 1, 6], [3], [2, 2], [3, 61, 30]])
def test_pad(student, rng, lengths):
    """`pad` puts sequences into a time-major batch, zeros behind each end, and gives their lengths."""
    sequences = _sequences(rng, lengths)
    x, given = student.pad([sequence.clone() for sequence in sequences])
    right = torch.zeros(max(lengths), len(lengths), 3, dtype=torch.float64)
    front = right.clone()
    for b, sequence in enumerate(sequences):
        right[: len(sequence), b] = sequence
        front[max(lengths) - len(sequence) :, b] = sequence
    longest_first = sorted(range(len(lengths)), key=lambda b: -lengths[b])
    mistakes = {
        "the batch first, (B, T, D), not time": lambda: right.transpose(0, 1),
        "the zeros before the sequences, not after them": front,
        "ones in the padding, not zeros": lambda: torch.nn.utils.rnn.pad_sequence(sequences, padding_value=1.0),
        "the sequences sorted by length": lambda: right[:, longest_first],
        "the last vector of each sequence repeated, not zeros": lambda: torch.stack([torch.cat([s, s[-1:].expand(max(lengths) - len(s), -1)]) for s in sequences], dim=1),
        "the first vector of each sequence repeated, not zeros": lambda: torch.stack([torch.cat([s, s[:1].expand(max(lengths) - len(s), -1)]) for s in sequences], dim=1),
    }
    assert_close(x, right, name="x", dtype=torch.float64, mistakes=mistakes)
    padded = {"the padded length for every sequence": lambda: torch.full((len(lengths),), max(lengths))}
    assert_close(given, torch.tensor(lengths), rtol=0, atol=0, name="lengths", mistakes=padded)
    assert given.dtype == torch.int64, f"`lengths` should be int64; they are {given.dtype}."


@points(4, hint="One entry of time for each b: h_seq[lengths[b] - 1, b]. Indexing with two tensors picks all at once.")
@pytest.mark.parametrize("lengths", [[4, 1, 6, 2, 6], [1, 3]])
def test_last_states(student, probe, rng, lengths):
    """`last_states` picks the state after each sequence's own last step, and passes gradients on."""
    T, B = 6, len(lengths)
    h_seq, weights = _inputs(rng, T, B, 4), torch.randn(B, 4, generator=rng, dtype=torch.float64)
    for b, length in enumerate(lengths):
        h_seq[length:, b] *= 100  # beyond its end stands whatever the layer made of the padding
    h_seq[T - 1, 0] = 0  # and it may be zero here, and not there
    ends = torch.tensor(lengths)
    filled = torch.arange(1, T + 1)[:, None] * (h_seq != 0).any(dim=2)
    states, gradient = probe.run_last_states(student.ref("last_states"), h_seq, ends, weights)
    everyone = torch.arange(B)
    mistakes = {
        "the last step of the padded batch, the same for all": lambda: h_seq[-1],
        "the step after the last, lengths instead of lengths - 1": lambda: h_seq[ends.clamp(max=T - 1), everyone],
        "the step before the last": lambda: h_seq[(ends - 2) % T, everyone],
        "the batch and time axes confused": lambda: h_seq[everyone, ends - 1],
        "the mean over the steps": lambda: torch.stack([h_seq[:n, b].mean(dim=0) for b, n in enumerate(lengths)]),
        "the sum over the steps": lambda: torch.stack([h_seq[:n, b].sum(dim=0) for b, n in enumerate(lengths)]),
        "the first step": lambda: h_seq[0],
        "the last step whose state is not zero: what stands beyond a sequence's end need not be zero, so use `lengths`": lambda: h_seq[filled.argmax(dim=0), everyone],
        "an extra axis, (B, B, H): every sequence at every length": lambda: h_seq[ends - 1],
    }
    assert_close(states, h_seq[ends - 1, everyone], name="last_states(h_seq, lengths)", inputs={"h_seq": h_seq}, mistakes=mistakes)
    expected = torch.zeros_like(h_seq)
    expected[ends - 1, everyone] = weights
    assert gradient.numel(), "The result has no graph: gradients cannot flow back into `h_seq`."
    assert_close(gradient, expected, name="the gradient of h_seq")


@points(4, hint="pad, one call of the model, then last_states of its h_seq: the final h of a padded batch has seen padding.")
@pytest.mark.parametrize("kind", ["RNN", "LSTM"])
def test_final_states(student, probe, rng, kind):
    """`final_states` gives for each sequence of a padded batch what it would give alone, in one call."""
    lengths = [3, 5, 1, 5, 2]
    weights, sequences = _weights(rng, kind, 3, 4), _sequences(rng, lengths)
    # The layer mixes the sequences of a batch: how often it was called can be made up, what comes of it cannot.
    together = 0.3 + 0.4 * float(torch.rand(1, generator=rng))
    got = probe.run_final_states(student.ref("final_states"), kind, weights, sequences, together)

    def run(batch):
        return _run(kind, weights, torch.cat([batch[:1] + together * batch[:1].mean(dim=1, keepdim=True), batch[1:]]))

    batch = torch.nn.utils.rnn.pad_sequence(sequences)
    front = torch.nn.utils.rnn.pad_sequence([sequence.flip(0) for sequence in sequences]).flip(0)
    h_seq, c_seq = run(batch)
    ends, everyone = torch.tensor(lengths) - 1, torch.arange(5)
    right = h_seq[ends, everyone]
    mistakes = {
        "the final state of the padded batch, which has read the padding as well": lambda: h_seq[-1],
        "the padding before the sequences": lambda: run(front)[0][-1],
        "every sequence one step too short": lambda: h_seq[ends - 1, everyone],
        "the states in order of length": lambda: right[sorted(range(5), key=lambda b: -lengths[b])],
    }
    if kind == "LSTM":
        mistakes["the cells instead of the hidden states"] = lambda: c_seq[ends, everyone]
    assert got["calls"] == 1, f"The model was called {got['calls']} times; run all sequences in one padded batch."
    mistakes["every sequence run by itself; run all in one padded batch"] = lambda: torch.stack([run(sequence[:, None])[0][-1, 0] for sequence in sequences])
    assert_close(got["states"], right, name="final_states(model, sequences)", mistakes=mistakes)
    assert got["graph"], "The result of `final_states` has no graph: the model could not learn from it."
    assert got["sizes"] == [[5, 5, 3]], f"The model was given a batch of shape {tuple(got['sizes'][0])}, not (5, 5, 3)."
