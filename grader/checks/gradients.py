"""``gradcheck``: a gradient against its own loss along random directions, and against the right one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from grader.checks.arrays import as_array
from grader.checks.close import CheckFailed, assert_close
from grader.checks.diagnosis import Mistakes


def gradcheck(
    fn: Callable[[Any], Any],
    at: Any,
    *,
    reference: Callable[[Any], Any] | None = None,
    name: str = "the gradient",
    directions: int = 4,
    eps: float | None = None,
    rtol: float | None = None,
    atol: float | None = None,
    seed: int = 0,
    inputs: Mapping[str, Any] | None = None,
    mistakes: Mistakes | None = None,
) -> None:
    """Check that ``fn`` returns the gradient of its own value, and with ``reference`` that both are right.

    Along random unit directions v, ``<grad, v>`` must equal ``(f(x + h v) - f(x - h v)) / 2 h``, whose error is
    O(h^2) (central difference; Nocedal & Wright, Numerical Optimization, section 8.1). A function that returns a
    constant and zeros passes that alone, so give a reference.

    Args:
        fn: the student's; maps a point to ``(value, gradient)``.
        at: the point, a float array or tensor; float64 makes the differences sharp.
        reference: maps a point to the right ``(value, gradient)``.
        name: what the student calls the gradient.
        directions: how many random directions.
        eps: the step h; by default the cube root of the dtype's epsilon times the point's scale.
        rtol: relative tolerance of the comparison along directions; 1e-4 in float64, 2e-2 in float32.
        atol: absolute tolerance likewise; 1e-7 and 1e-3.
        seed: seed of the directions.
        inputs: what else the value depends on, by name; see :func:`~grader.checks.assert_close`.
        mistakes: gradients that wrong formulas give, by what is wrong; likewise. Both need ``reference``.

    Raises:
        CheckFailed: a value or gradient is wrong.
    """
    __tracebackhide__ = True
    point = as_array(at)
    if point is None or point.dtype.kind != "f":  # the author's mistake
        raise TypeError("the point of a gradient check is a float array")
    value, gradient = _pair(fn(_like(point, at)), name)
    grad = as_array(gradient)
    if grad is None or grad.shape != point.shape:
        have = "no array" if grad is None else f"shape {grad.shape}"
        raise CheckFailed(f"{name} should have the shape of its variable, {point.shape}; it has {have}.")
    if grad.dtype.kind == "c":
        raise CheckFailed(f"{name} should hold real numbers; it holds complex ones.")
    if reference is not None:
        right_value, right_gradient = reference(_like(point, at))
        assert_close(value, right_value, name="the value that the gradient belongs to")
        try:
            assert_close(gradient, right_gradient, name=name, inputs=inputs, mistakes=mistakes)
        except CheckFailed as failed:
            raise CheckFailed(f"{failed.message} The value itself is right.", failed.staff, failed.where) from None
    fine = point.dtype.itemsize >= 8
    step = eps or float(np.cbrt(np.finfo(point.dtype).eps)) * max(1.0, float(np.abs(point).max(initial=0.0)))
    relative = rtol if rtol is not None else (1e-4 if fine else 2e-2)
    absolute = atol if atol is not None else (1e-7 if fine else 1e-3)
    generator = np.random.default_rng(seed)
    for _ in range(directions):
        direction = generator.standard_normal(point.shape)
        direction /= np.linalg.norm(direction)
        ahead = _scalar(fn(_like(point + step * direction, at)), name)
        behind = _scalar(fn(_like(point - step * direction, at)), name)
        slope = float(np.subtract(ahead, behind)) / (2 * step) if np.isfinite([ahead, behind]).all() else float("nan")
        with np.errstate(all="ignore"):  # whatever the student's numbers are
            along = float((grad.astype(np.float64) * direction).sum())
            agree = bool(np.isclose(along, slope, rtol=relative, atol=absolute))
        if not agree:
            raise CheckFailed(
                f"{name} is not the gradient of the value that your code returns with it: along a random direction "
                f"the value changes at a rate of {slope:.6g}, but your gradient says {along:.6g}."
            )


def _like(point: Any, at: Any) -> Any:
    """``point`` as the kind of thing that ``at`` is, always a copy: the student may overwrite it."""
    if isinstance(at, np.ndarray):
        return point.astype(at.dtype, copy=True)
    import torch

    return torch.from_numpy(np.array(point)).to(at.dtype)


def _pair(result: Any, name: str) -> tuple[Any, Any]:
    __tracebackhide__ = True
    if not isinstance(result, (tuple, list)) or len(result) < 2:
        raise CheckFailed(f"your code should return a value and {name}; it returned something else.")
    return result[0], result[1]


def _scalar(result: Any, name: str) -> float:
    __tracebackhide__ = True
    array = as_array(_pair(result, name)[0])
    if array is None or array.size != 1 or array.dtype.kind == "c":
        raise CheckFailed(f"the value that {name} belongs to should be a number.")
    return float(array.reshape(()))
