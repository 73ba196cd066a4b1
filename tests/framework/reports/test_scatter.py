"""What a model achieves against what it costs, drawn beside the leaderboard."""

import pytest

from grader.course import Assignment, CostColumn, LeaderboardColumn
from grader.reports.scatter import BOX, Model, scatter

COLUMN, COST = LeaderboardColumn(metric="accuracy", title="Accuracy"), CostColumn(metric="parameters")


def model(handle, value, cost, kind="one"):
    """A model of a leaderboard."""
    return Model(handle, value, "-" if value is None else f"{value:.2f}", cost, kind)


def test_each_model_stands_where_its_numbers_say():
    """More costs is further right, better is further up, and all lie within the box."""
    plot = scatter([model("a", 0.5, 100.0), model("b", 0.9, 300.0, "mine")], COLUMN, COST)
    small, large = plot.dots
    assert (small.handle, large.handle, large.kind) == ("a", "b", "mine")
    assert small.x < large.x
    assert small.y > large.y
    assert all(BOX[0] < dot.x < BOX[2] and BOX[1] < dot.y < BOX[3] for dot in plot.dots)
    assert (plot.across, plot.up, plot.logarithmic) == ("parameters", "Accuracy", False)


def test_costs_far_apart_are_drawn_by_their_logarithm():
    """Three models ten times apart stand at equal distances, at powers of ten that are named."""
    plot = scatter([model(str(n), 0.5, 10.0**n) for n in (3, 4, 5)], COLUMN, COST)
    first, second, third = (dot.x for dot in plot.dots)
    assert plot.logarithmic
    assert second - first == pytest.approx(third - second, abs=0.2)
    assert {"1k", "10k", "100k"} <= {tick.text for tick in plot.x_ticks}


@pytest.mark.parametrize("costs", [[5.0, 5.0], [0.0, 90.0], [0.001, 0.0011], [1.0, 1e12]])
def test_axes_have_a_handful_of_round_numbers_in_the_box(costs):
    """Equal costs, a cost of nothing, close ones and ones far apart."""
    plot = scatter([model(str(cost), 0.7, cost) for cost in costs], COLUMN, COST)
    for ticks, low, high in ((plot.x_ticks, BOX[0], BOX[2]), (plot.y_ticks, BOX[1], BOX[3])):
        assert 1 <= len(ticks) <= 8
        assert all(low <= tick.at <= high for tick in ticks)
        assert len({tick.text for tick in ticks}) == len(ticks)


def test_what_lacks_a_number_is_left_out_and_one_model_is_no_chart():
    """No cost, no value, a cost that is not a number."""
    models = [model("a", 0.5, 1.0), model("b", None, 2.0), model("c", 0.5, None), model("d", 0.5, float("nan"))]
    assert scatter(models, COLUMN, COST) is None
    with_baseline = scatter([models[0], model("e", 0.4, 2.0, "baseline")], COLUMN, COST)
    assert [dot.kind for dot in with_baseline.dots] == ["one", "baseline"]


def test_an_assignment_has_no_chart_unless_it_names_a_cost(tmp_path):
    """The key is optional; where it is missing nothing is drawn."""
    assert Assignment(name="a", title="A", root=tmp_path, files=("a.py",)).cost is None
