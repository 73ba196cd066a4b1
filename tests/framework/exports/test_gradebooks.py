"""Scores in the gradebooks of learning platforms, as each platform reads them back."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from typer.testing import CliRunner

from grader.cli.main import app
from grader.course import load_course
from grader.errors import UsageError
from grader.exports import GRADEBOOKS, FillOptions, Grade, Grades, GradeState, fill, open_gradebook, read_table
from grader.records import CheckResult, Report, Verdict
from grader.store import Store
from tests.support import lms_files, lms_readers
from tests.support.lms_readers import ImportFails

#: Each platform's file, by the format that fills it.
MAKERS = {
    "canvas": lms_files.canvas,
    "moodle": lms_files.moodle_report,
    "moodle-worksheet": lms_files.moodle_worksheet,
    "blackboard": lms_files.blackboard,
    "brightspace": lms_files.brightspace,
}


def grade(student, score: float | None = 7.5, *, name=None, state=None, **more):
    state = state or (GradeState.GRADED if score is not None else GradeState.NOT_SUBMITTED)
    fields = {"name": name or f"{student.title()} Smith", "email": f"{student}@example.org", "on_roster": True, **more}
    return Grade(student=student, state=state, score=score, raw_score=score, **fields)


def grades(*rows, max_score=10.0):
    return Grades("A course", "backprop", "Backpropagation", max_score, rows)


CLASS = (
    grade("ada", 10.0), grade("grace", 1 / 3), grade("kurt", 0.0, name="Kurt Gödel"), grade("emmy", None),
    grade("hedy", None, state=GradeState.HELD), grade("alan", 9.005),
)  # fmt: skip
TOTAL = Decimal(10) + Decimal("0.33") + 0 + Decimal("9.01")


def filled(kind, rows, data=None, tmp="gradebook.csv", max_score=10.0, old=None, **options):
    data = MAKERS[kind](rows, old) if data is None else data
    table = read_table(Path(tmp), data)
    form = open_gradebook(kind.partition("-")[0])
    return fill(table, form, grades(*rows, max_score=max_score), FillOptions(**options))


def read_back(kind, rows, content):
    """{student: score} as the platform of ``kind`` reads it."""
    if kind == "canvas":
        scores, _, new = lms_readers.canvas_import(content)
        assert new == ["Notes"]  # Canvas knows it for a column of the instructor's
        return {rows[int(number) - 9000].student: score for number, score in scores["701"].items()}
    if kind == "moodle":
        users = {row.email for row in rows}
        heading = "Assignment: Backpropagation (Real)"
        found = lms_readers.moodle_import(content, heading, users, 10)
        return {row.student: found[row.email] for row in rows if row.email in found}
    if kind == "moodle-worksheet":
        return {rows[n - 500].student: score for n, score in lms_readers.moodle_worksheet(content).items()}
    if kind == "blackboard":
        return lms_readers.blackboard_import(content)["12"]
    return lms_readers.brightspace_import(content)["Backpropagation"]


def delimiter_of(kind):
    return "\t" if kind == "blackboard" else ","


# -- what every format keeps to --------------------------------------------------------------------------------------------


def test_every_format_is_tried_here():
    """A format that is added has a file here, and a reader."""
    assert {kind.partition("-")[0] for kind in MAKERS} == set(GRADEBOOKS.names())


@pytest.mark.parametrize("kind", MAKERS)
def test_the_platform_reads_the_scores_back(kind):
    """Who has a score has it, half a cent rounded up; nobody else has one; the totals agree."""
    done = filled(kind, CLASS)
    found = read_back(kind, CLASS, done.content)
    assert {student: score for student, score in found.items() if score != ""} == {
        "ada": Decimal(10), "grace": Decimal("0.33"), "kurt": Decimal(0), "alan": Decimal("9.01"),
    }  # fmt: skip
    assert sum(found.values()) == TOTAL
    assert done.written == ("ada", "grace", "kurt", "alan")
    assert dict(done.left) == {"emmy": "not submitted", "hedy": "held"}


@pytest.mark.parametrize("kind", MAKERS)
def test_nothing_else_changes(kind):
    """Encoding, byte order mark, line ends, quotes and the other cells are as the platform wrote them."""
    before = MAKERS[kind](CLASS)
    after = filled(kind, CLASS, before).content
    assert after[:3] == before[:3]
    # Put the old cells back: then the files are the same, byte for byte.
    again = filled(kind, CLASS, after, blank=True) if not kind.startswith("moodle") else None
    if again is not None:
        table = read_table(Path("x"), after)
        place = next(c.index for c in open_gradebook(kind).columns(table) if c.title == "Backpropagation")
        cells = {(row, place): "" for row in table.rows if row.cells[place] and "Points" not in row.cells[0]}
        assert table.filled(cells) == before
    old, new = lms_readers.table_of(before, delimiter_of(kind)), lms_readers.table_of(after, delimiter_of(kind))
    differ = {
        column
        for one, other in zip(old, new, strict=True)
        for column, (a, b) in enumerate(zip(one, other, strict=True))
        if a != b
    }
    assert len(differ) == 1


@pytest.mark.parametrize("kind", MAKERS)
def test_filling_again_changes_nothing(kind):
    """The same grades in a filled gradebook make the same file, and no change is reported."""
    once = filled(kind, CLASS)
    twice = filled(kind, CLASS, once.content)
    assert (twice.content, twice.changed) == (once.content, ())


@pytest.mark.parametrize("kind", MAKERS)
def test_no_score_is_blanked(kind):
    """A score of somebody who is held or has handed in nothing stays, unless the instructor asks for blanks."""
    old = {"emmy": "4.00", "hedy": "5"}
    done = filled(kind, CLASS, old=old)
    found = read_back(kind, CLASS, done.content)
    assert (found["emmy"], found["hedy"]) == (4, 5)
    if kind.startswith("moodle"):
        with pytest.raises(UsageError, match="empty cell for no change"):
            filled(kind, CLASS, old=old, blank=True)
        return
    cleared = filled(kind, CLASS, old=old, blank=True)
    assert not {"emmy", "hedy"} & set(read_back(kind, CLASS, cleared.content))
    assert {(change.student, change.old, change.new) for change in cleared.changed} == {
        ("emmy", "4.00", ""),
        ("hedy", "5", ""),
    }


@pytest.mark.parametrize("kind", MAKERS)
def test_a_score_that_changes_is_reported(kind):
    """With the old and the new text; one that is the same number in another spelling is not."""
    done = filled(kind, CLASS, old={"ada": "9,5", "alan": "9.010"})
    assert [(change.student, change.old, change.new) for change in done.changed] == [("ada", "9,5", "10")]
    assert read_back(kind, CLASS, done.content)["ada"] == 10


@pytest.mark.parametrize("kind", MAKERS)
def test_who_is_missing_on_either_side_is_listed(kind):
    """Students without a row, and rows of nobody on the roster; the platform's test student is neither."""
    stranger = grade("mallory")
    data = MAKERS[kind]([*CLASS[1:], stranger])
    done = filled(kind, CLASS, data)
    assert done.not_in_file == ("ada",)
    assert len(done.not_on_roster) == 1
    assert "Mallory" in done.not_on_roster[0] or "mallory" in done.not_on_roster[0]
    assert done.needs_somebody


