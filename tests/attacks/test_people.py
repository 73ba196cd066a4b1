"""Attacks on staff's own tools: whose work it is, when it came, what the course file may do to the machine, and tables.

None of these needs a sandbox. A submission's own attacks are in ``submissions/``; docs/explanation/threat-model.md lists both.
"""

from __future__ import annotations

import functools
import os
import string
import unicodedata
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import pytest
from grader.course import load_course
from grader.errors import CourseError
from grader.intake import collect, read_names
from grader.intake.owners import match_owner
from grader.store import Store
from grader.text import csv_safe

HERE = Path(__file__).parent
NOW = datetime.now(UTC)
ROSTER = "roster:\n  students:\n    - {id: ada, name: Ada Lovelace, email: ada@example.org}\n    - {id: mallory, name: Mallory Doe"
COURSE = (HERE / "course" / "autograde.yml").read_text(encoding="utf-8")


def write(root, *, handle="", more="", released=""):
    """The attacked course with two students in it; mallory has chosen a handle."""
    text = COURSE[: COURSE.index("roster:")] + ROSTER + (f", handle: {handle}" if handle else "") + "}\n"
    text += COURSE[COURSE.index("assignments:") :]
    if released:
        text = text.replace(
            "    title: Attacked\n", f"    title: Attacked\n    released: {released}\n    due: 2026-12-01T12:00\n"
        )
    for path in (
        "assignments/attacked/hidden/test_hidden.py",
        "solutions/attacked/work.py",
        "solutions/attacked/plain.py",
        "solutions/attacked/cell.py",
    ):
        target = root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes((HERE / "course" / path).read_bytes())
    (root / "autograde.yml").write_text(text + more, encoding="utf-8")
    return root / "autograde.yml"


# -- whose ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "handle",
    [
        "ada", "ADA", "ada_12345", "ada-67890", "Ada 1", "a.d.a", '"\\u0430d\\u0430"', '"\\uff41da"', '"\\u00e1da"', "ada@example.org",
        "lovelaceada", "Ada-Lovelace", '"Lovelace, Ada"', '"ada\\u200b"',
    ],
)  # fmt: skip
def test_a_handle_that_looks_like_another_is_refused(tmp_path, handle):
    """By id, e-mail or name, with an LMS's numbers behind it, in other alphabets, or with what nobody sees in between."""
    with pytest.raises(CourseError) as caught:
        load_course(write(tmp_path, handle=handle))
    assert "handle" in str(caught.value)


@pytest.mark.parametrize("handle", ["enchantress", "countess of l.", "adamant", "mallory", "Mallory Doe", "m1", "adal"])
def test_a_handle_of_ones_own_is_taken(tmp_path, handle):
    """Also one's own id or name, and a word that begins like another's id."""
    assert load_course(write(tmp_path, handle=handle)).roster.students[1].handle == handle


@pytest.mark.parametrize("entry", ["adamant_12345_67890_work.py", "adamant.zip", "adamant_late_1_2_work.py"])
def test_no_upload_is_matched_by_a_handle(tmp_path, entry):
    """A name that a student chose for the leaderboard leads to nobody's work."""
    course = load_course(write(tmp_path, handle="adamant"))
    assert match_owner(entry, course.roster, course.assignment("attacked")).owner is None


@pytest.mark.parametrize("entry", ["ada_12345_67890_work.py", "lovelaceada_777_888_work.py", "ada@example.org.zip"])
def test_uploads_go_to_id_name_and_address(tmp_path, entry):
    """As learning platforms write them."""
    course = load_course(write(tmp_path, handle="adamant"))
    owner = match_owner(entry, course.roster, course.assignment("attacked")).owner
    assert owner is not None
    assert owner.id == "ada"


#: What a platform writes before the name that the student chose for a file; and what it says of mallory.
PLATFORMS = {
    "Canvas": "doemallory_LATE_12_34_",
    "Moodle": "Mallory Doe_12_assignsubmission_file_",
    "Blackboard": "Attacked_mallory_attempt_2026-12-02-10-00-00_",
    "Brightspace": "12-34 - Mallory Doe - Dec 2, 2026 1000 AM - ",
}
#: Names for a file that read as what a platform writes, of ada and of a time before the due date.
POSING = (
    "ada_attempt_2026-11-20-10-00-00_work.py", "x_ada_attempt_2026-11-20-10-00-00_work.py",
    "attempt_2026-11-20-10-00-00_ada.py", "ada_99_assignsubmission_file_work.py", "assignsubmission_file_ada.py",
    "lovelaceada_1_2_work.py", "Ada Lovelace - Nov 20, 2026 1000 AM - work.py", "ada+attacked+2026-11-20 10:00:00 UTC.py",
    "Lovelace_Ada_ada_99.py", "ada@example.org.py", "-ada.py",
)  # fmt: skip


