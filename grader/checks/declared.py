"""What a check can declare beside values: arguments left alone, results that autograd can follow, parameters registered.

Each works on a student's objects in the worker, and on plain ones in public tests. Whatever is compared is compared on
the trusted side, so a student's code can at most tell lies that cost it points.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

import numpy as np

from grader.checks.arrays import as_array, describe
from grader.remote_values import HasValue
from grader.sandbox.faults import ContractError
from grader.text import counted

_CUT = "`.detach()`, `.item()`, `.numpy()`, `.data` and `torch.tensor(...)` cut it off, and so does `torch.no_grad()`"
#: Most attributes looked at for tensors and lists that a module does not see.
_ATTRIBUTES = 64


def untouched(function: Callable[..., Any], *, but: Collection[int | str] = ()) -> Callable[..., Any]:
    """Wrap a function of the student's so that a call also checks that it leaves its arguments as they were.

    ``untouched(student.softmax)(x, dim=1)`` returns what the call returns. Tensors and arrays are compared exactly,
    NaN with NaN; so are lists, tuples and dicts that hold them. ``but`` names arguments that the function may change, as the
    call gives them: by position, counted from 0, or by name.

    Raises:
        ContractError: an argument has changed; it is named as the stub names it.
    """
    ask = getattr(function, "__autograde_ask__", None)
    signature = getattr(function, "__autograde_signature__", lambda: None)()

    def call(*args: Any, **kwargs: Any) -> Any:
        held = [(key, value) for key, value in _holding(args, kwargs) if key not in but]
        before = {key: _copied(value) for key, value in held}
        given = {key: ask("same", _sent(value), ref=True) if ask else value for key, value in held}
        result = function(
            *(given.get(k, value) for k, value in enumerate(args)),
            **{name: given.get(name, value) for name, value in kwargs.items()},
        )
        for key, passed in given.items():
            if not _same(before[key], passed.fetch() if ask else passed):
                name = (
                    f"`{key}`"
                    if isinstance(key, str)
                    else signature.argument(key)
                    if signature
                    else f"number {key + 1}"
                )
                called = f"`{signature.name}`" if signature else "your function"
                raise ContractError(
                    f"{called} overwrites its argument {name}: it must not change its arguments. `x += 1`, `x[...] = 0` "
                    "and methods that end in `_` change the caller's array; make a new one instead."
                )
        return result

    return call


def assert_differentiable(value: Any, *, name: str = "the result") -> None:
    """Check that ``value`` is a tensor that autograd can follow back: not detached, not a number, not an array.

    Raises:
        ContractError: it is cut from the graph, or no tensor.
    """
    __tracebackhide__ = True
    if isinstance(value, HasValue) or getattr(value, "requires_grad", False) is True:
        return
    if hasattr(value, "requires_grad"):
        raise ContractError(
            f"{name} is cut off from its inputs: it does not require grad, so autograd has nothing to follow. {_CUT}."
        )
    raise ContractError(f"{name} should be a tensor that autograd can follow; it is {describe(value)}. {_CUT}.")


def parameters(module: Any, *, name: str = "the module") -> dict[str, Any]:
    """The registered parameters of a module of the student's, by name; live ones, whose ``.grad`` can be read.

    Raises:
        ContractError: it is no ``nn.Module``.
    """
    try:
        return {str(key): value for key, value in module.named_parameters()}
    except (AttributeError, ContractError, TypeError, ValueError):
        raise ContractError(
            f"{name} should be an `nn.Module` whose `__init__` calls `super().__init__()`; its parameters cannot be listed."
        ) from None


def assert_registered(module: Any, count: int | None = None, *, name: str = "the module") -> dict[str, Any]:
    """Check that a module registers parameters, ``count`` numbers in all if given, and give them by name.

    Raises:
        ContractError: too few or too many; says which attributes hold tensors or layers that the module does not see.
    """
    __tracebackhide__ = True
    found = parameters(module, name=name)
    total = sum(_size(value) for value in found.values())
    if found and (count is None or total == count):
        return found
    wanted = "its parameters" if count is None else f"{counted(count, 'number')} in its parameters"
    have = ", ".join(f"`{key}` {tuple(value.shape)}" for key, value in list(found.items())[:12]) or "none"
    unseen = _unseen(module)
    why = (
        f" {' '.join(unseen)}"
        if unseen and (count is None or total < count)
        else " Is a layer or a bias missing, or one too many?"
    )
    raise ContractError(f"{name} should register {wanted}; it registers {total} ({have}).{why}")


def assert_gradients_flow(module: Any, *, name: str = "the module") -> None:
    """Check, after a backward pass, that every registered parameter has received a gradient that is not zero.

    Raises:
        ContractError: names the parameters without.
    """
    __tracebackhide__ = True
    found = assert_registered(module, name=name)
    missing, zero = [], []
    for key, value in found.items():
        gradient = value.grad
        array = None if gradient is None else as_array(gradient)
        if array is None:
            missing.append(f"`{key}`")
        elif not array.any():
            zero.append(f"`{key}`")
    if missing:
        raise ContractError(
            f"No gradient reaches {', '.join(missing[:8])} of {name}: it is never used, or lies behind something that cuts the "
            f"graph. {_CUT}."
        )
    if zero:
        raise ContractError(f"The gradient of {', '.join(zero[:8])} of {name} is zero everywhere.")


def _holding(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> list[tuple[int | str, Any]]:
    """The arguments that could be overwritten: arrays and tensors that are not live ones in the worker already, or hold such."""
    pairs: list[tuple[int | str, Any]] = [*enumerate(args), *kwargs.items()]
    return [(key, value) for key, value in pairs if _overwritable(value)]


def _overwritable(value: Any) -> bool:
    if isinstance(value, (list, tuple, dict)):
        return any(_overwritable(part) for part in _parts(value))
    return isinstance(value, np.ndarray) or _is_tensor(value)


def _parts(value: list[Any] | tuple[Any, ...] | dict[Any, Any]) -> list[Any]:
    return list(value.values() if isinstance(value, dict) else value)


def _is_tensor(value: Any) -> bool:
    if hasattr(type(value), "__autograde_handle__"):  # to ask a handle for an attribute is to ask the worker
        return False
    return hasattr(value, "detach") and hasattr(value, "resolve_conj")


def _sent(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _sent(part) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(_sent(part) for part in value)
    return value.detach() if _is_tensor(value) else value


def _copied(value: Any) -> Any:
    """A copy that nobody else holds: arrays for arrays and tensors, and what is not an array as it is."""
    if isinstance(value, dict):
        return {key: _copied(part) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_copied(part) for part in value]
    array = as_array(value) if isinstance(value, np.ndarray) or _is_tensor(value) else None
    return value if array is None else array.copy()


def _same(before: Any, after: Any) -> bool:
    if isinstance(before, dict):
        return (
            isinstance(after, dict)
            and before.keys() == after.keys()
            and all(_same(before[k], after[k]) for k in before)
        )
    if isinstance(before, list):
        alike = isinstance(after, (list, tuple)) and len(before) == len(after)
        return alike and all(_same(*pair) for pair in zip(before, after, strict=True))
    if not isinstance(before, np.ndarray):
        return bool(before == after)
    after = as_array(after)
    return bool(
        after is not None
        and before.shape == after.shape
        and np.array_equal(before, after, equal_nan=before.dtype.kind in "fc" and after.dtype.kind in "fc")
    )


def _size(value: Any) -> int:
    size = 1
    for length in value.shape:
        size *= int(length)
    return size


def _unseen(module: Any) -> list[str]:
    """Sentences on attributes that hold tensors, or lists of layers, which a module does not register."""
    ask = getattr(module, "__autograde_ask__", None)
    try:
        held = ask("getattr", module, "__dict__") if ask else vars(module)
        names = [key for key in (held.keys() if not isinstance(held, dict) else held) if isinstance(key, str)]
        pairs = [(key, held[key]) for key in names[:_ATTRIBUTES] if not key.startswith("_") and key != "training"]
    except (AttributeError, TypeError, ContractError):
        return []
    sentences = []
    for key, value in pairs:
        shown = key[:60]
        if isinstance(value, HasValue) or _is_tensor(value):
            sentences.append(f"`{shown}` is a plain tensor, which a module does not see: make it an `nn.Parameter`.")
        elif _holds_layers(value):
            sentences.append(
                f"`{shown}` is a plain {_kind(value)}, and a module does not see what it holds: make it an `nn.ModuleList`, "
                "`nn.ModuleDict` or `nn.ParameterList`."
            )
    return sentences[:4]


def _holds_layers(value: Any) -> bool:
    parts = list(value.values()) if isinstance(value, dict) else list(value) if isinstance(value, (list, tuple)) else []
    return any(
        isinstance(part, HasValue) or hasattr(part, "named_parameters") or _is_tensor(part) for part in parts[:32]
    )


def _kind(value: Any) -> str:
    return "dict" if isinstance(value, dict) else "tuple" if isinstance(value, tuple) else "list"
