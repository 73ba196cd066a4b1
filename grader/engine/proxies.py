"""What a check sees of a submission: ``student``, its modules, and ``probe``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Protocol

from grader.engine.containers import StudentDict, StudentList
from grader.engine.handles import PROBES, Handle, Method
from grader.engine.remote import Remote
from grader.engine.tensors import RemoteTensor
from grader.sandbox.faults import ContractError
from grader.sandbox.wire import HandleRef, TensorRef

if TYPE_CHECKING:
    import torch

__all__ = [
    "PROBES",
    "Handle",
    "ModuleProxy",
    "Probe",
    "ProbeFunction",
    "RemoteTensor",
    "Student",
    "StudentDict",
    "StudentList",
    "handles_in",
    "proxies",
]


class ModuleProxy:
    """One module of the submission."""

    def __init__(self, remote: Remote, module: str) -> None:
        self._remote, self._module = remote, module

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return self._remote.lookup(name, module=self._module)

    def ref(self, name: str) -> Handle:
        """A handle on a name, even where its value could cross."""
        found = self._remote.lookup(name, module=self._module, ref=True)
        assert isinstance(found, Handle)
        return found


class Student:
    """The submission under test. ``student.NAME`` looks a name up in the assignment's modules."""

    def __init__(self, remote: Remote) -> None:
        self._remote = remote

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return self._remote.lookup(name)

    def module(self, name: str) -> ModuleProxy:
        """One module of the submission, by its name without ``.py``."""
        return ModuleProxy(self._remote, name)

    def ref(self, name: str) -> Handle:
        """A handle on a name, even where its value could cross."""
        found = self._remote.lookup(name, ref=True)
        assert isinstance(found, Handle)
        return found

    def has(self, name: str) -> bool:
        """Whether the submission defines a name."""
        try:
            self._remote.lookup(name)
        except ContractError:
            return False
        return True

    def leaf(self, tensor: torch.Tensor, *, requires_grad: bool = True) -> Any:
        """Put a copy of ``tensor`` into the worker as a leaf; its ``.grad`` can be read after a backward pass."""
        return self._remote.ask("leaf", tensor, requires_grad, ref=not requires_grad)


class Probe:
    """The author's probes, run in the worker beside the student's code."""

    def __init__(self, remote: Remote) -> None:
        self._remote = remote

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return self._remote.probe(name)


class ProbeFunction:
    """A probe of a submission that is graded in several workers: each call runs where its arguments live."""

    def __init__(self, run: SidedRun, name: str) -> None:
        self._run, self._name = run, name

    def __call__(self, *args: Any, **kwargs: Any) -> Any:  # noqa: D102 - it does what the probe does
        return self._run.probe_for(self._name, (args, kwargs))(*args, **kwargs)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and name.endswith("__"):
            raise AttributeError(name)
        return getattr(self._run.probe_for(self._name, ()), name)

    def __autograde_handle__(self) -> HandleRef:
        """What stands for the probe on the wire."""
        found: HandleRef = self._run.probe_for(self._name, ()).__autograde_handle__()
        return found


class SidedRun(Protocol):
    """What a probe needs of a run."""

    def probe_for(self, name: str, arguments: Any) -> Any:
        """The probe, in the worker that holds the first object among ``arguments``."""


def handles_in(value: Any) -> Iterator[Handle]:
    """The handles in a value, however deep in lists, tuples and dicts."""
    if isinstance(value, Handle):
        yield value
    elif isinstance(value, Method):
        yield value.handle
    elif isinstance(value, dict):
        yield from handles_in(tuple(value.values()))
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from handles_in(item)


def proxies(remote: Remote, ref: HandleRef | TensorRef) -> Handle:
    """The proxy for a reference that came over the wire."""
    return RemoteTensor(remote, ref) if isinstance(ref, TensorRef) else Handle(remote, ref)
