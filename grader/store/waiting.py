"""What waits to be graded, without its files: what a queue is made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, exists, select

from grader.records import Verdict
from grader.store.decision_rows import wanted_regrades
from grader.store.recording import needs_grading
from grader.store.tables import attempts, submissions


@dataclass(frozen=True, slots=True)
class Waiting:
    """A submission that the current grader version has yet to grade.

    ``regrade`` is True where an earlier version has graded it: nobody waits for the first word on it. ``asked`` is True
    where this version has, too, and staff want it graded once more: that attempt will count in place of the earlier one.
    ``faults`` counts the attempts that failed for a reason of ours, the last of which ended at ``failed_at``.
    """

    submission_id: int
    assignment: str
    owner: str
    received_at: datetime
    regrade: bool = False
    faults: int = 0
    failed_at: datetime | None = None
    asked: bool = False


def read_waiting(connection: Connection, versions: Mapping[str, str]) -> list[Waiting]:
    """What waits of each assignment in ``versions`` (its current grader version), the first received first."""
    found: list[Waiting] = []
    for assignment, version in versions.items():
        counting = attempts.alias()
        settled = exists().where(
            counting.c.submission_id == submissions.c.id, counting.c.grader_version == version, counting.c.counts
        )
        unsettled = (submissions.c.assignment == assignment, ~settled)
        tried: dict[int, list[tuple[str, Verdict, datetime]]] = {}
        query = (
            select(attempts.c.submission_id, attempts.c.grader_version, attempts.c.verdict, attempts.c.finished_at)
            .join(submissions, submissions.c.id == attempts.c.submission_id)
            .where(*unsettled)
            .order_by(attempts.c.id)
        )
        for number, its_version, verdict, finished_at in connection.execute(query):
            tried.setdefault(number, []).append((its_version, Verdict(verdict), finished_at))
        rows = select(submissions.c.id, submissions.c.owner, submissions.c.received_at).where(*unsettled)
        for number, owner, received_at in connection.execute(rows):
            mine = tried.get(number, [])
            by_this = [(verdict, at) for its_version, verdict, at in mine if its_version == version]
            if not needs_grading([verdict for verdict, _ in by_this]):
                continue
            found.append(
                Waiting(
                    number,
                    assignment,
                    owner,
                    received_at,
                    regrade=any(not verdict.held for _, verdict, _ in mine),
                    faults=len(by_this),
                    failed_at=by_this[-1][1] if by_this else None,
                )
            )
        waits = {item.submission_id for item in found}
        found += [item for item in _asked(connection, assignment, version) if item.submission_id not in waits]
    return sorted(found, key=lambda item: (item.received_at, item.submission_id))


def _asked(connection: Connection, assignment: str, version: str) -> list[Waiting]:
    """What staff want graded again, and what this version has not graded since."""
    wanted = wanted_regrades(assignment)
    # By numbers and not by clocks: those of the machines that ask and that grade may differ.
    done = exists().where(
        attempts.c.submission_id == submissions.c.id,
        attempts.c.grader_version == version,
        attempts.c.id > wanted.c.last,
    )
    query = (
        select(submissions.c.id, submissions.c.owner, submissions.c.received_at)
        .join(wanted, wanted.c.submission_id == submissions.c.id)
        .where(~done)
    )
    return [
        Waiting(number, assignment, owner, received_at, regrade=True, asked=True)
        for number, owner, received_at in connection.execute(query)
    ]
