"""What a proxy may ask of the run that holds its object: the one thing that handles, tensors and proxies import.

The run itself builds proxies, so they cannot know its class. Whatever keeps this protocol can stand in for it;
``tests/framework/engine/test_remote.py`` is what any implementation must pass.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from grader.engine.contract import Signature


class Remote(Protocol):
    """Objects that live elsewhere, and the names they are found by."""

    @property
    def generation(self) -> int:
        """Number of the process that holds the objects, from 1; 0 while there is none. A handle is of one generation."""

    def ask(self, op: str, *args: Any, ref: bool = False, label: str = "") -> Any:
        """Run an operation on values and handles.

        Args:
            op: one of the operations of grader/sandbox/untrusted/worker_process.py.
            args: its arguments; proxies go as what they stand for.
            ref: ask for a handle, even where the value could cross.
            label: the student's function that it calls. One that ran out of time in two checks is not called again.

        Raises:
            StudentError: the student's code raised.
            WorkerFault: it took too long or too much, broke the protocol, or its process is gone.
            SystemFault: something of ours failed; the attempt does not count.
            WireError: an argument cannot cross, which is the caller's mistake.
        """

    def drop(self, number: int, generation: int) -> None:
        """Forget an object. Never raises: it is called as proxies are collected."""

    def check_generation(self, generation: int) -> None:
        """Make sure that the objects of a generation are still there.

        Raises:
            WorkerFault: their process is gone.
        """

    def touch(self, signature: Signature) -> None:
        """Note that the running case uses a function, class or method of the student's. Never raises."""

    def lookup(self, name: str, *, module: str | None = None, ref: bool = False) -> Any:
        """Find a name in the submission, importing its module where that is needed.

        Raises:
            ContractError: the file was not handed in, breaks a static rule, or does not define the name.
            ImportFailed: the module raised on import, now or in an earlier check.
            WorkerFault: importing it ended the worker.
            SystemFault: something of ours failed.
            AuthoringError: the assignment has no such module.
        """

    def probe(self, name: str) -> Any:
        """A function of the author's probes.

        Raises:
            ProbeError: the probes raised as they were loaded, or have no such name.
            ContractError, ImportFailed: they import a module that cannot be imported.
            WorkerFault, SystemFault: as :meth:`lookup`.
            AuthoringError: the suite has no probes.
        """