@pytest.mark.parametrize("kind", MAKERS)
def test_two_rows_of_one_student_are_refused(kind):
    """With both lines and the fix."""
    with pytest.raises(UsageError, match=r"this row and that of line \d+ are both 'ada'") as error:
        filled(kind, CLASS, MAKERS[kind]([*CLASS, CLASS[0]]))
    assert "gradebook.csv:" in str(error.value)
    assert "fix:" in str(error.value)


@pytest.mark.parametrize("kind", MAKERS)
def test_two_students_of_one_name_are_refused(kind):
    """Where only the name could say who a row is."""
    twins = (grade("a1", name="Jo Doe"), grade("a2", name="Jo Doe"))
    data = MAKERS[kind]([grade("unknown", name="Jo Doe")])
    with pytest.raises(UsageError, match="could be 'a1' or 'a2'"):
        filled(kind, twins, data)


@pytest.mark.parametrize("kind", MAKERS)
def test_a_full_name_finds_who_has_no_other_key(kind):
    """And is reported, for a person to look at."""
    rows = (grade("x9", 3.0, name="Ada Lovelace", email=""), grade("x8", name="Kurt Gödel"))
    data = MAKERS[kind]([grade("strange1", name="Ada Lovelace"), grade("strange2", name="kurt godel")])
    done = filled(kind, rows, data)
    assert done.by_name == ("x9", "x8")
    assert set(done.written) == {"x9", "x8"}


