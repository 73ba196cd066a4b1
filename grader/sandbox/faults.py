"""What can go wrong on a student's side, as exceptions that carry a verdict and a sentence for the student.

::

    StudentFault                 has .verdict and .message
    +-- StudentError               runtime_error   an exception raised inside the student's code
    |   +-- ProbeError               or in the author's probe beside it, which may be the probe's own fault
    +-- ImportFailed               runtime_error   a module of the student's raised while it was imported
    +-- ContractError              wrong_answer    a missing name, a wrong type, a forbidden import
    |   +-- MissingAttribute
    |   +-- MissingLength
    +-- WorkerFault                the worker is gone; the next check gets a fresh one
        +-- TimeLimit                time_limit
        +-- MemoryLimit              memory_limit
        +-- OutputLimit              runtime_error   it printed without end
        +-- WorkerDied               worker_died     os._exit, a segmentation fault, a kill
        +-- ProtocolError            protocol_error  it wrote something else than answers on the wire
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

from grader.records import Verdict
from grader.text import clean


def clean_text(text: object, limit: int = 2000) -> str:
    """Make hostile text printable, as :func:`grader.text.clean` does, and at most ``limit`` characters of it."""
    return clean(text, limit)


@dataclass(frozen=True, slots=True)
class StudentFrame:
    """One frame of the student's own traceback."""

    file: str
    line: int
    function: str
    text: str


class StudentFault(Exception):
    """Base of everything that is the student's fault."""

    verdict = Verdict.RUNTIME_ERROR
    #: What was measured when a limit was met, for staff.
    staff = ""
    #: What stands behind it and behind others like it, where that is kept.
    cause: object = None

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class StudentError(StudentFault):
    """An exception raised inside the student's code; ``str()`` begins with its type's name."""

    def __init__(self, type_name: str, text: str, frames: tuple[StudentFrame, ...] = ()) -> None:
        self.type_name = type_name
        self.text = text
        self.frames = frames
        super().__init__(f"{type_name}: {text}" if text else type_name)

    def for_student(self) -> str:
        """The exception with the student's own traceback, most recent call last."""
        lines = []
        for frame, same in itertools.groupby(self.frames):
            lines.append(f'  File "{frame.file}", line {frame.line}, in {frame.function}\n    {frame.text}')
            if (count := sum(1 for _ in same)) > 2:  # a function that calls itself
                lines.append(f"  [the same {count - 1} more times]")
            elif count == 2:
                lines.append(lines[-1])
        head = ["Traceback (most recent call last):", *lines] if lines else []
        return "\n".join([*head, self.message])


class ProbeError(StudentError):
    """A probe raised outside the student's code: over its own bug, or over what the student's code gave it."""


class ImportFailed(StudentFault):
    """A module of the student's raised on import. No StudentError: a check that asks for one must not be pleased."""

    def __init__(self, message: str, frames: tuple[StudentFrame, ...] = ()) -> None:
        super().__init__(message)
        self.frames = frames


class ContractError(StudentFault):
    """The submission breaks the contract that the stub states."""

    verdict = Verdict.WRONG_ANSWER


# As of grader.checks.CheckFailed: the summary line of a public test has no room for the module.
ContractError.__module__ = "builtins"


class MissingAttribute(ContractError, AttributeError):
    """An object of the student's lacks an attribute; an AttributeError too, so that ``hasattr`` works on proxies."""


class MissingLength(ContractError, TypeError):
    """An object of the student's has no length; a TypeError too, so that ``list`` goes on without it."""


class WorkerFault(StudentFault):
    """The worker is gone or must go."""

    verdict = Verdict.WORKER_DIED


class TimeLimit(WorkerFault):
    """The student's code took too long.

    ``waited``: by the clock on the wall alone, with processor time left. It slept, or the machine was busy: that is
    found out before it costs anything. ``whole``: what ran out of time had the check's whole time to itself.
    ``label``: what did, where that is known: a function, or a file that was imported.
    """

    verdict = Verdict.TIME_LIMIT

    def __init__(self, message: str, *, waited: bool = False, whole: bool = False, label: str = "") -> None:
        super().__init__(message)
        self.waited = waited
        self.whole = whole
        self.label = label


class MemoryLimit(WorkerFault):
    """The student's code asked for more memory than it may have."""

    verdict = Verdict.MEMORY_LIMIT


class OutputLimit(WorkerFault):
    """The student's code printed more than it may."""

    verdict = Verdict.RUNTIME_ERROR


class WorkerDied(WorkerFault):
    """The student's code ended its process."""

    verdict = Verdict.WORKER_DIED


class ProtocolError(WorkerFault):
    """The worker broke the wire protocol, which honest student code cannot do."""

    verdict = Verdict.PROTOCOL_ERROR
