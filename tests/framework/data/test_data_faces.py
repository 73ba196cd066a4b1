"""Faces with landmarks: drawn ones, and real ones from a small file in the form of Kaggle's."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
import torch

from grader.data import PredictionError, hold_out, load, write_csv
from grader.data.landmarks import COLUMNS, NAMES, read_csv
from grader.errors import CourseError, MachineError

pytestmark = pytest.mark.torch

SECRET = bytes(range(32))
CONFIG = {"set": "faces", "train": 30, "validation": 10, "test": 40, "array": "numpy"}


@pytest.fixture(scope="module")
def held():
    """Forty secret faces."""
    return hold_out(CONFIG, SECRET)


def test_shapes_ranges_and_order(held):
    """Pictures in [0, 1], landmarks in pixels within them; left is where it is in the file of Kaggle."""
    x, y = held.train
    assert (x.shape, x.dtype, y.shape, y.dtype) == ((30, 1, 96, 96), np.float32, (30, 15, 2), np.float32)
    assert 0 <= x.min() < x.max() <= 1
    assert 0 < y.min() < y.max() < 96
    assert len(NAMES) == 15
    by_name = dict(zip(NAMES, y.transpose(1, 0, 2), strict=True))
    assert (by_name["left_eye_center"][:, 0] > by_name["right_eye_center"][:, 0]).all()
    assert (by_name["mouth_center_bottom_lip"][:, 1] > by_name["nose_tip"][:, 1]).all()


def test_landmarks_are_where_they_are_drawn():
    """A pupil is darker than the white of its eye to either side, in nearly every face."""
    x, y = load("faces", train=200, validation=1, array="numpy").train
    darker = []
    for picture, face in zip(x[:, 0], y, strict=True):
        for eye, inner, outer in ((0, 2, 3), (1, 4, 5)):
            at = [face[eye], (face[eye] + 2 * face[inner]) / 3, (face[eye] + 2 * face[outer]) / 3]
            grey = [picture[int(v), int(u)] for u, v in at]
            darker.append(grey[0] < max(grey[1:]))
    assert np.mean(darker) > 0.85


def test_public_faces_never_change():
    """The same everywhere, whatever else is asked for."""
    one, two = (load("faces", train=20, validation=v, array="numpy").train for v in (1, 5))
    assert (one[0] == two[0]).all()
    assert (one[1] == two[1]).all()
    digest = hashlib.sha256((one[0] * 255).round().astype(np.uint8).tobytes()).hexdigest()[:16]
    assert digest == "56ae88f0083419c8"


def test_the_secret_draws_the_test_faces(held):
    """Another secret, other faces; none of them public."""
    again, other = hold_out(CONFIG, SECRET), hold_out(CONFIG, SECRET[::-1])
    assert (held.inputs == again.inputs).all()
    assert not (held.inputs == other.inputs).all()
    public = {picture.tobytes() for picture in held.train[0]}
    assert not public & {picture.tobytes() for picture in held.inputs}


def test_errors_of_points(held):
    """MSE in square pixels, distance relative to the eyes; a mean face is bad, and any layout of the points will do."""
    truth = held._labels
    zero = held.point_errors(lambda _: truth)
    assert (zero.mse, zero.normalised) == (0, 0)
    off = held.point_errors(lambda _: torch.tensor(truth + 3.0).reshape(40, 30))
    assert off.mse == pytest.approx(9, rel=1e-4)
    eyes = np.linalg.norm(truth[:, 0] - truth[:, 1], axis=1)
    assert off.normalised == pytest.approx((18**0.5 / eyes).mean(), rel=1e-4)
    mean = held.point_errors(lambda _: np.broadcast_to(held.train[1].mean(axis=0), truth.shape))
    assert 1 / (2 * mean.mse / 48**2) < 28
    assert held.point_errors(lambda _: np.full((40, 30), np.nan)).mse == float("inf")


@pytest.mark.parametrize("answer", [np.zeros((40, 15)), np.zeros((39, 30)), "faces"])
def test_other_answers_are_refused(held, answer):
    """In words for the student."""
    with pytest.raises(PredictionError, match="your model"):
        held.point_errors(lambda _: answer)


def test_points_have_no_accuracy(held):
    """Nor have classes point errors."""
    with pytest.raises(ValueError, match="no classes"):
        held.accuracy(lambda x: x)
    digits = hold_out({**CONFIG, "set": "digits8x8"}, SECRET)
    with pytest.raises(ValueError, match="has classes"):
        digits.point_errors(lambda x: x)


# -- the real file ---------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with a small training.csv: 24 faces, of which 4 have gaps."""
    split = load("faces", train=24, validation=1, array="numpy")
    points = split.train[1].copy()
    points[0, 0, 0] = points[7, 14, 1] = points[9, 3] = points[23] = np.nan
    made = tmp_path_factory.mktemp("kaggle")
    write_csv(made / "training.csv", (split.train[0][:, 0] * 255).round().astype(np.uint8), points)
    return made


