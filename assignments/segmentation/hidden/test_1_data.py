"""Hidden checks for seg_data.py: labels from colours, and transforms that keep a picture and its labels together."""

import pytest
import torch
from torch.nn import functional as F
from torchvision.transforms import InterpolationMode
from torchvision.transforms.functional import rotate as turned_by_torchvision

from grader.checks import assert_close, points, untouched

SOFT = {"rtol": 1e-3, "atol": 1e-4}
C = 7


def scene(rng, height=6, width=9, classes=C):
    """A random picture, and labels with void among them."""
    return torch.rand(3, height, width, generator=rng), torch.randint(-1, classes, (height, width), generator=rng)


@points(2, hint="Compare all three channels: (colours[:, :, None] == palette).all(dim=3). Start from a map full of -1, int64.")
@pytest.mark.parametrize("shape", [(5, 8), (7, 4)])
def test_rgb_to_labels(student, rng, shape):
    """`rgb_to_labels` finds the class that a colour stands for, and -1 for any other colour."""
    # Colours that share channels with one another, so that comparing one channel, or a sum, will not do.
    levels = torch.tensor([0, 64, 128, 192])
    grid = torch.cartesian_prod(levels, levels, levels)[1:]
    chosen = torch.randperm(len(grid), generator=rng)
    palette, others = grid[chosen[:C]].to(torch.uint8), torch.cat([grid[chosen[C : C + 4]], torch.zeros(3, 3, dtype=torch.int64)]).to(torch.uint8)
    labels = torch.randint(-1, C, shape, generator=rng)
    labels.view(-1)[:3] = torch.tensor([0, C - 1, -1])
    strange = others[torch.randint(len(others), shape, generator=rng)]
    colours = torch.where((labels >= 0)[..., None], palette[labels.clamp(min=0)], strange)
    # One that is nearly a class's colour is the colour of none.
    labels.view(-1)[3], colours.view(-1, 3)[3] = -1, palette[1] ^ torch.tensor([0, 0, 1], dtype=torch.uint8)

    def one_channel(channel):
        equal = colours[:, :, None, channel] == palette[:, channel]
        return torch.where(equal.any(dim=2), equal.int().argmax(dim=2), -1)

    def two_channels(a, b):
        equal = (colours[:, :, None, [a, b]] == palette[:, [a, b]]).all(dim=3)
        return torch.where(equal.any(dim=2), equal.int().argmax(dim=2), -1)

    def by_sum():
        equal = colours.long().sum(dim=2)[..., None] == palette.long().sum(dim=1)
        return torch.where(equal.any(dim=2), equal.int().argmax(dim=2), -1)

    def nearest():
        return torch.cdist(colours.reshape(-1, 3).float(), palette.float()).argmin(dim=1).reshape(shape)

    assert_close(
        untouched(student.rgb_to_labels)(colours, palette),
        labels,
        name="the labels",
        dtype=torch.int64,
        mistakes={
            "255 for colours of no class: -1 does not fit into uint8": lambda: labels % 256,
            "class 0 for colours of no class": lambda: labels.clamp(min=0),
            "the number of classes for colours of no class": lambda: torch.where(labels < 0, C, labels),
            "classes counted from 1, and 0 for colours of no class": lambda: labels + 1,
            "classes counted from 1": lambda: torch.where(labels < 0, -1, labels + 1),
            "a comparison of the red channel only": lambda: one_channel(0),
            "a comparison of the green channel only": lambda: one_channel(1),
            "a comparison of the blue channel only": lambda: one_channel(2),
            "the class with the nearest colour, for colours of no class too": nearest,
            "a tolerance: a colour that is nearly a class's is the colour of none": lambda: torch.where(torch.cdist(colours.reshape(-1, 3).float(), palette.float()).amin(dim=1).reshape(shape) < 16, nearest(), -1),
            "a comparison of red and green only": lambda: two_channels(0, 1),
            "a comparison of red and blue only": lambda: two_channels(0, 2),
            "a comparison of green and blue only": lambda: two_channels(1, 2),
            "a comparison of the sums of the channels": lambda: by_sum(),
            "BGR for RGB": lambda: torch.where((colours.flip(2)[:, :, None] == palette).all(dim=3).any(dim=2), (colours.flip(2)[:, :, None] == palette).all(dim=3).int().argmax(dim=2), -1),
            "rows and columns exchanged": lambda: labels.T,
        },
    )


