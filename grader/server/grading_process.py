"""The process that grades for the service: started as ``python -m grader.server.grading_process``.

It reads its configuration from the first line of standard input, for an address of a database may hold a password. It says
on standard output what happens, a line of JSON each, and looks for work when a line comes on standard input. It
ends when standard input does: whoever started it is gone.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from grader.server.hub import Hub

log = logging.getLogger("autograde.server")
_RESTART_S, _LONGEST_RESTART_S = 0.5, 30.0
#: For so long a store that is away is waited for at the start, in seconds.
_AWAY_S = 60.0
#: How much nicer than the service the process is that grades, and all that it starts: pages and receipts come first.
NICER = 5


def main(config: dict[str, Any]) -> int:
    """Grade until standard input ends, or SIGTERM comes."""
    from grader.course import load_course
    from grader.errors import AutogradeError, StoreAway
    from grader.sandbox.layers import kernel
    from grader.server.dispatcher import Dispatcher
    from grader.server.log_lines import log_as_json
    from grader.server.profiles import profile_chooser
    from grader.store import Store

    log_as_json()
    kernel.die_with_parent()
    os.nice(NICER)
    output, lock = _own_output(), threading.Lock()

    def publish(number: int, event: dict[str, Any]) -> None:
        with lock, contextlib.suppress(OSError, ValueError):
            output.write(json.dumps({"submission": number, **event}) + "\n")
            output.flush()

    def opened() -> Store:
        until = time.monotonic() + _AWAY_S
        while True:
            try:
                return Store(Path(config["state"]), config["database"])
            except StoreAway as error:
                if time.monotonic() > until:
                    raise
                log.warning("the store cannot be reached: %s", error.what)
                time.sleep(1.0)

    try:
        dispatcher = Dispatcher(
            load_course(Path(config["course"])),
            opened(),
            lanes=config["lanes"],
            warm=config["warm"],
            profile=profile_chooser(config["profile"]),
            executor=config["executor"],
            publish=publish,
        )
        signal.signal(signal.SIGTERM, lambda *_: dispatcher.stop())
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal sends it to everybody; the service decides

        def listen() -> None:
            for _ in sys.stdin:
                dispatcher.nudge()
            dispatcher.stop()

        threading.Thread(target=listen, daemon=True).start()
        dispatcher.run()
    except AutogradeError as error:
        log.error("%s", error)  # noqa: TRY400 - the text names what is wrong and how to fix it
        return error.exit_code
    return 0


def _own_output() -> IO[str]:
    """Standard output for events alone: whatever else prints goes to standard error."""
    stream = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    return stream


class GradingProcess:
    """Keeps one such process running, passes its events on, and starts another where it ends."""

    def __init__(self, config: dict[str, Any], hub: Hub) -> None:
        self._config, self._hub = config, hub
        self._process: subprocess.Popen[str] | None = None
        self._over = threading.Event()
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._keep, name="grading", daemon=True)

    def start(self) -> None:
        """Start it, and go on starting it."""
        self._thread.start()

    def nudge(self) -> None:
        """Have it look for work now."""
        process = self._process
        if process is not None and process.stdin is not None:
            with self._lock, contextlib.suppress(OSError, ValueError):
                process.stdin.write("\n")
                process.stdin.flush()

    @property
    def pid(self) -> int:
        """The process's id; 0 while there is none."""
        return self._process.pid if self._process is not None else 0

    def close(self, seconds: float = 10.0) -> None:
        """End it: what is being graded may be finished within so many seconds, and is graded anew otherwise."""
        self._over.set()
        process = self._process
        if process is None:
            return
        with contextlib.suppress(OSError):
            process.send_signal(signal.SIGTERM)
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        self._thread.join(5)

    def _keep(self) -> None:
        pause = _RESTART_S
        while not self._over.is_set():
            begin = time.monotonic()
            self._serve()
            self._hub.forget_running()
            if self._over.is_set():
                return
            pause = _RESTART_S if time.monotonic() - begin > _LONGEST_RESTART_S else min(2 * pause, _LONGEST_RESTART_S)
            log.warning("the process that grades has ended; another one starts in %.1f s", pause)
            self._over.wait(pause)

    def _serve(self) -> None:
        command = [sys.executable, "-m", "grader.server.grading_process"]
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8", start_new_session=True
        )
        assert process.stdout is not None
        assert process.stdin is not None
        with self._lock, contextlib.suppress(OSError):
            process.stdin.write(json.dumps(self._config) + "\n")
            process.stdin.flush()
        self._process = process
        if self._over.is_set():
            process.kill()
        with process:
            for line in process.stdout:
                _pass_on(line, self._hub.publish)


def _pass_on(line: str, publish: Callable[[int, dict[str, Any]], None]) -> None:
    try:
        event = json.loads(line)
        number = event.pop("submission")
    except (ValueError, KeyError, AttributeError, TypeError):
        return
    if isinstance(event, dict) and isinstance(event.get("kind"), str):
        publish(int(number), event)


if __name__ == "__main__":
    sys.exit(main(json.loads(sys.stdin.readline())))
