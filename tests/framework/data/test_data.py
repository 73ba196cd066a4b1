"""Data sets: public parts fixed for good, secret parts drawn from the secret, answers judged fairly."""

from __future__ import annotations

import hashlib
import importlib
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from grader.course import DataConfig
from grader.data import PredictionError, dataset, dataset_names, hold_out, load
from grader.data.digits import digits, digits8x8
from grader.data.stream import Stream
from grader.errors import AutogradeError, CourseError, MachineError
from grader.remote_values import HasValue

pytestmark = pytest.mark.torch

SECRET = bytes(range(32))


class Remote(HasValue):
    """A value that lives elsewhere, with its copy here."""

    def __init__(self, value):
        self.value = value


CONFIG = {"set": "digits", "train": 200, "validation": 50, "test": 300, "flat": True, "array": "numpy"}


def sha(array):
    return hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()[:16]


@pytest.fixture(scope="module")
def held():
    """The secret part of 300 digits."""
    return hold_out(CONFIG, SECRET)


def test_public_part_never_changes():
    """Students' numbers must not move: these hashes hold on every machine and with every numpy."""
    split = load("digits", train=200, validation=50, array="numpy")
    assert (sha(split.train[0]), sha(split.train[1])) == ("37355f974711ff6a", "7fcec47b39c4b236")
    small = load("digits8x8", train=200, validation=50, array="numpy")
    assert (sha(small.train[0]), sha(small.train[1])) == ("8e8f4b06d7bfd3c3", "d5e1fa4d761b8b43")


def test_random_numbers_never_change():
    """The streams behind all of it are fixed as well."""
    stream = Stream(SECRET, "test")
    assert stream.permutation(5).tolist() == [1, 4, 3, 0, 2]
    assert stream.uniform(0, 1, 2) == pytest.approx([0.23070484430296345, 0.7046533639706469], abs=0)
    assert stream.normal(3) == pytest.approx([-0.5057035520276031, 1.4765104074250501, 0.9151693076169949], rel=1e-12)


@pytest.mark.parametrize(
    ("name", "flat", "shape"),
    [
        ("digits", False, (1, 28, 28)),
        ("digits", True, (784,)),
        ("digits8x8", False, (1, 8, 8)),
        ("digits8x8", True, (64,)),
    ],
)
def test_shapes_and_types(name, flat, shape):
    """Images are float32 in [0, 1], labels int64, in both kinds of arrays."""
    for array in ("numpy", "torch"):
        split = load(name, train=30, validation=20, flat=flat, array=array)
        for (x, y), count in ((split.train, 30), (split.validation, 20)):
            assert (tuple(x.shape), tuple(y.shape)) == ((count, *shape), (count,))
            assert (str(x.dtype).split(".")[-1], str(y.dtype).split(".")[-1]) == ("float32", "int64")
            assert float(x.min()) == 0.0
            assert 0.9 < float(x.max()) <= 1.0


@pytest.mark.parametrize("name", ["digits", "digits8x8"])
def test_parts_are_balanced_and_shuffled(name):
    """Each part has about as many of every class, in no telling order."""
    split = load(name, train=500, validation=100, array="numpy")
    for _, y in (split.train, split.validation):
        counts = np.bincount(y, minlength=10)
        assert counts.max() - counts.min() <= 1
        assert len(set(y[:20].tolist())) > 4
        assert (np.diff(y) < 0).mean() > 0.3


@pytest.mark.parametrize("data", [digits(), digits8x8()], ids=lambda data: data.name)
def test_public_and_secret_share_no_image(data):
    """No image of the secret part can be found in the public one, before it is changed already."""
    from grader.data.digits import _parts

    public, secret = ({image.tobytes() for image in part.x} for part in _parts(data))
    assert not public & secret
    assert data.secret_size >= (1000 if data.name == "digits" else 400)


