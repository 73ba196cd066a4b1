"""The fixture ``constants``: what it compares, what it says, and what hostile values do to it."""

from __future__ import annotations

import numpy as np
import pytest

from grader.checks import CheckFailed
from grader.engine.outcomes import CaseState
from grader.engine.own_constants import CheckedConstants, Draws
from grader.errors import AuthoringError
from grader.records import MAX_AGREEING

OWN = {"width": 28, "rate": 0.1, "flag": True, "word": "blue"}
DEFAULTS = {"width": 16, "rate": 0.5, "flag": False, "word": "none"}
OTHERS = [OWN, {**OWN, "width": 32, "rate": 0.2}, {**OWN, "width": 36, "word": "red"}, {**OWN, "width": 32}]


@pytest.fixture
def case():
    """What the case gathers."""
    return CaseState()


@pytest.fixture
def constants(case):
    """The fixture, as a check gets it."""
    return CheckedConstants("wide", Draws(OWN, OTHERS), DEFAULTS, case, "test_it")


def test_values_are_read_by_name_and_a_wrong_one_is_the_authors(constants):
    """The nearest name is in the error."""
    assert constants.width == constants["width"] == 28
    assert dict(constants) == OWN
    with pytest.raises(AuthoringError, match="no constant 'widht'") as error:
        _ = constants.widht
    assert "'width'" in error.value.fix


@pytest.mark.parametrize(
    "found",
    [
        {"width": 28},
        {"width": 28.0},
        {"width": np.array([28])},
        {"width": np.int64(28)},
        {"rate": np.float32(0.1)},
        {"flag": True},
        {"word": "blue", "width": 28},
    ],
)
def test_own_values_pass_in_every_form_that_a_submission_may_show(constants, case, found):
    """A number, an array of one entry, a float32."""
    constants.assert_own(**found)
    assert not case.agreements


@pytest.mark.parametrize(
    "value",
    [
        float("nan"),
        float("inf"),
        -float("inf"),
        1e300,
        10**400,
        28.5,
        True,
        "28",
        "x" * 10**6 + "\x00\x1b[31m",
        None,
        [],
        [28, 28],
        {"a": 28},
        object(),
        np.zeros(0),
        np.full(10**6, 28),
        complex(28, 1),
        np.array(["28"], dtype=object),
        b"28",
    ],
)
def test_whatever_a_submission_shows_the_check_fails_shortly_and_nothing_else(constants, case, value):
    """The message names the student's own value; nothing is raised that would be the suite's fault."""
    with pytest.raises(CheckFailed) as error:
        constants.assert_own(width=value)
    assert error.value.message.startswith("`width` should be 28, your own value of this constant; here it is ")
    assert len(error.value.message) < 200
    assert error.value.message.isprintable()
    assert not case.agreements


@pytest.mark.parametrize("value", [1, 0, 1.0, "True"])
def test_a_truth_value_is_no_number(constants, value):
    """To Python, True is 1."""
    with pytest.raises(CheckFailed):
        constants.assert_own(flag=value)


def test_the_value_of_another_is_noted_and_the_student_reads_of_their_own_alone(constants, case):
    """Each value once, though several students have it."""
    with pytest.raises(CheckFailed) as error:
        constants.assert_own(width=np.array(32))
    assert error.value.message == "`width` should be 28, your own value of this constant; here it is 32."
    assert [(item.check, item.values) for item in case.agreements] == [("test_it", ({"width": 32},))]


def test_two_values_of_two_others_agree_with_nobody(constants, case):
    """Only what one person has together is noted."""
    with pytest.raises(CheckFailed):
        constants.assert_own(width=36, rate=0.2)
    assert not case.agreements
    with pytest.raises(CheckFailed):
        constants.assert_own(width=32, rate=0.2)
    assert case.agreements[0].values == ({"width": 32, "rate": 0.2},)


def test_the_default_is_said_to_be_what_everybody_starts_with(constants, case):
    """It is the commonest mistake, and no sign of anybody else's work."""
    with pytest.raises(CheckFailed, match="everybody starts with: put in your own"):
        constants.assert_own(width=16)
    assert not case.agreements


def right(own):
    """What an answer should be."""
    return np.arange(4) * own.width


def test_an_answer_is_compared_with_what_the_students_own_constants_give(constants, case):
    """The message says which were used; options go to the comparison."""
    constants.assert_close(np.arange(4) * 28, right)
    constants.assert_close(np.arange(4) * 28 + 0.5, right, atol=1.0)
    with pytest.raises(CheckFailed) as error:
        constants.assert_close(np.arange(4) * 32, right, name="y")
    assert "compared with what your own constants give: width = 28." in error.value.message
    assert case.agreements[0].values == ({"width": 32},)


def test_an_answer_with_the_defaults_is_no_agreement(constants, case):
    """Nor is one that nobody's constants give."""
    with pytest.raises(CheckFailed, match="put in your own"):
        constants.assert_close(np.arange(4) * 16, right)
    with pytest.raises(CheckFailed):
        constants.assert_close(np.arange(4) * 17, right)
    assert not case.agreements


@pytest.mark.parametrize("answer", [None, "x", float("nan"), np.full(4, np.inf), np.full(4, 1e300), [], {}])
def test_a_hostile_answer_fails_the_comparison_alone(constants, case, answer):
    """As in ``assert_close``."""
    with pytest.raises(CheckFailed):
        constants.assert_close(answer, right)
    assert not case.agreements


def test_what_cannot_be_computed_for_others_is_no_agreement(constants, case):
    """An error for the student's own is the suite's; for others it is nobody's."""

    def picky(own):
        if own.width != 28:
            raise ValueError("no")
        return np.arange(4) * own.width

    with pytest.raises(CheckFailed):
        constants.assert_close(np.arange(4) * 32, picky)
    assert not case.agreements


def test_many_draws_that_agree_are_noted_up_to_a_bound(case):
    """A report stays small, whatever the size of a class."""
    others = [{"width": 28, "rate": float(n)} for n in range(1000)]
    constants = CheckedConstants(
        "wide", Draws({"width": 28, "rate": -1.0}, others), {"width": 0, "rate": -2.0}, case, "t"
    )
    with pytest.raises(CheckFailed):
        constants.assert_close(np.ones(2), lambda own: np.ones(2) * (own.rate >= 0))
    assert len(case.agreements[0].values) == MAX_AGREEING


def test_a_comparison_that_uses_no_constant_says_nothing_of_them(constants, case):
    """Then the message is that of ``assert_close``."""
    with pytest.raises(CheckFailed) as error:
        constants.assert_close(1.0, lambda own: 2.0)
    assert "own constants" not in error.value.message
    assert not case.agreements
