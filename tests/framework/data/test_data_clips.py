"""Clips: digits that move on a torus, and frames of videos in folders as UCF-101 and Kinetics lay them out."""

from __future__ import annotations

import hashlib
import itertools

import numpy as np
import pytest
import torch
from PIL import Image

from grader.course import DataConfig
from grader.data import PredictionError, dataset, hold_out, load
from grader.data.moving_digits import DIRECTIONS, MovingDigits
from grader.data.registry import _MAKERS, Samples
from grader.data.video_frames import VideoFrames, _scan
from grader.errors import CourseError, MachineError

pytestmark = pytest.mark.torch

SECRET = bytes(range(32))
MOVING = {"set": "moving_digits", "train": 64, "validation": 16, "test": 80, "array": "numpy"}


def sha(array):
    return hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()[:16]


# -- digits that move ------------------------------------------------------------------------------------------------


def test_clips_have_a_time_axis():
    """(N, T, C, H, W), float32 in [0, 1] in steps of 1/255, and int64 labels, in both kinds of arrays."""
    for array in ("numpy", "torch"):
        x, y = load("moving_digits", train=10, validation=4, array=array, frames=5, side=20).train
        assert (tuple(x.shape), tuple(y.shape)) == ((10, 5, 1, 20, 20), (10,))
        assert (str(x.dtype).split(".")[-1], str(y.dtype).split(".")[-1]) == ("float32", "int64")
        values = np.asarray(x) * 255
        assert 0 <= values.min() < values.max() <= 255
        assert np.abs(values - values.round()).max() < 1e-4
    flat = load("moving_digits", train=3, validation=0, flat=True).train[0]
    assert tuple(flat.shape) == (3, 6 * 24 * 24)


def test_public_clips_never_change():
    """The same on every machine, whatever else is asked for."""
    one, two = (load("moving_digits", train=30, validation=v, array="numpy").train for v in (1, 9))
    assert (one[0] == two[0]).all()
    assert (sha((one[0] * 255).round().astype(np.uint8)), sha(one[1])) == ("0f626e13060a828a", "88792bdd742cea47")


@pytest.mark.parametrize(("task", "classes"), [("motion", 8), ("appearance", 10), ("joint", 20)])
def test_classes_are_balanced(task, classes):
    """As many clips of each class as of any other, give or take one, in no telling order, in every part."""
    held = hold_out({**MOVING, "train": 203, "test": 95, "options": {"task": task}}, SECRET)
    assert held.classes == classes
    for labels in (held.train[1], held._labels):
        counts = np.bincount(labels, minlength=classes)
        assert counts.max() - counts.min() <= 1
        assert len(set(labels[:20].tolist())) > 4
    assert held.majority == pytest.approx(1 / classes, abs=0.02)


def test_frames_move_as_their_class_says():
    """Without noise, each frame is the one before, rolled by 1 or 2 pixels in the direction of the class, around the torus."""
    x, y = load("moving_digits", train=60, validation=0, array="numpy", noise=0.0).train
    speeds = set()
    for clip, label in zip(x[:, :, 0], y, strict=True):
        rows, columns = DIRECTIONS[label]
        fits = [
            v
            for v in (1, 2)
            if all((np.roll(a, (v * rows, v * columns), (0, 1)) == b).all() for a, b in itertools.pairwise(clip))
        ]
        assert len(fits) == 1
        speeds.update(fits)
    assert speeds == {1, 2}


def test_starts_are_spread_over_the_torus():
    """A digit may begin anywhere: no place is brighter on average than another by more than chance allows."""
    x, _ = load("moving_digits", train=3000, validation=0, array="numpy", noise=0.0).train
    mean = x[:, 0, 0].mean(axis=0)
    assert mean.min() > 0.6 * mean.max()
    assert np.abs(np.corrcoef(mean.ravel(), mean[::-1, ::-1].ravel())[0, 1]) < 0.35


