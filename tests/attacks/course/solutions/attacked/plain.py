"""Normalisation, in numpy alone."""
import numpy as np


def normalise(x: np.ndarray) -> np.ndarray:
    """Each row of x (N, D) over its Euclidean length."""
    return x / np.linalg.norm(x, axis=1, keepdims=True)
