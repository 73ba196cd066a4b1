"""What a check sees of a submission: proxies for the modules, objects and live tensors that stay in the worker."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, ClassVar

from grader.engine.contract import Signature, fulfil
from grader.sandbox.faults import ContractError, MissingAttribute, MissingLength, ProbeError, StudentError
from grader.sandbox.wire import HandleRef, TensorRef

if TYPE_CHECKING:
    import torch

    from grader.engine.run import SubmissionRun


#: The module that signatures of probes name; no file of an assignment does.
PROBES = "<probes>"


class StudentDict(dict[str, Any]):
    """A dict that came from a student: a key that is missing is the student's mistake, not the check's."""

    def __missing__(self, key: str) -> Any:
        have = ", ".join(repr(k) for k in list(self)[:12]) or "nothing"
        raise ContractError(f"A dict that your code returned has no key {key!r:.80}; it has {have}.")


class StudentList(list[Any]):
    """A list that came from a student; an item that is missing is the student's mistake."""

    def __getitem__(self, index: Any) -> Any:
        try:
            return super().__getitem__(index)
        except IndexError:
            raise ContractError(
                f"A list that your code returned has {len(self)} items; item {index} was needed."
            ) from None


class Handle:
    """An object that stays in the worker. Call it, read and set attributes, index it, iterate over it, pass it on."""

    __slots__ = ("_generation", "_number", "_run", "_signature", "type_name")

    def __init__(self, run: SubmissionRun, ref: HandleRef, signature: Signature | None = None) -> None:
        object.__setattr__(self, "_run", run)
        object.__setattr__(self, "_number", ref.id)
        object.__setattr__(self, "_generation", run.generation)
        object.__setattr__(self, "_signature", signature)
        object.__setattr__(self, "type_name", ref.type_name)

    def __autograde_handle__(self) -> HandleRef:
        """What stands for the object on the wire."""
        self._run.check_generation(self._generation)
        return HandleRef(self._number, "")

    def __call__(self, *args: Any, **kwargs: Any) -> Any:  # noqa: D102 - it does what the object does
        signature: Signature | None = self._signature
        try:
            value = self._run.ask("call", self, list(args), kwargs, label=signature.name if signature else "")
        except StudentError as error:
            if signature is not None and signature.module == PROBES and not error.frames:
                raise ProbeError(error.type_name, error.text) from None
            raise
        if signature is None:
            return value
        if signature.is_class:
            if isinstance(value, Handle):
                object.__setattr__(value, "_signature", _instance(signature))
            return value
        return fulfil(value, signature)

    def __getattr__(self, name: str) -> Any:
        if (name.startswith("__") and name.endswith("__")) or name in Handle.__slots__:
            raise AttributeError(name)
        signature: Signature | None = self._signature
        if signature is not None and not signature.is_class and name in signature.methods:
            return Method(self, name, signature.methods[name])
        return _attribute(self, name, ref=False)

    def __setattr__(self, name: str, value: Any) -> None:
        self._run.ask("setattr", self, name, value)

    def ref(self, name: str) -> Handle:
        """A handle on an attribute, even where its value could cross: ``net.ref("params")["W1"] = array``."""
        found = _attribute(self, name, ref=True)
        assert isinstance(found, Handle)
        return found

    def has(self, name: str) -> bool:
        """Whether the object has an attribute of that name."""
        return bool(self._run.ask("hasattr", self, name))

    def fetch(self) -> Any:
        """The object's value now; a handle again where it cannot cross."""
        return self._run.ask("fetch", self)

    def __getitem__(self, key: Any) -> Any:
        return self._run.ask("getitem", self, key)

    def __setitem__(self, key: Any, value: Any) -> None:
        self._run.ask("setitem", self, key, value)

    def __len__(self) -> int:
        try:
            return int(self._run.ask("len", self))
        except StudentError as error:
            if error.type_name == "TypeError" and not error.frames:
                raise MissingLength(f"Your {self.type_name} has no length.") from None
            raise

    def __iter__(self) -> Iterator[Any]:
        return iter(self._run.ask("list", self))

    def __bool__(self) -> bool:
        return True

    def __repr__(self) -> str:
        return f"<{self.type_name} in the worker>"

    def __del__(self) -> None:
        self._run.drop(self._number, self._generation)


def _instance(signature: Signature) -> Signature:
    """The signature of an instance of a class: its methods, and what calling it (``forward``) returns."""
    call = signature.methods.get("forward") or signature.methods.get("__call__")
    return Signature(
        call.name if call else signature.name, signature.module, call.returns if call else None, signature.methods
    )


def _attribute(handle: Handle, name: str, *, ref: bool) -> Any:
    try:
        return handle._run.ask("getattr", handle, name, ref=ref)  # noqa: SLF001 - same module
    except StudentError as error:
        if error.type_name == "AttributeError" and not error.frames:
            raise MissingAttribute(f"Your {handle.type_name} has no attribute or method `{name}`.") from None
        raise


