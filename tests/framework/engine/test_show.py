"""The fixture `show`: what it draws of a model's answers, and that no answer can put anything else into a report."""

from __future__ import annotations

import base64
import io
import itertools
import json

import numpy as np
import pytest
from PIL import Image

from grader.data import Examples, hold_out
from grader.data.predictions import PredictionError
from grader.engine import drawing
from grader.engine.outcomes import CaseOutcome, CaseState, CheckSpec, combine
from grader.engine.show import Show
from grader.errors import AuthoringError
from grader.records import MAX_FIGURES, MAX_ROWS, MAX_SIDE, Report, Verdict
from grader.sandbox.faults import StudentError, TimeLimit

SECRET = bytes(range(32))
NAMES = ("grass", "sky", "cow")


def maps(count=2, side=8):
    """Pictures of three classes in stripes, with a void corner."""
    x = np.random.default_rng(0).random((count, 3, side, side), dtype=np.float32)
    y = np.tile(np.arange(side) % 3, (count, side, 1)).astype(np.int64)
    y[:, 0, 0] = -1
    return Examples(x, y, 3, NAMES)


def clips(count=6):
    """Clips of three classes in turn."""
    x = np.random.default_rng(0).random((count, 4, 1, 8, 8), dtype=np.float32)
    return Examples(x, np.arange(count) % 3, 3, NAMES)


def faces():
    """Two pictures with two points each."""
    x = np.zeros((2, 1, 16, 16), np.float32)
    return Examples(x, np.array([[[2, 3], [10, 3]], [[4, 5], [12, 9]]], np.float32), 0, ("left eye", "right eye"))


def drawn(method, examples, answer, **more):
    """The figures that one call draws of an answer."""
    case = CaseState()
    getattr(Show(case), method)(examples, answer if callable(answer) else lambda x: answer[: len(x)], **more)
    return case.figures


def pixels(drawing_):
    """A picture of a report, decoded: its pixels as RGB."""
    image = Image.open(io.BytesIO(base64.b64decode(drawing_.png)))
    assert image.format == "PNG"
    assert (image.width, image.height) == (drawing_.width, drawing_.height)
    return np.asarray(image.convert("RGB"))


# -- what is drawn -------------------------------------------------------------------------------------------------------


def test_masks_show_the_picture_the_truth_and_the_answer():
    """Each class has one colour in both maps and in the legend; void and what is no class have their own."""
    examples = maps()
    answer = np.where(examples.y == 2, 1, examples.y)
    answer[0, 1, 1] = 7
    (figure,) = drawn("masks", examples, answer, leaderboard=True)
    assert figure.leaderboard
    legend = {entry.name: entry.colour for entry in figure.legend}
    assert list(legend) == [*NAMES, "not labelled", "no class given"]
    assert len(set(legend.values())) == 5
    row = figure.rows[0]
    truth, predicted = pixels(row.truth), pixels(row.predicted)

    def shade(name):
        return [int(legend[name][k : k + 2], 16) for k in (1, 3, 5)]

    assert truth[0, 0].tolist() == shade("not labelled")
    assert truth[3, 2].tolist() == shade("cow")
    assert predicted[3, 2].tolist() == predicted[3, 1].tolist() == shade("sky")
    assert predicted[1, 1].tolist() == shade("no class given")
    assert row.missed == ("cow",)
    assert row.right == pytest.approx(((answer == examples.y) & (examples.y >= 0))[0].sum() / 63, abs=1e-4)


def test_scores_are_drawn_as_their_winners():
    """Scores with an axis of classes give the same figure as the labels that win."""
    examples = maps()
    labels = np.where(examples.y < 0, 0, examples.y)
    scores = np.eye(3)[labels].transpose(0, 3, 1, 2)
    assert drawn("masks", examples, scores) == drawn("masks", examples, labels)


def test_points_keep_to_the_picture():
    """A point that is not finite or far outside is left out; the distance is that of all, or none."""
    examples = faces()
    answer = np.array([[[2, 6], [10, 3]], [[np.nan, 5], [900, 9]]])
    (figure,) = drawn("points", examples, answer)
    first, second = figure.rows
    assert first.predicted == ((2, 6), (10, 3))
    assert (first.distance, first.farthest) == (1.5, "left eye")
    assert second.predicted == (None, None)
    assert (second.distance, second.farthest) == (None, "")


def test_clips_are_the_wrong_ones_worst_first():
    """Right clips are not shown; of the wrong ones, those first whose true class has the least share."""
    examples = clips()
    scores = 5 * np.eye(3)[examples.y]
    scores[1] = [9, 0, 0]
    scores[3] = [0, 0, 1]
    (figure,) = drawn("clips", examples, scores)
    assert [(row.truth, row.predicted) for row in figure.rows] == [("sky", "grass"), ("grass", "cow")]
    assert figure.rows[0].chance < figure.rows[1].chance
    assert figure.rows[0].frames == 4
    assert pixels(figure.rows[0].strip).shape == (8, 4 * 8 + 3, 3)
    assert "gets 4 right" in figure.description


