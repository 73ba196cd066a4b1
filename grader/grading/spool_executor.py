"""Grading by agents over a spool folder: started by hand or by a service on any machine that shares it, or by Slurm."""

from __future__ import annotations

import contextlib
import itertools
import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, TypeVar

from grader.errors import AutogradeError, RunnerError, UsageError
from grader.grading.executor import Result, Task
from grader.grading.messages import Failed, Refused, pack_turn, unpack_outcome
from grader.grading.parcel import make_parcel
from grader.grading.serve import Turn, comes_last, lost
from grader.grading.slot import Work
from grader.grading.spool import Batch, Sign, Spool
from grader.sandbox.wire import WireError

A = TypeVar("A")

#: Names the spool; by default it is in the state folder.
SPOOL_VARIABLE = "AUTOGRADE_SPOOL"
#: How often a coordinator says that it lives, in seconds.
BEAT_S = 10.0
#: How often to look whether agents live, in seconds, and after how long a silence one is given up.
_LOOK_S, SILENCE_S = 1.0, 20.0
#: How long to wait for outcomes between two looks: at first, and at most.
_POLL_S, _LONGEST_POLL_S = 0.01, 0.2
#: How many tasks are offered for each agent: the one under way, and the next.
_AHEAD = 2


class SpoolExecutor:
    """An :class:`~grader.grading.executor.Executor` whose slots are agents. It starts none."""

    #: How long it waits for an agent, where there is none, in seconds.
    patience_s = 60.0

    def __init__(self, work: Work, slots: int | None = None) -> None:
        self.work, self._most = work, slots
        self.spool = Spool(self._folder())
        self._batch: Batch | None = self.spool.open_batch(make_parcel(work))
        self._numbers = itertools.count()
        self._open: dict[str, Turn[Any]] = {}
        self._late: list[Result[Any] | Turn[Any]] = []  # what is settled without an agent
        self._refusal: AutogradeError | None = None
        self._seen: dict[str, tuple[int, float]] = {}  # an agent's last count, and when it was new
        self._looked, self._alone_since = 0.0, time.monotonic()
        self._signs: dict[str, Sign] = {}
        self._over = threading.Event()
        threading.Thread(target=self._beat, args=(self._batch,), name="spool", daemon=True).start()

    def _beat(self, batch: Batch) -> None:
        """Say that this coordinator lives, whatever its own thread is at."""
        while not self._over.wait(BEAT_S):
            with contextlib.suppress(OSError):  # full or away: there is time until agents give the batch up
                batch.beat()

    def _folder(self) -> Path:
        """The spool's folder."""
        return Path(os.environ.get(SPOOL_VARIABLE) or self.work.state / "spool")

    @staticmethod
    def default_slots() -> int | None:
        """As many as there are agents."""
        return None

    def run(self, tasks: Iterable[Task[A]]) -> Iterator[Result[A]]:
        """As the protocol says."""
        if self._batch is None:
            raise RuntimeError("the executor is closed")
        waiting, last = iter(tasks), list[Turn[A]]()
        poll = _POLL_S
        try:
            while True:
                self._look()
                for task in itertools.islice(waiting, max(0, self._wanted() - len(self._open))):
                    self._offer(Turn(task))
                if not self._open and not self._late:
                    if not last:
                        return
                    # Every other task has had its turn.
                    while last:
                        self._offer(last.pop(0))
                found = False
                for outcome in self._outcomes():
                    found = True
                    if isinstance(outcome, Turn):
                        last.append(outcome)
                    else:
                        yield outcome
                poll = _POLL_S if found else min(poll * 1.3, _LONGEST_POLL_S)
                if not found:
                    time.sleep(poll)
        finally:
            if self._open:
                self.close()

    def close(self) -> None:
        """As the protocol says. Agents drop what they hold of it, and stay for the next executor."""
        if self._batch is not None:
            batch, self._batch = self._batch, None
            self._over.set()
            batch.close()

    # -- tasks -------------------------------------------------------------------------------------------------------

    def _wanted(self) -> int:
        """How many tasks may be with the agents."""
        agents = len(self._signs)
        return _AHEAD * max(1, min(agents, self._most) if self._most and agents else agents or self._most or 1)

    def _offer(self, turn: Turn[Any], name: str = "") -> None:
        assert self._batch is not None
        name = name or f"{turn.task.priority:d}.{next(self._numbers):09d}"
        self._open[name] = turn
        self._batch.put(name, pack_turn(turn))

    def _outcomes(self) -> Iterator[Result[Any] | Turn[Any]]:
        """What has come of tasks since the last call."""
        assert self._batch is not None
        while self._late:
            yield self._late.pop(0)
        for name, data in self._batch.done():
            outcome = self._settle(name, data)
            if outcome is not None:
                yield outcome

    def _settle(self, name: str, data: bytes) -> Result[Any] | Turn[Any] | None:
        """The result of a task, or the turn to be served last; None where it was given to another agent.

        Raises:
            AutogradeError: it concerns every task.
        """
        turn = self._open.pop(name, None)
        if turn is None:
            return None  # given twice: the first has been taken
        assert self._batch is not None
        self._batch.withdraw(name)  # the first report stays, and nobody needs another
        try:
            outcome = unpack_outcome(data, turn.task)
        except WireError as error:
            return self._lost(name, turn, f"an agent's outcome cannot be read: {error}")
        if isinstance(outcome, Failed):
            raise outcome.error
        if isinstance(outcome, Refused):
            if outcome.error.exit_code == UsageError.exit_code:
                raise outcome.error  # the suite or the course: it is the same everywhere
            self._refusal = outcome.error
            self._offer(turn)
            return None
        return outcome

    def _lost(self, name: str, turn: Turn[Any], fault: str) -> Result[Any] | Turn[Any] | None:
        """A task whose agent vanished: it is offered again; None, unless that comes last or it was the last try.

        Raises:
            RunnerError: it has no answer without a run.
        """
        outcome = lost(turn, self.work, fault)
        if isinstance(outcome, Turn) and not comes_last(outcome):
            self._offer(outcome, name)
            return None
        return outcome

    # -- agents ------------------------------------------------------------------------------------------------------

    def _look(self) -> None:
        """See which agents live, now and then, and offer anew what those held that do not.

        Raises:
            RunnerError: there has been no agent for too long.
            AutogradeError: no agent that is there can start a slot; what the last one said.
        """
        now = time.monotonic()
        if now - self._looked < _LOOK_S:
            return
        self._looked = now
        assert self._batch is not None
        found, alive = self.spool.signs(), self.alive()
        self._signs = {name: sign for name, sign in found.items() if self._lives(sign, now, alive)}
        for agent, names in self._batch.held().items():
            if agent not in self._signs:
                self._take_back(agent, names)
        for agent in found.keys() - self._signs.keys():
            self.spool.forget(agent)  # one that was merely stopped will sign again
        if self._signs or not self._open or self.expecting():
            self._alone_since = now
        elif now - self._alone_since > self.patience_s:
            raise self.nobody()
        if self._refusal and self._signs and all(self._batch.name in sign.refuses for sign in self._signs.values()):
            raise self._refusal

    def _lives(self, sign: Sign, now: float, alive: Callable[[Sign, float], bool]) -> bool:
        """Whether an agent has said so not long ago, by this machine's clock: those of others may be wrong."""
        count, since = self._seen.get(sign.agent, (-1, now))
        if sign.count != count:
            since = now
        self._seen[sign.agent] = sign.count, since
        return now - since < SILENCE_S and alive(sign, since)

    def _take_back(self, agent: str, names: Iterable[str]) -> None:
        assert self._batch is not None
        for name in names:
            if self._batch.take_back(agent, name) and (turn := self._open.pop(name, None)) is not None:
                settled = self._lost(name, turn, f"the agent {agent} vanished while it graded this")
                if settled is not None:
                    self._late.append(settled)

    # -- what else a kind of spool knows ---------------------------------------------------------------------------------

    def alive(self) -> Callable[[Sign, float], bool]:
        """What says of an agent, and the time of its last sign (of ``time.monotonic``), whether it may live still."""
        return lambda _, __: True

    def expecting(self) -> bool:
        """Whether an agent is on its way."""
        return False

    def nobody(self) -> RunnerError:
        """The error where no agent is there for too long."""
        folder = self.spool.folder
        return RunnerError(
            f"no agent is at work on the spool for {self.patience_s:g} s",
            where=folder,
            fix=f"start some, on machines that see this folder: autograde agent {folder}",
        )
