"""Runs beside the student's code; holds nothing worth reading."""
import torch


def predict(model, x):
    """Scores of a model."""
    with torch.no_grad():
        return model(x)
