"""An upload as `intake` understands it, read in a process of its own: what a student sends never meets the service's."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import resource
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures import TimeoutError as ReadTimeout
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, Queue
from typing import Any, Literal, TypeVar

from grader.errors import UNREADABLE, AutogradeError
from grader.intake import UPLOAD_FOLDER, UploadLimits, read_submission
from grader.intake.arrange import arrange, holds_work
from grader.intake.assemble import assemble
from grader.intake.filenames import is_notebook, shown
from grader.intake.litter import summarise

#: What a process that reads uploads may take: an archive is unpacked in memory.
_MEMORY_MB = 3072
_SECONDS = 60.0
#: Python files above this size, in bytes, are not parsed for a receipt: 50 MB take half a minute. Few assignments allow so much.
_MAX_SOURCE = 2 << 20
#: How often such a process looks whether the service's is still there, in seconds.
_LOOK_S = 2.0
#: Receipts that are kept in memory; those of earlier submissions are made again when somebody looks.
_KEPT = 500
_UNREADABLE = "this cannot be read; hand in your modules or your notebook as plain files"

A = TypeVar("A")
State = Literal["found", "notebook", "stub", "missing"]


@dataclass(frozen=True, slots=True)
class Part:
    """One file that the assignment asks for, and what the upload has of it; ``source`` is where it was found."""

    file: str
    state: State
    source: str = ""


@dataclass(frozen=True, slots=True)
class Understood:
    """An upload's files as they are kept, and what the assignment makes of them."""

    files: Mapping[str, bytes]
    parts: tuple[Part, ...]
    notes: tuple[str, ...] = ()
    problem: str | None = None
    left_out: tuple[tuple[str, str], ...] = ()
    has_work: bool = True

    @property
    def missing(self) -> tuple[str, ...]:
        """The files asked for that are not there."""
        return tuple(part.file for part in self.parts if part.state == "missing")


def read_upload(path: Path, stubs: Mapping[str, str], limits: UploadLimits | None = None) -> Understood:
    """The upload in the folder ``path``; ``stubs`` has the released text of each file asked for.

    A folder with one file is that file. Whatever is wrong with the upload becomes its ``problem``.
    """
    entries = sorted(path.iterdir())
    upload = read_submission(entries[0] if len(entries) == 1 else path, limits)
    asked = tuple(stubs)
    files, problem = dict(upload.files), upload.problem
    works = holds_work(files, asked)
    if problem and works and not any(name.startswith(UPLOAD_FOLDER) for name in files):
        problem = None  # some of it is work: that is graded, and the rest is named
    left_out = tuple((item.name, item.reason) for item in summarise(upload.left_out))
    if problem:
        return Understood(files, _all_missing(asked), (), problem, left_out, has_work=False)
    parts, notes = read_parts(files, stubs)
    return Understood(files, parts, notes, None, left_out, has_work=works)


def read_parts(files: Mapping[str, bytes], stubs: Mapping[str, str]) -> tuple[tuple[Part, ...], tuple[str, ...]]:
    """What ``files`` have of each file asked for, and what the student should know of how it was found."""
    asked = tuple(stubs)
    large = [name for name, data in files.items() if name.endswith(".py") and len(data) > _MAX_SOURCE]
    if large:
        told = (
            f"`{shown(large[0])}` is too large to be looked into for this receipt: leave out data and generated code."
        )
        return tuple(Part(file, "found", file) if file in files else Part(file, "missing") for file in asked), (told,)
    try:
        made = assemble(files, stubs)
        taken = arrange(files, asked, stubs).taken
    except UNREADABLE:
        return _all_missing(asked), ("The files cannot be read as Python.",)
    notebooks = [name for name in files if is_notebook(name)]
    parts = []
    for file in asked:
        content = made.files.get(file)
        if content is None:
            parts.append(Part(file, "missing"))
        elif content == stubs[file].encode():
            parts.append(Part(file, "stub", file if file in files else ""))
        elif file in files or file in taken:
            parts.append(Part(file, "found", shown(taken.get(file, file))))
        else:
            parts.append(Part(file, "notebook", shown(notebooks[0]) if len(notebooks) == 1 else "notebooks"))
    return tuple(parts), (*((made.problem,) if made.problem else ()), *made.notes)


