"""Reading what was handed in, under a deadline: the modules that it comes to, and the rules that they break.

Python's parser cannot be interrupted, and text that is made for it can keep it busy for hours or fill the memory. So
a process of its own reads, which the kernel ends when a submission has taken :data:`READING_S` seconds of processor time. It
says what it is about to read; where it ends, that is what could not be read, and another one reads the next submission.
"""

from __future__ import annotations

import contextlib
import gc
import os
import resource
import select
import signal
import socket
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from grader.course.models import ForbidRule
from grader.engine.rules import MAX_SOURCE, Breach, check_rules, forget, reach, tree_of
from grader.errors import UNREADABLE, AutogradeError, SystemFault
from grader.intake.assemble import Assembled
from grader.sandbox.layers import kernel
from grader.sandbox.trusted.channel import Channel

#: Seconds of processor time for one submission. An ordinary one takes hundredths, a notebook of 2 MB of code some two.
READING_S = 10
#: MiB that reading may take beyond what this process has already.
_MEMORY_MB = 1024
#: Wall seconds between two signs of life.
_SIGN_S = 10.0
#: A file whose tree takes more than this to make is not parsed again for lines to show.
_QUICK_S = 1.0


@dataclass(frozen=True)
class Reading:
    """What reading came to.

    ``reached`` has, for each file that it was asked for, the files that importing it can run; ``quick`` are the files
    that this process may parse again.
    """

    assembled: Assembled
    breaches: Mapping[str, Breach] = field(default_factory=dict)
    reached: Mapping[str, frozenset[str]] = field(default_factory=dict)
    quick: frozenset[str] = frozenset()


class Reader:
    """Reads submissions in a process that it starts: a small one, where it is made before torch is imported."""

    def __init__(
        self,
        assemble: Callable[[Mapping[str, bytes]], Assembled],
        forbid: Mapping[str, ForbidRule],
        handed_in: tuple[str, ...],
        *,
        seconds: int = READING_S,
    ) -> None:
        """Start it.

        Args:
            assemble: makes modules of what was handed in.
            forbid: rules by file.
            handed_in: the files that the assignment asks for.
            seconds: of processor time for one submission.
        """
        self._forbid = forbid
        self._work = seconds, assemble, forbid, handed_in
        self._pid = 0
        self._start()

    def _start(self) -> None:
        self._socket, theirs = socket.socketpair()
        self._pid = os.fork()
        if not self._pid:
            _serve(theirs, *self._work)
        theirs.close()

    def close(self) -> None:
        """End it, and what it reads."""
        self._end()

    def _end(self) -> int:
        """End it; the signal that did, which is not ours where it had ended by itself, or been ended, before. 0 without one."""
        if not self._pid:
            return 0
        self._socket.close()
        os.kill(self._pid, signal.SIGKILL)  # no other has that id before we have waited for it
        _, status = os.waitpid(self._pid, 0)
        self._pid = 0
        return os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0

    def read(self, files: Mapping[str, bytes], alive: Callable[[], None] = lambda: None) -> Reading:
        """Assemble the modules of a submission and check the rules on them; ``alive`` is called where it takes long.

        Raises:
            SystemFault: what reads raised; it reads the next submission all the same.
            AutogradeError: it is gone.
        """
        for again in (True, False):
            found = self._ask(files, alive)
            if found is not None:
                return found
            killed = self._end() == signal.SIGKILL
            self._start()
            # Its own limits end it otherwise. Whoever killed it, where memory is short perhaps, did not mean the student.
            if not (killed and again):
                break
        return self._unread(files)

    def _ask(self, files: Mapping[str, bytes], alive: Callable[[], None]) -> Reading | None:
        ours, theirs = socket.socketpair()
        try:
            with theirs:
                socket.send_fds(self._socket, [b"r"], [theirs.fileno()])
            # A channel of its own: whoever is ended in the middle of a message leaves half of it to nobody.
            return self._listen(Channel(ours), files, alive)
        except OSError as error:
            raise AutogradeError(f"the process that reads submissions is gone: {error}") from error
        finally:
            ours.close()

    def _listen(self, channel: Channel, files: Mapping[str, bytes], alive: Callable[[], None]) -> Reading | None:
        """Put together what the other process says; None where it ended before it had said everything."""
        channel.send({"files": dict(files)})
        self._assembled: Assembled | None = None
        self._at = ""
        while True:
            while not select.select([channel], [], [], _SIGN_S)[0]:
                alive()
            match channel.receive():
                case {"assembled": changed, "removed": removed, "notes": notes, "problem": problem}:
                    gone = frozenset(removed)
                    kept = {name: data for name, data in files.items() if name not in gone}
                    self._assembled = Assembled({**kept, **changed}, tuple(notes), problem)
                case {"at": str(name)}:
                    self._at = name
                case {"breaches": breaches, "reached": reached, "quick": quick} if self._assembled is not None:
                    made = {name: Breach(*parts) for name, parts in breaches.items()}
                    by_file = {name: frozenset(names) for name, names in reached.items()}
                    return Reading(self._assembled, made, by_file, frozenset(quick))
                case {"failed": str(text)}:
                    raise SystemFault(f"a submission could not be read, by a mistake of the grader's:\n{text}")
                case None:
                    return None

    def _unread(self, files: Mapping[str, bytes]) -> Reading:
        """What there is to say where reading was ended."""
        why = "reading it took too long or too much memory"
        if self._assembled is None:
            return Reading(Assembled(files, (), f"Your submission could not be read: {why}."))
        assembled = self._assembled
        # Nothing under a rule is run that was not read to its end; what is reached is not known either.
        breaches = {name: Breach(name, 0, why) for name in (*self._forbid, self._at) if name in assembled.files}
        return Reading(assembled, breaches, {name: frozenset(assembled.files) for name in self._forbid})