def both(got, image, labels, mistakes, tolerance=SOFT, image_name="the picture", labels_name="the labels"):
    """Compare a pair with what is right; ``mistakes`` gives wrong pairs by what is wrong with them."""
    assert isinstance(got, (tuple, list)) and len(got) == 2, "A transform returns two tensors: the picture and its labels."
    pairs = {words: pair for words, pair in mistakes.items()}
    assert_close(got[0], image, name=image_name, mistakes={words: (lambda pair=pair: pair()[0]) for words, pair in pairs.items()}, **tolerance)
    assert_close(got[1], labels, name=labels_name, mistakes={words: (lambda pair=pair: pair()[1]) for words, pair in pairs.items()}, dtype=torch.int64)


@points(1, hint="Columns are the last axis of both: image.flip(2), labels.flip(1).")
def test_flip(student, rng):
    """`flip` mirrors a picture and its labels: left becomes right."""
    image, labels = scene(rng)
    both(
        untouched(student.flip)(image, labels),
        image.flip(2),
        labels.flip(1),
        {
            "no mirror at all": lambda: (image, labels),
            "up and down exchanged": lambda: (image.flip(1), labels.flip(0)),
            "a turn by 180 degrees, not a mirror": lambda: (image.flip(1, 2), labels.flip(0, 1)),
            "the channels exchanged as well": lambda: (image.flip(0, 2), labels.flip(1)),
        },
    )


@points(2, hint="Rows from top on, columns from left on, of both. What is missing below and to the right: 0 in the picture, -1 in the labels.")
@pytest.mark.parametrize("case", [(1, 3, 4, 5), (0, 0, 6, 9), (3, 6, 5, 4), (2, 1, 8, 3), (0, 0, 8, 12), (1, 0, 3, 14)])
def test_crop(student, rng, case):
    """`crop` cuts the same part out of picture and labels; beyond the picture there is nothing, and void."""
    image, labels = scene(rng)
    top, left, height, width = case
    wide, far = F.pad(image, (0, 20, 0, 20)), F.pad(labels, (0, 20, 0, 20), value=-1)

    def part(top, left, height, width, wide=wide, far=far):
        return wide[:, top : top + height, left : left + width], far[top : top + height, left : left + width]

    both(
        untouched(student.crop)(image, labels, top, left, height, width),
        *part(*case),
        {
            "top and left exchanged": lambda: part(left, top, height, width),
            "height and width exchanged": lambda: part(top, left, width, height),
            "0, which is a class, where there is no picture; void is -1": lambda: part(*case, far=F.pad(labels, (0, 20, 0, 20))),
            "a smaller part where the picture ends": lambda: (image[:, top : top + height, left : left + width], labels[top : top + height, left : left + width]),
            "the upper left corner, wherever it should be": lambda: part(0, 0, height, width),
            "height and width taken for the last row and column": lambda: (image[:, top:height, left:width], labels[top:height, left:width]),
        },
    )


def resized(image, labels, height, width, mode="nearest-exact"):
    """Both by interpolation, the labels in a mode of their own."""
    options = {} if "nearest" in mode else {"align_corners": False}
    target = F.interpolate(labels[None, None].double(), size=(height, width), mode=mode, **options)[0, 0].long()
    return F.interpolate(image[None], size=(height, width), mode="bilinear")[0], target


@points(4, hint='F.interpolate(image[None], size=..., mode="bilinear")[0]; labels as float with mode="nearest-exact", and back to long.')
@pytest.mark.parametrize("size", [(12, 27), (3, 5), (7, 11), (9, 4)])
def test_rescale(student, rng, size):
    """`rescale` interpolates the picture, and gives each new pixel a label that was there."""
    image, labels = scene(rng, classes=23)
    labels[2, 3], labels[4, 1] = 22, -1
    right = resized(image, labels, *size)
    got = untouched(student.rescale)(image, labels, *size)
    if isinstance(got, (tuple, list)) and len(got) == 2 and tuple(got[1].shape) == size:
        there = set(labels.unique().tolist())
        new = sorted(set(torch.as_tensor(got[1]).double().unique().tolist()) - there)
        assert not new, f"After `rescale` there are labels that were not there before, {new[0]:g} for one: labels are names of classes, and there is nothing between two names. Use the label of the nearest pixel."
    both(
        got,
        *right,
        {
            "labels from the corners of the new pixels, not from their middles; mode nearest does that, nearest-exact does not": lambda: (right[0], resized(image, labels, *size, mode="nearest")[1]),
            "the nearest pixel, where the picture should be interpolated": lambda: (F.interpolate(image[None], size=size, mode="nearest-exact")[0], right[1]),
            "the nearest pixel at the corners, where the picture should be interpolated": lambda: (F.interpolate(image[None], size=size, mode="nearest")[0], right[1]),
            "align_corners=True": lambda: (F.interpolate(image[None], size=size, mode="bilinear", align_corners=True)[0], right[1]),
            "bicubic interpolation": lambda: (F.interpolate(image[None], size=size, mode="bicubic")[0], right[1]),
            "antialiasing": lambda: (F.interpolate(image[None], size=size, mode="bilinear", antialias=True)[0], right[1]),
            "height and width exchanged": lambda: resized(image, labels, *size[::-1]),
        },
    )  # fmt: skip


