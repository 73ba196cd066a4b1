"""`assert_close` and `gradcheck`: what they let pass, what they catch, and whose fault they say it is."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from grader.checks import CheckFailed, assert_close, gradcheck, points
from grader.checks.arrays import as_array
from grader.checks.close import without_diagnosis
from grader.engine.outcomes import CaseState, judge
from grader.records import Verdict

pytestmark = pytest.mark.torch

ONE = torch.tensor([1.0, 2.0, 3.0])


# -- assert_close ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("actual", "expected"),
    [
        (ONE, ONE.numpy()),
        (ONE.numpy(), ONE),
        (ONE.double(), ONE),
        (ONE, ONE.double()),
        ([1.0, 2.0, 3.0], ONE),
        ((1, 2, 3), ONE),
        (ONE, [1.0, 2.0, 3.0]),
        (torch.tensor([1, 2, 3]), ONE),
        (np.array([1, 2, 3], dtype="u1"), torch.tensor([1, 2, 3])),
        (np.float32(2), 2.0),
        (torch.tensor(2.0), 2),
        (2, torch.tensor(2.0)),
        (True, True),
        (torch.tensor([True, False]), np.array([True, False])),
        (ONE.bfloat16(), ONE),
        (ONE.half(), ONE),
        (ONE.clone().requires_grad_(), ONE),
        (torch.nn.Parameter(ONE), ONE),
        (torch.complex(ONE, ONE), (1 + 1j) * ONE.numpy()),
        (torch.empty(0, 3), np.empty((0, 3))),
        ((ONE, [2.0, ONE]), (ONE, [2.0, ONE])),
        ([ONE, ONE], (ONE, ONE)),
        (float("nan"), float("nan")),
        ([1.0, float("nan"), float("inf")], [1.0, float("nan"), float("inf")]),
        (ONE[[0]], ONE[:1]),
        (ONE.flip(0), torch.tensor([3.0, 2.0, 1.0])),
    ],
)
def test_the_same_numbers_are_close(actual, expected):
    """Library, precision and container do not matter where the numbers and shapes are right."""
    assert assert_close(actual, expected) is None


def test_without_diagnosis_a_wrong_value_is_told_without_a_reason():
    """Where only the verdict is asked for, a comparison fails as always and the formulas of mistakes are not tried."""
    with without_diagnosis(), pytest.raises(CheckFailed) as failed:
        assert_close(2 * ONE, ONE, mistakes={"a factor": lambda: pytest.fail("it was tried")})
    assert failed.value.message == "the result is not right."
    with pytest.raises(CheckFailed, match="a factor"):
        assert_close(2 * ONE, ONE, mistakes={"a factor": lambda: 2 * ONE})


@pytest.mark.parametrize(
    ("actual", "expected", "told"),
    [
        (None, ONE, "the result should be an array of shape (3,); it is None (does the function return anything?)."),
        ("1 2 3", ONE, "it is a str"),
        ({"a": 1}, ONE, "it is a dict"),
        (object(), 1.0, "should be a number; it is a object"),
        ([[1.0], [1.0, 2.0]], ONE, "it is a list of 2"),
        (["a", "b", "c"], ONE, "it is a list of 3"),
        (ONE[:2], ONE, "has shape (2,) instead of (3,)"),
        (ONE[None], ONE, "axes of size 1"),
        (ONE, 2.0, "has shape (3,) instead of being a single number"),
        (float("nan"), 1.0, "is NaN where it should be finite"),
        (1.0, float("nan"), "is wrong"),
        (float("-inf"), float("inf"), "is wrong"),
        (np.array(["a"]), np.ones(1), "it is a ndarray"),
        ((ONE, ONE), (ONE,), "should have 1 part; it is a tuple of 2"),
        (ONE, (ONE, ONE), "should have 2 parts"),
        (None, (ONE, ONE), "should have 2 parts; it is None"),
        ((ONE, -ONE), (ONE, ONE), "the result[1] has the opposite sign"),
        ((ONE, [1.0, ONE * 2]), (ONE, [1.0, ONE]), "the result[1][1] is twice"),
        (torch.tensor([1, 2, 4]), torch.tensor([1, 2, 3]), "1 of 3 entries is wrong (first at [2])"),
        (True, False, "is wrong"),
        (3.0, 2.0, "is wrong"),
    ],
)
def test_what_differs_is_told(actual, expected, told):
    """A wrong type, shape, part or value is a CheckFailed in the student's words."""
    with pytest.raises(CheckFailed) as caught:
        assert_close(actual, expected)
    assert told in str(caught.value)


