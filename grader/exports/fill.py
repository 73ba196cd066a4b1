"""Scores put into the gradebook that a platform exported: one column is written, every other byte stays.

Whatever could be meant in two ways is refused, with the row or column and the fix: a wrong guess gives one student's grade to
another, and nobody reads a gradebook again after its import.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal

from grader.errors import UsageError
from grader.exports.gradebook_format import GradebookFormat, ScoreColumn
from grader.exports.grades import Grade, Grades, GradeState
from grader.exports.lms_table import LmsTable, Row, fold, listed, read_number, shown
from grader.exports.people import People, Person

#: Canvas compares scores at two decimals, and no platform shows more by default.
_STEP = Decimal("0.01")


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


@dataclass(frozen=True, slots=True)
class Change:
    """A cell that held something else before: whose it is, and the texts."""

    student: str
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Filled:
    """The file, and what a person should know about it. Students are ids of the course, strangers names of the platform."""

    content: bytes
    column: str
    written: tuple[str, ...]
    """Who has a score in the file, changed or not."""
    changed: tuple[Change, ...]
    """Whose score was another one."""
    left: tuple[tuple[str, str], ...]
    """Whose cell stays as it is, with the reason."""
    by_name: tuple[str, ...]
    """Who was found by full name alone."""
    not_in_file: tuple[str, ...]
    """Who is on the roster, or has a score, and has no row."""
    not_on_roster: tuple[str, ...]
    """Rows that are about nobody of the course."""
    formulas: tuple[int, ...] = field(default=())
    """Lines with a cell of the platform's own that a spreadsheet would calculate."""

    @property
    def needs_somebody(self) -> bool:
        """True where a person should look at who is missing, or at what was not written."""
        settled = all(reason == GradeState.NOT_SUBMITTED for _, reason in self.left)
        return bool(self.not_in_file or self.not_on_roster) or not settled


def fill(table: LmsTable, form: GradebookFormat, grades: Grades, options: FillOptions | None = None) -> Filled:
    """Write the scores of ``grades`` into their column of ``table``.

    Only a grade whose state is ``graded`` is written; every other cell stays as it is.

    Raises:
        UsageError: the file is another platform's, the column or a student is ambiguous or unknown to the platform, the
            points differ and ``scale`` is not asked for, or the platform would refuse a score.
    """
    options = options or FillOptions()
    if options.blank and not form.clears_by_blank():
        raise UsageError(
            f"{form.platform} takes an empty cell for no change",
            where="--blank",
            fix="leave --blank away, and remove the scores there",
        )
    column = _column(table, form, grades, options)
    factor = _factor(table, form, grades, column, scale=options.scale)
    rows = _match(table, form, grades, options)
    cells: dict[tuple[Row, int], str] = {}
    written, changed, left = [], [], []
    for row, grade in rows.found:
        old = row.cells[column.index].strip()
        reason = form.locked(table, row, column)
        new = _text(grade, factor) if grade.state is GradeState.GRADED else ""
        if not reason and not new and not options.blank:
            reason = grade.state.value
        if reason:
            left.append((grade.student, reason))
            continue
        if new:
            if not form.allows_bonus():
                _refuse_bonus(table, row, form, new, column.max_points or grades.max_score)
            written.append(grade.student)
        if not _same(old, new):
            cells[row, column.index] = new
            if old not in ("", "-"):
                changed.append(Change(grade.student, old, new))
    known = {grade.student for _, grade in rows.found}
    missing = (grade for grade in grades.grades if grade.student not in known)
    return Filled(
        content=table.filled(cells),
        column=table.heading[column.index],
        written=tuple(written),
        changed=tuple(changed),
        left=tuple(left),
        by_name=tuple(rows.by_name),
        not_in_file=tuple(grade.student for grade in missing if grade.on_roster or grade.score is not None),
        not_on_roster=tuple(rows.strangers),
        formulas=tuple(row.line for row in table.rows if any(map(_is_formula, row.cells))),
    )


