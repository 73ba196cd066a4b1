"""Text of others: made printable, cut to a screen, and safe in a spreadsheet."""

from __future__ import annotations

import pytest

from grader import text
from grader.text import agreeing, counted


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("a\r\nb", "a\nb"),
        ("10%\r20%\r100%\ndone\r", "100%\ndone"),
        ("\x1b]8;;http://x\x07link\x1b]8;;\x07", "link"),
        ("\x1b[2K\x1b[1A\x9b31mx", "31mx"),
        ("tab\tkept", "tab\tkept"),
        ("a\u2028b", "a\nb"),
        ("naïve ä 数据 🙂", "naïve ä 数据 🙂"),
    ],
)
def test_cleaning(raw, shown):
    """Progress bars show their last state; what is readable stays."""
    assert text.clean(raw) == shown


def test_a_screenful_leaves_short_text_alone():
    """And ends a long line where a screen would."""
    assert text.screenful("a\nb\n") == "a\nb"
    assert text.screenful("x" * 1000) == "x" * text.MAX_LINE + " [...]"


def test_a_cut_text_says_so():
    """At most `limit` characters are read and given; the last is an ellipsis where there was more."""
    assert text.clean("abcdef", 6) == "abcdef"
    assert text.clean("abcdefg", 6) == "abcde…"
    assert text.clean("\x1b[31m" * 10 + "x", 20) == "…"


def test_what_is_no_plain_string_is_not_asked():
    """A subclass of str may lie in each of its methods, and any value about its class."""

    class Liar(str):
        __slots__ = ()

        def replace(self, *_):
            raise AssertionError("called")

        split = rpartition = __str__ = replace

    class Claims:
        __class__ = str

    assert text.clean(Liar("x\x00y")) == "xy"
    assert text.clean(Claims()) == "?"
    assert text.clean(None) == "?"


def test_a_screenful_keeps_both_ends_and_names_the_gap():
    """What an exception says stands at the end, what led there at the beginning."""
    shown = text.screenful("\n".join(f"line {n}" for n in range(1000)), lines=12, chars=200).split("\n")
    assert shown[0] == "line 0"
    assert shown[-1] == "line 999"
    assert text.GAP in shown
    assert len(shown) == 8 + 1 + 4


def test_a_screenful_holds_its_limits():
    """Ten lines of a megabyte each come to no more than a screen."""
    shown = text.screenful("\n".join(["y" * 10**6] * 10), chars=1000, width=100)
    assert len(shown) < 1000 + 10 * len(" [...]") + len(text.GAP) + 20


@pytest.mark.parametrize(
    "cell", ["=1+1", "+1", "-1", "@x", "\t=1", " =1", "\u00a0=1", "\uff1d1", "\r=1", "\x1b[0m=1", "\u200b=1", "\n=1"]
)
def test_no_text_is_a_formula(cell):
    """An apostrophe goes before what a spreadsheet would calculate, wherever its first sign hides."""
    assert text.csv_safe(cell).startswith("'")


@pytest.mark.parametrize("cell", ["ada", "a=b", "", -1.5, 3, None, True])
def test_what_is_no_formula_stays(cell):
    """Numbers are not text, a negative one included."""
    assert text.csv_safe(cell) == cell


@pytest.mark.parametrize(
    ("number", "words", "shown"),
    [(0, ("page",), "0 pages"), (1, ("page",), "1 page"), (2, ("entry", "entries"), "2 entries"), (1, ("entry", "entries"), "1 entry"),
     (1.0, ("second",), "1 second"), (0.5, ("second",), "0.5 seconds"), (12345678, ("byte",), "12345678 bytes")],
)  # fmt: skip
def test_a_number_agrees_with_its_noun(number, words, shown):
    """One is in the singular, everything else in the plural; large whole numbers keep their digits."""
    assert counted(number, *words) == shown


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("the loss", "the loss is wrong."),
        ("losses", "losses are wrong."),
        ("the weights of the first layer", "the weights of the first layer are wrong."),
        ("the weight of all classes", "the weight of all classes is wrong."),
        ("the sizes and jumps", "the sizes and jumps are wrong."),
        ("after 2 updates, weights", "after 2 updates, weights are wrong."),
        ('grads["W1"]', 'grads["W1"] is wrong.'),
        ("loss_history", "loss_history is wrong."),
        ("the forget gate's bias", "the forget gate's bias is wrong."),
        ("the value that the gradient belongs to", "the value that the gradient belongs to is wrong."),
        ("what the epochs gave", "what the epochs gave is wrong."),
    ],
)
def test_a_verb_agrees_with_the_name_before_it(name, said):
    """A message about several things has its verb in the plural, one about a piece of code in the singular."""
    assert agreeing(name, "is wrong.") == said
