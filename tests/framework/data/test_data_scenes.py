"""Scenes with a class for each pixel: drawn ones, photographs in small folders of the true forms, and what is counted."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
import torch
from PIL import Image

from grader.data import PredictionError, hold_out, load, scene_instances
from grader.data.confusion import count_pairs
from grader.data.drawn_scenes import CLASSES, STUFF, THINGS, draw_scenes
from grader.data.scene_folders import MSRC_COLOURS, labels_of_colours
from grader.errors import CourseError, MachineError

pytestmark = pytest.mark.torch

SECRET = bytes(range(32))
CONFIG = {"set": "scenes", "train": 6, "validation": 2, "test": 8, "array": "numpy"}


@pytest.fixture(scope="module")
def held():
    """Eight secret scenes."""
    return hold_out(CONFIG, SECRET)


# -- drawn scenes ----------------------------------------------------------------------------------------------------


def test_shapes_ranges_and_void(held):
    """Pictures in [0, 1], int64 labels of 23 classes, and -1 on borders only."""
    x, y = held.train
    assert (x.shape, x.dtype, y.shape, y.dtype) == ((6, 3, 96, 96), np.float32, (6, 96, 96), np.int64)
    assert 0 <= x.min() < x.max() <= 1
    assert (y.min(), held.classes) == (-1, 23)
    assert 0.05 < (y == -1).mean() < 0.3
    # Every void pixel has a neighbour of another class than some other neighbour of it has.
    for picture in y:
        rows, columns = np.nonzero(picture == -1)
        for row, column in zip(rows[::40], columns[::40], strict=True):
            near = picture[max(row - 2, 0) : row + 3, max(column - 2, 0) : column + 3]
            assert len(np.unique(near)) > 1


def test_every_class_is_drawn():
    """Stuff fills most pixels, each thing turns up, and every scene has both."""
    labels = draw_scenes(60, b"k" * 16, "test").labels
    shares = np.bincount(labels[labels >= 0], minlength=23) / (labels >= 0).sum()
    assert (shares > 0.002).all(), dict(zip(CLASSES, shares, strict=True))
    assert 0.6 < shares[: len(STUFF)].sum() < 0.9
    assert len(CLASSES) == len(STUFF) + len(THINGS) == 23
    assert all((picture >= len(STUFF)).any() and (picture >= 0).any() for picture in labels)


def test_colour_says_nothing_of_the_class():
    """The mean colour of a class over many scenes is grey, whichever it is."""
    scenes = draw_scenes(150, b"c" * 16, "test")
    for label in range(len(STUFF)):
        means = [
            image[:, y == label].mean(axis=1)
            for image, y in zip(scenes.images, scenes.labels, strict=True)
            if (y == label).sum() > 50
        ]
        # About 27 regions with a deviation of about 60 each: 5 deviations of their mean.
        assert np.abs(np.mean(means, axis=0) - 127).max() < 5 * 62 / len(means) ** 0.5, CLASSES[label]


def test_public_scenes_never_change():
    """The same everywhere, however many are asked for."""
    one, two = (load("scenes", train=n, validation=1, array="numpy").train for n in (2, 5))
    assert (one[0] == two[0][:2]).all()
    assert (one[1] == two[1][:2]).all()
    digest = hashlib.sha256(one[1].astype(np.int8).tobytes()).hexdigest()[:16]
    assert digest == "444add66ed271772"


def test_the_secret_draws_the_test_scenes(held):
    """Another secret, other scenes; none of them public."""
    again, other = hold_out(CONFIG, SECRET), hold_out(CONFIG, SECRET[::-1])
    assert (held.inputs == again.inputs).all()
    assert not (held.inputs == other.inputs).all()
    public = {picture.tobytes() for part in (held.train, held.validation) for picture in part[0]}
    assert not public & {picture.tobytes() for picture in held.inputs}


def test_instances_belong_to_the_public_scenes(held):
    """A thing has a number and one class; stuff has none."""
    numbers = scene_instances(6)
    labels = held.train[1]
    assert numbers.shape == labels.shape
    assert (labels[numbers == 0] < len(STUFF)).all()
    for picture, number in zip(labels, numbers, strict=True):
        for thing in range(1, number.max() + 1):
            here = np.unique(picture[(number == thing) & (picture >= 0)])
            assert len(here) <= 1
            assert (here >= len(STUFF)).all()


def test_more_scenes_than_a_machine_should_draw():
    """An impossible wish is an error of the course."""
    with pytest.raises(CourseError, match="ask for"):
        load("scenes", train=10**6, validation=1)


# -- confusion -------------------------------------------------------------------------------------------------------


def test_confusion_by_hand():
    """Rows are the truth; void is dropped; the mean is over classes that are true or predicted somewhere."""
    truth, answer = np.array([0, 0, 0, 1, 1, 2, -1, -1]), np.array([0, 0, 1, 1, 3, 2, 2, 0])
    found = count_pairs(answer, truth, 5)
    assert found.matrix[0].tolist() == [2, 1, 0, 0, 0]
    assert (found.total, found.accuracy, found.majority) == (6, pytest.approx(4 / 6), 0.5)
    assert found.iou[:4].tolist() == pytest.approx([2 / 3, 1 / 3, 1, 0])
    assert np.isnan(found.iou[4])
    assert found.mean_iou == pytest.approx(0.5)
    twice = found + found
    assert (twice.mean_iou, twice.total) == (pytest.approx(0.5), 12)


def test_nothing_is_labelled():
    """No number is made up."""
    found = count_pairs(np.zeros(4, np.int64), np.full(4, -1), 3)
    assert np.isnan([found.accuracy, found.mean_iou, found.majority]).all()


@pytest.mark.parametrize("batch", [None, 3])
@pytest.mark.parametrize("kind", ["int64", "uint8", "float", "list", "tensor", "scores"])
def test_any_form_of_answer(held, batch, kind):
    """The truth, with zeros for void, is perfect in whatever form it comes, and whatever is said of void."""
    labels = held._labels
    start = iter([0, 3, 6] if batch else [0])

    def predict(x):
        first = next(start)
        truth = labels[first : first + len(x)]
        answer = np.where(truth < 0, 7, truth)
        if kind == "scores":
            return torch.nn.functional.one_hot(torch.tensor(answer), 23).permute(0, 3, 1, 2).float()
        if kind == "tensor":
            return torch.tensor(answer)
        return answer.tolist() if kind == "list" else answer.astype(kind)

    found = held.confusion(predict, batch)
    assert (found.accuracy, found.mean_iou) == (1, 1)
    assert found.total == (labels >= 0).sum()
    assert found.majority == held.majority


def test_majority_is_a_weak_baseline(held):
    """Always the most frequent class: its share, and next to nothing as a mean over the classes."""
    labels = held._labels
    most = np.bincount(labels[labels >= 0]).argmax()
    found = held.confusion(lambda x: np.full((len(x), 96, 96), most))
    assert found.accuracy == found.majority == held.majority < 0.4
    assert found.mean_iou < 0.05


def test_answers_that_are_no_class_are_wrong(held):
    """-1, 200, and scores that are not finite count against the model, and take part in unions."""
    labels = held._labels
    for bad in (-1, 23, 200, np.nan, np.inf):
        answer = np.where(labels < 0, 0, labels).astype(np.float64)
        answer[:, :48] = bad
        found = held.confusion(lambda _, answer=answer: answer)
        below = (labels[:, 48:] >= 0).sum()
        assert found.accuracy == pytest.approx(below / found.total)
        assert found.unanswered.sum() == found.total - below
        assert found.mean_iou < 0.9
    scores = np.zeros((8, 23, 96, 96))
    scores[:, 3] = np.nan
    assert held.confusion(lambda _: scores).accuracy == 0


@pytest.mark.parametrize(
    ("shape", "says"),
    [
        ((8, 48, 48), "as high and wide as the pictures"),
        ((8, 23, 3, 3), "as high and wide as the pictures"),
        ((8, 96, 96, 23), "comes last, and should come second"),
        ((8, 5, 96, 96), r"scores of shape \(8, 23, 96, 96\)"),
        ((8,), "label map of shape"),
        ((7, 96, 96), "label map of shape"),
    ],
)
def test_other_shapes_are_refused(held, shape, says):
    """In words for the student, who reads what was expected."""
    with pytest.raises(PredictionError, match=says):
        held.confusion(lambda _: np.zeros(shape))


def test_fractions_are_refused(held):
    """Class 2.5 is none."""
    with pytest.raises(PredictionError, match="one class a pixel"):
        held.confusion(lambda _: np.full((8, 96, 96), 2.5))


def test_the_right_question_for_the_right_set(held):
    """Maps have no plain accuracy, points no confusion; labels of pictures have both."""
    with pytest.raises(ValueError, match="ask for the confusion"):
        held.accuracy(lambda x: x)
    faces = hold_out({"set": "faces", "train": 1, "test": 1}, SECRET)
    with pytest.raises(ValueError, match="no classes"):
        faces.confusion(lambda x: x)
    digits = hold_out({"set": "digits8x8", "train": 10, "test": 30, "array": "numpy"}, SECRET)
    zeros = digits.confusion(lambda x: np.zeros((len(x), 10)))
    assert zeros.accuracy == digits.accuracy(lambda x: np.zeros(len(x)))
    assert zeros.majority == digits.majority
    with pytest.raises(PredictionError, match="labels of shape"):
        digits.confusion(lambda _: np.zeros((30, 3)))


# -- photographs from folders ----------------------------------------------------------------------------------------


def paint(folder, name, size, seed):
    """A picture of four coloured quarters, and their numbers 0 to 3, (H, W)."""
    width, height = size
    rng = np.random.default_rng(seed)
    quarters = (np.arange(height)[:, None] >= height // 2) * 2 + (np.arange(width) >= width // 2)
    colours = rng.integers(60, 256, (4, 3)).astype(np.uint8)
    folder.mkdir(parents=True, exist_ok=True)
    Image.fromarray(colours[quarters]).save(folder / name)
    return quarters


def palette_picture(numbers):
    """Class numbers as the palette picture that VOC uses."""
    picture = Image.fromarray(numbers.astype(np.uint8), mode=None).convert("P")
    picture.putpalette([k * 37 % 256 for k in range(768)])
    picture.putdata(numbers.reshape(-1).tolist())
    return picture


@pytest.fixture(params=["microsoft", "course", "listed"])
def msrc_folder(request, tmp_path):
    """Eight photographs of MSRC-v2, as its makers or as a course lays them out, without or with lists."""
    pictures, targets = ("Images", "GroundTruth") if request.param == "microsoft" else ("images", "targets")
    colours = np.array([(0, 0, 0), *MSRC_COLOURS.values()], np.uint8)
    (tmp_path / targets).mkdir()
    for index in range(8):
        quarters = paint(tmp_path / pictures, f"{index}_1_s.bmp", (48, 32), index)
        labels = np.where(quarters == 3, -1, quarters + 5 * (index % 3))
        Image.fromarray(colours[labels + 1]).save(tmp_path / targets / f"{index}_1_s_GT.bmp")
    if request.param == "listed":
        for name, rows in (("train", range(4)), ("val", (4, 5)), ("test", (6, 7))):
            (tmp_path / f"{name}.txt").write_text("".join(f"{k}_1_s.bmp\n" for k in rows))
    return tmp_path


@pytest.fixture
def voc_folder(tmp_path):
    """Six photographs of VOC 2012, four to train on."""
    root = tmp_path / "VOCdevkit" / "VOC2012"
    (root / "SegmentationClass").mkdir(parents=True)
    (root / "ImageSets" / "Segmentation").mkdir(parents=True)
    names = [f"2007_00000{k}" for k in range(6)]
    for index, name in enumerate(names):
        quarters = paint(root / "JPEGImages", f"{name}.jpg", (50, 40), index)
        palette_picture(np.where(quarters == 3, 255, quarters * 10)).save(root / "SegmentationClass" / f"{name}.png")
    lists = root / "ImageSets" / "Segmentation"
    (lists / "train.txt").write_text("\n".join(names[:4]) + "\n")
    (lists / "val.txt").write_text("\n".join(names[4:]) + "\n")
    return tmp_path


@pytest.fixture
def pets_folder(tmp_path):
    """Six pets, four to train on."""
    root = tmp_path / "oxford-iiit-pet"
    (root / "annotations" / "trimaps").mkdir(parents=True)
    names = [f"Abyssinian_{k}" for k in range(6)]
    for index, name in enumerate(names):
        quarters = paint(root / "images", f"{name}.jpg", (40, 60), index)
        trimap = np.array([1, 2, 3, 3])[quarters].astype(np.uint8)
        Image.fromarray(trimap).save(root / "annotations" / "trimaps" / f"{name}.png")
    for part, chosen in (("trainval", names[:4]), ("test", names[4:])):
        (root / "annotations" / f"{part}.txt").write_text("".join(f"{name} 1 1 1\n" for name in chosen))
    return tmp_path


def check_folder(name, folder, classes, public, seen):
    """What holds for each of the three: sizes, values, fixed order, secret that moves."""
    config = {
        "set": name,
        "options": {"root": str(folder), "side": 24},
        "train": public - 1,
        "validation": 1,
        "test": 2,
        "array": "numpy",
    }
    held, other = hold_out(config, SECRET), hold_out(config, SECRET[::-1])
    assert held.classes == classes
    x, y = held.train
    assert (x.shape, x.dtype, y.shape, y.dtype) == ((public - 1, 3, 24, 24), np.float32, (public - 1, 24, 24), np.int64)
    assert 0.15 < x.min() < x.max() <= 1
    for part in (held.train[1], held.validation[1], held._labels):
        assert set(np.unique(part)) <= seen
        assert -1 in part
    # Each quarter has its own colour: labels and pictures are cut alike, also where they were moved.
    for picture, labels in zip([*x, *held.inputs], [*y, *held._labels], strict=True):
        for label in set(np.unique(labels).tolist()) - {-1}:
            deviation = np.median(
                np.abs(picture[:, labels == label] - np.median(picture[:, labels == label], axis=1, keepdims=True))
            )
            assert deviation < 0.05
    assert not (held.inputs == other.inputs).all()
    assert (hold_out(config, SECRET).inputs == held.inputs).all()
    with pytest.raises(CourseError, match="ask for"):
        load(name, root=str(folder), train=public, validation=1)


def test_msrc(msrc_folder):
    """MSRC-v2: colours stand for classes, black is void."""
    seen = {-1, *(k + 5 * m for k in range(3) for m in range(3))}
    check_folder("msrc", msrc_folder, 23, 6, seen)


def test_voc(voc_folder):
    """VOC: the palette's numbers are classes, 255 is void."""
    check_folder("voc", voc_folder, 21, 4, {-1, 0, 10, 20})


