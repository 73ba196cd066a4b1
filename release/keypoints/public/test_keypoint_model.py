"""Public tests for keypoint_model.py."""

import pytest
import torch
from torch import nn

from grader.checks import assert_close
from keypoint_model import KeypointModel, conv_output_size, keypoint_score, normalised_mean_error, train_epoch


@pytest.mark.parametrize(
    ("arguments", "size"), [((96, 3, 1, 1), 96), ((96, 2, 2, 0), 48), ((10, 3, 2, 0), 4), ((7, 7), 1)]
)
def test_conv_output_size(arguments, size):
    """As many places as the kernel has room for."""
    assert conv_output_size(*arguments) == size


def test_model_shape():
    """30 numbers for each picture, for one picture as well."""
    model = KeypointModel().eval()
    for n in (3, 1):
        assert tuple(model(torch.rand(n, 1, 96, 96)).shape) in ((n, 30), (n, 15, 2))


def test_overfit_a_few():
    """Four pictures can be learned by heart, wherever their keypoints are."""
    torch.manual_seed(0)
    model = KeypointModel()
    batch = {"image": torch.rand(4, 1, 96, 96), "keypoints": 1.6 * torch.rand(4, 15, 2) - 0.8}
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    losses = [train_epoch(model, [batch], optimizer) for _ in range(60)]
    assert losses[-1] < 0.3 * losses[0]


def test_train_epoch_loss():
    """Three faces with an error of 1 and one with an error of 3: the mean square is 3."""
    model = nn.Sequential(nn.Flatten(), nn.Linear(4, 30))
    for parameter in model.parameters():
        nn.init.zeros_(parameter)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.0)
    batches = [
        {"image": torch.rand(3, 1, 2, 2), "keypoints": torch.ones(3, 15, 2)},
        {"image": torch.rand(1, 1, 2, 2), "keypoints": torch.full((1, 15, 2), 3.0)},
    ]
    assert_close(train_epoch(model, batches, optimizer), 3.0, name="the mean loss", rtol=1e-5)


def test_measures():
    """Every coordinate off by 0.1, with eyes 0.5 apart."""
    target = torch.zeros(2, 15, 2)
    target[:, 0, 0] = 0.5
    score = float(keypoint_score((target + 0.1).flatten(1), target))
    assert_close(score, 50.0, name="the score", rtol=1e-3)
    error = float(normalised_mean_error(target + 0.1, target))
    assert_close(error, 2**0.5 * 0.1 / 0.5, name="the normalised mean error", rtol=1e-3)
