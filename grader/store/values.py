"""What the store hands out: plain frozen values, free of the database session they came from."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
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


class ReceivedFrom(StrEnum):
    """Where the time of a submission came from, the surest first: a surer time replaces a less sure one."""

    GIVEN = "given"
    SERVICE = "service"
    MARK = "mark"
    MEMBERS = "members"
    FILE = "file"
    UNKNOWN = ""

    @property
    def words(self) -> str:
        """The source in words for students and staff."""
        return _WORDS[self]

    def surer_than(self, other: ReceivedFrom) -> bool:
        """True where this source's time is to replace that of ``other``."""
        order = list(ReceivedFrom)
        return order.index(self) < order.index(other)


_WORDS = {
    ReceivedFrom.GIVEN: "as the course's staff gave it",
    ReceivedFrom.SERVICE: "as the service where you handed in recorded it",
    ReceivedFrom.MARK: "from the mark, late or in time, that the service where you handed in wrote",
    ReceivedFrom.MEMBERS: "from the times of the files in the archive",
    ReceivedFrom.FILE: "from the time of the file as it reached the course's staff",
    ReceivedFrom.UNKNOWN: "",
}


@dataclass(frozen=True, slots=True)
class Submission:
    """An immutable upload. ``received_at`` is aware, in UTC; ``problem`` says why it could not be unpacked.

    ``received_from`` says where that time came from. ``left_out`` has what was not taken, each with the reason.
    ``members`` are the students whom it was handed in for, ``uploader`` the one who did; both are empty where that is
    not known. ``has_work`` is False where it has none of the files asked for, and no notebook.
    """

    id: int
    assignment: str
    owner: str
    received_at: datetime
    digest: str
    source: str
    files: tuple[StoredFile, ...]
    problem: str | None = None
    received_from: ReceivedFrom = ReceivedFrom.UNKNOWN
    left_out: tuple[tuple[str, str], ...] = ()
    uploader: str = ""
    members: tuple[str, ...] = ()
    has_work: bool = True


@dataclass(frozen=True, slots=True)
class Attempt:
    """One grading of one submission by one grader version; ``ordinal`` counts them from 1.

    ``counts`` is True for the one, of those by the same grader version, whose score stands.
    """

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
    counts: bool = False

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
