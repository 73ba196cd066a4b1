"""Rosters from platforms' tables: what is read, what would change, and what is written."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from grader.cli.main import app
from grader.course import Roster, Student, load_course
from grader.errors import CourseError, UsageError
from grader.exports import compare_roster, read_table
from tests.support.lms_files import hostile, written

FORMULA = '=HYPERLINK("http://x")'
#: For each platform's export: its heading and the row of Ada, and what the roster has of her.
PLATFORMS = {
    "canvas": (
        ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", "HW (1)"],
        ["Lovelace, Ada", "9001", "S-17", "ada1", "A", ""],
        ("ada1", "Ada Lovelace", None),
    ),
    "canvas without logins": (
        ["Student", "ID", "Section", "HW (1)"], ["Lovelace, Ada", "9001", "A", ""], ("9001", "Ada Lovelace", None),
    ),
    "moodle participants": (
        ["First name", "Last name", "Email address", "Roles", "Groups"],
        ["Ada", "Lovelace", "ada@example.org", "Student", ""],
        ("ada@example.org", "Ada Lovelace", "ada@example.org"),
    ),
    "moodle grades": (
        ["First name", "Last name", "ID number", "Email address", "Assignment: HW (Real)"],
        ["Ada", "Lovelace", "4711", "ada@example.org", "-"],
        ("4711", "Ada Lovelace", "ada@example.org"),
    ),
    "moodle worksheet": (
        ["Identifier", "Full name", "Email address", "Status", "Grade"],
        ["Participant 12", "Ada Lovelace", "ada@example.org", "", ""],
        ("ada@example.org", "Ada Lovelace", "ada@example.org"),
    ),
    "moodle german": (
        ["Vorname", "Nachname", "ID-Nummer", "E-Mail-Adresse"], ["Ada", "Lovelace", "4711", "ada@example.org"],
        ("4711", "Ada Lovelace", "ada@example.org"),
    ),
    "blackboard": (
        ["Last Name", "First Name", "Username", "Student ID", "Last Access", "Availability", "HW [Total Pts: 10 Score] |12"],
        ["Lovelace", "Ada", "ada1", "4711", "", "Yes", ""],
        ("ada1", "Ada Lovelace", None),
    ),
    "brightspace": (
        ["OrgDefinedId", "Username", "Last Name", "First Name", "Email", "HW Points Grade", "End-of-Line Indicator"],
        ["#4711", "#ada1", "Lovelace", "Ada", "ada@example.org", "", "#"],
        ("ada1", "Ada Lovelace", "ada@example.org"),
    ),
    "gradescope": (
        ["First Name", "Last Name", "SID", "Email", "Sections", "Total Score"],
        ["Ada", "Lovelace", "4711", "ada@example.org", "A", "3"],
        ("4711", "Ada Lovelace", "ada@example.org"),
    ),
    "ilias": (
        ["Anmeldename", "Vorname", "Nachname", "E-Mail", "Rolle/Status", "Matrikelnummer"],
        ["ada1", "Ada", "Lovelace", "ada@example.org", "Kursmitglied", "4711"],
        ("ada1", "Ada Lovelace", "ada@example.org"),
    ),
    "github classroom": (
        ["identifier", "github_username", "github_id", "name"], ["ada1", "adacodes", "77", "Ada Lovelace"],
        ("ada1", "Ada Lovelace", None),
    ),
    "autograde": (
        ["student", "name", "email", "state", "on_roster"], ["ada1", "Ada Lovelace", "ada@example.org", "graded", "yes"],
        ("ada1", "Ada Lovelace", "ada@example.org"),
    ),
}  # fmt: skip


def compare(rows, roster=(), **options):
    return compare_roster(read_table(Path("list.csv"), written(rows)), Roster(tuple(roster)), **options)


def people(diff):
    return [(student.id, student.name, student.email) for student in diff.added]


@pytest.mark.parametrize("platform", PLATFORMS)
def test_each_platforms_table_is_read(platform):
    """By its headings: the id that an institution gives, the name in its usual order, the address."""
    heading, row, expected = PLATFORMS[platform]
    diff = compare([heading, row])
    assert people(diff) == [expected]
    assert not diff.conflicts


@pytest.mark.parametrize("platform", PLATFORMS)
def test_the_same_table_again_changes_nothing(platform):
    """A roster that was imported is up to date."""
    heading, row, (ident, name, email) = PLATFORMS[platform]
    diff = compare([heading, row], [Student(id=ident, name=name, email=email)])
    assert (diff.added, diff.changed, diff.gone, diff.conflicts, diff.same) == ([], [], [], [], [ident])


SIMPLE = ["Username", "Email", "First Name", "Last Name"]


def test_a_student_stays_the_same_by_any_key():
    """A row whose user name the roster does not know is the student with its address, who keeps the id."""
    roster = [Student(id="17", name="Ada Byron", email="ADA@example.org")]
    diff = compare([SIMPLE, ["ada1", "ada@example.org", "Ada", "Lovelace"]], roster)
    assert [(c.student, c.field, c.old, c.new) for c in diff.changed] == [("17", "name", "Ada Byron", "Ada Lovelace")]
    assert (diff.added, diff.gone) == ([], [])


def test_who_is_not_in_the_file_is_listed():
    """And goes only where that is asked for."""
    diff = compare([SIMPLE, ["ada1", "", "Ada", "L"]], [Student(id="kurt", name="Kurt")])
    assert [student.id for student in diff.gone] == ["kurt"]


@pytest.mark.parametrize(
    ("rows", "roster", "message"),
    [
        ([["a", "b@x.org", "A", "B"]], ["a", "b"], "has an id or address of 'a' and 'b'"),
        ([["a", "n@x.org", "A", "B"], ["c", "n@x.org", "C", "D"]], [], "the address 'n@x.org' is also that of 'A B' on line 2"),
        ([["a", "", "A", "B"], ["a", "", "C", "D"]], [], "the id 'a' is also that of 'A B' on line 2"),
        ([["a", "", "A", "B"], ["zz", "a@x.org", "C", "D"]], ["a"], "are both 'a' of the roster"),
        ([["new", "", "Name", "b"]], ["b"], "has the name of 'b' in the roster, and another id"),
        ([["a b", "", "A", "B"]], [], "'a b' cannot be an id"),
        ([["a", "no address", "A", "B"]], [], "'no address' is not an e-mail address"),
        ([["nick", "", "A", "B"]], ["b"], "'nick' is the id or handle of 'b'"),
    ],
)  # fmt: skip
def test_conflicts_are_named(rows, roster, message):
    """Each with its line and what to do; none is settled by a guess."""
    students = [
        Student(id=i, name=f"Name {i}", email=f"{i}@x.org", handle="nick" if i == "b" else None) for i in roster
    ]
    diff = compare([SIMPLE, *rows], students)
    assert any(message in conflict.what for conflict in diff.conflicts), diff.conflicts
    assert all(conflict.fix and conflict.line > 1 for conflict in diff.conflicts)


def test_rows_about_nobody_and_staff_are_left_out():
    """Points, posting policies, test students and everybody whose role is not a student's."""
    heading = ["Student", "ID", "SIS Login ID", "Section", "HW (1)"]
    rows = [
        ["", "", "", "", "Manual Posting"],
        ["    Points Possible", "", "", "", "10"],
        ["Student, Test", "1", "5d41", "", ""],
    ]
    diff = compare([heading, *rows, ["Doe, Jo", "2", "jo", "", ""]])
    assert (people(diff), diff.left_out) == ([("jo", "Jo Doe", None)], ["Test Student"])
    diff = compare([["Login", "Name", "Role"], ["prof", "Doe, Jane", "Instructor"], ["jo", "Doe, Jo", "Student"]])
    assert (people(diff), diff.left_out) == ([("jo", "Jo Doe", None)], ["Jane Doe"])


