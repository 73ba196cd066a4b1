"""From the store to the pages: everybody's feedback and the leaderboard of one assignment."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from grader.course import Assignment, Course, course_secret
from grader.reports.explanation import decided, explain
from grader.reports.feedback import FeedbackItem, write_feedback_batch
from grader.reports.leaderboard import LeaderboardEntry, entry_of, write_leaderboard
from grader.store.standings import whose_due

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from grader.store import Store, Submission

#: How many reports are in memory at a time: one with pictures has some ten thousand characters.
_AT_ONCE = 100


def publish_feedback(
    course: Course, assignment: Assignment, store: Store, folder: Path
) -> tuple[Path, list[FeedbackItem]]:
    """Write a page for everybody who has been graded; give the staff's index and what was written.

    Each member of a team has a page, with the team's submission. Of each owner the submission that counts is shown.
    Where no attempt at it has a score yet, its latest one is, so that a held attempt has its page too.
    """
    rows = store.standing(course, assignment, by="student")
    decisions, written = store.decisions(assignment.name), assignment
    assignment = decisions.applied(assignment)
    received: dict[str, list[Submission]] = {}
    for submission in store.submissions(assignment.name):
        received.setdefault(submission.owner, []).append(submission)
    scored = {item.submission_id: item.id for item in store.summaries(assignment.name) if not item.held}
    before = {row.owner: _before(row.submission, received, scored) for row in rows if row.submission is not None}
    reports = store.reports(
        {*(row.latest.id for row in rows if row.latest is not None), *filter(None, before.values())}
    )
    now = datetime.now(UTC)
    from grader.store.ledger import Ledger  # SQLAlchemy comes with it, which only those pay for who open a store

    ledger, limit = Ledger(course, store), assignment.attempt_limit
    limited = limit.capacity is not None or limit.total is not None
    items = [
        FeedbackItem(
            row.owner,
            reports[row.latest.id],
            row.submission.received_at,
            row.marks,
            due_owner=whose_due(row.submission, assignment),
            received_from=row.submission.received_from,
            standing=row,
            steps=explain(row, written, decisions, course.timezone) if decided(row) else (),
            before=reports.get(before[row.owner] or 0),
            attempts_left=ledger.attempts_left(assignment.name, row.owner, now) if limited else None,
        )
        for row in rows
        if row.submission is not None and row.latest is not None
    ]
    return write_feedback_batch(items, course=course, assignment=assignment, folder=folder, now=now), items


def publish_leaderboard(
    course: Course, assignment: Assignment, store: Store, folder: Path
) -> tuple[Path, list[LeaderboardEntry]]:
    """Write the leaderboard of everybody who has handed in; give its page and the entries."""
    secret = course_secret(store.state)
    rows = store.standing(course, assignment)
    entries: list[LeaderboardEntry] = []
    for start in range(0, len(rows), _AT_ONCE):
        part = rows[start : start + _AT_ONCE]
        reports = store.reports(row.attempt.id for row in part if row.attempt is not None)
        for row in part:
            report = reports.get(row.attempt.id) if row.attempt is not None else None
            entry = entry_of(row, secret=secret, report=report)
            if entry is not None:
                entries.append(entry)
    page = write_leaderboard(entries, course=course, assignment=assignment, folder=folder, now=datetime.now(UTC))
    return page, entries


def _before(shown: Submission, received: Mapping[str, Sequence[Submission]], scored: Mapping[int, int]) -> int | None:
    """The attempt at the submission before the one that a page shows; None where no earlier one has a score.

    ``scored`` has the last attempt with a score of each submission, by their ids.
    """
    earlier = [item for item in received[shown.owner] if (item.received_at, item.id) < (shown.received_at, shown.id)]
    return next((scored[item.id] for item in reversed(earlier) if item.id in scored), None)
