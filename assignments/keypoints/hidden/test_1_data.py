"""Hidden checks for keypoint_data.py: the file as Kaggle gives it, and transforms that keep picture and keypoints together."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from grader.checks import assert_close, points
from grader.data.landmarks import COLUMNS

#: Which keypoint takes the place of which when left and right are exchanged.
PARTNERS = [1, 0, 4, 5, 2, 3, 8, 9, 6, 7, 10, 12, 11, 13, 14]
SOFT = {"rtol": 1e-4, "atol": 1e-3}


def draw(np_rng, faces):
    """Pictures with few bright pixels, as they are the shorter in a file, and keypoints with x and y apart."""
    pixels = np_rng.integers(0, 10, (faces, 96, 96)).astype(np.uint8)
    pixels[:, ::5, 3::7] = np_rng.integers(0, 256, pixels[:, ::5, 3::7].shape)
    keypoints = np_rng.uniform(2, 94, (faces, 15, 2)).round(6)
    return pixels, keypoints


def as_csv(pixels, keypoints):
    """The file's text; NaN is a gap."""
    lines = [",".join([*COLUMNS, "Image"])]
    for picture, face in zip(pixels, keypoints, strict=True):
        numbers = ["" if np.isnan(value) else repr(float(value)) for value in face.reshape(-1)]
        lines.append(",".join([*numbers, " ".join(map(str, picture.reshape(-1).tolist()))]))
    return "\n".join(lines) + "\n"


@points(5, hint="Two columns per keypoint, x and y in turn: reshape(15, 2). The picture's rows follow one another: reshape(1, 96, 96).")
def test_dataset_values(student, probe, np_rng):
    """`FacialKeypointsDataset` reads pictures (1, 96, 96) and keypoints (15, 2)."""
    pixels, keypoints = draw(np_rng, 3)
    got = probe.read_dataset(student.ref("FacialKeypointsDataset"), as_csv(pixels, keypoints))
    assert got["length"] == 3, f"A file with 3 faces and no gaps gives a data set of length {got['length']}."
    assert got["names"][0] == ["image", "keypoints"], f"A sample should have the keys image and keypoints; it has {got['names'][0]}."
    assert_close(
        got["images"],
        [picture[None].astype(float) for picture in pixels],
        name="the images",
        mistakes={
            "rows and columns of the picture exchanged": lambda: [picture.T[None] for picture in pixels],
            "grey values from 0 to 1; leave that to Normalize": lambda: [picture[None] / 255 for picture in pixels],
            "the channel axis missing: (96, 96)": lambda: list(pixels),
            "the channel axis at the end: (96, 96, 1)": lambda: [picture[..., None] for picture in pixels],
        },
        **SOFT,
    )
    assert_close(
        got["keypoints"],
        list(keypoints),
        name="the keypoints",
        mistakes={
            "y before x": lambda: [face[:, ::-1] for face in keypoints],
            "the first 15 numbers taken for x and the others for y": lambda: [face.reshape(2, 15).T for face in keypoints],
            "30 numbers in a row, not (15, 2)": lambda: [face.reshape(30) for face in keypoints],
            "numbers cut down to whole ones": lambda: [np.floor(face) for face in keypoints],
            "coordinates from -1 to 1; leave that to Normalize": lambda: [face / 48 - 1 for face in keypoints],
        },
        **SOFT,
    )


