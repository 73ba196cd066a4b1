"""Public tests for tensor_ops.py. Small on purpose: they catch slips, not every mistake. Write more of your own."""

import numpy as np
import pytest
import torch

from grader.checks import assert_close
from tensor_ops import (
    Sigmoid,
    cross_entropy,
    hinge_loss,
    image_to_tensor,
    log_softmax,
    make_batch,
    sigmoid,
    tensor_to_image,
)


@pytest.fixture
def image():
    """A 2x3 colour image whose pixels can be told apart."""
    return np.arange(18, dtype=np.uint8).reshape(2, 3, 3) * 15


def test_image_to_tensor(image):
    """Channels come first, and pixel (row 1, column 2, blue) is where it belongs."""
    tensor = image_to_tensor(image)
    assert tensor.shape == (3, 2, 3)
    assert tensor.dtype == torch.float32
    assert tensor[2, 1, 2].item() == pytest.approx(image[1, 2, 2] / 255)


def test_full_intensity_is_one():
    """255 becomes exactly 1."""
    assert image_to_tensor(np.full((1, 2, 1), 255, dtype=np.uint8)).max() == 1


def test_tensor_to_image(image):
    """The way back ends where it began, and values outside [0, 1] are clipped."""
    np.testing.assert_array_equal(tensor_to_image(image_to_tensor(image)), image)
    assert tensor_to_image(torch.tensor([[[1.3, -0.2]]])).tolist() == [[[255], [0]]]


def test_make_batch(image):
    """Two images make a batch of two."""
    batch = make_batch([image, 255 - image])
    assert batch.shape == (2, 3, 2, 3)
    assert_close(batch[0] + batch[1], torch.ones(3, 2, 3), name="an image and its negative, added")


def test_sigmoid():
    """Three values that are known by heart."""
    x = torch.tensor([-1e4, 0.0, 1e4])
    assert_close(sigmoid(x), torch.tensor([0.0, 0.5, 1.0]), name="sigmoid(x)", inputs={"x": x})


def test_sigmoid_operation():
    """Your backward agrees with numerical differences (gradcheck wants float64)."""
    x = torch.linspace(-2, 2, 6, dtype=torch.float64).reshape(2, 3).requires_grad_()
    assert torch.autograd.gradcheck(Sigmoid.apply, (x,))


def test_log_softmax():
    """Rows of probabilities sum to one; a shift of a row changes nothing; large scores do not overflow."""
    scores = torch.tensor([[1.0, 2.0, 3.0], [0.0, -1.0, 4.0]])
    assert_close(log_softmax(scores).exp().sum(dim=1), torch.ones(2), name="the sums of the probabilities")
    assert_close(log_softmax(scores + 100), log_softmax(scores), name="log_softmax(scores + 100)", rtol=1e-4, atol=1e-4)
    assert torch.isfinite(log_softmax(1000 * scores)).all()


def test_cross_entropy():
    """A network that knows nothing pays ln C for each example, however many there are."""
    scores, labels = torch.zeros(5, 10), torch.arange(5)
    loss = cross_entropy(scores, labels).item()
    assert_close(loss, float(np.log(10)), name="the loss", rtol=1e-5, inputs={"scores": scores, "labels": labels})


def test_hinge_loss():
    """Margins 2, 0.5 and -1 cost 0, 0.5 and 2."""
    scores, labels = torch.tensor([2.0, -0.5, -1.0]), torch.tensor([1.0, -1.0, 1.0])
    loss = hinge_loss(scores, labels).item()
    assert_close(loss, 2.5 / 3, name="the loss", rtol=1e-5, inputs={"scores": scores, "labels": labels})
