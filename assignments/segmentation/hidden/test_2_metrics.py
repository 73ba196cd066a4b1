"""Hidden checks for seg_metrics.py: counting, pixel accuracy, mean IoU, and a loss that leaves void out."""

import pytest
import torch
from torch.nn import functional as F

from grader.checks import assert_close, assert_differentiable, points, untouched

TOLERANCE = {"rtol": 1e-4, "atol": 1e-6}
#: N, H, W and classes.
SHAPES = [(3, 4, 6, 5), (2, 5, 3, 4)]


def draw(rng, shape, absent=True):
    """Predictions and truth, unlike from picture to picture; of the last two classes one is never true, one is nowhere."""
    n, h, w, c = shape
    target = torch.randint(-1, c - 2 if absent else c, (n, h, w), generator=rng)
    # Pictures of unlike quality, with unlike numbers of labelled pixels.
    keep = torch.rand(n, h, w, generator=rng) < torch.linspace(0.2, 0.9, n)[:, None, None]
    other = torch.randint(c - 1 if absent else c, (n, h, w), generator=rng)
    predicted = torch.where(keep & (target >= 0), target, other)
    target[0, : h // 2] = -1
    target[1, 0, :2], predicted[1, 0, :2] = 0, torch.tensor([0, c - 2])
    return predicted, target


def count(predicted, target, c):
    """The matrix, by hand."""
    return torch.tensor([[int(((target == t) & (predicted == p)).sum()) for p in range(c)] for t in range(c)])


@points(4, hint="Keep the pixels with target >= 0; then bincount of target * C + predicted, reshaped to (C, C).")
@pytest.mark.parametrize("shape", SHAPES)
def test_confusion_matrix(student, rng, shape):
    """`confusion_matrix` counts: rows are true classes, columns predicted ones; void is left out."""
    predicted, target = draw(rng, shape)
    c = shape[-1]
    right = count(predicted, target, c)
    assert_close(
        untouched(student.confusion_matrix)(predicted, target, c),
        right,
        name="the matrix",
        dtype=torch.int64,
        mistakes={
            "rows and columns exchanged: rows are the truth": lambda: right.T,
            "void counted as class 0": lambda: count(predicted, target.clamp(min=0), c),
            "void counted as the last class, which is what an index of -1 does": lambda: count(predicted, target % c, c),
            "shares instead of counts": lambda: right / right.sum(),
            "shares of each row instead of counts": lambda: right / right.sum(dim=1, keepdim=True).clamp(min=1),
            "whether it ever happens, not how often: an index that comes twice is set once": lambda: (right > 0).long(),
            "the first picture only": lambda: count(predicted[:1], target[:1], c),
            "pixels of class 0 left out with the void ones: it is a class": lambda: count(predicted, torch.where(target == 0, -1, target), c),
        },
    )
    flat = student.confusion_matrix(predicted.flatten(), target.flatten(), c)
    assert_close(flat, right, name="the matrix of flat tensors", dtype=torch.int64)
    nothing = student.confusion_matrix(predicted, torch.full_like(target, -1), c)
    assert_close(nothing, torch.zeros(c, c, dtype=torch.int64), name="the matrix where all is void", dtype=torch.int64)


@points(3, hint="(predicted == target)[target >= 0].double().mean()")
@pytest.mark.parametrize("shape", SHAPES)
def test_pixel_accuracy(student, rng, shape):
    """`pixel_accuracy` is the share of labelled pixels that are right."""
    predicted, target = draw(rng, shape)
    predicted.view(-1)[::7] = target.view(-1)[::7].clamp(min=0)
    known, hits = (target >= 0).double(), (predicted == target).double()
    assert_close(
        untouched(student.pixel_accuracy)(predicted, target),
        float(hits.sum() / known.sum()),
        name="the accuracy",
        mistakes={
            "void pixels counted in the denominator": lambda: float(hits.mean()),
            "a division by the number of pictures": lambda: float(hits.sum() / len(target)),
            "the mean of each picture's own accuracy": lambda: float((hits.sum(dim=(1, 2)) / known.sum(dim=(1, 2))).nanmean()),
            "void pixels counted as class 0": lambda: float((predicted == target.clamp(min=0)).double().mean()),
            "void pixels counted as right": lambda: float(((hits + (1 - known)) > 0).double().mean()),
            "the mean of each class's own accuracy": lambda: _class_accuracy(predicted, target, shape[-1]),
            "the share that is wrong": lambda: float(1 - hits.sum() / known.sum()),
            "a percentage": lambda: float(100 * hits.sum() / known.sum()),
            "the number of right pixels": lambda: float(hits.sum()),
        },
        **TOLERANCE,
    )
    elsewhere = torch.where(target < 0, (predicted + 1) % shape[-1], predicted)
    assert_close(student.pixel_accuracy(elsewhere, target), float(hits.sum() / known.sum()), name="the accuracy with other predictions on void", **TOLERANCE)


def _class_accuracy(predicted, target, c):
    matrix = count(predicted, target, c).double()
    return float((matrix.diagonal() / matrix.sum(dim=1)).nanmean())


def iou(predicted, target, c, void=False):
    """Intersections and unions by class; with ``void`` the void pixels are in the unions."""
    known = (target >= 0) | torch.tensor(void)
    hits = torch.stack([((target == k) & (predicted == k)).sum() for k in range(c)]).double()
    union = torch.stack([(known & ((target == k) | (predicted == k))).sum() for k in range(c)]).double()
    return hits, union


@points(5, hint="From the confusion matrix: hits / (row sum + column sum - hits), and the mean over the classes whose union is not 0.")
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("absent", [True, False], ids=["absent", "all"])
def test_mean_iou(student, rng, shape, absent):
    """`mean_iou` is the mean over the classes that are true or predicted somewhere, void left out."""
    predicted, target = draw(rng, shape, absent)
    c = shape[-1]
    hits, union = iou(predicted, target, c)
    here = union > 0
    true = torch.stack([(target == k).any() for k in range(c)])
    guessed = torch.stack([((predicted == k) & (target >= 0)).any() for k in range(c)])
    values = hits / union
    right = float(values[here].mean())

    def each_picture():
        parts = [iou(p, t, c) for p, t in zip(predicted, target)]
        return float(torch.stack([(h / u)[u > 0].mean() for h, u in parts]).nanmean())

    assert_close(
        untouched(student.mean_iou)(predicted, target, c),
        right,
        name="the mean IoU",
        mistakes={
            "void pixels left in the unions": lambda: _mean(*iou(predicted, target, c, void=True)),
            "an IoU of 0 for classes that are nowhere": lambda: float(values.nan_to_num(0.0).mean()),
            "an IoU of 1 for classes that are nowhere": lambda: float(values.nan_to_num(1.0).mean()),
            "classes left out that are predicted but never true": lambda: float(values[true].mean()),
            "classes left out that are true but never predicted": lambda: float(values[guessed].mean()),
            "the mean of each picture's own mean IoU": each_picture,
            "the Dice score 2 I / (A + B), not I / U": lambda: float((2 * hits / (hits + union))[here].mean()),
            "the IoU of all classes together": lambda: float(hits.sum() / union.sum()),
            "hits divided by the true pixels: that is each class's accuracy": lambda: _class_accuracy(predicted, target, c),
            "unions in which the intersection is counted twice": lambda: float((hits / (union + hits))[here].mean()),
            "class 0 left out, as if it were background": lambda: float(values[1:][here[1:]].mean()),
            "void counted as class 0": lambda: _mean(*iou(predicted, target.clamp(min=0), c)),
            "the sum over the classes": lambda: float(values[here].sum()),
            "1 added to intersections and unions": lambda: float(((hits + 1) / (union + 1))[here].mean()),
            **{f"{more:g} added to the unions: those that are 0 are left out anyway": lambda more=more: float((hits / (union + more))[here].mean()) for more in (1, 0.1, 0.01, 1e-3)},
            "pixels of class 0 left out with the void ones: it is a class": lambda: _mean(*iou(predicted, torch.where(target == 0, -1, target), c)),
            "a weight for each class by its pixels": lambda: float((values.nan_to_num(0.0) * count(predicted, target, c).sum(dim=1)).sum() / (target >= 0).sum()),
        },
        **TOLERANCE,
    )
    order = torch.randperm(c, generator=rng)
    renamed = torch.where(target < 0, -1, order[target.clamp(min=0)])
    assert_close(student.mean_iou(order[predicted], renamed, c), right, name="the mean IoU after all classes have been renamed", **TOLERANCE)
    # A class of a single pixel, which is not found, is a class.
    small = torch.zeros(1, 2, 3, dtype=torch.int64), torch.tensor([[[0, 0, 0], [0, 0, 1]]])
    mistakes = {"a class whose union is a single pixel left out": 5 / 6}
    assert_close(student.mean_iou(*small, 3), 5 / 12, name="the mean IoU of a picture of 6 pixels", mistakes=mistakes, **TOLERANCE)


def _mean(hits, union):
    return float((hits / union)[union > 0].mean())


def _weighted(each, target, classes, how):
    """The loss with each class weighted by the inverse of its share in the batch."""
    known = target >= 0
    counts = torch.bincount(target[known], minlength=classes).double()
    weights = known.sum() / counts.clamp(min=1) / ((counts > 0).sum() if how == "batch" else 1)
    of_pixels = weights[target.clamp(min=0)] * known
    return (each * of_pixels).sum() / (of_pixels.sum() if how == "mean" else known.sum())


@points(4, hint='F.cross_entropy(scores, target, ignore_index=-1, reduction="sum") / number of labelled pixels, which is at least 1.')
@pytest.mark.parametrize("shape", [(3, 4, 6, 5), (1, 3, 2, 7)])
@pytest.mark.parametrize("void", ["some", "none", "all but one", "all"])
def test_segmentation_loss(student, rng, shape, void):
    """`segmentation_loss` is the mean cross-entropy of a labelled pixel, and 0 where there is none."""
    n, h, w, c = shape
    # Scores of a network that is sure of itself, where all are labelled: nothing may hold them within bounds.
    scores = (40 if void == "none" else 2) * torch.randn(n, c, h, w, generator=rng)
    target = torch.randint(c, (n, h, w), generator=rng)
    if void == "some":
        target[torch.rand(n, h, w, generator=rng) < torch.linspace(0.7, 0.1, n)[:, None, None]] = -1
        target[:, 0, 0] = torch.randint(c, (n,), generator=rng)
        target[0, 0, 1] = -1
    if void.startswith("all"):
        target.view(-1)[0 if void == "all" else 1 :] = -1
    known = target >= 0
    log = scores.double().log_softmax(dim=1)
    each = -log.gather(1, target.clamp(min=0)[:, None])[:, 0] * known
    labelled = int(known.sum())
    right = each.sum() / max(labelled, 1)
    leaf = student.leaf(scores)
    loss = student.segmentation_loss(leaf, target)
    empty = labelled == 0 and bool(torch.isnan(torch.as_tensor(float(loss.detach()))))
    assert not empty, "Where not a single pixel is labelled, the loss is NaN, 0 divided by 0; it should be 0."
    assert_close(
        loss,
        right,
        name="the loss",
        mistakes={
            "a division by all pixels, the void ones too": lambda: each.mean(),
            "a sum over the pixels, not their mean": lambda: each.sum(),
            "the mean of each picture's own mean": lambda: (each.sum(dim=(1, 2)) / known.sum(dim=(1, 2))).mean(),
            "a division by the number of pictures": lambda: each.sum() / n,
            "a softmax before the softmax of the loss": lambda: F.cross_entropy(scores.double().softmax(dim=1), target, ignore_index=-1),
            "void counted as class 0": lambda: F.cross_entropy(scores.double(), target.clamp(min=0)),
            "void counted as class 0 in the sum, and not in the number of pixels": lambda: F.cross_entropy(scores.double(), target.clamp(min=0), reduction="sum") / max(labelled, 1),
            **{f"classes weighted by how rare they are{words}": lambda how=how: _weighted(each, target, c, how) for words, how in (("", "batch"), (", divided by the sum of the weights", "mean"))},
            "void counted as the last class": lambda: F.cross_entropy(scores.double(), target % c),
            "NaN where not a single pixel is labelled: 0 divided by 0": lambda: torch.tensor(float("nan")),
            "the opposite sign": lambda: -right,
            "a division by the number of classes as well": lambda: right / c,
            **{f"labels smoothed by {share:g}": lambda share=share: F.cross_entropy(scores.double(), target, ignore_index=-1, label_smoothing=share) for share in (0.05, 0.1, 0.2)},
            **{f"scores held between -{most} and {most}": lambda most=most: F.cross_entropy(scores.double().clamp(-most, most), target, ignore_index=-1) for most in (5, 10, 20, 30, 50, 100)},
            **{f"probabilities kept above {least:g}": lambda least=least: (-log.exp().clamp(min=least).log().gather(1, target.clamp(min=0)[:, None])[:, 0] * known).sum() / max(labelled, 1) for least in (1e-12, 1e-10, 1e-9, 1e-8, 1e-7, 1e-6, 1e-5)},
            "the probability of the right class without its logarithm": lambda: (each - each - log.exp().gather(1, target.clamp(min=0)[:, None])[:, 0] * known).sum() / max(labelled, 1),
        },
        rtol=1e-4,
        atol=1e-5,
    )
    assert_differentiable(loss, name="the loss")
    loss.backward()
    truth = scores.double().requires_grad_()
    (F.cross_entropy(truth, target, ignore_index=-1, reduction="sum") / max(labelled, 1)).backward()
    assert_close(leaf.grad, truth.grad, name="the gradient of the scores", rtol=1e-3, atol=1e-6)
