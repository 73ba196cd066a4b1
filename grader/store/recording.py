"""Attempts as rows: which of them counts, how one is recorded whole, and how a row reads."""

from __future__ import annotations

import math
from datetime import datetime
from typing import Any

from pydantic import ValidationError
from sqlalchemy import ColumnElement, Connection, RowMapping, insert, select, update

from grader.errors import StoreError
from grader.records import Report, Verdict
from grader.store.tables import attempts, checks, metrics, submissions
from grader.store.values import Attempt


def needs_grading(verdicts: list[Verdict]) -> bool:
    """Whether attempts with these verdicts, by one grader version, leave a submission to be graded (again)."""
    if any(not verdict.held for verdict in verdicts):
        return False
    return not verdicts or verdicts[-1] is Verdict.SYSTEM_ERROR


def add(
    connection: Connection,
    submission_id: int,
    report: Report,
    started_at: datetime,
    finished_at: datetime,
    *,
    once: bool,
) -> Attempt:
    """Record an attempt; with ``once``, give the one that is there where it settles the submission.

    An attempt that is not held counts from now on, in place of an earlier one of the same grader version.
    """
    # Whoever records an attempt at the same submission waits here, and then sees ours. SQLite has one writer anyway.
    known = select(submissions.c.id).where(submissions.c.id == submission_id).with_for_update(key_share=True)
    if connection.execute(known).first() is None:
        raise StoreError(f"there is no submission {submission_id}")
    earlier = connection.execute(
        select(attempts.c.id, attempts.c.ordinal, attempts.c.verdict, attempts.c.counts)
        .where(attempts.c.submission_id == submission_id, attempts.c.grader_version == report.grader_version)
        .order_by(attempts.c.ordinal)
    ).all()
    counting = next((row.id for row in earlier if row.counts), None)
    if once and earlier and not needs_grading([Verdict(row.verdict) for row in earlier]):
        return read(connection, attempts.c.id == (counting or earlier[-1].id))[0]
    counts = not report.verdict.held
    if counts and counting is not None:
        connection.execute(update(attempts).where(attempts.c.id == counting).values(counts=False))
    row: dict[str, Any] = {
        "submission_id": submission_id,
        "grader_version": report.grader_version,
        "ordinal": earlier[-1].ordinal + 1 if earlier else 1,
        "profile": report.profile,
        "seed": str(report.seed),
        "verdict": report.verdict.value,
        "score": report.score,
        "max_score": report.max_score,
        "report": report.model_dump_json(),
        "started_at": started_at,
        "finished_at": finished_at,
        "counts": counts,
    }
    row["id"] = connection.execute(insert(attempts).returning(attempts.c.id), row).scalar_one()
    for table, rows in ((checks, _check_rows(report)), (metrics, _metric_rows(report))):
        if rows:
            statement = insert(table)
            if connection.dialect.name == "postgresql":
                # Sent as one statement where something is to come back, and as one for each row otherwise.
                statement = statement.returning(table.c.attempt_id)
            connection.execute(statement, [{"attempt_id": row["id"], **values} for values in rows])
    return _attempt(row, report)


def read(connection: Connection, *where: ColumnElement[bool]) -> list[Attempt]:
    """The attempts for which all of ``where`` holds, in the order in which they were recorded."""
    query = (
        select(attempts)
        .join(submissions, submissions.c.id == attempts.c.submission_id)
        .where(*where)
        .order_by(attempts.c.id)
    )
    return [_attempt(row, read_report(row["id"], row["report"])) for row in connection.execute(query).mappings()]


def read_report(attempt: int, text: str) -> Report:
    """The report of an attempt from its JSON."""
    try:
        return Report.model_validate_json(text)
    except ValidationError as error:
        raise StoreError(
            f"the report of attempt {attempt} cannot be read by this Autograde: {error}", fix="upgrade Autograde"
        ) from error


def _attempt(row: RowMapping | dict[str, Any], report: Report) -> Attempt:
    return Attempt(
        id=row["id"],
        submission_id=row["submission_id"],
        grader_version=row["grader_version"],
        ordinal=row["ordinal"],
        profile=row["profile"],
        seed=int(row["seed"]),
        verdict=Verdict(row["verdict"]),
        score=row["score"],
        max_score=row["max_score"],
        started_at=row["started_at"],
        finished_at=row["finished_at"],
        report=report,
        counts=row["counts"],
    )


def _check_rows(report: Report) -> list[dict[str, object]]:
    return [
        {
            "position": position,
            "check_id": check.id,
            "verdict": check.verdict.value,
            "score": check.score,
            "max_score": check.max_score,
            "seconds": check.seconds,
        }
        for position, check in enumerate(report.checks)
    ]


def _metric_rows(report: Report) -> list[dict[str, object]]:
    return [
        # NaN is no number to SQL; Metric says None, and so do we.
        {
            "name": name,
            "value": metric.value if metric.value is not None and math.isfinite(metric.value) else None,
            "direction": metric.direction,
        }
        for name, metric in report.metrics.items()
    ]
