"""Which torch functions a function calls."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode


class _Names(TorchFunctionMode):
    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        # torch.sigmoid and torch.special.expit are one function under two names; an operator's has its overload's after a dot.
        self.names.add(str(getattr(func, "__name__", "")).removeprefix("special_").partition(".")[0])
        return func(*args, **(kwargs or {}))


class _Operators(TorchDispatchMode):
    """Sees the operators that run, also where functions hide from :class:`_Names`."""

    def __init__(self, names: set[str]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.names = names

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.names.add(str(func).removeprefix("aten.").partition(".")[0].strip("_").removesuffix("_forward"))
        return func(*args, **(kwargs or {}))


def called_names(function: Callable[..., Any], *arguments: Any) -> tuple[Any, list[str]]:
    """Call ``function`` on ``arguments``; return its result and the sorted names of the torch functions that ran.

    Methods and operators of tensors count (``x @ y`` is ``matmul``), and so do the operators that these come to (``mm``).
    """
    with _Names() as used, _Operators(used.names):
        result = function(*arguments)
    return result, sorted(used.names)