@pytest.mark.parametrize(
    ("dtype", "inside", "outside"), [("float64", 5e-8, 1e-6), ("float32", 5e-5, 1e-3), ("float16", 5e-3, 5e-2)]
)
def test_tolerances_follow_the_coarser_dtype(dtype, inside, outside):
    """Round-off of the coarser of the two types passes, a hundred times as much does not."""
    expected = np.full(4, 3.0)
    assert_close((expected * (1 + inside)).astype(dtype), expected)
    with pytest.raises(CheckFailed):
        assert_close((expected * (1 + outside)).astype(dtype), expected)


def test_tolerances_can_be_set():
    """Own tolerances take the place of the defaults, one by one."""
    assert_close(1.05, 1.0, rtol=0.1)
    assert_close(0.05, 0.0, atol=0.1)
    with pytest.raises(CheckFailed):
        assert_close(1.05, 1.0, rtol=0.01)
    with pytest.raises(CheckFailed):
        assert_close(np.float32(1.000001), np.float32(1), rtol=0, atol=0)


def test_integers_beyond_floats_are_not_blurred():
    """Labels and counts are compared as what they are."""
    with pytest.raises(CheckFailed):
        assert_close(torch.tensor([7, 8]), torch.tensor([7, 9]))


@pytest.mark.parametrize("expected", ["abc", object(), {1, 2}, None, [ONE, "x"]])
def test_an_expected_value_that_is_none_is_the_authors_mistake(expected):
    """No AssertionError, which would cost the student points, but an error that holds the attempt."""
    actual = [ONE, ONE] if isinstance(expected, list) else ONE
    with pytest.raises(TypeError) as caught:
        assert_close(actual, expected)
    assert judge(caught.value, CaseState()).verdict is Verdict.GRADER_ERROR


def test_a_lying_object_is_no_array():
    """An object that is equal to everything, or says that it is an array, is told by its type."""

    class Yes:
        shape = (3,)
        dtype = "float32"

        def __eq__(self, other):
            return True

        __hash__ = object.__hash__

        def __array__(self, dtype=None, copy=None):
            return np.array([1.0, 2.0, 3.0])

    with pytest.raises(CheckFailed, match="it is a Yes"):
        assert_close(Yes(), ONE)


def test_arrays_of_all_kinds_are_read():
    """`as_array` gives numpy arrays of numbers, and None for anything else."""
    assert as_array(torch.ones(2, dtype=torch.bfloat16)).dtype == np.float32
    assert as_array([[1, 2], [3, 4]]).shape == (2, 2)
    assert as_array([torch.ones(2), np.ones(2)]).shape == (2, 2)
    assert as_array(torch.complex(ONE, ONE).conj()).imag[0] == -1
    for other in (None, "x", {"a": 1}, [None], np.array([object()]), {1, 2}):
        assert as_array(other) is None


# -- mistakes that the author knows ------------------------------------------------------------------------------------


def failure(actual, expected, **options):
    """The CheckFailed that the comparison ends in."""
    with pytest.raises(CheckFailed) as caught:
        assert_close(actual, expected, **options)
    return caught.value


def test_a_mistake_that_the_author_knows_is_named():
    """The words continue the sentence; a value and a function of no arguments do alike, in any shape."""
    known = {"the order reversed": lambda: ONE.flip(0), "the sum in place of the parts": ONE.sum(), "nothing": None}
    told = failure(ONE.flip(0), ONE, name="h", mistakes=known)
    assert told.message == "h matches what you get with the order reversed."
    assert "expected" in told.staff
    assert failure(6.0, ONE, mistakes=known).message.endswith("with the sum in place of the parts.")


def test_mistakes_are_worked_out_only_where_the_comparison_fails():
    """A right answer costs nothing more, however dear the wrong formulas."""
    called = []
    assert_close(ONE, ONE, mistakes={"x": lambda: called.append(1)})
    assert called == []
    failure(-ONE, ONE, mistakes={"x": lambda: called.append(1)})
    assert called


def test_two_mistakes_that_give_the_same_are_both_told():
    """Nothing tells which of the two it was, so neither is kept back."""
    told = failure(2 * ONE, ONE, mistakes={"a sum": 2 * ONE, "no ½": lambda: 2 * ONE, "a sign": -ONE})
    assert told.message == "the result matches what you get with a sum, or with no ½."


def test_where_no_known_mistake_fits_the_library_speaks():
    """A mistake that is not near, or that changes nothing, or whose formula fails, is not named."""
    told = failure(
        -ONE,
        ONE,
        mistakes={"nothing": ONE, "something near": -ONE + 0.5, "a bug": lambda: 1 / 0, "a shape": torch.ones(2)},
    )
    assert told.message == "the result has the opposite sign."
    assert "'a bug' could not be computed: ZeroDivisionError" in told.staff


