"""One try at grading one submission, in a sandboxed worker.

A :class:`SubmissionRun` forks a worker when a check first needs one, a fresh one after a worker was lost, and keeps the
clock.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import time
from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from grader.engine.contract import Signature, not_defined
from grader.engine.proxies import PROBES, Handle, Probe, Student, StudentDict, StudentList, proxies
from grader.engine.rules import Breach, check_rules, imported_modules, reach
from grader.engine.source_lines import defined_at, raised_at
from grader.errors import AuthoringError, MachineError, SystemFault
from grader.records import Place, Verdict
from grader.sandbox.faults import (
    ContractError,
    ImportFailed,
    ProbeError,
    StudentError,
    TimeLimit,
    WorkerDied,
    WorkerFault,
)
from grader.sandbox.trusted.worker import SandboxFault, Worker, WorkerKilled

if TYPE_CHECKING:
    from grader.engine.session import Session


def derive_seed(*parts: object) -> int:
    """A 63-bit seed from SHA-256 of ``parts``; Python's own ``hash`` differs from process to process."""
    digest = hashlib.sha256("\x1f".join(str(part) for part in parts).encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


#: In how many checks one function may run out of time.
_MAX_HANGS = 2


class SubmissionRun:
    """One attempt at one submission."""

    def __init__(
        self,
        session: Session,
        files: dict[str, bytes],
        digest: str,
        seed: int,
        notes: tuple[str, ...] = (),
        *,
        blames_kills: bool = False,
    ) -> None:
        """``blames_kills``: a kill that the student's code can have done itself is taken to be its own."""
        self.session = session
        self.notes = notes
        self.files = files
        self.digest = digest
        self.seed = seed
        self.wall_s = session.limits.wall_s
        self.patience: Mapping[str, float] = {}  # seconds for a case, where they are less than the check's own
        #: What failed on our side: whatever else this try came to, it does not count.
        self.fault: SystemFault | None = None
        self.generation = 0
        self.layers: tuple[str, ...] = ()
        self.started = time.monotonic()
        self.isolation_s = 0.0
        self.student = Student(self)
        self.probes = Probe(self)
        self._worker: Worker | None = None
        self._check_deadline = self.started + session.limits.check_s
        self._case_seed = seed
        self._seeded = False
        self._blames_kills = blames_kills
        self._output: list[str] = []
        self._fatal: dict[str, WorkerFault] = {}  # modules whose import ended the worker
        self._raised: dict[str, str] = {}  # and those whose import raised, with the traceback
        self._functions: dict[tuple[str, str], Any] = {}
        self._hangs: Counter[str] = Counter()
        self._touched: dict[str, str] = {}  # names that the running case called or passed on, with their files

    @functools.cached_property
    def breaches(self) -> dict[str, Breach]:
        """Static rules that the submission breaks, by file."""
        return check_rules(self.files, self.session.assignment.forbid, self.session.assignment.files)

    def again(self, seed: int) -> None:
        """Begin another attempt at the same files, in the worker that has them."""
        self.seed = seed
        self.started = time.monotonic()
        self._hangs.clear()

    # -- one check at a time -----------------------------------------------------------------------------------

    def begin_case(self, case: str, timeout: float | None) -> None:
        """Start the clock and set the seeds of one case of a check."""
        limit = timeout or self.session.limits.check_s
        self._check_deadline = time.monotonic() + min(limit, self.patience.get(case, limit))
        self._case_seed = derive_seed(self.seed, case)
        self._seeded = False
        self._touched = {}

    def place(self, error: BaseException | None, verdict: Verdict) -> Place | None:
        """Where in the student's code the running case failed: the line that raised, or what it called last."""
        if isinstance(error, StudentError):
            return raised_at(error, self.files)
        if verdict in (Verdict.WRONG_ANSWER, Verdict.PARTIAL, Verdict.TIME_LIMIT) and self._touched:
            name, file = next(reversed(self._touched.items()))
            alone = len({other.partition(".")[0] for other in self._touched}) == 1
            return defined_at(name, file, self.files, only=alone)
        return None

    def touch(self, signature: Signature) -> None:
        """Note that the case uses a function, class or method of the student's."""
        file = self.session.modules.get(signature.module)
        if file is not None:
            self._touched.pop(signature.name, None)
            self._touched[signature.name] = file

    def end_case(self) -> str:
        """Give what the student's code printed during the case."""
        if self._worker is not None and self._worker.alive:
            try:
                self._output.append(self._worker.take_output())
            except WorkerFault:
                self._lose()
        text, self._output = "".join(self._output), []
        return text

    @property
    def case_seed(self) -> int:
        """The seed of the running case, for the trusted side."""
        return self._case_seed

    @property
    def _deadline(self) -> float:
        return min(self._check_deadline, self.started + self.wall_s)

    # -- the worker --------------------------------------------------------------------------------------------

    def worker(self) -> Worker:
        """The worker with this submission in it, forked on first use and after a loss."""
        if self.fault is not None:
            raise SandboxFault(f"this try was given up: {self.fault}")
        if self._worker is None:
            if time.monotonic() > self.started + self.wall_s:
                raise TimeLimit(
                    f"Your submission used up the {self.wall_s:g} seconds that all checks together may take."
                )
            try:
                self._wait_for_zygote()
                begin = time.monotonic()
                worker = self.session.warm().fork(self.session.limits)
            except (SystemFault, MachineError) as fault:
                raise self._noted(fault) from fault
            self.generation += 1
            self._functions.clear()
            self._worker, self.layers = worker, worker.layers
            forbidden = {file: list(rule.modules) for file, rule in self.session.assignment.forbid.items()}
            if forbidden:
                forbidden["*"] = sorted({name for names in forbidden.values() for name in names})
                # "*" is for helper files; what is handed in and has no rule of its own is free, and so is what no file
                # under a rule imports.
                reached = reach(self.files, self.session.assignment.forbid)
                for file in (*self.session.assignment.files, *(set(self.files) - reached)):
                    forbidden.setdefault(file, [])
            try:
                self._request("load", self.files, self.session.modules, forbidden)
            except WorkerDied as fault:  # no student code has run yet
                died = SandboxFault(f"a worker died before it had the submission: {fault.message}")
                raise self._noted(died) from None
            self.isolation_s += time.monotonic() - begin
        return self._worker

    def _wait_for_zygote(self) -> None:
        """Warm up; the seconds that a cold zygote takes are ours, and not the student's."""
        begin = time.monotonic()
        self.session.warm().ready()
        waited = time.monotonic() - begin
        self.started += waited
        self._check_deadline += waited

    def _request(self, op: str, *args: Any, ref: bool = False) -> Any:
        assert self._worker is not None
        try:
            value = self._worker.request(
                op, *args, deadline=self._deadline, resolve=functools.partial(proxies, self), ref=ref
            )
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
        return _soften(value)

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

    def ask(self, op: str, *args: Any, ref: bool = False, label: str = "") -> Any:
        """Run an operation in the worker; see :meth:`grader.sandbox.trusted.zygote.Worker.request`.

        ``label`` names the function of the student's that it calls. One that ran out of time in two checks is not
        called again: each further check would cost a full time limit to learn the same.
        """
        if self._hangs[label] >= _MAX_HANGS:
            raise TimeLimit(f"`{label}` did not finish in {_MAX_HANGS} earlier checks, so it is not called again.")
        try:
            return self._ask(op, *args, ref=ref)
        except TimeLimit:
            if label:
                self._hangs[label] += 1
            raise

    def _ask(self, op: str, *args: Any, ref: bool) -> Any:
        if args and isinstance(args[0], Handle):
            args[0].__autograde_handle__()  # a fresh worker, forked for an object of a lost one, would be of no use
        self.worker()
        if not self._seeded:
            self._seeded = True
            # Not the case's own seed: student code that draws first must not repeat what the check drew.
            self._request("seed", derive_seed(self._case_seed, "student"))
        return self._request(op, *args, ref=ref)

    def drop(self, number: int, generation: int) -> None:
        """Let the worker forget a handle."""
        if self._worker is not None and generation == self.generation:
            self._worker.drop(number)

    def check_generation(self, generation: int) -> None:
        """Raise WorkerDied where a handle's worker is gone."""
        if self._worker is None or generation != self.generation:
            raise WorkerFault("The process that held your code ended earlier in this check.")

    # -- names -------------------------------------------------------------------------------------------------

    def lookup(self, name: str, *, module: str | None = None, ref: bool = False) -> Any:
        """Find a name in the submission, importing its module when needed.

        Raises:
            ContractError: the file was not handed in, breaks a static rule, or does not define the name.
            StudentError, WorkerFault: importing the module failed.
        """
        signature = (self.session.by_module.get(module, {}) if module else self.session.contract).get(name)
        home = module or (signature.module if signature else next(iter(self.session.modules)))
        file = self.session.modules.get(home)
        if file is None:
            raise AuthoringError(f"the assignment has no module {home!r}", fix="use one of its `files`")
        if signature is not None and (signature.is_class or signature.arguments is not None):
            self.touch(signature)
        if (key := (home, name)) in self._functions and not ref and self._worker is not None:
            return self._functions[key]
        self._readable(file)
        value = self._import(home, file, name, ref=ref)
        if isinstance(value, Handle) and signature is not None and type(value) is Handle:
            object.__setattr__(value, "_signature", signature)
            self._functions[key] = value
        return value

    def _readable(self, file: str) -> None:
        if file not in self.files:
            have = ", ".join(sorted(name for name in self.files if name.endswith(".py"))[:8]) or "no Python file"
            raise ContractError(f"`{file}` is missing from your submission, which has {have}.")
        if file in self.breaches:
            raise ContractError(str(self.breaches[file]))
        helper = next(
            (breach for name, breach in self.breaches.items() if name not in self.session.modules.values()), None
        )
        if helper is not None and file in self.session.assignment.forbid:
            raise ContractError(str(helper))

    def _import(self, module: str, file: str, name: str, *, ref: bool) -> Any:
        self._check_fatal(module)
        if module in self._raised:
            raise ImportFailed(self._raised[module])
        try:
            return self.ask("lookup", module, name, ref=ref)
        except StudentError as error:
            if error.type_name == "AttributeError" and not error.frames:
                raise ContractError(not_defined(name, file, self.files.get(file))) from None
            # It would raise again for every later check, after whatever it does first.
            self._raised[module] = error.for_student()
            raise ImportFailed(self._raised[module]) from None
        except WorkerFault as fault:
            # Importing it would end every later check the same way, each after a full time limit.
            self._fatal[module] = type(fault)(f"Importing `{file}` failed: {fault.message}")
            raise

    def _check_fatal(self, *modules: str) -> None:
        for module in modules:
            if module in self._fatal:
                raise type(self._fatal[module])(self._fatal[module].message)

    def probe(self, name: str) -> Any:
        """A function of the author's probes, in the worker."""
        if self.session.probes is None:
            raise AuthoringError("the suite has no probes.py", where=self.session.assignment.hidden_folder)
        for module, file in self.session.modules.items():
            if file in self.breaches and module in imported_modules(self.session.probes):
                raise ContractError(str(self.breaches[file]))
        # The worker imports every module before the probes, so one that is fatal is fatal to them.
        self._check_fatal(*self.session.modules, PROBES)
        if (key := (PROBES, name)) in self._functions and self._worker is not None:
            return self._functions[key]
        try:
            found = self.ask("probe", self.session.probes, name)
        except StudentError as error:
            raise error if error.frames else ProbeError(error.type_name, error.text) from None
        except WorkerFault as fault:
            self._fatal[PROBES] = fault
            raise
        if isinstance(found, Handle):
            object.__setattr__(found, "_signature", Signature(name, PROBES))
            self._functions[key] = found
        return found

    def close(self) -> None:
        """Have the worker killed."""
        if self._worker is not None:
            with contextlib.suppress(SystemFault):  # a zygote that is gone took its workers along
                self._worker.dismiss()
            self._worker = None


def _soften(value: Any) -> Any:
    """Containers that blame the student for what is not in them."""
    if type(value) is dict:
        return StudentDict({key: _soften(item) for key, item in value.items()})
    if type(value) is list:
        return StudentList([_soften(item) for item in value])
    if type(value) is tuple:
        return tuple(_soften(item) for item in value)
    return value
