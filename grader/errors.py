"""One exception tree. Each error says what went wrong, where (file, line or key) and how to fix it.

::

    AutogradeError                 exit code 1 unless a subclass says otherwise
    +-- UsageError                 2  the call or the configuration is wrong
    |   +-- CourseError               autograde.yml: unknown key, bad value, missing file
    |   +-- AuthoringError            an assignment folder: markers, variants.yml, hidden suite
    |   +-- SubmissionError           a submission that cannot be read (broken zip, missing file)
    |   +-- ReleaseError              a bundle that would leak, or that has drifted
    +-- MachineError               3  this machine cannot do it
    |   +-- IsolationError            a required sandbox layer is missing
    +-- SystemFault                1  our own machinery failed; never the student's fault
        +-- StoreError                the result store cannot be read or written
        +-- RunnerError               a grading process of ours died or answered nonsense
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


class RunnerError(SystemFault):
    """A grading process of ours died, or answered nonsense."""
