"""Sends sign-in links by e-mail, in a thread of its own: a caller cannot tell by the time whether one was sent."""

from __future__ import annotations

import logging
import queue
import smtplib
import ssl
import threading
from email.message import EmailMessage
from typing import TYPE_CHECKING

from grader.server.secret_values import secret_value

if TYPE_CHECKING:
    from grader.course import Course

log = logging.getLogger("autograde.server")
_TIMEOUT_S = 20
#: Messages that may wait; a server that is down for long must not fill the memory.
_WAITING = 1000


class Mailer:
    """One thread that sends, started with the first message. Without `server.mail` it sends nothing."""

    def __init__(self, course: Course) -> None:
        self._course = course
        self._waiting: queue.Queue[tuple[str, str, int]] = queue.Queue(_WAITING)
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()

    @property
    def works(self) -> bool:
        """Whether there is a server to send by."""
        return self._course.server.mail is not None

    def send_link(self, to: str, link: str, minutes: int) -> None:
        """Have a sign-in link sent; it returns at once, and does the same work for nobody (an empty address)."""
        if not self.works:
            return
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._serve, name="mail", daemon=True)
                self._thread.start()
        try:
            self._waiting.put_nowait((to, link, minutes))
        except queue.Full:
            log.warning("a sign-in link was dropped: too many wait to be sent")

    def _serve(self) -> None:
        while True:
            to, link, minutes = self._waiting.get()
            try:
                if to:
                    self._send(to, link, minutes)
            except Exception as error:  # noqa: BLE001 - the next message may be sent all the same
                log.warning("a sign-in link could not be sent: %s", type(error).__name__)

    def _send(self, to: str, link: str, minutes: int) -> None:
        config = self._course.server.mail
        assert config is not None
        message = EmailMessage()
        message["From"], message["To"] = config.sender, to
        message["Subject"] = f"Sign in: {self._course.name}"
        message.set_content(
            f"Open this link to sign in to {self._course.name}:\n\n{link}\n\n"
            f"It works once, within {minutes} minutes. If you did not ask for it, you can ignore this message.\n"
        )
        context = ssl.create_default_context()
        server: smtplib.SMTP
        if config.security == "tls":
            server = smtplib.SMTP_SSL(config.host, config.port, timeout=_TIMEOUT_S, context=context)
        else:
            server = smtplib.SMTP(config.host, config.port, timeout=_TIMEOUT_S)
        with server:
            if config.security == "starttls":
                server.starttls(context=context)
            if config.user:
                server.login(config.user, secret_value("AUTOGRADE_SMTP_PASSWORD"))
            server.send_message(message)