@pytest.mark.parametrize("kind", ["canvas", "moodle-worksheet", "blackboard", "brightspace"])
def test_other_points_are_refused_or_scaled(kind):
    """A column out of ten does not silently take scores out of forty."""
    with pytest.raises(UsageError, match=r"has 10 points, the assignment 40\n  fix: give it 40 points"):
        filled(kind, CLASS, max_score=40.0)
    rows = (grade("ada", 30.0), grade("grace", 40.0))
    found = read_back(kind, rows, filled(kind, rows, max_score=40.0, scale=True).content)
    assert found == {"ada": Decimal("7.5"), "grace": 10}


@pytest.mark.parametrize("kind", MAKERS)
@pytest.mark.parametrize("other", MAKERS)
def test_another_platforms_file_is_refused(kind, other):
    """With what is missing and where the right file is found."""
    if kind.partition("-")[0] == other.partition("-")[0]:
        return
    with pytest.raises(UsageError, match="this is not a gradebook of") as error:
        filled(kind, CLASS, MAKERS[other](CLASS))
    assert "fix: in " in str(error.value)


def test_unknown_points_are_said():
    """Where the file has no points, nobody has compared them with the assignment's."""
    assert {kind for kind in MAKERS if filled(kind, CLASS).points_unknown} == {"moodle"}


def test_a_thousand_hostile_names_harm_no_cell():
    """Whatever students are called, each platform reads the same scores, and the other cells are as it wrote them."""
    rows = [
        grade(f"s{n}", (n % 1001) / 100, name=name, email=f"s{n}@example.org")
        for n, name in enumerate(lms_files.hostile(1000))
        if "Points Possible" not in name
    ]
    expected = {row.student: Decimal(str(row.score)) for row in rows}
    for kind, make in MAKERS.items():
        data = make(rows)
        done = filled(kind, rows, data)
        assert {s: v.quantize(Decimal("0.01")) for s, v in read_back(kind, rows, done.content).items()} == expected, (
            kind
        )
        before = lms_readers.table_of(data, delimiter_of(kind))
        after = lms_readers.table_of(done.content, delimiter_of(kind))
        changed = [
            (cell, now)
            for one, other in zip(before, after, strict=True)
            for cell, now in zip(one, other, strict=True)
            if cell != now
        ]
        assert len(changed) == len(rows), kind
        assert all(now.replace(".", "", 1).isdigit() for _, now in changed), kind
        assert done.formulas, "names that begin like a formula are reported"


# -- Canvas ----------------------------------------------------------------------------------------------------------------


def test_canvas_finds_one_decimal_point():
    """1234.5 has no thousands separator, which Canvas would take for the point."""
    rows = (grade("ada", 1234.5), grade("grace", 1234.0))
    data = lms_files.canvas(rows, points="2000")
    scores, points, _ = lms_readers.canvas_import(filled("canvas", rows, data, max_score=2000.0).content)
    assert scores["701"] == {"9000": Decimal("1234.5"), "9001": 1234}
    assert points["701"] == "2000"
    assert lms_readers.canvas_decimal("1,234") == Decimal("1.234")  # what we must never write


def test_canvas_excuses_stay():
    """A score would end the excuse; N/A marks who need not hand in."""
    done = filled("canvas", CLASS, old={"ada": "EX", "grace": "N/A"})
    assert dict(done.left)["ada"] == "excused in Canvas"
    assert dict(done.left)["grace"] == "not assigned in Canvas"
    assert lms_readers.canvas_import(done.content)[0]["701"]["9000"] == "excused"


def test_canvas_own_numbers_are_nobody():
    """A roster of student numbers may hold the number that Canvas gave to somebody else."""
    rows = (grade("9001", 1.0, name="Ada Lovelace"), grade("grace", 2.0, name="Grace Hopper"))
    data = lms_files.canvas([grade("9001", name="Ada Lovelace"), grade("unknown", name="Some Body")])
    done = filled("canvas", rows, data)
    assert done.written == ("9001",)
    assert lms_readers.canvas_import(done.content)[0]["701"] == {"9000": 1}


@pytest.mark.parametrize(
    ("title", "message"),
    [("Final Score", "takes a column of this name for a total"), ("Backpropagation", None)],
)
def test_canvas_totals_are_refused(title, message):
    """An assignment called like a total would be dropped without a word."""
    data = lms_files.canvas(CLASS, title=title)
    if message is None:
        assert filled("canvas", CLASS, data, column="701").written
        return
    with pytest.raises(UsageError, match=message):
        filled("canvas", CLASS, data, column="701")


