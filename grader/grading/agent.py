"""An agent: a process on any machine that takes tasks from a spool, grades them on warm slots, and puts reports back.

It serves one task after another, of as many batches and assignments as there are, and needs nothing but the folder and
Autograde: no database, no network. ``autograde agent SPOOL`` is one; Slurm starts such a command on each node.
"""

from __future__ import annotations

import contextlib
import os
import platform
import secrets
import threading
import time
from pathlib import Path

from grader.errors import RunnerError, UsageError
from grader.grading.messages import is_refusal, pack_failure
from grader.grading.parcel import parcel_id
from grader.grading.spool import Claim, Spool
from grader.grading.warm_slots import WarmSlots
from grader.sandbox.wire import WireError

#: How often an agent says that it lives, and looks whether its batch is over.
BEAT_S, LOOK_S = 2.0, 0.25
#: How long it waits between two looks for work: at first, and at most.
_IDLE_S, _LONGEST_IDLE_S = 0.02, 0.5
#: How long a coordinator may say nothing until its batch is removed.
LEASE_S = 120.0
#: How long it stays with a batch for which it is warm while another of the same priority waits.
_TURN_S = 30.0
#: How many batches that it refuses an agent names.
_REMEMBERED = 100


class Agent:
    """Serves a spool. ``keep`` works stay warm; without work for ``idle_s`` seconds, or with ``stop`` there, it ends."""

    def __init__(self, folder: Path, *, keep: int = 2, idle_s: float | None = None, job: str = "") -> None:
        self.spool = Spool(folder)
        host = "".join(sign for sign in platform.node() if sign.isalnum() or sign in "-_")[:40]
        #: No two agents have one name, nor has one that was started anew.
        self.name = f"{host}-{os.getpid()}-{secrets.token_hex(3)}"
        self.served = 0
        self._slots, self._idle_s, self._job = WarmSlots(keep), idle_s, job
        self._claim: Claim | None = None
        self._parcels: dict[str, tuple[str, bytes]] = {}
        self._last, self._since = "", 0.0
        self._beats: dict[str, tuple[bytes, float]] = {}  # of each batch's coordinator, and when it was new
        self._looked = time.monotonic()
        self._refuses: list[str] = []
        self._count = 0
        self._over, self._signing = threading.Event(), threading.Lock()

    def run(self) -> int:
        """Serve until it is to end; how many tasks were served. KeyboardInterrupt ends it at once."""
        watch = threading.Thread(target=self._watch, name="agent", daemon=True)
        self._sign()
        watch.start()
        try:
            with self._slots:
                self._serve_until_told()
        finally:
            self._over.set()
            watch.join()
            self._give_back()
            self.spool.forget(self.name)
        return self.served

    def _serve_until_told(self) -> None:
        try:
            self._serve()
        except KeyboardInterrupt:
            self._slots.kill()
            raise

    def _serve(self) -> None:
        idle, since = _IDLE_S, time.monotonic()
        while not self.spool.stopped:
            self._abandon()
            claim = self._take()
            if claim is None:
                if self._idle_s is not None and time.monotonic() - since > self._idle_s:
                    return
                time.sleep(idle)
                idle = min(idle * 1.5, _LONGEST_IDLE_S)
                continue
            self._claim = claim
            outcome = self._outcome(claim)
            if outcome is not None:
                if is_refusal(outcome):
                    self._refuses.append(claim.batch)
                    self._sign()  # before the task is offered to others
                self.spool.finish(claim, outcome)
                self.served += 1
            self._claim = None
            idle, since = _IDLE_S, time.monotonic()

    def _take(self) -> Claim | None:
        """The first task by priority; of equal ones, one for which a slot is warm, unless another batch waited long."""
        waiting = [task for task in self.spool.waiting() if task[0] not in self._refuses]
        overdue = time.monotonic() - self._since > _TURN_S

        def rank(task: tuple[str, str]) -> tuple[str, bool, bool, str, str]:
            batch, name = task
            mine = batch == self._last
            warm = batch in self._parcels and self._slots.has(self._parcels[batch][0])
            return name.partition(".")[0], mine and overdue, not (mine or warm), batch, name

        for batch, name in sorted(waiting, key=rank):
            claim = self.spool.claim(self.name, batch, name)
            if claim is not None:
                if batch != self._last or overdue:
                    self._last, self._since = batch, time.monotonic()
                return claim
        return None

    def _abandon(self) -> None:
        """Now and then, remove what coordinators left that were killed."""
        now = time.monotonic()
        if now - self._looked < LEASE_S / 10:
            return
        self._looked = now
        for batch, beat in self.spool.beats().items():
            last, since = self._beats.get(batch, (b"", now))
            self._beats[batch] = beat, since if beat == last else now
            if beat == last and now - since > LEASE_S:
                self.spool.abandon(batch)
                self._beats.pop(batch)

    def _outcome(self, claim: Claim) -> bytes | None:
        """What comes of a task; None where its batch ended meanwhile."""
        try:
            parcel, task = self._parcel(claim.batch), claim.path.read_bytes()
        except OSError:
            return None
        try:
            return self._slots.serve(parcel, task)
        except (WireError, UsageError) as error:
            if self.spool.is_over(claim.batch):
                return None
            if isinstance(error, UsageError):
                return pack_failure(error)
            return pack_failure(RunnerError(f"a task cannot be read: {error}", where=claim.path))

    def _parcel(self, batch: str) -> bytes:
        if batch not in self._parcels:
            content = self.spool.parcel(batch)
            self._parcels = {name: kept for name, kept in self._parcels.items() if not self.spool.is_over(name)}
            self._parcels[batch] = parcel_id(content), content
        return self._parcels[batch][1]

    def _watch(self) -> None:
        """Say that this agent lives, and end the runner where nobody waits for its report any more."""
        beaten = time.monotonic()
        while not self._over.wait(LOOK_S):
            claim = self._claim
            if claim is not None and self.spool.is_over(claim.batch):
                self._slots.kill()
            if time.monotonic() - beaten >= BEAT_S:
                beaten = time.monotonic()
                # Where the folder is full or away, the coordinator gives our task to another.
                with contextlib.suppress(OSError):
                    self._sign()

    def _sign(self) -> None:
        with self._signing:
            self._count += 1
            self.spool.sign(self.name, self._count, self._job, self._refuses[-_REMEMBERED:])

    def _give_back(self) -> None:
        """Offer what was being graded to others, where this agent ends in the middle of it."""
        claim = self._claim
        if claim is not None and not self.spool.is_over(claim.batch):
            try:
                claim.path.rename(self.spool.batches / claim.batch / "todo" / claim.name)
            except OSError:
                return  # the coordinator does it