def turned(image, labels, degrees, fill=-1):
    """Both turned by torchvision."""
    picture = turned_by_torchvision(image, degrees, InterpolationMode.BILINEAR)
    target = turned_by_torchvision(labels[None].float(), degrees, InterpolationMode.NEAREST, fill=float(fill))[0]
    return picture, target.round().long()


def _stretched(image, degrees):
    """A turn in coordinates from -1 to 1 both ways, as if the picture were square."""
    height, width = image.shape[1:]
    angle = torch.tensor(degrees).deg2rad()
    y, x = torch.meshgrid((2 * torch.arange(height) + 1) / height - 1, (2 * torch.arange(width) + 1) / width - 1, indexing="ij")
    grid = torch.stack([angle.cos() * x - angle.sin() * y, angle.sin() * x + angle.cos() * y], dim=2)
    return F.grid_sample(image[None], grid[None], align_corners=False)[0]


def clear(height, width, degrees):
    """Points at which rounding cannot decide the answer: not at the edge of the picture, and not halfway between two pixels."""
    angle = torch.tensor(degrees, dtype=torch.float64).deg2rad()
    y, x = torch.meshgrid(torch.arange(height) + 0.5 - height / 2, torch.arange(width) + 0.5 - width / 2, indexing="ij")
    column = angle.cos() * x - angle.sin() * y + width / 2
    row = angle.sin() * x + angle.cos() * y + height / 2
    return ((column - column.round()).abs() > 1e-3) & ((row - row.round()).abs() > 1e-3)


@points(3, hint="Turn the grid of new middles back, and use F.grid_sample: bilinear for the picture; nearest for labels + 1, so that the 0 outside is void.")
@pytest.mark.parametrize("case", [(20, 30, 25.0), (24, 17, -70.0), (16, 16, 90.0)])
def test_rotate(student, rng, case):
    """`rotate` turns both counter-clockwise; outside, the picture is 0 and the labels are void."""
    height, width, degrees = case
    image, labels = scene(rng, height, width)
    right, sure = turned(image, labels, degrees), clear(height, width, degrees)
    got = untouched(student.rotate)(image, labels, degrees)
    assert isinstance(got, (tuple, list)) and len(got) == 2, "`rotate` returns two tensors: the picture and its labels."
    if tuple(got[1].shape) == (height, width):
        masked = torch.where(sure, torch.as_tensor(got[1]), 0)
    else:
        masked = got[1]

    def label_mistake(make):
        return lambda: torch.where(sure, make(), 0)

    def bilinear():
        return turned_by_torchvision(labels[None].float(), degrees, InterpolationMode.BILINEAR, fill=-1.0)[0].long()

    assert_close(
        got[0],
        right[0],
        name="the picture",
        mistakes={
            "a turn clockwise": lambda: turned(image, labels, -degrees)[0],
            "the nearest pixel, where the picture should be interpolated": lambda: turned_by_torchvision(image, degrees, InterpolationMode.NEAREST),
            "height and width taken for the same: a picture that is not square is stretched when it turns": lambda: _stretched(image, degrees),
            "degrees taken for radians": lambda: turned(image, labels, float(torch.tensor(degrees).rad2deg()))[0],
            "no turn at all": image,
        },
        rtol=1e-3,
        atol=2e-3,
    )
    assert_close(
        masked,
        torch.where(sure, right[1], 0),
        name="the labels",
        dtype=torch.int64,
        mistakes={
            "0, which is a class, outside of the picture; void is -1": label_mistake(lambda: turned(image, labels, degrees, fill=0)[1]),
            "labels below 0 made 0: void is -1, inside of the picture and outside": label_mistake(lambda: right[1].clamp(min=0)),
            "255 outside of the picture": label_mistake(lambda: turned(image, labels, degrees, fill=255)[1]),
            "a turn clockwise": label_mistake(lambda: turned(image, labels, -degrees)[1]),
            "labels that stay where they are, while the picture turns": label_mistake(lambda: labels),
            "labels interpolated bilinearly: between two names of classes there is no third": label_mistake(bilinear),
        },
    )