def test_canvas_makes_no_new_assignment():
    """A heading without a number is refused, and a student whom Canvas would take for its points."""
    data = lms_files.canvas(CLASS).replace(b"Backpropagation (701)", b"Backpropagation")
    with pytest.raises(UsageError, match="Canvas would make a new assignment"):
        filled("canvas", CLASS, data)
    with pytest.raises(UsageError, match="its row of points"):
        filled("canvas", [*CLASS, grade("bob", name="Bob Points Possible Roe")])


def test_columns_are_chosen_by_title_number_or_heading():
    """Several of one title need the whole heading; none of it lists what there is."""
    data = lms_files.canvas(CLASS).replace(b"Reading (700)", b"Backpropagation (700)")
    with pytest.raises(UsageError, match=r"several columns are called 'Backpropagation'") as error:
        filled("canvas", CLASS, data, max_score=10.0)
    assert "'Backpropagation (700)', 'Backpropagation (701)'" in str(error.value)
    for column in ("701", "Backpropagation (701)", "backpropagation  (701)"):
        assert "ada" in filled("canvas", CLASS, data, column=column).written
    with pytest.raises(UsageError, match=r"no column is 'Nothing'\n  fix: name one with --column: 'Reading'"):
        filled("canvas", CLASS, column="Nothing")


# -- Moodle ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("decimal_sign", [".", ","])
def test_moodle_reads_the_point_in_every_language(decimal_sign):
    """Also where the language writes a comma."""
    done = filled("moodle-worksheet", CLASS)
    assert lms_readers.moodle_worksheet(done.content, decimal_sign)[501] == Decimal("0.33")


@pytest.mark.parametrize("kind", ["moodle", "moodle-worksheet"])
def test_a_bonus_that_fails_moodles_file_is_refused(kind):
    """One grade above the full one fails the whole import; it is named before."""
    rows = (grade("ada", 10.5), grade("grace", 3.0))
    with pytest.raises(UsageError, match=r":2: the score 10.5 is above the 10 points"):
        filled(kind, rows)
    data = lms_files.moodle_report(rows).replace(b"-,-,3.00", b"10.5,-,3.00")
    with pytest.raises(ImportFails, match="grade too high"):
        read_back("moodle", rows, data)


def test_moodle_worksheet_needs_its_columns():
    """Moodle refuses a worksheet without the time of the last grade; locked grades stay."""
    data = lms_files.moodle_worksheet(CLASS)
    with pytest.raises(UsageError, match="Last modified"):
        filled("moodle-worksheet", CLASS, data.replace(b"Last modified (grade)", b"Changed"))
    locked = data.replace(b"Submitted,,10.00,Yes", b"Submitted,,10.00,No", 1)
    done = filled("moodle-worksheet", CLASS, locked)
    assert dict(done.left)["ada"] == "locked in Moodle"
    assert 500 not in lms_readers.moodle_worksheet(done.content)


# -- Blackboard ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("heading", "message"),
    [
        ("Backpropagation [Total Pts: 10] |12", None),
        ("Backpropagation |12", None),
        ("Backpropagation [Total Pts: 0 Text] |12", "shows it as text, not as a score"),
        ("Backpropagation [Total Pts: 10 Percentage] |12", "shows it as percentage, not as a score"),
        ("Backpropagation", "would make a new column of text"),
    ],
)
def test_blackboard_columns_are_those_of_points(heading, message):
    """The number decides; a column of text would take a score for a word."""
    text = lms_files.blackboard(CLASS).decode("utf-16").replace("Backpropagation [Total Pts: 10 Score] |12", heading)
    data = text.encode("utf-16")
    if message is None:
        assert lms_readers.blackboard_import(filled("blackboard", CLASS, data).content)["12"]["ada"] == 10
        return
    with pytest.raises(UsageError, match=message):
        filled("blackboard", CLASS, data)


# -- files -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "is empty"),
        (b"PK\x03\x04rest", "is a workbook"),
        ("Student,ID\nGödel,1\n".encode("latin-1"), "neither UTF-8 nor UTF-16"),
        (b"Student,ID\n\x00,1\n", "NUL"),
        (b'Student,ID\n"a,1\n', "not closed"),
        (b'Student,ID\n"a"b,1\n', "text follows"),
        (b"Student,ID\na,1,2\n", "has 3 cells, the heading 2"),
        (b"Student,ID,Section,section\na,1,2,3\n", "two columns are called 'Section'"),
    ],
)
def test_a_damaged_file_is_refused(data, message):
    """In a sentence that names the file, its line where there is one, and the fix."""
    with pytest.raises(UsageError, match=message) as error:
        filled("canvas", CLASS, data)
    assert str(error.value).startswith("gradebook.csv")
    assert error.value.fix