def test_single_frames_and_their_average_say_nothing_about_motion():
    """A classifier of single frames, fitted to many, is at chance; the same classifier tells digits apart."""
    accuracies = {}
    for task in ("motion", "appearance"):
        held = hold_out({**MOVING, "train": 4000, "test": 800, "options": {"task": task, "noise": 0.0}}, SECRET)

        def spectrum(clips):
            # Magnitudes of the Fourier transform do not know where on a torus something is.
            return np.log1p(np.abs(np.fft.rfft2(clips[:, :, 0])).mean(axis=1)).reshape(len(clips), -1)

        features, labels = spectrum(held.train[0]), held.train[1]
        mean, deviation = features.mean(axis=0), features.std(axis=0) + 1e-3
        a = np.c_[(features - mean) / deviation, np.ones(len(features))]
        w = np.linalg.solve(a.T @ a + 50 * np.eye(a.shape[1]), a.T @ np.eye(held.classes)[labels])
        accuracies[task] = held.accuracy(
            lambda x, m=mean, d=deviation, w=w: np.c_[(spectrum(x) - m) / d, np.ones(len(x))] @ w
        )
    assert accuracies["motion"] < 0.125 + 0.05
    assert accuracies["appearance"] > 0.4


def test_parts_show_different_digits():
    """Training, validation and test clips are made of digits of their own."""
    from grader.data.moving_digits import _pool

    pools = {part: {digit.tobytes() for digit in _pool(part)[0]} for part in ("train", "validation", "test")}
    assert {part: len(pool) for part, pool in pools.items()} == {"train": 3200, "validation": 800, "test": 1000}
    assert not pools["train"] & pools["validation"]
    assert not (pools["train"] | pools["validation"]) & pools["test"]


def test_the_secret_makes_the_test_clips():
    """The same secret gives the same clips, another secret others, and none of them is public."""
    held, again, other = (hold_out(MOVING, secret) for secret in (SECRET, SECRET, SECRET[::-1]))
    assert sha(held.inputs) == sha(again.inputs) != sha(other.inputs)
    assert not {clip.tobytes() for clip in held.inputs} & {clip.tobytes() for clip in held.train[0]}


def test_the_joint_task_has_five_digits_and_four_directions():
    """Its class is 4 * digit + direction: what moves right among zeros is class 0."""
    x, y = load("moving_digits", train=200, validation=0, array="numpy", task="joint", noise=0.0).train
    for clip, label in zip(x[:, :, 0], y, strict=True):
        rows, columns = DIRECTIONS[label % 4]
        assert any((np.roll(clip[0], (v * rows, v * columns), (0, 1)) == clip[1]).all() for v in (1, 2))
    # Zeros have a hole, ones have none: more of a zero's ink lies away from its middle.
    zero, one = (x[y // 4 == digit][:, 0, 0].sum(axis=(1, 2)).mean() for digit in (0, 1))
    assert zero > 1.3 * one


def test_accuracy_counts_clips():
    """Scores or labels, one for each clip; one for each frame is refused, in words for the student."""
    held = hold_out(MOVING, SECRET)
    assert held.accuracy(lambda x: held._labels) == 1.0
    assert held.accuracy(lambda x: np.eye(8)[held._labels[: len(x)]] if len(x) == 80 else None) == 1.0
    with pytest.raises(PredictionError, match=r"for 80 inputs .* \(80, 8\)"):
        held.accuracy(lambda x: np.zeros((480, 8)))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"task": "speed"}, "no task 'speed'"),
        ({"frames": 0}, "cannot be made"),
        ({"side": 11}, "cannot be made"),
        ({"noise": 2.0}, "cannot be made"),
        ({"colour": True}, "does not take these options"),
    ],
)
def test_options_that_make_no_sense(options, message):
    """They are errors of the course, and say what to use."""
    with pytest.raises(CourseError, match=message):
        hold_out({**MOVING, "options": options}, SECRET)


def test_more_clips_than_a_machine_should_make():
    """The number is in the message."""
    with pytest.raises(CourseError, match="has 20000 samples for test, not 20001"):
        hold_out({**MOVING, "test": 20_001}, SECRET)
    assert MovingDigits().public(0, 0)[0].x.shape == (0, 6, 1, 24, 24)


# -- further data sets of an assignment ------------------------------------------------------------------------------


