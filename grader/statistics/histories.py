"""What a class handed in, attempt after attempt: what statistics are made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from grader.records import Report, Verdict

if TYPE_CHECKING:
    from grader.course import Assignment, Course
    from grader.store import Store


@dataclass(frozen=True, slots=True)
class CheckOutcome:
    """One check of one graded submission; of its report what statistics need."""

    id: str
    title: str
    verdict: Verdict
    score: float
    max_score: float
    message: str
    seconds: float

    @property
    def share(self) -> float:
        """The part of the points that was earned, 0 to 1; 1 where there are none to earn."""
        return self.score / self.max_score if self.max_score else 1.0

    @property
    def full(self) -> bool:
        """Whether nothing is lost."""
        return self.score >= self.max_score


@dataclass(frozen=True, slots=True)
class GradedUpload:
    """One submission with the outcomes of its last grading; ``unstable`` are checks that came out otherwise before."""

    received_at: datetime
    score: float
    max_score: float
    checks: Mapping[str, CheckOutcome]
    unstable: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class History:
    """One student's or team's graded submissions, the first received first."""

    owner: str
    name: str
    uploads: tuple[GradedUpload, ...]

    @property
    def counted(self) -> GradedUpload:
        """The one with most points, the earlier where they tie."""
        return max(self.uploads, key=lambda upload: upload.score)


def upload_of(received_at: datetime, reports: Sequence[Report]) -> GradedUpload | None:
    """A submission with all its gradings, the first first; None while none has a score."""
    scored = [report for report in reports if report.score is not None and not report.held]
    if not scored:
        return None
    last = scored[-1]
    checks = {
        check.id: CheckOutcome(
            check.id, check.title, check.verdict, check.score, check.max_score, check.message, check.seconds
        )
        for check in last.checks
        if check.score is not None
    }
    before = [r for r in scored[:-1] if r.grader_version == last.grader_version and r.profile == last.profile]
    unstable = {
        check.id
        for report in before
        for check in report.checks
        if check.id in checks and check.score is not None and check.score != checks[check.id].score
    }
    return GradedUpload(received_at, last.score or 0.0, last.max_score, checks, frozenset(unstable))


def read_histories(course: Course, assignment: Assignment, store: Store) -> list[History]:
    """Everybody's history, in the order of the roster; who is not on it comes last."""
    names = {owner.id: owner.name for owner in course.roster}
    found: dict[str, list[GradedUpload]] = {}
    for submission in store.submissions(assignment.name):
        reports = [attempt.report for attempt in store.attempts(submission=submission)]
        upload = upload_of(submission.received_at, reports)
        if upload is not None:
            found.setdefault(submission.owner, []).append(upload)
    order = [*(owner for owner in names if owner in found), *(owner for owner in found if owner not in names)]
    return [History(owner, names.get(owner, owner), tuple(found[owner])) for owner in order]
