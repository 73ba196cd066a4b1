"""Whose each row of a platform's table is: by id and e-mail address, and only then by full name."""

from __future__ import annotations

from dataclasses import dataclass, field

from grader.errors import UsageError
from grader.exports.gradebook_format import GradebookFormat
from grader.exports.grades import Grade, Grades
from grader.exports.lms_table import LmsTable, Row, listed, shown
from grader.exports.people import People, Person


@dataclass(frozen=True, slots=True)
class FillOptions:
    """What the instructor asks for.

    ``column`` is the title, the number or the whole heading of the column to fill; the assignment's title where it is None.
    ``id_column`` is the heading of the only column by which students are found. With ``scale`` scores are scaled to the
    column's points. With ``blank`` the cells of students without a score are emptied.
    """

    column: str | None = None
    id_column: str | None = None
    scale: bool = False
    blank: bool = False


@dataclass(slots=True)
class MatchedRows:
    """Rows with the grade of the student whom each is about, who of them was found by name, and rows of strangers."""

    found: list[tuple[Row, Grade]] = field(default_factory=list)
    by_name: list[str] = field(default_factory=list)
    strangers: list[str] = field(default_factory=list)


def match_rows(
    table: LmsTable, form: GradebookFormat, grades: Grades, options: FillOptions | None = None
) -> MatchedRows:
    """The rows of ``table`` that are about students, each with its grade.

    Raises:
        UsageError: a row could be two students, two rows are one, or none is anybody of the roster.
    """
    options = options or FillOptions()
    by_id = {grade.student: grade for grade in grades.grades}
    people = People(Person(grade.student, grade.name, grade.email) for grade in grades.grades)
    keys, names = _places(table, form, options)
    rows = MatchedRows()
    lines: dict[str, int] = {}
    for row in table.rows:
        if not form.is_student(table, row):
            continue
        where = f"{table.path}:{row.line}"
        cells = tuple(row.cells[place] for place in keys)
        name = " ".join(row.cells[place] for place in names)
        found = people.by_keys(cells)
        if len(found) > 1:
            raise UsageError(
                f"the row could be {_ids(found)}: {listed([cell for cell in cells if cell.strip()])}",
                where=where,
                fix="name the column of ids with --id-column, or correct the roster",
            )
        if not found and form.is_test_student(name, cells):
            continue
        if not found and options.id_column is None:
            found = people.by_name(name)
            if len(found) > 1:
                raise UsageError(
                    f"the row could be {_ids(found)}, who are both called {shown(name)}",
                    where=where,
                    fix="put the e-mail address or id that the file has into the roster",
                )
            rows.by_name += [person.id for person in found]
        if not found:
            rows.strangers.append(" ".join(filter(None, [*name.split(), *(cell.strip() for cell in cells[:1])])))
            continue
        student = found[0].id
        if student in lines:
            raise UsageError(
                f"this row and that of line {lines[student]} are both {student!r}",
                where=where,
                fix="correct the row that is somebody else's: its id, e-mail address or name",
            )
        lines[student] = row.line
        rows.found.append((row, by_id[student]))
    if not rows.found:
        raise UsageError(
            "no row is somebody of the roster",
            where=table.path,
            fix="name the column that holds the roster's ids or e-mail addresses with --id-column",
        )
    return rows


def _places(table: LmsTable, form: GradebookFormat, options: FillOptions) -> tuple[list[int], list[int]]:
    """The columns of ids and addresses, and those of the name."""
    if options.id_column is not None:
        place = table.find(options.id_column)
        if place is None:
            raise UsageError(
                f"there is no column {shown(options.id_column)}",
                where=f"{table.path}:1",
                fix=f"use one of: {listed(table.heading[:12])}",
            )
        keys = [place]
    else:
        keys = [place for heading in form.key_headings if (place := table.find(heading)) is not None]
    for headings in form.name_headings:
        places = [table.find(heading) for heading in headings]
        if None not in places:
            return keys, [place for place in places if place is not None]
    return keys, []


def _ids(people: list[Person]) -> str:
    return " or ".join(repr(person.id) for person in people)