def test_known_mistakes_of_several_parts():
    """Where several values are compared at once, a mistake gives as many."""
    told = failure((ONE, -ONE), (ONE, ONE), name="(h, c)", mistakes={"c negated": lambda: (ONE, -ONE), "one": ONE})
    assert told.message == "(h, c) matches what you get with c negated."


def test_reveal_shows_what_is_right_beside_a_known_mistake():
    """The two do not exclude each other."""
    assert "expected:\n[1. 2. 3.]" in failure(-ONE, ONE, reveal=True, mistakes={"a sign": -ONE}).message


RIGHT = {"W1": ONE + 0.25, "b1": 2 * ONE - 0.3, "W2": ONE**2 + 0.1}


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({}, None),
        ({"W1": -RIGHT["W1"]}, "grads[\"W1\"] has the opposite sign. ('b1', 'W2' are right)"),
        ({"W1": -RIGHT["W1"], "b1": ONE**3}, "has the opposite sign. ('b1' is wrong as well, 'W2' is right)"),
        ({name: 2 * value for name, value in RIGHT.items()}, "Each of grads is twice what it should be."),
        (
            {name: 2 * RIGHT[name] for name in ("W1", "W2")},
            "Each of these in grads ('W1', 'W2'; the rest is right) is twice what it should be.",
        ),
        ({"W1": ONE[:2]}, 'grads["W1"] has shape (2,) instead of (3,)'),
        ({"W1": None}, 'grads["W1"] should be an array of shape (3,); it is None'),
    ],
)
def test_gradients_are_told_by_parameter(change, told):
    """Which are right and which are wrong, and whether all are wrong in the same way."""
    if told is None:
        assert_close({**RIGHT, "more": 1}, RIGHT)
    else:
        assert told in failure({**RIGHT, **change}, RIGHT, name="grads").message


def test_what_a_dict_lacks_is_told():
    """A parameter without a gradient, and something that is no dict; a known mistake gives a dict as well."""
    assert failure({"W1": ONE}, RIGHT, name="grads").message == "grads lacks 'b1', 'W2'; it has 'W1'."
    assert "should have the entries 'W1', 'b1', 'W2'; it is a list of 1" in failure([ONE], RIGHT, name="grads").message
    wrong = {**RIGHT, "b1": 3 * RIGHT["b1"]}
    assert failure(wrong, RIGHT, mistakes={"b1 summed": lambda: wrong}).message.endswith("what you get with b1 summed.")


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    "value",
    [
        np.array([1 + 1j, 2, 3]),
        np.array([np.longdouble("1e4000"), 2, 3]),
        np.array([1e308, -1e308, np.inf]),
        np.array([np.nan, np.inf, -np.inf], "f2"),
        np.array([2**63 - 1, 0, -(2**63)]),
        np.array([2**64 - 1, 0, 1], "u8"),
        np.array([1e-320, 5e-324, 0.0]),
        np.array([True, False, True]),
    ],
    ids=str,
)
@pytest.mark.parametrize("expected", [ONE, ONE.numpy() * (1 + 2j), np.array([1, 2, 3]), np.array([True, False, False])])
def test_odd_numbers_give_no_warning(value, expected):
    """Whatever a student's array holds, the comparison says what is wrong, and nothing on the runner's stderr."""
    assert failure(value, expected, inputs={"x": value}).message


# -- gradcheck ---------------------------------------------------------------------------------------------------------


def right(x):
    """Mean of squares, and its gradient."""
    return (x**2).mean(), 2 * x / x.size if isinstance(x, np.ndarray) else 2 * x / x.numel()


def wrong(change):
    return lambda x: change(*right(x))


POINTS = [np.random.default_rng(0).standard_normal((4, 3)), torch.randn(5, dtype=torch.float64)]


@pytest.mark.parametrize("at", [*POINTS, POINTS[0].astype("f4"), torch.randn(6)], ids=["n64", "t64", "n32", "t32"])
def test_a_right_gradient_passes(at):
    """In numpy and torch, in single and double precision, with a reference and without."""
    assert gradcheck(right, at) is None
    assert gradcheck(right, at, reference=right) is None


