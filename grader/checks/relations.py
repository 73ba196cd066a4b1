"""Metamorphic relations: what must come out again when the input is changed in a way that is understood.

They need no reference, hold for every right solution, and see what tame inputs hide: a batch that is read as time, a state that
is kept, a length that was fixed. Each takes a function of the student's (or a model), an input, and says in one line what holds.

Tensors and arrays cross to the worker and back; everything is compared on the trusted side.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch

from grader.checks.close import assert_close

Function = Callable[[torch.Tensor], Any]


def _plain(value: Any) -> torch.Tensor:
    found = getattr(value, "value", value)
    return torch.as_tensor(found).detach()


def assert_batch_equivariant(
    function: Function, x: torch.Tensor, *, axis: int = 0, out_axis: int = 0, name: str = "the result", **tolerance: Any
) -> None:
    """Check that examples do not see one another: alone, and in another order, each gives what it gives in the batch.

    Args:
        function: maps a batch to results of which axis ``out_axis`` belongs to the examples.
        x: a batch of two examples or more along ``axis``.
        axis: of the examples in ``x``.
        out_axis: of the examples in the result.
        name: what the student calls the result.
        tolerance: ``rtol`` and ``atol`` as in ``assert_close``.

    Raises:
        CheckFailed: they see one another, or their order matters.
        ValueError: there is one example only, which says nothing.

    """
    count = x.shape[axis]
    if count < 2:
        raise ValueError("one example alone shows nothing: give two or more")
    together = _plain(function(x))
    order = torch.arange(count).roll(1)
    turned = _plain(function(x.index_select(axis, order)))
    alone = torch.cat([_plain(function(x.narrow(axis, k, 1))) for k in range(count)], dim=out_axis)
    assert_close(alone, together, name=f"{name} for each example alone, compared with the batch,", **tolerance)
    right = together.index_select(out_axis, order)
    assert_close(turned, right, name=f"{name} for the examples in another order", **tolerance)


def assert_scales(
    function: Function,
    x: torch.Tensor,
    *,
    factor: float = 3.0,
    power: float = 1.0,
    name: str = "the result",
    **tolerance: Any,
) -> None:
    """Check that ``function(factor * x)`` is ``factor ** power`` times ``function(x)``: 0 where scale does not matter, 2 for a square.

    Raises:
        CheckFailed: it is not.

    """
    right = _plain(function(x)) * factor**power
    assert_close(function(factor * x), right, name=f"{name} for {factor:g} times the input", **tolerance)


def assert_ignores_padding(
    function: Function,
    x: torch.Tensor,
    *,
    axis: int,
    by: int = 2,
    value: float = 0.0,
    name: str = "the result",
    **tolerance: Any,
) -> None:
    """Check that ``by`` more entries of ``value`` at the end of an axis change nothing.

    Raises:
        CheckFailed: they change the result.

    """
    shape = list(x.shape)
    shape[axis] = by
    longer = torch.cat([x, x.new_full(shape, value)], dim=axis)
    assert_close(
        function(longer),
        _plain(function(x)),
        name=f"{name} for an input with {by} more entries of {value:g} at its end",
        **tolerance,
    )


def assert_repeats(function: Callable[[], Any], *, times: int = 2, name: str = "the result", **tolerance: Any) -> None:
    """Check that calling again gives the same again: nothing is kept from one call to the next, and nothing is random.

    Raises:
        CheckFailed: a later call gives something else.

    """
    first = _plain(function())
    for _ in range(times - 1):
        assert_close(function(), first, name=f"{name} of a second call", earlier={"the first call": first}, **tolerance)


def assert_splits(
    function: Function,
    x: torch.Tensor,
    *,
    sizes: Sequence[int],
    axis: int = 0,
    join: Callable[[list[torch.Tensor]], torch.Tensor] = torch.cat,
    name: str = "the result",
    **tolerance: Any,
) -> None:
    """Check that parts put together give what the whole gives: batches of any size for a prediction, a sum over parts for a count.

    Args:
        function: what is called on the whole and on each part.
        x: the whole.
        sizes: of the parts along ``axis``; they add up to its length.
        axis: along which it is split.
        join: makes one result of those of the parts; ``torch.cat``, or a sum.
        name: what the student calls the result.
        tolerance: ``rtol`` and ``atol`` as in ``assert_close``.

    Raises:
        CheckFailed: the parts give something else.

    """
    parts = [_plain(function(part)) for part in torch.split(x, list(sizes), dim=axis)]
    assert_close(join(parts), _plain(function(x)), name=f"{name} of {len(parts)} parts put together", **tolerance)


def assert_precise(function: Function, x: torch.Tensor, *, name: str = "the result", **tolerance: Any) -> None:
    """Check that double precision goes all the way through: a float64 input gives a float64 result, near that of float32.

    Raises:
        CheckFailed: the result has another dtype, or other values.

    """
    rough, exact = _plain(function(x.float())), function(x.double())
    assert_close(
        exact,
        rough.double(),
        name=f"{name} in double precision",
        dtype=torch.float64,
        **({"rtol": 1e-3, "atol": 1e-5} | tolerance),
    )


def assert_causal(
    function: Function,
    x: torch.Tensor,
    *,
    steps: int,
    axis: int = 0,
    out_axis: int = 0,
    name: str = "the result",
    **tolerance: Any,
) -> None:
    """Check that what comes later changes nothing earlier: the first ``steps`` results are those of the first ``steps`` inputs.

    For a layer that reads a sequence of any length: a longer one has the same beginning.

    Raises:
        CheckFailed: a later input reaches an earlier result.

    """
    whole = _plain(function(x)).narrow(out_axis, 0, steps)
    beginning = function(x.narrow(axis, 0, steps))
    assert_close(
        beginning,
        whole,
        name=f"{name} for the first {steps} of {x.shape[axis]} steps, compared with those of all,",
        **tolerance,
    )
