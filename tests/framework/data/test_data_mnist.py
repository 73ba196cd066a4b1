"""The full MNIST, read from a folder: small files in its true format stand for the large ones."""

from __future__ import annotations

import struct

import numpy as np
import pytest

from grader.course import load_course
from grader.data import hold_out, load
from grader.errors import CourseError, MachineError
from tests.support.builder import Homework, build_course

pytestmark = pytest.mark.torch

SECRET = bytes(range(32))
SIZES = {"train": 60, "t10k": 40}


def write_idx(path, array):
    """An IDX file: two zero bytes, 8 for unsigned bytes, the number of axes, their lengths big-endian, the bytes."""
    lengths = struct.pack(f">{array.ndim}I", *array.shape)
    path.write_bytes(struct.pack(">BBBB", 0, 0, 8, array.ndim) + lengths + array.astype(np.uint8).tobytes())


@pytest.fixture(scope="module")
def images():
    """Random images and labels of both halves."""
    rng = np.random.default_rng(0)
    drawn = {}
    for half, count in SIZES.items():
        x = np.zeros((count, 28, 28), dtype=np.uint8)
        x[:, 6:22, 6:22] = rng.integers(60, 256, size=(count, 16, 16))
        drawn[half] = x, rng.integers(10, size=count).astype(np.uint8)
    return drawn


@pytest.fixture
def folder(images, tmp_path):
    """A folder as torchvision lays it out."""
    raw = tmp_path / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for half, (x, y) in images.items():
        write_idx(raw / f"{half}-images-idx3-ubyte", x)
        write_idx(raw / f"{half}-labels-idx1-ubyte", y)
    return tmp_path


def config(folder, **sizes):
    """What autograde.yml says, for numpy."""
    return {"set": "mnist", "options": {"root": str(folder)}, "array": "numpy", **sizes}


def test_the_training_files_are_public(folder, images):
    """Every public image is one of the training files' with its own label, rescaled, and none comes twice."""
    split = load("mnist", root=str(folder), train=45, validation=15, array="numpy")
    x, y = images["train"]
    labels = {image.tobytes(): int(label) for image, label in zip(x, y, strict=True)}
    seen = []
    for part, count in ((split.train, 45), (split.validation, 15)):
        assert part[0].shape == (count, 1, 28, 28)
        assert (part[0].dtype, part[1].dtype) == (np.float32, np.int64)
        for image, label in zip(part[0], part[1], strict=True):
            raw = np.rint(image[0] * 255).astype(np.uint8).tobytes()
            assert labels[raw] == label
            seen.append(raw)
    assert len(set(seen)) == 60
    again = load("mnist", root=str(folder), train=45, validation=5, array="numpy")
    assert (again.train[0] == split.train[0]).all()


def test_the_test_files_are_secret_and_changed(folder, images):
    """What is graded on comes from the test files, by the secret, and is no image that anybody has."""
    asked = config(folder, train=20, validation=10, test=30)
    held, again, other = hold_out(asked, SECRET), hold_out(asked, SECRET), hold_out(asked, SECRET[::-1])
    assert held.inputs.shape == (30, 1, 28, 28)
    assert (held.inputs == again.inputs).all()
    assert not (held.inputs == other.inputs).all()
    files = {image.tobytes() for half in images.values() for image in half[0]}
    shown = {np.rint(image[0] * 255).astype(np.uint8).tobytes() for image in held.inputs}
    assert not shown & files
    # Changed a little: nearer to an image of the test files than any other is.
    originals = images["t10k"][0].astype(np.float32) / 255
    distance = ((held.inputs[:, :1] - originals[None]) ** 2).mean(axis=(2, 3))
    nearest = distance.argmin(axis=1)
    assert held.accuracy(lambda _: images["t10k"][1][nearest].astype(np.int64)) == 1.0


@pytest.mark.parametrize(
    "sizes", [{"train": 50, "validation": 11, "test": 5}, {"train": 5, "validation": 5, "test": 41}]
)
def test_more_images_than_there_are(folder, sizes):
    """An impossible wish is an error of the course."""
    with pytest.raises(CourseError, match="ask for"):
        hold_out(config(folder, **sizes), SECRET)


def test_a_folder_without_the_files(tmp_path):
    """A missing set is told with the place where it was looked for; nothing is downloaded."""
    with pytest.raises(MachineError, match="unpack the four files") as told:
        load("mnist", root=str(tmp_path), train=1, validation=1)
    assert str(tmp_path / "MNIST" / "raw") in str(told.value)


@pytest.mark.parametrize("left", [0, 3, 10, 500])
def test_a_file_cut_short(folder, left):
    """Half a file is no file."""
    path = folder / "MNIST" / "raw" / "train-images-idx3-ubyte"
    path.write_bytes(path.read_bytes()[:left])
    with pytest.raises(MachineError, match="not whole"):
        load("mnist", root=str(folder), train=1, validation=1)


def test_the_root_is_asked_for():
    """Without a folder there is no set."""
    with pytest.raises(CourseError, match="does not take these options"):
        load("mnist", train=1, validation=1)


def test_a_profile_may_name_it(folder, tmp_path):
    """In autograde.yml, a profile takes the full set in place of the assignment's, and keeps what it does not name."""
    config = (
        "course: {name: C}\nassignments:\n  one:\n    title: One\n    files: [one.py]\n"
        "    data: {set: digits, train: 30, validation: 10, test: 20, flat: true, array: numpy}\n"
        "    profiles:\n      cpu: {}\n      gpu:\n"
        f"        data: {{set: mnist, options: {{root: {folder}}}, train: 40}}\n"
    )
    assignment = load_course(build_course(tmp_path, config, Homework("one", {"one.py": "x = 1\n"}))).assignment("one")
    small, full = (hold_out(assignment.profile(name).data, SECRET) for name in ("cpu", "gpu"))
    assert (small.train[0].shape, full.train[0].shape) == ((30, 784), (40, 784))
    assert full.inputs.shape == (20, 784)
