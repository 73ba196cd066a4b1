"""What the store hands out: plain frozen values, free of the database session they came from."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from grader.records import Report, Verdict


@dataclass(frozen=True, slots=True)
class StoredFile:
    """One file of a submission: its relative POSIX path, the SHA-256 of its content, its size in bytes."""

    path: str
    sha256: str
    size: int


@dataclass(frozen=True, slots=True)
class Submission:
    """An immutable upload. ``received_at`` is aware, in UTC; ``problem`` says why it could not be unpacked."""

    id: int
    assignment: str
    owner: str
    received_at: datetime
    digest: str
    source: str
    files: tuple[StoredFile, ...]
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class Attempt:
    """One grading of one submission by one grader version; ``ordinal`` counts them from 1."""

    id: int
    submission_id: int
    grader_version: str
    ordinal: int
    profile: str
    seed: int
    verdict: Verdict
    score: float | None
    max_score: float
    started_at: datetime
    finished_at: datetime
    report: Report = field(repr=False)

    @property
    def held(self) -> bool:
        """True while the attempt waits for staff or a retry, and so has no score."""
        return self.verdict.held


@dataclass(frozen=True, slots=True)
class Mark:
    """What a person gave a student for one written question, or in place of a check's score.

    ``points`` is None where the mark was taken back. ``extra`` is extra credit. ``marker`` is who, ``marked_at`` when
    (aware, in UTC); ``submission_id`` is the upload that was looked at, where that is known.
    """

    assignment: str
    student: str
    question: str
    points: float | None
    extra: float
    comment: str
    marker: str
    marked_at: datetime
    submission_id: int | None = None