def test_semicolons_and_other_line_ends_stay():
    """A gradebook of a country that writes commas in numbers keeps its delimiter."""
    data = lms_files.canvas(CLASS).replace(b"1,5", b"2").replace(b'"Smith, ', b'"Smith_ ')
    text = data.decode("utf-8-sig")
    rows = lms_readers.table_of(text.encode())
    again = lms_files.written(rows, delimiter=";", newline="\r\n", encoding="utf-8")
    done = filled("canvas", CLASS, again)
    assert lms_readers.canvas_import(done.content)[0]["701"]["9000"] == 10
    assert done.content.count(b"\r\n") == again.count(b"\r\n")


def test_an_id_column_is_the_only_key():
    """With --id-column neither names nor other columns count."""
    rows = (grade("SIS-1", 1.0, name="Grace Smith"), grade("SIS-0", 2.0, name="Ada Smith"))
    data = lms_files.canvas([grade("SIS-1", name="Ada Smith"), grade("SIS-0", name="Grace Smith")])
    with pytest.raises(UsageError, match="the row could be 'SIS-0' or 'SIS-1'"):
        filled("canvas", rows, data)
    done = filled("canvas", rows, data, id_column="SIS Login ID")
    assert lms_readers.canvas_import(done.content)[0]["701"] == {"9000": 1, "9001": 2}
    with pytest.raises(UsageError, match="there is no column 'Nothing'"):
        filled("canvas", rows, data, id_column="Nothing")


# -- the command -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def course(tiny_course):
    """The tiny course: ada and grace are a team that has 3 of 4 points."""
    course = load_course(tiny_course)
    store = Store(course.state)
    submission, _ = store.put_submission(
        "backprop", "team-rho", {"a.py": b"1"}, received_at=datetime(2026, 12, 1, tzinfo=UTC)
    )
    check = CheckResult(id="test_one", title="One", verdict=Verdict.PARTIAL, score=3.0, max_score=4.0)
    store.record(
        submission,
        Report(
            assignment="backprop", verdict=Verdict.PARTIAL, score=3.0, max_score=4.0, checks=(check,), seed=1,
            profile="cpu", grader_version="v", submission_digest=submission.digest,
        ),
    )  # fmt: skip
    return course


def export(course, *arguments):
    return CliRunner().invoke(app, ["export", "backprop", "--course", str(course.path), *map(str, arguments)])


def test_the_command_fills_a_copy(course, tmp_path):
    """The original stays; the copy is for staff alone; what a person should look at is listed, with exit code 1."""
    rows = [grade(s.id, name=s.name, email=s.email or "") for s in course.roster.students]
    path = tmp_path / "canvas.csv"
    path.write_bytes(before := lms_files.canvas(rows, points="4"))
    result = export(course, "--format", "canvas", "--into", path)
    assert result.exit_code == 0, result.output
    copy = course.state / "exports" / "backprop-canvas.csv"
    assert path.read_bytes() == before
    assert copy.stat().st_mode & 0o777 == 0o600
    assert lms_readers.canvas_import(copy.read_bytes())[0]["701"] == {"9000": 3, "9001": 3}
    assert "2 scores in column 'Backpropagation (701)'" in result.output
    path.write_bytes(lms_files.canvas(rows[1:], points="4"))
    result = export(course, "--format", "canvas", "--into", path, "--json")
    assert result.exit_code == 1
    about = json.loads(result.output)["gradebook"]
    assert (about["not_in_file"], about["written"]) == (["ada"], ["grace"])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--format", "canvas"), "give the file with --into"),
        (("--format", "csv", "--into", "x.csv"), "is a file of its own"),
        (("--format", "canvsa", "--into", "x.csv"), "did you mean 'canvas'"),
        (("--format", "canvas", "--into", "missing.csv"), "cannot be read"),
        (("--blank",), "is for a gradebook"),
        (("--format", "gradescope-results", "--scale"), "is for a gradebook"),
        (("--format", "gradescope-results", "--into", "x.csv"), "needs no table"),
    ],
)
def test_a_wrong_call_says_what_is_right(course, arguments, message):
    """Exit code 2, before anything is written."""
    result = export(course, *arguments)
    assert (result.exit_code, message in result.output) == (2, True), result.output
    assert not (course.state / "exports").exists()
