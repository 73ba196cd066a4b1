"""Downloads of learning platforms, as they are: right owners, right times, one submission each, whoever is missing named."""

from __future__ import annotations

import io
import json
import os
import zipfile
from datetime import UTC, datetime, timedelta

import pytest

from grader.course import load_course
from grader.errors import SubmissionError
from grader.intake import collect, read_names, read_times
from grader.intake.moments import read_moment
from grader.store import ReceivedFrom, Store

DUE = datetime(2026, 12, 4, 22, 59, tzinfo=UTC)
DOWNLOADED = DUE + timedelta(days=2)
FILES = {"backprop.py": b"A = 1\n", "hyperparams.py": b"B = 2\n"}


@pytest.fixture
def course(tiny_course):
    """The tiny course, without its team."""
    path = tiny_course / "autograde.yml"
    text = path.read_text(encoding="utf-8").replace("members: [ada, grace]}", "members: [evelyn]}")
    path.write_text(text, encoding="utf-8")
    return load_course(tiny_course)


@pytest.fixture
def store(tmp_path):
    """An empty store."""
    return Store(tmp_path / "state")


def write(root, files, when=DOWNLOADED):
    """Files below ``root``, all of one time: that of the download."""
    for name, data in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        os.utime(path, (when.timestamp(), when.timestamp()))
    return root


def zipped(files, when=(1980, 1, 1, 0, 0, 0)):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in files.items():
            archive.writestr(zipfile.ZipInfo(name, when), data)
    return buffer.getvalue()


def under(folder, files=None, **others):
    return {f"{folder}{name}": data for name, data in (FILES if files is None else files).items()} | others


