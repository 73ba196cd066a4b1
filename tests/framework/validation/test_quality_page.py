"""The page of docs/generated/grader-quality.md: what was measured, and what was not."""

from __future__ import annotations

from pathlib import Path

import pytest

from grader.course import load_course
from grader.validation.variants import read_variants
from tools.quality.measure import figures, page

pytestmark = pytest.mark.torch

COURSE = load_course(Path(__file__).parents[3] / "autograde.yml")
BACKPROP = COURSE.assignment("backprop")


def _version(name, kind, lost=None, problems=()):
    return {
        "name": name,
        "kind": kind,
        "lost": lost or {},
        "problems": list(problems),
        "seeds": 20 if kind in ("right", "solution") else 1,
    }


def _validation(versions, **more):
    nothing = {"measured": 0, "in_all": 0, "killed": 0, "equivalent": 0, "survivors": []}
    return {
        "versions": versions,
        "seeds": [1, 2],
        "flaky": [],
        "mutants": nothing,
        "contract": {"all": []},
        "metrics": [],
    } | more


def test_a_run_of_some_variants_fills_no_column():
    """What was measured in part says nothing of the whole, and leaves what was known before."""
    assert figures(BACKPROP, _validation([_version("solution", "solution")])) == {}


def test_a_whole_run_is_counted():
    """Versions, flakes, messages, mutants and promises come from one validation."""
    wrong = [v for v in read_variants(BACKPROP) if v.kind == "wrong"]
    versions = [_version("solution", "solution")]
    versions += [_version(v.name, "wrong", {"test_loss": "loss is wrong."}) for v in wrong]
    contract = {
        "all": [{}],
        "promises": 3,
        "noticed": 2,
        "free": 1,
        "unnoticed": [{"function": "f", "diff": "`n` is honoured"}],
    }
    mutants = {"measured": 5, "in_all": 5, "killed": 3, "equivalent": 1, "survivors": [{}]}
    flaky = [{"version": "solution", "seed": 7}, {"version": "solution", "seed": 7}]
    found = figures(BACKPROP, _validation(versions, contract=contract, mutants=mutants, flaky=flaky))
    assert found["versions"] == {"wrong": len(wrong), "right": 1, "off": 0, "seeds": 2, "gradings": 20, "flakes": 1}
    assert found["messages"]["no_cause"] == len(wrong)
    assert found["mutants"] == {"measured": 5, "killed": 3, "equivalent": 1, "survived": 1}
    assert found["contract"]["unnoticed"] == ["f: `n` is honoured"]
    text = page(COURSE, {"backprop": found}, {})
    assert "| backprop | 3 of 4 (75 %) | 1 | 1 | 2 of 3 (66 %) | 1 |" in text
    assert "| mnist | not run | not run | not run | not run | not run |" in text
