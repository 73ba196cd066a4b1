"""The names of a submission: where each is found, and what keeps a module from being imported."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

from grader.engine.compartments import Compartment
from grader.engine.contract import Signature, not_defined
from grader.engine.handles import PROBES, Handle
from grader.engine.import_advice import ON_IMPORT, explain
from grader.engine.remote import Remote
from grader.engine.session import Prepared, Session
from grader.errors import AuthoringError
from grader.python_source import imported_modules
from grader.sandbox.faults import (
    ContractError,
    ImportFailed,
    ProbeError,
    StudentError,
    StudentFault,
    TimeLimit,
    WorkerFault,
)


def home_of(session: Session, name: str, module: str | None) -> str:
    """The module to look a name up in: the one that is said, else where the solution has it, else the first."""
    if module is not None:
        return module
    signature = session.contract.get(name)
    return signature.module if signature else next(iter(session.modules))


class _Cause:
    """Why a file cannot be used: said in full until a check that students can see has shown it, then referred to."""

    def __init__(self, fault: StudentFault, short: str) -> None:
        self._fault = fault
        self._short = short
        self.shown = ""  # the title of the check that showed it

    def fault(self, title: str) -> StudentFault:
        """What to raise in the check that is shown under ``title``."""
        fault = copy.copy(self._fault)
        fault.cause = self
        if self.shown and self.shown != title:
            fault.message = f'{self._short}: see "{self.shown.rstrip(".")}".'
            fault.args = (fault.message,)
            if isinstance(fault, ImportFailed):
                fault.frames = ()  # its line is shown where it is said in full
        return fault


class Names:
    """Finds names by way of a :class:`~grader.engine.remote.Remote`, and remembers what failed for good."""

    def __init__(
        self,
        session: Session,
        prepared: Prepared,
        remote: Remote,
        forgive: Callable[[], None],
        compartment: Compartment,
    ) -> None:
        """``forgive`` gives the running case its time back that another module's import has used up.

        Modules of other compartments are not looked up here.
        """
        self._modules = compartment.modules
        self._session = session
        self._files = prepared.files
        self._breaches = prepared.breaches
        self._quick = prepared.quick
        self._reached = prepared.reached
        self._remote = remote
        self._forgive = forgive
        self._title = ""
        self._generation = 0
        self._functions: dict[tuple[str, str], Handle] = {}  # of the worker of this generation
        self._imported: set[str] = set()  # in it
        self._causes: dict[str, _Cause] = {}  # of modules that cannot be imported, and of probes

    def begin_case(self, title: str) -> None:
        """Note under which title the running check is shown; "" for a check that students may not see."""
        self._title = title

    def note_shown(self, error: BaseException | None) -> None:
        """Note that ``error`` is what the running check came to, and so what the student reads there."""
        cause = error.cause if isinstance(error, StudentFault) else None
        if isinstance(cause, _Cause) and not cause.shown:
            cause.shown = self._title

    def lookup(self, name: str, *, module: str | None = None, ref: bool = False) -> Any:
        """See :meth:`grader.engine.remote.Remote.lookup`."""
        session = self._session
        signature = (session.by_module.get(module, {}) if module else session.contract).get(name)
        home = home_of(session, name, module)
        file = self._modules.get(home)
        if file is None:
            raise AuthoringError(f"the assignment has no module {home!r}", fix="use one of its `files`")
        self._renew()
        value = None if ref else self._functions.get((home, name))
        if value is None:
            self._readable(home, file)
            value = self._find(home, file, name, ref=ref)
        if signature is not None and (signature.is_class or signature.arguments is not None):
            self._remote.touch(signature)
        if isinstance(value, Handle) and signature is not None and type(value) is Handle:
            self._functions[home, name] = value.with_signature(signature)
        return value

    def _renew(self) -> None:
        """Forget what a worker had that is gone."""
        if self._generation != self._remote.generation:
            self._functions.clear()
            self._imported.clear()
            self._generation = self._remote.generation

    def _readable(self, module: str, file: str) -> None:
        """Make sure that a file is there, keeps the static rules, and did not fail to be imported before."""
        if module not in self._causes:
            if file not in self._files:
                have = ", ".join(sorted(name for name in self._files if name.endswith(".py"))[:8]) or "no Python file"
                told = f"`{file}` is missing from your submission, which has {have}."
                self._causes[module] = _Cause(ContractError(told), f"`{file}` is missing")
            elif (breach := self._breach(file)) is not None:
                self._causes[module] = _Cause(ContractError(breach), f"`{file}` does something that is not allowed")
        if module in self._causes:
            raise self._causes[module].fault(self._title)

    def _breach(self, file: str) -> str | None:
        """What rule a file breaks, itself or by a helper that it may import."""
        if file not in self._session.assignment.forbid:
            return None  # what files under a rule must not import is free itself
        if file in self._breaches:
            return str(self._breaches[file])
        reached = self._reached.get(file, frozenset())
        return next((str(breach) for name, breach in self._breaches.items() if name in reached), None)

    def _find(self, module: str, file: str, name: str | None, *, ref: bool) -> Any:
        """Import a module, where the worker has not yet, and find a name in it."""
        alone = not self._imported - {module}
        try:
            value = self._remote.ask("lookup", module, name, ref=ref)
        except StudentError as error:
            if error.type_name == "AttributeError" and not error.frames and name is not None:
                source = self._files.get(file) if file in self._quick else None
                raise ContractError(not_defined(name, file, source)) from None
            # It would raise again for every later check, after whatever it does first.
            raise self._cannot_import(module, file, self._import_failed(error, file)) from None
        except WorkerFault as fault:
            if module in self._imported:
                raise  # a worker that has the module already: it is not the import that ended it
            text = f"Importing `{file}` failed: {fault.message}"
            told = copy.copy(fault)
            if isinstance(told, TimeLimit):
                told.label = file
                text = f"{text} {ON_IMPORT}"
            told.message, told.args = text, (text,)
            if not (fault.whole if isinstance(fault, TimeLimit) else alone):
                # Its time had gone before, or another file that was imported there may be what ended the worker. The
                # next check has a fresh one, and all of the time, for this import.
                raise told from None
            # Importing it would end every later check the same way, each after a full time limit.
            raise self._cannot_import(module, file, told) from None
        self._renew()
        self._imported.add(module)
        return value

    def _import_failed(self, error: StudentError, file: str) -> ImportFailed:
        """What to say of a file that raised, or of one that imports another which did and was shown already."""
        inner = error.frames[-1].file if error.frames else file
        cause = self._causes.get(inner.removesuffix(".py")) if inner != file else None
        if cause is not None and cause.shown:
            return ImportFailed(f"`{file}` imports `{inner}`. {cause.fault('').message}")
        asked = tuple(self._session.modules.values())
        return ImportFailed(explain(error, self._files, asked=asked, file=file), error.frames)

    def _cannot_import(self, module: str, file: str, fault: StudentFault) -> StudentFault:
        cause = self._causes[module] = _Cause(fault, f"`{file}` could not be imported")
        return cause.fault(self._title)

    def probe(self, name: str) -> Any:
        """See :meth:`grader.engine.remote.Remote.probe`."""
        source = self._session.probes
        if source is None:
            raise AuthoringError("the suite has no probes.py", where=self._session.assignment.hidden_folder)
        if PROBES in self._causes:
            raise self._causes[PROBES].fault(self._title)
        self._renew()
        if (known := self._functions.get((PROBES, name))) is not None:
            return known
        modules = self._import_all(source)
        try:
            found = self._remote.ask("probe", source, name, modules)
        except StudentError as error:
            raise error if error.frames else ProbeError(error.type_name, error.text) from None
        except WorkerFault as fault:
            if not isinstance(fault, TimeLimit) or fault.whole:
                self._causes[PROBES] = _Cause(fault, "The check's own code could not be loaded beside yours")
            raise
        if isinstance(found, Handle):
            self._renew()
            self._functions[PROBES, name] = found.with_signature(Signature(name, PROBES))
        return found

    def _import_all(self, probes: str) -> list[str]:
        """Import every module that can be, as probes may use any; give their names.

        One that fails costs only the checks that ask for it, unless the probes import it themselves.
        """
        needed = imported_modules(probes)
        for module, file in self._modules.items():
            if module in self._imported:
                continue
            try:
                self._readable(module, file)
                self._find(module, file, None, ref=True)
            except StudentFault as fault:
                if module in needed:
                    raise
                if isinstance(fault, WorkerFault):
                    self._forgive()
        return [module for module in self._modules if module in self._imported]
