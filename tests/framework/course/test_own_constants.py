"""Constants of each student's own: how autograde.yml describes them, and what is drawn for whom."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from grader.course import grader_version, load_course
from grader.course.constants import draw_index
from grader.course.drawn_constants import constants_of, defaults_of, described, trial_draws, with_constants
from grader.errors import AuthoringError, CourseError
from tests.support.own_constants import COURSE, NET, write

SECRET = bytes(range(32))
WIDTH = "width: {choices: [24, 28, 32, 36], default: 16, file: net.py, about: units of the hidden layer}"


@pytest.fixture
def wide(tmp_path):
    """The assignment."""
    return load_course(write(tmp_path)).assignment("wide")


def test_an_owner_always_has_the_same_values_and_they_depend_on_secret_assignment_owner_and_name(wide):
    """Nothing is stored: what is drawn must be drawn again, and one student's values say nothing of another's."""
    drawn = {owner: constants_of(wide, SECRET, owner) for owner in (f"s{n}" for n in range(200))}
    assert drawn == {owner: constants_of(wide, SECRET, owner) for owner in drawn}
    assert len({tuple(values.values()) for values in drawn.values()}) > 150
    assert drawn["s1"] != constants_of(wide, bytes(32), "s1")
    assert drawn["s1"] != constants_of(replace(wide, name="other"), SECRET, "s1")
    assert all(1000 <= values["start"] <= 9999 for values in drawn.values())


@pytest.mark.parametrize("count", [2, 3, 7])
def test_every_value_is_as_likely(count):
    """Three of 2^128 values would be left over; the chi-square statistic stays where chance puts it."""
    draws = 6000
    found = Counter(draw_index(SECRET, "wide", f"s{n}", "width", count) for n in range(draws))
    expected = draws / count
    assert set(found) == set(range(count))
    assert sum((found[k] - expected) ** 2 / expected for k in range(count)) < 30


def test_one_more_constant_changes_no_other(wide):
    """An author adds one while students have theirs."""
    one = replace(wide, constants={"width": wide.constants["width"]})
    assert constants_of(one, SECRET, "ada") == {"width": constants_of(wide, SECRET, "ada")["width"]}


def test_what_was_received_before_there_were_constants_has_the_defaults(wide):
    """Nobody could know values that were not there yet."""
    since = datetime(2026, 12, 1, tzinfo=UTC)
    later = replace(wide, constants_since=since)
    assert (
        constants_of(later, SECRET, "ada", since - timedelta(seconds=1))
        == defaults_of(wide)
        == {"width": 16, "start": 0}
    )
    assert constants_of(later, SECRET, "ada", since) == constants_of(wide, SECRET, "ada")


def test_a_given_value_takes_the_place_of_the_drawn_one_and_the_version_keeps_no_name(tmp_path):
    """An id that was renamed keeps its value; a machine that grades learns of no id."""
    text = COURSE.replace(WIDTH, WIDTH.replace("default: 16", "default: 16, given: {grace: 36, emmy: 24}"))
    given = load_course(write(tmp_path, text)).assignment("wide")
    assert [constants_of(given, SECRET, owner)["width"] for owner in ("grace", "emmy")] == [36, 24]
    plain = load_course(write(tmp_path / "plain")).assignment("wide")
    assert grader_version(given, "cpu") != grader_version(plain, "cpu")
    assert constants_of(given, SECRET, "ada") == constants_of(plain, SECRET, "ada")


def test_an_assignment_without_constants_has_the_version_that_it_had(tmp_path):
    """No class is graded again because there could be constants."""
    from grader.course.identity import grading_config

    text = COURSE[: COURSE.index("    constants:")] + COURSE[COURSE.index("    profiles:") :]
    assignment = load_course(write(tmp_path, text)).assignment("wide")
    assert "constants" not in grading_config(assignment, "cpu")


def test_a_solution_is_rewritten_by_its_line_alone(wide):
    """Everything else stays, bytes that are no ASCII among it."""
    found = with_constants(wide, {"net.py": NET.encode()}, {"width": 28, "start": 1234})["net.py"].decode()
    assert found == NET.replace("WIDTH = 16", "WIDTH = 28").replace("SEED: int = 0", "SEED: int = 1234")


@pytest.mark.parametrize(
    "text", ["", "WIDTH = 17", "WIDTH = 16\nWIDTH = 16", "WIDTH = 16.0", "WIDTH = 8 + 8", "def f():\n    WIDTH = 16"]
)
def test_a_solution_that_does_not_hold_its_default_is_named(wide, text):
    """The error says what to write, and where."""
    with pytest.raises(AuthoringError, match=r"`WIDTH` once.*16") as error:
        with_constants(wide, {"net.py": text.encode()}, {"width": 28})
    assert "WIDTH = 16" in error.value.fix


def test_trials_cover_every_choice_and_both_ends_of_a_range(wide):
    """A suite that works with some values alone is noticed."""
    draws = list(trial_draws(wide))
    assert {draw["width"] for draw in draws} == {24, 28, 32, 36}
    assert {1000, 9999} < {draw["start"] for draw in draws}
    assert draws == list(trial_draws(wide))
    assert not list(trial_draws(replace(wide, constants={})))


def test_students_learn_the_line_to_write(wide):
    """Name, value, what it is, and where it goes."""
    assert [one.written for one in described(wide, {"width": 28, "start": 7})] == ["WIDTH = 28", "SEED = 7"]
    assert described(wide, {"width": 28, "gone": 1})[-1].name == "gone"


@pytest.mark.parametrize(
    ("entry", "where", "words"),
    [
        ("width: {choices: [24], default: 16}", "constants.width.choices", "nothing to draw from"),
        ("width: {choices: [24, 24], default: 16}", "constants.width.choices", "listed twice"),
        ("width: {choices: [1, true], default: 16}", "constants.width.choices", "another type"),
        ("width: {choices: [24, 28.0], default: 16}", "constants.width.choices", "another type"),
        ("width: {choices: [24, 28], default: '16'}", "constants.width.default", "another type"),
        ("width: {choices: [24, 28]}", "constants.width", "default"),
        ("width: {default: 16}", "constants.width", "`choices` or `range`"),
        ("width: {choices: [1, 2], range: [1, 2], default: 16}", "constants.width", "one of the two"),
        ("width: {range: [9, 9], default: 16}", "constants.width.range", "not less than"),
        ("width: {range: [1, 99999999999999999999], default: 16}", "constants.width.range", "too large"),
        ("width: {choices: [.nan, 1.0], default: 1.0}", "constants.width.choices", ""),
        ('width: {choices: ["a\\n", b], default: b}', "constants.width.choices", "printable"),
        ("width: {choices: [24, 28], default: 16, file: nit.py}", "constants.width.file", "not among"),
        ("width: {choices: [24, 28], default: 16, variable: W}", "constants.width.variable", "needs the file"),
        ("width: {choices: [24, 28], default: 16, given: {adda: 24}}", "constants.width.given", "did you mean `ada`"),
        ("width: {choices: [24, 28], default: 16, given: {ada: 25}}", "constants.width.given", "neither"),
        ("width: {choises: [24, 28], default: 16}", "constants.width", "choices"),
        ("class: {choices: [24, 28], default: 16}", "constants.class", "name of a constant"),
        (
            "a: {choices: [1, 2], default: 0, file: net.py, variable: X}\n      x: {choices: [1, 2], default: 0, file: net.py}",
            "constants.x",
            "already",
        ),
    ],
)
def test_a_mistake_is_reported_at_its_line_and_key(tmp_path, entry, where, words):
    """With what to write in its place."""
    start = COURSE[: COURSE.index("      width:")]
    path = write(tmp_path, f"{start}      {entry}\n" + COURSE[COURSE.index("    profiles:") :])
    with pytest.raises(CourseError) as error:
        load_course(path)
    told = str(error.value)
    lines = start.count("\n") + 1
    assert where in told
    assert words in told
    assert any(f":{line}" in told or f"line {line}" in told for line in (lines, lines + 1)), told


def test_constants_since_needs_constants_and_a_date(tmp_path):
    """A key that does nothing is a mistake."""
    for text, words in (
        ("    constants_since: soon\n", "not a date"),
        ("    constants_since: 2026-12-01\n", "no `constants`"),
    ):
        without = COURSE[: COURSE.index("    constants:")] + COURSE[COURSE.index("    profiles:") :]
        with pytest.raises(CourseError, match=words):
            load_course(write(tmp_path, without + text))