def test_train_does_not_move_with_validation():
    """Asking for more validation images leaves the training part alone, and the two never overlap."""
    few, many = (load("digits", train=100, validation=size, flat=True, array="numpy") for size in (10, 90))
    assert sha(few.train[0]) == sha(many.train[0])
    assert not {row.tobytes() for row in many.train[0]} & {row.tobytes() for row in many.validation[0]}


def test_secret_part_follows_the_secret(held):
    """The same secret gives the same part, another one gives others, of images that nobody has seen."""
    again, other = hold_out(DataConfig(**CONFIG), SECRET), hold_out(CONFIG, SECRET[::-1])
    assert sha(again.inputs) == sha(held.inputs)
    mine, theirs = ({row.tobytes() for row in part.inputs} for part in (held, other))
    assert not mine & theirs
    assert held.inputs.shape == (300, 784)
    assert held.inputs.dtype == np.float32
    assert (held.inputs.min(), held.inputs.max() <= 1.0) == (0.0, True)
    # Which order they come in says nothing about the labels.
    assert (np.diff(held._labels) < 0).mean() > 0.3


def test_labels_are_not_shown(held):
    """Printing held-out data, into a log say, tells no label."""
    assert "_labels" not in repr(held)


def nearest_mean(held):
    """A simple classifier: the class whose mean image is nearest."""
    x, y = held.train
    means = np.stack([x[y == label].mean(axis=0) for label in range(10)])

    def predict(inputs):
        return -((inputs[:, None] - means) ** 2).sum(axis=2)

    return predict


def test_changes_are_mild():
    """A classifier trained on public images still does well: it loses about three points at most."""
    held = hold_out({**CONFIG, "train": 1000, "test": 1000}, SECRET)
    predict = nearest_mean(held)
    from grader.data.digits import _parts

    clean = _parts(digits())[1]
    before = (predict(clean.x.reshape(1000, -1)).argmax(axis=1) == clean.y).mean()
    assert before > 0.75
    assert held.accuracy(predict) > before - 0.035
    assert 0.1 <= held.majority < 0.15


def test_accuracy_of_right_and_wrong_answers(held):
    """All right is 1, all wrong is 0; in batches as at once, as scores or labels."""
    labels = held._labels
    assert held.accuracy(lambda x: labels) == 1.0
    assert held.accuracy(lambda x: (labels + 1) % 10) == 0.0
    assert held.accuracy(lambda x: np.eye(10)[labels]) == 1.0
    predict = nearest_mean(held)
    assert held.accuracy(predict, batch=7) == held.accuracy(predict) > 0.6


@pytest.mark.parametrize(
    "wrap",
    [
        lambda y: y,
        lambda y: y.tolist(),
        lambda y: y.astype(np.float32),
        lambda y: y.astype(np.uint8),
        torch.from_numpy,
        lambda y: torch.eye(10, dtype=torch.bfloat16)[torch.from_numpy(y)].requires_grad_(),
        lambda y: Remote(torch.from_numpy(y)),
        lambda y: np.log(np.eye(10) + 0.0 + 1e-300)[y],
    ],
    ids=["array", "list", "floats", "bytes", "tensor", "bfloat16 scores with grad", "remote", "log"],
)
def test_answers_come_in_many_kinds(held, wrap):
    """Arrays, lists, tensors that require grad and remote values all count."""
    assert held.accuracy(lambda x: wrap(held._labels.copy())) == 1.0


