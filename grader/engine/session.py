"""One assignment under one profile, and one submission at a time in a sandboxed worker.

A :class:`Session` owns the zygote and everything that does not change between submissions. A :class:`SubmissionRun`
is one attempt: it forks a worker when a check first needs one, a fresh one after a worker was lost, and keeps the
clock.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import importlib.util
import sys
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import TYPE_CHECKING, Any

from grader.course import Assignment, Course, Profile, course_secret, grader_version
from grader.engine.contract import Signature, read_contract
from grader.engine.proxies import PROBES, Handle, Probe, Student, StudentDict, StudentList, proxies
from grader.engine.rules import Breach, check_rules, imported_modules
from grader.errors import AuthoringError, SystemFault
from grader.sandbox.client import Zygote
from grader.sandbox.connection import SandboxFault, Worker
from grader.sandbox.faults import (
    ContractError,
    ImportFailed,
    ProbeError,
    StudentError,
    TimeLimit,
    WorkerDied,
    WorkerFault,
)
from grader.sandbox.limits import Limits
from grader.store.blobs import digest_files
from grader.store.modules import Assembled, assemble

if TYPE_CHECKING:
    from grader.data import HeldOut


def derive_seed(*parts: object) -> int:
    """A 63-bit seed from SHA-256 of ``parts``; Python's own ``hash`` differs from process to process."""
    digest = hashlib.sha256("\x1f".join(str(part) for part in parts).encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


#: In how many checks one function may run out of time.
_MAX_HANGS = 2


@dataclass
class Session:
    """What grading needs of an assignment and a profile, loaded once."""

    course: Course
    assignment: Assignment
    profile: Profile
    state: Path
    zygote: Zygote | None = None
    version: str = field(init=False)

    def __post_init__(self) -> None:
        self.version = grader_version(self.assignment, self.profile.name)
        self.secret = course_secret(self.state)
        self.limits = Limits(**self.profile.limits.model_dump())
        sources = {Path(file).stem: self._solution_text(file) for file in self.assignment.files}
        self.modules = {Path(file).stem: file for file in self.assignment.files}
        self.contract: dict[str, Signature] = read_contract(sources)
        self.by_module = {name: read_contract({name: text}) for name, text in sources.items()}

    def _solution_text(self, file: str) -> str:
        path = self.assignment.solution_folder / file
        try:
            return path.read_text(encoding="utf-8")
        except OSError as error:
            raise AuthoringError(
                "the solution cannot be read", where=path, mend="write the solved module there"
            ) from error

    def warm(self) -> Zygote:
        """The zygote, started on first use."""
        if self.zygote is None:
            self.zygote = Zygote(minimum=self.course.sandbox.minimum)
        return self.zygote

    def close(self) -> None:
        """End the zygote and its workers."""
        if self.zygote is not None:
            self.zygote.close()
            self.zygote = None

    @functools.cached_property
    def probes(self) -> str | None:
        """Source of the author's probes, where there are any."""
        path = self.assignment.hidden_folder / "probes.py"
        return path.read_text(encoding="utf-8") if path.is_file() else None

    @functools.cached_property
    def reference(self) -> SimpleNamespace:
        """The solution's modules on the trusted side, with every top-level name on one object."""
        names: dict[str, Any] = {}
        for file in reversed(self.assignment.files):
            module = _load(self.assignment.solution_folder / file)
            names.update({name: value for name, value in vars(module).items() if not name.startswith("_")})
            names[Path(file).stem] = module
        return SimpleNamespace(**names)

    @functools.cached_property
    def held_out(self) -> HeldOut:
        """The data of the ``held_out`` fixture; its test part comes from the course's secret."""
        from grader.data import hold_out

        if self.profile.data is None:
            raise AuthoringError(
                "the suite asks for held-out data and the course names none",
                where=f"autograde.yml: assignments.{self.assignment.name}.data",
                mend="add `data: {set: digits, train: 1500, test: 600}`",
            )
        return hold_out(self.profile.data.model_dump(), self.secret)

    def open(self, files: Mapping[str, bytes], seed: int | None = None) -> SubmissionRun:
        """Start an attempt at ``files``; without a seed, one that follows from the course's secret and the files."""
        digest = digest_files(files)
        if seed is None:
            # The secret keeps a student from working out the seed that an upload will meet.
            seed = derive_seed(self.secret.hex(), digest, self.version)
        made = self.assemble(files)
        return SubmissionRun(self, dict(made.files), digest, seed, made.notes)

    def assemble(self, files: Mapping[str, bytes]) -> Assembled:
        """The modules to grade: of a notebook, the cells that belong to them, as text."""
        if not any(name.endswith(".ipynb") for name in files):
            return Assembled(files)
        return assemble(files, self.stubs, prefer=f"{self.assignment.name}.ipynb")

    @functools.cached_property
    def stubs(self) -> dict[str, str]:
        """The released text of each module."""
        from grader.release.strip import make_stub

        return {file: make_stub(self._solution_text(file), file) for file in self.assignment.files}


def _load(path: Path) -> ModuleType:
    name = f"_reference_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise AuthoringError("the solution cannot be imported", where=path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    # Modules of a solution import one another by their own names, as in the bundle.
    sys.path.insert(0, str(path.parent))
    try:
        spec.loader.exec_module(module)
    finally:
        sys.path.remove(str(path.parent))
    return module


class SubmissionRun:
    """One attempt at one submission."""

    def __init__(
        self, session: Session, files: dict[str, bytes], digest: str, seed: int, notes: tuple[str, ...] = ()
    ) -> None:
        self.session = session
        self.notes = notes
        self.files = files
        self.digest = digest
        self.seed = seed
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
        self._output: list[str] = []
        self._fatal: dict[str, WorkerFault] = {}  # modules whose import ended the worker
        self._raised: dict[str, str] = {}  # and those whose import raised, with the traceback
        self._functions: dict[tuple[str, str], Any] = {}
        self._hangs: Counter[str] = Counter()

    @functools.cached_property
    def breaches(self) -> dict[str, Breach]:
        """Static rules that the submission breaks, by file."""
        return check_rules(self.files, self.session.assignment.forbid, self.session.assignment.files)

    # -- one check at a time -----------------------------------------------------------------------------------

    def begin_case(self, case: str, timeout: float | None) -> None:
        """Start the clock and set the seeds of one case of a check."""
        self._check_deadline = time.monotonic() + (timeout or self.session.limits.check_s)
        self._case_seed = derive_seed(self.seed, case)
        self._seeded = False

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
        return min(self._check_deadline, self.started + self.session.limits.wall_s)

    # -- the worker --------------------------------------------------------------------------------------------

    def worker(self) -> Worker:
        """The worker with this submission in it, forked on first use and after a loss."""
        if self._worker is None:
            if time.monotonic() > self.started + self.session.limits.wall_s:
                limit = self.session.limits.wall_s
                raise TimeLimit(f"Your submission used up the {limit:g} seconds that all checks together may take.")
            self._wait_for_zygote()
            begin = time.monotonic()
            worker = self.session.warm().fork(self.session.limits)
            self.generation += 1
            self._functions.clear()
            self._worker, self.layers = worker, worker.layers
            forbidden = {file: list(rule.modules) for file, rule in self.session.assignment.forbid.items()}
            if forbidden:
                forbidden["*"] = sorted({name for names in forbidden.values() for name in names})
                # "*" is for helper files; what is handed in and has no rule of its own is free.
                for file in self.session.assignment.files:
                    forbidden.setdefault(file, [])
            try:
                self._request("load", self.files, self.session.modules, forbidden)
            except WorkerDied as fault:  # no student code has run yet
                raise SandboxFault(f"a worker died before it had the submission: {fault.message}") from None
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
        return _soften(value)

    def _lose(self) -> None:
        if self._worker is not None:
            self._worker.close()
            self._output.append(self._worker.take_output())
            self._worker = None

    def ask(self, op: str, *args: Any, ref: bool = False, label: str = "") -> Any:
        """Run an operation in the worker; see :meth:`grader.sandbox.client.Worker.request`.

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
            raise AuthoringError(f"the assignment has no module {home!r}", mend="use one of its `files`")
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
                raise ContractError(f"`{file}` does not define `{name}`.") from None
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
        try:
            found = self.ask("probe", self.session.probes, name)
        except StudentError as error:
            raise error if error.frames else ProbeError(error.type_name, error.text) from None
        except WorkerFault as fault:
            self._fatal[PROBES] = fault
            raise
        if isinstance(found, Handle):
            object.__setattr__(found, "_signature", Signature(name, PROBES))
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
