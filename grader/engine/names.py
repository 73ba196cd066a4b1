"""The names of a submission: where each is found, and what keeps a module from being imported."""

from __future__ import annotations

from typing import Any

from grader.engine.contract import Signature, not_defined
from grader.engine.handles import PROBES, Handle
from grader.engine.remote import Remote
from grader.engine.session import Prepared, Session
from grader.errors import AuthoringError
from grader.python_source import imported_modules
from grader.sandbox.faults import ContractError, ImportFailed, ProbeError, StudentError, WorkerFault


class Names:
    """Finds names by way of a :class:`~grader.engine.remote.Remote`, and remembers what failed for good."""

    def __init__(self, session: Session, prepared: Prepared, remote: Remote) -> None:
        self._session = session
        self._files = prepared.files
        self._breaches = prepared.breaches
        self._remote = remote
        self._generation = 0
        self._functions: dict[tuple[str, str], Handle] = {}  # of the worker of this generation
        self._fatal: dict[str, WorkerFault] = {}  # modules whose import ended the worker
        self._raised: dict[str, str] = {}  # and those whose import raised, with the traceback

    def lookup(self, name: str, *, module: str | None = None, ref: bool = False) -> Any:
        """See :meth:`grader.engine.remote.Remote.lookup`."""
        session = self._session
        signature = (session.by_module.get(module, {}) if module else session.contract).get(name)
        home = module or (signature.module if signature else next(iter(session.modules)))
        file = session.modules.get(home)
        if file is None:
            raise AuthoringError(f"the assignment has no module {home!r}", fix="use one of its `files`")
        if signature is not None and (signature.is_class or signature.arguments is not None):
            self._remote.touch(signature)
        if not ref and (known := self._known(home, name)) is not None:
            return known
        self._readable(file)
        value = self._import(home, file, name, ref=ref)
        if isinstance(value, Handle) and signature is not None and type(value) is Handle:
            self._keep(home, name, value.with_signature(signature))
        return value

    def _known(self, home: str, name: str) -> Handle | None:
        """A function that the worker of now gave before."""
        return self._functions.get((home, name)) if self._generation == self._remote.generation else None

    def _keep(self, home: str, name: str, handle: Handle) -> None:
        if self._generation != self._remote.generation:
            self._functions.clear()
            self._generation = self._remote.generation
        self._functions[home, name] = handle

    def _readable(self, file: str) -> None:
        if file not in self._files:
            have = ", ".join(sorted(name for name in self._files if name.endswith(".py"))[:8]) or "no Python file"
            raise ContractError(f"`{file}` is missing from your submission, which has {have}.")
        if file in self._breaches:
            raise ContractError(str(self._breaches[file]))
        helper = next(
            (breach for name, breach in self._breaches.items() if name not in self._session.modules.values()), None
        )
        if helper is not None and file in self._session.assignment.forbid:
            raise ContractError(str(helper))

    def _import(self, module: str, file: str, name: str, *, ref: bool) -> Any:
        self._check_fatal(module)
        if module in self._raised:
            raise ImportFailed(self._raised[module])
        try:
            return self._remote.ask("lookup", module, name, ref=ref)
        except StudentError as error:
            if error.type_name == "AttributeError" and not error.frames:
                raise ContractError(not_defined(name, file, self._files.get(file))) from None
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
        """See :meth:`grader.engine.remote.Remote.probe`."""
        session = self._session
        if session.probes is None:
            raise AuthoringError("the suite has no probes.py", where=session.assignment.hidden_folder)
        for module, file in session.modules.items():
            if file in self._breaches and module in imported_modules(session.probes):
                raise ContractError(str(self._breaches[file]))
        # The worker imports every module before the probes, so one that is fatal is fatal to them.
        self._check_fatal(*session.modules, PROBES)
        if (known := self._known(PROBES, name)) is not None:
            return known
        try:
            found = self._remote.ask("probe", session.probes, name)
        except StudentError as error:
            raise error if error.frames else ProbeError(error.type_name, error.text) from None
        except WorkerFault as fault:
            self._fatal[PROBES] = fault
            raise
        if isinstance(found, Handle):
            self._keep(PROBES, name, found.with_signature(Signature(name, PROBES)))
        return found
