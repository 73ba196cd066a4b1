"""What every data set must keep to: each that is registered, ours and those of other packages, is held to it here."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from grader.data import dataset_names, hold_out, load
from grader.data.registry import Samples, make
from grader.data.scene_folders import MSRC_COLOURS
from grader.data.video_frames import _scan
from grader.errors import CourseError, UsageError
from tests.framework.data.test_data_clips import write_video
from tests.framework.data.test_data_mnist import SIZES, write_idx
from tests.framework.data.test_data_scenes import paint, palette_picture
from tests.support.packages import install

pytestmark = pytest.mark.torch

KEY, OTHER_KEY = bytes(range(32)), bytes(range(1, 33))
#: Small enough for every data set, made-up files included.
TRAIN, VALIDATION, TEST = 24, 12, 20
PACKAGE = '''\
"""Stripes: a data set of another package."""
import numpy as np
from grader.data.registry import Samples, check_size


class Stripes:
    classes = 2
    public_size = 50
    secret_size = 40

    def __init__(self, width=4):
        self.width = width

    def _samples(self, count, seed):
        rng = np.random.default_rng(seed)
        y = rng.integers(2, size=count).astype(np.int64)
        x = rng.random((count, 1, self.width, self.width), dtype=np.float32) / 2
        x[y == 1] += 0.5
        return Samples(x, y)

    def public(self, train, validation):
        check_size("stripes", train + validation, self.public_size, "train + validation")
        both = self._samples(self.public_size, 0)
        return tuple(Samples(*(part[at] for part in both)) for at in (slice(train), slice(train, train + validation)))

    def secret(self, test, key):
        check_size("stripes", test, self.secret_size, "test")
        return self._samples(test, int.from_bytes(key, "big"))
'''


def msrc_files(root):
    """Photographs of MSRC-v2 with the lists that say which are for the test."""
    colours = np.array([(0, 0, 0), *MSRC_COLOURS.values()], np.uint8)
    (root / "targets").mkdir()
    for index in range(72):
        quarters = paint(root / "images", f"{index}_1_s.bmp", (48, 32), index)
        Image.fromarray(colours[quarters + index % 5 + 1]).save(root / "targets" / f"{index}_1_s_GT.bmp")
    for name, rows in (("train", range(40)), ("val", range(40, 48)), ("test", range(48, 72))):
        (root / f"{name}.txt").write_text("".join(f"{row}_1_s.bmp\n" for row in rows))


def voc_files(root):
    """Photographs of VOC 2012 with their class maps."""
    year = root / "VOCdevkit" / "VOC2012"
    lists = year / "ImageSets" / "Segmentation"
    lists.mkdir(parents=True)
    (year / "SegmentationClass").mkdir()
    names = [f"2007_{index:06d}" for index in range(72)]
    for index, name in enumerate(names):
        quarters = paint(year / "JPEGImages", f"{name}.jpg", (50, 40), index)
        palette_picture(quarters * 5).save(year / "SegmentationClass" / f"{name}.png")
    (lists / "train.txt").write_text("\n".join(names[:48]) + "\n")
    (lists / "val.txt").write_text("\n".join(names[48:]) + "\n")


def pets_files(root):
    """Pets with their trimaps."""
    notes = root / "oxford-iiit-pet" / "annotations"
    (notes / "trimaps").mkdir(parents=True)
    names = [f"Abyssinian_{index}" for index in range(72)]
    for index, name in enumerate(names):
        quarters = paint(root / "oxford-iiit-pet" / "images", f"{name}.jpg", (40, 60), index)
        Image.fromarray(np.array([1, 2, 3, 3])[quarters].astype(np.uint8)).save(notes / "trimaps" / f"{name}.png")
    for part, chosen in (("trainval", names[:48]), ("test", names[48:])):
        (notes / f"{part}.txt").write_text("".join(f"{name} 1 1 1\n" for name in chosen))


def video_files(root):
    """Frames of clips, in the folders of UCF-101."""
    for label, name in enumerate(("Archery", "Biking")):
        for group in range(1, 26):
            for clip in (1, 2):
                colour = (100 * label + 20 + clip, 8 * group)
                write_video(root / name / f"v_{name}_g{group:02d}_c{clip:02d}", colour)
    _scan.cache_clear()


#: Data sets that read photographs or frames from a folder: what makes one, and the options that keep it small.
FOLDERS = {
    "msrc": (msrc_files, {"side": 24}),
    "voc": (voc_files, {"side": 24}),
    "pets": (pets_files, {"side": 24}),
    "video_frames": (video_files, {"frames": 3, "side": 14, "stride": 2}),
}


@pytest.fixture(scope="module", params=dataset_names())
def data(request, tmp_path_factory):
    """Every registered data set; one that reads files finds made-up ones."""
    options = {}
    if request.param == "mnist":
        folder = tmp_path_factory.mktemp("mnist")
        raw, rng = folder / "MNIST" / "raw", np.random.default_rng(0)
        raw.mkdir(parents=True)
        for half, count in SIZES.items():
            images = np.zeros((count, 28, 28), dtype=np.uint8)
            images[:, 6:22, 6:22] = rng.integers(60, 256, size=(count, 16, 16))
            write_idx(raw / f"{half}-images-idx3-ubyte", images)
            write_idx(raw / f"{half}-labels-idx1-ubyte", rng.integers(10, size=count))
        options = {"root": str(folder)}
    elif request.param in FOLDERS:
        write, options = FOLDERS[request.param]
        folder = tmp_path_factory.mktemp(request.param)
        write(folder)
        options = {**options, "root": str(folder)}
    return make(request.param, options)


def images(samples):
    return {image.tobytes() for image in samples.x}


def same(one, other):
    return all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


def test_parts_have_the_shapes_that_were_asked_for(data):
    """Images are float32 in [0, 1], four axes or, for clips, five; what belongs to them has as many rows, and labels run from 0."""
    train, validation = data.public(TRAIN, VALIDATION)
    for samples, count in ((train, TRAIN), (validation, VALIDATION), (data.secret(TEST, KEY), TEST)):
        assert isinstance(samples, Samples)
        assert samples.x.dtype == np.float32
        assert (len(samples.x), len(samples.y)) == (count, count)
        assert samples.x.ndim in (4, 5)
        assert samples.x.shape[1:] == train.x.shape[1:]
        assert 0.0 <= float(samples.x.min()) < float(samples.x.max()) <= 1.0
        if samples.y.ndim == 1:
            assert samples.y.dtype == np.int64
            assert 0 <= samples.y.min() <= samples.y.max() < data.classes
        else:
            assert np.isfinite(samples.y).all()


def test_public_parts_are_the_same_each_time_and_apart(data):
    """What students train on does not move with the validation part, and shares no image with it."""
    train, validation = data.public(TRAIN, VALIDATION)
    assert all(same(*pair) for pair in zip((train, validation), data.public(TRAIN, VALIDATION), strict=True))
    assert same(train, data.public(TRAIN, 4)[0])
    assert not images(train) & images(validation)


def test_the_secret_part_follows_the_key(data):
    """The same key gives the same samples; another one gives others; none is public."""
    secret, again, other = data.secret(TEST, KEY), data.secret(TEST, KEY), data.secret(TEST, OTHER_KEY)
    assert same(secret, again)
    assert images(secret) != images(other)
    train, validation = data.public(TRAIN, VALIDATION)
    assert not images(secret) & (images(train) | images(validation))


def test_sizes_are_told_and_kept_to(data):
    """There are as many samples as it says, and more are refused in words that name the number."""
    assert data.public_size >= TRAIN + VALIDATION
    assert data.secret_size >= TEST
    with pytest.raises(CourseError, match=f"has {data.public_size} samples"):
        data.public(data.public_size, 1)
    with pytest.raises(CourseError, match=f"has {data.secret_size} samples"):
        data.secret(data.secret_size + 1, KEY)


# -- data sets of other packages -----------------------------------------------------------------------------------------


@pytest.fixture
def stripes(monkeypatch, tmp_path):
    """A package that brings a data set is installed."""
    install(monkeypatch, tmp_path, "striped", PACKAGE, autograde_datasets={"stripes": "striped:Stripes"})
    return tmp_path


def test_a_package_adds_a_data_set(stripes):
    """It is listed, takes its options, and is held out like ours."""
    assert dataset_names()[-1] == "stripes"
    assert load("stripes", train=3, validation=2, array="numpy", width=6).train[0].shape == (3, 1, 6, 6)
    config = {"set": "stripes", "train": 5, "validation": 5, "test": 30, "array": "numpy"}
    held = hold_out(config, KEY)
    assert held.accuracy(lambda x: (x.mean(axis=(1, 2, 3)) > 0.5).astype(int)) == 1.0
    with pytest.raises(CourseError, match=r"does not take these options.*hight"):
        load("stripes", train=1, validation=1, hight=3)


def test_a_package_s_data_set_passes_for_every_rule_here(stripes):
    """The rules above can be kept by a data set of thirty lines."""
    data = make("stripes", {})
    test_parts_have_the_shapes_that_were_asked_for(data)
    test_public_parts_are_the_same_each_time_and_apart(data)
    test_the_secret_part_follows_the_key(data)
    test_sizes_are_told_and_kept_to(data)


def test_a_student_s_machine_finds_it_too(stripes):
    """`load` works in a process that has imported nothing else of ours, without torch."""
    program = (
        f"import sys; sys.path.insert(0, {str(stripes)!r})\nfrom grader.data import load\n"
        "split = load('stripes', train=4, validation=2, array='numpy')\n"
        "print(split.train[0].shape, 'torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "(4, 1, 4, 4) False"


def test_a_package_that_is_broken_is_named(monkeypatch, tmp_path):
    """Not as a data set that is unknown: the package is there."""
    install(monkeypatch, tmp_path, "torn", "import no_such_module\n", autograde_datasets={"torn": "torn:Torn"})
    with pytest.raises(UsageError, match="no_such_module"):
        make("torn", {})


def test_an_unknown_data_set_is_an_error_with_the_nearest(stripes):
    """Those of packages are among the names."""
    with pytest.raises(CourseError, match="did you mean 'stripes'"):
        make("stripe", {})
