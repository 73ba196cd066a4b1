"""``@points``: a mistake in it ends the run with the line to correct, not with a process that will not start."""

from __future__ import annotations

import inspect
import math

import pytest

from grader.checks import points
from grader.errors import AuthoringError


@pytest.mark.parametrize(
    ("value", "options", "what"),
    [
        ("three", {}, "points must be a number, not 'three'"),
        (None, {}, "points must be a number, not None"),
        (True, {}, "points must be a number, not True"),
        (math.nan, {}, "points must be a number, not nan"),
        (3, {"timeout": "long"}, "the timeout must be a number, not 'long'"),
    ],
)
def test_what_is_no_number_is_refused_with_file_and_line(value, options, what):
    """The author's own line is named, and how to write it."""
    with pytest.raises(AuthoringError) as caught:
        points(value, **options)
    line = inspect.currentframe().f_lineno - 1
    assert caught.value.what == what
    assert caught.value.where == f"{__file__}:{line}"
    assert "write it like" in caught.value.fix


@pytest.mark.parametrize("value", [0, 2, 2.5])
def test_numbers_are_taken(value):
    """Whole and broken numbers, with or without a timeout."""
    assert points(value, timeout=3).args == (value,)
    assert points(value).mark.kwargs["timeout"] is None
