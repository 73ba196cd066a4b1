"""Hidden checks for costs.py: sizes, parameters, multiply-adds, the table of C3D, and receptive fields."""

import pytest
import torch
from torch.nn import functional as F

from grader.checks import assert_close, points

SIZES = [
    ((16, 112, 112), (3, 3, 3), (1, 1, 1), (1, 1, 1)),
    ((16, 56, 40), (1, 2, 2), (1, 2, 2), (0, 0, 0)),
    ((9, 15, 20), (3, 5, 2), (2, 3, 1), (1, 2, 0)),
    ((7, 11, 8), (5, 3, 4), (2, 1, 3), (2, 0, 1)),
]


@points(2, hint="(n + 2 * p - k) // s + 1, for each of the three axes with its own numbers.")
@pytest.mark.parametrize("case", SIZES)
def test_conv3d_output_size(student, case):
    """`conv3d_output_size` computes the size that a 3-D convolution gives."""
    size, kernel, stride, padding = case
    made = list(F.conv3d(torch.zeros(1, 1, *size), torch.zeros(1, 1, *kernel), stride=stride, padding=padding).shape[2:])

    def by(formula):
        return lambda: [formula(n, k, s, p) for n, k, s, p in zip(*case)]

    mistakes = {
        "the padding counted at one end only": by(lambda n, k, s, p: (n + p - k) // s + 1),
        "no padding": by(lambda n, k, s, p: (n - k) // s + 1),
        "no + 1": by(lambda n, k, s, p: (n + 2 * p - k) // s),
        "no stride": by(lambda n, k, s, p: n + 2 * p - k + 1),
        "fractions that are not rounded down": by(lambda n, k, s, p: (n + 2 * p - k) / s + 1),
        "fractions rounded up": by(lambda n, k, s, p: -(-(n + 2 * p - k) // s) + 1),
        "the stride of time on all axes": by(lambda n, k, s, p: (n + 2 * p - k) // stride[0] + 1),
        "(H, W, T) for (T, H, W)": lambda: [*made[1:], made[0]],
    }
    got = student.conv3d_output_size(size, kernel, stride, padding)
    assert_close(list(got), made, name=f"conv3d_output_size{case}", mistakes=mistakes)
    if padding == (0, 0, 0) or stride == (1, 1, 1):
        plain = list(F.conv3d(torch.zeros(1, 1, *size), torch.zeros(1, 1, *kernel)).shape[2:])
        assert_close(list(student.conv3d_output_size(size, kernel)), plain, name="conv3d_output_size without stride and padding")


@points(2, hint="out_channels * in_channels * kt * kh * kw, and out_channels for the bias.")
@pytest.mark.parametrize("case", [(3, 64, (3, 3, 3)), (5, 7, (1, 3, 2)), (8, 16, (5, 1, 1)), (2, 3, (4, 5, 6))])
def test_conv3d_parameters(student, case):
    """`conv3d_parameters` counts what a 3-D convolution learns."""
    inputs, outputs, kernel = case
    t, h, w = kernel
    product = inputs * t * h * w
    mistakes = {
        "the bias left out": outputs * product,
        "one bias in all, not one for each filter": outputs * product + 1,
        "a bias for each input channel": outputs * product + inputs,
        "the input channels left out": outputs * (t * h * w + 1),
        "a kernel without its time": outputs * (inputs * h * w + 1),
        "a cube of the kernel's time": outputs * (inputs * t**3 + 1),
        "one filter alone": product + 1,
    }
    assert_close(student.conv3d_parameters(*case), outputs * (product + 1), name=f"conv3d_parameters{case}", mistakes=mistakes)
    mistakes = {"a bias, although there should be none": outputs * (product + 1), **{key: mistakes[key] for key in list(mistakes)[3:4]}}
    assert_close(student.conv3d_parameters(*case, bias=False), outputs * product, name=f"conv3d_parameters{case} without a bias", mistakes=mistakes)


COSTS = [
    (3, 64, (3, 3, 3), (16, 112, 112)),
    (5, 7, (1, 3, 2), (4, 6, 9)),
    (8, 6, (5, 1, 1), (3, 10, 5)),
]


@points(2, hint="Every number that comes out is a sum of in_channels * kt * kh * kw products; the output has out_channels * T * H * W numbers.")
@pytest.mark.parametrize("case", COSTS)
def test_conv3d_multiply_adds(student, case):
    """`conv3d_multiply_adds` counts the products of a 3-D convolution."""
    inputs, outputs, (t, h, w), (ot, oh, ow) = case
    weights, positions = outputs * inputs * t * h * w, ot * oh * ow
    right = weights * positions
    mistakes = {
        "twice as many: multiplications and additions counted apart": 2 * right,
        "the input channels left out": right // inputs,
        "the output channels left out": right // outputs,
        "the kernel without its time": right // t,
        "positions in space only: the output's time left out": right // ot,
        "biases counted as well": right + outputs * positions,
        "the parameters, not multiplied by the positions": weights,
        "3 * 3 * 3, whatever the kernel is": outputs * inputs * 27 * positions,
        "the positions alone": positions * outputs,
    }
    assert_close(student.conv3d_multiply_adds(*case), right, name=f"conv3d_multiply_adds{case}", mistakes=mistakes)


def c3d(classes, *, pool5_padded=False, first_pool=1):
    """Multiply-adds of C3D by layer, for 16 x 112 x 112."""
    found, channels, size = {}, 3, (16, 112, 112)
    for group, names in ((1, ["conv1"]), (2, ["conv2"]), (4, ["conv3a", "conv3b"]), (8, ["conv4a", "conv4b"]), (8, ["conv5a", "conv5b"])):
        for name in names:
            found[name] = channels * group * 64 * 27 * size[0] * size[1] * size[2]
            channels = group * 64
        size = (size[0] // (first_pool if group == 1 else 2), size[1] // 2, size[2] // 2)
    side = 4 if pool5_padded else size[1]
    return found | {"fc6": channels * size[0] * side * side * 4096, "fc7": 4096 * 4096, "fc8": 4096 * classes}


@points(3, hint="Follow the sizes: 16 x 112 x 112, the first pool halves space only, the fifth leaves 1 x 3 x 3 of 7 x 7. fc6 has 512 * 9 inputs.")
@pytest.mark.parametrize("classes", [487, 11])
def test_c3d_multiply_adds(student, classes):
    """`c3d_multiply_adds` gives the true costs of C3D, layer by layer."""
    right = c3d(classes)
    got = student.c3d_multiply_adds(classes)
    names = list(right)
    missing = [name for name in names if name not in got]
    assert not missing, f"`c3d_multiply_adds` should have the layers {', '.join(names)}; {', '.join(missing)} {'is' if len(missing) == 1 else 'are'} missing."
    assert list(got) == names, f"The layers should come in the slide's order, {', '.join(names)}; they are {', '.join(map(str, got))}."
    fc = ("fc6", "fc7", "fc8")
    convs = [name for name in names if name not in fc]

    def values(table, which):
        return [float(table[name]) for name in which]

    assert_close(
        values(got, convs),
        values(right, convs),
        name=f"the costs of {', '.join(convs)}",
        mistakes={
            "twice as many: multiplications and additions counted apart": lambda: [2 * value for value in values(right, convs)],
            "kernels of 3 x 3, without time": lambda: [value / 3 for value in values(right, convs)],
            "a first pool that halves time as well": lambda: values(c3d(classes, first_pool=2), convs),
            "the input channels left out": lambda: [value / inputs for value, inputs in zip(values(right, convs), (3, 64, 128, 256, 256, 512, 512, 512))],
            "no time in the outputs": lambda: [value / time for value, time in zip(values(right, convs), (16, 16, 8, 8, 4, 4, 2, 2))],
            "millions (the slide's unit)": lambda: [value / 1e6 for value in values(right, convs)],
            "thousands of millions (the slide's numbers)": lambda: [value / 1e9 for value in values(right, convs)],
        },
        rtol=1e-9,
        atol=0,
    )  # fmt: skip
    assert_close(
        values(got, fc),
        values(right, fc),
        name="the costs of fc6, fc7 and fc8",
        mistakes={
            "27 times as many, as on the slide: a linear layer has no kernel of 3 x 3 x 3": lambda: [27 * value for value in values(right, fc)],
            "a fifth pool with padding, as in the released network: 4 x 4 positions instead of 3 x 3": lambda: values(c3d(classes, pool5_padded=True), fc),
            "the fifth pool left out: 2 x 7 x 7 positions": lambda: [512 * 98 * 4096, *values(right, fc)[1:]],
            "fc6 that sees one position, not 3 x 3": lambda: [512 * 4096, *values(right, fc)[1:]],
            "biases counted as well": lambda: [value + n for value, n in zip(values(right, fc), (4096, 4096, classes))],
            "487 classes, however many there are": lambda: values(c3d(487), fc),
        },
        rtol=1e-9,
        atol=0,
    )


#: Shapes of the inputs of the probes' networks.
NETWORKS = {"twice": (2, 3, 8, 10), "frame": (1, 2, 7, 9), "clip": (3, 2, 4, 5, 4)}


@points(3, hint="A forward hook on each layer: output.numel() * weight[0].numel(). Remove the hooks afterwards.")
@pytest.mark.parametrize("name", NETWORKS)
def test_count_multiply_adds(student, probe, rng, name):
    """`count_multiply_adds` counts the products of a whole network as it runs, and leaves it as it was."""
    shape = NETWORKS[name]
    x = torch.randn(*shape, generator=rng)
    got = probe.counted(student.ref("count_multiply_adds"), name, x)
    parts = count_by_hand(name)
    n = shape[0]
    total = n * sum(parts.values())
    assert_close(
        got["counts"][0],
        total,
        name="the count",
        mistakes={
            "one input only, where the batch has more": lambda: total // n if n > 1 else -1,
            "twice as many: multiplications and additions counted apart": 2 * total,
            "convolutions only: the linear layer is missing": total - n * parts["linear"],
            "linear layers only: convolutions are missing": n * parts["linear"],
            "the weights themselves, not how often each is used": weights_of(name),
            "each layer's weights as often as it runs, not as often as each is used": lambda: n * weights_of(name, runs=2),
            "all parameters, not how often each weight is used": weights_of(name) + parameters_beside(name),
            "the first layer alone": n * parts["first"],
            "a layer counted once that runs twice": lambda: total - n * parts.get("again", 0) // 2,
            "groups ignored: each filter takes all input channels": lambda: total + 2 * n * parts.get("again", 0),
            "biases counted as well": lambda: total + n * parts_of_biases(name),
            "3-D convolutions left out": lambda: n * parts["linear"] if name == "clip" else -1,
            "layers of the outermost network only": lambda: total - n * parts.get("again", 0),
            "the linear layer counted once for each input, where it runs at each place of it": lambda: n * (sum(parts.values()) - parts["linear"] + 30),
        },
    )
    assert_close(got["counts"][1], total, name="the second count of the same network", earlier={"the first call": total})
    assert got["left"] <= 0, f"`count_multiply_adds` leaves {got['left']} hooks behind in the network: remove them when it has run."
    assert not got["training"], "`count_multiply_adds` leaves the network in training mode, which it was not in."
    assert not got["evaluating"], "`count_multiply_adds` leaves a network in evaluation mode that was in training mode."
    assert not got["changed"], "`count_multiply_adds` changes the network's weights or running statistics."


def count_by_hand(name):
    """Multiply-adds of each layer of a network of the probes for one input."""
    if name == "twice":  # 8 x 10 -> 4 x 5; two runs of a convolution with 3 groups; a linear layer at each of 20 places
        return {"first": 20 * 6 * 3 * 9, "again": 2 * 20 * 6 * 2 * 3, "linear": 20 * 6 * 5}
    if name == "frame":  # 7 x 9 -> 4 x 5
        return {"first": 20 * 4 * 2 * 15, "linear": 80 * 3}
    # (4, 5, 4) -> (4, 4, 4), pooled to (4, 2, 2), strided to (2, 1, 1)
    return {"first": 64 * 4 * 2 * 6, "point": 2 * 2 * 4, "linear": 4 * 7}


def weights_of(name, runs=1):
    """How many weights the convolutions and linear layers have; those of the layer that runs twice count ``runs`` times."""
    return {"twice": 6 * 3 * 9 + runs * 6 * 2 * 3 + 6 * 5, "frame": 4 * 2 * 15 + 80 * 3, "clip": 4 * 2 * 6 + 2 * 4 + 4 * 7}[name]


def parameters_beside(name):
    """How many biases and parameters of norms there are."""
    return {"twice": 6 + 6 + 2 * 6 + 5, "frame": 3, "clip": 4 + 2 * 4 + 2 + 7}[name]


def parts_of_biases(name):
    """How many biases are added for one input."""
    return {"twice": 20 * 6 + 2 * 20 * 6 + 20 * 5, "frame": 3, "clip": 64 * 4 + 4 + 7}[name]


C3D_TIME = [(3, 1), (1, 1), (3, 1), (2, 2), (3, 1), (3, 1), (2, 2), (3, 1), (3, 1), (2, 2), (3, 1), (3, 1), (2, 2)]
CHAINS = [C3D_TIME, [(3, 1), (2, 2), *C3D_TIME[2:]], [(7, 2), (3, 2), (5, 3), (3, 1)], [(1, 3), (4, 1)]]


@points(2, hint="size += (kernel - 1) * jump; then jump *= stride. Pools count like convolutions.")
@pytest.mark.parametrize("layers", CHAINS, ids=["time", "space", "strides", "points"])
def test_receptive_field(student, layers):
    """`receptive_field` says after each layer how far it sees, and how far apart neighbouring outputs look."""

    def follow(grow, widen=lambda jump, stride: jump * stride):
        size, jump, found = 1, 1, []
        for kernel, stride in layers:
            size, jump = grow(size, jump, kernel, stride), widen(jump, stride)
            found.append([size, jump])
        return found

    def late(start=0):
        size, jump, found = start, 1, []
        for kernel, stride in layers:
            jump *= stride
            size += (kernel - 1) * jump
            found.append([size, jump])
        return found

    got = student.receptive_field([tuple(layer) for layer in layers])
    right = follow(lambda size, jump, kernel, stride: size + (kernel - 1) * jump)
    assert_close(
        [list(pair) for pair in got],
        right,
        name="the sizes and jumps",
        mistakes={
            "strides that are not multiplied up: each layer adds its kernel - 1": lambda: follow(lambda size, jump, kernel, stride: size + kernel - 1),
            "the stride of the layer itself, which only matters for the next one": lambda: late(1),
            "the layer's own stride alone, not the product of those before it": lambda: follow(lambda size, jump, kernel, stride: size + (kernel - 1) * stride),
            "the kernel where kernel - 1 belongs": lambda: follow(lambda size, jump, kernel, stride: size + kernel * jump),
            "strides added, not multiplied": lambda: follow(lambda size, jump, kernel, stride: size + (kernel - 1) * jump, lambda jump, stride: jump + stride - 1),
            "a receptive field of 0 before the first layer": lambda: [[size - 1, jump] for size, jump in right],
            "jumps one layer late": lambda: [[size, 1 if index == 0 else right[index - 1][1]] for index, (size, _) in enumerate(right)],
            "jump before size": lambda: [[jump, size] for size, jump in right],
            "the last layer alone": lambda: right[-1],
        },
    )
