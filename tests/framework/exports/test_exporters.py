"""What every exporter must keep to: each that is installed, ours and those of other packages, is held to it here."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from typer.testing import CliRunner

from grader.cli.main import app
from grader.course import load_course
from grader.errors import UsageError
from grader.exports import EXPORTERS, Grade, Grades, GradeState, grades_of, open_exporter
from grader.exports.csv_exporter import COLUMNS
from grader.records import CheckResult, Report, Verdict
from grader.store import Store
from tests.support.lms_files import hostile
from tests.support.packages import install

NOON = datetime(2026, 12, 1, 12, tzinfo=UTC)
#: Names that harm a file, a reader of it, or a spreadsheet.
NAMES = ('=HYPERLINK("http://x")', "+1", "-2+3", "@SUM(A1)", "\t=1", 'a "b", c;d', "Gödel", "x\r\ny", "\x1b[31mred")


def grade(student, state=GradeState.GRADED, score=7.5, **more):
    graded = state is GradeState.GRADED
    fields = {"name": student.title(), "email": f"{student}@example.org", "on_roster": True, **more}
    return Grade(
        student=student, state=state, score=score if graded else None, raw_score=score if graded else None, **fields
    )


def grades(*rows):
    return Grades("A course", "backprop", "Backpropagation", 10.0, rows)


@pytest.fixture(params=EXPORTERS.names())
def exporter(request):
    """Every exporter that is installed."""
    return open_exporter(request.param)


def cells(exporter, *rows):
    """Every cell of a file that a spreadsheet may open; none for other kinds of files."""
    if exporter.suffix not in (".csv", ".tsv"):
        return []
    text = exporter.export(grades(*rows)).decode("utf-8-sig")
    return [
        cell
        for row in csv.reader(io.StringIO(text), delimiter="\t" if exporter.suffix == ".tsv" else ",")
        for cell in row
    ]


def test_the_file_has_an_ending(exporter):
    """With its dot, for a file's name."""
    assert exporter.suffix.startswith(".")


def test_the_same_grades_make_the_same_file(exporter):
    """So that two exports can be compared; other grades make another file."""
    rows = [grade("ada"), grade("grace", GradeState.HELD)]
    assert exporter.export(grades(*rows)) == exporter.export(grades(*rows))
    assert exporter.export(grades(*rows)) != exporter.export(grades(grade("ada", score=7.0), rows[1]))


def test_every_student_is_listed(exporter):
    """Also who handed in nothing, and a roster of nobody makes a file."""
    rows = [grade(f"student{number}", state) for number, state in enumerate(GradeState)]
    text = exporter.export(grades(*rows)).decode("utf-8-sig")
    for row in rows:
        assert text.count(f"{row.student}@example.org") == 1
    assert isinstance(exporter.export(grades()), bytes)


@pytest.mark.parametrize("state", [state for state in GradeState if state is not GradeState.GRADED])
def test_no_score_is_no_zero(exporter, state):
    """Held, ungraded and missing work read otherwise than work that got nothing, and no cell of theirs is 0."""
    missing, zero = grade("ada", state), grade("ada", score=0.0)
    assert exporter.export(grades(missing)) != exporter.export(grades(replace(zero, state=GradeState.GRADED)))
    row = cells(exporter, missing)[len(COLUMNS) :] if exporter.suffix == ".csv" else []
    for column, cell in zip(COLUMNS, row, strict=False):
        if "score" in column and column != "max_score":
            assert cell == "", column


@pytest.mark.parametrize("name", NAMES)
def test_no_cell_is_a_formula(exporter, name):
    """Whatever a student is called, a spreadsheet shows it and calculates nothing, and the file has as many rows."""
    rows = [grade("ada", name=name, email=name, submitted_by=name), grade("grace", score=-1.5)]
    for cell in cells(exporter, *rows):
        assert not cell.lstrip(" \u00a0\t\r\n").startswith(("=", "+", "@", "\t", "\r")), cell
        assert not cell.startswith("-") or float(cell) == -1.5
        assert "\x1b" not in cell
    if exporter.suffix == ".csv":
        assert len(cells(exporter, *rows)) == 3 * len(COLUMNS)


