"""Hidden checks: affine, ReLU and sigmoid layers. Truth: torch in float64."""

import numpy as np
import pytest
import torch

from grader.checks import assert_close, points, untouched

# float32 inside, and an epsilon here or there, are right as well.
TOLERANCE = {"rtol": 1e-4, "atol": 2e-5}
#: Input shapes (N, d_1, ..., d_k); with M = 4 no two sizes of a case are equal.
SHAPES = [(5, 7), (3, 2, 5), (6, 2, 3, 1)]


def affine_case(np_rng, shape):
    """Random x, w, b and dout, and torch's answers."""
    size = int(np.prod(shape[1:]))
    x, w, b = np_rng.normal(size=shape), np_rng.normal(size=(size, 4)), np_rng.normal(size=4)
    dout = np_rng.normal(size=(shape[0], 4))
    tx, tw, tb = (torch.tensor(array, requires_grad=True) for array in (x, w, b))
    out = tx.flatten(1) @ tw + tb
    out.backward(torch.tensor(dout))
    return (x, w, b, dout), {"out": out.detach().numpy(), "dx": tx.grad.numpy(), "dw": tw.grad.numpy(), "db": tb.grad.numpy()}


def affine_backward(student, np_rng, shape):
    """The student's (dx, dw, db) from the student's own cache, with the case's inputs and truth."""
    (x, w, b, dout), truth = affine_case(np_rng, shape)
    _, cache = student.affine_forward(x, w, b)
    dx, dw, db = student.affine_backward(dout, cache)
    return {"dx": dx, "dw": dw, "db": db}, truth, {"x": x, "w": w, "b": b, "dout": dout}


@points(3, hint="Flatten each example to a row first: (N, d_1, ..., d_k) becomes (N, D). Then one matrix product, plus b.")
@pytest.mark.parametrize("shape", SHAPES)
def test_affine_forward(student, np_rng, shape):
    """`affine_forward` computes x w + b, also for inputs with more than two axes."""
    (x, w, b, _), truth = affine_case(np_rng, shape)
    out, _ = student.affine_forward(x, w, b)
    mistakes = {
        "each example flattened in a different order (order=\"F\"?)": lambda: x.reshape(len(x), -1, order="F") @ w + b,
        "b left out": lambda: truth["out"] - b,
        "b subtracted": lambda: truth["out"] - 2 * b,
        "b added to the weights, x (w + b), not to what comes out": lambda: x.reshape(len(x), -1) @ (w + b),
    }
    assert_close(out, truth["out"], name="out", inputs={"x": x, "w": w, "b": b}, mistakes=mistakes, **TOLERANCE)


@points(3, hint="dx = dout wᵀ, in the shape that x had.")
@pytest.mark.parametrize("shape", SHAPES)
def test_affine_dx(student, np_rng, shape):
    """`affine_backward` returns the gradient for x, in the shape of x."""
    got, truth, inputs = affine_backward(student, np_rng, shape)
    assert_close(got["dx"], truth["dx"], name="dx", inputs=inputs, **TOLERANCE)


@points(3, hint="dw has the shape of w, (D, M): each example adds the outer product of its row of x and its row of dout.")
@pytest.mark.parametrize("shape", SHAPES)
def test_affine_dw(student, np_rng, shape):
    """`affine_backward` returns the gradient for w."""
    got, truth, inputs = affine_backward(student, np_rng, shape)
    assert_close(got["dw"], truth["dw"], name="dw", inputs=inputs, **TOLERANCE)


@points(3, hint="b is added to every row, so its gradient is a sum over the rows; the mean is already inside dout.")
@pytest.mark.parametrize("shape", SHAPES)
def test_affine_db(student, np_rng, shape):
    """`affine_backward` returns the gradient for b."""
    got, truth, inputs = affine_backward(student, np_rng, shape)
    db = np.asarray(got["db"])
    # (1, M) is how some keep biases; (N, M) is a sum forgotten.
    db = db.reshape(-1) if db.shape == (1, 4) else db
    mistakes = {"the sum over the outputs (axis 1), not over the examples (axis 0)": lambda: inputs["dout"].sum(axis=1)}
    assert_close(db, truth["db"], name="db", inputs=inputs, mistakes=mistakes, **TOLERANCE)


def kept_dtype(function, name, x):
    """float32 in, float32 out, and float64 likewise: of what comes out first."""
    for dtype in (np.float32, np.float64):
        found = np.asarray(function(x.astype(dtype))[0]).dtype
        assert found == dtype, f"{name} makes {found} of {np.dtype(dtype)}: work in the dtype that you are given"


