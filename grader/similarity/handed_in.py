"""What is compared: the modules that everybody's last upload comes to, notebooks included, in this term and earlier ones."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from grader.course import Assignment, Course, course_secret
from grader.course.pseudonyms import pseudonym
from grader.engine.module_reader import module_reader
from grader.errors import SubmissionError, UsageError
from grader.intake import read_submission
from grader.release.strip import make_stubs
from grader.similarity.fingerprints import Unit, units_of
from grader.store.store import Store


@dataclass(frozen=True, slots=True)
class Work:
    """What one student or team handed in.

    ``owner`` is their id and ``label`` what is shown for it. ``term`` is empty for this class, otherwise it says where
    the work is from.
    """

    owner: str
    label: str
    term: str
    units: tuple[Unit, ...]


@dataclass(frozen=True, slots=True)
class HandedIn:
    """All work, what the course hands out itself, and whose work could not be read."""

    works: tuple[Work, ...]
    given: frozenset[int]
    """Prints of the stubs."""
    unread: tuple[str, ...]


def handed_in(
    course: Course, assignment: Assignment, store: Store, earlier: Iterable[Path] = (), *, names: bool = False
) -> HandedIn:
    """The work of a class, and of earlier ones.

    Each owner's last upload that has work is read, in a process of its own and under a limit (`grader.engine.reading`).

    Args:
        course: gives the roster.
        assignment: whose submissions.
        store: of this class.
        earlier: for each earlier term its state folder (one with ``store.db``), or a folder with an entry a student.
        names: show ids and names; otherwise pseudonyms, which are not those of the leaderboard.

    Raises:
        UsageError: ``earlier`` names what is no folder, or has no submissions.

    """
    secret = course_secret(store.state)
    roster = {owner.id: owner.name for owner in course.roster}
    works: list[Work] = []
    unread: list[str] = []
    seen: set[tuple[str, ...]] = set()
    with module_reader(assignment) as reader:
        for term, owner, files in _uploads(assignment, store, earlier):
            units = units_of(reader.modules(files))
            label = pseudonym(secret, f"similar\x1f{assignment.name}\x1f{term}\x1f{owner}")
            if names:
                label = f"{roster[owner]} ({owner})" if owner in roster and not term else owner
            if not any(unit.prints for unit in units):
                unread.append(f"{label}, {term}" if term else label)
            elif (key := (owner, *sorted(unit.text for unit in units))) not in seen:
                # The same upload of the same person in an older copy of the store is no pair.
                seen.add(key)
                works.append(Work(owner, label, term, units))
    given = frozenset(mark for unit in units_of(make_stubs(assignment)) for mark in unit.prints)
    return HandedIn(tuple(works), given, tuple(unread))


def _uploads(
    assignment: Assignment, store: Store, earlier: Iterable[Path]
) -> Iterator[tuple[str, str, Mapping[str, bytes]]]:
    """Term, owner and files of everybody's last upload."""
    yield from (("", owner, files) for owner, files in _last(store, assignment))
    for place in earlier:
        found = False
        for owner, files in _of_term(place, assignment):
            found = True
            yield place.name or str(place), owner, files
        if not found:
            raise UsageError(
                f"there is no submission for {assignment.name} in it",
                where=place,
                fix="name the state folder of an earlier term, or a folder with one entry for each student",
            )


def _of_term(place: Path, assignment: Assignment) -> Iterator[tuple[str, Mapping[str, bytes]]]:
    if not place.is_dir():
        raise UsageError("this is not a folder", where=place, fix="unpack it first")
    if (place / "store.db").is_file():
        store = Store(place)
        try:
            yield from _last(store, assignment)
        finally:
            store.close()
        return
    for entry in sorted(place.iterdir()):
        if not entry.name.startswith("."):
            try:
                yield entry.stem if entry.is_file() else entry.name, read_submission(entry).files
            except SubmissionError:
                yield entry.name, {}  # listed as unread


def _last(store: Store, assignment: Assignment) -> Iterator[tuple[str, Mapping[str, bytes]]]:
    last = {item.owner: item for item in store.submissions(assignment.name) if item.has_work}
    for owner, submission in last.items():
        yield owner, store.files(submission)
