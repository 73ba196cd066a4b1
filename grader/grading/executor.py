"""The seam between what is graded and where: an executor takes tasks and gives each one's result.

Tasks and results are plain values. They hold files as bytes and reports as records, never a path, a socket or a
function of this process, so an executor may send them to another machine. What every executor must keep to is
written in :class:`Executor`, and tests/framework/grading/test_executors.py checks it for each that is installed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, Generic, Protocol, Self, TypeVar, runtime_checkable

from grader.entry_points import Extensions
from grader.grading.slot import Decided, Slot, Work

A_co = TypeVar("A_co", covariant=True)
A = TypeVar("A")

EXECUTORS = Extensions(
    "autograde.executors",
    "executor",
    {
        "local": "grader.grading.local:LocalExecutor",
        "serial": "grader.grading.serial:SerialExecutor",
        "spool": "grader.grading.spool_executor:SpoolExecutor",
        "slurm": "grader.grading.slurm:SlurmExecutor",
        "ray": "grader.grading.ray_executor:RayExecutor",
    },
)


class Task(Protocol[A_co]):
    """One thing to ask of a warm slot. Implementations are frozen dataclasses of plain values.

    To reach a slot in another process a task crosses as a message: a dict of what the wire carries, without ``kind``,
    the name under which its class is found there (entry points ``autograde.tasks``).
    """

    kind: ClassVar[str]

    @property
    def key(self) -> int:
        """The caller's own number for it; a result carries it back."""

    @property
    def priority(self) -> int:
        """0 to 9: where several callers share slots, lower ones go first."""

    def ask(self, slot: Slot) -> A_co:
        """Have the slot's runner do it.

        Raises:
            RunnerError: the runner died, or does not answer.
        """

    def fault(self, answer: Any) -> str | None:
        """What went wrong with an answer that is to be tried again; None for one that stands."""

    def give_up(self, work: Work, fault: str) -> A_co:
        """The answer after the last try failed with ``fault``, for staff.

        Raises:
            RunnerError: there is no answer without a run, and the caller must learn that.
        """

    def as_message(self) -> dict[str, Any]:
        """Its fields as plain values."""

    @classmethod
    def from_message(cls, message: dict[str, Any]) -> Self:
        """The task that :meth:`as_message` describes."""

    def pack_answer(self, answer: Any) -> Any:
        """An answer as plain values."""

    def unpack_answer(self, packed: Any) -> A_co:
        """The answer that :meth:`pack_answer` was given.

        Raises:
            ValueError: it is none to this task.
        """


@dataclass(frozen=True, slots=True)
class Result(Generic[A]):
    """A task's answer. ``seconds`` is wall time over all its ``tries``; ``started_at`` is aware, in UTC."""

    key: int
    answer: A
    started_at: datetime
    seconds: float
    tries: int


class Executor(Protocol):
    """Runs tasks of one :class:`~grader.grading.slot.Work` on warm slots, wherever those are.

    It follows :data:`grader.retry.RETRIES` (``grader.grading.serve`` does that for a slot), and it alone decides about
    processes and places. Only the caller writes the store: an executor needs no access to it.
    """

    def run(self, tasks: Iterable[Task[A]]) -> Iterator[Result[A]]:
        """Run ``tasks``, and give exactly one result for each, in any order, as it is there.

        Tasks are taken from the iterable as slots become free, in the caller's thread, so it may read files lazily. A
        runner that dies costs a task a try and nothing else; a task that kills every runner gets the answer of its
        :meth:`Task.give_up`, and the others are run. A run whose results are not read to the end closes the executor.

        Raises:
            AuthoringError: the hidden suite cannot be collected.
            IsolationError: a machine lacks a sandbox layer that the course demands.
            RunnerError: no runner could be started, time and again; or a task has no answer without a run.
            RuntimeError: the executor is closed.
            Exception: whatever the iterable of tasks raises.
        """

    def close(self) -> None:
        """End every process that it started, at once where tasks are under way. A second call does nothing."""


@runtime_checkable
class Watchable(Protocol):
    """What an executor also offers whose slots are near enough to be watched while they grade. None must."""

    def watch(self, seen: Callable[[int, Decided], None]) -> None:
        """Have ``seen`` called with a task's key and each check as it is decided, from any thread, in order for a task.

        A check may be decided again, where a task is tried again. It must not raise, and it must be quick.
        """


#: Makes an executor of a work and the most slots it may use (None: as it sees fit). It may start them right away.
ExecutorFactory = Callable[[Work, int | None], Executor]


def open_executor(name: str, work: Work, slots: int | None = None) -> Executor:
    """The executor ``name`` for ``work``; the caller closes it.

    Raises:
        UsageError: there is no executor of that name, or its package cannot be imported.
    """
    factory: ExecutorFactory = EXECUTORS.load(name, where="--executor")
    return factory(work, slots)