def _serve(
    sock: socket.socket,
    seconds: int,
    assemble: Callable[[Mapping[str, bytes]], Assembled],
    forbid: Mapping[str, ForbidRule],
    handed_in: tuple[str, ...],
) -> None:
    """Read one submission after another, until the other end hangs up; then end this process."""
    try:
        kernel.die_with_parent()
        os.closerange(3, sock.fileno())
        os.closerange(sock.fileno() + 1, 1 << 16)
        gc.freeze()
        _limit_memory()
        while fds := socket.recv_fds(sock, 1, 1)[1]:
            _, hard = resource.getrlimit(resource.RLIMIT_CPU)
            until = int(_used()) + 1 + seconds
            resource.setrlimit(
                resource.RLIMIT_CPU, (until if hard == resource.RLIM_INFINITY else min(until, hard), hard)
            )
            with socket.socket(fileno=fds[0]) as theirs:
                _read(Channel(theirs), assemble, forbid, handed_in)
    finally:
        os._exit(0)


def _read(
    channel: Channel,
    assemble: Callable[[Mapping[str, bytes]], Assembled],
    forbid: Mapping[str, ForbidRule],
    handed_in: tuple[str, ...],
) -> None:
    """Read one submission. Where it is too much, this process ends."""
    request = channel.receive()
    if request is None:
        return
    files: dict[str, bytes] = request["files"]
    try:
        assembled = assemble(files)
        changed = {name: data for name, data in assembled.files.items() if files.get(name) is not data}
        removed = [name for name in files if name not in assembled.files]
        channel.send(
            {"assembled": changed, "removed": removed, "notes": list(assembled.notes), "problem": assembled.problem}
        )
        channel.send(_findings(assembled.files, forbid, handed_in, lambda name: channel.send({"at": name})))
    except (MemoryError, RecursionError):
        os._exit(0)  # as where the kernel says so
    except Exception:  # noqa: BLE001 - a mistake of ours, which is no student's
        channel.send({"failed": traceback.format_exc()})
    finally:
        forget()


def _findings(
    files: Mapping[str, bytes],
    forbid: Mapping[str, ForbidRule],
    handed_in: tuple[str, ...],
    begin: Callable[[str], None],
) -> dict[str, Any]:
    breaches = check_rules(files, forbid, handed_in, begin)
    reached = {name: sorted(reach(files, [name], begin)) for name in forbid}
    return {
        "breaches": {name: [breach.file, breach.line, breach.what] for name, breach in breaches.items()},
        "reached": reached,
        "quick": [name for name in handed_in if name in files and _is_quick(files[name])],
    }


def _is_quick(source: bytes) -> bool:
    """Whether a file can be parsed in no time to speak of, or is no Python."""
    if len(source) > MAX_SOURCE:
        return False
    before = _used()
    with contextlib.suppress(*UNREADABLE):
        tree_of(source)
    return _used() - before < _QUICK_S


def _used() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def _limit_memory() -> None:
    """Refuse this process memory without end."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    held = next(
        int(line.split()[1]) << 10
        for line in Path("/proc/self/status").read_text().splitlines()
        if line.startswith("VmData:")
    )
    soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
    limits = (held + (_MEMORY_MB << 20), soft, hard)
    least = min(limit for limit in limits if limit != resource.RLIM_INFINITY)
    resource.setrlimit(resource.RLIMIT_DATA, (least, hard))
