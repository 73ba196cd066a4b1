"""The worker of a run: forked on first use, again after a loss; what it printed, and whose fault its end was."""

from __future__ import annotations

import contextlib
import time
from typing import Any

from grader.engine.clock import Clock
from grader.engine.rules import reach
from grader.engine.session import Prepared, Session
from grader.errors import MachineError, SystemFault
from grader.sandbox.faults import WorkerDied, WorkerFault
from grader.sandbox.trusted.worker import SandboxFault, Worker, WorkerKilled
from grader.sandbox.wire import Resolver


class WorkerLease:
    """At most one worker at a time, with the submission in it."""

    def __init__(
        self, session: Session, prepared: Prepared, clock: Clock, resolve: Resolver, *, blames_kills: bool = False
    ) -> None:
        """``resolve`` makes proxies of handles; ``blames_kills``: see :func:`grader.engine.run.open_run`."""
        #: What failed on our side: whatever else this try came to, it does not count.
        self.fault: SystemFault | None = None
        self.layers: tuple[str, ...] = ()
        #: Wall seconds that forking and loading took.
        self.isolation_s = 0.0
        self._session = session
        self._prepared = prepared
        self._clock = clock
        self._resolve = resolve
        self._blames_kills = blames_kills
        self._worker: Worker | None = None
        self._forks = 0
        self._output: list[str] = []

    @property
    def generation(self) -> int:
        """Number of the worker, from 1; 0 while there is none."""
        return self._forks if self._worker is not None else 0

    def take(self) -> None:
        """Make sure that there is a worker with the submission in it.

        Raises:
            TimeLimit: the submission has no time left for another one.
            SystemFault: something of ours failed, now or earlier in this try.
        """
        if self.fault is not None:
            raise SandboxFault(f"this try was given up: {self.fault}")
        if self._worker is not None:
            return
        self._clock.check()
        try:
            self._wait_for_zygote()
            begin = time.monotonic()
            worker = self._session.warm().fork(self._session.limits)
        except (SystemFault, MachineError) as fault:
            raise self._noted(fault) from fault
        self._forks += 1
        self._worker, self.layers = worker, worker.layers
        try:
            self.request("load", dict(self._prepared.files), self._session.modules, self._forbidden())
        except WorkerDied as fault:  # no student code has run yet
            died = SandboxFault(f"a worker died before it had the submission: {fault.message}")
            raise self._noted(died) from None
        self.isolation_s += time.monotonic() - begin

    def _wait_for_zygote(self) -> None:
        """Warm up; the seconds that a cold zygote takes are ours, and not the student's."""
        begin = time.monotonic()
        self._session.warm().ready()
        self._clock.excuse(time.monotonic() - begin)

    def _forbidden(self) -> dict[str, list[str]]:
        """Modules that each file must not import, for the block in the worker; "*" is for helper files."""
        assignment, files = self._session.assignment, self._prepared.files
        forbidden = {file: list(rule.modules) for file, rule in assignment.forbid.items()}
        if forbidden:
            forbidden["*"] = sorted({name for names in forbidden.values() for name in names})
            # What is handed in and has no rule of its own is free, and so is what no file under a rule imports.
            for file in (*assignment.files, *(set(files) - reach(files, assignment.forbid))):
                forbidden.setdefault(file, [])
        return forbidden

    def request(self, op: str, *args: Any, ref: bool = False) -> Any:
        """Send one request to the worker that :meth:`take` saw to.

        Raises:
            StudentError: the student's code raised.
            WorkerFault: the worker is gone, by the student's code or a limit.
            SystemFault: the worker is gone, by no fault of the student's.
        """
        assert self._worker is not None
        try:
            return self._worker.request(op, *args, deadline=self._clock.deadline, resolve=self._resolve, ref=ref)
        except WorkerFault:
            self._lose()
            raise
        except WorkerKilled as fault:
            self._lose()
            if fault.by_itself and self._blames_kills:
                raise WorkerDied(
                    "Your code ended the Python process itself (signal SIGKILL); nothing after that can be graded."
                ) from None
            raise self._noted(fault) from None
        except SystemFault as fault:
            self._lose()
            raise self._noted(fault) from None

    def drop(self, number: int, generation: int) -> None:
        """Let the worker forget a handle of a generation."""
        if self._worker is not None and generation == self._forks:
            self._worker.drop(number)

    def take_output(self) -> str:
        """What the student's code printed since the last call."""
        if self._worker is not None and self._worker.alive:
            try:
                self._output.append(self._worker.take_output())
            except WorkerFault:
                self._lose()
        text, self._output = "".join(self._output), []
        return text

    def close(self) -> None:
        """Have the worker killed."""
        if self._worker is not None:
            with contextlib.suppress(SystemFault):  # a zygote that is gone took its workers along
                self._worker.dismiss()
            self._worker = None

    def _lose(self) -> None:
        worker, self._worker = self._worker, None
        if worker is not None:
            try:
                worker.close()
            except SystemFault as fault:  # a zygote that is gone took its workers along
                self._noted(fault)
            self._output.append(worker.take_output())

    def _noted(self, fault: SystemFault | MachineError) -> SystemFault:
        """Keep what failed on our side, so that a suite which catches it cannot make a verdict of it."""
        kept = fault if isinstance(fault, SystemFault) else SandboxFault(str(fault))
        self.fault = self.fault or kept
        return kept
