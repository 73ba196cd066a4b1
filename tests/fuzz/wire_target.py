"""The fuzz target: whatever a worker writes is a value or the one protocol error, and what is accepted is sound.

An input is a control byte and a stream. Two ways lead in: the decoder alone, and :class:`Worker`, the trusted side's
connection, which reads the stream from a real socket as answers to its requests.
"""

from __future__ import annotations

import math
import os
import socket
import time
from typing import Any

import numpy as np
import torch

from grader.errors import SystemFault
from grader.limits import Limits
from grader.sandbox.faults import (
    MemoryLimit,
    OutputLimit,
    ProtocolError,
    StudentError,
    TimeLimit,
    WorkerDied,
    WorkerFault,
)
from grader.sandbox.trusted.worker import Exit, Worker
from grader.sandbox.wire import (
    DEFAULT_LIMITS,
    PREFIX,
    Encoder,
    HandleRef,
    TensorRef,
    WireError,
    check_prefix,
    decode,
    frame,
    parse_header,
)

_LIMITS = Limits()
_HELLO = b"".join(bytes(part) for part in frame({"id": 0, "layers": ["landlock"]}))
_PATIENCE_S = 30.0
#: Exactly what a request may raise. A WireError is for arguments, and these are ours.
_FAULTS = (StudentError, MemoryLimit, ProtocolError, WorkerDied, TimeLimit, OutputLimit)


def run(data: bytes) -> int:
    """Feed one input; give the number of frames that the reader took in hand. Raises where anything is wrong."""
    control, stream = (data[0], data[1:]) if data else (0, b"")
    # One input in sixteen goes through the connection, and two are sent again: these cost several times as much.
    if control & 15:
        return _through_decoder(stream, again=control & 15 < 3)
    return _through_worker(stream, control >> 4)


# -- the decoder ---------------------------------------------------------------------------------------------------------


def _through_decoder(stream: bytes, *, again: bool) -> int:
    """Read the stream as long as its prefixes hold, as a reader would that is not put off by a bad value."""
    check = sound if again else _check
    count = 0
    while stream:
        count += 1
        try:
            header, payload = check_prefix(stream[: PREFIX.size], DEFAULT_LIMITS)
        except WireError:
            return count
        middle, end = PREFIX.size + header, PREFIX.size + header + payload
        if end > len(stream):
            return count  # half a frame: a reader would wait
        try:
            tree = parse_header(stream[PREFIX.size : middle])
            check(decode(tree.get("value"), bytearray(stream[middle:end])), payload)
        except WireError:
            pass
        stream = stream[end:]
    return count


def sound(value: Any, payload: int) -> None:
    """Check what the decoder accepted: of the types on the wire, within the payload, and fit to be sent again."""
    _check(value, payload)
    encoder = Encoder(proxy=_proxy)
    tree = encoder.encode(value)  # a WireError here would say that something crossed that cannot cross back
    raw = b"".join(bytes(part) for part in frame({"value": tree}, encoder))
    header, size = check_prefix(raw[: PREFIX.size], DEFAULT_LIMITS)
    assert len(raw) == PREFIX.size + header + size
    again = decode(
        parse_header(raw[PREFIX.size : PREFIX.size + header])["value"], bytearray(raw[PREFIX.size + header :])
    )
    assert _alike(value, again), "what was sent again came as something else"


def _proxy(value: Any) -> HandleRef | None:
    if isinstance(value, TensorRef):
        return value.handle
    return value if isinstance(value, HandleRef) else None


def _check(value: Any, payload: int) -> None:
    kind = type(value)
    if value is None or kind in (bool, float):
        return
    if kind is int:
        assert len(str(value)) <= 4300  # str raises beyond
    elif kind is str:
        value.encode()
    elif kind is bytes:
        assert len(value) <= payload
    elif kind in (list, tuple):
        for item in value:
            _check(item, payload)
    elif kind is dict:
        for key, item in value.items():
            assert type(key) is str
            _check(item, payload)
    elif isinstance(value, (np.ndarray, np.generic)):
        assert value.nbytes <= payload
        assert value.dtype.kind in "biufc"
        array = np.asarray(value)
        assert array.flags.aligned
        if isinstance(value, np.ndarray):
            assert value.flags.writeable
        if array.dtype.kind == "b":
            assert not (array.view(np.uint8) > 1).any()
        array.tobytes()
    elif kind is torch.Tensor:
        assert value.numel() * value.element_size() <= payload
        assert value.device.type == "cpu"
        value.detach().clone()
    elif kind is HandleRef:
        assert type(value.id) is int
        assert value.id >= 0
        assert len(value.type_name) <= 200
    elif kind is TensorRef:
        _check(value.value, payload)
        _check(value.handle, payload)
    else:
        raise AssertionError(f"a {kind.__name__} came over the wire")


