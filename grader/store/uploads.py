"""Submissions as rows: what one upload is, when the same files are the same upload, and how a row reads."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, RowMapping, insert, or_, select, update

from grader.store.tables import attempts, files, submissions
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
    connection: Connection, assignment: str, owner: str, digest: str, contents: Sequence[StoredFile], arrival: Arrival
) -> tuple[int, bool]:
    """The id of an upload's row, and whether it is new. ``connection`` is one that writes, alone for that assignment."""
    found = _same(connection, assignment, owner, digest, arrival)
    if found is not None:
        _retime(connection, found, arrival)
        return found["id"], False
    row = {
        "assignment": assignment,
        "owner": owner,
        "received_at": arrival.received_at,
        "received_from": arrival.received_from.value,
        "digest": digest,
        "source": arrival.source,
        "problem": arrival.problem,
        "left_out": json.dumps([[name, reason] for name, reason in arrival.left_out]),
        "uploader": arrival.uploader,
        "members": json.dumps(list(arrival.members)),
        "has_work": arrival.has_work,
    }
    number: int = connection.execute(insert(submissions).returning(submissions.c.id), row).scalar_one()
    if contents:
        connection.execute(
            insert(files),
            [
                {"submission_id": number, "path": file.path, "sha256": file.sha256, "size": file.size}
                for file in contents
            ],
        )
    return number, True


def concerning(owners: Collection[str], students: Collection[str]) -> ColumnElement[bool]:
    """What one of ``owners`` handed in, or anybody for one of ``students``."""
    named = (submissions.c.members.contains(json.dumps(student), autoescape=True) for student in sorted(students))
    return or_(submissions.c.owner.in_(sorted(owners)), *named)


def read(connection: Connection, *where: ColumnElement[bool]) -> list[Submission]:
    """The submissions for which all of ``where`` holds, the first received first."""
    # Two queries, however many there are: the files of all of them come at once.
    kept: dict[int, list[StoredFile]] = {}
    mine = (
        select(files.c.submission_id, files.c.path, files.c.sha256, files.c.size)
        .join(submissions, submissions.c.id == files.c.submission_id)
        .where(*where)
    )
    for number, path, sha256, size in connection.execute(mine):
        kept.setdefault(number, []).append(StoredFile(path, sha256, size))
    rows = connection.execute(select(submissions).where(*where).order_by(submissions.c.received_at, submissions.c.id))
    # Sorted here: engines differ in how they order text.
    return [_read(row, sorted(kept.get(row["id"], ()), key=lambda file: file.path)) for row in rows.mappings()]


def _same(connection: Connection, assignment: str, owner: str, digest: str, arrival: Arrival) -> RowMapping | None:
    """The row of the same files by the same owner, or by a member before the team was known."""
    query = (
        select(submissions)
        .where(submissions.c.assignment == assignment, submissions.c.digest == digest)
        .order_by(submissions.c.received_at, submissions.c.id)
    )
    mine = connection.execute(query.where(submissions.c.owner == owner)).mappings().first()
    if mine is not None or not arrival.members:
        return mine
    alone = connection.execute(query.where(submissions.c.owner.in_(arrival.members))).mappings().first()
    if alone is None:
        return None
    if connection.execute(select(attempts.c.id).where(attempts.c.submission_id == alone["id"])).first() is not None:
        return None  # what was graded stays whose it was
    changes = {
        "owner": owner,
        "members": json.dumps(list(arrival.members)),
        "uploader": alone["uploader"] or arrival.uploader,
    }
    connection.execute(update(submissions).where(submissions.c.id == alone["id"]).values(changes))
    return alone


def _retime(connection: Connection, row: RowMapping, arrival: Arrival) -> None:
    """A surer time replaces a less sure one; of two times as sure the earlier counts."""
    before = ReceivedFrom(row["received_from"])
    surer = arrival.received_from.surer_than(before)
    equal = arrival.received_from is before
    if surer or (equal and arrival.received_at < row["received_at"]):
        connection.execute(
            update(submissions)
            .where(submissions.c.id == row["id"])
            .values(received_at=arrival.received_at, received_from=arrival.received_from.value)
        )


def _read(row: RowMapping, contents: Sequence[StoredFile]) -> Submission:
    """The row as a plain value."""
    has_work = row["has_work"]
    if has_work is None:  # of schema 2, or kept by a caller who did not look
        has_work = row["problem"] is None
    return Submission(
        id=row["id"],
        assignment=row["assignment"],
        owner=row["owner"],
        received_at=row["received_at"],
        digest=row["digest"],
        source=row["source"],
        files=tuple(contents),
        problem=row["problem"],
        received_from=ReceivedFrom(row["received_from"]),
        left_out=_pairs(row["left_out"]),
        uploader=row["uploader"],
        members=tuple(_list(row["members"])),
        has_work=has_work,
    )


def _pairs(text: str) -> tuple[tuple[str, str], ...]:
    return tuple((name, reason) for name, reason in _list(text))


def _list(text: str) -> list[Any]:
    # Empty far more often than not, and a class has thousands.
    return [] if text == "[]" else list(json.loads(text))
