"""Handles: objects that stay in the worker and can be used from here."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Self

from grader.engine.contract import Signature, fulfil, misfit
from grader.engine.remote import Remote
from grader.sandbox.faults import MissingAttribute, MissingLength, ProbeError, StudentError
from grader.sandbox.wire import HandleRef

#: The module that signatures of probes name; no file of an assignment does.
PROBES = "<probes>"


class Handle:
    """An object that stays in the worker. Call it, read and set attributes, index it, iterate over it, pass it on."""

    __slots__ = ("_generation", "_number", "_remote", "_signature", "type_name")

    def __init__(self, remote: Remote, ref: HandleRef, signature: Signature | None = None) -> None:
        object.__setattr__(self, "_remote", remote)
        object.__setattr__(self, "_number", ref.id)
        object.__setattr__(self, "_generation", remote.generation)
        object.__setattr__(self, "_signature", signature)
        object.__setattr__(self, "type_name", ref.type_name)

    def with_signature(self, signature: Signature) -> Self:
        """Hold the object to what the stub says of it. Gives the handle itself: two would drop the object twice."""
        object.__setattr__(self, "_signature", signature)
        return self

    def __autograde_handle__(self) -> HandleRef:
        """What stands for the object on the wire."""
        self._remote.check_generation(self._generation)
        return HandleRef(self._number, "")

    def __autograde_lives_on__(self, remote: object) -> bool:
        """Whether the object is held by ``remote``."""
        return self._remote is remote

    def __call__(self, *args: Any, **kwargs: Any) -> Any:  # noqa: D102 - it does what the object does
        signature: Signature | None = self._signature
        if signature is not None:
            self._remote.touch(signature)
        try:
            value = self._remote.ask("call", self, list(args), kwargs, label=signature.name if signature else "")
        except StudentError as error:
            if signature is not None and signature.module == PROBES and not error.frames:
                raise ProbeError(error.type_name, error.text) from None
            raise misfit(error, signature) from None
        if signature is None:
            return value
        if signature.is_class:
            if isinstance(value, Handle):
                value.with_signature(_instance(signature))
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
        self._remote.ask("setattr", self, name, value)

    def ref(self, name: str) -> Handle:
        """A handle on an attribute, even where its value could cross: ``net.ref("params")["W1"] = array``."""
        found = _attribute(self, name, ref=True)
        assert isinstance(found, Handle)
        return found

    def has(self, name: str) -> bool:
        """Whether the object has an attribute of that name."""
        return bool(self._remote.ask("hasattr", self, name))

    def fetch(self) -> Any:
        """The object's value now; a handle again where it cannot cross."""
        return self._remote.ask("fetch", self)

    def __autograde_ask__(self, op: str, *args: Any, ref: bool = False) -> Any:
        """Run an operation of the worker's on any values, for what the checks' own helpers look at."""
        return self._remote.ask(op, *args, ref=ref)

    def __autograde_signature__(self) -> Signature | None:
        """What the stub says of it."""
        found: Signature | None = self._signature
        return found

    def __getitem__(self, key: Any) -> Any:
        return self._remote.ask("getitem", self, key)

    def __setitem__(self, key: Any, value: Any) -> None:
        self._remote.ask("setitem", self, key, value)

    def __len__(self) -> int:
        try:
            return int(self._remote.ask("len", self))
        except StudentError as error:
            if error.type_name == "TypeError" and not error.frames:
                raise MissingLength(f"Your {self.type_name} has no length.") from None
            raise

    def __iter__(self) -> Iterator[Any]:
        return iter(self._remote.ask("list", self))

    def __bool__(self) -> bool:
        return True

    def __repr__(self) -> str:
        return f"<{self.type_name} in the worker>"

    def __del__(self) -> None:
        self._remote.drop(self._number, self._generation)


def _instance(signature: Signature) -> Signature:
    """The signature of an instance of a class: its methods, and what calling it (``forward``) returns."""
    call = signature.methods.get("forward") or signature.methods.get("__call__")
    return Signature(
        call.name if call else signature.name,
        signature.module,
        call.returns if call else None,
        signature.methods,
        arguments=call.arguments if call else None,
    )


def _attribute(handle: Handle, name: str, *, ref: bool) -> Any:
    try:
        return handle._remote.ask("getattr", handle, name, ref=ref)  # noqa: SLF001 - same module
    except StudentError as error:
        if error.type_name == "AttributeError" and not error.frames:
            raise MissingAttribute(f"Your {handle.type_name} has no attribute or method `{name}`.") from None
        raise


class Method:
    """A method of a handle that the stub has a signature for; one round trip a call."""

    __slots__ = ("_handle", "_name", "_signature")

    def __init__(self, handle: Handle, name: str, signature: Signature) -> None:
        self._handle, self._name, self._signature = handle, name, signature

    @property
    def handle(self) -> Handle:
        """The object whose method it is."""
        return self._handle

    def __autograde_handle__(self) -> HandleRef:
        """What stands for the bound method on the wire."""
        found: HandleRef = _attribute(self._handle, self._name, ref=True).__autograde_handle__()
        return found

    def __autograde_ask__(self, op: str, *args: Any, ref: bool = False) -> Any:
        """Run an operation of the worker's on any values, for what the checks' own helpers look at."""
        return self._handle.__autograde_ask__(op, *args, ref=ref)

    def __autograde_signature__(self) -> Signature | None:
        """What the stub says of it."""
        return self._signature

    def __call__(self, *args: Any, **kwargs: Any) -> Any:  # noqa: D102 - it does what the method does
        handle = self._handle
        handle._remote.touch(self._signature)  # noqa: SLF001 - same module
        try:
            value = handle._remote.ask("method", handle, self._name, list(args), kwargs, label=self._signature.name)  # noqa: SLF001
        except StudentError as error:
            if error.type_name == "AttributeError" and not error.frames:
                raise MissingAttribute(f"Your {handle.type_name} has no method `{self._name}`.") from None
            raise misfit(error, self._signature) from None
        return fulfil(value, self._signature)