TIME = datetime(2026, 11, 20, 9, 11, 12, tzinfo=UTC)
MINUTE = TIME.replace(second=0)
GRADESCOPE = """submission_1:
  :submitters:
  - :name: Ada Lovelace
    :sid: 'x'
    :email: ada@example.org
  :created_at: 2026-11-20 10:11:12.123456789 +0100
submission_2: !ruby/object:Thing
  :submitters:
  - :name: Kurt Gödel
  :created_at: 2026-11-20 09:11:12 Z
"""
#: Each layout: files, what is expected of ada and kurt: (received, where from).
LAYOUTS = {
    "Canvas": (
        {
            **under("lovelaceada_11_901_"), "lovelaceada_11_903_report.pdf": b"%PDF", "lovelaceada_11_904_curve.png": b"PNG",
            "godelkurt_LATE_12_905_hw2.zip": zipped(FILES), "godelkurt_LATE_12_906_remarks.pdf": b"%PDF",
        },
        (DUE, ReceivedFrom.MARK), (DUE + timedelta(minutes=16), ReceivedFrom.MARK),
    ),
    "Moodle": (
        {
            **under("Ada Lovelace_77_assignsubmission_file_/"), "Ada Lovelace_77_assignsubmission_onlinetext_/onlinetext.html": b"hi",
            "Kurt G\u00f6del_78_assignsubmission_file/hw.zip": zipped(FILES), "Kurt G\u00f6del_78_assignsubmission_file/r.pdf": b"%PDF",
        },
        (DOWNLOADED, ReceivedFrom.FILE), (DOWNLOADED, ReceivedFrom.FILE),
    ),
    "Moodle in groups, flat": (
        {**under("Group A-Ada Lovelace_77_assignsubmission_file_"), **under("Group B-G\u00f6del Kurt_78_assignsubmission_file_")},
        (DOWNLOADED, ReceivedFrom.FILE), (DOWNLOADED, ReceivedFrom.FILE),
    ),
    "Blackboard": (
        {
            **under("Homework 2_ada_attempt_2026-11-20-10-11-12_"), "Homework 2_ada_attempt_2026-11-20-10-11-12.txt": b"Name: Ada",
            **under("Homework 2_kurt_attempt_2026-12-05-10-00-00_"),
        },
        (TIME, ReceivedFrom.SERVICE), (datetime(2026, 12, 5, 9, tzinfo=UTC), ReceivedFrom.SERVICE),
    ),
    "Brightspace": (
        {
            **under("111-222 - Ada Lovelace - Nov 20, 2026 1011 AM/"), "index.html": b"<html>",
            **under("112-223 - Kurt G\u00f6del - 20 November, 2026 10:11 AM/"),
        },
        (MINUTE, ReceivedFrom.SERVICE), (MINUTE, ReceivedFrom.SERVICE),
    ),
    "Gradescope": (
        {
            **under("assignment_9_export/submission_1/"), **under("assignment_9_export/submission_2/"),
            "assignment_9_export/submission_metadata.yml": GRADESCOPE.encode(),
        },
        (TIME.replace(microsecond=123456), ReceivedFrom.SERVICE), (TIME, ReceivedFrom.SERVICE),
    ),
    "ILIAS": (
        {**under("Exercise 2/Lovelace_Ada_ada_123/20261120101112_"), **under("Exercise 2/G\u00f6del_Kurt_kg17_124/")},
        (TIME, ReceivedFrom.SERVICE), (DOWNLOADED, ReceivedFrom.FILE),
    ),
    "Moodle with id numbers": (
        {**under("Lovelace Ada_ada_77_assignsubmission_file_/"), **under("0007_Kurt G\u00f6del_78_assignsubmission_file_/")},
        (DOWNLOADED, ReceivedFrom.FILE), (DOWNLOADED, ReceivedFrom.FILE),
    ),
    "Sakai": (
        {
            **under("Homework 2/Lovelace, Ada(ada)/Submission attachment(s)/"), "Homework 2/grades.csv": b"x",
            "Homework 2/Lovelace, Ada(ada)/timestamp.txt": b"20261120091112123",
            "Homework 2/Lovelace, Ada(ada)/Feedback Attachment(s)/backprop.py": b"A = 9\n",
            "Homework 2/Lovelace, Ada(ada)/Lovelace, Ada(ada)_submissionText.html": b"",
            **under("Homework 2/G\u00f6del, Kurt(kurt)/Submission attachment(s)/"),
        },
        (TIME, ReceivedFrom.SERVICE), (DOWNLOADED, ReceivedFrom.FILE),
    ),
    "nbgrader's exchange": (
        {**under("ada+backprop+2026-11-20 09:11:12.000000 UTC/"), **under("kurt+backprop+2026-11-20 09:11:12 UTC+ZmY/")},
        (TIME, ReceivedFrom.SERVICE), (TIME, ReceivedFrom.SERVICE),
    ),
    "GitHub Classroom": (
        {**under("backprop-ada/"), "backprop-ada/.git/HEAD": b"ref", **under("hw2-kurt/src/"), "hw2-kurt/README.md": b"mine"},
        (DOWNLOADED, ReceivedFrom.FILE), (DOWNLOADED, ReceivedFrom.FILE),
    ),
}  # fmt: skip


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("packed", [False, True], ids=["unpacked", "as the platform's zip"])
def test_a_download_is_read_as_it_is(course, store, tmp_path, layout, packed):
    """Two days after the deadline: right owners and times, one submission each, the others of the roster named."""
    files, *expected = LAYOUTS[layout]
    inbox = write(tmp_path / "inbox", files)
    if packed:
        inbox = tmp_path / "HW2 Download Dec 6 2026.zip"
        inbox.write_bytes(zipped(files))
        os.utime(inbox, (DOWNLOADED.timestamp(), DOWNLOADED.timestamp()))
    assignment = course.assignment("backprop")
    result = collect(course, assignment, inbox, store)
    assert (result.unmatched, result.rejected, result.doubts) == ((), (), ())
    found = {one.owner: one for one in result.added}
    assert sorted(one.owner for one in result.added) == ["ada", "kurt"]
    for owner, (received, source) in zip(("ada", "kurt"), expected, strict=True):
        one = found[owner]
        assert (one.received_at, one.has_work, one.uploader) == (received, True, owner)
        assert one.received_from is (ReceivedFrom.MEMBERS if packed and source is ReceivedFrom.FILE else source)
        names = {file.path.rpartition("/")[2].removeprefix("20261120101112_") for file in one.files}
        assert names >= set(FILES)
        assert one.received_from.words
    assert [student.id for student in result.missing] == ["grace", "evelyn", "0012"]
    assert collect(course, assignment, inbox, store).added == ()


