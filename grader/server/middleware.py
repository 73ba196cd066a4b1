"""What holds for every call: headers, a limit on what is sent, the moment of arrival, and one line of log."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, MutableMapping
from datetime import datetime, timedelta
from typing import Any

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from grader.server.request_counts import RequestCounts

log = logging.getLogger("autograde.access")

#: An upload counts from the moment at which it began to arrive, but for no longer than this before it was there.
SLOWEST = timedelta(minutes=5)
#: What a call may send that is no upload.
_FORM_BYTES = 1 << 20


class TooLarge(Exception):
    """A call sends more than is taken."""


class Guard:
    """The outermost layer of the application: it sees every call before anything reads it, and every answer."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        policy: str,
        upload_bytes: Callable[[], int],
        secure: Callable[[], bool],
        counts: RequestCounts,
    ) -> None:
        self._counts = counts
        self._app, self._policy, self._upload_bytes, self._secure = app, policy, upload_bytes, secure

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a call."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begin = time.monotonic()
        scope.setdefault("state", {})["arrived"] = lambda now: _arrived(now, time.monotonic() - begin)
        most = self._upload_bytes() if scope["path"].endswith("/submissions") else _FORM_BYTES
        status = 0
        size = 0

        async def counted() -> Message:
            nonlocal size
            message = await receive()
            if message["type"] == "http.request":
                size += len(message.get("body", b""))
                if size > most:
                    raise TooLarge
            return message

        async def guarded(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], *self._headers(message)]
            await send(message)

        try:
            if _length(scope) > most:
                raise TooLarge  # noqa: TRY301 - answered like one that turns out so
            await self._app(scope, counted, guarded)
        except TooLarge:
            if not status:
                answer = JSONResponse(
                    {"detail": f"more than {most >> 20} MB; hand in your work without data sets"}, 413
                )
                await answer(scope, receive, guarded)
        finally:
            seconds = time.monotonic() - begin
            self._counts.add(scope["method"], getattr(scope.get("route"), "path", "-"), status, seconds)
            self._log(scope, status, seconds)

    def _headers(self, message: Message) -> list[tuple[bytes, bytes]]:
        have = {name.lower() for name, _ in message["headers"]}
        wanted = {
            b"content-security-policy": self._policy.encode(),
            b"x-content-type-options": b"nosniff",
            b"x-frame-options": b"DENY",
            b"referrer-policy": b"same-origin",
            b"cross-origin-opener-policy": b"same-origin",
            b"cross-origin-resource-policy": b"same-origin",
            b"permissions-policy": b"camera=(), microphone=(), geolocation=(), browsing-topics=()",
            b"cache-control": b"no-store",
        }
        if self._secure():
            wanted[b"strict-transport-security"] = b"max-age=31536000"
        return [(name, value) for name, value in wanted.items() if name not in have]

    @staticmethod
    def _log(scope: MutableMapping[str, Any], status: int, seconds: float) -> None:
        # The route's pattern, never the path: a path may hold the secret of a link, and says who did what.
        route = scope.get("route")
        line = {
            "method": scope["method"],
            "route": getattr(route, "path", "-"),
            "status": status,
            "ms": round(seconds * 1000, 1),
        }
        log.info("call", extra={"fields": line})


def _arrived(now: datetime, seconds: float) -> datetime:
    return now - min(timedelta(seconds=seconds), SLOWEST)


def _length(scope: Scope) -> int:
    for name, value in scope["headers"]:
        if name == b"content-length":
            try:
                return int(value)
            except ValueError:
                return 0
    return 0
