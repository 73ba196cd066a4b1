"""An attempt graded once more, at its own seed and without the store, and what is other than in its report."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from grader.course import Course, course_secret, grader_version
from grader.errors import StoreError
from grader.grading.class_constants import ClassConstants
from grader.grading.executor import open_executor
from grader.grading.slot import Work
from grader.grading.tasks import GradeTask
from grader.records import Constants, Report

if TYPE_CHECKING:
    from grader.store import Attempt, Store, Submission


@dataclass(frozen=True, slots=True)
class Replayed:
    """An attempt, the report of today on the same files and seed, and in words what differs; nothing where none does.

    ``circumstances`` are what may be why: another grader version, other software.
    """

    attempt: Attempt
    submission: Submission
    report: Report
    differences: tuple[str, ...]
    circumstances: tuple[str, ...]

    @property
    def same(self) -> bool:
        """Whether the report came out as it was, but for durations."""
        return not self.differences


def replay(course: Course, store: Store, attempt_id: int, *, executor: str = "local") -> Replayed:
    """Grade an attempt's submission again as it was graded then. Nothing is recorded.

    Raises:
        StoreError: there is no such attempt, or its files are damaged.
        CourseError: its assignment or profile is no longer in the course.
        AutogradeError: grading cannot begin.
    """
    found = store.attempts(number=attempt_id)
    if not found:
        raise StoreError(
            f"there is no attempt {attempt_id}",
            fix="`autograde grade NAME --json` has the numbers of those that it makes",
        )
    attempt = found[0]
    submission = store.submission(attempt.submission_id)
    assignment = course.assignment(submission.assignment)
    work = Work(course, assignment, assignment.profile(attempt.profile), store.state)
    course_secret(store.state)
    constants = ClassConstants.read(course, assignment, store.state)
    draws = constants.draws(attempt.report.constants)  # those of then
    task = GradeTask(attempt_id, store.files(submission), submission.problem, seed=attempt.report.seed, draws=draws)
    with contextlib.closing(open_executor(executor, work, 1)) as running:
        (result,) = running.run([task])
    report = constants.flagged(submission.owner, result.answer)
    version = grader_version(assignment, attempt.profile)
    return Replayed(
        attempt,
        submission,
        report,
        tuple(_differences(attempt.report.timeless(), report.timeless())),
        (
            *_circumstances(attempt.report, report, version),
            *_other_constants(attempt.report.constants, constants.values(submission)),
        ),
    )


def _other_constants(then: Constants, now: Constants) -> Iterator[str]:
    if then != now:
        yield f"graded under the constants {_named(then)}; whoever handed it in would have {_named(now)} now"


def _named(values: Constants) -> str:
    return ", ".join(f"{name} = {value!r}" for name, value in values.items()) or "of nobody, before there were any"


def _differences(before: Report, after: Report) -> Iterator[str]:
    """Where two reports say otherwise, versions and software aside."""
    was = {check.id: check for check in before.checks}
    now = {check.id: check for check in after.checks}
    yield from (f"{name}: this check is gone" for name in was if name not in now)
    yield from (f"{name}: this check is new" for name in now if name not in was)
    for name in (name for name in was if name in now):
        fields = type(was[name]).model_fields
        for field in (field for field in fields if field != "id"):
            old, new = getattr(was[name], field), getattr(now[name], field)
            if old != new:
                yield f"{name}: {field}: {_short(old)} -> {_short(new)}"
    for name in sorted(before.metrics.keys() | after.metrics.keys()):
        if before.metrics.get(name) != after.metrics.get(name):
            yield f"metric {name}: {_value(before, name)} -> {_value(after, name)}"
    for field in ("verdict", "score", "max_score", "message", "flags", "seed", "submission_digest"):
        if getattr(before, field) != getattr(after, field):
            yield f"{field}: {_short(getattr(before, field))} -> {_short(getattr(after, field))}"


def _circumstances(before: Report, after: Report, version: str) -> Iterator[str]:
    if before.grader_version != version:
        yield f"graded by version {before.grader_version}, and now by {version}: suite, solution or configuration changed"
    for name in sorted(before.environment.keys() | after.environment.keys()):
        old, new = before.environment.get(name, "none"), after.environment.get(name, "none")
        if old != new:
            yield f"{name}: {old}, and now {new}"


def _value(report: Report, name: str) -> str:
    metric = report.metrics.get(name)
    return "none" if metric is None else f"{metric.value}"


def _short(value: object) -> str:
    text = str(value)
    return repr(text if len(text) <= 100 else f"{text[:100]}...") if isinstance(value, str) else text
