"""The two kinds of task: grade a submission, and measure a version of the solution."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

from grader.course import grader_version, read_suite
from grader.engine.measurement import Attempted, Plan
from grader.engine.outcomes import CheckSpec, ReportContext
from grader.engine.own_constants import Draws
from grader.errors import RunnerError
from grader.grading.slot import Slot, Work
from grader.records import Report, Verdict
from grader.store import digest_files

#: Priorities: somebody waits for a first report; a new grader version grades again; an author measures a grader.
FRESH, REGRADE, CAMPAIGN = 1, 5, 9


@dataclass(frozen=True, slots=True)
class GradeTask:
    """One submission to grade: relative POSIX path -> content, or the ``problem`` that kept it from being unpacked."""

    kind: ClassVar[str] = "grade"

    key: int
    files: Mapping[str, bytes]
    problem: str | None = None
    seed: int | None = None
    """None for the submission's own, derived from its files."""
    priority: int = FRESH
    only: tuple[str, ...] = ()
    """The checks to run; none for all."""
    draws: Draws | None = None
    """The constants to grade it under; None for the defaults."""

    def ask(self, slot: Slot) -> Report:
        """Grade it.

        Raises:
            RunnerError: the runner died, or does not answer.
        """
        return slot.grade(dict(self.files), self.problem, self.seed, self.key, self.only, self.draws)

    def fault(self, answer: Report) -> str | None:
        """What held the attempt as ``system_error``; None for a report that stands."""
        if answer.verdict is not Verdict.SYSTEM_ERROR:
            return None
        return next((check.staff for check in answer.checks if check.staff), "unknown")

    def give_up(self, work: Work, fault: str) -> Report:
        """The report of a submission that our machinery failed to grade. It scores nothing, which is not zero."""
        specs = [
            CheckSpec(check.id, check.title, check.points, check.hint, check.visibility)
            for check in read_suite(work.assignment.hidden_folder)
            if not self.only or check.id in self.only
        ]
        version = grader_version(work.assignment, work.profile.name)
        constants = dict(self.draws.values) if self.draws else {}
        digest = digest_files(self.files)
        context = ReportContext(work.assignment.name, work.profile.name, version, digest, constants=constants)
        message = "Grading failed for a reason on our side. It will be tried again; it costs you nothing."
        return context.held(specs, message, staff=fault)

    def as_message(self) -> dict[str, Any]:
        """As the protocol says."""
        return {
            "key": self.key,
            "files": dict(self.files),
            "problem": self.problem,
            "seed": self.seed,
            "priority": self.priority,
            "only": self.only,
            "draws": self.draws
            and {"values": dict(self.draws.values), "others": [dict(other) for other in self.draws.others]},
        }

    @classmethod
    def from_message(cls, message: dict[str, Any]) -> Self:
        """As the protocol says."""
        draws = message["draws"] and Draws(message["draws"]["values"], tuple(message["draws"]["others"]))
        return cls(**{**message, "only": tuple(message["only"]), "draws": draws})

    def pack_answer(self, answer: Report) -> Any:
        """As the protocol says."""
        return answer.model_dump(mode="json")

    def unpack_answer(self, packed: Any) -> Report:
        """As the protocol says.

        Raises:
            ValueError: it is no report, or one on other files or under other constants.
        """
        report = Report.model_validate(packed)
        if self.draws is not None and report.constants != dict(self.draws.values):
            raise ValueError("the report is under other constants")
        if report.submission_digest != digest_files(self.files):
            raise ValueError("the report is on other files")
        return report


@dataclass(frozen=True, slots=True)
class MeasureTask:
    """One version of the solution to measure, by what ``plan`` says."""

    kind: ClassVar[str] = "measure"

    key: int
    files: Mapping[str, bytes]
    plan: Plan
    priority: int = CAMPAIGN

    def ask(self, slot: Slot) -> list[Attempted]:
        """Measure it; one result a seed.

        Raises:
            RunnerError: the runner died, or does not answer.
        """
        return slot.measure(dict(self.files), self.plan)

    def fault(self, answer: list[Attempted]) -> str | None:
        """What a check failed on that was ours; None where there is no such check."""
        checks = [check for attempt in answer for check in attempt.checks if check.verdict is Verdict.SYSTEM_ERROR]
        return f"{checks[0].id}: {checks[0].staff}" if checks else None

    def give_up(self, work: Work, fault: str) -> list[Attempted]:
        """There is nothing to say about a version that could not be run.

        Raises:
            RunnerError: always.
        """
        raise RunnerError(f"a version cannot be measured: {fault}", where=work.assignment.name)

    def as_message(self) -> dict[str, Any]:
        """As the protocol says."""
        return {
            "key": self.key,
            "files": dict(self.files),
            "plan": self.plan.model_dump(mode="json"),
            "priority": self.priority,
        }

    @classmethod
    def from_message(cls, message: dict[str, Any]) -> Self:
        """As the protocol says."""
        return cls(**{**message, "plan": Plan.model_validate(message["plan"])})

    def pack_answer(self, answer: list[Attempted]) -> Any:
        """As the protocol says."""
        return [attempted.model_dump(mode="json") for attempted in answer]

    def unpack_answer(self, packed: Any) -> list[Attempted]:
        """As the protocol says."""
        return [Attempted.model_validate(attempted) for attempted in packed]
