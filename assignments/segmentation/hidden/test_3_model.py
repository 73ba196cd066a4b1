"""Hidden checks for seg_model.py: upsampling, the network, what freezing means, training in stages, scenes nobody has seen."""

import pytest
import torch
from torch.nn import functional as F

from grader.checks import assert_close, points, untouched
from grader.checks.training import unasked
from grader.text import counted

TOLERANCE = {"rtol": 1e-3, "atol": 1e-5}


@points(2, hint="(I - 1) S - 2P + D (K - 1) + OP + 1")
@pytest.mark.parametrize("case", [(8, 2, 2, 0, 0, 1), (8, 3, 2, 1, 1, 1), (7, 4, 2, 1, 0, 1), (8, 3, 2, 0, 0, 1), (5, 16, 8, 4, 0, 1), (6, 3, 4, 2, 3, 2)])
def test_conv_transpose_output_size(student, case):
    """`conv_transpose_output_size` computes the size that a transposed convolution gives."""
    size, kernel, stride, padding, extra, dilation = case
    made = F.conv_transpose1d(torch.zeros(1, 1, size), torch.zeros(1, 1, kernel), stride=stride, padding=padding, output_padding=extra, dilation=dilation).shape[-1]
    mistakes = {
        "the formula of an ordinary convolution": lambda: (size - dilation * (kernel - 1) - 1 + 2 * padding) // stride + 1,
        "output_padding left out": made - extra,
        "output_padding counted at both ends": made + extra,
        "the padding counted at one end only": made + padding,
        "padding added, where it cuts off": made + 4 * padding,
        "no padding": made + 2 * padding,
        "I * S, where there are I - 1 steps": made + stride,
        "no + 1 at the end": made - 1,
        "D * K for the kernel's reach, which is D * (K - 1) + 1": lambda: (size - 1) * stride - 2 * padding + dilation * kernel + extra,
        "dilation left out": lambda: (size - 1) * stride - 2 * padding + kernel - 1 + extra + 1,
        "size times stride, whatever the kernel": size * stride,
    }
    got = student.conv_transpose_output_size(*case)
    assert_close(got, made, name=f"conv_transpose_output_size{case}", mistakes=mistakes)
    assert isinstance(got, int), f"`conv_transpose_output_size` gives {got!r}; a number of rows is an int."
    if (padding, extra, dilation) == (0, 0, 1):
        assert_close(student.conv_transpose_output_size(size, kernel, stride), made, name="conv_transpose_output_size without the last arguments", mistakes=mistakes)
        plain = F.conv_transpose1d(torch.zeros(1, 1, size), torch.zeros(1, 1, kernel)).shape[-1]
        named = student.conv_transpose_output_size(size=size, kernel_size=kernel)
        assert_close(named, plain, name="conv_transpose_output_size without a stride", mistakes={"a stride of 2 by default": made})


def ramp(k, factor=None, middle=None):
    """The kernel in one direction."""
    factor = (k + 1) // 2 if factor is None else factor
    middle = (factor - 1 if k % 2 else (k - 1) / 2) if middle is None else middle
    return 1 - (torch.arange(k) - middle).abs() / factor