class Method:
    """A method of a handle that the stub has a signature for; one round trip a call."""

    __slots__ = ("_handle", "_name", "_signature")

    def __init__(self, handle: Handle, name: str, signature: Signature) -> None:
        self._handle, self._name, self._signature = handle, name, signature

    def __autograde_handle__(self) -> HandleRef:
        """What stands for the bound method on the wire."""
        found: HandleRef = _attribute(self._handle, self._name, ref=True).__autograde_handle__()
        return found

    def __call__(self, *args: Any, **kwargs: Any) -> Any:  # noqa: D102 - it does what the method does
        handle = self._handle
        try:
            value = handle._run.ask("method", handle, self._name, list(args), kwargs, label=self._signature.name)  # noqa: SLF001
        except StudentError as error:
            if error.type_name == "AttributeError" and not error.frames:
                raise MissingAttribute(f"Your {handle.type_name} has no method `{self._name}`.") from None
            raise
        return fulfil(value, self._signature)


class RemoteTensor(Handle):
    """A tensor that requires grad: a live tensor in the worker, with its value here.

    In torch functions and arithmetic it is its detached value. ``.shape``, ``.dtype`` and reading are local; any other
    attribute or method (``.sum()``, ``.backward()``, ``.grad``) runs in the worker.
    """

    __slots__ = ("value",)

    requires_grad: ClassVar[bool] = True

    def __init__(self, run: SubmissionRun, ref: TensorRef) -> None:
        super().__init__(run, ref.handle)
        object.__setattr__(self, "value", ref.value)

    @classmethod
    def __torch_function__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return func(*_local(args), **_local(kwargs or {}))

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        array = self.value.numpy()
        return array if dtype is None else array.astype(dtype)

    def __getitem__(self, key: Any) -> Any:
        return self.value[key]

    def __len__(self) -> int:
        return len(self.value)

    def __iter__(self) -> Iterator[Any]:
        return iter(self.value)

    def __float__(self) -> float:
        return float(self.value)

    def __repr__(self) -> str:
        return f"<Tensor {tuple(self.value.shape)} in the worker>"


def _local(value: Any) -> Any:
    if isinstance(value, RemoteTensor):
        return value.value
    if isinstance(value, (list, tuple)):
        return type(value)(_local(item) for item in value)
    if isinstance(value, dict):
        return {key: _local(item) for key, item in value.items()}
    return value


def _forward(name: str) -> Callable[..., Any]:
    function = getattr(operator, name.strip("_"), None)

    def binary(self: RemoteTensor, other: Any) -> Any:
        return function(self.value, _local(other))  # type: ignore[misc]

    return binary


def _reflected(name: str) -> Callable[..., Any]:
    function = getattr(operator, name)

    def binary(self: RemoteTensor, other: Any) -> Any:
        return function(_local(other), self.value)

    return binary


for _name in ("add", "sub", "mul", "truediv", "floordiv", "matmul", "pow", "mod"):
    setattr(RemoteTensor, f"__{_name}__", _forward(_name))
    setattr(RemoteTensor, f"__r{_name}__", _reflected(_name))
for _name in ("lt", "le", "gt", "ge", "eq", "ne"):
    setattr(RemoteTensor, f"__{_name}__", _forward(_name))
RemoteTensor.__hash__ = object.__hash__  # type: ignore[method-assign]


def _unary(name: str) -> Callable[..., Any]:
    function = getattr(operator, name)
    return lambda self: function(self.value)


def _local_method(name: str) -> Callable[..., Any]:
    return lambda self, *args: getattr(self.value, name)(*args)


for _name in ("neg", "abs"):
    setattr(RemoteTensor, f"__{_name}__", _unary(_name))
for _name in ("shape", "dtype", "ndim"):
    setattr(RemoteTensor, _name, property(operator.attrgetter(f"value.{_name}")))
for _name in ("size", "dim", "numel", "item", "tolist", "numpy", "detach", "element_size"):
    setattr(RemoteTensor, _name, _local_method(_name))


class ModuleProxy:
    """One module of the submission."""

    def __init__(self, run: SubmissionRun, module: str) -> None:
        self._run, self._module = run, module

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return self._run.lookup(name, module=self._module)

    def ref(self, name: str) -> Handle:
        """A handle on a name, even where its value could cross."""
        found = self._run.lookup(name, module=self._module, ref=True)
        assert isinstance(found, Handle)
        return found


class Student:
    """The submission under test. ``student.NAME`` looks a name up in the assignment's modules."""

    def __init__(self, run: SubmissionRun) -> None:
        self._run = run

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return self._run.lookup(name)

    def module(self, name: str) -> ModuleProxy:
        """One module of the submission, by its name without ``.py``."""
        return ModuleProxy(self._run, name)

    def ref(self, name: str) -> Handle:
        """A handle on a name, even where its value could cross."""
        found = self._run.lookup(name, ref=True)
        assert isinstance(found, Handle)
        return found

    def has(self, name: str) -> bool:
        """Whether the submission defines a name."""
        try:
            self._run.lookup(name)
        except ContractError:
            return False
        return True

    def leaf(self, tensor: torch.Tensor, *, requires_grad: bool = True) -> Any:
        """Put a copy of ``tensor`` into the worker as a leaf; its ``.grad`` can be read after a backward pass."""
        return self._run.ask("leaf", tensor, requires_grad, ref=not requires_grad)


class Probe:
    """The author's probes, run in the worker beside the student's code."""

    def __init__(self, run: SubmissionRun) -> None:
        self._run = run

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return self._run.probe(name)


def proxies(run: SubmissionRun, ref: HandleRef | TensorRef) -> Handle:
    """The proxy for a reference that came over the wire."""
    return RemoteTensor(run, ref) if isinstance(ref, TensorRef) else Handle(run, ref)
