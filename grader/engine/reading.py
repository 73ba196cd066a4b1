"""Reading what was handed in, under a deadline: the modules that it comes to, and the rules that they break.

Python's parser cannot be interrupted, and text that is made for it can keep it busy for hours or fill the memory. So
it reads in a fork of this process, which the kernel ends after :data:`READING_S` seconds of processor time. The fork
says what it is about to read; where it ends early, that is what could not be read.
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
from grader.engine.rules import MAX_SOURCE, Breach, check_rules, reach
from grader.errors import UNREADABLE, AutogradeError
from grader.intake.assemble import Assembled
from grader.python_source import parse
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


def read_submission_files(
    files: Mapping[str, bytes],
    assemble: Callable[[Mapping[str, bytes]], Assembled],
    forbid: Mapping[str, ForbidRule],
    handed_in: tuple[str, ...],
    *,
    alive: Callable[[], None] = lambda: None,
    seconds: int = READING_S,
) -> Reading:
    """Assemble the modules of a submission and check the rules on them.

    Args:
        files: what was handed in, by relative path.
        assemble: makes the modules of it.
        forbid: rules by file.
        handed_in: the files that the assignment asks for.
        alive: called now and then while it takes long.
        seconds: of processor time.

    Raises:
        AutogradeError: ``assemble`` or the rules raised.
    """
    ours, theirs = socket.socketpair()
    pid = os.fork()
    if not pid:
        ours.close()
        _read_and_exit(theirs, seconds, files, assemble, forbid, handed_in)
    theirs.close()
    try:
        return _collect(ours, alive, files, forbid)
    finally:
        ours.close()
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def _collect(
    sock: socket.socket, alive: Callable[[], None], files: Mapping[str, bytes], forbid: Mapping[str, ForbidRule]
) -> Reading:
    """Put together what the fork says until it has said everything, or is gone."""
    channel = Channel(sock)
    assembled: Assembled | None = None
    at = ""
    while True:
        while not select.select([sock], [], [], _SIGN_S)[0]:
            alive()
        message = channel.receive()
        if message is None:
            break
        match message:
            case {"assembled": changed, "removed": removed, "notes": notes, "problem": problem}:
                kept = {name: data for name, data in files.items() if name not in set(removed)}
                assembled = Assembled({**kept, **changed}, tuple(notes), problem)
            case {"failed": str(text)}:
                raise AutogradeError(f"a submission could not be read, by a mistake of the grader's own:\n{text}")
            case {"at": str(name)}:
                at = name
            case {"breaches": breaches, "reached": reached, "quick": quick} if assembled is not None:
                return Reading(
                    assembled,
                    {name: Breach(*parts) for name, parts in breaches.items()},
                    {name: frozenset(found) for name, found in reached.items()},
                    frozenset(quick),
                )
    why = "reading it took too long or too much memory"
    if assembled is None:
        what = f"`{at}`" if at else "What you handed in"
        return Reading(Assembled(files, (), f"{what} could not be read: {why}."))
    # Nothing under a rule is run that was not read to its end; what is reached is not known either.
    breaches = {name: Breach(name, 0, why) for name in (*forbid, at) if name in assembled.files}
    return Reading(assembled, breaches, {name: frozenset(assembled.files) for name in forbid})


def _read_and_exit(
    sock: socket.socket,
    seconds: int,
    files: Mapping[str, bytes],
    assemble: Callable[[Mapping[str, bytes]], Assembled],
    forbid: Mapping[str, ForbidRule],
    handed_in: tuple[str, ...],
) -> None:
    """What the fork does."""
    channel = Channel(sock)
    try:
        gc.disable()
        kernel.die_with_parent()
        _limit(seconds)
        assembled = assemble(files)
        changed = {name: data for name, data in assembled.files.items() if files.get(name) is not data}
        removed = [name for name in files if name not in assembled.files]
        channel.send(
            {"assembled": changed, "removed": removed, "notes": list(assembled.notes), "problem": assembled.problem}
        )
        channel.send(_findings(assembled.files, forbid, handed_in, lambda name: channel.send({"at": name})))
    except (MemoryError, RecursionError):
        pass  # it was too much, as where the kernel says so
    except BaseException:  # noqa: BLE001 - a mistake of ours, which is no student's
        channel.send({"failed": traceback.format_exc()})
    finally:
        os._exit(0)


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
        parse(source)
    return _used() - before < _QUICK_S


def _used() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def _limit(seconds: int) -> None:
    """Have the kernel end this process after ``seconds`` of processor time, and refuse it memory without end."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    _lower(resource.RLIMIT_CPU, seconds)
    held = next(
        int(line.split()[1]) << 10
        for line in Path("/proc/self/status").read_text().splitlines()
        if line.startswith("VmData:")
    )
    _lower(resource.RLIMIT_DATA, held + (_MEMORY_MB << 20))


def _lower(which: int, value: int) -> None:
    soft, hard = resource.getrlimit(which)
    least = min(limit for limit in (value, soft, hard) if limit != resource.RLIM_INFINITY)
    resource.setrlimit(which, (least, hard))
