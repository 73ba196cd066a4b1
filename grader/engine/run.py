"""One try at grading one submission.

A :class:`SubmissionRun` has one clock, and a :class:`~grader.engine.side.Side` for each compartment of the assignment:
the lease of a worker, and the names found in it.
"""

from __future__ import annotations

import itertools
from collections import Counter
from typing import Any

from grader.engine.clock import WALL_FACTOR, Clock
from grader.engine.contract import Signature
from grader.engine.names import home_of
from grader.engine.proxies import Probe, ProbeFunction, Student, handles_in
from grader.engine.seeds import derive_seed
from grader.engine.session import Prepared, Session
from grader.engine.side import Side
from grader.engine.source_lines import defined_at, raised_at
from grader.errors import SystemFault
from grader.records import Place, Verdict
from grader.sandbox.faults import ImportFailed, StudentError, TimeLimit

#: In how many checks one function may run out of time.
MAX_HANGS = 2


class SubmissionRun:
    """One attempt at one submission: the :class:`~grader.engine.remote.Remote` of a suite's ``student`` and ``probe``."""

    def __init__(
        self, session: Session, prepared: Prepared, *, blames_kills: bool = False, wall_factor: float = WALL_FACTOR
    ) -> None:
        """See :func:`open_run`."""
        self.prepared = prepared
        self.seed = prepared.seed
        self.clock = Clock(session.limits, wall_factor=wall_factor)
        numbers = itertools.count(1)
        self.sides = tuple(
            Side(self, session, prepared, compartment, numbers, blames_kills=blames_kills)
            for compartment in session.compartments
        )
        self.asked: Side | None = None  # the one that is sent a request just now
        self.student = Student(self)
        self.probes = Probe(self)
        self._session = session
        self._modules = session.modules
        self._case_seed = self.seed
        self._apart = False
        self._hangs: Counter[str] = Counter()
        self._waits: set[str] = set()  # functions that ran out of wall time alone
        self._touched: dict[str, str] = {}  # names that the running case called or passed on, with their files

    @property
    def fault(self) -> SystemFault | None:
        """What failed on our side: whatever else this try came to, it does not count."""
        return next((side.lease.fault for side in self.sides if side.lease.fault is not None), None)

    def give_up(self, fault: SystemFault) -> None:
        """Let this try not count: something of ours failed beside it."""
        self.sides[0].lease.give_up(fault)

    @property
    def isolation_s(self) -> float:
        """Wall seconds that forking and loading workers took."""
        return sum(side.lease.isolation_s for side in self.sides)

    @property
    def layers(self) -> tuple[str, ...]:
        """The layers that hold every worker there was."""
        used = [side.lease.layers for side in self.sides if side.lease.layers]
        return tuple(name for name in used[0] if all(name in layers for layers in used)) if used else ()

    def again(self, seed: int) -> None:
        """Begin another attempt at the same files, in the workers that have them."""
        self.seed = seed
        self.clock.restart()
        self._hangs.clear()
        self._waits.clear()

    def close(self) -> None:
        """Have the workers killed."""
        for side in self.sides:
            side.lease.close()

    # -- one check at a time -----------------------------------------------------------------------------------

    def begin_case(
        self,
        case: str,
        timeout: float | None,
        title: str = "",
        *,
        apart: bool = False,
        fresh: bool = False,
        without: tuple[str, ...] = (),
    ) -> None:
        """Start the clock and set the seeds of one case of a check.

        ``title`` is under what students see the check; "" where they may not. Cases that are ``apart`` see held-out
        inputs: they share no worker with others, so that nothing of these inputs is there when a later check prints.
        A ``fresh`` one shares none with any earlier case: what it shows cannot be made of what was seen before.
        ``without`` names what torch has ready and does not run in the case's workers.
        """
        if apart != self._apart or fresh:
            for side in self.sides:
                side.lease.retire()
            self._apart = apart
        for side in self.sides:
            side.lease.refuse(without)
        self.clock.begin_case(case, timeout)
        self._case_seed = derive_seed(self.seed, case)
        self._touched = {}
        for side in self.sides:
            side.begin_case(title)

    @property
    def case_seed(self) -> int:
        """The seed of the running case, for the trusted side."""
        return self._case_seed

    def end_case(self) -> str:
        """Give what the student's code printed during the case."""
        return "".join(side.lease.take_output() for side in self.sides)

    def note_shown(self, error: BaseException | None) -> None:
        """Note that ``error`` is what the student reads of the running case."""
        for side in self.sides:
            side.names.note_shown(error)

    def place(self, error: BaseException | None, verdict: Verdict) -> Place | None:
        """Where in the student's code the running case failed: the line that raised, or what it called last."""
        files = self.prepared.files
        if isinstance(error, StudentError | ImportFailed):
            return raised_at(error, files)
        if verdict in (Verdict.WRONG_ANSWER, Verdict.PARTIAL, Verdict.TIME_LIMIT) and self._touched:
            name, file = next(reversed(self._touched.items()))
            alone = len({other.partition(".")[0] for other in self._touched}) == 1
            return defined_at(name, file, files, only=alone) if file in self.prepared.quick else None
        return None

    # -- functions that hang -----------------------------------------------------------------------------------

    def refuse_hung(self, label: str) -> None:
        """Call a function no more that ran out of time in two checks: each further one would cost a full time limit.

        Raises:
            TimeLimit: it is such a function.
        """
        if self._hangs[label] >= MAX_HANGS:
            raise TimeLimit(
                f"`{label}` did not finish in {MAX_HANGS} earlier checks, so it is not called again.",
                waited=label in self._waits,
                label=label,
            )

    def note_hang(self, limit: TimeLimit, label: str) -> None:
        """Note that a function ran out of time."""
        limit.label = limit.label or label
        if label:
            self._hangs[label] += 1
            if limit.waited:
                self._waits.add(label)

    # -- what proxies ask: see grader.engine.remote ------------------------------------------------------------

    @property
    def generation(self) -> int:
        """Number of the worker of what belongs to no file; 0 while there is none."""
        return self.sides[0].generation

    def ask(self, op: str, *args: Any, ref: bool = False, label: str = "") -> Any:
        """Run an operation where what belongs to no file lives."""
        return self.sides[0].ask(op, *args, ref=ref, label=label)

    def drop(self, number: int, generation: int) -> None:
        """Let a worker forget a handle."""
        for side in self.sides:
            side.drop(number, generation)

    def check_generation(self, generation: int) -> None:
        """Raise WorkerFault where a handle's worker is gone."""
        self.sides[0].check_generation(generation)

    def touch(self, signature: Signature) -> None:
        """Note that the case uses a function, class or method of the student's."""
        file = self._modules.get(signature.module)
        if file is not None:
            self._touched.pop(signature.name, None)
            self._touched[signature.name] = file

    def lookup(self, name: str, *, module: str | None = None, ref: bool = False) -> Any:
        """Find a name in the submission, importing its module when needed, in the worker of its file."""
        home = home_of(self._session, name, module)
        side = next((side for side in self.sides if home in side.modules), self.sides[0])
        return side.names.lookup(name, module=module, ref=ref)

    def probe(self, name: str) -> Any:
        """A function of the author's probes: where there are several workers, it runs in the one of its arguments."""
        if len(self.sides) == 1 or name not in self._session.probe_functions:
            return self.sides[0].probe(name)
        return ProbeFunction(self, name)

    def probe_for(self, name: str, arguments: Any) -> Any:
        """A function of the author's probes, in the worker that holds the first object among its arguments."""
        handle = next(handles_in(arguments), None)
        side = next(
            (side for side in self.sides if handle is not None and handle.__autograde_lives_on__(side)), self.sides[0]
        )
        return side.probe(name)


def open_run(
    session: Session, prepared: Prepared, *, blames_kills: bool = False, wall_factor: float = WALL_FACTOR
) -> SubmissionRun:
    """Begin a try at a submission; close it when done.

    ``blames_kills``: a kill that the student's code can have done itself is taken to be its own. ``wall_factor``: see
    :class:`grader.engine.clock.Clock`.
    """
    return SubmissionRun(session, prepared, blames_kills=blames_kills, wall_factor=wall_factor)