def test_a_thousand_hostile_names_harm_no_cell(exporter):
    """Each is one row with its score; no cell is a formula, and none turns text around or breaks a line."""
    rows = [
        grade(f"s{number}", score=number / 100, name=name, email=f"s{number}@example.org")
        for number, name in enumerate(hostile(1000))
    ]
    found = cells(exporter, *rows)
    for cell in found:
        assert not cell.lstrip().startswith(("=", "+", "@", "-", "\uff1d")), cell
        assert not any(sign in cell for sign in "\n\r\x00\x1b\u202e\u200f\u2066\u2028"), cell
    if exporter.suffix == ".csv":
        table = list(zip(*[iter(found)] * len(COLUMNS), strict=True))
        score = COLUMNS.index("score")
        assert [(row[0], float(row[score])) for row in table[1:]] == [(row.student, row.score) for row in rows]
    if exporter.suffix == ".json":
        value = json.loads(exporter.export(grades(*rows)))
        assert [(row["name"], row["score"]) for row in value["grades"]] == [(row.name, row.score) for row in rows]


# -- ours ----------------------------------------------------------------------------------------------------------------


def test_csv_reads_back():
    """A heading and a row each; numbers are plain, a missing one is empty, times have their zone."""
    rows = [
        grade("ada", score=0.1 + 0.2, submitted_by="team", submitted_at=NOON, late_penalty=0.1, days_late=1),
        grade("kurt", GradeState.HELD, name="Kurt Gödel", waiting=True),
    ]
    data = open_exporter("csv").export(grades(*rows))
    assert data.startswith(b"\xef\xbb\xbf")
    ada, kurt = csv.DictReader(io.StringIO(data.decode("utf-8-sig")))
    assert (ada["score"], ada["max_score"], ada["late_penalty"], ada["days_late"]) == ("0.3", "10", "0.1", "1")
    assert (ada["submitted_at"], ada["submitted_by"]) == ("2026-12-01T12:00:00+00:00", "team")
    assert (kurt["name"], kurt["state"], kurt["score"], kurt["waiting"]) == ("Kurt Gödel", "held", "", "yes")


def test_json_reads_back():
    """Every field under its own name; a missing score is null."""
    rows = [grade("ada", submitted_at=NOON), grade("kurt", GradeState.NOT_SUBMITTED)]
    value = json.loads(open_exporter("json").export(grades(*rows)))
    assert (value["schema_version"], value["assignment"], value["max_score"]) == (1, "backprop", 10.0)
    ada, kurt = value["grades"]
    assert (ada["state"], ada["score"], ada["submitted_at"]) == ("graded", 7.5, "2026-12-01T12:00:00+00:00")
    assert (kurt["state"], kurt["score"], kurt["submitted_at"]) == ("not submitted", None, None)


# -- from the store to a file --------------------------------------------------------------------------------------------


@pytest.fixture
def course(tiny_course):
    """The tiny course: five students, a team of two of them."""
    return load_course(tiny_course)


def hand_in(course, owner, score=None, *, verdict=Verdict.PARTIAL, at=NOON):
    store = Store(course.state)
    submission, _ = store.put_submission("backprop", owner, {"a.py": f"{owner} {at}".encode()}, received_at=at)
    if score is None and not verdict.held:
        return
    check = CheckResult(id="test_one", title="One", verdict=verdict, score=score, max_score=4.0)
    store.record(
        submission,
        Report(
            assignment="backprop", verdict=verdict, score=score, max_score=4.0, checks=(check,), seed=1,
            profile="cpu", grader_version="v", submission_digest=submission.digest,
        ),
    )  # fmt: skip