@pytest.mark.parametrize("platform", PLATFORMS)
def test_a_file_cannot_pose_as_anothers_or_as_early(tmp_path, platform):
    """What the platform wrote before it says whose it is and that it is late, whatever the student called the file."""
    course = load_course(write(tmp_path, released="2026-11-01T12:00"))
    assignment = course.assignment("attacked")
    (tmp_path / "inbox").mkdir()
    at = datetime(2026, 12, 2, 9, tzinfo=UTC).timestamp()
    for index, file in enumerate(POSING):
        upload = tmp_path / "inbox" / f"{PLATFORMS[platform]}{file}"
        upload.write_text(f"x = {index}\n")
        os.utime(upload, (at, at))
    result = collect(course, assignment, tmp_path / "inbox", Store(tmp_path / "state"))
    assert result.added
    assert not result.unmatched
    for submission in result.added:
        assert submission.owner == "mallory", submission.source
        assert assignment.days_late(submission.received_at, "mallory"), submission.source


def test_a_list_of_names_is_not_asked_about_a_students_own(tmp_path):
    """What ``--names`` says of a platform's numbers counts; a file called after ada's account leads to nobody."""
    course = load_course(write(tmp_path))
    table = tmp_path / "names.csv"
    table.write_text("ada,adagh\nada,99\n")
    (tmp_path / "inbox").mkdir()
    files = ("adagh.py", "x-adagh.py", "x_adagh.py", "x_99_assignsubmission_file_work.py", "99.py", "x_99.py")
    for number, file in enumerate(files):
        (tmp_path / "inbox" / f"anon_{number}2_34_{file}").write_text("x = 1\n")
    names = read_names(str(table), course.roster)
    result = collect(course, course.assignment("attacked"), tmp_path / "inbox", Store(tmp_path / "state"), names=names)
    assert not result.added
    assert len(result.unmatched) == len(files)


@pytest.mark.parametrize(
    "entries", [("ada/work.py", "mallory/work.py"), ("submission_metadata.yml", "submission_1/work.py")]
)
def test_one_upload_is_not_a_class(tmp_path, entries):
    """An archive that a platform says one student handed in is not taken for a class's download, with work of others."""
    course = load_course(write(tmp_path))
    (tmp_path / "inbox").mkdir()
    metadata = (
        ":submission_1:\n  :submitters:\n  - :name: Ada Lovelace\n    :sid: ada\n    :email: ada@example.org\n"
        "  :created_at: 2026-11-20 10:00:00 Z\n"
    )
    for whose in ("doemallory_12_34_", "anon_12_34_", "Attacked_nobody_attempt_2026-11-20-10-00-00_"):
        with zipfile.ZipFile(tmp_path / "inbox" / f"{whose}class.zip", "w") as archive:
            for entry in entries:
                archive.writestr(entry, metadata if entry.endswith(".yml") else "x = 1\n")
    result = collect(course, course.assignment("attacked"), tmp_path / "inbox", Store(tmp_path / "state"))
    assert {submission.owner for submission in result.added} == {"mallory"}
    assert len(result.unmatched) == 2


# -- when ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("year", [1971, 2001, 2023])
def test_a_clock_set_back_is_reported(tmp_path, year):
    """A file that is older than its assignment needs a person; nothing is taken for proof of anything."""
    course = load_course(write(tmp_path, released="2026-11-01T12:00"))
    work = tmp_path / "inbox" / "mallory" / "work.py"
    work.parent.mkdir(parents=True)
    work.write_text("x = 1\n")
    at = datetime(year, 1, 2, tzinfo=UTC).timestamp()
    os.utime(work, (at, at))
    result = collect(course, course.assignment("attacked"), tmp_path / "inbox", Store(tmp_path / "state"))
    assert any("mallory" in text and "older than the assignment" in text for text in result.warnings), result.warnings
    assert result.needs_somebody


def test_staff_who_say_when_are_believed(tmp_path):
    """The time that they give counts, whatever the file says, and nothing is reported."""
    course = load_course(write(tmp_path, released="2026-11-01T12:00"))
    work = tmp_path / "inbox" / "mallory" / "work.py"
    work.parent.mkdir(parents=True)
    work.write_text("x = 1\n")
    os.utime(work, (0, 0))
    given = datetime(2026, 11, 20, tzinfo=UTC)
    result = collect(course, course.assignment("attacked"), tmp_path / "inbox", Store(tmp_path / "state"), given)
    assert [item.received_at for item in result.added] == [given]
    assert not result.warnings


# -- the course file -----------------------------------------------------------------------------------------------------