def test_scores_that_are_not_finite_are_wrong(held):
    """NaN or a winner of inf earns nothing; -inf for a class ruled out is a fair score."""
    scores = np.eye(10)[held._labels]
    half = scores.copy()
    half[:150, 3] = np.nan
    assert held.accuracy(lambda x: half) == 0.5
    assert held.accuracy(lambda x: np.where(scores == 1, np.inf, 0)) == 0.0
    assert held.accuracy(lambda x: np.where(scores == 1, 0, -np.inf)) == 1.0
    assert held.accuracy(lambda x: np.full((300, 10), np.nan)) == 0.0
    assert held.accuracy(lambda x: np.where(np.arange(300) < 150, held._labels, np.nan)) == 0.5


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (np.zeros((300, 9)), r"scores of shape \(300, 10\) or labels of shape \(300,\); it gave shape \(300, 9\)"),
        (np.zeros((10, 300)), r"gave shape \(10, 300\)"),
        (np.zeros((300, 1)), r"gave shape \(300, 1\)"),
        (np.zeros(299), r"gave shape \(299,\)"),
        (3, "a single number"),
        (None, "a NoneType"),
        ({"a": 1}, "a dict"),
        ("7" * 300, "text"),
        ([[1, 2], [3]], "their rows differ"),
        (np.zeros(300, dtype=bool), "booleans"),
        (np.zeros(300, dtype=complex), "complex"),
        (np.full(300, 0.5), "whole numbers"),
    ],
)
def test_answers_that_are_none(held, answer, message):
    """A wrong shape or kind is told in the student's words, as a ValueError."""
    with pytest.raises(PredictionError, match=message):
        held.accuracy(lambda x: answer)
    assert issubclass(PredictionError, ValueError)
    assert not issubclass(PredictionError, AutogradeError)


def test_answers_may_be_changed_freely():
    """What a suite does with its copy of the data reaches nobody else."""
    first = hold_out(CONFIG, SECRET)
    for array in (*first.train, *first.validation, first.inputs):
        array[:] = 0
    second = hold_out(CONFIG, SECRET)
    assert second.inputs.max() > 0.5
    assert second.train[0].max() > 0.5


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"set": "digit"}, "did you mean 'digits'"),
        ({"train": 4000}, "has 4000 samples"),
        ({"test": 1001}, "has 1000 samples for test, not 1001"),
        ({"options": {"colour": True}}, "does not take these options"),
        ({"tset": 4}, "the data section is invalid"),
    ],
)
def test_impossible_wishes(change, message):
    """Unknown sets and options, and more images than there are, are errors of the course."""
    with pytest.raises(CourseError, match=message):
        hold_out({**CONFIG, **change}, SECRET)


def test_short_secrets_are_refused():
    """An empty secret would make the held-out part public."""
    with pytest.raises(ValueError, match="too short"):
        hold_out(CONFIG, b"")


def test_a_file_that_is_missing_or_another_is_named(tmp_path, monkeypatch):
    """The digits are read from a file of ours, and only from the one that was measured."""
    module = importlib.import_module("grader.data.digits")

    data = replace(digits8x8(), name="other")
    with pytest.raises(MachineError, match="cannot be read") as error:
        _ = data.public_size
    assert error.value.where.endswith("other.npz")
    monkeypatch.setattr(module, "_ORIGINALS", tmp_path)
    (tmp_path / "other.npz").write_bytes(b"PK")
    with pytest.raises(MachineError, match="not the file that was measured"):
        _ = data.secret_size


def test_data_sets_can_be_added(monkeypatch):
    """A course brings a set of its own with the decorator; a name is taken once."""
    from grader.data import registry

    monkeypatch.setattr(registry, "_MAKERS", dict(registry._MAKERS))
    dataset("mine")(lambda twice=False: digits8x8())
    assert "mine" in dataset_names()
    assert load("mine", train=10, validation=5, twice=True, array="numpy").train[0].shape == (10, 1, 8, 8)
    with pytest.raises(ValueError, match="already"):
        dataset("mine")(digits)


def test_nothing_heavy_is_imported():
    """The numpy assignments must not pay for torch, nor anybody for pandas or scikit-learn."""
    code = (
        "import sys; from grader.data import hold_out; "
        f"hold_out({CONFIG!r}, bytes(32)); "
        "sys.exit(bool({'torch', 'sklearn', 'mlxtend', 'scipy', 'pandas'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parents[3], check=False).returncode == 0


@given(st.integers(0, 60), st.binary(min_size=1, max_size=40))
def test_permutations_are_permutations(size, key):
    """Each number once, whatever the key."""
    assert sorted(Stream(key, "p").permutation(size).tolist() if size else []) == list(range(size))
