"""Public tests for classifiers.py."""

import pytest
import torch
from torch import nn

from classifiers import LSTM_Classifier, RNN_Classifier, image_rows, train_step


@pytest.mark.parametrize("shape", [(2, 1, 4, 3), (2, 4, 3)])
def test_image_rows(shape):
    """Step t is row t."""
    images = torch.arange(24.0).reshape(shape)
    rows = image_rows(images)
    assert rows.shape == (4, 2, 3)
    assert rows[0].tolist() == [[0, 1, 2], [12, 13, 14]]


@pytest.mark.parametrize("classifier", [RNN_Classifier, LSTM_Classifier])
def test_scores(classifier):
    """A row of scores for each sequence, as they are before the softmax."""
    torch.manual_seed(0)
    scores = classifier(classes=12, input_size=3, hidden_size=6)(torch.randn(5, 20, 3))
    assert scores.shape == (20, 12)
    assert scores.min() < 0
    assert classifier()(torch.rand(28, 2, 28)).shape == (2, 10)


@pytest.mark.parametrize("classifier", [RNN_Classifier, LSTM_Classifier])
def test_overfit_a_few(classifier):
    """Six random sequences can be learned by heart."""
    torch.manual_seed(0)
    x, y = torch.randn(5, 6, 3), torch.tensor([0, 1, 2, 0, 1, 2])
    model = classifier(classes=3, input_size=3, hidden_size=16)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
    losses = [train_step(model, optimizer, x, y) for _ in range(150)]
    assert losses[-1] < 0.1 * losses[0]
    assert model(x).argmax(dim=1).tolist() == y.tolist()


def test_train_step_clips_by_the_norm():
    """With plain SGD and rate 1, a step is as long as the clipped gradient."""
    torch.manual_seed(0)
    model = nn.Linear(4, 3)
    before = torch.cat([p.detach().flatten().clone() for p in model.parameters()])
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
    train_step(model, optimizer, 100 * torch.randn(8, 4), torch.arange(8) % 3, max_norm=0.5)
    after = torch.cat([p.detach().flatten() for p in model.parameters()])
    assert (after - before).norm().item() == pytest.approx(0.5, rel=1e-3)