@points(4, hint="w = outer(1 - |r - m| / f, 1 - |c - m| / f); torch.eye(in, out)[:, :, None, None] * w puts it on the diagonal.")
@pytest.mark.parametrize("case", [(3, 3, 4), (2, 3, 3), (3, 2, 8), (1, 1, 5), (2, 2, 2)])
def test_bilinear_kernel(student, case):
    """`bilinear_kernel` has the bilinear weights from each channel to itself, and 0 between channels."""
    inner, outer, k = case
    w = ramp(k)[:, None] * ramp(k)

    def on_diagonal(w):
        return torch.eye(inner, outer)[:, :, None, None] * w

    def outer_of(line):
        return on_diagonal(line[:, None] * line)

    right = on_diagonal(w)
    assert_close(
        student.bilinear_kernel(inner, outer, k),
        right,
        name="the weights",
        dtype=torch.float32,
        mistakes={
            "the kernel between all pairs of channels: each output would be the sum of all of them": lambda: w.expand(inner, outer, k, k),
            "the kernel between all pairs, divided by the number of channels": lambda: w.expand(inner, outer, k, k) / inner,
            "(out_channels, in_channels); a transposed convolution has its inputs first": lambda: right.transpose(0, 1),
            "a middle of K // 2": lambda: outer_of(ramp(k, middle=k // 2)),
            "a middle of K / 2": lambda: outer_of(ramp(k, middle=k / 2)),
            "a middle between two rows, where K is odd": lambda: outer_of(ramp(k, middle=(k + 1) // 2 - 0.5)),
            "a middle of f - 1, where K is even": lambda: outer_of(ramp(k, middle=(k + 1) // 2 - 1)),
            "f = K / 2, not rounded up": lambda: outer_of(ramp(k, factor=k / 2)),
            "f = K // 2": lambda: outer_of(ramp(k, factor=k // 2, middle=(k - 1) / 2)),
            "f = K // 2, and a middle of f - 1 where K is odd": lambda: outer_of(ramp(k, factor=k // 2)),
            "f = K": lambda: outer_of(ramp(k, factor=k)),
            "a sum of 1 for each kernel": lambda: on_diagonal(w / w.sum()),
            "distances that are added, not weights that are multiplied": lambda: on_diagonal((ramp(k)[:, None] + ramp(k)) / 2),
            "the weights of the nearest pixel: all ones": lambda: on_diagonal(torch.ones(k, k)),
        },
        rtol=1e-5,
        atol=1e-6,
    )


# -- the network -----------------------------------------------------------------------------------------------------


def scenes(public_data, count, height=None, width=None):
    """Some pictures in [0, 1] and their labels, cut to a size."""
    x, y = public_data.train
    return x[:count, :, :height, :width].contiguous(), y[:count, :height, :width].contiguous()


def new_model(student, probe, np_rng, num_classes=None, pretrained=False):
    return probe.new_model(student.ref("SegmentationNN"), int(np_rng.integers(2**31)), num_classes, pretrained)


def needs_encoder(probe, model):
    assert probe.has_encoder(model), "`SegmentationNN` has no layers in `self.encoder`: the pretrained part belongs there, and nothing else."


@points(4, hint="F.interpolate(scores, size=x.shape[-2:]) at the end, not a fixed size; the last convolution has num_classes outputs.")
@pytest.mark.parametrize("size", [(64, 96), (96, 64), (96, 128)])
def test_model_shape(student, probe, np_rng, public_data, record, size):
    """`SegmentationNN` gives scores as high and wide as its pictures, every picture independently."""
    height, width = size
    x = F.interpolate(public_data.train[0][:3], size=size, mode="bilinear")
    for classes in (None, 5):
        model = new_model(student, probe, np_rng, classes)
        got, c = probe.scores(model, x), 23 if classes is None else classes
        assert not isinstance(got, str), f"`SegmentationNN` should give a tensor of scores; it gives a {got}."
        shape = tuple(got.shape)
        told = f"For 3 pictures of {height} x {width} pixels and {c} classes, `SegmentationNN` should give shape {(3, c, height, width)}; it gives {shape}"
        if len(shape) == 4 and shape[0] == 3:
            assert shape[2:] != (width, height), f"{told}: height and width are exchanged."
            assert shape[1] == c or shape[2:] != (height, width), f"{told}: num_classes does not decide how many scores there are."
            square = shape[2] == shape[3] and shape[2] not in (height // 32, height // 16, height // 8)
            assert not square, f"{told}: the size of the output is fixed, whatever the size of the input."
            assert shape[2] >= height or height % shape[2], f"{told}: the feature maps still have to be brought to the size of the picture."
            assert shape[1] != c or shape[2:] == (height, width), f"{told}: the factors of the layers on the way up do not undo those on the way down for every size. Interpolate to the size of the picture at the end."
        assert shape == (3, c, height, width), f"{told}."
    assert torch.isfinite(got).all(), "`SegmentationNN` gives numbers that are not finite."
    again = probe.scores(model, x)
    assert torch.allclose(got, again, rtol=1e-3, atol=1e-3), (
        "In evaluation mode, `SegmentationNN` gives other scores for the same pictures when it is called again: are layers made in `forward`, each time with new random "
        "weights? Layers belong into `__init__`."
    )
    alone = probe.each_alone(model, x)
    assert torch.allclose(got, alone, rtol=1e-3, atol=1e-3), "In evaluation mode, `SegmentationNN` gives a picture different scores in a batch than alone."
    if size == (64, 96):
        needs_encoder(probe, model)
        everything, encoder = probe.count_parameters(new_model(student, probe, np_rng))
        record("parameters", float(everything))
        record("decoder_parameters", float(everything - encoder))


@points(3, timeout=40, hint="The last layer is a convolution (and after it at most an interpolation): no ReLU, softmax, tanh, batch norm or dropout.")
def test_model_scores(student, probe, np_rng, public_data):
    """Nothing squashes, cuts off or drops the scores of `SegmentationNN`."""
    x, _ = scenes(public_data, 2, 64, 64)
    model = new_model(student, probe, np_rng)
    fresh, training = probe.scores(model, x), probe.scores(model, x, True)
    zeros, dropped = float((fresh == 0).double().mean()), float((training == 0).double().mean())
    assert not (dropped > 0.01 > zeros), f"In training mode, {100 * dropped:.0f} % of the scores of `SegmentationNN` are exactly 0, and in evaluation mode they are not: dropout on the scores. A class that is dropped cannot win; drop features, not scores."
    means, deviations = training.mean(dim=(0, 2, 3)), training.std(dim=(0, 2, 3))
    alike = float(deviations.min()) > 1e-3 and float((means / deviations).abs().max()) < 0.03 and float(deviations.max() / deviations.min()) < 1.25
    assert not alike, "In training mode the scores of every class have mean 0 and the same deviation: a batch norm after the last convolution. A class that is rare gets as much score as one that is everywhere."
    label = int(np_rng.integers(1, 22))
    after = probe.pulled(model, x, label, 40)
    assert torch.isfinite(after).all(), "A few steps of training make `SegmentationNN` give numbers that are not finite."
    both = torch.cat([fresh, after])
    sums = both.sum(dim=1)
    assert not torch.allclose(sums, torch.ones_like(sums), atol=1e-3), "The scores of a pixel sum to 1 over the classes: `SegmentationNN` ends in a softmax. The loss already contains one."
    logs = both.logsumexp(dim=1)
    spread = both.flatten(2).logsumexp(dim=2)
    assert spread.abs().max() > 1e-3, "exp of the scores sums to 1 over the pixels of a picture: `SegmentationNN` ends in a log-softmax along the wrong axes, and needs none."
    assert logs.abs().max() > 1e-3, "exp of the scores sums to 1 over the classes: `SegmentationNN` ends in a log-softmax. The loss already contains one."
    assert both.min() < 0, "`SegmentationNN` never gives a negative score, not even after 40 steps towards another class: a ReLU, a sigmoid or the like follows its last layer."
    assert both.abs().max() > 1.001, "`SegmentationNN` gives no score beyond -1 and 1, not even after 40 steps towards one class: a tanh or the like follows its last layer, and no class can ever be certain."
    assert both.min() < -1.001, "`SegmentationNN` gives no score below -1, not even after 40 steps towards another class: an ELU or the like follows its last layer, and no class can ever be ruled out."
    cost = float(F.cross_entropy(after, torch.full((len(after), *after.shape[2:]), label)))
    assert cost < 1.0, f"After 40 steps of Adam (rate 0.03) of the decoder towards class {label} everywhere, the loss on the same pictures is still {cost:.2f}; log 23 = 3.14 is chance. Does the gradient reach the last layer?"


@points(3, hint="self.encoder = Encoder(pretrained, strides=...); in forward: self.encoder(normalise(x)), with x in [0, 1].")
@pytest.mark.parametrize("part", ["weights", "input", "random"])
def test_model_encoder(student, probe, np_rng, public_data, reference, part):
    """The encoder of `SegmentationNN` has its ImageNet weights, and gets the inputs that they were trained with."""
    model = new_model(student, probe, np_rng, 5, pretrained=part != "random")
    needs_encoder(probe, model)
    known = {(tuple(w.shape), round(float(w.double().sum()), 3), round(float(w.double().abs().sum()), 2)) for w in reference.load_weights().values() if w.dim() == 4}
    found = [(tuple(shape), round(total, 3), round(size, 2)) for shape, total, size in probe.weight_sums(model)]
    assert found, "The `encoder` of `SegmentationNN` has no convolutions."
    sizes = {shape for shape, _, _ in known}
    strange = [number for number, (shape, _, _) in enumerate(found) if shape not in sizes]
    assert part == "random" or 2 * len(strange) < len(found), (
        f"The `encoder` of `SegmentationNN` is not MobileNetV2, the network of encoder.py: {len(strange)} of its {len(found)} convolutions have shapes that do not occur in it. "
        f"Convolution {strange[0] + 1} has a weight of shape {found[strange[0]][0]}. The pretrained weights of this assignment are those of MobileNetV2; what you add yourself belongs to the decoder."
    )
    share = sum(entry in known for entry in found) / len(found)
    if part == "random":
        assert share == 0, "`SegmentationNN(pretrained=False)` has ImageNet weights: the argument is not passed on."
        return
    assert share > 0, "The `encoder` of `SegmentationNN()` has random weights, not those of ImageNet: is `pretrained` passed on to it?"
    assert found[0] in known, "The first convolution of the `encoder` does not have its ImageNet weights: it was replaced, and all that follows was trained for what the old one gives."
    assert share > 0.9, f"Only {100 * share:.0f} % of the convolutions in the `encoder` have their ImageNet weights. What you add belongs to the decoder, outside of `self.encoder`."
    if part == "weights":
        return
    x, _ = scenes(public_data, 2, 64, 96)
    got = probe.first_input(model, x)
    assert got is not None, "The `encoder` of `SegmentationNN` is never run, or without its first convolution."
    mean, std = (torch.tensor(values).view(3, 1, 1) for values in (reference.IMAGENET_MEAN, reference.IMAGENET_STD))
    assert_close(
        got,
        (x - mean) / std,
        name="what enters the encoder",
        mistakes={
            "pictures in [0, 1] as they are: the normalisation by ImageNet's mean and deviation is missing": x,
            "pictures normalised twice": lambda: ((x - mean) / std - mean) / std,
            "pictures divided by 255, although they are already in [0, 1]": lambda: (x / 255 - mean) / std,
            "pictures taken to 255 before they are normalised": lambda: (x * 255 - mean) / std,
            "values of -1 to 1, not ImageNet's mean and deviation": lambda: 2 * x - 1,
            "the mean subtracted, and no division by the deviation": lambda: x - mean,
            "red and blue exchanged": lambda: ((x - mean) / std).flip(1),
        },
        rtol=1e-3,
        atol=1e-3,
    )


# -- freezing --------------------------------------------------------------------------------------------------------


def some(names):
    """Names for a message."""
    shown = ", ".join(f"`encoder.{name}`" for name in names[:2])
    return f"{shown} and {len(names) - 2} more" if len(names) > 2 else shown


@points(5, hint="requires_grad = False and grad = None for each parameter; encoder.eval(), and again whenever train() is called: override it.")
@pytest.mark.parametrize("warm", [0, 2], ids=["fresh", "trained"])
@pytest.mark.parametrize("kind", ["sgd", "adamw"])
def test_freeze(student, probe, np_rng, public_data, kind, warm):
    """After `freeze` nothing in the encoder moves, whatever the optimiser, also after `model.train()`; the decoder learns."""
    x, y = scenes(public_data, 4, 64, 64)
    y = torch.where(y < 0, -1, y % 6)
    got = probe.freezing(student.ref("SegmentationNN"), student.ref("freeze"), x, y, kind, warm, int(np_rng.integers(2**31)))
    steps = f"3 steps of {'SGD with momentum' if kind == 'sgd' else 'AdamW'} and weight decay"
    if got["weights"] and got["graph"]:
        words = "`freeze` has no effect on the encoder's parameters" if len(got["weights"]) == got["count"] else "`freeze` leaves out some of the encoder's parameters"
        raise AssertionError(f"{words}: {some(got['weights'])} moved in {steps}. It is `parameter.requires_grad`, to be set on each parameter; detach() returns a new tensor, and changes nothing.")
    stale = "Old gradients are left over: weight decay and momentum still use them, although no new ones are computed. Set `parameter.grad = None`."
    assert not got["weights"], f"{some(got['weights'])} moved in {steps} after `freeze`. {stale if warm else 'No gradient reached them, but the optimiser moved them.'}"
    assert not got["graph"], f"After `freeze`, gradients are still computed for {some(got['graph'])}."
    assert not got["buffers"], f"{some(got['buffers'])} moved after `freeze`: `model.train()` puts the batch norms of the encoder back into training mode, and their running statistics follow each batch. Override `train` so that a frozen encoder stays in evaluation mode."
    assert not got["norms"], f"After `freeze` and `model.train()`, {some(got['norms'])} still normalises by the batch's own statistics: the features of a picture depend on the others in the batch. It belongs in evaluation mode."
    assert not got["left"], f"After `freeze` and `model.train()`, `{got['left'][0]}` is in evaluation mode: only the encoder is frozen, the decoder trains."
    assert got["decoder"], "After `freeze`, the decoder does not learn any more."


@points(2, hint="The same as freeze, the other way round: requires_grad = True, and encoder.train(model.training).")
def test_unfreeze(student, probe, np_rng, public_data):
    """After `unfreeze` the encoder learns again, its batch norms too."""
    x, y = scenes(public_data, 4, 64, 64)
    y = torch.where(y < 0, -1, y % 6)
    got = probe.unfreezing(student.ref("SegmentationNN"), student.ref("freeze"), student.ref("unfreeze"), x, y, int(np_rng.integers(2**31)))
    assert got["used"], "After `unfreeze`, no gradient reaches the encoder."
    assert not got["held"], f"After `unfreeze`, {some(got['held'])} is still frozen."
    assert not got["still"], f"After `unfreeze`, {some(got['still'])} does not move."
    assert got["buffers"] or not got["norms"], "After `unfreeze` and `model.train()`, the running statistics of the encoder's batch norms do not move: it is still in evaluation mode."
    assert got["training"], "`unfreeze` leaves the encoder of a model in training mode in evaluation mode: encoder.train(model.training)."
    assert got["evaluating"], "`unfreeze` puts the encoder of a model in evaluation mode into training mode: encoder.train(model.training)."


@points(4, hint="Two lists, by identity: those of model.encoder.parameters(), and all others. Frozen ones are among them.")
@pytest.mark.parametrize("own", [False, True], ids=["other", "own"])
def test_parameter_groups(student, probe, np_rng, own):
    """`parameter_groups` gives the encoder one learning rate and everything else another, and leaves nothing out."""
    model = student.ref("SegmentationNN") if own else None
    lr, encoder_lr = (0.05, 0.004) if own else (0.02, 0.003)
    rows = probe.group_rates(student.ref("parameter_groups"), model, lr, encoder_lr, int(np_rng.integers(2**31)))
    missing, twice = ([name for name, _, rates in rows if wrong(len(rates))] for wrong in (lambda n: n == 0, lambda n: n > 1))
    frozen = " Frozen parameters belong to a group as well: otherwise the optimiser never moves them when they are unfrozen." if set(missing) & {"encoder.0.weight", "encoder.0.bias"} else ""
    assert not missing, f"In none of the groups: {', '.join(f'`{name}`' for name in missing[:4])}.{frozen}"
    assert not twice, f"In more than one group: {', '.join(f'`{name}`' for name in twice[:4])}."
    inside = {rates[0] for _, encoder, rates in rows if encoder}
    outside = {rates[0] for _, encoder, rates in rows if not encoder}
    assert not (inside == {lr} and outside == {encoder_lr}), "The learning rates are exchanged: `encoder_lr` is for the encoder, `lr` for the decoder."
    assert 0.77 not in inside | outside, 'A group has no rate, and gets the optimiser\'s: each group needs "lr".'
    assert inside != outside, f"All parameters have the learning rate {inside.pop():g}: two groups need two rates."
    strange = [(name, rates[0], encoder_lr if encoder else lr) for name, encoder, rates in rows if rates[0] != (encoder_lr if encoder else lr)]
    assert not strange, f"`{strange[0][0]}` has the learning rate {strange[0][1]:g}; it should be {strange[0][2]:g}."


# -- training --------------------------------------------------------------------------------------------------------


def draw(rng, *sizes, classes=4):
    """A linear model's weights, and batches of pictures (N, 3, 2, 5) and labels, void among them, of each size."""
    weight = torch.randn(3, classes, generator=rng)
    batches = []
    for number, n in enumerate(sizes):
        labels = torch.randint(classes, (n, 2, 5), generator=rng)
        labels[torch.rand(n, 2, 5, generator=rng) < (0.1, 0.6, 0.3)[number % 3]] = -1
        labels[0, 0, 0] = number % classes
        batches.append([torch.randn(n, 3, 2, 5, generator=rng), labels])
    return weight, batches


def glare(batches, size=60.0):
    """The same batches with pictures so bright that the gradient's norm is far above what anybody clips it to."""
    return [[size * image, labels] for image, labels in batches]


def cross_entropy(scores, labels):
    return F.cross_entropy(scores, labels, ignore_index=-1)


def descend(weight, batches, lr, momentum, *, stale=0.0, clear=True, loss=cross_entropy, moves=True, decay=0.0, change=lambda gradients: gradients):
    """SGD with momentum: the weights after all steps, the losses before each and after each."""
    weight, velocity, kept = weight.double(), 0.0, stale
    before, after = [], []
    for image, labels in batches:
        leaf = weight.clone().requires_grad_()
        now = loss(torch.einsum("nihw,ic->nchw", image.double(), leaf), labels)
        before.append(now.item())
        (gradient,) = torch.autograd.grad(now, leaf)
        kept = change([gradient if clear else gradient + kept])[0] + decay * weight
        velocity = momentum * velocity + kept
        weight = weight - lr * velocity if moves else weight
        after.append(loss(torch.einsum("nihw,ic->nchw", image.double(), weight), labels).item())
    return weight, before, after


@points(3, hint="model.train(); for each batch: segmentation_loss, zero_grad, backward, step; add up loss.item() * labelled pixels.")
@pytest.mark.parametrize("sizes", [(4,), (5, 3, 2)], ids=["one", "three"])
def test_train_epoch(student, probe, rng, sizes):
    """`train_epoch` takes a step on each batch, and returns the mean loss of a labelled pixel."""
    weight, batches = draw(rng, *sizes)
    settings = {"lr": 0.4, "momentum": 0.5}
    got = probe.epoch_of(student.ref("train_epoch"), weight, batches, settings, False, 0.3)
    assert got["seen"], "`train_epoch` never calls the model."
    assert all(mode for mode, _, _ in got["seen"]), "`train_epoch` runs the model in evaluation mode: call model.train() first."
    right, before, after = descend(weight, batches, **settings)

    def wrong(**how):
        return lambda: descend(weight, batches, **settings, **how)[0]

    def clamped(scores, labels):
        return F.cross_entropy(scores, labels.clamp(min=0))

    several = {
        "a step on the first batch only": lambda: descend(weight, batches[:1], **settings)[0],
        "a step on the last batch only": lambda: descend(weight, batches[-1:], **settings)[0],
        "the last batch left out": lambda: descend(weight, batches[:-1], **settings)[0],
    }
    assert_close(
        got["weight"],
        right,
        name="the model's weight after an epoch",
        mistakes={
            "old gradients not cleared": wrong(stale=0.3, clear=False),
            "no step taken at all": weight,
            "steps in the wrong direction": lambda: descend(weight, batches, -0.4, 0.5)[0],
            "the loss summed over the pixels, not averaged": wrong(loss=lambda s, y: F.cross_entropy(s, y, ignore_index=-1, reduction="sum")),
            "the loss divided by all pixels, the void ones too": wrong(loss=lambda s, y: F.cross_entropy(s, y, ignore_index=-1, reduction="none").mean()),
            "void pixels learned as class 0": wrong(loss=clamped),
            "a softmax before the softmax of the loss": wrong(loss=lambda s, y: cross_entropy(s.softmax(dim=1), y)),
            **{f"labels smoothed by {share:g}": wrong(loss=lambda s, y, share=share: F.cross_entropy(s, y, ignore_index=-1, label_smoothing=share)) for share in (0.05, 0.1, 0.2)},
            "the mean of each picture's own mean loss": wrong(loss=lambda s, y: torch.stack([F.cross_entropy(a[None], b[None], ignore_index=-1, reduction="sum") / (b >= 0).sum().clamp(min=1) for a, b in zip(s, y)]).mean()),
            **(several if len(sizes) > 1 else {}),
            **unasked(lambda **how: descend(weight, batches, **{**settings, **how})[0], momentum=settings["momentum"]),
        },
        **TOLERANCE,
    )
    assert not got["sliding"], "`train_epoch` changes the model's parameters without the optimiser: only `optimizer.step()` should."
    bright, steep = glare(batches), {"lr": 0.01, "momentum": 0.0}
    far = probe.epoch_of(student.ref("train_epoch"), weight, bright, steep, True, 0.0)["weight"]
    assert_close(
        far,
        descend(weight, bright, **steep)[0],
        name="the model's weight after an epoch with large gradients",
        mistakes=unasked(lambda **how: descend(weight, bright, **{**steep, **how})[0]),
        **TOLERANCE,
    )
    labelled = torch.tensor([int((labels >= 0).sum()) for _, labels in batches]).double()
    pictures = torch.tensor([len(labels) for _, labels in batches]).double()
    before, after = torch.tensor(before), torch.tensor(after)
    assert_close(
        got["loss"],
        float((before * labelled).sum() / labelled.sum()),
        name="what train_epoch returned",
        mistakes={
            "each batch counted alike": lambda: float(before.mean()),
            "each batch counted by its pictures, not by its labelled pixels": lambda: float((before * pictures).sum() / pictures.sum()),
            "the sum over the batches": lambda: float(before.sum()),
            "the sum over the labelled pixels": lambda: float((before * labelled).sum()),
            "the losses after the steps": lambda: float((after * labelled).sum() / labelled.sum()),
            "the loss of the last batch only": float(before[-1]),
            "the loss of the first batch only": float(before[0]),
            "a division by all pixels, the void ones too": lambda: float((before * labelled).sum() / (10 * pictures.sum())),
        },
        **TOLERANCE,
    )
    assert not got["graph"], "What `train_epoch` returns holds a graph, and with it the memory of whole batches: return a number, loss.item()."


@points(2, hint="for epoch in range(epochs): freeze(model) if epoch < frozen_epochs else unfreeze(model); then train_epoch.")
@pytest.mark.parametrize("case", [(3, 1), (2, 0), (2, 2)])
def test_fit(student, probe, np_rng, public_data, case):
    """`fit` freezes the encoder for the first epochs, and lets it learn in the others."""
    epochs, frozen = case
    x, y = scenes(public_data, 4, 64, 64)
    y = torch.where(y < 0, -1, y % 6)
    # Where no epoch is to be frozen, the model comes frozen: `fit` says what it is, not who had it before.
    before = student.ref("freeze") if frozen == 0 else None
    got = probe.stages(student.ref("SegmentationNN"), student.ref("fit"), x, y, epochs, frozen, int(np_rng.integers(2**31)), before)
    assert len(got["weights"]) == epochs, f"`fit` goes through the loader {len(got['weights'])} times in {epochs} epochs."
    assert len(got["losses"]) == epochs, f"`fit` returns {len(got['losses'])} losses for {epochs} epochs."
    assert all(loss == loss and loss > 0 for loss in got["losses"]), "`fit` returns losses that are no positive numbers."
    assert got["steps"] == epochs, f"In {epochs} epochs of one batch, the optimiser that `fit` was given makes {counted(got['steps'], 'step')}: train with that one, and build no other."
    assert got["decoder"], "`fit` leaves the decoder as it was."
    right = [epoch >= frozen for epoch in range(epochs)]
    came = ", on a model that was frozen before" if before else ""
    told = f"With epochs={epochs} and frozen_epochs={frozen}{came}, the encoder's {{}} should not move in the first {frozen} of the {epochs} epochs and move in the others; "
    parts = [("weights", got["weights"])]
    if got["norms"]:  # an encoder of the student's own may have none
        parts.append(("running statistics", got["buffers"]))
    for name, moved in parts:
        counts = [str(k + 1) for k, value in enumerate(moved) if value]
        where = f"{'epoch' if len(counts) == 1 else 'epochs'} {', '.join(counts)}, counted from 1" if counts else "none"
        assert moved == right, f"{told.format(name)}they move in {where}."


@points(2, hint="model.eval() and torch.no_grad(); put the label maps of all batches together, and measure once.")
@pytest.mark.parametrize(("sizes", "classes"), [((4, 1), 4), ((3, 2, 2), 6)])
def test_evaluate(student, probe, rng, sizes, classes):
    """`evaluate` measures all batches as one large picture, in evaluation mode and without a graph."""
    weight, batches = draw(rng, *sizes, classes=classes)
    pairs = [(torch.einsum("nihw,ic->nchw", image, weight).argmax(dim=1), labels) for image, labels in batches]
    got = probe.evaluation(student.ref("evaluate"), weight, batches, classes)
    assert len(got["values"]) == 2, f"`evaluate` should return pixel accuracy and mean IoU; it returned {len(got['values'])} values."

    def measures(pairs):
        predicted, target = (torch.cat([part.flatten() for part in parts]) for parts in zip(*pairs))
        known = target >= 0
        hits = torch.stack([(known & (target == k) & (predicted == k)).sum() for k in range(classes)]).double()
        union = torch.stack([(known & ((target == k) | (predicted == k))).sum() for k in range(classes)]).double()
        return [float((predicted == target)[known].double().mean()), float((hits / union)[union > 0].mean())]

    right = measures(pairs)
    each = torch.tensor([measures([pair]) for pair in pairs]).double()
    n = torch.tensor(sizes).double()
    assert_close(
        got["values"],
        right,
        name="what evaluate returned",
        mistakes={
            "the mean of each batch's own numbers": lambda: each.mean(dim=0).tolist(),
            "IoU right, but the mean of each batch's own accuracy": lambda: [float(each[:, 0].mean()), right[1]],
            "IoU right, but the mean of each batch's own accuracy, by its pictures": lambda: [float((each[:, 0] * n).sum() / n.sum()), right[1]],
            "the mean of each batch's own numbers, by its pictures": lambda: ((each * n[:, None]).sum(dim=0) / n.sum()).tolist(),
            "mean IoU before pixel accuracy": right[::-1],
            "the last batch only": lambda: each[-1].tolist(),
            "the first batch only": lambda: each[0].tolist(),
            "accuracy right, but the mean of each batch's own mean IoU": lambda: [right[0], float(each[:, 1].mean())],
        },
        **TOLERANCE,
    )
    assert not any(mode for mode, _, _ in got["seen"]), "`evaluate` runs the model in training mode: dropout is active, and batch norms use the batch's own statistics."
    assert not any(graph for _, graph, _ in got["seen"]), "`evaluate` runs the model with gradients switched on, which wastes memory."
    assert not got["graph"], "What `evaluate` returns carries a graph, and with it everything that it was computed from: return numbers."
    assert got["same"], "`evaluate` changes the model's parameters."


# -- scenes nobody has seen ------------------------------------------------------------------------------------------


def learned(student, probe, held_out, profile, try_seed):
    """A function from pictures to label maps, a network of the student's, trained on the public scenes, and its losses."""
    x, y = held_out.train
    pictures, labels = (x * 255).round().to(torch.uint8), y.to(torch.int8)
    model, losses = probe.trained(student.ref("SegmentationNN"), pictures, labels, profile.budget["epochs"], try_seed)
    return lambda inputs: probe.label_maps(model, inputs), losses


@points(7, timeout=120, hint="Does the decoder see finer maps than that of stride 32? Overfit four scenes first; look at predictions beside the truth.")
def test_scenes_mean_iou(student, probe, held_out, profile, try_seed, award, record, untrained, show):
    """A trained `SegmentationNN` labels scenes that it has not seen: mean IoU."""
    predict, losses = learned(student, probe, held_out, profile, try_seed)
    show.curve(losses)
    examples = held_out.examples(24)
    show.masks(examples, predict, leaderboard=True)
    show.confusion(examples, predict)
    confusion = held_out.confusion(predict)
    record("majority_accuracy", confusion.majority)
    fresh = probe.new_model(student.ref("SegmentationNN"), try_seed, None, True)
    before = held_out.known(20).confusion(lambda inputs: probe.label_maps(fresh, inputs))
    untrained(before.mean_iou, metric="test_mean_iou")
    award(confusion.mean_iou, metric="test_mean_iou")


@points(5, timeout=120, hint="As for the mean IoU. Accuracy depends on the large regions, mean IoU on every class alike.")
def test_scenes_accuracy(student, probe, held_out, profile, try_seed, award):
    """A trained `SegmentationNN` labels scenes that it has not seen: pixel accuracy."""
    predict, _ = learned(student, probe, held_out, profile, try_seed)
    award(held_out.confusion(predict).accuracy, metric="test_accuracy")
