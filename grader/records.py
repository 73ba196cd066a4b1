"""The vocabulary as values: verdicts, check results, metrics and the Report of an attempt.

These cross process borders as JSON and outlive the code that wrote them, so they are versioned pydantic models.
Student text (``message``, ``hint``, ``output``) and staff text (``staff``) are separate fields everywhere.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

SCHEMA_VERSION = 1

#: How a staff text begins that says what was measured: no two runs agree on it.
MEASURED = "measured: "


class Verdict(StrEnum):
    """Outcome of a check, or of a whole attempt."""

    ACCEPTED = "accepted"
    PARTIAL = "partial"
    WRONG_ANSWER = "wrong_answer"
    RUNTIME_ERROR = "runtime_error"
    NOT_RUN = "not_run"
    TIME_LIMIT = "time_limit"
    MEMORY_LIMIT = "memory_limit"
    WORKER_DIED = "worker_died"
    PROTOCOL_ERROR = "protocol_error"
    SKIPPED = "skipped"
    GRADER_ERROR = "grader_error"
    SYSTEM_ERROR = "system_error"

    @property
    def held(self) -> bool:
        """True where the fault is ours: the attempt has no score until staff or a retry settles it."""
        return self in (Verdict.GRADER_ERROR, Verdict.SYSTEM_ERROR)


#: From best to worst; the verdict of several cases, or of an attempt, is the worst of its parts.
SEVERITY: tuple[Verdict, ...] = (
    Verdict.ACCEPTED,
    Verdict.SKIPPED,
    Verdict.PARTIAL,
    Verdict.WRONG_ANSWER,
    Verdict.RUNTIME_ERROR,
    Verdict.NOT_RUN,
    Verdict.TIME_LIMIT,
    Verdict.MEMORY_LIMIT,
    Verdict.PROTOCOL_ERROR,
    Verdict.WORKER_DIED,
    Verdict.GRADER_ERROR,
    Verdict.SYSTEM_ERROR,
)


def worst(verdicts: list[Verdict]) -> Verdict:
    """The most severe of ``verdicts``; ``accepted`` when there are none."""
    return max(verdicts, key=SEVERITY.index, default=Verdict.ACCEPTED)


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Metric(_Record):
    """A named number that a check records, with the direction that is better."""

    name: str
    value: float | None = Field(description="None where the number was not finite")
    direction: Literal["higher", "lower"] = "higher"


class Place(_Record):
    """Lines of the student's own code that a message is about."""

    file: str
    line: int = Field(description="the line that it is about, counted from 1")
    first: int = Field(description="number of the first of ``lines``")
    lines: tuple[str, ...] = Field(description="a few lines around it, as they were handed in, long ones cut")
    what: str = Field(default="", description="what the line is: where it raised, or the function that was called")


class CheckResult(_Record):
    """What one check found."""

    id: str = Field(description="the test function's name, unique in the assignment")
    title: str = Field(description="first line of the check's docstring")
    verdict: Verdict
    score: float | None = Field(description="points; None where the check is held for staff")
    max_score: float
    message: str = Field(default="", description="what went wrong, for the student")
    place: Place | None = Field(default=None, description="where in the student's code, if that is known")
    hint: str = Field(default="", description="the author's hint, shown when points were lost")
    output: str = Field(default="", description="what the student's code printed during the check, capped")
    visibility: Literal["visible", "after_due", "hidden"] = "visible"
    seconds: float = Field(default=0.0, description="wall seconds")
    staff: str = Field(default="", description="detail for staff only: traceback of a grader_error, say")


class Report(_Record):
    """An attempt's whole outcome."""

    schema_version: int = SCHEMA_VERSION
    assignment: str
    verdict: Verdict
    score: float | None = Field(description="None while the attempt is held for staff")
    max_score: float
    checks: tuple[CheckResult, ...] = ()
    metrics: dict[str, Metric] = Field(default_factory=dict)
    message: str = Field(default="", description="about the submission as a whole, for the student")
    seed: int
    profile: str
    grader_version: str
    submission_digest: str = Field(description="SHA-256 over the submission's file names and contents")
    environment: dict[str, str] = Field(default_factory=dict, description="versions and isolation layers")
    seconds: float = Field(default=0.0, description="wall seconds of the whole attempt")
    timing: dict[str, float] = Field(default_factory=dict, description="wall seconds by part")
    flags: tuple[str, ...] = Field(
        default=(), description="for staff only: what a person should look at; it costs nothing"
    )

    @property
    def held(self) -> bool:
        """True while the attempt waits for staff or a retry."""
        return self.verdict.held

    def for_student(self) -> Report:
        """The same report without staff text."""
        checks = tuple(check.model_copy(update={"staff": ""}) for check in self.checks)
        return self.model_copy(update={"checks": checks, "flags": ()})

    def timeless(self) -> Report:
        """The same report without durations and what was measured: what two runs must agree on."""
        checks = tuple(
            check.model_copy(update={"seconds": 0.0, "staff": "" if check.staff.startswith(MEASURED) else check.staff})
            for check in self.checks
        )
        return self.model_copy(update={"checks": checks, "seconds": 0.0, "timing": {}})
