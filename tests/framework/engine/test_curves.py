"""Training curves: what is drawn of a history that came out of a worker, whatever is in it."""

from __future__ import annotations

import re

import numpy as np
import pytest

from grader.engine.curves import read_curves
from grader.engine.outcomes import CaseState
from grader.engine.show import Show
from grader.errors import AuthoringError
from grader.records import MAX_CURVE, Curve, CurveFigure
from grader.reports.curve_drawing import curve_dots, curve_lines, curve_rows, digits


def drawn(history, **more):
    """The one figure that is drawn of a history."""
    case = CaseState()
    Show(case).curve(history, **more)
    (figure,) = case.figures
    return figure


def test_a_history_is_drawn_beside_the_references():
    """Both by step, on the axis of both; the description says where each begins and ends."""
    figure = drawn([2.0, 1.0, 0.5], reference=[2.1, 0.8, 0.4])
    assert figure.student.values == (2.0, 1.0, 0.5)
    assert figure.student.at == (1.0, 2.0, 3.0)
    assert (figure.low, figure.high) == (0.4, 2.1)
    assert "over 3 epochs: 2 at first, 0.5 at last; the reference's goes from 2.1 to 0.4." in figure.description
    assert len(curve_lines(figure, "student")) == len(curve_lines(figure, "reference")) == 1
    assert [row.reference for row in curve_rows(figure)] == [2.1, 0.8, 0.4]


@pytest.mark.parametrize("form", [list, tuple, np.array, lambda x: np.array(x, np.float32)[:, None], np.int64])
def test_a_history_may_have_any_form_of_numbers(form):
    """Lists, arrays, a column."""
    assert drawn(form([3.0, 2.0, 1.0])).student.values == (3.0, 2.0, 1.0)


@pytest.mark.parametrize(
    "history",
    [
        None,
        [],
        "loss",
        {},
        {"loss": [1]},
        [[1, 2], [3, 4]],
        [1, "2"],
        [1j],
        np.zeros((0, 3)),
        object(),
        5.0,
        np.zeros(10**6 + 1),
    ],
)
def test_what_is_no_history_is_said_in_place_of_a_picture(history):
    """It costs nothing, and nothing is raised."""
    figure = drawn(history)
    assert figure.kind == "missing"
    assert figure.description.startswith("There is nothing to draw: the history ")
    assert len(figure.description) < 700


@pytest.mark.parametrize(
    "history",
    [
        [float("nan")] * 5,
        [float("inf"), -float("inf")],
        [1e300, -1e300, 1e300],
        [1.0, float("nan"), 2.0],
        [1e9, -1e9],
        [0.0] * 7,
        [1e-300, 2e-300],
        np.random.default_rng(0).normal(size=10_000) * 1e12,
        list(range(100_000)),
        [5e-324],
        [True, False],
    ],
)
@pytest.mark.parametrize("reference", [(), [2.0, 1.0, 0.5], [1.0]])
def test_hostile_values_leave_a_small_figure_that_can_be_drawn(history, reference):
    """Bounded in length and size, finite on the page, and the same after it was stored."""
    figure = drawn(history, reference=reference)
    assert isinstance(figure, CurveFigure)
    assert len(figure.student.values) <= MAX_CURVE
    assert len(figure.model_dump_json()) < 6000
    assert CurveFigure.model_validate_json(figure.model_dump_json()) == figure
    assert figure.low < figure.high
    for x, y in re.findall(
        r"(\S+?),(\S+)", " ".join([*curve_lines(figure, "student"), *curve_lines(figure, "reference")])
    ):
        assert 50 <= float(x) <= 414
        assert 0 < float(y) < 160
    assert all(50 <= dot.x <= 414 and 0 < dot.y < 160 for dot in curve_dots(figure))


def test_a_value_far_off_stands_at_the_edge_and_leaves_the_rest_readable():
    """The axis follows the reference's, not a loss that explodes."""
    figure = drawn([2.0, 1.0, 5e8], reference=[2.0, 1.0, 0.5])
    assert figure.high <= 2.0 + 3 * 1.5
    assert [dot.off for dot in curve_dots(figure)] == [False, False, True]


def test_what_is_not_finite_is_a_gap_that_is_counted():
    """The line breaks, and a value between two gaps has a dot."""
    figure = drawn([1.0, float("nan"), 0.5, float("inf"), 0.25])
    assert figure.student.values == (1.0, None, 0.5, None, 0.25)
    assert curve_lines(figure, "student") == []
    assert len(curve_dots(figure)) == 3
    assert "2 of 5 values are NaN, infinite or beyond a billion" in figure.description
    assert digits(None) == "\N{EN DASH}"


def test_a_long_history_is_averaged_and_says_so():
    """Each point stands in the middle of its stretch."""
    figure = drawn(np.arange(600.0), unit="step")
    assert len(figure.student.values) == MAX_CURVE
    assert figure.student.at[0] == 5.5
    assert figure.student.values[0] == 4.5
    assert "Each point is the mean of about 10 steps." in figure.description


def test_the_references_curve_is_that_of_the_check(tmp_path):
    """The file is read by profile; a file that holds something else is the author's mistake, and named."""
    path = tmp_path / "curves.json"
    assert read_curves(path) == {}
    path.write_text('{"cpu": {"test_it": {"at": [1, 2], "values": [2.0, 1.0], "count": 2}}}')
    curve = read_curves(path)["cpu"]["test_it"]
    case = CaseState()
    Show(case, curve=curve).curve([1.0, 2.0])
    assert case.figures[0].reference == curve == Curve(at=(1, 2), values=(2.0, 1.0), count=2)
    for text in ("{}}", '{"cpu": []}', '{"cpu": {"test_it": {"at": [1], "values": ["x"], "count": 1}}}'):
        path.write_text(text)
        with pytest.raises(AuthoringError, match="no curves by profile and check") as error:
            read_curves(path)
        assert str(path) in str(error.value)


@pytest.mark.parametrize("reference", [[float("nan")], [1e300]])
def test_a_reference_that_cannot_be_drawn_is_the_authors(reference):
    """It is no student's fault."""
    with pytest.raises(AuthoringError, match="the reference's curve"):
        drawn([1.0], reference=reference)