def test_an_assignment_may_have_further_data_sets():
    """`also` changes what it names, keeps the rest, and is held out by the same secret."""
    config = {
        **MOVING,
        "also": {
            "looks": {"train": 40, "options": {"task": "appearance"}},
            "pictures": {"set": "digits", "options": {}},
        },
    }
    held = hold_out(config, SECRET)
    assert sorted(held.also) == ["looks", "pictures"]
    looks = held.also["looks"]
    assert (held.classes, looks.classes) == (8, 10)
    assert (looks.train[0].shape, looks.inputs.shape) == ((40, 6, 1, 24, 24), (80, 6, 1, 24, 24))
    assert looks is held.also["looks"]
    assert sha(looks.inputs) == sha(hold_out({**MOVING, "train": 40, "options": {"task": "appearance"}}, SECRET).inputs)
    assert held.also["pictures"].train[0].shape == (64, 1, 28, 28)
    with pytest.raises(KeyError):
        held.also["sounds"]


def test_a_further_data_set_is_checked_like_any_other():
    """A wrong size is an error of the course, when it is asked for; a wrong key is one at once."""
    held = hold_out({**MOVING, "also": {"looks": {"options": {"task": "tasks"}}}}, SECRET)
    with pytest.raises(CourseError, match="no task"):
        held.also["looks"]
    with pytest.raises(CourseError, match="the data section is invalid"):
        hold_out({**MOVING, "also": {"looks": {"tset": 3}}}, SECRET)
    assert DataConfig(set="digits", train=1, test=1).also == {}


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (np.zeros((4, 5), np.float32), r"images \(N, C, H, W\) or clips .* shape \(4, 5\)"),
        (np.zeros((4, 1, 2, 2)), "float64"),
        (np.zeros((3, 2, 1, 2, 2), np.float32), "3 inputs and 4 targets"),
    ],
)
def test_data_sets_keep_their_promise(monkeypatch, x, message):
    """Samples of another form are the mistake of whoever wrote the data set, and are named."""

    class Broken:
        classes, public_size, secret_size = 2, 9, 9

        def public(self, train, validation):
            samples = Samples(x, np.zeros(4, np.int64))
            return samples, samples

    monkeypatch.setattr("grader.data.registry._MAKERS", dict(_MAKERS))
    dataset("broken")(Broken)
    with pytest.raises(TypeError, match=message):
        load("broken", train=4, validation=4)


# -- frames in folders -----------------------------------------------------------------------------------------------


def write_video(folder, colour, frames=8, size=(40, 30), suffix=".png"):
    """Frames whose red channel counts them."""
    folder.mkdir(parents=True)
    for number in range(frames):
        pixels = np.empty((size[1], size[0], 3), np.uint8)
        pixels[:] = (10 * number, *colour)
        Image.fromarray(pixels).save(folder / f"frame_{number:03d}{suffix}")


@pytest.fixture
def ucf(tmp_path):
    """Two classes with four groups of two clips each, as UCF-101 names them."""
    for label, name in enumerate(("Archery", "Biking")):
        for group in range(1, 5):
            for clip in (1, 2):
                write_video(tmp_path / name / f"v_{name}_g{group:02d}_c{clip:02d}", (100 * label + 20, 20 * group))
    _scan.cache_clear()
    return tmp_path


def test_frames_are_read_in_their_order(ucf):
    """A clip of the middle of each video, stride apart: channels are red, green, blue, and time comes first."""
    x, y = load("video_frames", train=6, validation=4, array="numpy", root=str(ucf), frames=3, side=14, stride=2).train
    assert (x.shape, x.dtype) == ((6, 3, 3, 14, 14), np.float32)
    for clip, label in zip(x, y, strict=True):
        red, green = (clip[:, channel].mean(axis=(1, 2)) * 255 for channel in (0, 1))
        assert red == pytest.approx([20, 40, 60], abs=0.6)
        assert green == pytest.approx([100 * label + 20] * 3, abs=0.6)
    assert sorted(y.tolist()) == [0, 0, 0, 1, 1, 1]


