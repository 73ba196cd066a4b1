"""Tensors that require grad: live in the worker, with their values here."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator
from typing import Any, ClassVar

from grader.engine.handles import Handle
from grader.engine.remote import Remote
from grader.remote_values import HasValue
from grader.sandbox.wire import TensorRef


class RemoteTensor(Handle, HasValue):
    """A tensor that requires grad: a live tensor in the worker, with its value here.

    In torch functions and arithmetic it is its detached value. ``.shape``, ``.dtype`` and reading are local; any other
    attribute or method (``.sum()``, ``.backward()``, ``.grad``) runs in the worker.
    """

    __slots__ = ("value",)

    requires_grad: ClassVar[bool] = True

    def __init__(self, remote: Remote, ref: TensorRef) -> None:
        super().__init__(remote, ref.handle)
        object.__setattr__(self, "value", ref.value)

    @classmethod
    def __torch_function__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return func(*_local(args), **_local(kwargs or {}))

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        array = self.value.numpy()
        return array if dtype is None else array.astype(dtype)

    def __getitem__(self, key: Any) -> Any:
        return self.value[key]

    def __len__(self) -> int:
        return len(self.value)

    def __iter__(self) -> Iterator[Any]:
        return iter(self.value)

    def __float__(self) -> float:
        return float(self.value)

    def __repr__(self) -> str:
        return f"<Tensor {tuple(self.value.shape)} in the worker>"


def _local(value: Any) -> Any:
    if isinstance(value, RemoteTensor):
        return value.value
    if isinstance(value, (list, tuple)):
        return type(value)(_local(item) for item in value)
    if isinstance(value, dict):
        return {key: _local(item) for key, item in value.items()}
    return value


def _forward(name: str) -> Callable[..., Any]:
    function = getattr(operator, name.strip("_"), None)

    def binary(self: RemoteTensor, other: Any) -> Any:
        return function(self.value, _local(other))  # type: ignore[misc]

    return binary


def _reflected(name: str) -> Callable[..., Any]:
    function = getattr(operator, name)

    def binary(self: RemoteTensor, other: Any) -> Any:
        return function(_local(other), self.value)

    return binary


for _name in ("add", "sub", "mul", "truediv", "floordiv", "matmul", "pow", "mod"):
    setattr(RemoteTensor, f"__{_name}__", _forward(_name))
    setattr(RemoteTensor, f"__r{_name}__", _reflected(_name))
for _name in ("lt", "le", "gt", "ge", "eq", "ne"):
    setattr(RemoteTensor, f"__{_name}__", _forward(_name))
RemoteTensor.__hash__ = object.__hash__  # type: ignore[method-assign]


def _unary(name: str) -> Callable[..., Any]:
    function = getattr(operator, name)
    return lambda self: function(self.value)


def _local_method(name: str) -> Callable[..., Any]:
    return lambda self, *args: getattr(self.value, name)(*args)


for _name in ("neg", "abs"):
    setattr(RemoteTensor, f"__{_name}__", _unary(_name))
for _name in ("shape", "dtype", "ndim"):
    setattr(RemoteTensor, _name, property(operator.attrgetter(f"value.{_name}")))
for _name in ("size", "dim", "numel", "item", "tolist", "numpy", "detach", "element_size"):
    setattr(RemoteTensor, _name, _local_method(_name))
