"""From a JSON tree and a payload, both hostile, to a value."""

from __future__ import annotations

import math
import re
from typing import Any

from grader.sandbox.wire.frames import (
    ARRAY_KINDS,
    DEFAULT_LIMITS,
    MAX_BITS,
    MAX_DIMENSIONS,
    MAX_EMPTY,
    MAX_ITEMSIZE,
    MAX_TYPE_NAME,
    SAFE_INT,
    TENSOR_DTYPES,
    HandleRef,
    Resolver,
    TensorRef,
    WireError,
    WireLimits,
)

_ARRAY_DTYPE = re.compile(r"[<>|=][biufc][0-9]{1,2}", re.ASCII)
_INTEGER = re.compile(rf"-?0x[0-9a-f]{{1,{MAX_BITS // 4}}}", re.ASCII)


def decode(
    tree: Any,
    payload: bytes | bytearray | memoryview,
    limits: WireLimits = DEFAULT_LIMITS,
    *,
    resolve: Resolver | None = None,
) -> Any:
    """Turn a JSON tree and its payload back into a value.

    Arrays may lie in the payload's own memory, each in a part of its own: it is theirs from here on.
    ``resolve`` turns each :class:`HandleRef` and :class:`TensorRef` into what stands for it on this side.

    Raises:
        WireError: whatever is wrong with the frame.
    """
    decoder = _Decoder(payload, limits, resolve or _as_is)
    value = decoder.decode(tree)
    if decoder.taken != len(payload):
        raise WireError(f"{len(payload) - decoder.taken} bytes of the payload belong to no value")
    return value


def _as_is(ref: HandleRef | TensorRef) -> Any:
    return ref