@points(5, hint="Drop a row if any of its 30 numbers is missing; then picture and keypoints must be of the same row.")
def test_dataset_gaps(student, probe, np_rng):
    """Faces with a gap are dropped, and the others keep their own pictures."""
    pixels, keypoints = draw(np_rng, 7)
    keypoints[0, 0, 0] = np.nan  # in the first column, in the last one, in half a point, in a whole one
    keypoints[3, 14, 1] = np.nan
    keypoints[4, np_rng.integers(1, 14)] = np.nan
    whole = [1, 2, 5, 6]
    got = probe.read_dataset(student.ref("FacialKeypointsDataset"), as_csv(pixels, keypoints))
    assert got["length"] != 7, "Rows with gaps are still there: of 7 faces 3 have a gap, and the data set has 7."
    assert got["length"] == 4, f"Of 7 faces 3 have a gap, the first one among them; the data set has {got['length']}, not 4."
    # The order of numbers within a face is the first check's business.
    sort = np.sort(np.stack([np.asarray(face).reshape(-1) for face in got["keypoints"]]), axis=1)
    right = keypoints.reshape(7, 30)
    assert_close(
        sort,
        np.sort(right[whole], axis=1),
        name="the keypoints of the complete rows",
        mistakes={
            "the first rows of the file, not the complete ones": lambda: np.sort(right[:4], axis=1),
            "gaps filled with 0": lambda: np.sort(np.nan_to_num(right[:4]), axis=1),
        },
        **SOFT,
    )
    grey = np.stack([np.sort(np.asarray(image).reshape(-1)) for image in got["images"]])
    flat = np.sort(pixels.reshape(7, -1).astype(float), axis=1)
    assert_close(
        grey,
        flat[whole],
        name="the pictures of the complete rows",
        mistakes={"pictures of other rows than their keypoints: of the file's first rows, gaps or not": lambda: flat[:4]},
        **SOFT,
    )


@points(2, hint="In __getitem__: `if self.transform: sample = self.transform(sample)`.")
def test_dataset_transform(student, probe, np_rng):
    """The transform is called on a sample each time that it is read."""
    got = probe.read_transformed(student.ref("FacialKeypointsDataset"), as_csv(*draw(np_rng, 2)))
    assert got["calls"], "The transform is never called."
    assert got["before"] == 0, "The transform runs when the data set is made; a random one would then never change its mind."
    assert got["calls"] == 2, f"When two samples were read, the transform ran {got['calls']} times."
    name = "what the transform made"
    assert_close(got["images"], [got["image"] * 2 + 1, got["image"] * 2 + 2], name=name, mistakes={
        "the sample as it was before the transform": lambda: [got["image"], got["image"]]}, **SOFT)
    assert_close(got["moved"], got["keypoints"] + 3, name=name, **SOFT)


@points(5, hint="image / 255 and (keypoints - 48) / 48.")
@pytest.mark.parametrize("kind", ["uint8", "float32"])
def test_normalize(student, np_rng, kind):
    """`Normalize` brings grey values to [0, 1] and coordinates to [-1, 1]."""
    # The one picture has all greys, the other is pale: neither says what the range of all pictures is.
    low, high = (0, 256) if kind == "uint8" else (30, 180)
    image = np_rng.integers(low, high, (1, 96, 96)).astype(kind)
    image[0, 0, :2] = low, high - 1
    keypoints = np_rng.uniform(2, 94, (15, 2)).astype(np.float32)
    # After a crop keypoints may lie outside of the picture.
    keypoints[:4] = [[0, 96], [48, 0], [96, 48], [-7, 103]]
    got = student.Normalize()({"image": image, "keypoints": keypoints})
    real = image.astype(np.float64)
    assert_close(
        got["image"],
        real / 255,
        name="the image",
        mistakes={
            "[-1, 1] for [0, 1], as on the slide": lambda: real / 255 * 2 - 1,
            "a division by 256": lambda: real / 256,
            "a division by the picture's own maximum; the range is [0, 255] for all": lambda: real / real.max(),
            "grey values stretched from the picture's own minimum to its own maximum; the range is [0, 255] for all": lambda: (real - low) / (high - 1 - low),
            "mean 0 and deviation 1 for [0, 1]": lambda: (real - real.mean()) / real.std(),
            "the grey values as they were": real,
            "(image - 48) / 48, which is for coordinates": lambda: (real - 48) / 48,
        },
        rtol=1e-4, atol=1e-5,
    )  # fmt: skip
    assert_close(
        got["keypoints"],
        (keypoints.astype(np.float64) - 48) / 48,
        name="the keypoints",
        mistakes={
            "[0, 1] for [-1, 1]: k / 96": lambda: keypoints / 96,
            "[-1/2, 1/2] for [-1, 1]: (k - 48) / 96": lambda: (keypoints - 48) / 96,
            "k / 48, with no shift": lambda: keypoints / 48,
            "the shift and no division": lambda: keypoints - 48,
            "the coordinates as they were": keypoints,
            "the division before the shift": lambda: keypoints / 48 - 48,
            "the opposite sign": lambda: (48 - keypoints) / 48,
            "keypoints outside of the picture pushed to its edge": lambda: np.clip((keypoints - 48) / 48, -1, 1),
            "48 k + 48, which leads from [-1, 1] back to pixels": lambda: keypoints * 48 + 48,
        },
        rtol=1e-4, atol=1e-5,
    )  # fmt: skip


