"""Frames to fuzz with: seeds cut from real values, and a mutator that knows a frame's parts.

An input of the fuzz target is one control byte and a stream of frames, as a worker would write them. The control byte
says how the stream reaches the reader; see target.py.
"""

from __future__ import annotations

import json
import math
import random
import struct
from typing import Any

import numpy as np
import torch

from grader.sandbox.wire import MAGIC, PREFIX, Encoder, HandleRef, frame

#: What the generated frames are cut to, so that an input stays cheap; the limits themselves are tested one by one.
MAX_STREAM = 1 << 14

TENSORS = [
    "bool", "uint8", "int8", "int16", "int32", "int64", "float16", "bfloat16", "float32", "float64", "complex64",
    "complex128",
]  # fmt: skip
ARRAYS = ["|b1", "|u1", "<u2", "<u4", "<u8", "|i1", "<i2", "<i4", "<i8", "<f2", "<f4", "<f8", "<f16", "<c8", "<c16"]
#: Values at which decoders break.
NUMBERS = [
    0, -0.0, 1, -1, 2, 3, 7, 8, 15, 16, 17, 47, 48, 49, 199, 200, 201, 255, 256, 2**31, 2**32 - 1, 2**53 - 1, 2**53,
    2**63 - 1, 2**63, 2**64, -(2**63), 10**400, True, False, None, 0.5, 1e308, 1e-320,
]  # fmt: skip
TEXTS = [
    "", "t", "d", "T", "h", "nan", "inf", "-inf", "Infinity", "0x1f", "-0x0", "0x", "0x_1", " 0x1", "0x" + "f" * 3500,
    "0x" + "f" * 3501, "\ud800", "\x00\x1b[2J", "\u202eevil", "<script>", "=1+1", "é", "\N{GRINNING FACE}", "x" * 200,
    "x" * 201, "|O", "<U4", ">f4", "<M8", "<f12", "<c32", "float33", "__class__", "Tensor", "\uff11",
]  # fmt: skip
RAW = [
    b"", b"null", b"[", b"{", b"}", b'{"a":NaN}', b'{"value":Infinity}', b'{"value":1e999}', b'{"value":-0}',
    b'{"value":' + b"9" * 5000 + b"}", b'{"value":1,"value":{"t":[]}}', b'{"id":1,"value":"\\ud800"}', b"\xff\xfe{}",
    b"\xef\xbb\xbf{}", b'{"value":' + b"[" * 60 + b"]" * 60 + b"}", b"[" * 3000, b'{"a":' * 3000, b"\x80\x04\x95",
    b'{"value":1.' + b"1" * 3000 + b"}", b'{"value":"' + b"A" * 3000 + b'"}', b'{"value":[' + b"[]," * 900 + b"[]]}",
]  # fmt: skip


def seeds() -> list[bytes]:
    """Inputs made of real frames: every type on the wire, errors, handles, and several answers in a row."""
    generator = torch.Generator().manual_seed(1)
    values: list[Any] = [
        None, True, 3, -(2**60), 2**13_000, 1.5, math.nan, -math.inf, "text", "é\x00\N{GRINNING FACE}", b"bytes", [], (),
        {}, [1, [2, [3, (4, {"a": 5})]]], {"t": 1, "d": {"h": 2}}, np.float32(1), np.array([True, False]),
        np.arange(6.0).reshape(2, 3), np.zeros((0, 4)), np.array([1 + 2j]), np.array([1], dtype="g"),
        np.array([0x7FF8_0000_DEAD_BEEF], dtype="u8").view("f8"), torch.randn(2, 3, generator=generator),
        torch.ones(1, dtype=torch.bfloat16), torch.zeros(0, 5), torch.tensor(7), torch.ones(2, requires_grad=True),
        torch.ones(2, dtype=torch.complex64, requires_grad=True),
        [torch.ones(1), b"ab", np.ones(2), torch.tensor([True, False])], object, {"net": object, "loss": torch.tensor(0.5)},
    ]  # fmt: skip
    values += [torch.zeros(2, 2).to(getattr(torch, name)) for name in TENSORS]
    values += [np.ones((1, 2)).astype(name) for name in ARRAYS]
    streams = [_answer(1, value) for value in values]
    streams += [_answer(1, values[-1 - k]) + _answer(2, values[k]) + _answer(3, [k, values[2 * k]]) for k in range(8)]
    live = Encoder(handle=lambda _: HandleRef(9, "Tensor"), keep_grad=True)
    streams.append(_parts({"id": 1, "value": live.encode(torch.ones(3, requires_grad=True))}, live))
    told: dict[str, Any] = {
        "type": "ValueError",
        "text": "no",
        "frames": [["a.py", 3, "f", "return 1"]],
        "memory": False,
    }
    streams += [_parts({"id": 1, "error": error}) for error in (told, {**told, "memory": True}, {}, [], "no", None)]
    streams.append(_parts({"id": 1, "error": {**told, "frames": [[1], ["a", 2**70, "b", "c"], "x", None] * 5}}))
    streams += [_parts({"id": 1, "error": told}) + _answer(2, 1), _answer(7, 1), _answer(1, 1) + _answer(1, 1)]
    return [bytes([k % 256]) + stream for k, stream in enumerate(streams)]