class _Decoder:
    def __init__(self, payload: bytes | bytearray | memoryview, limits: WireLimits, resolve: Resolver) -> None:
        self.resolve = resolve
        self.view = memoryview(payload)
        self.limits = limits
        self.nodes = 0
        self.taken = 0

    def decode(self, tree: Any, depth: int = 0) -> Any:
        self.nodes += 1
        if depth > self.limits.depth:
            raise WireError(f"value is nested deeper than {self.limits.depth}")
        if self.nodes > self.limits.nodes:
            raise WireError(f"value has more than {self.limits.nodes} parts")
        kind = type(tree)
        if tree is None or kind is bool or kind is float:
            return tree
        if kind is int:
            if not -SAFE_INT < tree < SAFE_INT:
                raise WireError("a large integer that is not written as text")
            return tree
        if kind is str:
            return self._text(tree)
        if kind is list:
            return [self.decode(item, depth + 1) for item in tree]
        if kind is not dict:
            raise WireError("unknown value")
        return self._tagged(tree, depth) if len(tree) == 1 else self._referring(tree)

    def _tagged(self, tree: dict[str, Any], depth: int) -> Any:
        match tree:
            case {"T": spec}:
                return self._tensor(spec)
            case {"t": list(items)}:
                return tuple(self.decode(item, depth + 1) for item in items)
            case {"d": dict(items)}:
                return {self._text(key): self.decode(item, depth + 1) for key, item in items.items()}
            case {"a": spec}:
                return self._array(spec)
            case {"s": [dtype, [], offset, length]}:
                return self._array([dtype, [], offset, length])[()]
            case {"b": [offset, length]}:
                return bytes(self._extent(offset, length))
            case {"i": str(text)} if _INTEGER.fullmatch(text):
                return int(text, 16)
            case {"f": "nan" | "inf" | "-inf" as text}:
                return float(text)
        raise WireError("unknown value")

    def _referring(self, tree: dict[str, Any]) -> Any:
        if len(tree) == 2:
            match tree:
                case {"h": number, "k": str(name)} if len(name) <= MAX_TYPE_NAME:
                    return self.resolve(self._handle(number, self._text(name)))
                case {"T": spec, "h": number}:
                    tensor = self._tensor(spec)
                    return self.resolve(TensorRef(tensor, self._handle(number, "Tensor")))
                case {"T": spec, "g": True}:
                    tensor = self._tensor(spec)
                    if tensor.is_floating_point() or tensor.is_complex():
                        return tensor.requires_grad_()
        raise WireError("unknown value")

    @staticmethod
    def _text(text: str) -> str:
        if not text.isascii():
            try:
                text.encode()
            except UnicodeEncodeError:  # JSON can escape one; a report that holds it cannot be written
                raise WireError("a string with a lone surrogate is no text") from None
        return text

    @staticmethod
    def _handle(number: Any, name: str) -> HandleRef:
        if type(number) is not int or not 0 <= number < SAFE_INT:
            raise WireError("a handle is a small non-negative integer")
        return HandleRef(number, name)

    def _extent(self, offset: Any, length: Any) -> memoryview:
        if type(offset) is not int or type(length) is not int or length < 0:
            raise WireError("an extent is two non-negative integers")
        # In order and without overlap: values can neither share bytes nor be more than the payload holds.
        if offset != self.taken:
            raise WireError("values do not follow one another in the payload")
        if length > len(self.view) - offset:
            raise WireError("a value's bytes lie outside the payload")
        self.taken = offset + length
        return self.view[offset : self.taken]

    def _spec(self, spec: Any) -> tuple[str, list[int], Any, Any]:
        match spec:
            case [str(dtype), list(shape), offset, length]:
                if len(shape) > MAX_DIMENSIONS or not all(type(n) is int and 0 <= n < SAFE_INT for n in shape):
                    raise WireError(f"a shape is at most {MAX_DIMENSIONS} non-negative integers")
                return dtype, shape, offset, length
        raise WireError("unknown value")

    @staticmethod
    def _count(shape: list[int], itemsize: int, length: Any) -> None:
        size = math.prod(shape)
        if size * itemsize != length:
            raise WireError(f"a shape with {itemsize} bytes an item does not take {str(length)[:20]} bytes")
        # A zero anywhere would let the other sizes be anything.
        if not size and math.prod(n for n in shape if n) > MAX_EMPTY:
            raise WireError("the shape of an empty array is too large")

    def _array(self, spec: Any) -> Any:
        import numpy as np

        dtype, shape, offset, length = self._spec(spec)
        if not _ARRAY_DTYPE.fullmatch(dtype):
            raise WireError("unknown array dtype")
        try:
            kind = np.dtype(dtype)
        except (TypeError, ValueError):
            raise WireError("unknown array dtype") from None
        if kind.kind not in ARRAY_KINDS or kind.itemsize > MAX_ITEMSIZE or not kind.isnative:
            raise WireError("unknown array dtype")
        self._count(shape, kind.itemsize, length)
        raw = self._bytes(offset, length, bool_=kind.kind == "b")
        return raw.view(kind).reshape(shape)

    def _tensor(self, spec: Any) -> Any:
        import torch

        dtype, shape, offset, length = self._spec(spec)
        if dtype not in TENSOR_DTYPES:
            raise WireError("unknown tensor dtype")
        kind = getattr(torch, dtype)
        self._count(shape, kind.itemsize, length)
        raw = self._bytes(offset, length, bool_=kind is torch.bool)
        if not length:
            return torch.empty(shape, dtype=kind)
        return torch.from_numpy(raw).view(kind).reshape(shape)

    def _bytes(self, offset: Any, length: Any, *, bool_: bool) -> Any:
        """The bytes of an array as a writable, aligned numpy array of uint8."""
        import numpy as np

        extent = self._extent(offset, length)
        raw = np.frombuffer(extent, dtype=np.uint8)
        if bool_:
            return (raw != 0).view(np.uint8)  # any other byte in a bool array is undefined behaviour later
        # A value that is most of the payload takes it over. A small one would keep all of it alive.
        aligned = raw.ctypes.data % MAX_ITEMSIZE == 0 and raw.flags.writeable
        return raw if aligned and 2 * length >= len(self.view) else raw.copy()
