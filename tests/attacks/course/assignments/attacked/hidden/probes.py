"""Runs beside the student's code; holds nothing worth reading."""
import torch

from grader.probes import seed_all


def predict(model, x):
    """Scores of a model."""
    seed_all(0)
    with torch.no_grad():
        return model(x)
