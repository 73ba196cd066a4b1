"""Tells the course's own address of every graded attempt, signed; a thread of its own, which grading never waits for."""

from __future__ import annotations

import hmac
import json
import logging
import queue
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from grader.server.secret_values import secret_value

if TYPE_CHECKING:
    from grader.course import Course
    from grader.store import Attempt, Submission

log = logging.getLogger("autograde.grading")
SECRET = "AUTOGRADE_WEBHOOK_SECRET"  # noqa: S105 - a variable's name
_TIMEOUT_S = 10.0
#: Pauses before each further try, in seconds; after the last one the event is dropped, and that is logged.
_PAUSES = (1.0, 5.0, 30.0)
_WAITING = 10_000


def signature(secret: str, at: int, body: bytes) -> str:
    """What a receiver compares: HMAC-SHA-256, in hex, over the time (seconds since 1970), a point and the body."""
    return hmac.digest(secret.encode(), f"{at}.".encode() + body, "sha256").hex()


def event_of(submission: Submission, attempt: Attempt) -> dict[str, Any]:
    """What is sent of an attempt: who, what and how many points; nothing of the work itself."""
    return {
        "event": "graded",
        "submission": submission.id,
        "assignment": submission.assignment,
        "owner": submission.owner,
        "received_at": submission.received_at.isoformat(),
        "attempt": attempt.id,
        "verdict": attempt.verdict.value,
        "score": attempt.score,
        "max_score": attempt.max_score,
        "finished_at": attempt.finished_at.isoformat(),
    }


class Webhook:
    """Sends events in the order in which they come. Without `server.webhook` it does nothing."""

    def __init__(self, course: Callable[[], Course], sleep: Callable[[float], None] = time.sleep) -> None:
        self._course, self._sleep = course, sleep
        self._waiting: queue.Queue[dict[str, Any]] = queue.Queue(_WAITING)
        self._thread: threading.Thread | None = None

    def graded(self, submission: Submission, attempt: Attempt) -> None:
        """Have an attempt told; it returns at once."""
        if self._course().server.webhook is None:
            return
        if self._thread is None:
            self._thread = threading.Thread(target=self._serve, name="webhook", daemon=True)
            self._thread.start()
        try:
            self._waiting.put_nowait(event_of(submission, attempt))
        except queue.Full:
            log.warning("the webhook's receiver is too slow: an event was dropped")

    def wait(self) -> None:
        """Wait until all that was handed over has been sent, or dropped."""
        self._waiting.join()

    def _serve(self) -> None:
        while True:
            event = self._waiting.get()
            try:
                self._send(event)
            except Exception as error:  # noqa: BLE001 - the next event may be sent all the same
                log.warning("the webhook failed: %s", type(error).__name__)
            finally:
                self._waiting.task_done()

    def _send(self, event: dict[str, Any]) -> None:
        config = self._course().server.webhook
        if config is None:
            return
        body = json.dumps(event, sort_keys=True).encode()
        for pause in (*_PAUSES, None):
            at = int(time.time())
            headers = {
                "Content-Type": "application/json",
                "X-Autograde-Timestamp": str(at),
                "X-Autograde-Signature": f"sha256={signature(secret_value(SECRET), at, body)}",
            }
            request = urllib.request.Request(config.url, body, headers)  # noqa: S310 - http or https, by the course file
            try:
                with urllib.request.urlopen(request, timeout=_TIMEOUT_S):  # noqa: S310 - as above
                    return
            except (urllib.error.URLError, OSError) as error:
                if pause is None:
                    log.warning("the webhook's receiver did not take submission %d: %s", event["submission"], error)
                    return
                self._sleep(pause)
