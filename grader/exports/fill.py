"""Scores put into the gradebook that a platform exported: one column is written, every other byte stays.

Whatever could be meant in two ways is refused, with the row or column and the fix: a wrong guess gives one student's grade to
another, and nobody reads a gradebook again after its import.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal

from grader.errors import UsageError
from grader.exports.gradebook_format import GradebookFormat, ScoreColumn
from grader.exports.gradebook_rows import FillOptions, match_rows
from grader.exports.grades import Grade, Grades, GradeState
from grader.exports.lms_table import LmsTable, Row, fold, listed, read_number, shown

#: Canvas compares scores at two decimals, and no platform shows more by default.
_STEP = Decimal("0.01")


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
    points_unknown: bool = False
    """The file does not say how many points the column has, so that nobody has compared them with the assignment's."""
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
    rows = match_rows(table, form, grades, options)
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
        points_unknown=column.max_points is None,
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
