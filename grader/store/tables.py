"""The tables. Reports are kept whole, as JSON; checks and metrics are kept again as rows, for queries."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import Dialect, ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship
from sqlalchemy.types import DateTime, TypeDecorator


class UtcDateTime(TypeDecorator[datetime]):
    """Aware datetimes, kept as naive UTC because SQLite knows no zones."""

    impl = DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Refuse naive times: nobody could tell later what they meant."""
        del dialect
        if value is not None and value.tzinfo is None:
            raise ValueError("a time without a timezone")
        return None if value is None else value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Give the zone back."""
        del dialect
        return None if value is None else value.replace(tzinfo=UTC)


class Base(DeclarativeBase):
    """Base of all tables."""


class SubmissionRow(Base):
    """One upload. The same files by the same owner are the same upload.

    ``received_from`` says where the time came from, ``left_out`` lists what was not taken (JSON: pairs of name and
    reason), ``members`` the students whom it was handed in for (JSON), ``uploader`` who of them did. ``has_work`` is
    false where it has none of the files asked for, and no notebook. All of them are unknown for uploads of schema 2.
    """

    __tablename__ = "submissions"
    __table_args__ = (UniqueConstraint("assignment", "owner", "received_at", "digest"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    assignment: Mapped[str] = mapped_column(String(200), index=True)
    owner: Mapped[str] = mapped_column(String(200))
    received_at: Mapped[datetime] = mapped_column(UtcDateTime)
    digest: Mapped[str] = mapped_column(String(64))
    source: Mapped[str] = mapped_column(Text, default="")
    problem: Mapped[str | None] = mapped_column(Text)
    received_from: Mapped[str] = mapped_column(String(40), default="", server_default="")
    left_out: Mapped[str] = mapped_column(Text, default="[]", server_default="[]")
    uploader: Mapped[str] = mapped_column(String(200), default="", server_default="")
    members: Mapped[str] = mapped_column(Text, default="[]", server_default="[]")
    has_work: Mapped[bool | None]
    files: Mapped[list[FileRow]] = relationship(order_by="FileRow.path", lazy="selectin")


class FileRow(Base):
    """One file of a submission; its content is the blob of that hash."""

    __tablename__ = "files"

    submission_id: Mapped[int] = mapped_column(ForeignKey("submissions.id"), primary_key=True)
    path: Mapped[str] = mapped_column(Text, primary_key=True)
    sha256: Mapped[str] = mapped_column(String(64))
    size: Mapped[int]


class AttemptRow(Base):
    """One grading."""

    __tablename__ = "attempts"
    __table_args__ = (UniqueConstraint("submission_id", "grader_version", "ordinal"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    submission_id: Mapped[int] = mapped_column(ForeignKey("submissions.id"), index=True)
    grader_version: Mapped[str] = mapped_column(String(64))
    ordinal: Mapped[int]
    profile: Mapped[str] = mapped_column(String(200))
    # Text: a seed may use all 64 bits, and SQL integers are signed.
    seed: Mapped[str] = mapped_column(String(40))
    verdict: Mapped[str] = mapped_column(String(40))
    score: Mapped[float | None]
    max_score: Mapped[float]
    report: Mapped[str] = mapped_column(Text)
    started_at: Mapped[datetime] = mapped_column(UtcDateTime)
    finished_at: Mapped[datetime] = mapped_column(UtcDateTime)
    checks: Mapped[list[CheckRow]] = relationship(order_by="CheckRow.position")
    metrics: Mapped[list[MetricRow]] = relationship(order_by="MetricRow.name")


class CheckRow(Base):
    """What one check of an attempt found."""

    __tablename__ = "checks"

    attempt_id: Mapped[int] = mapped_column(ForeignKey("attempts.id"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    check_id: Mapped[str] = mapped_column(String(200))
    verdict: Mapped[str] = mapped_column(String(40))
    score: Mapped[float | None]
    max_score: Mapped[float]
    seconds: Mapped[float]

    __table_args__ = (Index("ix_checks_check_id", "check_id"),)


class MetricRow(Base):
    """One metric of an attempt."""

    __tablename__ = "metrics"

    attempt_id: Mapped[int] = mapped_column(ForeignKey("attempts.id"), primary_key=True)
    name: Mapped[str] = mapped_column(String(200), primary_key=True)
    value: Mapped[float | None]
    direction: Mapped[str] = mapped_column(String(10))


class MarkRow(Base):
    """What a person gave for a written question. Rows are added, never changed: the last one counts."""

    __tablename__ = "marks"
    __table_args__ = (Index("ix_marks_place", "assignment", "student", "question"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    assignment: Mapped[str] = mapped_column(String(200))
    student: Mapped[str] = mapped_column(String(200))
    question: Mapped[str] = mapped_column(String(200))
    points: Mapped[float | None]
    extra: Mapped[float] = mapped_column(default=0.0)
    comment: Mapped[str] = mapped_column(Text, default="")
    marker: Mapped[str] = mapped_column(String(200))
    marked_at: Mapped[datetime] = mapped_column(UtcDateTime)
    submission_id: Mapped[int | None] = mapped_column(ForeignKey("submissions.id"))