def _aliases(first, each, last):
    """Nine names, each of which stands for nine of the one before."""
    lines = [f"a0: &a0 {first}"]
    lines += [f"a{k}: &a{k} {each.format(','.join([f'*a{k - 1}'] * 9), k)}" for k in range(1, last)]
    return "\n".join(lines) + "\n"


HOSTILE = {
    "aliases of aliases": _aliases("[x, x, x, x, x, x, x, x, x]", "[{0}]", 10),
    "merges of merges": _aliases("{k: 1}", "{{<<: [{0}], z{1}: 1}}", 10),
    "aliases of mappings": _aliases("{k: 1}", "{{a: [{0}]}}", 10),
    "brackets": "deep: " + "[" * 10_000 + "]" * 10_000 + "\n",
    "braces": "deep: " + "{a: " * 10_000 + "1" + "}" * 10_000 + "\n",
    "indentation": "".join(" " * k + "k:\n" for k in range(1_000)),
    "dashes": "deep:\n" + "- " * 10_000 + "x\n",
    "a file of 10 MB": "# " + "x" * 10_000_000 + "\n",
    "a key of 10 MB": "? " + "k" * 10_000_000 + "\n: 1\n",
    "a number of 5,000 digits": "late_policy: {grace_minutes: " + "9" * 5_000 + "}\n",
    "half a character": 'x: "\\ud800"\n',
    "half a character in a key": '"\\ud800": 1\n',
    "a tag that calls": "x: !!python/object/apply:os.system [id]\n",
    "an alias of itself": "x: &x [*x]\n",
    "a merge of itself": "x: &x {<<: *x}\n",
    "20,000 unknown keys": "".join(f"b{k}: 1\n" for k in range(20_000)),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_course_file_is_an_error(tmp_path, name):
    """One that is said in a screen of words, with no traceback. Without bounds, the first of these never end."""
    path = write(tmp_path, more=HOSTILE[name])
    with pytest.raises(CourseError) as caught:
        load_course(path)
    assert len(str(caught.value)) < 12_000


@pytest.mark.parametrize(
    ("due", "zone"),
    [("9999-12-31T23:59", "America/Los_Angeles"), ("9999-12-31", "UTC"), ("0001-01-01T00:00", "Asia/Tokyo")],
)
def test_a_date_at_the_end_of_all_dates_is_an_error(tmp_path, due, zone):
    """The last days that a calendar has are refused with their line: a zone or a grace period would lead beyond them."""
    path = write(tmp_path, released="2026-11-01T12:00")
    text = (
        path.read_text().replace("timezone: UTC", f"timezone: {zone}").replace("due: 2026-12-01T12:00", f"due: {due}")
    )
    path.write_text(text)
    with pytest.raises(CourseError, match="the year must be from"):
        load_course(path)


# -- tables --------------------------------------------------------------------------------------------------------------


@functools.cache
def spaces() -> list[str]:
    """What Unicode calls a space or a separator, found by a look at every character."""
    every = map(chr, range(0x110000))
    return [char for char in every if char.isspace() or unicodedata.category(char) in ("Zs", "Zl", "Zp")]


#: Seen by nobody, and no spaces: joiners, tags, selectors, marks without a letter, letters without a shape.
UNSEEN = (
    "\u034f",
    "\u061c",
    "\u115f",
    "\u17b4",
    "\u180e",
    "\u2060",
    "\u2800",
    "\u3164",
    "\ufe0f",
    "\ufeff",
    "\U000e0001",
    "\U000e0020",
)
SIGNS = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20", "\u2212", "\ufe66", "\ufe62", "\ufe63", "\ufe6b", "\ufb29", "\u207a", "\u208c")  # fmt: skip


@pytest.mark.parametrize("start", SIGNS)
def test_no_space_hides_a_formula(start):
    """Whatever Unicode calls a space, alone or twice, before what a spreadsheet takes for a formula."""
    assert len(spaces()) > 20
    for space in (*spaces(), *UNSEEN):
        for text in (f"{space}{start}1+1", f"{space} {space}{start}cmd", f" {space}\t{start}1"):
            shown = csv_safe(text)
            assert isinstance(shown, str)
            assert shown.startswith("'") or shown[:1] in string.ascii_letters, [hex(ord(char)) for char in text]


@pytest.mark.parametrize("between", [";", "\t", "; ", ";\u00a0", ';"', '; "', ";;", ";\u2060", 'a";"'])
def test_no_other_separator_begins_a_formula(between):
    """A semicolon or tab in a text begins a cell where the comma is for decimals, and no formula may stand there."""
    for start in SIGNS:
        shown = csv_safe(f"ada{between}{start}1+1")
        assert isinstance(shown, str)
        *_, cell = shown.replace("\t", ";").split(";")
        assert cell.startswith("'"), hex(ord(start))
        assert csv_safe(f"a{start}1;2;b{start}") == f"a{start}1;2;b{start}"
