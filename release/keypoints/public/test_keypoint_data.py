"""Public tests for keypoint_data.py."""

import numpy as np
import pytest
import torch

from grader.checks import assert_close
from keypoint_data import (
    KEYPOINTS,
    FacialKeypointsDataset,
    Normalize,
    RandomCrop,
    RandomHorizontalFlip,
    ToTensor,
    crop,
    flip,
    rescale,
)


@pytest.fixture
def csv_file(tmp_path):
    """Three faces, the second with a gap."""
    lines = [",".join([f"{name}_{axis}" for name in KEYPOINTS for axis in "xy"] + ["Image"])]
    for face in range(3):
        numbers = [str(face + k / 2) for k in range(30)]
        if face == 1:
            numbers[7] = ""
        pixels = " ".join(str((face + p) % 256) for p in range(96 * 96))
        lines.append(",".join([*numbers, pixels]))
    path = tmp_path / "training.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


def sample(height=4, width=6):
    """A small picture, its keypoints all different."""
    image = np.arange(height * width, dtype=np.uint8).reshape(1, height, width)
    return {"image": image, "keypoints": np.linspace(0.1, 3.9, 30, dtype=np.float32).reshape(15, 2)}


def test_dataset(csv_file):
    """Two of three faces are whole; x and y of a keypoint stand side by side."""
    data = FacialKeypointsDataset(csv_file)
    assert len(data) == 2
    face = data[1]
    assert face["image"].shape == (1, 96, 96)
    assert face["keypoints"].shape == (15, 2)
    assert_close(np.asarray(face["image"], dtype=float)[0, 0, :3], np.array([2.0, 3.0, 4.0]), name="the first pixels")
    assert_close(np.asarray(face["keypoints"])[:2], np.array([[2, 2.5], [3, 3.5]]), name="the first two keypoints", rtol=1e-6)


def test_dataset_with_transforms(csv_file):
    """Transforms are applied, and what the data set keeps is not changed by them."""
    data = FacialKeypointsDataset(csv_file, transform=lambda face: ToTensor()(Normalize()(face)))
    first, second = data[0], data[0]
    assert first["image"].dtype == first["keypoints"].dtype == torch.float32
    assert 0 <= first["image"].min() and first["image"].max() == 1
    assert_close(first["keypoints"][0], torch.tensor([-1.0, 0.5 / 48 - 1]), name="the first keypoint")
    assert_close(second["keypoints"], first["keypoints"], name="the same face, asked for again")


def test_flip():
    """Columns change their order, x becomes W - x, and the eyes change places."""
    mirrored = flip(sample())
    assert np.asarray(mirrored["image"])[0, 0].tolist() == [5, 4, 3, 2, 1, 0]
    right_eye = sample()["keypoints"][1]
    assert_close(
        np.asarray(mirrored["keypoints"])[0],
        np.array([6 - right_eye[0], right_eye[1]]),
        name="the mirrored left eye",
        rtol=1e-5,
        mistakes={
            "W - 1 - x, a pixel too far to the left": lambda: np.array([5 - right_eye[0], right_eye[1]]),
            "both eyes left in their places": lambda: np.array([6, 0]) + sample()["keypoints"][0] * [-1, 1],
            "x not mirrored": lambda: right_eye,
        },
    )


def test_flip_twice_is_nothing():
    """Mirrored twice, a face is as it was."""
    once = flip(sample())
    twice = flip({name: np.asarray(value) for name, value in once.items()})
    assert_close(np.asarray(twice["image"]), sample()["image"], name="the picture, mirrored twice")
    assert_close(np.asarray(twice["keypoints"]), sample()["keypoints"], name="the keypoints, mirrored twice", atol=1e-5)


@pytest.mark.parametrize("p", [0.0, 1.0])
def test_random_flip(p):
    """Never and always."""
    made = RandomHorizontalFlip(p)(sample())
    wanted = flip(sample()) if p else sample()
    assert_close(np.asarray(made["image"]), np.asarray(wanted["image"]), name=f"the picture with p={p:g}")


def test_crop_and_rescale():
    """What is cut off on the left and at the top is subtracted; then everything grows together."""
    part = crop(sample(), 2, 1, 3)
    assert np.asarray(part["image"])[0, 0].tolist() == [8, 9, 10]
    assert_close(
        np.asarray(part["keypoints"]),
        sample()["keypoints"] - np.float32([2, 1]),
        name="the keypoints of the crop",
        mistakes={
            "the corner's row and column exchanged": lambda: sample()["keypoints"] - np.float32([1, 2]),
            "the corner added, not subtracted": lambda: sample()["keypoints"] + np.float32([2, 1]),
        },
    )
    large = rescale({name: np.asarray(value) for name, value in part.items()}, 6)
    assert large["image"].shape == (1, 6, 6)
    expected = 2 * (sample()["keypoints"] - np.float32([2, 1]))
    assert_close(np.asarray(large["keypoints"]), expected, name="the keypoints, rescaled", atol=1e-5)


def test_random_crop_keeps_the_size():
    """Pictures come back in the size they had."""
    assert RandomCrop(5)(sample(8, 8))["image"].shape == (1, 8, 8)
