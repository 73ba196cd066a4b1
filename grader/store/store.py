"""The store: submissions in, attempts in, and both out again as plain values."""

from __future__ import annotations

import math
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Literal

from pydantic import ValidationError
from sqlalchemy import insert, select

from grader.errors import StoreError
from grader.records import Report, Verdict
from grader.store import uploads
from grader.store.blobs import Blobs, digest_files
from grader.store.database import Database
from grader.store.locks import exclusive
from grader.store.standings import Standing, entries, missing, standings
from grader.store.summaries import read_summaries
from grader.store.tables import AttemptRow, CheckRow, FileRow, MarkRow, MetricRow, SubmissionRow
from grader.store.uploads import Arrival
from grader.store.values import Attempt, Mark, ReceivedFrom, Submission

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from grader.course import Assignment, Course, Student


#: How many ids one query names; databases have a limit.
_AT_A_TIME = 500


class Store:
    """Submissions and attempts of a course, under the folder ``state``: ``store.db`` and ``blobs/``.

    Processes may share it. Every method raises StoreError where the disk or the database fails.
    """

    def __init__(self, state: Path) -> None:
        self.state = state
        self._database = Database(state / "store.db")
        self._blobs = Blobs(state / "blobs")

    def put_submission(
        self,
        assignment: str,
        owner: str,
        files: Mapping[str, bytes],
        *,
        received_at: datetime,
        received_from: ReceivedFrom = ReceivedFrom.UNKNOWN,
        source: str = "",
        problem: str | None = None,
        left_out: Sequence[tuple[str, str]] = (),
        uploader: str = "",
        members: Sequence[str] = (),
        has_work: bool | None = None,
    ) -> tuple[Submission, bool]:
        """Keep an upload of ``owner`` (a student's or team's id), and say whether it is new.

        ``files`` are contents by relative POSIX path. The same files by the same owner for the same assignment are one
        submission; adding them again gives the one that is there, with the surer of the two times or, where they are as
        sure, the earlier. ``received_at`` must be aware. ``source`` is the upload's own name; ``problem`` says why it
        could not be unpacked; the rest is as in `Submission`.
        """
        if received_at.tzinfo is None:
            raise ValueError("received_at has no timezone")
        digest = digest_files(files)
        # Blobs first: a row must never point at nothing, while a blob without a row does no harm.
        stored = [FileRow(path=path, sha256=self._blobs.put(data), size=len(data)) for path, data in files.items()]
        arrival = Arrival(received_at, received_from, source, problem, left_out, uploader, members, has_work)
        with self._database.writing() as session:
            row, new = uploads.put(session, assignment, owner, digest, stored, arrival)
            session.flush()
            return uploads.read(row), new

    def submissions(self, assignment: str, owner: str | None = None) -> list[Submission]:
        """All submissions for an assignment (of one owner), the first received first."""
        query = select(SubmissionRow).where(SubmissionRow.assignment == assignment)
        if owner is not None:
            query = query.where(SubmissionRow.owner == owner)
        with self._database.reading() as session:
            rows = session.scalars(query.order_by(SubmissionRow.received_at, SubmissionRow.id))
            return [uploads.read(row) for row in rows]

    def submission(self, submission_id: int) -> Submission:
        """The submission with that id; raises StoreError where there is none."""
        with self._database.reading() as session:
            row = session.get(SubmissionRow, submission_id)
            if row is None:
                raise StoreError(f"there is no submission {submission_id}", where=self._database.path)
            return uploads.read(row)

    def files(self, submission: Submission) -> dict[str, bytes]:
        """The submission's files: relative POSIX path -> content, verified against its hash."""
        return {file.path: self._blobs.get(file.sha256) for file in submission.files}

    def pending(self, assignment: str, grader_version: str, *, force: bool = False) -> list[Submission]:
        """The submissions that this grader version has yet to grade, the first received first.

        A system_error is tried again. A grader_error waits until the grader changes, and so gets another version.
        With ``force`` every submission is pending.
        """
        verdicts: dict[int, list[Verdict]] = {}
        query = (
            select(AttemptRow.submission_id, AttemptRow.verdict)
            .join(SubmissionRow, SubmissionRow.id == AttemptRow.submission_id)
            .where(SubmissionRow.assignment == assignment, AttemptRow.grader_version == grader_version)
            .order_by(AttemptRow.ordinal)
        )
        with self._database.reading() as session:
            for submission_id, verdict in session.execute(query):
                verdicts.setdefault(submission_id, []).append(Verdict(verdict))
        return [
            submission
            for submission in self.submissions(assignment)
            if force or _needs_grading(verdicts.get(submission.id, []))
        ]

    def record(
        self,
        submission: Submission,
        report: Report,
        *,
        started_at: datetime | None = None,
        finished_at: datetime | None = None,
        once: bool = False,
    ) -> Attempt:
        """Keep ``report`` as a new attempt at ``submission``, whole or not at all.

        With ``once``, an attempt by the same grader version that is there already, and waits for nothing, stays the
        only one and is given instead: whoever removed a lock, two batches at once grade nothing twice.

        The times must be aware; they default to now, and to ``report.seconds`` before it.

        Raises StoreError where the report is about another assignment or other files.
        """
        if (report.assignment, report.submission_digest) != (submission.assignment, submission.digest):
            raise StoreError(
                f"a report on {report.assignment} ({report.submission_digest[:12]}) is none on submission "
                f"{submission.id}, {submission.assignment} ({submission.digest[:12]})",
                fix="take the report's submission_digest from grader.store.digest_files",
            )
        finished_at = finished_at or datetime.now(UTC)
        with self._database.writing() as session:
            earlier = session.scalars(
                select(AttemptRow)
                .where(AttemptRow.submission_id == submission.id, AttemptRow.grader_version == report.grader_version)
                .order_by(AttemptRow.ordinal)
            ).all()
            if once and earlier and not _needs_grading([Verdict(row.verdict) for row in earlier]):
                counting = [row for row in earlier if not Verdict(row.verdict).held]
                return _attempt((counting or earlier)[-1])
            row = AttemptRow(
                submission_id=submission.id,
                grader_version=report.grader_version,
                ordinal=earlier[-1].ordinal + 1 if earlier else 1,
                profile=report.profile,
                seed=str(report.seed),
                verdict=report.verdict.value,
                score=report.score,
                max_score=report.max_score,
                report=report.model_dump_json(),
                started_at=started_at or finished_at - timedelta(seconds=report.seconds),
                finished_at=finished_at,
            )
            session.add(row)
            session.flush()
            # In bulk: a unit of work for each of a suite's checks costs more than everything else here.
            for table, rows in ((CheckRow, _check_rows(report)), (MetricRow, _metric_rows(report))):
                if rows:
                    session.execute(insert(table), [{"attempt_id": row.id, **values} for values in rows])
            return _attempt(row)

    def attempts(
        self, assignment: str | None = None, *, submission: Submission | None = None, grader_version: str | None = None
    ) -> list[Attempt]:
        """Attempts in the order in which they were recorded; each argument that is given narrows them."""
        query = select(AttemptRow).join(SubmissionRow, SubmissionRow.id == AttemptRow.submission_id)
        if assignment is not None:
            query = query.where(SubmissionRow.assignment == assignment)
        if submission is not None:
            query = query.where(AttemptRow.submission_id == submission.id)
        if grader_version is not None:
            query = query.where(AttemptRow.grader_version == grader_version)
        with self._database.reading() as session:
            return [_attempt(row) for row in session.scalars(query.order_by(AttemptRow.id))]

    def standing(
        self,
        course: Course,
        assignment: Assignment,
        *,
        by: Literal["owner", "student"] = "owner",
        profile: str | None = None,
    ) -> list[Standing]:
        """Where everybody stands.

        ``by="owner"``: a row for each student and team that handed in, as on a leaderboard. ``by="student"``: a row
        for each student of the roster, the team's submissions counted as the student's own, as in a gradebook. Rows
        run in the roster's order; owners who have left the roster come last. ``profile`` leaves out attempts of
        others.

        Of each submission the latest attempt with a score counts. Of an owner's submissions the one with the best
        score after lateness counts (the earlier one where they tie), or the last one received, as the policy says.
        One that has none of the files asked for, and no notebook, takes the place of none that has.
        """
        marks = self.marks(assignment.name)
        with self._database.reading() as session:
            attempts = read_summaries(session, assignment.name, {name for given in marks.values() for name in given})
        history = entries(self.submissions(assignment.name), attempts, assignment, profile)
        return standings(history, course.roster, assignment, marks, by=by)

    def reports(self, attempts: Iterable[int]) -> dict[int, Report]:
        """The reports of attempts, by their ids; ids of none are left out."""
        wanted, found = sorted(set(attempts)), dict[int, Report]()
        with self._database.reading() as session:
            for at in range(0, len(wanted), _AT_A_TIME):
                query = select(AttemptRow.id, AttemptRow.report).where(AttemptRow.id.in_(wanted[at : at + _AT_A_TIME]))
                found |= {number: _report(number, text) for number, text in session.execute(query)}
        return found

    def missing(self, course: Course, assignment: Assignment) -> tuple[Student, ...]:
        """The students of the roster for whom nothing was handed in, by themselves or by their team."""
        return missing(self.submissions(assignment.name), course.roster, assignment)

    def put_mark(self, mark: Mark) -> bool:
        """Keep ``mark``; False where it says what the last one for that student and question says already."""
        same = (
            MarkRow.assignment == mark.assignment,
            MarkRow.student == mark.student,
            MarkRow.question == mark.question,
        )
        with self._database.writing() as session:
            last = session.scalars(select(MarkRow).where(*same).order_by(MarkRow.id.desc()).limit(1)).one_or_none()
            if last is None and mark.points is None and not mark.extra and not mark.comment:
                return False
            if last is not None and _said(_mark(last)) == _said(mark):
                return False
            session.add(
                MarkRow(
                    assignment=mark.assignment,
                    student=mark.student,
                    question=mark.question,
                    points=mark.points,
                    extra=mark.extra,
                    comment=mark.comment,
                    marker=mark.marker,
                    marked_at=mark.marked_at,
                    submission_id=mark.submission_id,
                )
            )
            return True

    def marks(self, assignment: str) -> dict[str, dict[str, Mark]]:
        """The last mark for each question, by student and question; what was taken back has no points."""
        query = select(MarkRow).where(MarkRow.assignment == assignment).order_by(MarkRow.id)
        found: dict[str, dict[str, Mark]] = {}
        with self._database.reading() as session:
            for row in session.scalars(query):
                found.setdefault(row.student, {})[row.question] = _mark(row)
        return found

    @contextmanager
    def grading_lock(self, assignment: str) -> Iterator[None]:
        """Hold this while grading ``assignment``; a second grader gets a StoreError that names the first."""
        lock = exclusive(self.state / "locks" / f"{assignment}.lock", f"grading {assignment}")
        with lock, self._database.held_open():
            yield