def test_a_table_without_ids_is_refused():
    """With the headings to choose from."""
    with pytest.raises(UsageError, match="no column has an id for each student") as error:
        compare([["Vorname", "Kürzel"], ["Ada", "al"]])
    assert "--id-column" in str(error.value)
    assert people(compare([["Vorname", "Kürzel"], ["Ada", "al"]], id_column="kürzel")) == [("al", "al", None)]


# -- the file --------------------------------------------------------------------------------------------------------------

COURSE = """\
# The course.
course: {name: "Tiny", timezone: Europe/Berlin} # where we are
roster:   # who hands in
  students:
    # The first row.
    - {id: ada, name: Ada Lovelace, email: ada@example.org, handle: enchantress} # sits in front
    - id: grace
      # the admiral
      name: 'Grace Hopper'
      handle: nanosecond

    - { id: "0012" , name: No }   # numbers stay text
  teams:
    - {id: rho, name: Team Rho, members: [ada, grace]}
assignments:
  backprop: {title: Backpropagation, files: [backprop.py]}   # the only one
"""


@pytest.fixture
def course(tmp_path):
    """The file of a course whose roster is written by hand, in more than one way."""
    path = tmp_path / "autograde.yml"
    path.write_text(COURSE)
    folder = tmp_path / "assignments" / "backprop" / "hidden"
    folder.mkdir(parents=True)
    (folder / "test_it.py").write_text("")
    (folder.parent / "notebook.py").write_text("")
    (tmp_path / "solutions" / "backprop").mkdir(parents=True)
    (tmp_path / "solutions" / "backprop" / "backprop.py").write_text("")
    return path


