"""The wire between trusted and untrusted processes: framed JSON and raw bytes, never pickle.

A frame is ``magic, header length, payload length`` (big-endian), a JSON header and a payload of raw array bytes::

    4s  b"AGW1"      I  bytes of header      Q  bytes of payload      header      payload

By value cross None, bool, int, float, str, bytes, list, tuple, str-keyed dict, numpy arrays and scalars, and torch
tensors. Everything else crosses as a *handle*, a number that only the sender can turn into the object again.

In the header's tree None, bool, float, str, lists and small integers stand for themselves; the rest is an object of
one key, its tag, or of two where a tensor carries a handle or asks for grad::

    {"t": [...]}  tuple        {"i": "0x.."}  integer beyond 2**53       {"a": [dtype, shape, offset, length]}  array
    {"d": {...}}  dict         {"f": "nan"}   float that JSON lacks      {"s": [dtype, [], offset, length]}     numpy scalar
    {"b": [offset, length]}    bytes          {"h": 7, "k": "Net"}       {"T": [dtype, shape, offset, length]}  tensor

Extents follow one another: each begins where the one before it ended, and together they are the whole payload.

Every frame from a worker is hostile. Lengths are checked before anything is allocated, the depth and the number
of nodes while decoding, and each array's dtype, shape and extent before its bytes are touched. Whatever is wrong
raises :class:`WireError`, and nothing else is raised by :func:`check_prefix`, :func:`parse_header` and :func:`decode`;
``tests/fuzz`` holds them to it.

This package runs beside hostile code as well: it imports the standard library alone at its top, numpy and torch late.
"""

from grader.sandbox.wire.decoder import decode
from grader.sandbox.wire.encoder import Encoder, frame
from grader.sandbox.wire.frames import (
    DEFAULT_LIMITS,
    MAGIC,
    PREFIX,
    HandleRef,
    Resolver,
    TensorRef,
    WireError,
    WireLimits,
    blank,
    check_prefix,
    parse_header,
)

__all__ = [
    "DEFAULT_LIMITS",
    "MAGIC",
    "PREFIX",
    "Encoder",
    "HandleRef",
    "Resolver",
    "TensorRef",
    "WireError",
    "WireLimits",
    "blank",
    "check_prefix",
    "decode",
    "frame",
    "parse_header",
]