def test_a_group_is_public_or_secret(ucf):
    """Clips of one take look alike; without lists, whole groups are held out, a quarter of each class."""
    _, public, secret = _scan(ucf)
    assert (len(public), len(secret)) == (12, 4)
    assert not {video.group for video in public} & {video.group for video in secret}
    assert sorted(video.label for video in secret) == [0, 0, 1, 1]


def test_the_lists_of_ucf_101_decide(ucf):
    """trainlist01.txt and testlist01.txt say which videos are public; a video on neither is left out."""
    public = [("Archery", 1, 1), ("Archery", 1, 2), ("Biking", 2, 1)]
    secret = [("Archery", 3, 1), ("Biking", 4, 2)]
    text = lambda rows, mark: "".join(f"{n}/v_{n}_g{g:02d}_c{c:02d}.avi{mark}\n" for n, g, c in rows)  # noqa: E731
    (ucf / "trainlist01.txt").write_text(text(public, " 1") + "\n")
    (ucf / "testlist01.txt").write_text(text(secret, ""))
    _, first, second = _scan(ucf)
    assert {video.folder.name for video in first} == {f"v_{n}_g{g:02d}_c{c:02d}" for n, g, c in public}
    assert {video.folder.name for video in second} == {f"v_{n}_g{g:02d}_c{c:02d}" for n, g, c in secret}


def test_the_folders_of_kinetics_decide(tmp_path):
    """Train is public, val is secret; classes are numbered by the names below train."""
    for part, count in (("train", 3), ("val", 2)):
        for name in ("jogging", "abseiling"):
            for video in range(count):
                write_video(tmp_path / part / name / f"{part}{video}", (9, 9), suffix=".jpg")
    data = VideoFrames(tmp_path, frames=2, side=8)
    assert (data.classes, data.public_size, data.secret_size) == (2, 6, 4)
    assert _scan(tmp_path)[0] == ("abseiling", "jogging")
    x, y = data.secret(4, SECRET)
    assert x.shape == (4, 2, 3, 8, 8)
    assert sorted(y.tolist()) == [0, 0, 1, 1]


def test_the_secret_chooses_and_changes(ucf):
    """Another secret gives other starts, places and brightness; the accuracy is that over clips."""
    config = {"set": "video_frames", "train": 4, "test": 4, "options": {"root": str(ucf), "frames": 3, "side": 14}}
    held, again, other = (hold_out(config, secret) for secret in (SECRET, SECRET, SECRET[::-1]))
    assert torch.equal(held.inputs, again.inputs)
    assert not torch.equal(held.inputs, other.inputs)
    assert held.accuracy(lambda x: held._labels) == 1.0
    assert held.majority == 0.5


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"frames": 9}, MachineError, "needs 9 frames; this video has 8"),
        ({"frames": 4, "stride": 3}, MachineError, "needs 10 frames"),
        ({"frames": 0}, CourseError, "cannot be made"),
    ],
)
def test_videos_that_are_too_short(ucf, options, error, message):
    """They are named, and nothing is repeated in silence."""
    with pytest.raises(error, match=message):
        load("video_frames", train=2, validation=0, root=str(ucf), **options)


def test_folders_without_videos(tmp_path, ucf):
    """The message names the folder and says how to lay frames out."""
    with pytest.raises(MachineError, match="cannot be read"):
        load("video_frames", train=1, validation=0, root=str(tmp_path / "nowhere"))
    (tmp_path / "empty").mkdir()
    with pytest.raises(MachineError, match="no public videos") as caught:
        load("video_frames", train=1, validation=0, root=str(tmp_path / "empty"))
    assert "CLASS/VIDEO" in str(caught.value)
    with pytest.raises(CourseError, match="has 12 samples"):
        load("video_frames", train=13, validation=0, root=str(ucf))


def test_a_frame_that_is_no_picture(ucf):
    """The file is named."""
    (ucf / "Biking" / "v_Biking_g02_c01" / "frame_003.png").write_bytes(b"not a picture")
    with pytest.raises(MachineError, match="cannot be read") as caught:
        load("video_frames", train=12, validation=0, root=str(ucf), frames=8, side=8)
    if "g02" in str(caught.value):
        assert "frame_003.png" in str(caught.value)
