"""Hidden checks: dropout in numpy, of entries and of whole maps.

What is random is judged by counts. A count of independent decisions leaves the band of 5 standard deviations with a
probability of 6e-7; that is how often a right answer fails such a comparison.
"""

import math

import numpy as np
import pytest

from grader.checks import assert_close, points, untouched

TOLERANCE = {"rtol": 1e-4, "atol": 2e-5}


def away_from_zero(np_rng, shape):
    """Entries of both signs and none near 0, so that a zero in the output was put there."""
    return np_rng.uniform(0.5, 3.0, size=shape) * np_rng.choice([-1.0, 1.0], size=shape)


def assert_share(dropped, p, what):
    """The share of ``dropped``, booleans of independent decisions, is ``p`` but for chance."""
    share, band = float(dropped.mean()), 5 * np.sqrt(p * (1 - p) / dropped.size)
    swapped = abs(share - (1 - p)) < band
    normal = abs(share - 0.5 * math.erfc((1 - p) / math.sqrt(2))) < band
    assert abs(share - p) < band, (
        f"with p = {p}, your layer drops {share:.1%} of the {what}"
        + ("; p is the probability to DROP an entry, but your code seems to use it as the probability to keep one" if swapped else "")
        + ("; normal numbers (`randn`) below 1 - p would leave out so many: draw uniform ones (`rand`)" if normal and not swapped else "")
    )


@points(2, hint="p is the probability to drop: keep where a uniform number is at least p.")
@pytest.mark.parametrize("p", [0.2, 0.75])
def test_dropout_share(student, np_rng, p):
    """`dropout_forward` drops a share p of the entries in training."""
    x = away_from_zero(np_rng, (200, 100))
    out, _ = student.dropout_forward(x, {"mode": "train", "p": p})
    assert out.shape == x.shape, f"out has shape {out.shape} for an x of shape {x.shape}"
    assert_share(out == 0, p, "entries")
    # A count of 20,000 coins has a deviation of 57: six equal ones in a row come once in 10^10.
    masks = [np.asarray(student.dropout_forward(x, {"mode": "train", "p": p})[0]) == 0 for _ in range(6)]
    counts = {int(mask.sum()) for mask in masks}
    alike = all((mask == masks[0]).all() for mask in masks)  # which is another check's business
    assert alike or len(counts) > 1, f"with p = {p}, every call drops exactly {counts.pop()} of {x.size} entries: each entry should be decided for itself"


@points(2, hint="Inverted dropout: what is kept is divided by 1 - p, so that the expectation stays what it was.")
@pytest.mark.parametrize("shape", [(30, 20), (6, 5, 4, 5)])
@pytest.mark.parametrize("p", [0.2, 0.7])
def test_dropout_scale(student, np_rng, shape, p):
    """`dropout_forward` divides what it keeps by 1 - p."""
    x = away_from_zero(np_rng, shape)
    out, _ = untouched(student.dropout_forward)(x, {"mode": "train", "p": p})
    assert out.shape == x.shape, f"out has shape {out.shape} for an x of shape {x.shape}"
    kept = out != 0
    assert kept.any(), "nothing is kept"
    assert_close(
        out[kept],
        x[kept] / (1 - p),
        name="what is kept",
        inputs={"x": x},
        mistakes={
            "no division by 1 - p": lambda: x[kept],
            "a division by p, the probability to drop": lambda: x[kept] / p,
            "a multiplication by 1 - p": lambda: x[kept] * (1 - p),
            "a multiplication by p": lambda: x[kept] * p,
            "the division by 1 - p done twice": lambda: x[kept] / (1 - p) ** 2,
            "the mask alone, without x": lambda: np.full(kept.sum(), 1 / (1 - p)),
        },
        **TOLERANCE,
    )


@points(1, hint="In test mode, and with p = 0, the input passes unchanged: the division in training has already compensated for dropout.")
@pytest.mark.parametrize("param", [{"mode": "test", "p": 0.4}, {"mode": "test", "p": 0.4, "seed": 3}, {"mode": "train", "p": 0.0}])
def test_dropout_passes(student, np_rng, param):
    """`dropout_forward` passes its input unchanged in test mode, and if p is 0."""
    x = away_from_zero(np_rng, (9, 7))
    out, _ = student.dropout_forward(x, param)
    assert_close(
        out,
        x,
        name="out",
        inputs={"x": x},
        mistakes={
            "a multiplication by 1 - p, which inverted dropout does not need": lambda: 0.6 * x,
            "a multiplication by p": lambda: 0.4 * x,
            "a division by 1 - p, as in training": lambda: x / 0.6,
        },
        **TOLERANCE,
    )