def test_the_file_is_that_of_kaggle(folder):
    """30 named columns and Image; a gap is an empty field; pixels are separated by spaces."""
    first, second = (folder / "training.csv").read_text().splitlines()[:2]
    assert first.split(",") == [*COLUMNS, "Image"]
    assert first.startswith("left_eye_center_x,left_eye_center_y,right_eye_center_x")
    assert second.startswith(",")
    assert len(second.split(",")[-1].split(" ")) == 96 * 96


def test_rows_with_gaps_are_dropped(folder):
    """The others come back as they were written."""
    pixels, points = read_csv(folder / "training.csv")
    original = load("faces", train=24, validation=1, array="numpy").train
    whole = [row for row in range(24) if row not in (0, 7, 9, 23)]
    assert (pixels == (original[0][whole, 0] * 255).round()).all()
    assert np.allclose(points, original[1][whole], atol=1e-5)


def test_real_faces_through_the_same_loader(folder):
    """Three quarters public, unchanged; a quarter secret, moved a little, with landmarks that moved with the picture."""
    config = {**CONFIG, "options": {"root": str(folder)}, "train": 12, "validation": 3, "test": 5}
    held, other = hold_out(config, SECRET), hold_out(config, SECRET[::-1])
    pixels, points = read_csv(folder / "training.csv")
    rows = {picture.tobytes(): row for row, picture in enumerate(pixels)}
    shown = [
        rows[(picture[0] * 255).round().astype(np.uint8).tobytes()]
        for part in (held.train, held.validation)
        for picture in part[0]
    ]
    assert len(set(shown)) == 15
    assert np.allclose(held.train[1], points[shown[:12]])
    assert not (held.inputs == other.inputs).all()
    secret = [row for row in range(20) if row not in shown]
    for picture, face in zip(held.inputs[:, 0], held._labels, strict=True):
        near = min(secret, key=lambda row: np.abs(points[row] - face).mean())
        assert 0.05 < np.abs(points[near] - face).mean() < 9
        # What is at a landmark went with it: grey values there agree better than at the old places.
        inside = [k for k in range(15) if face[k].min() > 2 and face[k].max() < 94 and points[near][k].max() < 94]
        moved = [
            abs(
                float(picture[int(face[k, 1]), int(face[k, 0])])
                - pixels[near][int(points[near][k, 1]), int(points[near][k, 0])] / 255
            )
            for k in inside
        ]
        assert np.median(moved) < 0.15


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "lacks the column"),
        ("a,b\n1,2\n", "lacks the column"),
        (",".join([*COLUMNS, "Image"]) + "\n", "no row"),
        (",".join([*COLUMNS, "Image"]) + "\n" + "1," * 30 + "1 2 3\n", "cannot be read"),
        (",".join([*COLUMNS, "Image"]) + "\n" + "x," * 30 + " ".join(["7"] * 9216) + "\n", "cannot be read"),
    ],
)
def test_other_files_are_refused(tmp_path, text, says):
    """A file of another form is told with its place."""
    (tmp_path / "training.csv").write_text(text)
    with pytest.raises(MachineError, match=says) as told:
        load("faces", root=str(tmp_path), train=1, validation=1)
    assert "training.csv" in str(told.value)


def test_a_folder_without_the_file(tmp_path):
    """Nothing is downloaded."""
    with pytest.raises(MachineError, match="unpacked"):
        load("faces", root=str(tmp_path), train=1, validation=1)


def test_more_faces_than_there_are(folder):
    """An impossible wish is an error of the course."""
    with pytest.raises(CourseError, match="ask for"):
        load("faces", root=str(folder), train=15, validation=1)
    with pytest.raises(CourseError, match="ask for"):
        load("faces", train=10**6, validation=1)
