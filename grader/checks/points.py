"""``@points``: what a check is worth and how it is shown."""

from __future__ import annotations

from typing import Literal

import pytest

Visibility = Literal["visible", "after_due", "hidden"]


def points(
    value: float, *, hint: str = "", visibility: Visibility = "visible", timeout: float | None = None
) -> pytest.MarkDecorator:
    """Make a test function a check worth ``value`` points.

    Parametrised cases share the points equally. ``hint`` is shown when points are lost. ``timeout`` is in wall
    seconds of processor time for one case, in place of the profile's ``check_s``.
    """
    return pytest.mark.points(value, hint=hint, visibility=visibility, timeout=timeout)