def _answer(number: int, value: Any) -> bytes:
    encoder = Encoder(handle=lambda _: HandleRef(5, "Net"))
    return _parts({"id": number, "value": encoder.encode(value)}, encoder)


def _parts(header: dict[str, Any], encoder: Encoder | None = None) -> bytes:
    return b"".join(bytes(part) for part in frame(header, encoder))


def split(stream: bytes) -> list[tuple[bytes, bytes]]:
    """The frames of a stream as (header, payload), leniently: what is cut short is taken as far as it goes."""
    frames = []
    while stream:
        header, payload = PREFIX.unpack(stream[: PREFIX.size].ljust(PREFIX.size, b"\x00"))[1:]
        middle = PREFIX.size + min(header, MAX_STREAM)
        end = middle + min(payload, MAX_STREAM)
        frames.append((stream[PREFIX.size : middle], stream[middle:end]))
        stream = stream[end:]
    return frames


def joined(header: bytes, payload: bytes) -> bytes:
    """A frame whose prefix tells the truth."""
    return PREFIX.pack(MAGIC, len(header), len(payload)) + header + payload


class Mutator:
    """Makes new inputs of old ones. The same seed gives the same inputs."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def mutate(self, data: bytes, other: bytes = b"") -> bytes:
        """Change every frame of an input in at least one place; ``other`` lends frames and trees."""
        rng = self.random
        control = data[:1] or b"\x00"
        frames = split(data[1:])[:8] or [(b"{}", b"")]
        if rng.random() < 0.8:
            control = bytes([rng.randrange(256)])
        strangers = split(other[1:])[:8]
        while strangers and rng.random() < 0.6:
            frames.insert(rng.randrange(len(frames) + 1), rng.choice(strangers))
        if len(frames) > 1 and rng.random() < 0.2:
            rng.shuffle(frames)
        if rng.random() < 0.15:
            frames.append(rng.choice(frames))
        if len(frames) > 1 and rng.random() < 0.1:
            frames.pop(rng.randrange(len(frames)))
        stream = b"".join(
            self._frame(header, payload, number) for number, (header, payload) in enumerate(frames[:8], 1)
        )
        if rng.random() < 0.02:
            stream = stream[: rng.randrange(len(stream) + 1)]
        return control + stream[:MAX_STREAM]

    def _frame(self, header: bytes, payload: bytes, number: int) -> bytes:
        rng = self.random
        chance = rng.random()
        if chance < 0.75:
            header, payload = self._values(header, payload, number)
        elif chance < 0.85:
            header = self._bytes(header)
        elif chance < 0.9:
            header = rng.choice(RAW)
        elif chance < 0.95:
            payload = self._bytes(payload)
        else:
            return self._lie(header, payload)
        return joined(header, payload)

    def _values(self, header: bytes, payload: bytes, number: int) -> tuple[bytes, bytes]:
        """Change the JSON tree, then set right what must fit together, so that the change itself is what is met."""
        rng = self.random
        try:
            tree = json.loads(header)
        except (ValueError, RecursionError):
            tree = None
        if not isinstance(tree, dict):
            tree = {"id": number, "value": self._fresh()}
        if rng.random() < 0.9:
            tree["id"] = number
        for _ in range(rng.choice((1, 1, 1, 2, 4))):
            self._change(tree, 0)
        if rng.random() < 0.8:
            size = _fix(tree.get("value"), 0, 0)
            payload = payload.ljust(size, bytes([rng.randrange(256)]))[:size] if size <= MAX_STREAM else payload
            if payload and rng.random() < 0.5:
                payload = self._bytes(payload)[:size].ljust(size, b"\xff")
        try:
            return json.dumps(tree, ensure_ascii=rng.random() < 0.3, separators=(",", ":")).encode(), payload
        except (UnicodeEncodeError, RecursionError):
            return json.dumps({"id": number, "value": "\ud800"}).encode(), payload

    def _change(self, tree: Any, depth: int) -> None:
        """Replace, add, remove or nest something somewhere below a container."""
        rng = self.random
        keys: list[Any] = list(tree) if isinstance(tree, dict) else list(range(len(tree)))
        if keys:
            key = rng.choice(keys)
            if isinstance(tree[key], (dict, list)) and depth < 60 and rng.random() < 0.75:
                self._change(tree[key], depth + 1)
                return
            action = rng.random()
            if action < 0.45:
                tree[key] = self._fresh()
                return
            if action < 0.6:
                tree[key] = self._near(tree[key])
                return
            if action < 0.7:
                del tree[key]
                return
            if action < 0.8:
                tree[key] = self._nested(tree[key])
                return
        if isinstance(tree, dict):
            tree[
                rng.choice(("t", "d", "i", "f", "b", "a", "s", "T", "h", "k", "g", "value", "error", "id", "\ud800"))
            ] = self._fresh()
        else:
            tree.insert(
                rng.randrange(len(tree) + 1), rng.choice(tree) if tree and rng.random() < 0.3 else self._fresh()
            )

    def _fresh(self) -> Any:
        rng = self.random
        chance = rng.randrange(12)
        if chance < 3:
            return rng.choice(NUMBERS)
        if chance < 5:
            return rng.choice(TEXTS)
        if chance == 5:
            return rng.choice(
                ([], {}, {"t": []}, {"d": {}}, {"d": {"": None}}, {"f": "nan"}, {"i": "0x20000000000000"})
            )
        if chance == 6:
            return {"h": rng.choice((0, 1, 5, 99, 2**53 - 1, 2**53, -1)), "k": rng.choice(TEXTS)}
        if chance == 7:
            return {"b": [0, rng.randrange(9)]}
        shape = [rng.choice((0, 1, 1, 2, 3, 4, 2**24, 2**52)) for _ in range(rng.choice((0, 1, 1, 2, 3, 16, 17)))]
        if chance == 8:
            return {"a": [rng.choice(ARRAYS), shape, 0, rng.randrange(40)]}
        if chance == 9:
            return {"s": [rng.choice(ARRAYS), [], 0, rng.randrange(20)]}
        spec: dict[str, Any] = {"T": [rng.choice(TENSORS), shape, 0, rng.randrange(40)]}
        if rng.random() < 0.4:
            spec |= rng.choice(({"h": 3}, {"g": True}, {"g": 1}, {"h": -1}, {"h": 2, "g": True}))
        return spec

    def _near(self, value: Any) -> Any:
        rng = self.random
        if isinstance(value, bool) or value is None:
            return int(bool(value))
        if isinstance(value, int):
            return rng.choice(
                (value + 1, value - 1, -value, value * 2, float(value) if abs(value) < 2**60 else 0, str(value)[:99])
            )
        if isinstance(value, float):
            return rng.choice((-value, struct.unpack("d", rng.randbytes(8))[0], 0.1))
        if isinstance(value, str):
            return rng.choice((value[1:], value + value[:1], value.upper(), value + "\x00", [value]))
        return [value] if isinstance(value, dict) else {"t": value}

    def _nested(self, value: Any) -> Any:
        for _ in range(self.random.choice((1, 2, 3, 46, 47, 48, 49))):
            value = self.random.choice(([value], {"t": [value]}, {"d": {"a": value}}))
        return value

    def _bytes(self, raw: bytes) -> bytes:
        """Flip, insert, remove or repeat bytes."""
        rng = self.random
        data = bytearray(raw)
        for _ in range(rng.choice((1, 1, 2, 8))):
            at = rng.randrange(len(data) + 1)
            action = rng.randrange(5)
            if action == 0 and at < len(data):
                data[at] ^= 1 << rng.randrange(8)
            elif action == 1:
                data[at:at] = rng.randbytes(rng.choice((1, 2, 4, 8)))
            elif action == 2:
                del data[at : at + rng.choice((1, 2, 4, 16))]
            elif action == 3:
                data[at:at] = data[at : at + rng.choice((2, 8, 32))]
            else:
                special = rng.choice(
                    (b"\xff" * 8, b"\x00" * 8, struct.pack("<d", math.nan), b'"', b"\\ud800", b"1e999", b"{")
                )
                data[at : at + len(special)] = special
        return bytes(data[:MAX_STREAM])

    def _lie(self, header: bytes, payload: bytes) -> bytes:
        """A prefix that does not say what follows."""
        rng = self.random
        magic = MAGIC if rng.random() < 0.8 else rng.choice((b"AGW0", b"PICK", b"\x80\x04\x95\x00"))
        top = (0, 1, len(header) + 1, max(len(header) - 1, 0), 2**20, 8 << 20, (8 << 20) + 1, 2**32 - 1)
        size = (0, 1, len(payload) + 1, max(len(payload) - 1, 0), 2**20, 512 << 20, (512 << 20) + 1, 2**63, 2**64 - 1)
        lengths = (rng.choice(top), len(payload)) if rng.random() < 0.5 else (len(header), rng.choice(size))
        return PREFIX.pack(magic, *lengths) + header + payload


def _fix(tree: Any, offset: int, depth: int) -> int:
    """Give every extent below ``tree`` its place and the length that its shape asks for; return where the last ends."""
    if depth > 60 or not isinstance(tree, (dict, list)):
        return offset
    for tag, spec in tree.items() if isinstance(tree, dict) else enumerate(tree):
        if tag in ("a", "s", "T") and isinstance(tree, dict) and isinstance(spec, list) and len(spec) == 4:
            try:
                name = str(spec[0])
                itemsize = getattr(torch, name).itemsize if tag == "T" else np.dtype(name).itemsize
                length = math.prod(int(n) for n in spec[1]) * itemsize
            except (TypeError, ValueError, AttributeError, SyntaxError, OverflowError):
                continue
            if 0 <= length <= MAX_STREAM:
                spec[2:] = [offset, length]
                offset += length
        elif (
            tag == "b" and isinstance(spec, list) and len(spec) == 2 and isinstance(spec[1], int) and 0 <= spec[1] <= 99
        ):
            spec[0] = offset
            offset += spec[1]
        else:
            offset = _fix(spec, offset, depth + 1)
    return offset
