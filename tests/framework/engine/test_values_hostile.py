"""Values that are built to hurt whoever compares, describes or shows them: large, deep, wide, empty, odd."""

from __future__ import annotations

import itertools
import json

import numpy as np
import pytest
import torch

from grader.checks import assert_close
from grader.checks.close import CheckFailed
from grader.engine.contract import describe
from grader.engine.outcomes import CaseState, CheckSpec, combine, judge
from grader.records import CheckResult
from grader.sandbox.faults import ContractError, StudentError, clean_text
from grader.text import MAX_CHARS, screenful

pytestmark = pytest.mark.torch


def nested(depth, width=1, leaf=0.0):
    """Lists in lists."""
    for _ in range(depth):
        leaf = [leaf] * width
    return leaf


HOSTILE = [
    "x" * 100_000_000,
    b"x" * 100_000_000,
    2**13_999,
    [2**13_999],
    nested(47),
    nested(16, 2),
    [1.0] * 190_000,
    [[]] * 190_000,
    [np.zeros(50_000_000, dtype="u1")] * 8,
    np.zeros((2**24, 0)),
    [np.zeros((2**24, 0)), np.complex128(1)],
    np.zeros((3,) * 16, dtype="u1"),
    np.frombuffer(bytes(range(1, 161)), dtype="g"),
    np.array(["a"] * 3, dtype=object),
    torch.full((4, 3), torch.nan, dtype=torch.complex64),
    torch.zeros((1,) * 16),
    {"a": {"b": "c"}},
    None,
    "=HYPERLINK(1)",
    "<script>alert(1)</script>",
]


@pytest.mark.parametrize("value", HOSTILE, ids=[f"{k}-{type(value).__name__}" for k, value in enumerate(HOSTILE)])
@pytest.mark.parametrize("expected", [1.5, np.ones((2, 3)), [torch.ones(2), 1.0]], ids=["number", "array", "parts"])
def test_a_comparison_ends_in_a_short_message(value, expected):
    """None of them hangs a comparison, is the suite's fault, or fills the report."""
    with pytest.raises(CheckFailed) as caught:
        assert_close(value, expected, inputs={"x": np.ones(3)}, reveal=True)
    outcome = judge(caught.value, CaseState())
    assert len(outcome.message) <= 3000
    assert len(outcome.staff) <= 6000
    assert not outcome.verdict.held


def test_every_pair_of_shapes_has_a_diagnosis():
    """Shapes that do not broadcast are the student's mistake, not an error of the check."""
    shapes = [(), (0,), (1,), (2,), (3,), (2, 3), (3, 2), (1, 3), (2, 0), (4, 5, 2), (2, 1, 3, 1), (2**24, 0)]
    for got, want in itertools.permutations(shapes, 2):
        with pytest.raises(CheckFailed, match="instead of"):
            assert_close(np.zeros(got), np.ones(want))


def test_broadcast_shapes_are_told():
    """A result with more axes than it should have, which the right shape would broadcast to."""
    with pytest.raises(CheckFailed, match="broadcast"):
        assert_close(np.zeros((5, 4, 3)), np.ones((1, 3)))


def test_names_and_texts_stay_text():
    """Type names, messages and descriptions with controls, markup and surrogates become clean JSON."""
    evil = "\x00\x1b[2J\u202e\ud800<script>`x`=1+1\r\n"
    kind = type("Evil" + "<b>" * 100, (), {"type_name": evil})()
    errors = [
        StudentError(clean_text(evil, 80), clean_text(evil * 1000)),
        ContractError(f"it returned {describe((kind, kind))}"),
        AssertionError(evil * 10_000),
    ]
    for error in errors:
        check = combine(CheckSpec("test_a", "A", 1.0), [judge(error, CaseState())])
        raw = check.model_dump_json()
        assert CheckResult.model_validate(json.loads(raw)) == check
        assert not set("\x00\x1b\u202e\r") & set(check.message)
        assert len(raw) < 60_000


def test_a_long_text_is_cut_before_it_is_cleaned():
    """A hundred million characters make a screenful."""
    assert len(screenful(HOSTILE[0] + "\x1b]" * 1000)) <= 2 * MAX_CHARS
    assert len(clean_text(HOSTILE[0])) == 2000
