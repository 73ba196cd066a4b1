"""``@points``: what a check is worth and how it is shown."""

from __future__ import annotations

import math
import sys
from typing import Literal

import pytest

from grader.errors import AuthoringError

Visibility = Literal["visible", "after_due", "hidden"]


def points(
    value: float, *, hint: str = "", visibility: Visibility = "visible", timeout: float | None = None
) -> pytest.MarkDecorator:
    """Make a test function a check worth ``value`` points.

    Parametrised cases share the points equally. ``hint`` is shown when points are lost. ``timeout`` is in wall
    seconds of processor time for one case, in place of the profile's ``check_s``.

    Raises:
        AuthoringError: the value or the timeout is not a number; the file and line are named.

    """
    for name, number, written in (("points", value, "@points(4)"), ("the timeout", timeout, "timeout=10")):
        known = number is None and name != "points"
        if not known and (isinstance(number, bool) or not isinstance(number, int | float) or not math.isfinite(number)):
            caller = sys._getframe(1)  # noqa: SLF001 - the line that an author must correct
            raise AuthoringError(
                f"{name} must be a number, not {number!r}",
                where=f"{caller.f_code.co_filename}:{caller.f_lineno}",
                fix=f"write it like {written}",
            )
    return pytest.mark.points(value, hint=hint, visibility=visibility, timeout=timeout)
