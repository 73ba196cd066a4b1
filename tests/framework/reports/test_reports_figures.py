"""Figures on the pages: what a model did with public examples, with words and a table, and on the leaderboard."""

from __future__ import annotations

import re
from datetime import timedelta
from types import SimpleNamespace

import numpy as np
import pytest

from grader.checks.close import CheckFailed, assert_close
from grader.checks.wrong_map import wrong_map
from grader.data import Examples
from grader.engine.outcomes import CaseOutcome, CaseState, CheckSpec, combine, judge
from grader.engine.show import Show
from grader.records import ConfusionFigure, LegendEntry, MaskFigure, Verdict
from grader.reports import formatting, leaderboard
from grader.reports.formatting import DASH
from tests.framework.reports.test_reports import DUE, HOSTILE, NOW, SECRET, Page, check, course, entry, give, report

__all__ = ["course"]


def figures(names=("grass", "sky", "cow"), *, shift=0, seed=0):
    """One figure of each kind."""
    rng = np.random.default_rng(seed)
    maps = Examples(rng.random((2, 3, 8, 8), dtype=np.float32), np.tile(np.arange(8) % 3, (2, 8, 1)), 3, names)
    clips = Examples(rng.random((6, 4, 1, 8, 8), dtype=np.float32), np.arange(6) % 3, 3, names)
    faces = Examples(rng.random((2, 1, 16, 16), dtype=np.float32), np.full((2, 3, 2), 5.0, np.float32), 0, names)
    case = CaseState()
    show = Show(case)
    show.masks(maps, lambda x: (maps.y + shift) % 3, leaderboard=True)
    show.clips(clips, lambda x: np.zeros(6))
    show.points(faces, lambda x: faces.y + 1.0)
    show.confusion(clips, lambda x: np.zeros(6))
    return tuple(case.figures)


def missing():
    """A figure that could not be drawn, for a reason of the student's."""
    case = CaseState()
    examples = Examples(np.zeros((1, 1, 8, 8)), np.zeros(1, np.int64), 3, ("a", "b", "c"))
    Show(case).confusion(examples, lambda x: None)
    return tuple(case.figures)


def test_a_figure_has_words_and_a_table(course):
    """Each has a title, a description that it is tied to, and a table; each picture says what it is."""
    page = give(course, report(check(figures=figures())))
    cards = re.findall(r'<figure class="card figure".*?</figure>', page.source, re.DOTALL)
    assert len(cards) == 4
    for card in cards:
        (about,) = re.findall(r'aria-describedby="([^"]+)"', card)
        assert f'id="{about}"' in card
        assert "<h3" in card
        assert "<table>" in card
        assert re.search(r'<th scope="row">', card)
        assert all(re.search(r'alt="[^"]{5,}"', image) for image in re.findall(r"<img[^>]*>", card))
        for svg in re.findall(r"<svg.*?</svg>", card, re.DOTALL):
            assert "<title" in svg
            assert "<desc" in svg
    ids = [value for name, value in page.attributes if name == "id"]
    assert len(ids) == len(set(ids))
    assert 'href="#test_a-1"' in page.source
    assert "sky, classified as grass" in page.text


@pytest.mark.parametrize(
    "history", [[2.0, 1.0, 0.5], [1.0], [float("nan")], [1e300, 1.0, float("inf"), 1e9], range(500)]
)
def test_a_training_curve_has_lines_words_and_a_table(course, history):
    """Its lines differ without colour, every value is in the table, and no number that is not finite is on the page."""
    case = CaseState()
    Show(case).curve(list(history), reference=[2.0, 0.8])
    page = give(course, report(check(figures=tuple(case.figures))))
    (card,) = re.findall(r'<figure class="card figure".*?</figure>', page.source, re.DOTALL)
    assert 'class="curve reference"' in card
    assert "The reference's" in card
    assert len(re.findall(r'<tr><th scope="row">', card)) >= min(len(history), 2)
    drawing = card.replace("NaN, infinite", "").replace("nfinite", "")
    assert not re.search(r"\bnan\b|\binf\b", drawing, re.IGNORECASE)
    assert "How your model trained" in page.text


def test_a_confusion_is_in_its_table(course):
    """How many, how many right, and what they were taken for: without the colours, too."""
    page = give(course, report(check(figures=figures()[3:])))
    assert f"grass 2 100 % {DASH}" in page.text
    assert "cow 2 0 % grass 100 %" in page.text


