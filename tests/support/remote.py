"""A Remote without a process: proxies and their tests, without a worker and without waiting."""

from __future__ import annotations

import functools
import inspect
import itertools
import traceback
from collections.abc import Mapping
from types import ModuleType
from typing import Any

from grader.engine.contract import Signature, read_contract
from grader.engine.handles import PROBES, Handle
from grader.engine.proxies import proxies
from grader.errors import AuthoringError
from grader.sandbox.faults import (
    ContractError,
    ImportFailed,
    ProbeError,
    StudentError,
    StudentFrame,
    TimeLimit,
    WorkerFault,
)
from grader.sandbox.wire import (
    DEFAULT_LIMITS,
    PREFIX,
    Encoder,
    HandleRef,
    Resolver,
    TensorRef,
    WireError,
    check_prefix,
    decode,
    frame,
    parse_header,
)


class LocalRemote:
    """Keeps :class:`grader.engine.remote.Remote` in this process; values cross the same wire, in memory.

    A module's text is run when a name in it is first asked for. What ends a real worker is played: a function that
    raises ``Hang`` runs out of time, and one that raises ``Die`` takes its process along.
    """

    def __init__(self, sources: Mapping[str, str], probes: str | None = None) -> None:
        """``sources``: Python text by module name, which is the contract as well. ``probes``: text of probes.py."""
        self.sources = sources
        self.contract = read_contract(sources)
        self.probe_source = probes
        self.touched: list[str] = []
        self._generation = 0
        self._alive = False
        self._numbers = itertools.count(1)
        self._objects: dict[int, Any] = {}
        self._modules: dict[str, ModuleType] = {}
        self._hangs: dict[str, int] = {}
        self._operations = {
            "call": lambda function, args, kwargs: function(*args, **kwargs),
            "method": lambda obj, name, args, kwargs: getattr(obj, name)(*args, **kwargs),
            "getattr": getattr,
            "hasattr": hasattr,
            "setattr": setattr,
            "getitem": lambda obj, key: obj[key],
            "setitem": lambda obj, key, value: obj.__setitem__(key, value),
            "len": len,
            "list": list,
            "leaf": lambda tensor, requires_grad: tensor.detach().requires_grad_(requires_grad),
            "fetch": lambda obj: obj.detach() if hasattr(obj, "detach") else obj,
            "lookup": lambda module, name: getattr(self._module(module), name),
            "probe": lambda source, name: getattr(self._probes(source), name),
        }

    @property
    def generation(self) -> int:
        """Number of the pretended process."""
        return self._generation if self._alive else 0

    def ask(self, op: str, *args: Any, ref: bool = False, label: str = "") -> Any:
        """As the protocol says."""
        if self._hangs.get(label, 0) >= 2:
            raise TimeLimit(f"`{label}` did not finish in 2 earlier checks, so it is not called again.")
        if args and isinstance(args[0], Handle):
            args[0].__autograde_handle__()
        if not self._alive:
            self._alive = True
            self._generation += 1
        encoder = Encoder(proxy=_proxy)
        tree = encoder.encode(list(args))  # WireError here is the caller's
        try:
            value = self._operations[op](*_cross(tree, self._resolve, encoder))
        except Exception as error:  # noqa: BLE001 - whatever the student's code raises
            raise self._fault(error, label) from None
        if ref:
            return proxies(self, self._hold(value))
        try:
            encoder = Encoder(handle=self._hold, keep_grad=op != "fetch")
            return _cross(encoder.encode(value), functools.partial(proxies, self), encoder)
        except (WireError, RecursionError):
            return proxies(self, self._hold(value))

    def _fault(self, error: BaseException, label: str) -> Exception:
        kind = type(error).__name__
        if kind in ("Hang", "Die"):
            self._objects.clear()
            self._modules.clear()
            self._alive = False
            if kind == "Die":
                return WorkerFault("Your code ended the Python process itself.")
            self._hangs[label] = self._hangs.get(label, 0) + bool(label)
            return TimeLimit("Your code did not finish.")
        frames = [
            StudentFrame(entry.filename, entry.lineno or 0, entry.name, entry.line or "")
            for entry in traceback.extract_tb(error.__traceback__)
            if entry.filename.removesuffix(".py") in self.sources
        ]
        return StudentError(kind, str(error), tuple(frames))

    def _hold(self, value: Any) -> HandleRef:
        number = next(self._numbers)
        self._objects[number] = value
        return HandleRef(number, type(value).__name__)

    def _resolve(self, ref: HandleRef | TensorRef) -> Any:
        return self._objects[ref.handle.id if isinstance(ref, TensorRef) else ref.id]

    def drop(self, number: int, generation: int) -> None:
        """As the protocol says."""
        if generation == self.generation:
            self._objects.pop(number, None)

    def check_generation(self, generation: int) -> None:
        """As the protocol says."""
        if generation != self.generation:
            raise WorkerFault("The process that ran your code ended earlier in this check.")

    def touch(self, signature: Signature) -> None:
        """As the protocol says; the names are kept for a test to look at."""
        self.touched.append(signature.name)

    def lookup(self, name: str, *, module: str | None = None, ref: bool = False) -> Any:
        """As the protocol says."""
        signature = self.contract.get(name)
        home = module or (signature.module if signature else next(iter(self.sources)))
        if home not in self.sources:
            raise AuthoringError(f"the assignment has no module {home!r}")
        if signature is not None and (signature.is_class or signature.arguments is not None):
            self.touch(signature)
        try:
            value = self.ask("lookup", home, name, ref=ref)
        except StudentError as error:
            if error.type_name == "AttributeError" and not error.frames:
                raise ContractError(f"`{home}.py` does not define `{name}`.") from None
            raise ImportFailed(error.for_student()) from None
        return value.with_signature(signature) if signature and type(value) is Handle else value

    def probe(self, name: str) -> Any:
        """As the protocol says."""
        if self.probe_source is None:
            raise AuthoringError("the suite has no probes.py")
        try:
            found = self.ask("probe", self.probe_source, name)
        except StudentError as error:
            raise ProbeError(error.type_name, error.text) from None
        return found.with_signature(Signature(name, PROBES)) if isinstance(found, Handle) else found

    def _module(self, name: str) -> ModuleType:
        if name not in self._modules:
            module = ModuleType(name)
            exec(compile(self.sources[name], f"{name}.py", "exec"), module.__dict__)
            self._modules[name] = module
        return self._modules[name]

    def _probes(self, source: str) -> ModuleType:
        if PROBES not in self._modules:
            module = ModuleType("_probes")
            exec(compile(source, "probes.py", "exec"), module.__dict__)
            self._modules[PROBES] = module
        return self._modules[PROBES]


def _cross(tree: Any, resolve: Resolver, encoder: Encoder) -> Any:
    """Send what ``encoder`` made a tree of over the wire, in memory."""
    data = b"".join(bytes(part) for part in frame({"value": tree}, encoder))
    header, _ = check_prefix(data[: PREFIX.size], DEFAULT_LIMITS)
    split = PREFIX.size + header
    return decode(
        parse_header(data[PREFIX.size : split])["value"], bytearray(data[split:]), DEFAULT_LIMITS, resolve=resolve
    )


def _proxy(value: Any) -> HandleRef | None:
    number = inspect.getattr_static(type(value), "__autograde_handle__", None)
    return None if number is None else number(value)
