"""From a value to a JSON tree and buffers, and from these to a frame."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable
from typing import Any

from grader.sandbox.wire.frames import (
    ARRAY_KINDS,
    DEFAULT_LIMITS,
    MAGIC,
    MAX_BITS,
    MAX_DIMENSIONS,
    MAX_EMPTY,
    MAX_ITEMSIZE,
    MAX_TYPE_NAME,
    PREFIX,
    SAFE_INT,
    TENSOR_DTYPES,
    HandleRef,
    WireError,
    WireLimits,
)


class Encoder:
    """Turns values into a JSON tree and a list of buffers.

    ``handle`` is asked for a :class:`HandleRef` where a value cannot cross; without one such a value is an error.
    ``keep_grad`` marks tensors that require grad with a handle of their own, so that autograd goes on in the worker.
    Without ``tensors`` a tensor goes as a numpy array: the receiver has no torch.
    """

    def __init__(
        self,
        limits: WireLimits = DEFAULT_LIMITS,
        *,
        handle: Callable[[Any], HandleRef] | None = None,
        keep_grad: bool = False,
        proxy: Callable[[Any], HandleRef | None] | None = None,
        tensors: bool = True,
    ) -> None:
        self.buffers: list[memoryview] = []
        self.size = 0
        self.limits = limits
        self._handle = handle
        self._keep_grad = keep_grad
        self._proxy = proxy
        self._tensors = tensors
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
        if kind is int and value.bit_length() <= MAX_BITS:
            return value if -SAFE_INT < value < SAFE_INT else {"i": hex(value)}
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
        return {"h": ref.id, "k": ref.type_name[:MAX_TYPE_NAME]}

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
            if array.dtype.kind not in ARRAY_KINDS or array.dtype.itemsize > MAX_ITEMSIZE or not _shape_crosses(array):
                return None
            native = array.dtype.newbyteorder("=")
            array = np.ascontiguousarray(array, dtype=native).reshape(array.shape)
            extent = self._append(memoryview(array.reshape(-1).view(np.uint8).data))
            kind = "s" if isinstance(value, np.generic) else "a"
            return {kind: [native.str, list(array.shape), *extent]}
        # Where torch was not imported there is no tensor, and a worker without torch cannot import it.
        torch: Any = sys.modules.get("torch")
        if torch is not None and isinstance(value, torch.Tensor):
            return self._tensor(value, torch) if self._tensors else self._array(_as_array(value))
        return None

    def _tensor(self, value: Any, torch: Any) -> Any | None:
        name = str(value.dtype).removeprefix("torch.")
        if value.layout is not torch.strided or value.is_meta or value.is_nested or name not in TENSOR_DTYPES:
            return None
        if not _shape_crosses(value):
            return None
        data = value.detach().as_subclass(torch.Tensor).cpu().resolve_conj().resolve_neg().contiguous()
        flat = data.reshape(-1).view(torch.uint8) if data.numel() else torch.empty(0, dtype=torch.uint8)
        tree: dict[str, Any] = {"T": [name, list(data.shape), *self._append(memoryview(flat.numpy()))]}
        if value.requires_grad and self._keep_grad and self._handle is not None:
            tree["h"] = self._handle(value).id
        elif value.requires_grad:
            tree["g"] = True
        return tree


def _as_array(tensor: Any) -> Any:
    """A tensor's values as a numpy array."""
    try:
        return tensor.detach().cpu().resolve_conj().resolve_neg().numpy()
    except (RuntimeError, TypeError) as error:
        raise WireError(f"a tensor that is no numpy array cannot cross to a worker without torch: {error}") from None


def _shape_crosses(array: Any) -> bool:
    """Whether the receiver will take the shape of an array or tensor."""
    shape = tuple(array.shape)
    return len(shape) <= MAX_DIMENSIONS and (0 not in shape or math.prod(n for n in shape if n) <= MAX_EMPTY)


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