def test_a_download_inside_the_inbox_is_opened(course, store, tmp_path):
    """The platform's zip in the inbox, or a folder too deep, is the class's; a stranger's folder is not opened."""
    files = {
        "HW2 Nov 27.zip": zipped(under("lovelaceada_11_90_")),
        **under("CS-HW2-117733/Kurt G\u00f6del_12345_assignsubmission_file_/"),
        "somebody else/grace.py": b"1",
    }
    result = collect(course, course.assignment("backprop"), write(tmp_path / "inbox", files), store)
    assert sorted(one.owner for one in result.added) == ["ada", "kurt"]
    assert [item.entry for item in result.unmatched] == ["somebody else"]


@pytest.mark.parametrize(
    ("files", "names"),
    [
        (under("Participant_4711_assignsubmission_file_/"), "Identifier,Student\nParticipant 4711,ada\n"),
        (under("anon_4711_99_"), "4711;ada\n"),
        (under("backprop-countess/"), "identifier,github_username\nada@example.org,countess\n"),
        (under("a0b1c2/"), "entry,id\na0b1c2,ada\n"),
        (under("x-ada-77/"), "{any}-{id}-{any}"),
        (under("zz Lovelace Ada "), "zz {last} {first} {file}"),
        (under("zz__ada__"), r"zz__(?P<student_id>\w+?)__(?P<file>.*)"),
    ],
    ids=[
        "Moodle anonymous",
        "Canvas anonymous",
        "GitHub Classroom",
        "entry and id",
        "template",
        "template of names",
        "regex",
    ],
)
def test_names_map_any_layout(course, store, tmp_path, files, names):
    """A table or a pattern says whose entries are, where their names do not."""
    inbox = write(tmp_path / "inbox", files)
    if "{" not in names and "(?P" not in names:
        (tmp_path / "map.csv").write_text(names, encoding="utf-8")
        names = str(tmp_path / "map.csv")
    assert collect(course, course.assignment("backprop"), inbox, store).added == ()
    result = collect(course, course.assignment("backprop"), inbox, store, names=read_names(names, course.roster))
    assert [(one.owner, store.files(one)) for one in result.added] == [("ada", FILES)]


def test_a_pattern_or_table_that_says_nothing(course, tmp_path):
    """What cannot name anybody is the caller's mistake, said with the mend."""
    for text in ("{any}_{file}", "(?P<id>", str(tmp_path / "missing.csv")):
        with pytest.raises(SubmissionError):
            read_names(text, course.roster)
    (tmp_path / "t.csv").write_text("id,received\nnobody,2026-12-01T10:00\nada,soon\n")
    with pytest.raises(SubmissionError, match="no row"):
        read_times(tmp_path / "t.csv", course.roster, course.assignment("backprop"), course.timezone)


def test_given_times_are_surest(course, store, tmp_path):
    """A table's time replaces a file's, be it earlier or later; without one, staff are warned."""
    inbox = write(tmp_path / "inbox", {**under("ada/"), **under("kurt/")})
    assignment = course.assignment("backprop")
    first = collect(course, assignment, inbox, store)
    assert [assignment.days_late(one.received_at) for one in first.added] == [2, 2]
    assert (first.costly, first.needs_somebody) == (True, True)
    assert any("within two minutes" in text for text in first.warnings)
    assert any("all 2 uploads are late" in text for text in first.warnings)
    (tmp_path / "t.csv").write_text(
        'Email,Last modified (submission)\nada@example.org,"Friday, 4 December 2026, 8:15 PM"\n'
    )
    given = read_times(tmp_path / "t.csv", course.roster, assignment, course.timezone)
    again = collect(course, assignment, inbox, store, given)
    assert again.added == ()
    assert any("no time for kurt" in text for text in again.warnings)
    assert {one.owner: (one.received_at, one.received_from) for one in store.submissions("backprop")} == {
        "ada": (datetime(2026, 12, 4, 19, 15, tzinfo=UTC), ReceivedFrom.GIVEN),
        "kurt": (DOWNLOADED, ReceivedFrom.FILE),
    }
    collect(course, assignment, inbox, store)
    assert store.submissions("backprop", "ada")[0].received_from is ReceivedFrom.GIVEN