@points(2, hint="Decide once: one random number for the mirror, one place for the crop, and use it for picture and labels.")
@pytest.mark.parametrize("kind", ["flip", "crop", "always"])
def test_random_transforms(student, probe, np_rng, kind):
    """`RandomFlip` and `RandomCrop` decide once for picture and labels, each time anew."""
    # Labels that are written into the picture: they must still agree after the transform.
    labels = torch.arange(6 * 8).reshape(6, 8)
    image = (labels / 64.0).expand(3, 6, 8)
    name, arguments = {"flip": ("RandomFlip", [0.3]), "crop": ("RandomCrop", [4, 5]), "always": ("RandomFlip", [])}[kind]
    count = 600
    got = probe.drawn(student.ref(name), arguments, image, labels, count, int(np_rng.integers(2**31)))
    agree = (got["images"][:, 0] * 64).round().long() == got["labels"]
    # What has two decisions for the two disagrees in a third of all calls at least.
    assert agree.all(), f"`{name}` moves the picture in one way and the labels in another: it draws twice. Draw once, and use it for both."
    if kind == "crop":
        assert got["labels"].shape[1:] == (4, 5), f"`RandomCrop(4, 5)` gives labels of shape {tuple(got['labels'].shape[1:])}."
        tops, lefts = got["labels"][:, 0, 0] // 8, got["labels"][:, 0, 0] % 8
        inside = (got["labels"] >= 0).all()
        assert inside, "`RandomCrop` cuts out parts that reach beyond the picture."
        # A place of 12 that is never drawn in 600 tries: once in 10^21 suites.
        seen = {(int(t), int(left)) for t, left in zip(tops, lefts)}
        lacking = sorted({(t, left) for t in range(3) for left in range(4)} - seen)
        assert not lacking, f"`RandomCrop(4, 5)` never cuts at row {lacking[0][0]} and column {lacking[0][1]} of a picture of 6 x 8 in {count} calls: every place within the picture should come."
        # Deviation of a count is 6.8 about 50; 6 deviations of the rarest and most frequent.
        counts = torch.bincount(tops * 4 + lefts, minlength=12)
        assert counts.max() < 100 and counts.min() > 12, "`RandomCrop` prefers some places: all should be equally likely."
        for what, along, places in (("rows", tops, 3), ("columns", lefts, 4)):
            share = torch.bincount(along, minlength=places).double() / count
            far = 6 * ((1 / places) * (1 - 1 / places) / count) ** 0.5
            least = float((share - 1 / places).abs().max())
            assert least < far, f"`RandomCrop` prefers some {what}: it draws them in {', '.join(f'{100 * part:.0f} %' for part in share)} of {count} calls, where all should be equally likely."
        other = tuple(probe.drawn(student.ref(name), [3, 6], image, labels, 2, 1)["labels"].shape[1:])
        assert other == (3, 6), f"`RandomCrop(3, 6)` gives labels of shape {other}: is the size that of another `RandomCrop`?"
        return
    p = arguments[0] if arguments else 0.5
    mirrored = (got["labels"] == labels.flip(1)).flatten(1).all(dim=1)
    left = (got["labels"] == labels).flatten(1).all(dim=1)
    assert (mirrored | left).all(), "`RandomFlip` neither mirrors its sample nor leaves it unchanged."
    share = float(mirrored.double().mean())
    # 6 deviations: a false alarm in 10^9 suites.
    assert abs(share - p) < 6 * (p * (1 - p) / count) ** 0.5, f"`RandomFlip({', '.join(map(str, arguments))})` mirrors {100 * share:.0f} % of the time; it should be {100 * p:.0f} %."


@points(1, hint="(images - mean) / std with mean and std as (3, 1, 1): they belong to the channels.")
@pytest.mark.parametrize("shape", [(2, 3, 4, 5), (1, 3, 3, 3)])
def test_normalise(student, rng, shape, reference):
    """`normalise` brings each channel to mean 0 and deviation 1 by ImageNet's numbers."""
    images = torch.rand(shape, generator=rng)
    mean, std = (torch.tensor(values).view(3, 1, 1) for values in (reference.IMAGENET_MEAN, reference.IMAGENET_STD))
    assert_close(
        untouched(student.normalise)(images),
        (images - mean) / std,
        name="the pictures",
        inputs={"images": images},
        mistakes={
            "the mean subtracted, and no division": lambda: images - mean,
            "a division by the deviation before the mean is subtracted": lambda: images / std - mean,
            "a product with the deviation, not a quotient": lambda: (images - mean) * std,
            "a division by 255, although the values are already in [0, 1]": lambda: (images / 255 - mean) / std,
            "pictures taken to 255 first": lambda: (images * 255 - mean) / std,
            "the means of blue and red exchanged": lambda: (images - mean.flip(0)) / std.flip(0),
            "the batch's own mean and deviation": lambda: (images - images.mean(dim=(0, 2, 3), keepdim=True)) / images.std(dim=(0, 2, 3), keepdim=True),
            "one mean and deviation for all channels": lambda: (images - mean.mean()) / std.mean(),
            "values of -1 to 1": lambda: 2 * images - 1,
            "the variance for the deviation": lambda: (images - mean) / std**2,
        },
        **SOFT,
    )
