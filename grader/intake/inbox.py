"""Collecting a class: every entry of an inbox becomes a submission, or is named with the reason why not."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from grader.errors import SubmissionError
from grader.intake.filenames import ignored, shown
from grader.intake.owners import match_owner
from grader.intake.upload import WORK_SUFFIXES, Upload, read_submission, received_time

if TYPE_CHECKING:
    from pathlib import Path

    from grader.course import Assignment, Course
    from grader.intake.archives import UploadLimits
    from grader.store.store import Store
    from grader.store.values import Submission


@dataclass(frozen=True, slots=True)
class Unmatched:
    """An entry of the inbox that belongs to nobody we know, and why."""

    entry: str
    reason: str


@dataclass(frozen=True, slots=True)
class Rejected:
    """An upload that could not be unpacked. It is kept as ``submission`` all the same; None where it was unreadable."""

    entry: str
    owner: str
    reason: str
    submission: Submission | None


@dataclass(frozen=True, slots=True)
class CollectResult:
    """What became of an inbox: every entry is in exactly one of the four."""

    added: tuple[Submission, ...] = ()
    unchanged: tuple[Submission, ...] = ()
    unmatched: tuple[Unmatched, ...] = ()
    rejected: tuple[Rejected, ...] = ()


@dataclass(slots=True)
class _Pile:
    """Entries that make one submission: one folder or archive, or the loose files of one owner."""

    owner: str
    paths: list[Path]
    files: dict[str, Path] = field(default_factory=dict)

    @property
    def source(self) -> str:
        return ", ".join(shown(path.name) for path in self.paths)


def collect(
    course: Course,
    assignment: Assignment,
    folder: Path,
    store: Store,
    received: datetime | None = None,
    *,
    limits: UploadLimits | None = None,
) -> CollectResult:
    """Take in every entry of ``folder``: a sub-folder, an archive or loose files for each student or team.

    ``received`` is when all of them arrived, aware; without it each counts as received when it was last changed.
    Collecting the same folder again adds nothing. An upload that cannot be unpacked is kept and reported.

    Raises SubmissionError where ``folder`` is none.
    """
    if received is not None and received.tzinfo is None:
        raise ValueError("received has no timezone")
    try:
        entries = sorted(path for path in folder.iterdir() if not ignored(path.name) and not path.name.startswith("."))
    except OSError as error:
        raise SubmissionError(
            f"cannot read the folder of submissions: {error.strerror}", where=folder, fix="check the path"
        ) from error
    piles, unmatched = _sort(entries, course, assignment)
    added: list[Submission] = []
    unchanged: list[Submission] = []
    rejected: list[Rejected] = []
    for pile in piles:
        try:
            upload = _read(pile, limits)
            when = received or max(received_time(path) for path in pile.paths)
        except (SubmissionError, OSError) as error:
            rejected.append(Rejected(pile.source, pile.owner, str(error), None))
            continue
        submission, new = store.put_submission(
            assignment.name,
            pile.owner,
            upload.files,
            received_at=when.astimezone(UTC),
            source=pile.source,
            problem=upload.problem,
        )
        if upload.problem:
            rejected.append(Rejected(pile.source, pile.owner, upload.problem, submission))
        else:
            (added if new else unchanged).append(submission)
    return CollectResult(tuple(added), tuple(unchanged), tuple(unmatched), tuple(rejected))


def _sort(entries: list[Path], course: Course, assignment: Assignment) -> tuple[list[_Pile], list[Unmatched]]:
    piles: list[_Pile] = []
    unmatched: list[Unmatched] = []
    loose: dict[str, list[_Pile]] = {}
    for path in entries:
        if path.is_symlink() or not (path.is_dir() or path.is_file()):
            unmatched.append(Unmatched(shown(path.name), "a link or a device; put the file itself there"))
            continue
        match = match_owner(path.name, course.roster, assignment, folder=path.is_dir())
        if match.owner is None:
            unmatched.append(Unmatched(shown(path.name), match.reason))
        elif path.is_dir() or path.suffix.lower() not in WORK_SUFFIXES:
            piles.append(_Pile(match.owner.id, [path]))
        else:
            name = _file_name(path, match.rest, assignment)
            mine = loose.setdefault(match.owner.id, [])
            # Two files of one name are two submissions, say an early and a late one.
            pile = next((pile for pile in mine if name not in pile.files), None)
            if pile is None:
                pile = _Pile(match.owner.id, [])
                mine.append(pile)
                piles.append(pile)
            pile.paths.append(path)
            pile.files[name] = path
    return piles, unmatched


def _file_name(path: Path, rest: str, assignment: Assignment) -> str:
    """What a loose file is called among a submission's files: ``ada_12_34_backprop-1.py`` is backprop.py."""
    if path.suffix.lower() != ".py":
        return re.sub(r"^[\d_\-\s]+", "", rest) + path.suffix if rest else path.name
    for file in sorted(assignment.files, key=len, reverse=True):
        # An LMS numbers files handed in again: backprop-1.py, backprop (2).py.
        if re.search(rf"(?:^|[\s_\-.]){re.escape(file[:-3])}(?:[\s_\-]*\(?\d+\)?)?$", rest):
            return file
    return assignment.files[0] if len(assignment.files) == 1 else path.name


def _read(pile: _Pile, limits: UploadLimits | None) -> Upload:
    if not pile.files:
        return read_submission(pile.paths[0], limits)
    files: dict[str, bytes] = {}
    for name, path in pile.files.items():
        upload = read_submission(path, limits)
        if upload.problem:
            return Upload({**files, **upload.files}, upload.problem)
        files[name] = next(iter(upload.files.values()))
    return Upload(files)
