"""SIGKILLs at random moments over a batch: coordinator, runner, zygote and worker in turn."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from tests.attacks.arena.watch import children, process

KINDS = ("coordinator", "runner", "zygote", "worker")
_PATIENCE_S = 60.0


@dataclass(slots=True)
class Family:
    """The processes of one coordinator by what they are, each as (id, start time)."""

    members: dict[str, list[tuple[int, int]]] = field(default_factory=dict)

    @classmethod
    def of(cls, coordinator: int) -> Family:
        """Ask the kernel, from child to child. A worker is what a zygote forked; what a worker forked counts as below it."""
        family = cls({kind: [] for kind in (*KINDS, "below")})
        family._add(coordinator, 0)
        return family

    def _add(self, pid: int, depth: int) -> None:
        entry = process(pid)
        if entry is None or (depth and entry.state == "Z"):
            return
        kind = KINDS[depth] if depth < len(KINDS) else "below"
        self.members[kind].append((pid, entry.start))
        for child in children(pid):
            self._add(child, depth + 1)

    @classmethod
    def of_this_process(cls) -> set[tuple[int, int]]:
        """What was started by the process that calls this, and by those in turn; itself aside."""
        return {member for member in cls.of(os.getpid()).all if member[0] != os.getpid()}

    @property
    def all(self) -> set[tuple[int, int]]:
        """Everything."""
        return {member for members in self.members.values() for member in members}


def still_alive(members: set[tuple[int, int]]) -> set[tuple[int, int]]:
    """Those that are still processes, zombies aside."""
    rows = ((pid, start, process(pid)) for pid, start in members)
    return {(pid, start) for pid, start, row in rows if row is not None and row.start == start and row.state != "Z"}


def wait_until_dead(members: set[tuple[int, int]], seconds: float = _PATIENCE_S) -> tuple[set[tuple[int, int]], float]:
    """Wait until they are gone; those that are not, and the seconds it took."""
    begin = time.monotonic()
    while (left := still_alive(members)) and time.monotonic() - begin < seconds:
        time.sleep(0.01)
    return left, time.monotonic() - begin


@dataclass(slots=True)
class Outcome:
    """What the kills came to."""

    kills: Counter[str] = field(default_factory=Counter)
    coordinators: int = 0
    #: Exit code and last words of coordinators that ended otherwise than they should.
    odd_ends: list[str] = field(default_factory=list)
    #: What outlived its coordinator, and the longest that it took all others to be gone.
    survivors: int = 0
    slowest_end_s: float = 0.0
    seen: set[tuple[int, int]] = field(default_factory=set)


class Batch:
    """A batch that is graded while its processes are killed, and begun again as a person would."""

    def __init__(self, course: Path, state: Path, jobs: int, rng: random.Random, *, most_delay_s: float = 5.0) -> None:
        self.command = [sys.executable, "-m", "grader.cli.main", "grade", "tiny", "--course", str(course)]
        self.command += ["--state", str(state), "--jobs", str(jobs), "--json"]
        self.database = state / "store.db"
        self.rng = rng
        self.most_delay_s = most_delay_s
        self.outcome = Outcome()
        self.process: subprocess.Popen[bytes] | None = None

    def graded(self) -> int:
        """How many attempts are recorded."""
        with contextlib.closing(sqlite3.connect(self.database, timeout=60)) as connection:
            return int(connection.execute("select count(*) from attempts").fetchone()[0])

    def start(self) -> None:
        """Type the command."""
        log = (self.database.parent / "last.log").open("wb")
        with log:
            self.process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self.outcome.coordinators += 1

    def look(self) -> Family:
        """The family as it is, remembered."""
        assert self.process is not None
        family = Family.of(self.process.pid)
        self.outcome.seen |= family.all
        return family

    def over(self) -> bool:
        """Whether the batch is done. A coordinator that ended otherwise is noted, and started again."""
        assert self.process is not None
        code = self.process.poll()
        if code is None:
            return False
        if code == 0:
            return True
        words = (self.database.parent / "last.log").read_text(errors="replace")[-600:]
        self.outcome.odd_ends.append(f"exit code {code}: {words}")
        self.start()
        return False

    def kill(self, kind: str, at: int, delay: float) -> bool:
        """Once ``at`` attempts are recorded and ``delay`` s have passed, kill one of a kind; False if all was over."""
        while self.graded() < at:
            self.look()
            if self.over():
                return False
            time.sleep(0.02)
        time.sleep(delay)
        while not (found := self.look().members[kind]):
            if self.over():
                return False
            time.sleep(0.005)
        assert self.process is not None
        victim = self.rng.choice(found)
        family = self.look()
        with contextlib.suppress(ProcessLookupError):
            os.kill(victim[0], signal.SIGKILL)
        self.outcome.kills[kind] += 1
        if kind == "coordinator":
            self.process.wait()
            time.sleep(self.rng.choice((0.0, self.rng.random())))
            self.start()  # while the old one's processes may still be ending
            left, took = wait_until_dead(family.all)
            self.outcome.survivors += len(left)
            self.outcome.slowest_end_s = max(self.outcome.slowest_end_s, took)
        return True

    def stop(self, number: int, at: int) -> tuple[int, str]:
        """Once ``at`` attempts are recorded, tell the coordinator to end; its exit code and what it said."""
        assert self.process is not None
        while self.graded() < at and self.process.poll() is None:
            time.sleep(0.02)
        family = self.look()
        self.process.send_signal(number)
        code = self.process.wait()
        left, _ = wait_until_dead(family.all)
        self.outcome.survivors += len(left)
        return code, (self.database.parent / "last.log").read_text(errors="replace")

    def finish(self) -> None:
        """Let the batch come to its end."""
        while not self.over():
            self.look()
            time.sleep(0.05)


def run(batch: Batch, plan: list[str], students: int) -> Outcome:
    """Grade with a kill of each kind in ``plan``, spread over the batch."""
    batch.start()
    try:
        for number, kind in enumerate(plan):
            # Half the delays are short, to hit one and the same submission; half reach into the next warm-up.
            delay = batch.rng.choice((batch.rng.uniform(0, 0.3), batch.rng.uniform(0, batch.most_delay_s)))
            if not batch.kill(kind, int(number * 0.9 * students / len(plan)), delay):
                break
        batch.finish()
    finally:
        if batch.process is not None:
            batch.process.kill()  # where this was cut short
            batch.process.wait()
    left, _ = wait_until_dead(batch.outcome.seen)
    batch.outcome.survivors += len(left)
    return batch.outcome


def groups_of(members: set[tuple[int, int]]) -> list[str]:
    """Control groups that processes among ``members`` made and left."""
    pids = {str(pid) for pid, _ in members}
    found = Path("/sys/fs/cgroup").rglob("autograde-*")
    return [str(path) for path in found if path.name.split("-")[1] in pids]