@points(3, hint="torch.tensor(array, dtype=torch.float32) for each of the two; no permute, because the channel already comes first.")
@pytest.mark.parametrize("kinds", [("uint8", "float32"), ("float64", "float64")])
def test_to_tensor(student, np_rng, kinds):
    """`ToTensor` makes float32 tensors and changes neither shapes nor values."""
    image = np_rng.integers(0, 256, (1, 7, 9)).astype(kinds[0])
    keypoints = np_rng.uniform(0, 9, (15, 2)).astype(kinds[1])
    got = student.ToTensor()({"image": image, "keypoints": keypoints})
    for name, value in (("image", image), ("keypoints", keypoints)):
        kind = got[name].dtype
        assert isinstance(got[name], torch.Tensor), f"`ToTensor` should make a tensor of `{name}`; it made a {type(got[name]).__name__}."
        assert kind == torch.float32, f"`ToTensor` should make float32 of `{name}`, whatever it was; from {value.dtype} it made {kind}."
        mistakes = {
            "a division by 255; that is for Normalize": lambda value=value: value / 255,
            "an axis moved, although the channel already comes first": lambda value=value: np.moveaxis(value, -1, 0),
            "rows and columns exchanged": lambda value=value: np.swapaxes(value, -1, -2),
        }
        assert_close(got[name].double(), value.astype(np.float64), name=name, mistakes=mistakes, **SOFT)


def picture(np_rng, height, width):
    """A picture and 15 keypoints on it, all of different heights."""
    image = np_rng.integers(0, 256, (1, height, width)).astype(np.uint8)
    keypoints = np_rng.uniform(1, width - 1, (15, 2)).astype(np.float32)
    keypoints[:, 1] = np_rng.permutation(np.linspace(1, height - 1, 15)) + np_rng.uniform(-0.2, 0.2, 15)
    return {"image": image, "keypoints": keypoints}


@points(5, hint="Columns in reverse order; x becomes W - x; y stays.")
@pytest.mark.parametrize("size", [(96, 96), (20, 33)])
def test_flip_mirrors(student, np_rng, size):
    """`flip` mirrors the picture, and the x of the keypoints with it."""
    sample = picture(np_rng, *size)
    image, keypoints = sample["image"].astype(int), sample["keypoints"].astype(np.float64)
    got = student.flip(sample)
    assert_close(
        np.asarray(got["image"]).astype(np.float64),
        image[:, :, ::-1].astype(np.float64),
        name="the image",
        mistakes={
            "the picture as it was": image,
            "rows in reverse order: upside down": image[:, ::-1],
            "rows and columns in reverse order": image[:, ::-1, ::-1],
            "rows and columns exchanged": np.swapaxes(image, 1, 2),
        },
        **SOFT,
    )
    # Which keypoint is which is the next check's business; here they are told by their heights, which stay.
    order = np.argsort(keypoints[:, 1])
    moved = np.asarray(got["keypoints"]).astype(np.float64)
    assert moved.shape == (15, 2), f"Mirrored keypoints should have shape (15, 2); they have {moved.shape}."
    sort = np.argsort(moved[:, 1])
    height, width = size
    x, y = keypoints[order].T
    assert_close(
        moved[sort],
        np.stack([width - x, y], axis=1),
        name="the keypoints, from top to bottom,",
        mistakes={
            "coordinates that are not mirrored": lambda: np.stack([x, y], axis=1),
            "W - 1 - x, a pixel too far to the left: a picture spans 0 to W": lambda: np.stack([width - 1 - x, y], axis=1),
            "-x, which mirrors coordinates of -1 to 1, not pixels": lambda: np.stack([-x, y], axis=1),
            "96 - x, whatever the picture's width is": lambda: np.stack([96 - x, y], axis=1),
            "H - x instead of W - x": lambda: np.stack([height - x, y], axis=1),
            "y mirrored instead of x": lambda: np.stack([x, height - y], axis=1)[::-1],
            "x and y both mirrored": lambda: np.stack([width - x, height - y], axis=1)[::-1],
            "x - W, the opposite sign": lambda: np.stack([x - width, y], axis=1),
        },
        **SOFT,
    )


