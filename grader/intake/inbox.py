"""Collecting a class: every entry of an inbox becomes part of a submission, or is named with the reason why not."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from grader.course import Assignment, Course, Student
from grader.errors import AuthoringError, SubmissionError
from grader.intake.archives import is_archive
from grader.intake.arrange import arrange, holds_work
from grader.intake.arrivals import Clock, When, says_nothing, warnings_about
from grader.intake.class_archive import unpack_class
from grader.intake.class_lists import NameMap
from grader.intake.filenames import is_notebook, is_work, shown
from grader.intake.joining import Unit, join, read_unit
from grader.intake.listing import Entry, Lister, Unmatched
from grader.intake.litter import summarise
from grader.intake.notebook import read_notebook
from grader.intake.source_text import other_kind
from grader.intake.taking import UploadLimits
from grader.intake.upload import UPLOAD_FOLDER, Upload, read_submission
from grader.release.strip import make_stub
from grader.store.values import ReceivedFrom, Submission

if TYPE_CHECKING:
    from grader.store import Store


@dataclass(frozen=True, slots=True)
class Rejected:
    """An upload that could not be unpacked. It is kept as ``submission`` all the same; None where it was unreadable."""

    entry: str
    owner: str
    reason: str
    submission: Submission | None


@dataclass(frozen=True, slots=True)
class Doubt:
    """A submission that was taken in and that somebody should look at: nothing asked for in it, or two of it."""

    entry: str
    owner: str
    reason: str


@dataclass(frozen=True, slots=True)
class CollectResult:
    """What became of an inbox. Every entry is part of a submission, or unmatched, or rejected.

    ``doubts`` are about submissions that were taken in all the same, ``warnings`` about times; ``costly`` says that
    one of these warnings can have made somebody late. ``missing`` are the students for whom nothing has come at all.
    """

    added: tuple[Submission, ...] = ()
    unchanged: tuple[Submission, ...] = ()
    unmatched: tuple[Unmatched, ...] = ()
    rejected: tuple[Rejected, ...] = ()
    doubts: tuple[Doubt, ...] = ()
    warnings: tuple[str, ...] = ()
    missing: tuple[Student, ...] = ()
    costly: bool = False

    @property
    def needs_somebody(self) -> bool:
        """True where a person should look before grading."""
        return bool(self.unmatched or self.rejected or self.doubts or self.costly)


@dataclass(slots=True)
class _Progress:
    added: list[Submission] = field(default_factory=list)
    unchanged: list[Submission] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)
    doubts: list[Doubt] = field(default_factory=list)


def collect(
    course: Course,
    assignment: Assignment,
    folder: Path,
    store: Store,
    received: datetime | Mapping[str, datetime] | None = None,
    *,
    names: NameMap | None = None,
    limits: UploadLimits | None = None,
) -> CollectResult:
    """Take in every entry of ``folder``, a folder or one archive: folders, archives or loose files of a class.

    The entries of one student, or of one team's member, are one submission. ``received`` is when all of them arrived,
    aware, or when each owner's did, by id; without it a platform's own times count, then its marks, then the files'
    times. ``names`` says whose entries are, where their names do not. Collecting the same folder again adds nothing.
    An upload that cannot be unpacked is kept and reported.

    Raises SubmissionError where ``folder`` is none, or cannot be read.
    """
    everybody = received if isinstance(received, datetime) else None
    if everybody is not None and everybody.tzinfo is None:
        raise ValueError("received has no timezone")
    given = None if received is None or isinstance(received, datetime) else received
    assignment = store.granted(assignment)
    clock = Clock(assignment, course.timezone, everybody, given)
    stubs = _stubs(assignment)
    progress = _Progress()
    now = datetime.now(UTC)
    with contextlib.ExitStack() as stack:
        lister = Lister(course, assignment, _unpacker(course, stack), names)
        packed = folder.is_file() and is_archive(folder.name)
        listing = lister.list(lister.unpack(folder) if packed else folder, packed=packed)
        piles: list[tuple[list[Unit], list[When]]] = []
        for entries in _by(listing.entries, lambda entry: f"{entry.owner}/{entry.uploader}"):
            units = list(_read(entries, assignment, limits, progress))
            if units:
                piles.append((units, [clock.when(unit) for unit in units]))
        if says_nothing([when for _, times in piles for when in times], now):
            piles = [(units, _better(units, times, clock)) for units, times in piles]
        times = [(units[0].entries[0].owner, when) for units, times in piles for when in times]
        for units, whens in piles:
            _keep(units, whens, course, assignment, store, stubs, progress)
    warnings, costly = warnings_about(times, assignment, now, given)
    return CollectResult(
        tuple(progress.added),
        tuple(progress.unchanged),
        tuple(listing.unmatched),
        tuple(progress.rejected),
        tuple(progress.doubts),
        (*listing.doubts, *warnings),
        store.missing(course, assignment),
        costly=costly or bool(listing.doubts),
    )


def _unpacker(course: Course, stack: contextlib.ExitStack) -> Callable[[Path], Path]:
    def unpack(path: Path) -> Path:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="autograde-collect-")))
        unpack_class(path, folder, course.timezone)
        return folder

    return unpack


def _stubs(assignment: Assignment) -> dict[str, str]:
    """The released text of each file; without those whose solution cannot be read, which grading will say."""
    found = {}
    for file in assignment.files:
        with contextlib.suppress(OSError, AuthoringError, ValueError):
            found[file] = make_stub((assignment.solution_folder / file).read_text(encoding="utf-8"), file)
    return found


def _by(entries: Sequence[Entry], key: Callable[[Entry], str]) -> Iterator[list[Entry]]:
    groups: dict[str, list[Entry]] = {}
    for entry in entries:
        groups.setdefault(key(entry), []).append(entry)
    yield from groups.values()


def _read(
    entries: Sequence[Entry], assignment: Assignment, limits: UploadLimits | None, progress: _Progress
) -> Iterator[Unit]:
    for members in _by(entries, lambda entry: entry.unit):
        readable: list[Entry] = []
        uploads: list[Upload] = []
        for entry in members:
            try:
                uploads.append(read_submission(entry.work, limits))
                readable.append(entry)
            except (SubmissionError, OSError) as error:
                progress.rejected.append(Rejected(entry.path.name, entry.owner, str(error), None))
        if readable:
            yield read_unit(readable, uploads, assignment.files)


def _better(units: Sequence[Unit], times: Sequence[When], clock: Clock) -> list[When]:
    return [
        clock.from_members(unit, when) if when.source is ReceivedFrom.FILE else when
        for unit, when in zip(units, times, strict=True)
    ]


def _keep(
    units: Sequence[Unit],
    times: Sequence[When],
    course: Course,
    assignment: Assignment,
    store: Store,
    stubs: Mapping[str, str],
    progress: _Progress,
) -> None:
    """Store one owner's units as the submissions that they are."""
    ordered = sorted(zip(units, times, strict=True), key=lambda item: item[1].at)
    when_of = {id(entry): when for unit, when in ordered for entry in unit.entries}
    joined = join([unit for unit, _ in ordered], assignment.files, stubs)
    for unit in joined:
        works = holds_work(unit.files, assignment.files)
        whens = [when_of[id(entry)] for entry in unit.entries]
        useful = [when_of[id(entry)] for entry in unit.entries if _brought_work(entry, units, assignment)]
        when = max(useful or whens, key=lambda when: when.at)
        problem = _problem(unit, works=works)
        first = unit.entries[0]
        submission, new = store.put_submission(
            assignment.name,
            first.owner,
            {f"{UPLOAD_FOLDER}/{path}": data for path, data in unit.files.items()} if problem else unit.files,
            received_at=when.at,
            received_from=when.source,
            source=unit.source,
            problem=problem,
            left_out=summarise(unit.left_out),
            uploader=first.uploader,
            members=course.roster.members_of(first.owner),
            has_work=works and not problem,
        )
        if problem:
            progress.rejected.append(Rejected(unit.source, first.owner, problem, submission))
            continue
        (progress.added if new else progress.unchanged).append(submission)
        several = (
            len(joined) > 1 and when.source is not ReceivedFrom.SERVICE
        )  # else each has its own time: two attempts
        for reason in _doubts(unit, assignment, stubs, works=works, several=several):
            progress.doubts.append(Doubt(unit.source, first.owner, reason))


