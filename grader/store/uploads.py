"""Submissions as rows: what one upload is, when the same files are the same upload, and how a row reads."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from grader.store.tables import AttemptRow, FileRow, SubmissionRow
from grader.store.values import ReceivedFrom, StoredFile, Submission


@dataclass(frozen=True, slots=True)
class Arrival:
    """What is known of an upload beside its files; the fields are those of `Submission`."""

    received_at: datetime
    received_from: ReceivedFrom = ReceivedFrom.UNKNOWN
    source: str = ""
    problem: str | None = None
    left_out: Sequence[tuple[str, str]] = ()
    uploader: str = ""
    members: Sequence[str] = ()
    has_work: bool | None = None


def put(
    session: Session, assignment: str, owner: str, digest: str, files: Sequence[FileRow], arrival: Arrival
) -> tuple[SubmissionRow, bool]:
    """The row of an upload, and whether it is new; ``session`` is one that writes."""
    found = _same(session, assignment, owner, digest, arrival)
    if found is not None:
        _retime(found, arrival)
        return found, False
    row = SubmissionRow(
        assignment=assignment,
        owner=owner,
        received_at=arrival.received_at,
        received_from=arrival.received_from.value,
        digest=digest,
        source=arrival.source,
        problem=arrival.problem,
        left_out=json.dumps([[name, reason] for name, reason in arrival.left_out]),
        uploader=arrival.uploader,
        members=json.dumps(list(arrival.members)),
        has_work=arrival.has_work,
        files=sorted(files, key=lambda file: file.path),
    )
    session.add(row)
    session.flush()
    return row, True


def _same(session: Session, assignment: str, owner: str, digest: str, arrival: Arrival) -> SubmissionRow | None:
    """The row of the same files by the same owner, or by a member before the team was known."""
    query = (
        select(SubmissionRow)
        .where(SubmissionRow.assignment == assignment, SubmissionRow.digest == digest)
        .order_by(SubmissionRow.received_at, SubmissionRow.id)
    )
    mine = session.scalars(query.where(SubmissionRow.owner == owner)).first()
    if mine is not None:
        return mine
    alone = session.scalars(query.where(SubmissionRow.owner.in_(arrival.members))).first()
    if alone is None:
        return None
    graded = session.scalars(select(AttemptRow.id).where(AttemptRow.submission_id == alone.id)).first()
    if graded is not None:
        return None  # what was graded stays whose it was
    alone.owner, alone.members = owner, json.dumps(list(arrival.members))
    alone.uploader = alone.uploader or arrival.uploader
    return alone


def _retime(row: SubmissionRow, arrival: Arrival) -> None:
    """A surer time replaces a less sure one; of two times as sure the earlier counts."""
    before = ReceivedFrom(row.received_from)
    surer = arrival.received_from.surer_than(before)
    equal = arrival.received_from is before
    if surer or (equal and arrival.received_at < row.received_at):
        row.received_at, row.received_from = arrival.received_at, arrival.received_from.value


def read(row: SubmissionRow) -> Submission:
    """The row as a plain value."""
    files = tuple(StoredFile(file.path, file.sha256, file.size) for file in row.files)
    has_work = row.has_work
    if has_work is None:  # of schema 2, or kept by a caller who did not look
        has_work = row.problem is None
    return Submission(
        id=row.id,
        assignment=row.assignment,
        owner=row.owner,
        received_at=row.received_at.astimezone(UTC),
        digest=row.digest,
        source=row.source,
        files=files,
        problem=row.problem,
        received_from=ReceivedFrom(row.received_from),
        left_out=tuple((name, reason) for name, reason in json.loads(row.left_out)),
        uploader=row.uploader,
        members=tuple(json.loads(row.members)),
        has_work=has_work,
    )