@points(4, hint="keypoints[partners], where partners[0] = 1, partners[1] = 0 and so on; nose and lips stay where they are.")
def test_flip_swaps(student, np_rng):
    """`flip` makes left and right keypoints change places."""
    sample = picture(np_rng, 96, 96)
    keypoints = sample["keypoints"].astype(np.float64)
    got = np.asarray(student.flip(sample)["keypoints"]).astype(np.float64)
    assert got.shape == (15, 2), f"Mirrored keypoints should have shape (15, 2); they have {got.shape}."
    # Heights say which keypoint came where, however x was mirrored. Upside down, they would say nothing.
    heights = keypoints[:, 1]
    if not np.allclose(np.sort(got[:, 1]), np.sort(heights), atol=1e-3):
        got = 96 - got

    def swapped(*pairs):
        order = list(range(15))
        for a, b in pairs:
            order[a], order[b] = b, a
        return heights[order]

    assert_close(
        got[:, 1],
        heights[PARTNERS],
        name="the order of the keypoints (told by their heights)",
        mistakes={
            "no keypoint swapped: the mirrored left eye is a right eye": heights,
            "only the centres of the eyes swapped": lambda: swapped((0, 1)),
            "only the eyes swapped, and not brows and mouth": lambda: swapped((0, 1), (2, 4), (3, 5)),
            "eyes and brows swapped, and not the corners of the mouth": lambda: swapped((0, 1), (2, 4), (3, 5), (6, 8), (7, 9)),
            "inner corners and ends swapped with outer ones": lambda: swapped((0, 1), (2, 5), (3, 4), (6, 9), (7, 8), (11, 12)),
            "neighbouring rows swapped: inner with outer corners, not left with right": lambda: swapped((0, 1), (2, 3), (4, 5), (6, 7), (8, 9), (11, 12)),
            "the lips swapped as well; they lie in the middle": lambda: swapped((0, 1), (2, 4), (3, 5), (6, 8), (7, 9), (11, 12), (13, 14)),
            "all rows in reverse order": lambda: heights[::-1],
        },
        **SOFT,
    )


@points(3, hint="One random number for each call: below p, flip; otherwise return the sample unchanged.")
def test_random_flip(student, probe, np_rng):
    """`RandomHorizontalFlip` mirrors with probability p, each time anew (a right one fails once in a million)."""
    sample = picture(np_rng, 4, 5)
    parts = student.ref("RandomHorizontalFlip"), student.ref("flip"), sample["image"], sample["keypoints"]
    rows = []
    for p, n in ((0.0, 20), (1.0, 20), (0.2, 500), (None, 500)):
        got = probe.flips(*parts, p, n, int(np_rng.integers(2**31)))
        said = f"`RandomHorizontalFlip({'' if p is None else p})`"
        assert not got["other"], f"{said} makes something that is neither the sample nor what `flip` makes of it."
        wanted = 0.5 if p is None else p
        rows.append((said, n, wanted, 5.2 * (wanted * (1 - wanted) / n) ** 0.5 + 1e-9, got["mirrored"] / n))
    turned = all(abs(share - (1 - wanted)) <= slack for _, _, wanted, slack, share in rows)
    once = all(share in (0.0, 1.0) for *_, share in rows)
    why = "; p is the probability of a flip, not of none" if turned else "; it is decided once, and not at each call" if once else ""
    for said, n, wanted, slack, share in rows:
        assert abs(share - wanted) <= slack, f"{said} mirrors {share * n:.0f} of {n} samples{why}."


