"""Dropout of whole feature maps, in numpy alone, by reuse of ``layers.py``. Conventions are those of that file."""

from typing import Any

import numpy as np

from layers import dropout_backward, dropout_forward


def spatial_dropout_forward(x: np.ndarray, dropout_param: dict[str, Any]) -> tuple[np.ndarray, Any]:
    """Dropout for feature maps: each (example, channel) map as a whole is zeroed, or kept and divided by ``1 - p``.

    Neighbouring pixels of a map say nearly the same, so dropping single pixels hides little. Two maps are decided
    independently, be they of one example or of two. In test mode the input passes unchanged.

    Args:
        x: (N, C, H, W) inputs.
        dropout_param: as for ``dropout_forward``: ``"mode"``, ``"p"`` (the probability to drop), maybe ``"seed"``.

    Returns:
        ``out`` of shape (N, C, H, W), and a cache for :func:`spatial_dropout_backward`.
    """
    raise NotImplementedError("spatial_dropout_forward: write your solution here")


def spatial_dropout_backward(dout: np.ndarray, cache: Any) -> np.ndarray:
    """Push a gradient back through :func:`spatial_dropout_forward`, in either mode.

    Args:
        dout: (N, C, H, W) gradient with respect to ``out``.
        cache: what :func:`spatial_dropout_forward` returned.

    Returns:
        ``dx`` (N, C, H, W).
    """
    raise NotImplementedError("spatial_dropout_backward: write your solution here")
