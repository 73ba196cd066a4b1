"""Running the service: the web server in this process, the one that grades beside it."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import uvicorn

from grader.errors import MachineError
from grader.server.app import create_app
from grader.server.grading_process import GradingProcess
from grader.server.log_lines import log_as_json
from grader.server.profiles import profile_chooser
from grader.server.service import Service

if TYPE_CHECKING:
    from grader.course import Course
    from grader.store import Store

#: How long pages that follow a submission, and uploads under way, may go on after a signal to end, in seconds.
_GRACE_S = 60
#: The first descriptor that systemd passes on.
_FIRST_FD = 3


@dataclass(frozen=True, slots=True)
class Options:
    """How to serve. ``lanes`` 0 grades nothing here: other machines do."""

    host: str = "127.0.0.1"
    port: int = 8000
    lanes: int = 1
    warm: int | None = None
    executor: str = "local"
    profile: str = "cpu"

    @property
    def address(self) -> str:
        """The service's address, as a browser on this machine calls it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"


def serve(course: Course, store: Store, options: Options, *, ready: Callable[[Service], None] = lambda _: None) -> None:
    """Serve until SIGINT or SIGTERM; ``ready`` is called when the address is open.

    Raises:
        MachineError: the address is taken, or not this machine's.
    """
    log_as_json()
    for name in ("uvicorn.error", "uvicorn.access", "httpx"):
        logging.getLogger(name).setLevel(logging.WARNING)
    service = Service(course, store, profile=profile_chooser(options.profile))
    app = create_app(service)
    sock = _listen(options)
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        # Which proxy is believed is for the service to say; see grader.server.context.
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=_GRACE_S,
        timeout_keep_alive=15,
        h11_max_incomplete_event_size=64 * 1024,
    )
    for number in (signal.SIGINT, signal.SIGTERM):
        # When it has ended uvicorn raises the signal anew, by which this process would die before the one that grades.
        signal.signal(number, lambda *_: None)
    with contextlib.closing(sock), store.connections.held_open(), _grading(course, store, options, service):
        service.reader.warm()
        ready(service)
        uvicorn.Server(config).run(sockets=[sock])
        service.reader.close()


@contextlib.contextmanager
def _grading(course: Course, store: Store, options: Options, service: Service) -> Iterator[None]:
    if not options.lanes:
        yield
        return
    process = GradingProcess(
        {
            "course": str(course.path),
            "state": str(store.state.resolve()),
            "database": store.database,
            "lanes": options.lanes,
            "warm": options.warm,
            "executor": options.executor,
            "profile": options.profile,
        },
        service.hub,
    )
    service.nudge = process.nudge
    process.start()
    try:
        yield
    finally:
        process.close()


def _listen(options: Options) -> socket.socket:
    """The open address; taken here, so that a mistake is one sentence and not a traceback.

    Where systemd holds it (``LISTEN_FDS``, sd_listen_fds(3)) it is that one: callers wait while the service restarts.
    """
    if os.environ.get("LISTEN_PID") == str(os.getpid()) and os.environ.get("LISTEN_FDS") == "1":
        for name in ("LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"):
            os.environ.pop(name, None)  # not for the process that grades
        held = socket.socket(fileno=_FIRST_FD)
        held.set_inheritable(False)
        return held
    family = socket.AF_INET6 if ":" in options.host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((options.host, options.port))
    except OSError as error:
        sock.close()
        raise MachineError(
            f"cannot listen on {options.host} port {options.port}: {error.strerror}",
            fix="end what uses it, or choose another with --port",
        ) from error
    return sock
