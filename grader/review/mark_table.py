"""Marks for written questions in our own pages: rows out, rows back in, and what that would change.

Marks are kept in the store, where ``autograde gradebook sync`` takes them to nbgrader's gradebook and brings back those given
there: the last one counts, whoever gave it and wherever.
"""

from __future__ import annotations

import csv
import io
import math
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from grader.course import Team, course_secret, read_questions
from grader.course.pseudonyms import pseudonym
from grader.errors import UsageError
from grader.reports.formatting import number
from grader.review.written_answers import answers_in
from grader.store import Mark
from grader.store.ledger import operator_name
from grader.text import clean, csv_safe

if TYPE_CHECKING:
    from grader.course import Assignment, Course, Question
    from grader.store import Store

COLUMNS = ("student", "question", "points", "max_points", "extra", "comment", "given")
#: Characters of a comment.
MAX_COMMENT = 5000
_LARGEST = 20_000_000


@dataclass(frozen=True, slots=True)
class MarkRow:
    """One answer to mark: whose (a pseudonym, or an id), what was written, and the mark that stands (None: none yet)."""

    label: str
    owner: str
    question: Question
    answer: str
    mark: Mark | None
    submission_id: int | None = None

    @property
    def given(self) -> str:
        """When the mark that stands was given; it tells whether somebody else has marked in between."""
        return self.mark.marked_at.astimezone(UTC).isoformat(timespec="seconds") if self.mark else ""


@dataclass(frozen=True, slots=True)
class MarkChange:
    """What a line of a file would change: the mark before (None: none) and the one to give."""

    label: str
    before: Mark | None
    marks: tuple[Mark, ...]
    """One for each student whom it is for: a team's members have the same."""


@dataclass(slots=True)
class MarkDiff:
    """What an import would do: changes, lines that say what stands already, lines left blank, and lines that are refused."""

    changes: list[MarkChange] = field(default_factory=list)
    same: int = 0
    blank: int = 0
    problems: list[str] = field(default_factory=list)


def marker() -> str:
    """Who is marking: JupyterHub's user where there is one, else the account."""
    return os.environ.get("JUPYTERHUB_USER") or operator_name()


def mark_rows(course: Course, assignment: Assignment, store: Store, *, names: bool = False) -> list[MarkRow]:
    """The answers of everybody who handed in, question by question, each in the order of the labels.

    Raises:
        UsageError: the assignment has no written questions.

    """
    questions = read_questions(assignment.notebook_source)
    if not questions:
        raise UsageError(
            f"{assignment.name} has no written questions", fix="docs/how-to/authoring.md says how to write one"
        )
    secret = course_secret(store.state)
    found: list[MarkRow] = []
    for row in store.standing(course, assignment):
        if row.submission is not None:
            answers = answers_in(store.files(row.submission))
            label = row.owner if names else label_of(secret, assignment, row.owner)
            for question in questions:
                answer, mark = answers.get(question.id, ""), row.marks.get(question.id)
                found.append(MarkRow(label, row.owner, question, answer, mark, row.submission.id))
    order = {question.id: place for place, question in enumerate(questions)}
    return sorted(found, key=lambda item: (order[item.question.id], item.label))


def label_of(secret: bytes, assignment: Assignment, owner: str) -> str:
    """The pseudonym under which an answer is marked; not that of the leaderboard."""
    return pseudonym(secret, f"marks\x1f{assignment.name}\x1f{owner}")


def write_rows(rows: Sequence[MarkRow]) -> str:
    """The rows as CSV, safe for a spreadsheet. Numbers have a point and no more digits than they need."""
    stream = io.StringIO(newline="")
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(COLUMNS)
    for row in rows:
        mark = row.mark
        points = "" if mark is None or mark.points is None else number(mark.points, 4)
        extra = number(mark.extra, 4) if mark is not None and mark.extra else ""
        comment = _cell(mark.comment) if mark is not None else ""
        writer.writerow(
            [
                _cell(row.label),
                _cell(row.question.id),
                points,
                number(row.question.points, 4),
                extra,
                comment,
                row.given,
            ]
        )
    return stream.getvalue()


