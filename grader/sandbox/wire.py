"""The wire between trusted and untrusted processes: framed JSON and raw bytes, never pickle.

A frame is ``magic, header length, payload length`` (big-endian), a JSON header and a payload of raw array bytes::

    4s  b"AGW1"      I  bytes of header      Q  bytes of payload      header      payload

By value cross None, bool, int, float, str, bytes, list, tuple, str-keyed dict, numpy arrays and scalars, and torch
tensors. Everything else crosses as a *handle*, a number that only the sender can turn into the object again.

Every frame from a worker is hostile. Lengths are checked before anything is allocated, the depth and the number
of nodes while decoding, and each array's dtype, shape and extent before its bytes are touched. Whatever is wrong
raises :class:`WireError`, and nothing else is raised by :func:`decode`.

This module runs beside hostile code as well: it imports the standard library alone at its top, numpy and torch late.
"""

from __future__ import annotations

import json
import math
import re
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

MAGIC = b"AGW1"
PREFIX = struct.Struct("!4sIQ")

#: Integers beyond this are written as text, since other JSON readers would round them.
_SAFE_INT = 2**53

#: Integers of more bits than this do not cross by value; the receiver would refuse their digits.
_MAX_BITS = 32_000

_ARRAY_KINDS = frozenset("biufc")
_ARRAY_DTYPE = re.compile(r"[<>|=][biufc][0-9]{1,2}")
_TENSOR_DTYPES = frozenset(
    [
        "bool",
        "uint8",
        "int8",
        "int16",
        "int32",
        "int64",
        "float16",
        "bfloat16",
        "float32",
        "float64",
        "complex64",
        "complex128",
    ]
)
_MAX_DIMENSIONS = 16


class WireError(Exception):
    """A frame, or a value for one, breaks the protocol or its limits."""


@dataclass(frozen=True, slots=True)
class WireLimits:
    """What a receiver accepts: bytes of header and payload, depth and number of nodes of the value tree."""

    header: int = 8 << 20
    payload: int = 512 << 20
    depth: int = 48
    nodes: int = 200_000


DEFAULT_LIMITS = WireLimits()


@dataclass(frozen=True, slots=True)
class HandleRef:
    """A handle on the wire: the object's number in the worker and what the worker says of it."""

    id: int
    type_name: str = "object"


@dataclass(frozen=True, slots=True)
class TensorRef:
    """A tensor that requires grad: its value here, and the handle of the live tensor in the worker."""

    value: Any
    handle: HandleRef


Resolver = Callable[[HandleRef | TensorRef], Any]


def check_prefix(prefix: bytes, limits: WireLimits) -> tuple[int, int]:
    """Read a frame's prefix; give the lengths of header and payload in bytes.

    Raises:
        WireError: wrong magic, or a length over its limit.
    """
    magic, header, payload = PREFIX.unpack(prefix)
    if magic != MAGIC:
        raise WireError("not a frame: wrong magic")
    if header > limits.header:
        raise WireError(f"header of {header} bytes is over the limit of {limits.header}")
    if payload > limits.payload:
        raise WireError(f"payload of {payload} bytes is over the limit of {limits.payload}")
    return header, payload