def away_from_zero(np_rng, shape):
    """Random entries of both signs, none near the kink of ReLU."""
    return np.exp(np_rng.uniform(np.log(0.1), np.log(90.0), size=shape)) * np_rng.choice([-1.0, 1.0], size=shape)


@points(1, hint="max(0, x), entry by entry.")
def test_relu_forward(student, np_rng):
    """`relu_forward` keeps what is positive."""
    x = away_from_zero(np_rng, (4, 3, 5))
    out, _ = untouched(student.relu_forward)(x)
    assert_close(out, np.where(x > 0, x, 0.0), name="out", inputs={"x": x}, **TOLERANCE)
    kept_dtype(student.relu_forward, "relu_forward", x)


@points(3, hint="Only entries whose input was positive pass their gradient on. The sign of dout does not matter.")
@pytest.mark.parametrize("shape", [(6, 4), (4, 3, 5)])
def test_relu_backward(student, np_rng, shape):
    """`relu_backward` passes the gradient where the input was positive."""
    x, dout = away_from_zero(np_rng, shape), np_rng.normal(size=shape)
    _, cache = student.relu_forward(x)
    dx = untouched(student.relu_backward, but=[1])(dout, cache)
    mistakes = {
        "every entry passed on, the mask of positive inputs forgotten": dout,
        "the mask made of dout, not of the input": np.where(dout > 0, dout, 0.0),
        "the mask inverted": np.where(x < 0, dout, 0.0),
    }
    assert_close(dx, np.where(x > 0, dout, 0.0), name="dx", inputs={"x": x, "dout": dout}, mistakes=mistakes, **TOLERANCE)


def held(x):
    """What a sigmoid gives whose input is held between two bounds."""
    return {f"inputs held between -{most} and {most}": 1 / (1 + np.exp(-x.clip(-most, most))) for most in (1, 2, 3, 4, 5, 6, 8, 10, 12)}


@points(2, hint="1 / (1 + exp(-x)).")
def test_sigmoid_forward(student, np_rng):
    """`sigmoid_forward` follows its definition."""
    x = 2 * np_rng.normal(size=(5, 2, 3))
    out, _ = student.sigmoid_forward(x)
    assert_close(out, torch.sigmoid(torch.tensor(x)).numpy(), name="out", inputs={"x": x}, mistakes=held(x), **TOLERANCE)
    kept_dtype(student.sigmoid_forward, "sigmoid_forward", x)


@points(2, hint="exp(1000) is inf, and inf / inf is NaN. Only ever exponentiate numbers that are not positive.")
def test_sigmoid_extreme(student):
    """`sigmoid_forward` is 0 or 1, not NaN, where its input is huge."""
    x = np.array([[-1000.0, -60.0, 60.0], [1000.0, -800.0, 800.0]])
    out, _ = student.sigmoid_forward(x)
    mistakes = held(x) | {"the tanh instead of the sigmoid": np.tanh(x)}
    assert_close(out, (x > 0).astype(float), name="out", inputs={"x": x}, mistakes=mistakes, rtol=1e-5, atol=1e-6)


@points(2, hint="σ'(x) = σ(x) (1 - σ(x)): σ of the input, not of the output again.")
def test_sigmoid_backward(student, np_rng):
    """`sigmoid_backward` multiplies by the slope of the sigmoid."""
    x, dout = 2 * np_rng.normal(size=(4, 3)), np_rng.normal(size=(4, 3))
    _, cache = student.sigmoid_forward(x)
    dx = student.sigmoid_backward(dout, cache)
    tx = torch.tensor(x, requires_grad=True)
    torch.sigmoid(tx).backward(torch.tensor(dout))
    def slope(s):
        return dout * s * (1 - s)

    once = 1 / (1 + np.exp(-x))
    mistakes = {
        "the sigmoid applied again to the output that the cache holds": lambda: slope(1 / (1 + np.exp(-once))),
        "the slope of the input itself, x (1 - x)": lambda: slope(x),
        "σ(x) alone for the slope": lambda: dout * once,
        "1 - σ(x) alone for the slope": lambda: dout * (1 - once),
        "1 - σ(x)² for the slope, as for tanh": lambda: dout * (1 - once**2),
        "the slope alone: dout is left out": lambda: once * (1 - once),
    }
    assert_close(dx, tx.grad.numpy(), name="dx", inputs={"x": x, "dout": dout}, mistakes=mistakes, **TOLERANCE)