@points(2, hint="One random number for each entry. np.random.seed only if a seed is given.")
def test_dropout_random(student, probe, np_rng):
    """`dropout_forward` decides each entry independently, anew at every call unless a seed is given."""
    x = away_from_zero(np_rng, (40, 30))

    def dropped(**seed):
        out, _ = student.dropout_forward(x, {"mode": "train", "p": 0.5, **seed})
        assert out.shape == x.shape, f"out has shape {out.shape} for an x of shape {x.shape}"
        return out == 0

    first, second = dropped(), dropped()
    assert first.any(), "with p = 0.5 nothing is dropped"
    assert not (first == first[0]).all(), "every row loses the same entries: draw one number for each entry"
    assert not (first == first[:, :1]).all(), "every column loses the same entries: draw one number for each entry"
    assert not (first == second).all(), "two calls without a seed drop the same entries"
    seed = int(np_rng.integers(1, 10_000))
    one, again, other = dropped(seed=seed), dropped(seed=seed), dropped(seed=seed + 1)
    assert (one == again).all(), "the same seed should drop the same entries"
    assert not (one == other).all(), "a different seed should drop different entries"
    assert (dropped(seed=0) == dropped(seed=0)).all(), "with seed 0 two calls drop different entries: 0 is a seed like any other, so ask whether one is given"
    seeds = probe.seeds_numpy(student.ref("dropout_forward"), x, {"mode": "train", "p": 0.5, "seed": seed})
    assert seeds, "with a seed, dropout_forward leaves np.random's generator where it was: call np.random.seed with it, and draw from np.random"


#: The same numbers, and what they mean in either mode.
ANOTHER_MASK = {"train": "a new mask, not that of the forward pass", "test": "a mask in test mode as well"}


@points(2, hint="What was dropped gets no gradient; what was kept gets it divided by 1 - p. In test mode dout passes.")
@pytest.mark.parametrize("mode", ["train", "test"])
@pytest.mark.parametrize("shape", [(30, 20), (4, 3, 5)])
def test_dropout_backward(student, np_rng, mode, shape):
    """`dropout_backward` sends the gradient back the way the input came."""
    x, dout = away_from_zero(np_rng, shape), np_rng.normal(size=shape)
    out, cache = student.dropout_forward(x, {"mode": mode, "p": 0.3})
    assert out.shape == x.shape, f"out has shape {out.shape} for an x of shape {x.shape}"
    # What the layer did to x, right or wrong, is what it must do to dout.
    factor = out / x
    dx = untouched(student.dropout_backward, but=[1])(dout, cache)
    assert_close(
        dx,
        dout * factor,
        name="dx",
        inputs={"x": x, "dout": dout},
        mistakes={
            "the mask and no division by 1 - p": lambda: dout * (out != 0),
            "dout passed unchanged": lambda: dout,
            "a division by 1 - p and no mask": lambda: dout / 0.7,
            ANOTHER_MASK[mode]: lambda: dout * (np.asarray(dx) != 0) / 0.7,
            "an additional multiplication by 1 - p": lambda: dout * factor * 0.7,
            "an additional division by 1 - p": lambda: dout * factor / 0.7,
            "zeros: a test-mode cache should let everything pass": lambda: 0 * dout,
        },
        **TOLERANCE,
    )


def map_factors(out, x):
    """(N, C) factors by which whole maps were multiplied; says so where a map was not treated as one."""
    assert out.shape == x.shape, f"out has shape {out.shape} for an x of shape {x.shape}"
    ratio = out / x
    first = ratio[:, :, :1, :1]
    assert np.allclose(ratio, first, rtol=1e-4, atol=1e-5), (
        "a map is kept or dropped as a whole; in yours, pixels of the same map fare differently"
    )
    return first[:, :, 0, 0]


@points(2, hint="One decision for each (n, c): dropout_forward on ones of shape (N, C) makes them, and broadcasting does the rest.")
@pytest.mark.parametrize("shape", [(60, 50, 2, 3), (45, 70, 3, 2)])
def test_spatial_dropout_forward(student, np_rng, shape):
    """`spatial_dropout_forward` drops whole maps, each independently."""
    x = away_from_zero(np_rng, shape)
    out, _ = student.spatial_dropout_forward(x, {"mode": "train", "p": 0.3})
    factors = map_factors(out, x)
    gone = factors == 0
    assert not (gone == gone[0]).all(), "every example loses the same channels: decide for each example"
    assert not (gone == gone[:, :1]).all(), "an example loses all of its channels or none: decide for each channel"
    assert_share(factors == 0, 0.3, "maps")
    kept = factors[factors != 0]
    assert_close(kept, np.full(kept.shape, 1 / 0.7), name="the factor of the maps that are kept", **TOLERANCE)
    out, _ = student.spatial_dropout_forward(x, {"mode": "test", "p": 0.3})
    assert_close(out, x, name="out in test mode", inputs={"x": x}, **TOLERANCE)


@points(2, hint="dx is dout times the same factors as in the forward pass; dropout_backward on ones returns them.")
@pytest.mark.parametrize("mode", ["train", "test"])
def test_spatial_dropout_backward(student, np_rng, mode):
    """`spatial_dropout_backward` sends the gradient back through the maps that were kept."""
    x, dout = away_from_zero(np_rng, (7, 6, 2, 3)), np_rng.normal(size=(7, 6, 2, 3))
    out, cache = student.spatial_dropout_forward(x, {"mode": mode, "p": 0.4})
    assert out.shape == x.shape, f"out has shape {out.shape} for an x of shape {x.shape}"
    dx = student.spatial_dropout_backward(dout, cache)
    assert_close(
        dx,
        dout * out / x,
        name="dx",
        inputs={"x": x, "dout": dout},
        mistakes={
            "the mask and no division by 1 - p": lambda: dout * (out != 0),
            "dout passed unchanged": lambda: dout,
        },
        **TOLERANCE,
    )