# -- the column ------------------------------------------------------------------------------------------------------------


def _column(table: LmsTable, form: GradebookFormat, grades: Grades, options: FillOptions) -> ScoreColumn:
    columns = form.columns(table)
    where = f"{table.path}:1"
    have = listed([column.title or table.heading[column.index] for column in columns if not column.problem])
    if options.column is None:
        wanted = {fold(grades.title), fold(grades.assignment)}
        # A worksheet of one assignment has one column, and does not say whose.
        found = [column for column in columns if fold(column.title) in wanted or not column.title]
        asked = f"called {shown(grades.title)}"
    else:
        text = fold(options.column)
        found = [c for c in columns if text in (fold(table.heading[c.index]), c.number)]
        found = found or [column for column in columns if text == fold(column.title)]
        asked = shown(options.column)
    if not found:
        raise UsageError(f"no column is {asked}", where=where, fix=f"name one with --column: {have}")
    if len(found) > 1:
        headings = listed([table.heading[column.index] for column in found])
        raise UsageError(
            f"several columns are {asked}", where=where, fix=f"give the whole heading with --column: {headings}"
        )
    if found[0].problem:
        raise UsageError(
            f"column {shown(table.heading[found[0].index])}: {found[0].problem}", where=where, fix=found[0].fix
        )
    return found[0]


def _factor(table: LmsTable, form: GradebookFormat, grades: Grades, column: ScoreColumn, *, scale: bool) -> float:
    points = column.max_points
    heading = shown(table.heading[column.index])
    if scale:
        if not points or not grades.max_score:
            raise UsageError(
                f"column {heading} does not say how many points it has",
                where="--scale",
                fix=f"leave --scale away, and give it {grades.max_score:g} points in {form.platform}",
            )
        return points / grades.max_score
    if points is not None and abs(points - grades.max_score) > 1e-6:
        raise UsageError(
            f"column {heading} has {points:g} points, the assignment {grades.max_score:g}",
            where=f"{table.path}:1",
            fix=f"give it {grades.max_score:g} points in {form.platform} and export again, or add --scale",
        )
    return 1.0


def _refuse_bonus(table: LmsTable, row: Row, form: GradebookFormat, new: str, points: float) -> None:
    if Decimal(new) > Decimal(repr(points)):
        raise UsageError(
            f"the score {new} is above the {points:g} points, and {form.platform} would refuse the whole file",
            where=f"{table.path}:{row.line}",
            fix=f"raise the points of the item in {form.platform}, and export again",
        )


def _text(grade: Grade, factor: float) -> str:
    """The score with at most two decimals, one point and no other separator: every platform reads it alike."""
    assert grade.score is not None
    exact = Decimal(repr(round(grade.score * factor, 9)))
    text = f"{exact.quantize(_STEP, rounding=ROUND_HALF_UP):f}".rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text


def _same(old: str, new: str) -> bool:
    if old == new:
        return True
    number = read_number(old) if new else None
    return number is not None and abs(number - float(new)) < 5e-7


def _is_formula(cell: str) -> bool:
    bare = cell.lstrip()
    return bare.startswith(("=", "@", "\t")) or (
        bare.startswith(("+", "-")) and len(bare) > 1 and read_number(bare) is None
    )


# -- the rows --------------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Rows:
    found: list[tuple[Row, Grade]] = field(default_factory=list)
    by_name: list[str] = field(default_factory=list)
    strangers: list[str] = field(default_factory=list)


def _match(table: LmsTable, form: GradebookFormat, grades: Grades, options: FillOptions) -> _Rows:
    by_id = {grade.student: grade for grade in grades.grades}
    people = People(Person(grade.student, grade.name, grade.email) for grade in grades.grades)
    keys, names = _places(table, form, options)
    rows = _Rows()
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