def parse_header(raw: bytes | bytearray) -> dict[str, Any]:
    """Parse a frame's JSON header, an object.

    Raises:
        WireError: not UTF-8, not JSON, too deep, not an object, or a bare NaN or Infinity.
    """
    try:
        header = json.loads(bytes(raw).decode("utf-8"), parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise WireError(f"header is not JSON: {str(error)[:120]}") from None
    if not isinstance(header, dict):
        raise WireError("header is not a JSON object")
    return header


def _no_constant(name: str) -> Any:
    raise ValueError(f"bare {name}")


class Encoder:
    """Turns values into a JSON tree and a list of buffers.

    ``handle`` is asked for a :class:`HandleRef` where a value cannot cross; without one such a value is an error.
    ``keep_grad`` marks tensors that require grad with a handle of their own, so that autograd goes on in the worker.
    """

    def __init__(
        self,
        limits: WireLimits = DEFAULT_LIMITS,
        *,
        handle: Callable[[Any], HandleRef] | None = None,
        keep_grad: bool = False,
        proxy: Callable[[Any], HandleRef | None] | None = None,
    ) -> None:
        self.buffers: list[memoryview] = []
        self.size = 0
        self.limits = limits
        self._handle = handle
        self._keep_grad = keep_grad
        self._proxy = proxy
        self._nodes = 0

    def encode(self, value: Any, depth: int = 0) -> Any:
        """Give the JSON tree of ``value``.

        Raises:
            WireError: too deep, too many nodes, too large, or of a type that cannot cross.
        """
        self._nodes += 1
        if depth > self.limits.depth or self._nodes > self.limits.nodes:
            raise WireError(f"value is nested deeper than {self.limits.depth} or has too many parts")
        if value is None or value is True or value is False:
            return value
        kind = type(value)
        if kind is str:
            return self._text(value)
        if kind is int and value.bit_length() <= _MAX_BITS:
            return value if -_SAFE_INT < value < _SAFE_INT else {"i": hex(value)}
        if kind is float:
            return value if math.isfinite(value) else {"f": repr(value)}
        if self._proxy is not None and (ref := self._proxy(value)) is not None:
            return {"h": ref.id, "k": ref.type_name}
        if isinstance(value, (bytes, bytearray)):
            return {"b": self._append(memoryview(bytes(value)))}
        if isinstance(value, list):
            return [self.encode(item, depth + 1) for item in value]
        if isinstance(value, tuple):
            return {"t": [self.encode(item, depth + 1) for item in value]}
        if isinstance(value, dict) and all(type(key) is str for key in value):
            return {"d": {self._text(key): self.encode(item, depth + 1) for key, item in value.items()}}
        if (tree := self._array(value)) is not None:
            return tree
        if self._handle is None:
            raise WireError(f"a value of type {kind.__name__} cannot cross by value")
        ref = self._handle(value)
        return {"h": ref.id, "k": ref.type_name[:200]}

    def _text(self, value: str) -> str:
        if len(value) > self.limits.header // 8:
            raise WireError(f"a string of {len(value)} characters is too long")
        try:
            value.encode()
        except UnicodeEncodeError:
            raise WireError("a string with a lone surrogate is no text") from None
        return value

    def _append(self, view: memoryview) -> list[int]:
        """Add a buffer to the payload; give its offset and length."""
        offset = self.size
        self.size += view.nbytes
        if self.size > self.limits.payload:
            raise WireError(f"value is larger than {self.limits.payload >> 20} MiB")
        if view.nbytes:
            self.buffers.append(view.cast("B") if view.ndim != 1 or view.format != "B" else view)
        return [offset, view.nbytes]

    def _array(self, value: Any) -> Any | None:
        import numpy as np

        if isinstance(value, (np.ndarray, np.generic)):
            array = np.asarray(value)
            if array.dtype.kind not in _ARRAY_KINDS or array.dtype.itemsize > 16 or array.ndim > _MAX_DIMENSIONS:
                return None
            native = array.dtype.newbyteorder("=")
            array = np.ascontiguousarray(array, dtype=native).reshape(array.shape)
            extent = self._append(memoryview(array.reshape(-1).view(np.uint8).data))
            kind = "s" if isinstance(value, np.generic) else "a"
            return {kind: [native.str, list(array.shape), *extent]}
        import torch

        if isinstance(value, torch.Tensor):
            return self._tensor(value, torch)
        return None

    def _tensor(self, value: Any, torch: Any) -> Any | None:
        name = str(value.dtype).removeprefix("torch.")
        if value.layout is not torch.strided or value.is_meta or value.is_nested or name not in _TENSOR_DTYPES:
            return None
        data = value.detach().as_subclass(torch.Tensor).cpu().resolve_conj().resolve_neg().contiguous()
        flat = data.reshape(-1).view(torch.uint8) if data.numel() else torch.empty(0, dtype=torch.uint8)
        tree: dict[str, Any] = {"T": [name, list(data.shape), *self._append(memoryview(flat.numpy()))]}
        if value.requires_grad and self._keep_grad and self._handle is not None:
            tree["h"] = self._handle(value).id
        elif value.requires_grad:
            tree["g"] = True
        return tree


def frame(header: dict[str, Any], encoder: Encoder | None = None) -> list[bytes | memoryview]:
    """Give the parts of a frame, to be written in order.

    Raises:
        WireError: a string that is no valid Unicode, or a header over the encoder's limit.
    """
    try:
        text = json.dumps(header, separators=(",", ":"), allow_nan=False, ensure_ascii=False).encode("utf-8")
    except (UnicodeEncodeError, ValueError, RecursionError) as error:
        raise WireError(f"header cannot be written: {error}") from None
    limits = encoder.limits if encoder else DEFAULT_LIMITS
    if len(text) > limits.header:
        raise WireError(f"header of {len(text)} bytes is over the limit of {limits.header}")
    size = encoder.size if encoder else 0
    return [PREFIX.pack(MAGIC, len(text), size), text, *(encoder.buffers if encoder else ())]


class _Decoder:
    def __init__(self, payload: bytearray, limits: WireLimits, resolve: Resolver) -> None:
        self.resolve = resolve
        self.payload = payload
        self.view = memoryview(payload)
        self.limits = limits
        self.nodes = 0
        self.taken = 0

    def decode(self, tree: Any, depth: int = 0) -> Any:  # noqa: PLR0912 - one branch a wire type
        self.nodes += 1
        if depth > self.limits.depth:
            raise WireError(f"value is nested deeper than {self.limits.depth}")
        if self.nodes > self.limits.nodes:
            raise WireError(f"value has more than {self.limits.nodes} parts")
        if tree is None or isinstance(tree, (bool, int, float, str)):
            return tree
        if isinstance(tree, list):
            return [self.decode(item, depth + 1) for item in tree]
        if not isinstance(tree, dict):
            raise WireError("unknown value")
        match tree:
            case {"t": list(items)}:
                return tuple(self.decode(item, depth + 1) for item in items)
            case {"d": dict(items)}:
                return {key: self.decode(item, depth + 1) for key, item in items.items()}
            case {"i": str(text)} if len(text) <= 10_000:
                try:
                    return int(text, 16)
                except ValueError:
                    raise WireError("not an integer") from None
            case {"f": "nan" | "inf" | "-inf" as text}:
                return float(text)
            case {"b": [offset, length]}:
                return bytes(self._extent(offset, length))
            case {"a": [str(dtype), list(shape), offset, length]}:
                return self._array(dtype, shape, offset, length)
            case {"s": [str(dtype), [], offset, length]}:
                return self._array(dtype, [], offset, length)[()]
            case {"T": [str(dtype), list(shape), offset, length]}:
                tensor = self._tensor(dtype, shape, offset, length)
                if "h" in tree:
                    return self.resolve(TensorRef(tensor, self._handle(tree["h"], "Tensor")))
                return tensor.requires_grad_() if tree.get("g") is True and tensor.is_floating_point() else tensor
            case {"h": number, "k": str(name)} if len(name) <= 200:
                return self.resolve(self._handle(number, name))
        raise WireError("unknown value")

    @staticmethod
    def _handle(number: Any, name: str) -> HandleRef:
        if type(number) is not int or not 0 <= number < _SAFE_INT:
            raise WireError("a handle is a small non-negative integer")
        return HandleRef(number, name)

    def _extent(self, offset: Any, length: Any) -> memoryview:
        if type(offset) is not int or type(length) is not int or offset < 0 or length < 0:
            raise WireError("an extent is two non-negative integers")
        if offset + length > len(self.payload):
            raise WireError(f"bytes {offset} to {offset + length} lie outside a payload of {len(self.payload)}")
        # Each value gets a copy of its bytes. Many that share an extent would make a small frame fill the memory.
        self.taken += length
        if self.taken > len(self.payload):
            raise WireError("values share bytes of the payload")
        return self.view[offset : offset + length]

    @staticmethod
    def _count(shape: list[Any], itemsize: int, length: Any) -> None:
        if len(shape) > _MAX_DIMENSIONS or not all(type(n) is int and 0 <= n < _SAFE_INT for n in shape):
            raise WireError("a shape is at most 16 non-negative integers")
        if math.prod(shape) * itemsize != length:
            raise WireError(f"shape {shape} with {itemsize} bytes an item does not take {length} bytes")
        # A zero anywhere lets the other sizes be anything; numpy and torch overflow on their strides.
        if math.prod(n for n in shape if n) * itemsize >= 2**62:
            raise WireError(f"shape {shape} is too large")

    def _array(self, dtype: str, shape: list[Any], offset: Any, length: Any) -> Any:
        import numpy as np

        if not _ARRAY_DTYPE.fullmatch(dtype):
            raise WireError("unknown array dtype")
        try:
            kind = np.dtype(dtype)
        except (TypeError, ValueError):
            raise WireError("unknown array dtype") from None
        if kind.kind not in _ARRAY_KINDS or kind.itemsize > 16 or not kind.isnative:
            raise WireError("unknown array dtype")
        extent = self._extent(offset, length)
        self._count(shape, kind.itemsize, length)
        raw = np.frombuffer(extent, dtype=np.uint8).copy()  # a copy is aligned, writable and owns its bytes
        if kind.kind == "b":
            raw = (raw != 0).view(np.uint8)  # any other byte in a bool array is undefined behaviour later
        return raw.view(kind).reshape(shape)

    def _tensor(self, dtype: str, shape: list[Any], offset: Any, length: Any) -> Any:
        import numpy as np
        import torch

        if dtype not in _TENSOR_DTYPES:
            raise WireError("unknown tensor dtype")
        kind = getattr(torch, dtype)
        extent = self._extent(offset, length)
        self._count(shape, kind.itemsize, length)
        if not length:
            return torch.empty(shape, dtype=kind)
        raw = np.frombuffer(extent, dtype=np.uint8).copy()
        if kind is torch.bool:
            raw = (raw != 0).view(np.uint8)
        return torch.from_numpy(raw).view(kind).reshape(shape)


def _as_is(ref: HandleRef | TensorRef) -> Any:
    return ref


def decode(tree: Any, payload: bytearray, limits: WireLimits = DEFAULT_LIMITS, *, resolve: Resolver = _as_is) -> Any:
    """Turn a JSON tree and its payload back into a value.

    ``resolve`` turns each :class:`HandleRef` and :class:`TensorRef` into what stands for it on this side.

    Raises:
        WireError: whatever is wrong with the frame.
    """
    return _Decoder(payload, limits, resolve).decode(tree)