def _all_missing(asked: Sequence[str]) -> tuple[Part, ...]:
    return tuple(Part(file, "missing") for file in asked)


class UploadReader:
    """Reads uploads in processes of its own, each one upload at a time: what a hostile file takes down is its own reading.

    An upload waits until a process is free. With ``processes`` 0 it is read in the caller's: for tests.
    """

    def __init__(self, processes: int = 2) -> None:
        self._processes = processes
        # Pools of one process each; None where it has yet to be started.
        self._free: Queue[ProcessPoolExecutor | None] = Queue()
        for _ in range(processes):
            self._free.put(None)
        self._closed = False

    def read(self, path: Path, stubs: Mapping[str, str], limits: UploadLimits) -> Understood:
        """As :func:`read_upload`; what takes the process down, or too long, is an upload that cannot be read."""
        failed = Understood({}, _all_missing(tuple(stubs)), (), _UNREADABLE, (), has_work=False)
        return self._call(read_upload, (path, dict(stubs), limits), failed)

    def parts(self, files: Mapping[str, bytes], stubs: Mapping[str, str]) -> tuple[tuple[Part, ...], tuple[str, ...]]:
        """As :func:`read_parts`."""
        failed: tuple[tuple[Part, ...], tuple[str, ...]] = (_all_missing(tuple(stubs)), (_UNREADABLE,))
        return self._call(read_parts, (dict(files), dict(stubs)), failed)

    def close(self) -> None:
        """End the processes; one that reads ends when it is done."""
        self._closed = True
        free = []
        with contextlib.suppress(Empty):
            while True:
                free.append(self._free.get_nowait())
        for pool in free:
            _kill(pool)
            self._free.put(None)  # for who waits: an upload that has arrived is read

    def warm(self) -> None:
        """Start the processes, so that no upload need wait for one."""
        for _ in range(self._processes):
            self._call(_nothing, (), None)

    def _call(self, function: Callable[..., A], arguments: tuple[Any, ...], failed: A) -> A:
        known = (AutogradeError, OSError, ValueError, MemoryError, RecursionError)
        if not self._processes:
            try:
                return function(*arguments)
            except known:
                return failed
        pool = self._free.get()
        try:
            for new in (pool is None, True):
                pool = _pool() if pool is None else pool
                try:
                    return pool.submit(function, *arguments).result(_SECONDS)
                except (BrokenProcessPool, ReadTimeout) as error:
                    _kill(pool)
                    pool = None
                    # A process that was killed while it had nothing to do is no fault of this upload's.
                    if new or isinstance(error, ReadTimeout):
                        break
                except known:
                    break
            return failed
        finally:
            if self._closed:
                _kill(pool)
                pool = None
            self._free.put(pool)


def _pool() -> ProcessPoolExecutor:
    context = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(1, context, initializer=_confine, initargs=(os.getpid(),))


def _kill(pool: ProcessPoolExecutor | None) -> None:
    if pool is None:
        return
    for process in list((getattr(pool, "_processes", None) or {}).values()):
        with contextlib.suppress(OSError, ValueError):
            process.kill()
    pool.shutdown(wait=False, cancel_futures=True)


def _nothing() -> None:
    return None


def _confine(parent: int) -> None:
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    limit = _MEMORY_MB << 20
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    resource.setrlimit(resource.RLIMIT_DATA, (limit if hard == resource.RLIM_INFINITY else min(limit, hard), hard))


def _end_with(parent: int) -> None:
    """End this process where the service's has been killed. The kernel's own signal follows the thread that forked, not it."""
    while os.getppid() == parent:
        time.sleep(_LOOK_S)
    os._exit(1)


class Receipts:
    """What the last submissions were understood as."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[tuple[Part, ...], tuple[str, ...]]] = {}

    def keep(self, number: int, parts: tuple[Part, ...], notes: tuple[str, ...]) -> None:
        """Remember a submission's parts and notes."""
        self._known[number] = (parts, notes)
        while len(self._known) > _KEPT:
            self._known.pop(next(iter(self._known)), None)

    def find(self, number: int) -> tuple[tuple[Part, ...], tuple[str, ...]] | None:
        """The parts and notes of a submission, where they are remembered."""
        return self._known.get(number)
