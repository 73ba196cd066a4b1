"""What both directions share: limits, errors, references, and a frame's prefix and header."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

MAGIC = b"AGW1"
PREFIX = struct.Struct("!4sIQ")

#: Integers beyond this are written as text, since other JSON readers would round them.
SAFE_INT = 2**53

#: Integers of more bits than this do not cross by value: Python refuses to write more than 4300 digits, so a message
#: of the trusted side that shows one would raise.
MAX_BITS = 14_000

ARRAY_KINDS = frozenset("biufc")
MAX_ITEMSIZE = 16
MAX_DIMENSIONS = 16
#: Rows of an empty array, which has no bytes to bound them: ``list`` and ``tolist`` make an object of each.
MAX_EMPTY = 1 << 24

TENSOR_DTYPES = frozenset(
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

MAX_TYPE_NAME = 200

#: Buffers up to this many bytes are not worth numpy.
_SMALL = 1 << 16


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
        WireError: not a prefix's length, wrong magic, or a length over its limit.
    """
    if len(prefix) != PREFIX.size:
        raise WireError(f"a prefix is {PREFIX.size} bytes")
    magic, header, payload = PREFIX.unpack(prefix)
    if magic != MAGIC:
        raise WireError("not a frame: wrong magic")
    if header > limits.header:
        raise WireError(f"header of {header} bytes is over the limit of {limits.header}")
    if payload > limits.payload:
        raise WireError(f"payload of {payload} bytes is over the limit of {limits.payload}")
    return header, payload


def parse_header(raw: bytes | bytearray | memoryview) -> dict[str, Any]:
    """Parse a frame's JSON header, an object; of a key that stands twice the last counts.

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


def blank(size: int) -> memoryview:
    """Memory to receive ``size`` bytes in. What a lying prefix promises and does not send is never touched."""
    if size <= _SMALL:
        return memoryview(bytearray(size))
    import numpy as np

    return np.empty(size, dtype=np.uint8).data