def test_what_a_class_is_taken_for():
    """The most frequent first, and answers that are no class among them."""
    figure = ConfusionFigure(
        title="", description="", classes=("a", "b", "c", "d", "e"),
        counts=((9, 1, 0, 3, 4), *(((0,) * 5,) * 4)), unanswered=(2, 0, 0, 0, 0),
    )  # fmt: skip
    assert formatting.confused(figure, 0) == [("e", 4), ("d", 3), ("no class", 2)]
    assert formatting.confused(figure, 1) == []


def test_what_could_not_be_drawn_says_why(course):
    """A card with the reason, and no picture."""
    page = give(course, report(check(figures=missing())))
    assert "There is nothing to draw: your model's predictions should be an array of numbers" in page.text
    assert not {"img", "svg"} & set(page.tags)


def test_no_figures_no_heading(course):
    """A page without figures has no place for them."""
    assert "What your model did" not in give(course, report(check())).text


@pytest.mark.parametrize("visibility", ["hidden", "after_due"])
def test_figures_are_kept_back_with_the_message(course, visibility):
    """What a check keeps to itself, or for later, includes its figures, on the page and in the JSON."""
    early = DUE - timedelta(days=1)
    page = give(course, report(check(visibility=visibility, figures=figures())), now=early)
    assert not {"img", "svg"} & set(page.tags)
    assert "png" not in (course.root / "feedback/ada/report.json").read_text()
    later = give(course, report(check(visibility=visibility, figures=figures())))
    assert ("img" in later.tags) is (visibility == "after_due")


def test_names_in_figures_are_inert(course):
    """A class may be called anything, as its folder is."""
    names = (HOSTILE[:60], "=1+1", "&lt;")
    page = give(course, report(check(figures=figures(names))))
    assert "script" not in page.tags
    assert not any(name.startswith("on") for name, _ in page.attributes)
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f\u202e]", page.source)


def test_pictures_are_in_the_page(course):
    """Each source is a PNG within the page, which the policy allows and nothing else."""
    page = give(course, report(check(figures=figures())))
    sources = [value for name, value in page.attributes if name in ("src", "href") and not value.startswith("#")]
    pictures = [value for value in sources if value != "report.json"]
    assert len(pictures) >= 8
    assert all(re.fullmatch(r"data:image/png;base64,[A-Za-z0-9+/]+=*", value) for value in pictures)
    (policy,) = re.findall(r'content="(default-src[^"]*)"', page.source)
    assert "default-src 'none'" in policy
    assert "img-src data:;" in policy
    assert "script-src" not in policy


@pytest.mark.parametrize(
    "wrong",
    [{"png": 'x" onerror="alert(1)'}, {"png": ""}, {"png": "A" * 300_000}, {"width": 10**6}, {"height": 0}],
    ids=["markup", "empty", "large", "wide", "flat"],
)
def test_a_report_holds_nothing_else_as_a_picture(wrong):
    """A report whose picture is no Base64, or out of bounds, cannot be read, wherever it comes from."""
    data = figures()[0].model_dump()
    data["rows"][0]["picture"].update(wrong)
    with pytest.raises(ValueError, match="picture"):
        MaskFigure.model_validate(data)


def test_a_colour_is_a_colour():
    """It goes into a style attribute, so it can be nothing else."""
    with pytest.raises(ValueError, match="colour"):
        LegendEntry(name="a", colour="red; background: url(x)")


# --- on the leaderboard


def board(course, entries):
    """The leaderboard's page."""
    path = leaderboard.write_leaderboard(
        entries, course=course, assignment=course.assignment("backprop"), folder=course.root / "board", now=NOW
    )
    return Page(path)


def drawn(handle, accuracy, figure, **more):
    """An entry with a figure."""
    made = entry(handle, accuracy, **more)
    return leaderboard.LeaderboardEntry(
        made.handle, made.received_at, made.score, made.max_score, made.passed, made.metrics, figure
    )


def test_the_leaderboard_shows_one_picture_by_every_model(course):
    """The picture and its truth once, then each model's answer in the order of the ranks, under handles."""
    best, worse = figures()[0], figures(shift=1)[0]
    page = board(course, [drawn("second", 0.2, worse), drawn("first", 0.9, best), entry("none", 0.5)])
    gallery = page.source.partition('id="gallery"')[2]
    assert gallery.count("<img") == 4
    shown = [gallery.index(text) for text in ("The picture", "Truth", "<b>1</b> first", "<b>3</b> second")]
    assert shown == sorted(shown)
    assert best.rows[0].predicted.png in gallery
    assert worse.rows[0].predicted.png in gallery
    assert "second 0 % grass, sky, cow" in page.text


