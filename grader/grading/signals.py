"""Being stopped by a person or the system: SIGINT, SIGTERM and SIGHUP end a batch at once, and say where it stands."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Stopped(KeyboardInterrupt):
    """Somebody told this process to end, by the signal ``number``. Raised in the main thread, between any two steps."""

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.number = number

    @property
    def name(self) -> str:
        """The signal's name."""
        return signal.Signals(self.number).name

    @property
    def exit_code(self) -> int:
        """What a shell makes of a process that a signal ended: 128 and its number."""
        return 128 + self.number


@contextmanager
def stoppable() -> Iterator[None]:
    """Have the signals raise Stopped meanwhile. One that is ignored stays so: ``nohup`` asks for that.

    Only the main thread may call it. A second signal changes nothing: the end is under way.
    """
    before = {number: signal.getsignal(number) for number in _SIGNALS}

    def stop(number: int, _: FrameType | None) -> None:
        for known, handler in before.items():
            if handler is not signal.SIG_IGN:
                signal.signal(known, signal.SIG_IGN)
        raise Stopped(number)

    for number, handler in before.items():
        if handler is not signal.SIG_IGN:
            signal.signal(number, stop)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
