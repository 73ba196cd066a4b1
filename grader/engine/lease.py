"""A worker of a run: forked on first use, again after a loss; what it printed, and whose fault its end was."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Iterator
from typing import Any

from grader.engine.clock import Clock
from grader.engine.compartments import Compartment
from grader.engine.session import Prepared, Session
from grader.errors import MachineError, SystemFault
from grader.sandbox.faults import StudentFault, TimeLimit, WorkerDied, WorkerFault
from grader.sandbox.trusted.worker import SandboxFault, Worker, WorkerKilled
from grader.sandbox.wire import Resolver

#: Wall seconds for a request of ours to a worker that has run no student code. It takes milliseconds.
_OURS_S = 120.0


class WorkerLease:
    """At most one worker at a time, with the submission in it."""

    def __init__(
        self,
        session: Session,
        prepared: Prepared,
        clock: Clock,
        resolve: Resolver,
        *,
        compartment: Compartment,
        numbers: Iterator[int],
        blames_kills: bool = False,
    ) -> None:
        """``resolve`` makes proxies of handles; ``blames_kills``: see :func:`grader.engine.run.open_run`.

        ``compartment`` says what the worker has; ``numbers`` gives its generation, so that no two workers of a run
        have the same.
        """
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
        self._compartment = compartment
        self._refused = compartment.refused
        self._numbers = numbers
        self._number = 0
        self._touched = False  # whether student code has run in the worker
        self._output: list[str] = []

    @property
    def generation(self) -> int:
        """Number of the worker, from 1; 0 while there is none."""
        return self._number if self._worker is not None else 0

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
        self._clock.check_total()
        begin = time.monotonic()
        try:
            worker = self._session.warm(self._compartment).fork(self._session.limits, programs=not self._refused)
        except (SystemFault, MachineError) as fault:
            raise self._noted(fault) from fault
        self._number = next(self._numbers)
        self._worker, self.layers = worker, worker.layers
        modules = dict(self._compartment.modules)
        self._ours("load", self._files(), modules, self._forbidden(), self._absent(), self._refused)
        if self._prepared.cuda_on_cpu and "torch" not in self._compartment.hidden:
            self._ours("cuda_on_cpu")
        self._clock.follow(worker)
        self.isolation_s += time.monotonic() - begin

    def _ours(self, op: str, *args: Any) -> None:
        """Send a request of ours to a worker in which no student code has run: its end is our fault.

        Raises:
            StudentFault: what was handed in is too large for the worker.
            SystemFault: anything else failed.
        """
        assert self._worker is not None
        try:
            self._worker.request(op, *args, deadline=time.monotonic() + _OURS_S, resolve=self._resolve)
        except (TimeLimit, WorkerDied) as fault:
            self._lose()
            unfit = SandboxFault(f"a worker failed at {op!r}, before it ran anything of the student's: {fault.message}")
            raise self._noted(unfit) from None
        except StudentFault:
            self._lose()
            raise
        except SystemFault as fault:
            self._lose()
            raise self._noted(fault) from None

    def seed(self, number: int) -> None:
        """Seed the worker's generators. In a worker that has run no student code a failure is ours.

        Raises:
            StudentFault: the student's code keeps it from being done.
            SystemFault: something of ours failed.
        """
        if self._touched:
            self.request("seed", number)
        else:
            self._ours("seed", number)

    def _forbidden(self) -> dict[str, list[str]]:
        """Modules that each file must not import, for the block in the worker; "*" is for helper files."""
        assignment, files = self._session.assignment, self._prepared.files
        forbidden = {file: list(rule.modules) for file, rule in assignment.forbid.items()}
        reached = {name for found in self._prepared.reached.values() for name in found}
        if forbidden:
            forbidden["*"] = sorted({name for names in forbidden.values() for name in names})
            # What is handed in and has no rule of its own is free, and so is what no file under a rule imports.
            for file in (*assignment.files, *(set(files) - reached)):
                forbidden.setdefault(file, [])
        return forbidden

    def _files(self) -> dict[str, bytes]:
        """What was handed in, but for files of other compartments that a walled file has no way to."""
        files = dict(self._prepared.files)
        if self._compartment.walled:
            own = self._compartment.modules.values()
            reached = {*own, *(name for file in own for name in self._prepared.reached.get(file, ()))}
            for file in self._session.modules.values():
                if file not in reached:
                    files.pop(file, None)
        return files

    def _absent(self) -> list[str]:
        """Modules that probes cannot use in this worker."""
        others = [name for name in self._session.modules if name not in self._compartment.modules]
        return [*self._compartment.hidden, *others] if len(self._session.compartments) > 1 else []

    def request(self, op: str, *args: Any, ref: bool = False) -> Any:
        """Send one request to the worker that :meth:`take` saw to.

        Raises:
            StudentError: the student's code raised.
            WorkerFault: the worker is gone, by the student's code or a limit.
            SystemFault: the worker is gone, by no fault of the student's.
        """
        assert self._worker is not None
        self._touched = True
        begin, allowed = time.monotonic(), None
        try:
            allowed = self._clock.allow(self._worker)
            return self._worker.request(
                op,
                *args,
                deadline=allowed.deadline,
                cpu_until=allowed.cpu_until,
                resolve=self._resolve,
                ref=ref,
            )
        except WorkerFault as fault:
            self._clock.spend(time.monotonic() - begin - self._worker.excused_s)
            begin = math.inf
            self._lose()
            fault.staff = self._clock.measured()
            if isinstance(fault, TimeLimit) and allowed is not None:
                fault.whole = allowed.whole_wall if fault.waited else allowed.whole_cpu
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
        finally:
            if self._worker is not None:
                self._clock.spend(time.monotonic() - begin - self._worker.excused_s)

    def drop(self, number: int, generation: int) -> None:
        """Let the worker forget a handle of a generation."""
        if self._worker is not None and generation == self._number:
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
            self._touched = False

    def retire(self) -> None:
        """Have the worker killed, and what it took counted: the next request gets a fresh one. One unused stays."""
        if self._worker is not None and self._touched:
            self._clock.leave(self._worker)
            self.close()
            self._output = []

    def refuse(self, names: tuple[str, ...]) -> None:
        """Have no worker in which torch runs what is named, beside what it never runs for these files."""
        refused = tuple(dict.fromkeys((*self._compartment.refused, *names)))
        if refused != self._refused:
            self.retire()
            self.close()  # one without any request as well: it was loaded with other names
            self._refused = refused

    def _lose(self) -> None:
        worker, self._worker = self._worker, None
        self._touched = False
        if worker is not None:
            try:
                worker.close()
            except SystemFault as fault:  # a zygote that is gone took its workers along
                self._noted(fault)
            self._clock.leave(worker)
            self._output.append(worker.take_output())

    def give_up(self, fault: SystemFault) -> None:
        """Let this try not count: something of ours failed beside it."""
        self._noted(fault)

    def _noted(self, fault: SystemFault | MachineError) -> SystemFault:
        """Keep what failed on our side, so that a suite which catches it cannot make a verdict of it."""
        kept = fault if isinstance(fault, SystemFault) else SandboxFault(str(fault))
        self.fault = self.fault or kept
        return kept