def _brought_work(entry: Entry, units: Sequence[Unit], assignment: Assignment) -> bool:
    mine = next(unit for unit in units if any(other is entry for other in unit.entries))
    return holds_work(mine.files, assignment.files)


def _problem(unit: Unit, *, works: bool) -> str | None:
    """Why nothing of the unit can be graded; None where something can, or where it holds other files to look at."""
    if works:
        return None
    if unit.problems:
        return unit.problems[0]
    if len(unit.entries) == 1 and unit.entries[0].path.is_file() and not is_archive(unit.entries[0].path.name):
        return read_submission(unit.entries[0].path).problem
    return None


def _doubts(
    unit: Unit, assignment: Assignment, stubs: Mapping[str, str], *, works: bool, several: bool
) -> Iterator[str]:
    if not works:
        asked = ", ".join(assignment.files)
        useless = [
            f"`{shown(name)}` is {kind}"
            for name, data in unit.files.items()
            if is_work(name) and (kind := other_kind(data))
        ]
        if useless:
            yield f"{'. '.join(useless[:3])}. It replaces no earlier work"
            return
        have = ", ".join(sorted(unit.files)[:5]) or "nothing"
        yield f"none of the required files ({asked}) and no notebook, only {have}; it replaces no earlier work"
        return
    yield from unit.problems
    arranged = arrange(unit.files, assignment.files, stubs)
    yield from arranged.doubts
    for name, data in sorted(unit.files.items()):
        if is_notebook(name) and (problem := read_notebook(name, data, assignment.files).problem):
            yield f"the notebook `{shown(name)}` {problem}"
    if several and unit.entries[0].service:
        yield "one download holds two versions, and each is a submission; ask which of them counts"
