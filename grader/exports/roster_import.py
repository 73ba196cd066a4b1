"""The roster that a platform's export holds, compared with the course's: who comes, who changes, who is gone, what clashes.

Nothing is guessed: a row that could be two people, or that takes somebody's id or address, is a conflict, and with one in the
file nothing is written.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from pydantic import ValidationError

from grader.course import Roster, Student
from grader.errors import UsageError
from grader.exports.lms_table import LmsTable, Row, fold, shown
from grader.exports.people import People, Person, key_of
from grader.exports.roster_columns import STUDENT_ROLES, RosterColumns, is_tester, people_rows, roster_columns
from grader.text import clean

_SUFFIXES = ("jr", "jr.", "sr", "sr.", "ii", "iii", "iv", "phd", "ph.d.")
_ADDRESS = re.compile(r"[^@\s]+@[^@\s]+")


@dataclass(frozen=True, slots=True)
class RosterChange:
    """A text of a student who stays: ``field`` is ``name`` or ``email``, ``old`` is empty where there was none."""

    student: str
    field: str
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Conflict:
    """A row that cannot be taken, or a student who cannot go: the line (0 for the roster's own), why, and the fix."""

    line: int
    what: str
    fix: str


@dataclass(slots=True)
class RosterDiff:
    """What an import would do.

    ``id_heading`` is the heading of the column from which new students have their ids. ``left_out`` are the names of who is not a
    student by the role, or is the platform's own test student.
    """

    id_heading: str
    added: list[Student] = field(default_factory=list)
    changed: list[RosterChange] = field(default_factory=list)
    gone: list[Student] = field(default_factory=list)
    same: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    conflicts: list[Conflict] = field(default_factory=list)

    @property
    def changes(self) -> dict[str, dict[str, str]]:
        """The new texts by student and field."""
        found: dict[str, dict[str, str]] = {}
        for change in self.changed:
            found.setdefault(change.student, {})[change.field] = change.new
        return found


@dataclass(frozen=True, slots=True)
class _Entry:
    """What one row says of one person."""

    line: int
    id: str
    name: str
    email: str
    keys: tuple[str, ...]


def compare_roster(
    table: LmsTable, roster: Roster, *, id_column: str | None = None, remove: bool = False
) -> RosterDiff:
    """What ``table`` would change in ``roster``; with ``remove``, who is not in it goes.

    A student stays the same student by any id or e-mail address of the row, and keeps id, handle and teams.

    Raises:
        UsageError: no column holds ids, or nobody is in the table.
    """
    columns = roster_columns(table, id_column)
    diff = RosterDiff(table.heading[columns.id])
    entries = _entries(table, columns, diff)
    if not entries and not diff.conflicts:
        raise UsageError("no row is about a student", where=table.path, fix="export the list of participants again")
    people = People(Person(student.id, student.name, student.email or "") for student in roster.students)
    taken: dict[str, _Entry] = {}
    fresh: list[_Entry] = []
    for entry in entries:
        found = people.by_keys(entry.keys)
        if len(found) > 1:
            which = " and ".join(repr(person.id) for person in found)
            diff.conflicts.append(
                Conflict(
                    entry.line,
                    f"{shown(entry.name)} has an id or address of {which}",
                    "correct the roster, or name the column of ids with --id-column",
                )
            )
        elif not found:
            fresh.append(entry)
        elif (other := taken.setdefault(found[0].id, entry)) is not entry:
            diff.conflicts.append(
                Conflict(
                    entry.line,
                    f"{shown(entry.name)} and {shown(other.name)} (line {other.line}) are both {found[0].id!r} of the roster",
                    "correct the row whose id or e-mail address is wrong",
                )
            )
        else:
            _compare(roster, found[0].id, entry, diff)
    diff.gone = [student for student in roster.students if student.id not in taken]
    _add(fresh, roster, people, taken, diff)
    if remove:
        _check_removal(roster, diff)
    return diff


# -- the rows --------------------------------------------------------------------------------------------------------------


def _entries(table: LmsTable, columns: RosterColumns, diff: RosterDiff) -> list[_Entry]:
    """One for each student in the table; of two rows that say the same, as for two sections, the first."""
    by_id: dict[str, _Entry] = {}
    by_email: dict[str, _Entry] = {}
    found = []
    diff.left_out = [_name(table, row, columns) for row in table.rows if is_tester(table, row)]
    for row in people_rows(table):
        if columns.role is not None:
            role = fold(row.cells[columns.role])
            if role and not any(word in role for word in STUDENT_ROLES):
                diff.left_out.append(_name(table, row, columns) or row.cells[columns.id].strip())
                continue
        entry = _entry(table, row, columns, diff)
        if entry is None:
            continue
        other = by_id.setdefault(key_of(entry.id), entry)
        if other is not entry:
            if (other.name, key_of(other.email)) != (entry.name, key_of(entry.email)):
                what = f"the id {shown(entry.id)} is also that of {shown(other.name)} on line {other.line}"
                diff.conflicts.append(Conflict(entry.line, what, "correct the row whose id is wrong"))
            continue
        other = by_email.setdefault(key_of(entry.email), entry) if entry.email else entry
        if other is not entry:
            what = f"the address {shown(entry.email)} is also that of {shown(other.name)} on line {other.line}"
            diff.conflicts.append(Conflict(entry.line, what, "correct the row whose address is wrong"))
            continue
        found.append(entry)
    return found


def _entry(table: LmsTable, row: Row, columns: RosterColumns, diff: RosterDiff) -> _Entry | None:
    ident = clean(row.cells[columns.id]).strip().removeprefix("#")
    email = "" if columns.email is None else clean(row.cells[columns.email]).strip()
    name = _name(table, row, columns) or ident
    if email and not _ADDRESS.fullmatch(email):
        diff.conflicts.append(
            Conflict(row.line, f"{shown(email)} is not an e-mail address", "correct it, or empty the cell")
        )
        return None
    return _Entry(row.line, ident, name, email, tuple(row.cells[place] for place in columns.keys))


def _name(table: LmsTable, row: Row, columns: RosterColumns) -> str:
    name = " ".join(clean(" ".join(row.cells[place] for place in columns.name)).split())[:200].strip()
    # Canvas and ILIAS write the last name first.
    if len(columns.name) == 1 and fold(table.heading[columns.name[0]]) in ("student", "name"):
        last, comma, first = name.partition(", ")
        if comma and first and "," not in first and first.casefold() not in _SUFFIXES:
            name = f"{first} {last}"
    return name


# -- the differences -------------------------------------------------------------------------------------------------------


def _compare(roster: Roster, student_id: str, entry: _Entry, diff: RosterDiff) -> None:
    student = next(student for student in roster.students if student.id == student_id)
    before = len(diff.changed)
    if entry.name not in (student.name, entry.id):
        diff.changed.append(RosterChange(student.id, "name", student.name, entry.name))
    if entry.email and key_of(entry.email) != key_of(student.email or ""):
        holder = roster.find(entry.email)
        if holder is not None and holder.id != student.id:
            what = f"the address {shown(entry.email)} is the handle of {holder.id!r}"
            diff.conflicts.append(Conflict(entry.line, what, "change that handle"))
        diff.changed.append(RosterChange(student.id, "email", student.email or "", entry.email))
    if len(diff.changed) == before:
        diff.same.append(student.id)


def _add(fresh: list[_Entry], roster: Roster, people: People, taken: dict[str, _Entry], diff: RosterDiff) -> None:
    for entry in fresh:
        namesakes = [person.id for person in people.by_name(entry.name) if person.id not in taken]
        holder = next((owner for text in (entry.id, entry.email) if text and (owner := roster.find(text))), None)
        if holder is not None:
            what = f"{shown(entry.id)} is the id or handle of {holder.id!r} in the roster"
            diff.conflicts.append(Conflict(entry.line, what, "change that handle, or name other ids with --id-column"))
        elif namesakes:
            diff.conflicts.append(
                Conflict(
                    entry.line,
                    f"{shown(entry.name)} has the name of {namesakes[0]!r} in the roster, and another id",
                    f"give {namesakes[0]!r} the e-mail address or id that the file has, or name the column of ids with --id-column",
                )
            )
        else:
            try:
                diff.added.append(Student(id=entry.id, name=entry.name, email=entry.email or None))
            except ValidationError:
                diff.conflicts.append(
                    Conflict(
                        entry.line,
                        f"{shown(entry.id)} cannot be an id",
                        "ids begin with a letter or digit and hold letters, digits and . _ @ + -; choose with --id-column",
                    )
                )


def _check_removal(roster: Roster, diff: RosterDiff) -> None:
    if len(diff.gone) == len(roster.students) and diff.gone:
        diff.conflicts.append(
            Conflict(
                0,
                "nobody of the roster is in the file",
                "leave --remove away, or name the column of ids with --id-column",
            )
        )
    for student in diff.gone:
        team = roster.team_of(student.id)
        if team is not None:
            what = f"{student.id!r} is not in the file, and is a member of the team {team.id!r}"
            diff.conflicts.append(Conflict(0, what, "take the student out of the team first, or leave --remove away"))
