"""One compartment of a submission as it is graded: its worker, and the names found in it."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Any, Protocol

from grader.engine.clock import Clock
from grader.engine.compartments import Compartment
from grader.engine.containers import soften
from grader.engine.contract import Signature
from grader.engine.handles import Handle
from grader.engine.lease import WorkerLease
from grader.engine.names import Names
from grader.engine.proxies import proxies
from grader.engine.seeds import derive_seed
from grader.engine.session import Prepared, Session
from grader.errors import AuthoringError, SystemFault
from grader.sandbox.faults import TimeLimit, WorkerFault


class Whole(Protocol):
    """What a side needs of the run that it is a part of."""

    clock: Clock
    #: The side that is sent a request just now.
    asked: Side | None

    @property
    def fault(self) -> SystemFault | None:
        """What failed on our side, in whichever worker."""

    @property
    def case_seed(self) -> int:
        """The seed of the running case."""

    def refuse_hung(self, label: str) -> None:
        """Raise TimeLimit for a function that ran out of time twice."""

    def note_hang(self, limit: TimeLimit, label: str) -> None:
        """Note that a function ran out of time."""

    def touch(self, signature: Signature) -> None:
        """Note that the case uses a function, class or method of the student's."""

    def lookup(self, name: str, *, module: str | None = None, ref: bool = False) -> Any:
        """Find a name in the submission, wherever it is graded."""


class Side:
    """A :class:`~grader.engine.remote.Remote` whose objects live in one compartment's worker."""

    def __init__(
        self,
        run: Whole,
        session: Session,
        prepared: Prepared,
        compartment: Compartment,
        numbers: Iterator[int],
        *,
        blames_kills: bool,
    ) -> None:
        """``numbers`` gives each worker of the run a generation of its own."""
        self.modules = compartment.modules
        self.lease = WorkerLease(
            session,
            prepared,
            run.clock,
            functools.partial(proxies, self),
            compartment=compartment,
            numbers=numbers,
            blames_kills=blames_kills,
        )
        self.names = Names(session, prepared, self, run.clock.forgive, compartment)
        self._run = run
        self._seeded = False

    def begin_case(self, title: str) -> None:
        """Begin one case of a check."""
        self.names.begin_case(title)
        self._seeded = False

    # -- what proxies ask: see grader.engine.remote ------------------------------------------------------------

    @property
    def generation(self) -> int:
        """Number of the worker, different from all others of the run; 0 while there is none."""
        return self.lease.generation

    def ask(self, op: str, *args: Any, ref: bool = False, label: str = "") -> Any:
        """Run an operation in the worker, which is seeded for the case first."""
        self._run.refuse_hung(label)
        before, self._run.asked = self._run.asked, self
        try:
            return soften(self._ask(op, *args, ref=ref))
        except TimeLimit as limit:
            self._run.note_hang(limit, label)
            raise
        finally:
            self._run.asked = before

    def _ask(self, op: str, *args: Any, ref: bool) -> Any:
        if args and isinstance(args[0], Handle):
            args[0].__autograde_handle__()  # a fresh worker, forked for an object of a lost one, would be of no use
        if (fault := self._run.fault) is not None:
            self.lease.give_up(fault)
        self.lease.take()
        if not self._seeded:
            self._seeded = True
            # Not the case's own seed: student code that draws first must not repeat what the check drew.
            self.lease.seed(derive_seed(self._run.case_seed, "student"))
        return self.lease.request(op, *args, ref=ref)

    def drop(self, number: int, generation: int) -> None:
        """Let the worker forget a handle."""
        self.lease.drop(number, generation)

    def check_generation(self, generation: int) -> None:
        """Raise WorkerFault where a handle's worker is gone, AuthoringError where another one is being asked."""
        if self._run.asked not in (None, self):
            raise AuthoringError(
                "a check passes an object of one file to code of another that is graded in a worker of its own",
                fix="pass values, as `fetch()` gives them: a rule on modules keeps the two files apart",
            )
        if generation != self.generation:
            raise WorkerFault("The process that ran your code ended earlier in this check.")

    def touch(self, signature: Signature) -> None:
        """Note that the case uses a function, class or method of the student's."""
        self._run.touch(signature)

    def lookup(self, name: str, *, module: str | None = None, ref: bool = False) -> Any:
        """Find a name in the submission, wherever it is graded."""
        return self._run.lookup(name, module=module, ref=ref)

    def probe(self, name: str) -> Any:
        """A function of the author's probes, in this worker."""
        return self.names.probe(name)