def test_times_in_archives_are_the_fallback(course, store, tmp_path):
    """Where files' times are the download's, those in the archives say more, and staff are told so."""
    files = {
        f"{who}.zip": zipped(FILES | {"who.txt": who.encode()}, (2026, 12, 4, 18, 0, 0)) for who in ("ada", "kurt")
    }
    result = collect(course, course.assignment("backprop"), write(tmp_path / "inbox", files), store)
    assert {one.received_from for one in result.added} == {ReceivedFrom.MEMBERS}
    assert {course.assignment("backprop").days_late(one.received_at) for one in result.added} == {0}
    assert result.warnings


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-11-20T10:11:12", TIME), ("2026-11-20 10:11:12 +0100", TIME), ("2026-11-20 09:11:12 UTC", TIME),
        ("2026-11-20 09:11:12.000000000 Z", TIME), ("20.11.2026 10:11", MINUTE), ("Nov 20, 2026 1011 AM", MINUTE),
        ("Nov 20, 2026 911 AM", MINUTE - timedelta(hours=1)), ("Friday, 20 November 2026, 10:11 AM", MINUTE),
        ("Nov 20 at 10:11am", None), ("2026-11-20-10-11-12", TIME), ("11/12/2026 10:00", None), ("ada", None), ("", None),
        ("20.11.2026, 10:11 Uhr", MINUTE), ("2026/11/20 10:11", MINUTE), ("2026-11-20 10.11", MINUTE), ("20261120091112Z", TIME),
        ("Freitag, 20. November 2026, 10:11", MINUTE), ("vendredi 20 novembre 2026, 10:11", MINUTE), ("2026-11-20 10:11 AM", MINUTE),
        ("Fri, 20 Nov 2026 10:11:12 +0100", TIME), ("Fri Nov 20 10:11:12 2026", TIME), ("1795165872", None), ("20269920101112", None),
        ("20. M\u00e4rz 2026 10:11", datetime(2026, 3, 20, 9, 11, tzinfo=UTC)), ("20 mai 2026 10:11", datetime(2026, 5, 20, 8, 11, tzinfo=UTC)),
        ("9999-12-31 23:59:59", datetime(9999, 12, 31, 22, 59, 59, tzinfo=UTC)), ("0001-01-01T00:00", None),
    ],
)  # fmt: skip
def test_moments(course, text, moment):
    """Times are read as platforms write them; where day and month could be swapped, they are not."""
    assert read_moment(text, course.timezone) == moment


def test_a_report_alone_displaces_nothing_and_is_named(course, store, tmp_path):
    """What has none of the files asked for is kept, named the same evening, and never counts before work."""
    assignment = course.assignment("backprop")
    collect(course, assignment, write(tmp_path / "one", under("ada/"), DUE), store)
    late = collect(
        course, assignment, write(tmp_path / "two", {"ada/report.pdf": b"%PDF", "ada/notes.txt": b"x"}), store
    )
    assert late.needs_somebody
    assert "none of the required files (backprop.py, hyperparams.py)" in late.doubts[0].reason
    last = [one for one in store.submissions("backprop", "ada") if not one.has_work]
    assert len(last) == 1
    row = next(row for row in store.standing(course, assignment) if row.owner == "ada")
    assert row.submission.id != last[0].id


@pytest.mark.parametrize(
    "useless", [b"", bytes(80), b"%PDF-1.7", b"<!DOCTYPE html>", b"version https://git-lfs.github.com/spec/v1\n"],
    ids=["empty", "placeholder", "pdf", "page", "lfs"],
)  # fmt: skip
@pytest.mark.parametrize("name", ["backprop.py", "backprop.ipynb"])
def test_a_file_that_only_has_the_name_displaces_nothing(course, store, tmp_path, useless, name):
    """What is no code but is called so is named the same evening, and earlier work counts before it."""
    assignment = course.assignment("backprop")
    collect(course, assignment, write(tmp_path / "one", under("ada/"), DUE), store)
    late = collect(course, assignment, write(tmp_path / "two", {f"ada/{name}": useless}), store)
    assert late.doubts[0].reason.startswith(f"`{name}` is ")
    assert [one.has_work for one in store.submissions("backprop", "ada")] == [True, False]


def test_anonymous_uploads_are_named_once(course, store, tmp_path):
    """The files of one upload without a name are one line, which says what to give; with it they are the student's."""
    inbox = write(tmp_path / "inbox", under("anon_5001_90001_"))
    assignment = course.assignment("backprop")
    (stranger,) = collect(course, assignment, inbox, store).unmatched
    assert stranger.entry == "anon_5001_90001_backprop.py and 1 more file"
    assert "--names FILE.csv with a line for 5001" in stranger.reason
    table = tmp_path / "names.csv"
    table.write_text("number,student\n5001,ada\n", encoding="utf-8")
    found = collect(course, assignment, inbox, store, names=read_names(str(table), course.roster))
    assert [one.owner for one in found.added] == ["ada"]