@pytest.mark.parametrize("at", POINTS, ids=["numpy", "torch"])
@pytest.mark.parametrize(
    "change",
    [
        lambda v, g: (v, 2 * g),
        lambda v, g: (v, -g),
        lambda v, g: (v, 1.01 * g),
        lambda v, g: (v, g + 0.1),
        lambda v, g: (v, 0 * g),
        lambda v, g: (3 * v, g),
        lambda v, g: (-v, g),
        lambda v, g: (v, g * float("nan")),
    ],
    ids=["twice", "sign", "one per cent", "offset", "zero", "loss", "minus loss", "NaN"],
)
def test_a_wrong_gradient_is_caught_by_the_differences_alone(change, at):
    """Scale, sign, offset, zero: the value's own differences tell, without a reference."""
    with pytest.raises(CheckFailed, match="not the gradient of the value"):
        gradcheck(wrong(change), at)


@pytest.mark.parametrize("at", POINTS, ids=["numpy", "torch"])
@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda v, g: (0 * v, 0 * g), "is zero"),
        (lambda v, g: (2 * v, 2 * g), "twice what it should be"),
        (lambda v, g: (-v, -g), "opposite sign"),
        (lambda v, g: (v + 1, g), "the value that the gradient belongs to is wrong"),
        (lambda v, g: (v, -g), "dw has the opposite sign"),
    ],
)
def test_what_is_consistent_and_wrong_is_caught_by_the_reference(change, told, at):
    """A loss that is zero with a gradient that is zero belongs together; only the reference knows better."""
    with pytest.raises(CheckFailed, match=told):
        gradcheck(wrong(change), at, reference=right, name="dw")


def test_a_wrong_gradient_of_a_right_value_is_told_as_that():
    """The value is right, and what is wrong with the gradient has a name: a penalty's, a formula's."""
    weights = np.random.default_rng(1).standard_normal((4, 3))

    def without_penalty(x):
        value, gradient = right(x)
        return value, gradient - 0.3 * weights

    with pytest.raises(CheckFailed) as caught:
        gradcheck(without_penalty, POINTS[0], reference=right, name="dw", inputs={"W": weights})
    assert caught.value.message.startswith("dw is off by a multiple of `W`")
    assert caught.value.message.endswith("The value itself is right.")
    with pytest.raises(CheckFailed, match="dw matches what you get with the square left out"):
        gradcheck(
            wrong(lambda v, g: (v, g + 1)),
            POINTS[0],
            reference=right,
            name="dw",
            mistakes={"the square left out": lambda: right(POINTS[0])[1] + 1},
        )


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("bad", [np.inf, np.nan, 1e308, 1j], ids=str)
def test_odd_gradients_give_no_warning(bad):
    """Infinite, huge and complex numbers are wrong, and nothing on the runner's stderr."""
    for change in (lambda v, g: (v, g * bad), lambda v, g: (v * bad, g)):
        with pytest.raises(CheckFailed):
            gradcheck(wrong(change), POINTS[0])


@pytest.mark.parametrize(
    ("fn", "told"),
    [
        (lambda x: None, "should return a value and the gradient"),
        (lambda x: right(x)[0], "should return a value and the gradient"),
        (lambda x: (right(x)[0],), "should return a value and the gradient"),
        (lambda x: (right(x)[0], None), "it has no array"),
        (lambda x: (right(x)[0], "x"), "it has no array"),
        (lambda x: (right(x)[0], right(x)[1].T), r"shape of its variable, \(4, 3\); it has shape \(3, 4\)"),
        (lambda x: (x, x), "should be a number"),
        (lambda x: (None, x), "should be a number"),
    ],
)
def test_a_result_of_another_form_is_told(fn, told):
    """What is no pair of a number and an array is said so, and is the student's."""
    with pytest.raises(CheckFailed, match=told):
        gradcheck(fn, POINTS[0])


def test_the_point_survives_a_function_that_overwrites_it():
    """Each call gets a copy of its own."""

    def greedy(x):
        value, gradient = right(x.copy())
        x[:] = 0
        return value, gradient

    at = POINTS[0].copy()
    gradcheck(greedy, at)
    assert np.array_equal(at, POINTS[0])


@pytest.mark.parametrize("at", [np.arange(3), torch.arange(3), "x", None])
def test_a_point_that_is_no_float_array_is_the_authors_mistake(at):
    """It holds the attempt; the student loses nothing by it."""
    with pytest.raises(TypeError) as caught:
        gradcheck(right, at)
    assert judge(caught.value, CaseState()).verdict is Verdict.GRADER_ERROR


def test_points_are_a_mark():
    """`points` keeps value, hint, visibility and timeout for the engine."""
    mark = points(4, hint="Look.", visibility="hidden", timeout=3).mark
    assert mark.args == (4,)
    assert mark.kwargs == {"hint": "Look.", "visibility": "hidden", "timeout": 3}