def run(course, rows, *arguments):
    table = course.parent / "list.csv"
    table.write_bytes(written([SIMPLE, *rows]))
    return CliRunner().invoke(app, ["roster", "import", str(table), "--course", str(course), *arguments])


ROWS = [
    ["ada", "countess@example.org", "Ada", "King"],
    ["grace", "grace@example.org", "Grace", "Hopper"],
    ["kurt", "", "Kurt", "Gödel"],
]


def test_a_dry_run_writes_nothing(course):
    """It shows who would come, change and go."""
    result = run(course, ROWS)
    assert result.exit_code == 0, result.output
    assert course.read_text() == COURSE
    for line in (
        "+ kurt  Kurt Gödel",
        "~ ada  name: 'Ada Lovelace' to 'Ada King'",
        "~ grace  email: none to 'grace@example.org'",
        "  0012  No  (not in the file; stays without --remove)",
        "nothing is written yet; add --write",
    ):
        assert line in result.output


def test_write_changes_what_it_must_and_nothing_else(course):
    """Comments, handles, quotes, blank lines and teams are as they were; a second import finds nothing to do."""
    course.chmod(0o640)
    assert run(course, ROWS, "--write").exit_code == 0
    assert course.stat().st_mode & 0o777 == 0o640
    expected = (
        COURSE.replace("name: Ada Lovelace, email: ada@example.org", "name: Ada King, email: countess@example.org")
        .replace("name: 'Grace Hopper'\n", "name: Grace Hopper\n", 0)
        .replace("name: 'Grace Hopper'\n", "name: 'Grace Hopper'\n      email: grace@example.org\n")
        .replace("# numbers stay text\n", "# numbers stay text\n    - {id: kurt, name: Kurt Gödel}\n")
        .replace("email: countess@example.org", "email: countess@example.org")
    )
    assert course.read_text() == expected
    assert load_course(course).roster.find("kurt").name == "Kurt Gödel"
    assert "the roster is up to date" in run(course, ROWS).output
    assert sorted(path.name for path in course.parent.iterdir()) == [
        "assignments",
        "autograde.yml",
        "list.csv",
        "solutions",
    ]


