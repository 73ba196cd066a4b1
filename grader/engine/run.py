"""One try at grading one submission.

A :class:`SubmissionRun` puts three things together: the clock, the lease of a worker, and the names found in it. To
proxies it is a :class:`~grader.engine.remote.Remote`.
"""

from __future__ import annotations

import functools
from collections import Counter
from typing import Any

from grader.engine.clock import WALL_FACTOR, Clock
from grader.engine.containers import StudentDict, StudentList
from grader.engine.contract import Signature
from grader.engine.handles import Handle
from grader.engine.lease import WorkerLease
from grader.engine.names import Names
from grader.engine.proxies import Probe, Student, proxies
from grader.engine.seeds import derive_seed
from grader.engine.session import Prepared, Session
from grader.engine.source_lines import defined_at, raised_at
from grader.errors import SystemFault
from grader.records import Place, Verdict
from grader.sandbox.faults import StudentError, TimeLimit, WorkerFault

#: In how many checks one function may run out of time.
MAX_HANGS = 2


class SubmissionRun:
    """One attempt at one submission."""

    def __init__(
        self, session: Session, prepared: Prepared, *, blames_kills: bool = False, wall_factor: float = WALL_FACTOR
    ) -> None:
        """See :func:`open_run`."""
        self.prepared = prepared
        self.seed = prepared.seed
        self.clock = Clock(session.limits, wall_factor=wall_factor)
        self.lease = WorkerLease(
            session, prepared, self.clock, functools.partial(proxies, self), blames_kills=blames_kills
        )
        self.names = Names(session, prepared, self, self.clock.forgive)
        self.student = Student(self)
        self.probes = Probe(self)
        self._modules = session.modules
        self._case_seed = self.seed
        self._seeded = False
        self._apart = False
        self._hangs: Counter[str] = Counter()
        self._waits: set[str] = set()  # functions that ran out of wall time alone
        self._touched: dict[str, str] = {}  # names that the running case called or passed on, with their files

    @property
    def fault(self) -> SystemFault | None:
        """What failed on our side: whatever else this try came to, it does not count."""
        return self.lease.fault

    def again(self, seed: int) -> None:
        """Begin another attempt at the same files, in the worker that has them."""
        self.seed = seed
        self.clock.restart()
        self._hangs.clear()
        self._waits.clear()

    def close(self) -> None:
        """Have the worker killed."""
        self.lease.close()

    # -- one check at a time -----------------------------------------------------------------------------------

    def begin_case(self, case: str, timeout: float | None, title: str = "", *, apart: bool = False) -> None:
        """Start the clock and set the seeds of one case of a check.

        ``title`` is under what students see the check; "" where they may not. Cases that are ``apart`` see held-out
        inputs: they share no worker with others, so that nothing of these inputs is there when a later check prints.
        """
        if apart != self._apart:
            self.lease.retire()
            self._apart = apart
        self.clock.begin_case(case, timeout)
        self.names.begin_case(title)
        self._case_seed = derive_seed(self.seed, case)
        self._seeded = False
        self._touched = {}

    @property
    def case_seed(self) -> int:
        """The seed of the running case, for the trusted side."""
        return self._case_seed

    def end_case(self) -> str:
        """Give what the student's code printed during the case."""
        return self.lease.take_output()

    def note_shown(self, error: BaseException | None) -> None:
        """Note that ``error`` is what the student reads of the running case."""
        self.names.note_shown(error)

    def place(self, error: BaseException | None, verdict: Verdict) -> Place | None:
        """Where in the student's code the running case failed: the line that raised, or what it called last."""
        files = self.prepared.files
        if isinstance(error, StudentError):
            return raised_at(error, files)
        if verdict in (Verdict.WRONG_ANSWER, Verdict.PARTIAL, Verdict.TIME_LIMIT) and self._touched:
            name, file = next(reversed(self._touched.items()))
            alone = len({other.partition(".")[0] for other in self._touched}) == 1
            return defined_at(name, file, files, only=alone)
        return None

    # -- what proxies ask: see grader.engine.remote ------------------------------------------------------------

    @property
    def generation(self) -> int:
        """Number of the worker, from 1; 0 while there is none."""
        return self.lease.generation

    def ask(self, op: str, *args: Any, ref: bool = False, label: str = "") -> Any:
        """Run an operation in the worker, which is seeded for the case first.

        A function that ran out of time in two checks is not called again: each further check would cost a full time
        limit to learn the same.
        """
        if self._hangs[label] >= MAX_HANGS:
            raise TimeLimit(
                f"`{label}` did not finish in {MAX_HANGS} earlier checks, so it is not called again.",
                waited=label in self._waits,
                label=label,
            )
        try:
            return _soften(self._ask(op, *args, ref=ref))
        except TimeLimit as limit:
            limit.label = limit.label or label
            if label:
                self._hangs[label] += 1
                if limit.waited:
                    self._waits.add(label)
            raise

    def _ask(self, op: str, *args: Any, ref: bool) -> Any:
        if args and isinstance(args[0], Handle):
            args[0].__autograde_handle__()  # a fresh worker, forked for an object of a lost one, would be of no use
        self.lease.take()
        if not self._seeded:
            self._seeded = True
            # Not the case's own seed: student code that draws first must not repeat what the check drew.
            self.lease.seed(derive_seed(self._case_seed, "student"))
        return self.lease.request(op, *args, ref=ref)

    def drop(self, number: int, generation: int) -> None:
        """Let the worker forget a handle."""
        self.lease.drop(number, generation)

    def check_generation(self, generation: int) -> None:
        """Raise WorkerFault where a handle's worker is gone."""
        if generation != self.generation:
            raise WorkerFault("The process that held your code ended earlier in this check.")

    def touch(self, signature: Signature) -> None:
        """Note that the case uses a function, class or method of the student's."""
        file = self._modules.get(signature.module)
        if file is not None:
            self._touched.pop(signature.name, None)
            self._touched[signature.name] = file

    def lookup(self, name: str, *, module: str | None = None, ref: bool = False) -> Any:
        """Find a name in the submission, importing its module when needed."""
        return self.names.lookup(name, module=module, ref=ref)

    def probe(self, name: str) -> Any:
        """A function of the author's probes, in the worker."""
        return self.names.probe(name)


def open_run(
    session: Session, prepared: Prepared, *, blames_kills: bool = False, wall_factor: float = WALL_FACTOR
) -> SubmissionRun:
    """Begin a try at a submission; close it when done.

    ``blames_kills``: a kill that the student's code can have done itself is taken to be its own. ``wall_factor``: see
    :class:`grader.engine.clock.Clock`.
    """
    return SubmissionRun(session, prepared, blames_kills=blames_kills, wall_factor=wall_factor)


def _soften(value: Any) -> Any:
    """Containers that blame the student for what is not in them."""
    if type(value) is dict:
        return StudentDict({key: _soften(item) for key, item in value.items()})
    if type(value) is list:
        return StudentList([_soften(item) for item in value])
    if type(value) is tuple:
        return tuple(_soften(item) for item in value)
    return value
