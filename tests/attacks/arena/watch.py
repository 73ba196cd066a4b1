"""A watch on the machine while attacks run: every process of the batch, and what is there before and after."""

from __future__ import annotations

import contextlib
import os
import pwd
import socket
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

_INTERVAL_S = 0.2
#: Where something could be left that outlives a worker.
_PLACES = ("/", "/tmp", "/var/tmp", "/dev/shm", "/dev/mqueue", "/run", "/root", "/etc/cron.d", "/var/spool/cron", "/scratch")  # fmt: skip


@dataclass(slots=True)
class Watch:
    """Samples the descendants of a process, so that one that loses its parents is still known.

    Those that are there before the watch begins, such as a database server of other tests, are left out with their own.
    """

    root: int
    seen: dict[tuple[int, int], str] = field(default_factory=dict)
    earlier: frozenset[tuple[int, int]] = frozenset()
    _stop: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        self.earlier = frozenset((pid, entry.start) for pid, entry in processes().items())
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        assert self._thread is not None
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(_INTERVAL_S):
            self._sample()

    def _sample(self) -> None:
        table = processes()
        family = {self.root} | {pid for pid, start in self.seen if pid in table and table[pid].start == start}
        while new := {pid for pid, entry in table.items() if self._is_new(pid, entry, family)}:
            family |= new
            self.seen.update({(pid, table[pid].start): table[pid].name for pid in new})

    def _is_new(self, pid: int, entry: Process, family: set[int]) -> bool:
        return entry.parent in family and pid not in family and (pid, entry.start) not in self.earlier

    def alive(self) -> list[str]:
        """Those that still live: process id and name."""
        table = processes()
        return [
            f"{pid} {name} ({table[pid].state})"
            for (pid, start), name in self.seen.items()
            if pid in table and table[pid].start == start and table[pid].state != "Z"
        ]

    def wait_until_gone(self, seconds: float) -> list[str]:
        """What lives after at most ``seconds``."""
        deadline = time.monotonic() + seconds
        while (left := self.alive()) and time.monotonic() < deadline:
            time.sleep(0.1)
        return left


@dataclass(frozen=True, slots=True)
class Process:
    """One row of the process table; ``start`` tells apart two that had the same id."""

    parent: int
    start: int
    state: str
    name: str


def process(pid: int) -> Process | None:
    """One row of the process table; None where there is no such process."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:  # noqa: PTH123 - read all the time
            name, _, rest = file.read().partition(" (")[2].rpartition(") ")
        fields = rest.split()
        return Process(int(fields[1]), int(fields[19]), fields[0], name)
    except (OSError, IndexError, ValueError):
        return None


def processes() -> dict[int, Process]:
    """The process table."""
    rows = ((int(name), process(int(name))) for name in os.listdir("/proc") if name.isdigit())  # noqa: PTH208 - as above
    return {pid: row for pid, row in rows if row is not None}


def children(pid: int) -> list[int]:
    """What a process has started and has not waited for, as the kernel lists it for each of its threads."""
    found: list[int] = []
    for thread in Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(OSError):
            found += map(int, thread.read_text().split())
    return found


def mounts() -> set[str]:
    """The mounts of this namespace, without what changes by itself."""
    lines = Path("/proc/self/mountinfo").read_text().splitlines()
    return {" ".join(line.split()[3:6]) for line in lines}


def ipc_objects() -> set[str]:
    """System V shared memory, semaphores and queues of this namespace, by kind, key and id.

    Those of users that database servers run as are left out: other tests start one meanwhile, and no worker is such a user.
    """
    found, servers = set(), set()
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            servers.add(str(pwd.getpwnam(name).pw_uid))
    for kind in ("shm", "sem", "msg"):
        with contextlib.suppress(OSError):
            head, *rows = (line.split() for line in Path("/proc/sysvipc", kind).read_text().splitlines())
            found |= {f"{kind} {' '.join(row[:2])}" for row in rows if row[head.index("cuid")] not in servers}
    return found


def named_leftovers(token: str, extra: list[Path]) -> list[str]:
    """Files whose name has ``token``, and UNIX sockets likewise, anywhere that an attack could have left one."""
    found = []
    for place in (*map(Path, _PLACES), Path.home(), Path.cwd()):
        with contextlib.suppress(OSError):
            found += [str(path) for path in place.iterdir() if token in path.name]
    for place in extra:
        found += [str(path) for path in place.rglob("*") if token in path.name]
    found += [line for line in Path("/proc/net/unix").read_text().splitlines() if token in line]
    return found


class Listener:
    """A TCP listener of the host that nobody should reach."""

    def __init__(self) -> None:
        self.reached = 0
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self.socket.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                peer, _ = self.socket.accept()
                self.reached += 1
                peer.close()

    def close(self) -> None:
        """Stop listening."""
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()