@points(3, hint="image[:, top:top + size, left:left + size]; subtract (left, top) from every (x, y).")
@pytest.mark.parametrize("place", [(9, 4, 10), (3, 7, 12), (0, 0, 8), (0, 6, 9), (7, 0, 11)])
def test_crop(student, np_rng, place):
    """`crop` cuts out a square and moves the keypoints into it."""
    sample = picture(np_rng, 19, 26)
    left, top, size = place
    image, keypoints = sample["image"].astype(np.float64), sample["keypoints"].astype(np.float64)
    got = student.crop(sample, left, top, size)
    assert_close(
        np.asarray(got["image"]).astype(np.float64),
        image[:, top : top + size, left : left + size],
        name="the image",
        mistakes={
            "left and top exchanged": lambda: image[:, left : left + size, top : top + size],
            "the upper left corner, wherever the square is asked for": lambda: image[:, :size, :size],
            "a cut from the corner to `size`, not to the corner plus `size`": lambda: image[:, top:size, left:size],
            "a square a pixel too small": lambda: image[:, top : top + size - 1, left : left + size - 1],
            "the picture as it was": image,
        },
        **SOFT,
    )
    assert_close(
        got["keypoints"],
        keypoints - [left, top],
        name="the keypoints",
        mistakes={
            "left and top exchanged": lambda: keypoints - [top, left],
            "the corner added, not subtracted": lambda: keypoints + [left, top],
            "a corner that is a pixel further to the right and down": lambda: keypoints - [left, top] - 1,
            "a corner that is a pixel further to the left and up": lambda: keypoints - [left, top] + 1,
            "keypoints that did not move with the picture": keypoints,
            "keypoints outside pushed to the edge": lambda: np.clip(keypoints - [left, top], 0, size),
            "keypoints outside pushed to the last pixel": lambda: np.clip(keypoints - [left, top], 0, size - 1),
            "coordinates scaled to the crop as well": lambda: (keypoints - [left, top]) * [26 / size, 19 / size],
        },
        **SOFT,
    )


def smooth(np_rng, height, width, wave):
    """A picture of slow waves, on which every sound interpolation agrees; grey values of 0 to 255."""
    y, x = np.mgrid[0:height, 0:width] + 0.5
    a, b, c = np_rng.uniform(0, 6.28, 3)
    image = 128 + 60 * np.sin(6.28 * x / wave + a) + 60 * np.sin(6.28 * y / (1.2 * wave) + b) * np.cos(3 * x / wave + c)
    return image[None].round().astype(np.uint8)


def interpolate(image, size, mode="bilinear", **options):
    """torch's interpolation of a (1, H, W) array."""
    return F.interpolate(torch.tensor(image).double()[None], size=(size, size), mode=mode, **options)[0].numpy()


@points(5, hint="F.interpolate with mode='bilinear'; x times size / W, and y times size / H.")
@pytest.mark.parametrize("sizes", [(48, 72, 32), (36, 24, 60)])
def test_rescale(student, np_rng, sizes):
    """`rescale` changes the size of the picture, and the coordinates with it."""
    height, width, size = sizes
    sample = picture(np_rng, height, width)
    sample["image"] = smooth(np_rng, height, width, 22)
    image, keypoints = sample["image"], sample["keypoints"].astype(np.float64)
    got = student.rescale(sample, size)
    kind = np.asarray(got["image"]).dtype
    assert kind.kind == "f", f"`rescale` should give float grey values, which lie between those of neighbours; it gave {kind}."
    assert_close(
        np.asarray(got["image"]).astype(np.float64),
        interpolate(image, size),
        name="the image",
        rtol=0,
        atol=8,  # of 255: filters differ a little, places must not
        mistakes={
            "the middles of the outer pixels laid upon each other: align_corners=True": lambda: interpolate(image, size, align_corners=True),
            "the nearest pixel, not a mean of neighbours": lambda: interpolate(image, size, mode="nearest"),
            "rows and columns exchanged": lambda: np.swapaxes(interpolate(image, size), 1, 2),
            "grey values of 0 to 1": lambda: interpolate(image, size) / 255,
        },
    )
    assert_close(
        got["keypoints"],
        keypoints * [size / width, size / height],
        name="the keypoints",
        mistakes={
            "keypoints that were not scaled": keypoints,
            "the inverse factors": lambda: keypoints * [width / size, height / size],
            "the factor of the width for y as well": lambda: keypoints * (size / width),
            "the factor of the height for x as well": lambda: keypoints * (size / height),
            "the factors of x and y exchanged": lambda: keypoints * [size / height, size / width],
            "factors of (size - 1) / (W - 1): a picture spans 0 to W": lambda: keypoints * [(size - 1) / (width - 1), (size - 1) / (height - 1)],
            "size / 96, whatever the picture's size is": lambda: keypoints * size / 96,
        },
        **SOFT,
    )


