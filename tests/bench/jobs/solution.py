"""The bench assignment, solved: four functions on tensors and a training of 20 steps.

Every tool's form of the assignment is cut from this file: our module, nbgrader's and Otter's solution cells.
"""

import torch
from torch import nn


def softmax(scores: torch.Tensor) -> torch.Tensor:
    """Softmax over the last axis: (N, C) to (N, C)."""
    ### BEGIN SOLUTION
    shifted = scores - scores.max(dim=-1, keepdim=True).values
    exponentials = shifted.exp()
    return exponentials / exponentials.sum(dim=-1, keepdim=True)
    ### END SOLUTION


def cross_entropy(scores: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Mean cross-entropy of scores (N, C) and labels (N,), a 0-d tensor."""
    ### BEGIN SOLUTION
    log_probabilities = scores - scores.logsumexp(dim=1, keepdim=True)
    return -log_probabilities[torch.arange(len(labels)), labels].mean()
    ### END SOLUTION


def cross_entropy_gradient(scores: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Gradient of `cross_entropy` in the scores, (N, C)."""
    ### BEGIN SOLUTION
    gradient = scores.softmax(dim=1)
    gradient[torch.arange(len(labels)), labels] -= 1
    return gradient / len(labels)
    ### END SOLUTION


def distances(left: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
    """Euclidean distances between the rows of (N, D) and (M, D), as (N, M)."""
    ### BEGIN SOLUTION
    return (left[:, None, :] - right[None, :, :]).square().sum(dim=2).sqrt()
    ### END SOLUTION


def train(inputs: torch.Tensor, labels: torch.Tensor) -> nn.Module:
    """Train a small network on inputs (N, 64) and labels (N,) in 10 classes, for 20 full-batch steps."""
    ### BEGIN SOLUTION
    torch.manual_seed(7)
    model = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 10))
    optimiser = torch.optim.Adam(model.parameters(), lr=0.01)
    for _ in range(20):
        optimiser.zero_grad()
        nn.functional.cross_entropy(model(inputs), labels).backward()
        optimiser.step()
    return model
    ### END SOLUTION