def test_remove_takes_out_who_is_gone(course):
    """With the line; a member of a team is a conflict, and then nothing is written."""
    assert run(course, ROWS, "--write", "--remove").exit_code == 0
    assert "0012" not in course.read_text()
    before = course.read_text()
    result = run(course, ROWS[1:], "--write", "--remove")
    assert result.exit_code == 1
    assert "is a member of the team 'rho'" in result.output
    assert course.read_text() == before


def test_a_conflict_stops_all_writing(course):
    """Also for the rows that are in order; as JSON, with lines."""
    result = run(course, [*ROWS, ["a b", "", "A", "B"]], "--write", "--json")
    assert result.exit_code == 1
    about = json.loads(result.output)
    assert (about["written"], about["conflicts"][0]["line"]) == (False, 5)
    assert about["added"][0] == {"id": "kurt", "name": "Kurt Gödel", "email": None, "handle": None}
    assert course.read_text() == COURSE


@pytest.mark.parametrize(
    "roster",
    [
        "",
        "roster: {}  # nobody yet\n",
        "roster:   # nobody yet\n  students: []\n",
        "roster:\n    students: [] # nobody\n    teams: []\n",
        "roster:\n   teams: []\n",
    ],
)
def test_the_first_students_of_a_course(course, roster):
    """An empty roster is filled, however it is written."""
    head, _, tail = COURSE.partition("roster:")
    course.write_text(head + roster + tail[tail.index("assignments:") :])
    assert run(course, ROWS, "--write").exit_code == 0
    assert [student.id for student in load_course(course).roster.students] == ["ada", "grace", "kurt"]
    assert "# where we are" in course.read_text()


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_line_ends_stay(course, newline):
    """A file from Windows stays one, and a file without a last line end is no trap."""
    text = COURSE.replace("\n", newline)
    course.write_bytes(text.encode())
    assert run(course, ROWS, "--write", "--remove").exit_code == 0
    data = course.read_bytes()
    assert data.count(b"\r\n") == (data.count(b"\n") if newline == "\r\n" else 0)
    assert len(load_course(course).roster.students) == 3


@pytest.mark.parametrize(
    "students",
    [
        "[{id: ada, name: Ada}, {id: grace, name: Grace}]",
        "\n    - &a {id: ada, name: Ada}\n    - {<<: *a, id: grace}",
        "\n    -\n      id: ada\n      name: Ada\n    - {id: grace, name: Grace}",
    ],
)
def test_a_roster_that_cannot_be_edited_is_refused(course, students):
    """With the fix, and the file stays as it was."""
    head, _, tail = COURSE.partition("  students:")
    course.write_text(before := head + "  students: " + students + "\n" + tail[tail.index("  teams:") :])
    result = run(course, ROWS, "--write")
    assert result.exit_code == 2, result.output
    assert "write each student on a line of its own" in result.output
    assert course.read_text() == before


@pytest.mark.slow
def test_a_thousand_hostile_names_are_imported(course):
    """Each is one student afterwards, and the rest of the file is what it was."""
    rows = [[f"s{n}", f"s{n}@example.org", name.replace("\x00", ""), "X"] for n, name in enumerate(hostile(1000))]
    result = run(course, rows, "--write")
    assert result.exit_code == 0, result.output[-500:]
    text = course.read_text()
    assert text.startswith(COURSE[: COURSE.index("  teams:")])
    assert text.endswith(COURSE[COURSE.index("  teams:") :])
    roster = load_course(course).roster
    assert len(roster.students) == 1003
    for student in roster.students:
        assert "\n" not in student.name
        assert "\u202e" not in student.name
    assert "the roster is up to date" in run(course, rows).output


def test_an_edit_that_would_break_the_course_is_refused(course):
    """What is written is loaded before it replaces the file."""
    from grader.course import RosterEdit, write_roster

    with pytest.raises(CourseError, match="used twice"):
        write_roster(course, RosterEdit(add=[Student(id="nanosecond", name="X"), Student(id="ADA", name="Y")]))
    assert course.read_text() == COURSE
