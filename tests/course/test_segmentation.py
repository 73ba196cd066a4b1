"""The thresholds of `segmentation` sort decoders as the handout says, by what tools/segmentation/measure.py has measured."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from grader.course import load_course

ROOT = Path(__file__).parents[2]
ROWS = json.loads((ROOT / "tools" / "segmentation" / "results.json").read_text())
THRESHOLDS = load_course(ROOT / "autograde.yml").assignment("segmentation").profile("cpu").thresholds
POINTS = {"test_accuracy": 5, "test_mean_iou": 7}


def earned(measured: list[float]) -> float:
    """Points, of 12, for an accuracy and a mean IoU."""
    values = {"test_accuracy": measured[0], "test_mean_iou": measured[1]}
    return sum(POINTS[name] * THRESHOLDS[name].fraction(value) for name, value in values.items())


def test_enough_was_measured():
    """Seeds and secrets enough for what follows to say something; every network at each of them."""
    assert len(ROWS) >= 5
    assert {frozenset(row) for row in ROWS.values()} == {
        frozenset({"reference", "stride 16", "stride 32", "reference from scratch", "small from scratch", "majority"})
    }


@pytest.mark.parametrize("seed", ROWS)
def test_thresholds_sort_decoders(seed):
    """The reference and the plainest decoder on stride 16 get all points, one on stride 32 some, from scratch none."""
    row = ROWS[seed]
    assert earned(row["reference"]) == earned(row["stride 16"]) == 12
    assert 1 <= earned(row["stride 32"]) <= 10
    for name in ("reference from scratch", "small from scratch", "majority"):
        assert earned(row[name]) == 0, name


@pytest.mark.parametrize("seed", ROWS)
def test_transfer_pays(seed):
    """At equal epochs, the pretrained and frozen encoder is at least 0.15 mean IoU above the same network from scratch."""
    row = ROWS[seed]
    scratch = max(row["reference from scratch"][1], row["small from scratch"][1])
    assert row["reference"][1] - scratch >= 0.15


def test_the_results_are_of_this_code():
    """The plainest decoder, trained again at the first seed, comes to what was written down."""
    from tools.segmentation.measure import measure

    torch.set_num_threads(1)
    (again, written) = (rows["stride 16"] for rows in (measure(0, ["stride 16"], 10), ROWS["0"]))
    assert again[:2] == pytest.approx(written[:2], abs=0.03)