def _needs_grading(verdicts: list[Verdict]) -> bool:
    if any(not verdict.held for verdict in verdicts):
        return False
    return not verdicts or verdicts[-1] is Verdict.SYSTEM_ERROR


def _mark(row: MarkRow) -> Mark:
    return Mark(
        assignment=row.assignment,
        student=row.student,
        question=row.question,
        points=row.points,
        extra=row.extra,
        comment=row.comment,
        marker=row.marker,
        marked_at=row.marked_at.astimezone(UTC),
        submission_id=row.submission_id,
    )


def _said(mark: Mark) -> tuple[float | None, float, str]:
    return mark.points, mark.extra, mark.comment


def _attempt(row: AttemptRow) -> Attempt:
    return Attempt(
        id=row.id,
        submission_id=row.submission_id,
        grader_version=row.grader_version,
        ordinal=row.ordinal,
        profile=row.profile,
        seed=int(row.seed),
        verdict=Verdict(row.verdict),
        score=row.score,
        max_score=row.max_score,
        started_at=row.started_at.astimezone(UTC),
        finished_at=row.finished_at.astimezone(UTC),
        report=_report(row.id, row.report),
    )


def _report(attempt: int, text: str) -> Report:
    try:
        return Report.model_validate_json(text)
    except ValidationError as error:
        raise StoreError(
            f"the report of attempt {attempt} cannot be read by this Autograde: {error}", fix="upgrade Autograde"
        ) from error


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