def read_rows(data: bytes, rows: Sequence[MarkRow], course: Course, assignment: Assignment, who: str) -> MarkDiff:
    """What a file of marks would change in ``rows``, the marks that stand now.

    A blank for points leaves the mark as it is. A line is refused where its student or question is not known, its points are
    no number from 0 to the question's, or somebody has given another mark since the file was written.

    Raises:
        UsageError: the file is no CSV with these columns, or too large.

    """
    known = {(name, row.question.id): row for row in rows for name in (row.label, row.owner)}
    diff = MarkDiff()
    for line, cells in _lines(data):
        row = known.get((_plain(cells["student"]), _plain(cells["question"])))
        if row is None:
            diff.problems.append(f"line {line}: nobody's answer is {cells['student']!r:.60}, {cells['question']!r:.60}")
            continue
        if not cells["points"].strip() and not cells["comment"].strip() and not cells["extra"].strip():
            diff.blank += 1
            continue
        try:
            points, extra = _points(cells["points"], row.question.points), _points(cells["extra"] or "0", math.inf)
        except ValueError as error:
            diff.problems.append(f"line {line}: {row.label}, {row.question.id}: {error}")
            continue
        comment = _words(cells["comment"], row.mark)
        before = row.mark
        if points is None:
            points = before.points if before else None
        if _says(before) == (points, extra or 0.0, comment):
            diff.same += 1
        elif cells["given"].strip() != row.given:
            diff.problems.append(
                f"line {line}: {row.label}, {row.question.id}: somebody has marked it since; export again"
            )
        else:
            diff.changes.append(MarkChange(row.label, before, tuple(_marks(row, points, extra or 0.0, comment, course, assignment, who))))  # fmt: skip
    return diff


def _marks(
    row: MarkRow, points: float | None, extra: float, comment: str, course: Course, assignment: Assignment, who: str
) -> Iterator[Mark]:
    owner = course.roster.get(row.owner)
    now = datetime.now(UTC)
    for student in owner.members if isinstance(owner, Team) else (row.owner,):
        yield Mark(assignment.name, student, row.question.id, points, extra, comment, who, now, row.submission_id)


def _lines(data: bytes) -> Iterator[tuple[int, Mapping[str, str]]]:
    if len(data) > _LARGEST:
        raise UsageError(
            f"the file of marks has more than {_LARGEST // 1_000_000} MB", fix="give the file that was exported"
        )
    try:
        reader = csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline=""), strict=True)
        lacking = [name for name in ("student", "question", "points") if name not in (reader.fieldnames or ())]
        if lacking:
            raise UsageError(
                f"the file of marks has no column {', '.join(lacking)}",
                fix="fill in what `autograde marks export` writes; save it as CSV with commas, in UTF-8",
            )
        for cells in reader:
            yield reader.line_num, {name: cells.get(name) or "" for name in COLUMNS}
    except (csv.Error, UnicodeDecodeError) as error:
        raise UsageError(f"the file of marks is not CSV in UTF-8: {error}", fix="save it as CSV, UTF-8") from None


def _points(text: str, most: float) -> float | None:
    """A number of points; None where there is none. Raises ValueError with a sentence."""
    if not text.strip():
        return None
    try:
        points = float(text.strip())
    except ValueError:
        raise ValueError(f"{clean(text)[:40]!r} is not a number; write it with a point") from None
    if not math.isfinite(points) or not 0 <= points <= most:
        raise ValueError(f"{clean(text)[:40]} is not from 0 to {number(most)}")
    return points


def _says(mark: Mark | None) -> tuple[float | None, float, str]:
    return (None, 0.0, "") if mark is None else (mark.points, mark.extra, mark.comment)


def _cell(text: str) -> str:
    """Text for a cell: no spreadsheet takes it for a formula, and its lines stay."""
    shown = clean(text)
    return f"'{shown}" if csv_safe(shown) != shown.replace("\n", " ") else shown


def _words(cell: str, before: Mark | None) -> str:
    """A comment from a cell; the apostrophe that kept the cell from being a formula is not the marker's."""
    if before is not None and cell == _cell(before.comment):
        return before.comment
    return clean(_plain(cell.strip()))[:MAX_COMMENT]


def _plain(cell: str) -> str:
    return cell[1:] if cell.startswith("'") and _cell(cell[1:]) == cell else cell
