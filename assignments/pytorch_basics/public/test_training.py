"""Public tests for training.py."""

import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from grader.checks import assert_close
from training import (
    DigitsDataset,
    evaluate,
    fit,
    make_loaders,
    predict,
    select_then_test,
    split_indices,
    train_epoch,
)


@pytest.fixture
def blobs():
    """Two well separated groups of points in four dimensions."""
    generator = torch.Generator().manual_seed(3)
    labels = torch.arange(30) % 2
    points = torch.randn(30, 4, generator=generator) + 3 * labels[:, None]
    return TensorDataset(points, labels)


def test_dataset():
    """The transform changes the image and leaves the label alone."""
    images, labels = torch.rand(3, 1, 5, 4), torch.tensor([2, 0, 1])
    dataset = DigitsDataset(images, labels, transform=lambda image: 1 - image)
    assert len(dataset) == 3
    image, label = dataset[2]
    assert_close(image, 1 - images[2], name="the image, transformed", inputs={"images": images})
    assert int(label) == 1


def test_split():
    """Three parts without a common index, and nothing lost."""
    parts = split_indices(20, 4, 5, seed=1)
    assert [len(part) for part in parts] == [11, 4, 5]
    assert sorted(torch.cat(parts).tolist()) == list(range(20))


def test_loaders(blobs):
    """Every example once; the last batch is the smaller one."""
    train_loader, validation_loader = make_loaders(blobs, blobs, batch_size=8)
    for loader in (train_loader, validation_loader):
        assert [len(labels) for _, labels in loader] == [8, 8, 8, 6]


def test_one_epoch_learns(blobs):
    """Two epochs: the second has the lower loss."""
    torch.manual_seed(0)
    model = nn.Linear(4, 2)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    losses = [train_epoch(model, DataLoader(blobs, batch_size=8), optimizer) for _ in range(2)]
    assert losses[1] < losses[0]


def test_evaluate_does_not_depend_on_the_batch_size(blobs):
    """Means are over examples."""
    model = nn.Linear(4, 2)
    small, large = (evaluate(model, DataLoader(blobs, batch_size=size)) for size in (8, 30))
    assert_close(small, large, name="loss and accuracy in batches of 8", rtol=1e-5)


def test_evaluate_keeps_the_mode(blobs):
    """A model comes back in the mode it came in."""
    model = nn.Sequential(nn.Linear(4, 2), nn.Dropout(0.5))
    for mode in (True, False):
        model.train(mode)
        evaluate(model, DataLoader(blobs, batch_size=8))
        assert model.training is mode


def test_predict(blobs):
    """One class number for each example, whatever the batch size."""
    model = nn.Linear(4, 2)
    points = blobs.tensors[0]
    assert torch.equal(predict(model, points, batch_size=7), model(points).argmax(dim=1))


def test_fit(blobs):
    """The history has one number per epoch, and the model is as good as its best epoch."""
    torch.manual_seed(0)
    model = nn.Linear(4, 2)
    history = fit(model, blobs, blobs, epochs=4, learning_rate=0.1, batch_size=8)
    assert sorted(history) == ["train_loss", "validation_accuracy", "validation_loss"]
    assert all(len(numbers) == 4 for numbers in history.values())
    accuracy = evaluate(model, DataLoader(blobs, batch_size=30))[1]
    assert accuracy == pytest.approx(max(history["validation_accuracy"]))


def test_select_then_test(blobs):
    """The model that is right on the validation set wins against one that is wrong."""
    good, bad = nn.Linear(4, 2), nn.Linear(4, 2)
    with torch.no_grad():
        for model, sign in ((good, 1.0), (bad, -1.0)):
            model.weight.copy_(sign * torch.tensor([[-1.0] * 4, [1.0] * 4]))
            model.bias.copy_(sign * torch.tensor([6.0, -6.0]))
    name, accuracy = select_then_test({"bad": bad, "good": good}, blobs, blobs)
    assert name == "good"
    assert accuracy > 0.9