@points(3, hint="left and top from 0 to W - size, both ends included, drawn independently; then crop and rescale to the old size.")
def test_random_crop(student, probe, np_rng):
    """`RandomCrop` crops at any place, and rescales to the old size (a right one fails less than once in a million)."""
    side, size = 24, 20
    image, keypoints = smooth(np_rng, side, side, 11), np_rng.uniform(1, side - 1, (15, 2)).astype(np.float32)
    got = probe.crops(student.ref("RandomCrop"), image, keypoints, size, 120, int(np_rng.integers(2**31)))
    shape = got["images"].shape[1:]
    assert shape == (1, side, side), f"A crop of a (1, {side}, {side}) picture should be rescaled to that size; it has shape {tuple(shape)}."
    places = keypoints - got["keypoints"] * (size / side)
    corners = places.mean(axis=1)
    one = np.abs(places - corners[:, None]).max() < 1e-2 and np.abs(corners - corners.round()).max() < 1e-2
    assert one, f"`RandomCrop({size})` does not move keypoints as a crop at whole pixels and `rescale` would."
    corners = corners.round().astype(int)
    assert corners.min() >= 0 and corners.max() <= side - size, "`RandomCrop` cuts out squares that lie partly outside of the picture."
    different = np.unique(corners, axis=0)
    for corner in different:
        left, top = corner
        wanted = interpolate(image[:, top : top + size, left : left + size], side)
        for made in got["images"][(corners == corner).all(axis=1)]:
            assert np.abs(made - wanted).max() < 12, "After `RandomCrop` the keypoints point to a different place in the picture than before."
    assert len(different) > 1, "`RandomCrop` cuts the same place out in each of 120 calls: draw it anew each time it is called."
    for axis, name in enumerate(("left", "top")):
        missing = set(range(side - size + 1)) - set(corners[:, axis].tolist())
        assert not missing, f"In 120 calls of `RandomCrop({size})` on {side} pixels, `{name}` was never {min(missing)}; 0 to {side - size} are possible."
    assert (corners[:, 0] != corners[:, 1]).any(), "`RandomCrop` always takes the same number for left and top; draw two."


@points(3, hint="Transforms return new arrays. After a reversal of columns, .copy(): torch takes no negative strides.")
def test_pipeline(student, probe, np_rng):
    """Data set, transforms and loader work together, and reading a face does not change it."""
    names = ("FacialKeypointsDataset", "RandomHorizontalFlip", "RandomCrop", "Normalize", "ToTensor")
    got = probe.read_batches(*map(student.ref, names), as_csv(*draw(np_rng, 3)), int(np_rng.integers(2**31)))
    for chain, epochs in got.items():
        for name, shape in (("image", (3, 1, 96, 96)), ("keypoints", (3, 15, 2))):
            first, second = (epoch[name] for epoch in epochs)
            assert tuple(first.shape) == shape, f"A batch of 3 samples should have {name} of shape {shape}; it has {tuple(first.shape)}."
            assert first.dtype == torch.float32, f"A batch should have {name} in float32; it has {first.dtype}."
            assert torch.isfinite(first).all(), f"A batch has {name} that are not finite."
            if chain != "cropped":
                assert torch.allclose(first, second), (
                    f"Read for the second time, the same faces have other {name}: a transform overwrites what the data set keeps."
                )
    sample = picture(np_rng, 96, 96)
    transforms = [
        ["flip", student.ref("flip"), []],
        ["crop", student.ref("crop"), [5, 9, 70]],
        ["rescale", student.ref("rescale"), [60]],
        *([name, student.ref(name), arguments] for name, arguments in zip(names[1:], ([1.0], [80], [], []))),
    ]
    for name, changed in probe.overwritten(transforms, sample["image"], sample["keypoints"]).items():
        assert not changed, f"`{name}` writes to the {' and the '.join(changed)} of the sample that it is given, which the data set keeps: make a new array."
