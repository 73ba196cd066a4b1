"""One exception tree. Each error says what went wrong, where (file, line or key) and how to fix it.

All exceptions of the package; a class that is not defined here has its module beside it::

    AutogradeError                  exit code 1 unless a subclass says otherwise
    +-- UsageError                  2: the call or the configuration is wrong
    |   +-- CourseError             the course: unknown key, bad value, missing file
    |   +-- AuthoringError          an assignment's folder: markers, variants.yml, hidden suite
    |   +-- SubmissionError         a submission that cannot be read (broken zip, missing file)
    |   +-- ReleaseError            a bundle that would leak, or that has drifted
    |   +-- UploadRefused           server.hand_in: an upload to the service that was not taken
    +-- MachineError                3: this machine cannot do it
    |   +-- IsolationError          a layer of the sandbox that the course demands is missing
    +-- SystemFault                 1: our own machinery failed; never the student's fault
        +-- StoreError              the result store cannot be read or written
        |   +-- StoreAway           its server cannot be reached at the moment; asked again later it may answer
        +-- RunnerError             a grading process of ours died or answered nonsense
        +-- SandboxFault            sandbox.trusted.worker: the zygote is gone, or a fork could not be confined
            +-- WorkerKilled        sandbox.trusted.worker: somebody else ended or stopped a worker

    StudentFault                    sandbox.faults: has a verdict, and a sentence for the student
    +-- StudentError                sandbox.faults: an exception raised inside the student's code
    |   +-- ProbeError              sandbox.faults: or in the author's probe beside it
    +-- ImportFailed                sandbox.faults: a module of the student's raised while it was imported
    +-- ContractError               sandbox.faults: a missing name, a wrong type, a forbidden import
    |   +-- MissingAttribute        sandbox.faults: an AttributeError too, so that hasattr works on proxies
    |   +-- MissingLength           sandbox.faults: a TypeError too, so that list goes on without a length
    +-- WorkerFault                 sandbox.faults: the worker is gone; the next check gets a fresh one
        +-- TimeLimit               sandbox.faults: it took too long
        +-- MemoryLimit             sandbox.faults: it asked for too much memory
        +-- OutputLimit             sandbox.faults: it printed without end
        +-- WorkerDied              sandbox.faults: os._exit, a segmentation fault
        +-- ProtocolError           sandbox.faults: it wrote something other than answers on the wire

    CheckFailed                     checks.close: an AssertionError with what the diagnosis found
    StudentVisibleError             its message is for the student; the check that it ends is wrong
    +-- PredictionError             data.predictions: a ValueError too: what a student predicted cannot be scored
    PublicTestsFail                 student.part_check: an AssertionError of a check cell in the notebook
    UploadProblem                   intake.filenames: an upload that cannot be unpacked
    WireError                       sandbox.wire.frames: bytes that are no frame, or a value that cannot cross
    SignInNeeded                    server.context: a browser asks for a page before it has signed in
    TooLarge                        server.middleware: a call to the service sends more than is taken
    Stopped                         grading.signals: a KeyboardInterrupt for SIGTERM and SIGHUP
    _Problem                        course.suite: one thing wrong with a suite, collected into an AuthoringError

``StudentFault`` stands apart from ``AutogradeError`` on purpose. An AutogradeError is for whoever runs the command: it
ends the command, with an exit code. A StudentFault is a result: it is caught by the engine, becomes a verdict in a
report, and costs points. Were one a subclass of the other, an `except AutogradeError` around our own machinery would
swallow a student's result, or an `except StudentFault` would grade a failure of ours. The others at the end never reach
either: each is caught in the package that raises it, or, like CheckFailed in pytest, by what runs it.
"""

from __future__ import annotations

from pathlib import Path

#: What ast raises for source that is no Python, too deep or too large.
UNREADABLE = (SyntaxError, ValueError, RecursionError, MemoryError)


class AutogradeError(Exception):
    """Base of every error that Autograde raises on purpose.

    ``what`` says what went wrong, ``where`` names the file, line or key, ``fix`` how to put it right.
    """

    exit_code = 1

    def __init__(self, what: str, *, where: str | Path | None = None, fix: str | None = None) -> None:
        super().__init__(what)
        self.what = what
        self.where = None if where is None else str(where)
        self.fix = fix

    def __str__(self) -> str:
        text = f"{self.where}: {self.what}" if self.where else self.what
        return f"{text}\n  fix: {self.fix}" if self.fix else text

    def as_dict(self) -> dict[str, str | None]:
        """The error as JSON-ready data, for ``--json``."""
        return {"error": type(self).__name__, "what": self.what, "where": self.where, "fix": self.fix}


class StudentVisibleError(Exception):
    """A student's value cannot be used; the message is written for the student.

    Not an AutogradeError: nothing of ours failed. Rooms below the sandbox raise it, which know nothing of verdicts;
    the engine makes it a wrong answer.
    """


class UsageError(AutogradeError):
    """The call or the configuration is wrong."""

    exit_code = 2


class CourseError(UsageError):
    """autograde.yml, or a file that it names, is wrong."""


class AuthoringError(UsageError):
    """An assignment's own files are wrong: markers, variants, hidden suite."""


class SubmissionError(UsageError):
    """A submission cannot be read as one."""


class ReleaseError(UsageError):
    """A release bundle would leak, or differs from what its sources make."""


class MachineError(AutogradeError):
    """The machine cannot do what was asked."""

    exit_code = 3


class IsolationError(MachineError):
    """A sandbox layer that the course demands is missing here."""


class SystemFault(AutogradeError):
    """Our own machinery failed; never the student's fault."""


class StoreError(SystemFault):
    """The result store cannot be read or written."""


class StoreAway(StoreError):
    """The store's server cannot be reached at the moment.

    Where it went away while a transaction was being committed, nobody knows whether that was kept.
    """


class RunnerError(SystemFault):
    """A grading process of ours died, or answered nonsense."""