def test_clips_that_are_all_right_leave_nothing_to_show():
    """The figure says so, and has no rows."""
    examples = clips()
    (figure,) = drawn("clips", examples, examples.y)
    assert figure.rows == ()
    assert "none to show" in figure.description


def test_a_confusion_counts_rows_by_truth():
    """`counts[t][p]`; void is left out, an answer that is no class stands apart."""
    examples = clips()
    (figure,) = drawn("confusion", examples, np.array([0, 0, 2, 0, -1, 2]))
    assert figure.classes == NAMES
    assert figure.counts == ((2, 0, 0), (1, 0, 0), (0, 0, 2))
    assert figure.unanswered == (0, 1, 0)
    (figure,) = drawn("confusion", maps(), maps().y.clip(0))
    assert sum(map(sum, figure.counts)) == 2 * 63


@pytest.mark.slow
def test_a_large_picture_is_made_smaller():
    """A report holds no picture that is larger than its bound, in pixels or in bytes."""
    noise = np.random.default_rng(0).integers(0, 256, (1500, 1200, 3), dtype=np.uint8)
    made = drawing.picture(noise)
    assert max(made.width, made.height) <= MAX_SIDE
    assert pixels(made).ndim == 3


def test_colours_differ():
    """Two classes that are neighbours in number are told apart, and none looks like void or nothing."""
    shades = [drawing.colour(k) for k in range(64)]
    assert len({*shades, drawing.VOID, drawing.NOTHING}) == 66

    def rgb(shade):
        return np.array([int(shade[k : k + 2], 16) for k in (1, 3, 5)])

    assert min(np.abs(rgb(a) - rgb(b)).sum() for a, b in itertools.pairwise(shades)) > 90


# -- what cannot get in --------------------------------------------------------------------------------------------------

HOSTILE = {
    "text": "<script>alert(1)</script>",
    "list of text": ["<b>"] * 6,
    "nothing": None,
    "objects": np.array([object()] * 6),
    "complex": np.zeros(6, np.complex64),
    "booleans": np.zeros(6, bool),
    "too many": np.zeros((10**6,), np.int8),
    "too few": np.zeros(1, np.int64),
    "no axis": np.float32(1.0),
    "many axes": np.zeros((1,) * 16),
    "empty": np.zeros((0, 8, 8)),
    "ragged": [[1, 2], [3]],
    "fractions": np.full(6, 0.5),
    "wide": np.zeros((6, 10**5)),
    "dict": {"a": 1},
    "bytes": b"\x89PNG\r\n",
}


@pytest.mark.parametrize("method", ["masks", "clips", "confusion", "points"])
@pytest.mark.parametrize("value", HOSTILE.values(), ids=HOSTILE)
def test_an_answer_of_another_kind_is_not_drawn(method, value):
    """The report says in a sentence why there is no picture; nothing of the answer is in it."""
    examples = {"masks": maps(6), "points": faces()}.get(method, clips())
    figures = drawn(method, examples, lambda x: value)
    assert [figure.kind for figure in figures] == ["missing"]
    assert figures[0].description.startswith("There is nothing to draw: ")
    text = figures[0].model_dump_json()
    assert len(text) < 1000
    assert "<" not in text


@pytest.mark.parametrize(
    "value",
    [np.nan, np.inf, -np.inf, 1e300, -1e300, np.float16(60000), 2**62, -(2**62), 255],
    ids=str,
)
@pytest.mark.parametrize("method", ["masks", "clips", "confusion", "points"])
def test_extreme_numbers_are_no_class_and_no_point(method, value):
    """Right shape, absurd numbers: a figure is drawn, all in it is finite, and no class is made up."""
    examples = {"masks": maps(6), "points": faces()}.get(method, clips())
    (figure,) = drawn(method, examples, np.full(np.shape(examples.y), value))
    json.loads(figure.model_dump_json(), parse_constant=lambda name: pytest.fail(f"{name} in a report"))
    if method == "masks":
        assert "no class given" in [entry.name for entry in figure.legend]
    elif method == "confusion":
        assert figure.unanswered == (2, 2, 2)
    elif method == "clips":
        assert {row.predicted for row in figure.rows} == {""}
    else:
        assert {point for row in figure.rows for point in row.predicted} == {None}


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e308, -1e308], ids=str)
@pytest.mark.parametrize("method", ["masks", "clips", "confusion"])
def test_extreme_scores(method, value):
    """Scores of the right shape and absurd size are drawn without an overflow."""
    examples = maps(6) if method == "masks" else clips()
    shape = (6, 3, *np.shape(examples.y)[1:])
    scores = np.zeros(shape)
    scores[:, 1] = value
    (figure,) = drawn(method, examples, scores)
    json.loads(figure.model_dump_json(), parse_constant=lambda name: pytest.fail(f"{name} in a report"))


