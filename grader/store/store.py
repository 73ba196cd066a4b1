"""The store: submissions in, attempts in, and both out again as plain values."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Literal

from sqlalchemy import select

from grader.errors import StoreError
from grader.policies import Decision, Decisions
from grader.records import Report, Verdict
from grader.store import audit_log, markings, recording, uploads
from grader.store.audit_log import AuditEntry
from grader.store.blobs import Blobs, digest_files
from grader.store.claims import CLAIM_S, Claims, clear
from grader.store.copying import copy_rows
from grader.store.database import Database
from grader.store.decision_rows import add_decision, read_decisions
from grader.store.durations import Duration, Recent, read_durations, read_recent
from grader.store.locks import exclusive
from grader.store.slip_spending import History, spend_slip_days
from grader.store.standings import Standing, entries, missing, standings
from grader.store.summaries import AttemptSummary, read_outcomes, read_summaries
from grader.store.tables import attempts, decisions, submissions
from grader.store.uploads import Arrival
from grader.store.values import Attempt, Mark, ReceivedFrom, StoredFile, Submission
from grader.store.waiting import Waiting, read_waiting
from grader.store.withdrawing import put_withdrawal, read_withdrawn

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from sqlalchemy import ColumnElement, Connection

    from grader.course import Assignment, Course, Student


#: How many ids one query names; databases have a limit.
_AT_A_TIME = 500


class Store:
    """Submissions and attempts of a course.

    Files are in the folder ``state``, in ``blobs/``. Everything else is in the database at ``database``: the URL of one
    on PostgreSQL or SQLite, or ``store.db`` in that folder where it is empty. Processes may share a store, and machines
    one on PostgreSQL, if they share the folder as well. Every method raises StoreError where the disk or the database
    fails.

    Raises:
        UsageError: the URL is none of SQLite or PostgreSQL.
        MachineError: the driver of PostgreSQL is not installed.
        StoreError: the database cannot be opened, or a newer Autograde wrote it.
    """

    def __init__(self, state: Path, database: str = "") -> None:
        self.state, self.database = state, database
        self._database = Database(state, database)
        self._blobs = Blobs(state / "blobs")

    def close(self) -> None:
        """Close what connections are open; otherwise that is done when nobody has the store any more."""
        self._database.close()

    @property
    def connections(self) -> Database:
        """The database, for a room above that keeps tables of its own beside the store's."""
        return self._database

    @property
    def shared(self) -> bool:
        """True where several coordinators may grade the same assignment at a time."""
        return self._database.engine.shared

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
        stored = [StoredFile(path, self._blobs.put(data), len(data)) for path, data in files.items()]
        arrival = Arrival(received_at, received_from, source, problem, left_out, uploader, members, has_work)
        with self._database.writing() as connection:
            self._database.engine.queue(connection, f"submissions {assignment}")
            number, new = uploads.put(connection, assignment, owner, digest, stored, arrival)
            return uploads.read(connection, submissions.c.id == number)[0], new

    def submissions(self, assignment: str, owner: str | None = None) -> list[Submission]:
        """All submissions for an assignment (of one owner), the first received first."""
        where = [submissions.c.assignment == assignment]
        if owner is not None:
            where.append(submissions.c.owner == owner)
        with self._database.reading() as connection:
            return uploads.read(connection, *where)

    def submission(self, submission_id: int) -> Submission:
        """The submission with that id; raises StoreError where there is none."""
        with self._database.reading() as connection:
            found = uploads.read(connection, submissions.c.id == submission_id)
        if not found:
            raise StoreError(f"there is no submission {submission_id}", where=self._database.where)
        return found[0]

    def files(self, submission: Submission) -> dict[str, bytes]:
        """The submission's files: relative POSIX path -> content, verified against its hash."""
        return {file.path: self._blobs.get(file.sha256) for file in submission.files}

    def content(self, file: StoredFile) -> bytes:
        """The content of one file of a submission, verified against its hash."""
        return self._blobs.get(file.sha256)

    def pending(self, assignment: str, grader_version: str, *, force: bool = False) -> list[Submission]:
        """The submissions that this grader version has yet to grade, the first received first.

        A system_error is tried again. A grader_error waits until the grader changes, and so gets another version.
        With ``force`` every submission is pending.
        """
        verdicts: dict[int, list[Verdict]] = {}
        query = (
            select(attempts.c.submission_id, attempts.c.verdict)
            .join(submissions, submissions.c.id == attempts.c.submission_id)
            .where(submissions.c.assignment == assignment, attempts.c.grader_version == grader_version)
            .order_by(attempts.c.ordinal)
        )
        with self._database.reading() as connection:
            for submission_id, verdict in connection.execute(query):
                verdicts.setdefault(submission_id, []).append(Verdict(verdict))
            received = uploads.read(connection, submissions.c.assignment == assignment)
        return [
            submission for submission in received if force or recording.needs_grading(verdicts.get(submission.id, []))
        ]

    def waiting(self, versions: Mapping[str, str]) -> list[Waiting]:
        """What waits of each assignment in ``versions``, by its grader version, the first received first; no files."""
        with self._database.reading() as connection:
            return read_waiting(connection, versions)

    def recent(self, assignment: str | None = None, most: int = 30) -> list[Recent]:
        """The last attempts (at an assignment) that have a score, the latest first; ``most`` of them."""
        with self._database.reading() as connection:
            return read_recent(connection, assignment, most)

    def claims(self, grader_version: str, *, force: bool = False, claim_s: float = CLAIM_S) -> Claims:
        """Claims on submissions that this grader version is to grade; use it in a ``with`` statement.

        They are renewed meanwhile, and end ``claim_s`` seconds after the last renewal.
        """
        return Claims(self._database, grader_version, force=force, claim_s=claim_s)

    def record(
        self,
        submission: Submission,
        report: Report,
        *,
        started_at: datetime | None = None,
        finished_at: datetime | None = None,
        once: bool = False,
        claims: Claims | None = None,
    ) -> Attempt:
        """Keep ``report`` as a new attempt at ``submission``, whole or not at all.

        With ``once``, an attempt by the same grader version that is already there, and waits for nothing, stays the
        only one and is given instead: the first report that counts stays, whoever else was grading. Without it, the new
        attempt counts in place of the earlier one, unless it is held. A claim on the submission is given back.

        The times must be aware; they default to now, and to ``report.seconds`` before it.

        Raises StoreError where the report is about another assignment or other files.
        """
        if (report.assignment, report.submission_digest) != (submission.assignment, submission.digest):
            raise StoreError(
                f"a report on {report.assignment} ({report.submission_digest[:12]}) is none on submission "
                f"{submission.id}, {submission.assignment} ({submission.digest[:12]})",
                fix="take the report's submission_digest from grader.store.digest_files",
            )
        finished_at = (finished_at or datetime.now(UTC)).astimezone(UTC)
        started_at = (started_at or finished_at - timedelta(seconds=report.seconds)).astimezone(UTC)
        with self._database.writing() as connection:
            attempt = recording.add(connection, submission.id, report, started_at, finished_at, once=once)
            if claims is not None:
                claims.settle(connection, submission.id)
        if claims is not None:
            claims.settled(submission.id)
        return attempt

    def attempts(
        self,
        assignment: str | None = None,
        *,
        submission: Submission | None = None,
        grader_version: str | None = None,
        number: int | None = None,
    ) -> list[Attempt]:
        """Attempts in the order in which they were recorded; each argument that is given narrows them."""
        where = []
        if assignment is not None:
            where.append(submissions.c.assignment == assignment)
        if submission is not None:
            where.append(attempts.c.submission_id == submission.id)
        if grader_version is not None:
            where.append(attempts.c.grader_version == grader_version)
        where += [attempts.c.id == number] if number is not None else []
        with self._database.reading() as connection:
            return recording.read(connection, *where)

    def durations(self, assignment: str) -> list[Duration]:
        """What each attempt at an assignment took, in the order in which they were recorded."""
        with self._database.reading() as connection:
            return read_durations(connection, assignment)

    def outcomes(self, submission_ids: Collection[int]) -> dict[int, list[AttemptSummary]]:
        """The attempts at some submissions, by submission, without their reports: a page lists many."""
        with self._database.reading() as connection:
            return read_outcomes(connection, submission_ids)

    def standing(
        self,
        course: Course,
        assignment: Assignment,
        *,
        by: Literal["owner", "student"] = "owner",
        profile: str | None = None,
        only: str | None = None,
    ) -> list[Standing]:
        """Where everybody stands.

        ``by="owner"``: a row for each student and team that handed in, as on a leaderboard. ``by="student"``: a row
        for each student of the roster, the team's submissions counted as the student's own, as in a gradebook. Rows
        run in the roster's order; owners who have left the roster come last. ``profile`` leaves out attempts of
        others. ``only`` is the id of the one student or team whose row is wanted.

        Of each submission the latest attempt with a score counts. Of an owner's submissions the one with the best
        score after lateness counts (the earlier one where they tie), the last one received, or the one chosen, as the
        policy says. One that has none of the files asked for, and no notebook, takes the place of none that has.
        Extensions, slip days and overrides are in the score; what was withdrawn is not.
        """
        near = () if only is None else (_around(only, course),)
        with self._database.reading() as connection:
            made = Decisions(read_decisions(connection))
            granted = made.applied(assignment)
            history, marks = self._history(connection, granted, profile, *near)
            spent = spend_slip_days(
                course,
                made,
                lambda other: self._history(connection, made.applied(other), None, *near),
                None if only is None else course.roster.members_of(only),
            )
        slip_days = spent.get(assignment.name, {})
        return standings(history, course.roster, granted, marks, by=by, decisions=made, slip_days=slip_days, only=only)

    def _history(
        self, connection: Connection, assignment: Assignment, profile: str | None, *where: ColumnElement[bool]
    ) -> History:
        """What was handed in for an assignment, and people's marks; ``where`` narrows the submissions."""
        marks = markings.read(connection, assignment.name)
        marked = {name for given in marks.values() for name in given}
        summaries = read_summaries(connection, assignment.name, marked, *where)
        received = uploads.read(connection, submissions.c.assignment == assignment.name, *where)
        gone = read_withdrawn(connection)
        received = [submission for submission in received if submission.id not in gone]
        return entries(received, summaries, assignment, profile), marks

    def decisions(self, assignment: str | None = None) -> Decisions:
        """What people decided (for one assignment)."""
        with self._database.reading() as connection:
            return Decisions(
                read_decisions(connection, *([decisions.c.assignment == assignment] if assignment is not None else []))
            )

    def granted(self, assignment: Assignment) -> Assignment:
        """The assignment with the due dates that the store holds, in place of those of autograde.yml."""
        return self.decisions(assignment.name).applied(assignment)

    def decide(self, decision: Decision, entry: AuditEntry) -> int:
        """Keep a decision and the entry of the audit log that goes with it, both or none; the decision's number."""
        with self._database.writing() as connection:
            audit_log.add_entry(connection, entry)
            return add_decision(connection, decision)

    def handed_in(self, assignment: str, owners: Collection[str]) -> list[tuple[Submission, list[Verdict]]]:
        """What ``owners`` handed in, the first received first, each with the verdicts of its attempts, the latest last."""
        mine = (submissions.c.assignment == assignment, submissions.c.owner.in_(sorted(owners)))
        with self._database.reading() as connection:
            received = uploads.read(connection, *mine)
            verdicts: dict[int, list[Verdict]] = {}
            for summary in read_summaries(connection, assignment, (), mine[1]):
                verdicts.setdefault(summary.submission_id, []).append(summary.verdict)
        return [(submission, verdicts.get(submission.id, [])) for submission in received]

    def withdraw(self, submission: Submission, person: str, *, withdrawn: bool = True) -> bool:
        """Have a submission count for nothing, or (not ``withdrawn``) count again; False where it does so already."""
        with self._database.writing() as connection:
            self._database.engine.queue(connection, f"submissions {submission.assignment}")
            return put_withdrawal(connection, submission.id, person, withdrawn=withdrawn)

    def withdrawn(self) -> frozenset[int]:
        """The ids of the submissions that count for nothing because they were withdrawn."""
        with self._database.reading() as connection:
            return read_withdrawn(connection)

    def summaries(self, assignment: str) -> list[AttemptSummary]:
        """The attempts at an assignment without their reports, in the order in which they were recorded."""
        with self._database.reading() as connection:
            return read_summaries(connection, assignment, ())

    def metric_history(self, assignment: str) -> dict[str, list[dict[str, float | None]]]:
        """The metrics of every submission that has a score, by owner, the first received first; withdrawn ones as well."""
        with self._database.reading() as connection:
            summaries = {
                item.submission_id: item for item in read_summaries(connection, assignment, ()) if not item.held
            }
            received = uploads.read(connection, submissions.c.assignment == assignment)
        found: dict[str, list[dict[str, float | None]]] = {}
        for submission in received:
            if (summary := summaries.get(submission.id)) is not None:
                values = {name: metric.value for name, metric in summary.metrics.items()}
                found.setdefault(submission.owner, []).append(values)
        return found

    def reports(self, attempt_ids: Iterable[int]) -> dict[int, Report]:
        """The reports of attempts, by their ids; ids of none are left out."""
        wanted, found = sorted(set(attempt_ids)), dict[int, Report]()
        with self._database.reading() as connection:
            for at in range(0, len(wanted), _AT_A_TIME):
                query = select(attempts.c.id, attempts.c.report).where(attempts.c.id.in_(wanted[at : at + _AT_A_TIME]))
                found |= {number: recording.read_report(number, text) for number, text in connection.execute(query)}
        return found

    def missing(self, course: Course, assignment: Assignment) -> tuple[Student, ...]:
        """The students of the roster for whom nothing was handed in, by themselves or by their team."""
        return missing(self.submissions(assignment.name), course.roster, assignment)

    def put_mark(self, mark: Mark) -> bool:
        """Keep ``mark``; False where it says what the last one for that student and question says already."""
        with self._database.writing() as connection:
            self._database.engine.queue(connection, f"marks {mark.assignment}")
            return markings.put(connection, mark)

    def marks(self, assignment: str) -> dict[str, dict[str, Mark]]:
        """The last mark for each question, by student and question; what was taken back has no points."""
        with self._database.reading() as connection:
            return markings.read(connection, assignment)

    def copy_to(self, other: Store) -> dict[str, int]:
        """Copy everything but files and claims into another store, which must be empty; the number of rows by table."""
        return copy_rows(self._database, other._database)

    @contextmanager
    def grading_lock(self, assignment: str) -> Iterator[None]:
        """Hold this while grading ``assignment``.

        On SQLite a second grader gets a StoreError that names the first, and claims of one that was killed are free at
        once. On PostgreSQL any number may grade; `claims` sees to it that they share the work.
        """
        if self.shared:
            with self._database.held_open():
                yield
            return
        lock = exclusive(self.state / "locks" / f"{assignment}.lock", f"grading {assignment}")
        with lock, self._database.held_open():
            with self._database.writing() as connection:
                clear(connection, assignment)
            yield


def _around(owner: str, course: Course) -> ColumnElement[bool]:
    """What may count for ``owner``: the own work, that of every team, and that of the members of these."""
    roster = course.roster
    students = roster.members_of(owner)
    teams = [team for student in students for name in course.assignments if (team := roster.team_of(student, name))]
    return uploads.concerning(
        {owner, *students, *(team.id for team in teams), *(member for team in teams for member in team.members)},
        students,
    )
