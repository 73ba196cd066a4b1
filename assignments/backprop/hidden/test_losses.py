"""Hidden checks: the two losses and numerical gradients. Truth: torch in float64, and calculus."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from grader.checks import assert_close, points, untouched

TOLERANCE = {"rtol": 1e-4, "atol": 2e-5}
#: (N, C): never equal, and N on either side of C.
SIZES = [(6, 9), (7, 3)]


def softmax_truth(x, y):
    """Loss and gradient by autograd."""
    scores = torch.tensor(x, requires_grad=True)
    loss = F.cross_entropy(scores, torch.tensor(y))
    loss.backward()
    return loss.item(), scores.grad.numpy()


def softmax_mistakes(x, y):
    """What wrong softmax losses give: by what is wrong, pairs of a loss and its gradient."""
    rows, onehot = np.arange(len(y)), np.eye(x.shape[1])[y]
    p = np.exp(x - x.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    columns, everything = (np.exp(x) / np.exp(x).sum(axis=axis, keepdims=True) for axis in (0, None))
    shifted = np.exp(x - x.max(axis=1, keepdims=True))
    shifted /= shifted.sum(axis=0)
    again = np.exp(p) / np.exp(p).sum(axis=1, keepdims=True)

    def loss(q):
        return -np.log(q[rows, y]).mean()

    return {
        "the softmax over the batch (axis 0), not over the classes (axis 1)": (lambda: loss(columns), lambda: (columns - onehot) / len(y)),
        "a softmax over the batch (axis 0), after each row's maximum is subtracted": (lambda: loss(shifted), lambda: (shifted - onehot) / len(y)),
        "one softmax over all entries together": (lambda: loss(everything), lambda: (everything - onehot) / len(y)),
        "the softmax applied twice": (lambda: loss(again), lambda: (again - onehot) / len(y)),
        "the softmax alone: the one-hot labels are not subtracted": (None, lambda: p / len(y)),
        "the probability of the right class instead of its logarithm": (lambda: -p[rows, y].mean(), None),
        "1 subtracted in the columns of all labels, not of each row's own": (None, lambda: (p - np.isin(np.arange(x.shape[1]), y)) / len(y)),
    }


def of_part(mistakes, part):
    """The mistakes that give a wrong loss (0) or a wrong gradient (1)."""
    return {words: values[part] for words, values in mistakes.items() if values[part] is not None}


@points(3, hint="Softmax runs along each row; the loss is the mean over the batch of -log p of the right class.")
@pytest.mark.parametrize("size", SIZES)
def test_softmax_value(student, np_rng, size):
    """`softmax_loss` returns the mean cross-entropy of the batch."""
    x, y = np_rng.normal(size=size), np_rng.integers(size[1], size=size[0])
    loss, _ = student.softmax_loss(x, y)
    mistakes = of_part(softmax_mistakes(x, y), 0)
    assert_close(loss, softmax_truth(x, y)[0], name="loss", inputs={"x": x, "y": y}, mistakes=mistakes, **TOLERANCE)


@points(4, hint="(softmax(x) - one_hot(y)) / N: the loss is a mean, so its gradient is divided by N as well.")
@pytest.mark.parametrize("size", SIZES)
def test_softmax_gradient(student, np_rng, size):
    """`softmax_loss` returns the gradient of its loss with respect to the scores."""
    x, y = np_rng.normal(size=size), np_rng.integers(size[1], size=size[0])
    _, dx = untouched(student.softmax_loss)(x, y)
    mistakes = of_part(softmax_mistakes(x, y), 1)
    assert_close(dx, softmax_truth(x, y)[1], name="dx", inputs={"x": x, "y": y}, mistakes=mistakes, **TOLERANCE)


@points(3, hint="Subtract each row's maximum before you exponentiate: softmax does not notice, exp does.")
@pytest.mark.parametrize("case", ["all about +1000", "all about -1000", "each row elsewhere", "far apart"])
def test_softmax_huge_scores(student, np_rng, case):
    """`softmax_loss` stays right for scores in the thousands."""
    x = np_rng.normal(size=(5, 8))
    if case == "far apart":
        x = 2000 * np_rng.permuted(np.tile(np.arange(8.0), (5, 1)), axis=1)
        y = x.argmax(axis=1)  # a right and certain answer: its loss is 0, with an epsilon in the log or without
    elif case == "each row elsewhere":
        x = x + np.linspace(-2000, 2000, 5)[:, None]
        y = np_rng.integers(8, size=5)
    else:
        x = x + (1000 if "+" in case else -1000)
        y = np_rng.integers(8, size=5)
    loss, dx = student.softmax_loss(x, y)
    true_loss, true_dx = softmax_truth(x, y)
    # Scores of 1000 cost float32 four digits.
    assert_close(loss, true_loss, name="loss", inputs={"x": x, "y": y}, rtol=1e-3, atol=1e-3)
    assert_close(dx, true_dx, name="dx", inputs={"x": x, "y": y}, rtol=1e-3, atol=1e-3)


def elementwise_case(np_rng):
    """Probabilities well inside (0, 1), targets in [0, 1] that are not all 0 or 1; loss and gradient by autograd."""
    u, t = np_rng.uniform(0.1, 0.9, size=(7, 3)), np_rng.uniform(size=(7, 3))
    t[:4] = t[:4].round()
    tu = torch.tensor(u, requires_grad=True)
    loss = F.binary_cross_entropy(tu, torch.tensor(t), reduction="sum") / 7
    loss.backward()
    return u, t, loss.item(), tu.grad.numpy()


@points(2, hint="Both terms count: -t log u and -(1-t) log(1-u). Sum over the outputs, mean over the batch.")
def test_elementwise_value(student, np_rng):
    """`elementwise_cross_entropy` sums over the outputs and averages over the batch."""
    u, t, true_loss, _ = elementwise_case(np_rng)
    loss, _ = student.elementwise_cross_entropy(u, t)
    mistakes = {
        "the targets rounded to 0 and 1": lambda: -(np.where(t > 0.5, np.log(u), np.log(1 - u))).sum() / 7,
        "-t log u alone: the term of 1 - t is missing": lambda: -(t * np.log(u)).sum() / 7,
        "-(1 - t) log(1 - u) alone: the term of t is missing": lambda: -((1 - t) * np.log(1 - u)).sum() / 7,
        "the mean over all entries; it should be the sum over the outputs and the mean over the batch": lambda: true_loss / 3,
    }
    assert_close(loss, true_loss, name="loss", inputs={"u": u, "t": t}, mistakes=mistakes, rtol=1e-3, atol=2e-5)


@points(2, hint="d/du of -t log u - (1-t) log(1-u) is (u - t) / (u (1 - u)); and the loss is a mean over the batch.")
def test_elementwise_gradient(student, np_rng):
    """`elementwise_cross_entropy` returns the gradient with respect to the probabilities."""
    u, t, _, true_du = elementwise_case(np_rng)
    _, du = student.elementwise_cross_entropy(u, t)
    mistakes = {
        "the gradient of -t log u alone: the term of 1 - t is missing": lambda: -t / u / 7,
        "u - t, the gradient for the score before the sigmoid, not for u itself": lambda: (u - t) / 7,
        "u - t, the gradient for the score before the sigmoid, and not divided by the batch": lambda: u - t,
        "a division by all entries; the outputs are summed, so only the batch divides": lambda: true_du / 3,
        "the targets rounded to 0 and 1": lambda: (u - (t > 0.5)) / (u * (1 - u)) / 7,
    }
    assert_close(du, true_du, name="du", inputs={"u": u, "t": t}, mistakes=mistakes, rtol=1e-3, atol=2e-5)


@points(2, hint="Clip u to [eps, 1 - eps] before the logarithm and before the division.")
def test_elementwise_saturated(student):
    """`elementwise_cross_entropy` stays finite where a probability is exactly 0 or 1."""
    u, t = np.array([[0.0, 1.0], [1.0, 0.0]]), np.array([[0.0, 1.0], [0.0, 1.0]])
    for rows, right in ((slice(0, 1), True), (slice(1, 2), False)):
        loss, du = student.elementwise_cross_entropy(u[rows], t[rows])
        du = np.asarray(du)
        assert np.isfinite(loss), "the loss is not finite where a probability is exactly 0 or 1"
        assert np.isfinite(du).all(), "the gradient is not finite where a probability is exactly 0 or 1"
        if right:
            eps = 1 - np.exp(-abs(loss) / u[rows].size)
            why = f"they cost {loss:.2g}, as if u were clipped to [{eps:.2g}, {1 - eps:.4g}]; the eps should be far smaller"
            assert abs(loss) < 0.02, f"confident and correct predictions should cost almost nothing; {why}"
        else:
            assert loss > 5, "certain and wrong predictions should cost much"


def cubic_case(np_rng, shape):
    """A point and the coefficients of f(x) = sum(c x³) + (sum x)²."""
    return np_rng.uniform(0.5, 2.0, size=shape), np_rng.uniform(1.0, 3.0, size=shape)


def difference_mistakes(x, c, h):
    """What wrong differences of the cubic give at the step ``h``."""
    exact, bend = 3 * c * x**2 + 2 * x.sum(), 3 * c * x + 1
    found = {
        "a one-sided difference, (f(x + h) - f(x)) / h": exact + bend * h + c * h**2,
        "a one-sided difference, (f(x) - f(x - h)) / h": exact - bend * h + c * h**2,
    }
    others = {f"the step h = {other:g} instead of {h:g}": exact + c * other**2 for other in (0.1, 1e-2, 1e-3) if other != h}
    found["a step of h times the entry, so that each entry has a different step: the step is h itself"] = exact + c * (h * x) ** 2
    # Below that, all steps look alike.
    return found | others | ({} if h < 1e-3 else {f"a step far smaller than the requested {h:g}": exact})


@points(2, hint="Central differences, (f(x+h) - f(x-h)) / 2h, one entry at a time, every other entry at its old value.")
@pytest.mark.parametrize("shape", [(4,), (3, 2), (2, 1, 3)])
def test_numerical_gradient(student, probe, np_rng, shape):
    """`eval_numerical_gradient` is accurate on a cubic, as central differences are and one-sided ones are not."""
    x, c = cubic_case(np_rng, shape)
    got = probe.numeric_gradient(student.ref("eval_numerical_gradient"), x, c)
    mistakes = difference_mistakes(x, c, 1e-5)
    assert_close(got["gradient"], 3 * c * x**2 + 2 * x.sum(), name="the numerical gradient", mistakes=mistakes, rtol=1e-6, atol=1e-6)


@points(2, hint="Use the h you are given, and divide by 2h.")
def test_numerical_gradient_step(student, probe, np_rng):
    """`eval_numerical_gradient` steps by the `h` it is given."""
    x, c = cubic_case(np_rng, (2, 3))
    got = probe.numeric_gradient(student.ref("eval_numerical_gradient"), x, c, h=0.1)
    # Central differences of c x³ are off by exactly c h².
    mistakes = difference_mistakes(x, c, 0.1)
    assert_close(got["gradient"], 3 * c * x**2 + 2 * x.sum() + 0.01 * c, name="the numerical gradient", mistakes=mistakes, rtol=1e-6, atol=1e-6)


@points(2, hint="Write x[i] + h and x[i] - h into x itself, and put the old value back before you go on.")
def test_numerical_gradient_in_place(student, probe, np_rng):
    """`eval_numerical_gradient` moves `x` itself, so that `f` may ignore its argument, and restores it."""
    x, c = cubic_case(np_rng, (3, 2))
    got = probe.numeric_gradient(student.ref("eval_numerical_gradient"), x, c, argument=False)
    left = {"the old values not put back: every entry is left at x - h": x - 1e-5, "the old values not put back: every entry is left at x + h": x + 1e-5}
    assert_close(got["after"], x, name="x after the call", mistakes=left, rtol=0, atol=1e-9)
    mistakes = {"a copy of x moved: f reads x itself, and never sees the step": np.zeros_like(x), **difference_mistakes(x, c, 1e-5)}
    assert_close(got["gradient"], 3 * c * x**2 + 2 * x.sum(), name="the numerical gradient", mistakes=mistakes, rtol=1e-6, atol=1e-6)