def test_pets(pets_folder):
    """Pets: 1 is the pet, class 0; 2 background, class 1; 3 void."""
    check_folder("pets", pets_folder, 2, 4, {-1, 0, 1})


def test_colours_of_msrc():
    """In all three channels, or void."""
    colours = np.array([[(128, 0, 0), (192, 64, 0)], [(0, 0, 0), (128, 0, 1)]], np.uint8)
    assert labels_of_colours(colours).tolist() == [[0, 22], [-1, -1]]
    assert list(MSRC_COLOURS)[22] == "boat"
    assert len(set(MSRC_COLOURS.values())) == 23


@pytest.mark.parametrize("name", ["msrc", "voc", "pets"])
def test_a_folder_without_the_set(name, tmp_path):
    """Nothing is downloaded, and the message says where it was looked for."""
    with pytest.raises(MachineError, match="not whole in this folder") as caught:
        load(name, root=str(tmp_path), train=1, validation=1)
    assert str(tmp_path) in str(caught.value)


def test_a_broken_file_is_named(voc_folder):
    """The photograph is at fault, not the student."""
    broken = voc_folder / "VOCdevkit" / "VOC2012" / "SegmentationClass" / "2007_000001.png"
    broken.write_bytes(broken.read_bytes()[:60])
    with pytest.raises(MachineError, match="cannot be read") as caught:
        load("voc", root=str(voc_folder), train=4, validation=0)
    assert broken.name in str(caught.value)


def test_labels_of_another_set_are_refused(voc_folder):
    """A class beyond the last, or a picture of another size."""
    target = voc_folder / "VOCdevkit" / "VOC2012" / "SegmentationClass" / "2007_000002.png"
    for numbers in (np.full((40, 50), 21), np.zeros((50, 40))):
        palette_picture(numbers).save(target)
        with pytest.raises(MachineError, match=target.name):
            load("voc", root=str(voc_folder), train=4, validation=0)
