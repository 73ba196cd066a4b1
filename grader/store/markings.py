"""Marks as rows: what a person gave, added and never changed."""

from __future__ import annotations

from sqlalchemy import Connection, RowMapping, insert, select

from grader.store.tables import marks
from grader.store.values import Mark


def put(connection: Connection, mark: Mark) -> bool:
    """Keep ``mark``; False where it says what the last one for that student and question says already."""
    row = (
        connection.execute(
            select(marks)
            .where(
                marks.c.assignment == mark.assignment,
                marks.c.student == mark.student,
                marks.c.question == mark.question,
            )
            .order_by(marks.c.id.desc())
            .limit(1)
        )
        .mappings()
        .first()
    )
    if row is None and mark.points is None and not mark.extra and not mark.comment:
        return False
    if row is not None and _said(_mark(row)) == _said(mark):
        return False
    connection.execute(
        insert(marks),
        {
            "assignment": mark.assignment,
            "student": mark.student,
            "question": mark.question,
            "points": mark.points,
            "extra": mark.extra,
            "comment": mark.comment,
            "marker": mark.marker,
            "marked_at": mark.marked_at,
            "submission_id": mark.submission_id,
        },
    )
    return True


def read(connection: Connection, assignment: str) -> dict[str, dict[str, Mark]]:
    """The last mark for each question, by student and question."""
    found: dict[str, dict[str, Mark]] = {}
    rows = connection.execute(select(marks).where(marks.c.assignment == assignment).order_by(marks.c.id))
    for row in rows.mappings():
        found.setdefault(row["student"], {})[row["question"]] = _mark(row)
    return found


def _mark(row: RowMapping) -> Mark:
    return Mark(
        assignment=row["assignment"],
        student=row["student"],
        question=row["question"],
        points=row["points"],
        extra=row["extra"],
        comment=row["comment"],
        marker=row["marker"],
        marked_at=row["marked_at"],
        submission_id=row["submission_id"],
    )


def _said(mark: Mark) -> tuple[float | None, float, str]:
    return mark.points, mark.extra, mark.comment
