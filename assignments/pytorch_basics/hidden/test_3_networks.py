"""Hidden checks for networks.py.

How a student holds the layers is free, so nothing here knows a parameter's name: a module is right if, for some
reading of its own parameters by shape, it computes what its docstring says.
"""

import itertools

import pytest
import torch
from torch.nn import functional as F

from grader.checks import assert_close, assert_registered, points
from grader.checks.activations import other_activations


def _shapes(parameters):
    return sorted(tuple(p.shape) for p in parameters)


def _random_like(rng, parameters):
    """Other values for the parameters: biases must not be zero, or leaving one out would not show."""
    return [
        torch.randn(p.shape, generator=rng, dtype=p.dtype) / max(1, p.numel() // max(p.shape[0], 1)) ** 0.5 * 1.5
        for p in parameters
    ]


def _parameters(probe, net, name, count):
    """The module's registered parameters; says so when there are too few or too many numbers in them."""
    about = probe.describe(net)
    assert about["module"], f"`{name}` should be an `nn.Module`."
    parameters = about["parameters"]
    assert_registered(net, count, name=f"`{name}`")
    return parameters


def _matrix(parameter, rows, columns):
    """A weight as (out, in), however it is stored; None if it is not one."""
    if tuple(parameter.shape) == (rows, columns):
        return parameter
    return parameter.T if tuple(parameter.shape) == (columns, rows) else None


def _pick(candidates, what, name, parameters):
    found = [c for c in candidates if c is not None]
    assert found, f"`{name}` has no parameter that could be its {what}; shapes found: {_shapes(parameters)}."
    return found[0]


@points(3, hint="linear, ReLU, linear: nothing after the second layer, and a bias in both.")
@pytest.mark.parametrize(("d_in", "hidden", "d_out"), [(7, 5, 3), (4, 11, 6)])
def test_two_layer_net(student, probe, rng, d_in, hidden, d_out):
    """`TwoLayerNet` computes linear, ReLU, linear from its own parameters."""
    net = student.TwoLayerNet(d_in, hidden, d_out)
    name = f"TwoLayerNet({d_in}, {hidden}, {d_out})"
    parameters = _parameters(probe, net, name, (d_in + 1) * hidden + (hidden + 1) * d_out)
    values = _random_like(rng, parameters)
    w1 = _pick([_matrix(v, hidden, d_in) for v in values], "first weight", name, parameters)
    w2 = _pick([_matrix(v, d_out, hidden) for v in values], "second weight", name, parameters)
    b1 = _pick([v.flatten() if v.numel() == hidden else None for v in values], "first bias", name, parameters)
    b2 = _pick([v.flatten() if v.numel() == d_out else None for v in values], "second bias", name, parameters)
    x = torch.randn(6, d_in, generator=rng)
    output, _ = probe.forward_with(net, values, x)
    hidden = F.linear(x, w1, b1)
    mistakes = {
        "no ReLU between the layers": lambda: F.linear(hidden, w2, b2),
        "a ReLU on the output as well": lambda: F.linear(hidden.relu(), w2, b2).relu(),
        "a ReLU on the output, and none between the layers": lambda: F.linear(hidden, w2, b2).relu(),
        **other_activations(lambda f: F.linear(f(hidden), w2, b2), "the ReLU"),
    }
    right = F.linear(hidden.relu(), w2, b2)
    assert_close(output, right, name=f"{name}(x)", inputs={"x": x}, mistakes=mistakes)


def _branches(values, d_in, d_out):
    """All readings of the parameters as two linear layers: ((weight, bias), (weight, bias))."""
    weights, biases = [], []
    for value in values:
        if value.numel() == d_out:
            biases.append([value.flatten()])
        elif value.numel() == d_in * d_out:
            weights.append([[_matrix(value, d_out, d_in)]])
        elif value.numel() == 2 * d_out:
            biases.append(list(value.reshape(2, d_out)))
        elif tuple(value.shape) == (2 * d_out, d_in):
            weights.append([list(value.chunk(2)), [value[0::2], value[1::2]]])
        elif tuple(value.shape) == (d_in, 2 * d_out):
            weights.append([list(value.T.chunk(2)), [value.T[0::2], value.T[1::2]]])
        elif value.ndim == 3 and value.shape[0] == 2:
            weights.append([[_matrix(part, d_out, d_in) for part in value]])
    bias_list = list(itertools.chain(*biases))
    # A fused bias may be interleaved like its weight.
    bias_pairs = [bias_list, bias_list[::-1]]
    if len(bias_list) == 2:
        joined = torch.cat(bias_list)
        bias_pairs += [[joined[0::2], joined[1::2]]]
    for chosen in itertools.product(*weights):
        pair = list(itertools.chain(*chosen))
        if len(pair) == 2 and all(w is not None for w in pair):
            yield from (list(zip(pair, b, strict=True)) for b in bias_pairs if len(b) == 2)


@points(4, hint="Multiply the two layers' outputs entry by entry, then one ReLU on the product.")
@pytest.mark.parametrize(("d_in", "d_out"), [(7, 4), (3, 10)])
def test_parallel_block(student, probe, rng, d_in, d_out):
    """`ParallelBlock` is the ReLU of the product of two linear layers."""
    net = student.ParallelBlock(d_in, d_out)
    name = f"ParallelBlock({d_in}, {d_out})"
    parameters = _parameters(probe, net, name, 2 * (d_in + 1) * d_out)
    values = _random_like(rng, parameters)
    x = torch.randn(6, d_in, generator=rng)
    output, _ = probe.forward_with(net, values, x)
    branches = [(F.linear(x, *a), F.linear(x, *b)) for a, b in _branches(values, d_in, d_out)]
    readings = [(a * b).relu() for a, b in branches]
    assert readings, f"`{name}` has no two weights and two biases of the right shape; found {_shapes(parameters)}."
    if any(output.shape == r.shape and torch.allclose(output, r, rtol=1e-3, atol=1e-4) for r in readings):
        return
    wrong = {
        "the sum of the two layers instead of their product": lambda a, b: (a + b).relu(),
        "a ReLU on each layer before the product, not on the product": lambda a, b: a.relu() * b.relu(),
        "no ReLU on the product": lambda a, b: a * b,
        "one of the layers used twice": lambda a, b: a.square(),
    }
    # By any reading of the parameters, and either of the two layers first.
    pairs = [*branches, *((b, a) for a, b in branches)]
    close = {words: [make(a, b) for a, b in pairs] for words, make in wrong.items()}
    mistakes = {words: next((v for v in made if torch.allclose(v, output, 1e-3, 1e-4)), None) for words, made in close.items() if output.shape == readings[0].shape}
    mistakes = {words: value for words, value in mistakes.items() if value is not None}
    assert_close(output, readings[0], name=f"{name}(x)", inputs={"x": x}, mistakes=mistakes)


@points(5, hint="conv 5x5, ReLU, pool, twice; then flatten all but the batch, and one linear layer. No softmax.")
@pytest.mark.parametrize("n", [3, 1])
def test_network(student, probe, rng, record, n):
    """`Network` computes its two convolutions and its linear layer from its own parameters."""
    net = student.Network()
    parameters = _parameters(probe, net, "Network()", 3898)
    values = _random_like(rng, parameters)
    kinds = {
        "first kernel": (6, 1, 5, 5), "first bias": (6,), "second kernel": (12, 6, 5, 5), "second bias": (12,),
        "last bias": (10,),
    }  # fmt: skip
    read = {}
    for what, shape in kinds.items():
        size = torch.Size(shape)
        same = [v.reshape(shape) if v.squeeze().shape == size or v.shape == size else None for v in values]
        read[what] = _pick(same, what, "Network()", parameters)
    last = _pick([_matrix(v, 10, 192) for v in values], "last weight", "Network()", parameters)
    x = torch.rand(n, 1, 28, 28, generator=rng)
    t = F.max_pool2d(F.conv2d(x, read["first kernel"], read["first bias"]).relu(), 2)
    t = F.max_pool2d(F.conv2d(t, read["second kernel"], read["second bias"]).relu(), 2)
    expected = F.linear(t.flatten(1), last, read["last bias"])
    output, _ = probe.forward_with(net, values, x)
    again, _ = probe.forward_with(net, values, x)
    assert output.shape != again.shape or torch.allclose(output, again, rtol=1e-3, atol=1e-4, equal_nan=True), (
        "`Network()(batch)` differs from call to call: something in it is drawn at random, such as dropout, and is not on the list of its layers."
    )

    def network(first=F.relu, second=F.relu, pool=F.max_pool2d, order=(0, 1, 2, 3), first_pool=None, given=x):
        t = (first_pool or pool)(first(F.conv2d(given, read["first kernel"], read["first bias"])), 2)
        t = pool(second(F.conv2d(t, read["second kernel"], read["second bias"])), 2)
        return F.linear(t.permute(order).flatten(1), last, read["last bias"])

    mistakes = {
        "the first ReLU left out": lambda: network(first=lambda t: t),
        "the second ReLU left out": lambda: network(second=lambda t: t),
        "both ReLUs left out": lambda: network(first=lambda t: t, second=lambda t: t),
        "channels last when it is flattened: (H, W, C) instead of (C, H, W)": lambda: network(order=(0, 2, 3, 1)),
        "height and width swapped when it is flattened": lambda: network(order=(0, 1, 3, 2)),
        "mean pooling instead of max pooling": lambda: network(pool=F.avg_pool2d),
        "mean pooling instead of the first max pooling": lambda: network(first_pool=F.avg_pool2d),
        "mean pooling instead of the second max pooling": lambda: network(pool=F.avg_pool2d, first_pool=F.max_pool2d),
        "a softmax at the end": lambda: expected.softmax(dim=1),
        "a log-softmax at the end": lambda: expected.log_softmax(dim=1),
        "a ReLU at the end": lambda: expected.relu(),
        **{
            f"an input that is normalised first, (x - {mean:g}) / {std:g}": lambda mean=mean, std=std: network(given=(x - mean) / std)
            for mean, std in ((0.1307, 0.3081), (0.5, 0.5), (0, 255))
        },
        "an input that is normalised by its own mean and deviation": lambda: network(given=(x - x.mean()) / x.std()),
        **other_activations(lambda f: network(first=f, second=f), "both ReLUs"),
    }
    assert_close(
        output, expected, rtol=1e-3, atol=1e-4, dtype=torch.float32,
        name="Network()(batch)", inputs={"batch": x}, mistakes=mistakes,
    )
    record("parameters", sum(p.numel() for p in parameters))


_CASES = [("TwoLayerNet", (7, 5, 3), (7,)), ("ParallelBlock", (7, 4), (7,)), ("Network", (), (1, 28, 28))]


@points(2, hint="A parameter without gradient is never used, or sits behind a `.detach()`, `.data` or `no_grad`.")
@pytest.mark.parametrize(("name", "sizes", "shape"), _CASES)
def test_modules_learn(student, probe, rng, name, sizes, shape):
    """Every parameter of every module receives a gradient."""
    net = getattr(student, name)(*sizes)
    parameters = probe.describe(net)["parameters"]
    assert parameters, f"`{name}` registers no parameters: an optimiser would have nothing to train."
    # Inputs on both sides of zero, and many: chance must not switch a whole layer off.
    x = torch.randn(48, *shape, generator=rng)
    _, gradients = probe.forward_with(net, _random_like(rng, parameters), x)
    for parameter, gradient in zip(parameters, gradients, strict=True):
        what = f"a parameter of shape {tuple(parameter.shape)} in `{name}`"
        assert gradient is not None, f"{what} received no gradient."
        assert gradient.abs().sum() > 0, f"{what} received a gradient of zeros only."


@points(2, hint="Equal or zero weights make all hidden units learn the same; keep the layers' own initial values.")
@pytest.mark.parametrize(("name", "sizes", "shape"), _CASES)
def test_modules_start_random(student, probe, rng, name, sizes, shape):
    """Initial weights are random, small, and different in each unit and each new module."""
    seeds = [int(s) for s in torch.randint(2**31 - 1, (2,), generator=rng)]
    first, second = probe.build_many(student.ref(name), sizes, seeds)
    weights = [(a, b) for a, b in zip(first, second, strict=True) if a.squeeze().ndim >= 2]
    assert weights, f"`{name}` registers no weights."
    for a, b in weights:
        shape = tuple(a.shape)
        assert 1e-4 < a.std(correction=0) < 3, f"The weights of shape {shape} in `{name}` start with a spread of {a.std():.2g}."
        rows = a.reshape(a.shape[0], -1)
        assert not torch.allclose(rows[0], rows[1]), f"Units of the weight of shape {shape} in `{name}` start equal."
        assert not torch.allclose(a, b), f"Two new `{name}`s have the same weights of shape {shape}."