@pytest.mark.parametrize(
    "error",
    [
        StudentError("ValueError", "<img src=x onerror=y>\x1b[31m" + "x" * 10_000),
        TimeLimit("too slow"),
        PredictionError("odd"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_fault_of_the_students_draws_nothing_and_costs_nothing(error):
    """Whatever the student's code raises while a picture is made, the case goes on."""

    def predict(x):
        raise error

    (figure,) = drawn("confusion", clips(), predict)
    assert figure.kind == "missing"
    assert len(figure.description) < 800
    assert "\x1b" not in figure.description


def test_a_fault_of_the_suites_own_is_not_hidden():
    """A bug in the author's function is a grader error, as anywhere else."""
    with pytest.raises(ZeroDivisionError):
        drawn("confusion", clips(), lambda x: 1 / 0)


# -- what authors may ask for --------------------------------------------------------------------------------------------


def test_the_secret_part_cannot_be_shown():
    """`show` takes what `held_out.examples` gives, and these are public: none of them is an input of the test part."""
    held_out = hold_out({"set": "digits8x8", "train": 50, "test": 40, "array": "numpy"}, SECRET)
    with pytest.raises(AuthoringError, match=r"held_out\.examples"):
        drawn("confusion", held_out, lambda x: x)
    with pytest.raises(AuthoringError, match="public examples alone"):
        drawn("confusion", (held_out.inputs, np.zeros(40)), lambda x: x)
    examples = held_out.examples(30)
    secret = {picture.tobytes() for picture in held_out.inputs}
    assert len(examples) == 30
    assert not secret & {picture.tobytes() for picture in examples.x}


def test_examples_follow_the_training_part():
    """They are the validation part where there is one, are no training samples, and are as many as there are at most."""
    config = {"set": "digits8x8", "train": 50, "validation": 20, "test": 40, "array": "numpy"}
    held_out = hold_out(config, SECRET)
    examples = held_out.examples(15)
    assert np.array_equal(examples.x, held_out.validation[0][:15])
    assert np.array_equal(examples.y, held_out.validation[1][:15])
    trained = {picture.tobytes() for picture in held_out.train[0]}
    many = held_out.examples(100_000)
    assert 20 < len(many) < 100_000
    assert not trained & {picture.tobytes() for picture in many.x}
    assert many.names == tuple("0123456789")
    many.x[:] = 0
    assert held_out.examples(1).x.any()


@pytest.mark.parametrize(("method", "examples"), [("points", maps()), ("masks", faces()), ("clips", faces())])
def test_a_method_for_another_kind_of_target_is_refused(method, examples):
    """Points where there are classes, or the other way round, are the author's mistake."""
    with pytest.raises(AuthoringError, match="have"):
        drawn(method, examples, lambda x: x)


@pytest.mark.parametrize("count", [0, MAX_ROWS + 1])
def test_rows_have_a_bound(count):
    """A figure of more rows than a report holds is refused where it is asked for."""
    with pytest.raises(AuthoringError, match="rows"):
        drawn("masks", maps(), maps().y, count=count)


def test_figures_have_a_bound():
    """So is one figure too many, and a check of many cases keeps the first."""
    case = CaseState()
    show = Show(case)
    for _ in range(MAX_FIGURES):
        show.confusion(clips(), lambda x: clips().y)
    with pytest.raises(AuthoringError, match="figures"):
        show.confusion(clips(), lambda x: clips().y)
    outcome = CaseOutcome(Verdict.ACCEPTED, 1.0, figures=tuple(case.figures))
    assert len(combine(CheckSpec("a", "A", 1.0), [outcome, outcome]).figures) == MAX_FIGURES


def test_nothing_is_asked_where_no_figure_is_wanted():
    """Measuring a grader by mutants runs no model for pictures that nobody sees."""
    case = CaseState()
    Show(case, wanted=False).masks(maps(), lambda x: pytest.fail("the model was run"))
    assert case.figures == []


def test_figures_survive_being_stored():
    """A report with every kind of figure is the same after JSON."""
    figures = (
        *drawn("masks", maps(), maps().y),
        *drawn("points", faces(), faces().y),
        *drawn("clips", clips(), np.zeros(6)),
        *drawn("confusion", clips(), "no"),
    )
    check = combine(CheckSpec("a", "A", 1.0), [CaseOutcome(Verdict.ACCEPTED, 1.0, figures=figures)])
    report = Report(
        assignment="a", verdict=Verdict.ACCEPTED, score=1, max_score=1, checks=(check,), seed=1, profile="cpu",
        grader_version="f", submission_digest="a",
    )  # fmt: skip
    assert Report.model_validate_json(report.model_dump_json()) == report
    assert [figure.kind for figure in report.checks[0].figures] == ["masks", "points", "clips", "missing"]
