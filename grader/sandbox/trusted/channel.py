"""A blocking channel of wire frames over a socket, for the trusted processes among themselves."""

from __future__ import annotations

import socket
from typing import Any

from grader.sandbox.wire import PREFIX, Encoder, WireError, WireLimits, blank, check_prefix, decode, frame, parse_header

#: Both ends are ours; the bounds only catch a mix-up of descriptors.
_LIMITS = WireLimits(header=256 << 20, payload=4 << 30, nodes=10_000_000)


class Channel:
    """One end of a socket that carries values by the wire's rules."""

    def __init__(self, sock: socket.socket) -> None:
        self.socket = sock

    def fileno(self) -> int:
        """The descriptor, for selectors."""
        return self.socket.fileno()

    def send(self, value: dict[str, Any]) -> None:
        """Send a value. Raises OSError where the other end is gone."""
        encoder = Encoder(_LIMITS)
        for part in frame({"value": encoder.encode(value)}, encoder):
            self.socket.sendall(part)

    def receive(self) -> dict[str, Any] | None:
        """Wait for a value; None when the other end has hung up.

        Raises:
            WireError: what came is no frame, or holds no dict.
        """
        prefix = self._read(PREFIX.size)
        if prefix is None:
            return None
        header, payload = check_prefix(bytes(prefix), _LIMITS)
        raw, data = self._read(header), self._read(payload)
        if raw is None or data is None:
            return None
        value = decode(parse_header(raw).get("value"), data, _LIMITS)
        if not isinstance(value, dict):
            raise WireError("a channel carries dicts")
        return value

    def _read(self, size: int) -> memoryview | None:
        data = view = blank(size)
        while view:
            try:
                count = self.socket.recv_into(view)
            except ConnectionResetError:
                return None
            if not count:
                return None
            view = view[count:]
        return data

    def hung_up(self) -> bool:
        """Whether the other end is gone, with nothing left to read."""
        try:
            return not self.socket.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
        except BlockingIOError:
            return False
        except OSError:
            return True

    def close(self) -> None:
        """Hang up."""
        self.socket.close()