def test_grades_say_why_a_score_is_missing(course):
    """Nothing handed in, not graded, held and graded are four things; a team's work is its members'."""
    hand_in(course, "team-rho", 3.0)
    hand_in(course, "kurt", verdict=Verdict.GRADER_ERROR)
    hand_in(course, "evelyn")
    hand_in(course, "stranger", 1.0)
    table = grades_of(course, course.assignment("backprop"), Store(course.state))
    assert table.max_score == 4.0
    found = {row.student: (row.state.value, row.score, row.submitted_by, row.on_roster) for row in table.grades}
    assert found == {
        "ada": ("graded", 3.0, "team-rho", True),
        "grace": ("graded", 3.0, "team-rho", True),
        "kurt": ("held", None, "kurt", True),
        "evelyn": ("not graded", None, "evelyn", True),
        "0012": ("not submitted", None, "", True),
        "stranger": ("graded", 1.0, "stranger", False),
    }


def test_a_held_attempt_beside_a_score_is_said(course):
    """The score stays; that it may change is in a column of its own."""
    hand_in(course, "ada", 2.0)
    hand_in(course, "ada", verdict=Verdict.SYSTEM_ERROR, at=NOON + timedelta(hours=1))
    row = grades_of(course, course.assignment("backprop"), Store(course.state)).grades[0]
    assert (row.state, row.score, row.waiting) == (GradeState.GRADED, 2.0, True)


def export(course, *arguments):
    return CliRunner().invoke(app, ["export", "backprop", "--course", str(course.path), *map(str, arguments)])


def test_the_command_writes_a_file(course, tmp_path):
    """`autograde export` writes where it is told, for staff alone to read; what waits for a person is exit code 1."""
    hand_in(course, "ada", 2.0)
    path = tmp_path / "deep" / "grades.csv"
    result = export(course, "--out", path)
    assert (result.exit_code, path.stat().st_mode & 0o777) == (0, 0o600)
    assert "5 students" in result.output
    rows = list(csv.DictReader(io.StringIO(path.read_bytes().decode("utf-8-sig"))))
    assert [row["student"] for row in rows] == ["ada", "grace", "kurt", "evelyn", "0012"]
    hand_in(course, "kurt", verdict=Verdict.GRADER_ERROR)
    result = export(course, "--format", "json", "--json")
    assert result.exit_code == 1
    told = json.loads(result.output)
    assert (told["students"], told["waiting"]) == (5, ["kurt"])
    assert json.loads((course.state / "exports" / "backprop.json").read_bytes())["grades"][2]["score"] is None


def test_an_unknown_format_is_an_error_with_the_nearest(course):
    """Exit code 2, before anything is read or written."""
    result = export(course, "--format", "cvs")
    assert result.exit_code == 2
    assert "did you mean 'csv'" in result.output
    assert not (course.state / "exports").exists()


def test_a_package_adds_a_format(course, monkeypatch, tmp_path):
    """Its exporter is found by name and writes its own kind of file."""
    source = (
        "class Lines:\n    suffix = '.txt'\n    def export(self, grades):\n"
        "        return ''.join(f'{row.student} {row.state}\\n' for row in grades.grades).encode()\n"
    )
    install(monkeypatch, tmp_path, "lined", source, autograde_exporters={"lines": "lined:Lines"})
    assert "lines" in EXPORTERS.names()
    hand_in(course, "kurt", 2.0)
    result = export(course, "--format", "lines")
    assert result.exit_code == 0
    assert (
        (course.state / "exports" / "backprop.txt")
        .read_text()
        .startswith("ada not submitted\ngrace not submitted\nkurt graded\n")
    )


def test_a_broken_package_is_named(course, monkeypatch, tmp_path):
    """Not as a format that is unknown."""
    install(monkeypatch, tmp_path, "torn", "1 / 0\n", autograde_exporters={"torn": "torn:Torn"})
    with pytest.raises(UsageError, match="ZeroDivisionError"):
        open_exporter("torn")
