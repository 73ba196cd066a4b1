"""The bench checks: the one source of what every tool computes. Each is worth POINTS, all or nothing.

A check's body reaches the submission as ``student.NAME``. Our form keeps that (``student`` is the fixture); in the
notebook forms the functions are globals, so ``student.`` is cut. All draw the same numbers from a fixed seed, so every
tool does the same arithmetic. ``assert_close`` is each tool's usual one, under the same tolerances.
"""

import torch
from torch.testing import assert_close

POINTS = 2


def check_softmax(student):
    """`softmax` follows its definition, for large scores too."""
    generator = torch.Generator().manual_seed(1)
    for scale in (1.0, 1e4):
        scores = scale * torch.randn(200, 50, generator=generator)
        assert_close(student.softmax(scores), scores.softmax(dim=1), rtol=1e-4, atol=1e-5)


def check_cross_entropy(student):
    """`cross_entropy` is the mean over the batch."""
    generator = torch.Generator().manual_seed(2)
    scores = torch.randn(200, 50, generator=generator)
    labels = torch.randint(50, (200,), generator=generator)
    expected = torch.nn.functional.cross_entropy(scores, labels)
    assert_close(student.cross_entropy(scores, labels), expected, rtol=1e-4, atol=1e-5)


def check_gradient(student):
    """`cross_entropy_gradient` is the gradient that autograd finds."""
    generator = torch.Generator().manual_seed(3)
    scores = torch.randn(200, 50, generator=generator)
    labels = torch.randint(50, (200,), generator=generator)
    leaf = scores.clone().requires_grad_()
    torch.nn.functional.cross_entropy(leaf, labels).backward()
    assert_close(student.cross_entropy_gradient(scores, labels), leaf.grad, rtol=1e-4, atol=1e-5)


def check_distances(student):
    """`distances` are Euclidean."""
    generator = torch.Generator().manual_seed(4)
    left = torch.randn(200, 64, generator=generator)
    right = torch.randn(150, 64, generator=generator)
    assert_close(student.distances(left, right), torch.cdist(left, right), rtol=1e-4, atol=1e-5)


def check_accuracy(student):
    """A trained model generalises to held-out examples."""
    generator = torch.Generator().manual_seed(5)
    centres = torch.randn(10, 64, generator=generator)
    labels = torch.randint(10, (1000,), generator=generator)
    inputs = centres[labels] + 1.5 * torch.randn(1000, 64, generator=generator)
    model = student.train(inputs[:500], labels[:500])
    predicted = torch.argmax(model(inputs[500:]), dim=1)
    accuracy = (predicted == labels[500:]).float().mean().item()
    assert accuracy >= 0.8, "The trained model is right on fewer than 80 % of the held-out examples."