def test_two_versions_in_one_upload_are_asked_about(course, store, tmp_path):
    """Of two archives in one upload with two versions of the work, one counts and both are named."""
    files = {
        "lovelaceada_11_901_hw2.zip": zipped(FILES),
        "lovelaceada_11_902_hw2-1.zip": zipped(FILES | {"backprop.py": b"A = 3\n"}),
    }
    result = collect(course, course.assignment("backprop"), write(tmp_path / "inbox", files), store)
    assert len(result.added) == 1
    assert "has another version of `backprop.py`" in result.doubts[0].reason


def test_two_candidates_are_asked_about(course, store, tmp_path):
    """Two files that could each be the one asked for are both named; nothing is guessed."""
    files = {"ada/a/backprop.py": b"A = 1", "ada/b/backprop.py": b"A = 2", "ada/hyperparams.py": b"B = 1"}
    result = collect(course, course.assignment("backprop"), write(tmp_path / "inbox", files), store)
    assert [one.owner for one in result.added] == ["ada"]
    assert "`a/backprop.py` and `b/backprop.py` could each be `backprop.py`" in result.doubts[0].reason


@pytest.mark.parametrize(
    "name",
    ["backprop_final.py", "backprop copy.py", "Copy of backprop.py", "my_backprop.py", "BackProp.py", "backprop (1).py",
     "backprop_v2.py", "backprop-1.py", "backprop.py.txt", "backprop - Kopie (2).py", "hw2_backprop_final_v3.py"],
)  # fmt: skip
@pytest.mark.parametrize("packed", ["loose", "folder", "zip", "zip in a folder"])
def test_renamed_files_are_found(course, store, tmp_path, name, packed):
    """A name that a browser or a person made of the asked one is that file, however it was handed in."""
    from grader.intake.assemble import assemble

    files = {name: FILES["backprop.py"], "hyperparams.py": FILES["hyperparams.py"]}
    inbox = {
        "loose": under("ada_1_2_", files), "folder": under("ada/hw/", files, **{"ada/report.pdf": b"%PDF"}),
        "zip": {"ada.zip": zipped(files)}, "zip in a folder": {"ada/x.zip": zipped(files), "ada/data.txt": b"1"},
    }[packed]  # fmt: skip
    result = collect(course, course.assignment("backprop"), write(tmp_path / "inbox", inbox), store)
    assert (len(result.added), result.doubts) == (1, ())
    stubs = {file: f"X = {file!r}\n" for file in FILES}
    made = assemble(store.files(result.added[0]), stubs)
    assert {file: made.files[file] for file in FILES} == FILES
    assert not [name for name in made.files if name.endswith(".py.txt")], "it would be reported as a data file too"
    assert json.dumps(made.notes)


@pytest.mark.parametrize(
    "name", ["godelkurt", "g\u00f6delkurt", "go\u0308delkurt", "goedelkurt", "gdelkurt", "kurtgodel"]
)
def test_a_name_with_an_accent(course, store, tmp_path, name):
    """However a platform spells a name that is not ASCII, the upload is its owner's."""
    inbox = write(tmp_path / "inbox", {f"{name}_12_905_hw2.zip": zipped(FILES)})
    result = collect(course, course.assignment("backprop"), inbox, store)
    assert [one.owner for one in result.added] == ["kurt"]


def test_two_attempts_with_their_own_times_are_no_question(course, store, tmp_path):
    """Where the platform says when each version came, the course's policy decides and nobody is asked."""
    files = {
        "HW_ada_attempt_2026-11-19-10-00-00_hw2.zip": zipped(FILES),
        "HW_ada_attempt_2026-11-20-10-11-12_hw2.zip": zipped(FILES | {"backprop.py": b"A = 3\n"}),
    }
    result = collect(course, course.assignment("backprop"), write(tmp_path / "inbox", files), store)
    assert [one.received_at for one in result.added] == [datetime(2026, 11, 19, 9, tzinfo=UTC), TIME]
    assert (result.doubts, result.needs_somebody) == ((), False)