def _alike(one: Any, other: Any) -> bool:
    if isinstance(one, TensorRef):
        return isinstance(other, HandleRef) and one.handle.id == other.id
    if type(one) is not type(other):
        return False
    if isinstance(one, float):
        return one == other or (math.isnan(one) and math.isnan(other))
    if isinstance(one, (list, tuple)):
        return len(one) == len(other) and all(map(_alike, one, other))
    if isinstance(one, dict):
        return list(one) == list(other) and all(_alike(one[key], other[key]) for key in one)
    if isinstance(one, (np.ndarray, np.generic)):
        # Padding of a long double is not kept; NaN payloads are.
        same = (
            np.array_equal(one, other, equal_nan=True) if one.dtype.itemsize == 16 else one.tobytes() == other.tobytes()
        )
        return one.dtype == other.dtype and one.shape == other.shape and same
    if isinstance(one, torch.Tensor):
        if (one.dtype, one.shape, one.requires_grad) != (other.dtype, other.shape, other.requires_grad):
            return False
        left, right = (x.detach().reshape(-1).view(torch.uint8) if x.numel() else torch.empty(0) for x in (one, other))
        return torch.equal(left, right)
    return bool(one == other)


# -- the connection ------------------------------------------------------------------------------------------------------


class _Parent:
    """Stands for the zygote: says that the worker ended by itself."""

    def reap(self, pid: int, *, ending: bool = False) -> Exit:
        return Exit(None, 0)

    def dismiss(self, pid: int) -> None:
        return


class _Scripted(Worker):
    """A connection whose worker writes a script: where the reader would wait, the next piece is written."""

    def __init__(
        self, wire: socket.socket, output: int, theirs: socket.socket, pieces: list[bytes], *, hang: bool
    ) -> None:
        self.theirs = theirs
        self.pieces = pieces
        self.hang = hang
        self.taken = 0
        super().__init__(_Parent(), 1, wire, output, _LIMITS)

    def _receive(self, deadline: float) -> tuple[dict[str, Any], memoryview]:
        self.taken += 1
        return super()._receive(deadline)

    def _wait(self, deadline: float, *, write: bool = False) -> None:
        if self.pieces:
            self.theirs.sendall(self.pieces.pop(0))
        elif self.hang:
            super()._wait(time.monotonic() - 1, write=write)
        else:
            self.theirs.shutdown(socket.SHUT_WR)
        if not write:
            super()._wait(deadline)


def _through_worker(stream: bytes, control: int) -> int:
    """Ask as long as the worker lives; after a fault go on with a fresh one where the next frame would begin."""
    frames = 0
    while stream:
        taken, left = _ask(stream, control)
        frames += taken
        stream = left
    return frames


def _ask(stream: bytes, control: int) -> tuple[int, bytes]:
    step = (1 << 20, 1 << 20, 1 << 20, 1 << 20, 1 << 20, 1 if len(stream) < 64 else 100, PREFIX.size, 500)[control & 7]
    ours, theirs = socket.socketpair()
    out_read, out_write = os.pipe()
    pieces = [stream[at : at + step] for at in range(0, len(stream), step)]
    worker = None
    try:
        theirs.sendall(_HELLO)
        if not control & 8:
            theirs.sendall(pieces.pop(0))  # written ahead of any request
        worker = _Scripted(ours, out_read, theirs, pieces, hang=control & 12 == 12)
        worker.taken = 0
        while worker.alive and worker.taken < 12:
            _request(worker)
    finally:
        if worker is not None:
            worker.close()
        theirs.close()
        os.close(out_write)
    return _after(stream, worker.taken)


def _request(worker: _Scripted) -> None:
    def resolve(ref: HandleRef | TensorRef) -> Any:
        handle = ref.handle if isinstance(ref, TensorRef) else ref
        worker.drop(handle.id)
        return ref

    try:
        value = worker.request("call", 1, deadline=time.monotonic() + _PATIENCE_S, resolve=resolve)
    except _FAULTS as fault:
        assert worker.alive == (not isinstance(fault, WorkerFault)) or isinstance(fault, MemoryLimit)
        fault.message.encode()
        assert len(fault.message) < 2300
        if isinstance(fault, StudentError):
            fault.for_student().encode()
        return
    except SystemFault as fault:
        raise AssertionError(f"a frame made a fault of ours: {fault}") from fault
    _check(value, DEFAULT_LIMITS.payload)


def _after(stream: bytes, taken: int) -> tuple[int, bytes]:
    """How many frames of the stream were taken in hand, and what comes after the last."""
    for count in range(1, taken + 1):
        try:
            header, payload = check_prefix(stream[: PREFIX.size], DEFAULT_LIMITS)
        except WireError:
            return count, b""
        size = PREFIX.size + header + payload
        if size >= len(stream):
            return count, b""
        stream = stream[size:]
    return taken, stream
