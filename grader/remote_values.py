"""Values that live in a worker, as the rooms below the engine see them."""

from __future__ import annotations

from typing import Any


class HasValue:
    """Base of a proxy that has a copy of its value on this side: a tensor that requires grad, in practice.

    A class to inherit from, not a Protocol: asking a proxy whether it has an attribute asks the worker.
    """

    __slots__ = ()

    value: Any


def local_value(value: Any) -> Any:
    """The copy on this side where there is one; anything else as it is."""
    return value.value if isinstance(value, HasValue) else value