def test_pictures_of_another_grader_version_are_left_out(course):
    """Answers are compared on one picture; one that was drawn on another stays away, and so does what is not scored."""
    other, same = figures(seed=1)[0], figures()[0]
    held = drawn("held", None, same, score=None)
    page = board(course, [drawn("a", 0.9, same), drawn("b", 0.8, other), drawn("c", 0.7, figures(shift=1)[0]), held])
    gallery = page.source.partition('id="gallery"')[2]
    assert gallery.count("<img") == 4
    assert "<b>2</b> b" not in gallery
    assert "held" not in gallery


def test_without_figures_there_is_no_gallery(course):
    """As on every leaderboard of an assignment that draws none."""
    assert 'id="gallery"' not in board(course, [entry()]).source


@pytest.mark.parametrize(
    ("visibility", "score", "shown"),
    [("visible", 5.0, True), ("after_due", 5.0, False), ("hidden", 5.0, False), ("visible", None, False)],
)
def test_only_what_everybody_may_see_goes_onto_the_leaderboard(visibility, score, shown):
    """A figure of a check that keeps something back stays away, and so does one of an attempt without a score."""
    row = SimpleNamespace(
        handle="ada", submission=SimpleNamespace(received_at=DUE), final_score=score, max_score=9.0, metrics={}
    )
    made = leaderboard.entry_of(row, secret=SECRET, report=report(check(visibility=visibility, figures=figures())))
    assert (made.figure is not None) is shown


def test_a_figure_goes_onto_the_leaderboard_on_wish_alone():
    """The author says so where it is drawn."""
    figure = figures()[0].model_copy(update={"leaderboard": False})
    assert leaderboard._figure(report(check(figures=(figure,)))) is None


def wrong(name="dw", shape=(4, 8), *at):
    """The figure of a check in which ``name`` is wrong at some places."""
    got, right = np.zeros(shape), np.zeros(shape)
    for place in at:
        got[place] = 1.0
    state = CaseState()
    try:
        assert_close(got, right, name=name)
    except CheckFailed as error:
        judge(error, state)
    return tuple(state.figures)


def test_a_value_that_is_wrong_in_places_has_a_map_of_where():
    """Which entries, and not a word of what is right there; none where all or none are wrong, or the check is apart."""
    (figure,) = wrong("dw", (4, 8), (1, slice(2, 5)), (3, 7))
    assert figure.kind == "wrong"
    assert figure.cells == ("00000000", "00999000", "00000000", "00000009")
    assert figure.title == "Where it is wrong: dw"
    assert "4 of 32 entries are wrong; its shape is 4x8" in figure.description
    assert wrong("dw", (4, 8), slice(None)) == ()
    assert wrong("dw", (2,), 0) == ()
    apart = CaseState(apart=True)
    error = CheckFailed("dw is wrong", where=wrong_map("dw", np.eye(4, dtype=bool)))
    judge(error, apart)
    assert apart.figures == []


def test_a_large_array_has_a_small_map():
    """At most 24 rows and 32 columns: a cell that is wrong in part is seen, and told from one that is wrong throughout."""
    mask = np.zeros((3, 100, 320), dtype=bool)
    mask[0, 50, 160] = True
    mask[:, :10, :20] = True
    found = wrong_map("x", mask)
    assert (len(found.cells), len(found.cells[0])) == (24, 32)
    assert found.cells[0][0] == 9
    assert found.cells[12][16] == 1
    assert found.wrong == 601


def test_the_map_of_where_stands_beside_its_message(course):
    """In the check's row, with words and a table; not among what a model did, and not where the check is hidden."""
    drawn = wrong("dw", (4, 8), (1, slice(2, 5)), (3, 7))
    page = give(course, report(check(figures=drawn)))
    assert "Where it is wrong: dw" in page.text
    assert "What your model did" not in page.text
    assert "1 2 to 4 3 7" in page.text  # row 1, columns 2 to 4; row 3, column 7
    assert page.source.count('class="off"') == 4
    hidden = give(course, report(check(figures=drawn, visibility="hidden")))
    assert "Where it is wrong: dw" not in hidden.text


def test_a_check_of_several_cases_has_one_map():
    """That of the first case that has one; other figures stay."""
    first, second = wrong("a", (4, 8), (0, 1)), wrong("b", (4, 8), (0, 2))
    cases = [CaseOutcome(Verdict.WRONG_ANSWER, figures=item) for item in (first, second, missing())]
    made = combine(CheckSpec("test_a", "A", 4.0), cases)
    assert [figure.title for figure in made.figures] == ["Where it is wrong: a", missing()[0].title]
