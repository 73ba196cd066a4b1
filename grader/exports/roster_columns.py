"""Which columns of a platform's table hold a student's id, e-mail address and name.

The headings are those of exports of Canvas, Moodle, Blackboard, Brightspace, Gradescope, ILIAS and GitHub Classroom, in English and
German where the platform translates them, and those of our own CSV.
"""

from __future__ import annotations

from dataclasses import dataclass

from grader.errors import UsageError
from grader.exports.blackboard_gradebook import BlackboardGradebook
from grader.exports.brightspace_gradebook import BrightspaceGradebook
from grader.exports.canvas_gradebook import CanvasGradebook
from grader.exports.lms_table import LmsTable, Row, fold, listed, shown

#: From the surest to the least: what an institution gives, then what a platform gives.
IDS = (
    "SIS Login ID", "SIS User ID", "SID", "Username", "User name", "Login", "Anmeldename", "Benutzername", "OrgDefinedId",
    "Student ID", "student_id", "ID number", "ID-Nummer", "Matriculation number", "Matrikelnummer",
)  # fmt: skip
#: Headings that mean an id in one platform's table, and another thing elsewhere: with a heading that tells which it is.
_IDS_BESIDE = (("identifier", "github_username"), ("student", "on_roster"), ("id", "name"), ("ID", "Section"))
EMAILS = ("Email", "E-Mail", "Email address", "E-Mail-Adresse", "Mail")
NAMES = (
    ("Full name",), ("Vollständiger Name",), ("First name", "Last name"), ("First name", "Surname"), ("FirstName", "LastName"),
    ("Vorname", "Nachname"), ("Name",), ("Student",),
)  # fmt: skip
ROLES = ("Role", "Roles", "Rolle", "Rollen", "Role/Status", "Rolle/Status")
#: Words in a role that mark a student, in the platforms' words.
STUDENT_ROLES = ("student", "learner", "participant", "member", "teilnehmer", "studierende", "mitglied")
#: The platforms that have a test student of their own.
_FORMATS = (CanvasGradebook(), BlackboardGradebook(), BrightspaceGradebook())


@dataclass(frozen=True, slots=True)
class RosterColumns:
    """Places in the heading. ``keys`` are all columns that may hold an id or an address that the roster knows."""

    id: int
    email: int | None
    name: tuple[int, ...]
    role: int | None
    keys: tuple[int, ...]


def roster_columns(table: LmsTable, id_column: str | None = None) -> RosterColumns:
    """The columns of ``table``. ``id_column`` is the heading of the ids, where the instructor says it.

    The ids are the surest column that has one in each row; where there is none, they are the e-mail addresses.

    Raises:
        UsageError: no column of ids is known, or it has gaps.
    """
    email = table.find(*EMAILS)
    ids = [place for heading in IDS if (place := table.find(heading)) is not None]
    for heading, beside in _IDS_BESIDE:
        place = table.find(heading)
        if place is not None and table.find(beside) is not None and place not in ids:
            ids.append(place)
    if id_column is not None:
        asked = table.find(id_column)
        if asked is None:
            raise UsageError(
                f"there is no column {shown(id_column)}",
                where=f"{table.path}:1",
                fix=f"use one of: {listed(table.heading[:12])}",
            )
        chosen = asked
    else:
        candidates = [*ids, *([email] if email is not None else [])]
        full = [place for place in candidates if all(row.cells[place].strip() for row in people_rows(table))]
        if not full:
            raise UsageError(
                "no column has an id for each student",
                where=f"{table.path}:1",
                fix=f"name the column with --id-column, one of: {listed(table.heading[:12])}",
            )
        chosen = full[0]
    # Canvas's own numbers may be somebody else's student number: they count only where nothing else is there.
    sure = [place for place in ids if table.heading[place].strip() != "ID"]
    return RosterColumns(
        id=chosen,
        email=email,
        name=_name(table),
        role=table.find(*ROLES),
        keys=tuple(dict.fromkeys([chosen, *sure, *([email] if email is not None else [])])),
    )


def people_rows(table: LmsTable) -> list[Row]:
    """The rows that are about people: not Canvas's points and posting policies, and no platform's test student."""
    return [row for row in table.rows if not _is_nobody(table, row) and not is_tester(table, row)]


def is_tester(table: LmsTable, row: Row) -> bool:
    """True for a row of a platform's own test student."""
    return any(form.is_test_student(full_name(table, row), row.cells) for form in _FORMATS)


def full_name(table: LmsTable, row: Row) -> str:
    """The name in a row as it is compared."""
    return fold(" ".join(row.cells[place] for place in _name(table)))


def _is_nobody(table: LmsTable, row: Row) -> bool:
    policy = all(cell.strip() in ("", "Muted", "Manual Posting") for cell in row.cells)
    return policy or full_name(table, row) == "points possible"


def _name(table: LmsTable) -> tuple[int, ...]:
    for headings in NAMES:
        places = [place for heading in headings if (place := table.find(heading)) is not None]
        if len(places) == len(headings):
            return tuple(places)
    return ()
