"""Collecting a class: every entry becomes a submission or is named with the reason why not."""

from __future__ import annotations

import io
import os
import zipfile
from datetime import UTC, datetime, timedelta

import pytest

from grader.course import load_course
from grader.errors import SubmissionError
from grader.intake import collect
from grader.intake.owners import match_owner
from grader.store import Store

NOON = datetime(2026, 12, 1, 12, tzinfo=UTC)


@pytest.fixture
def course(tiny_course):
    """The tiny course, with its team for another assignment than the one that most tests collect."""
    path = tiny_course / "autograde.yml"
    text = path.read_text(encoding="utf-8").replace("[ada, grace]}", "[ada, grace], assignments: [single]}")
    path.write_text(text, encoding="utf-8")
    return load_course(tiny_course)


@pytest.fixture
def store(tmp_path):
    """An empty store."""
    return Store(tmp_path / "state")


@pytest.fixture
def inbox(tmp_path):
    """An empty inbox."""
    folder = tmp_path / "inbox"
    folder.mkdir()
    return folder


def zipped(**files):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in files.items():
            archive.writestr(name.replace("__", "/").replace("_py", ".py"), content)
    return buffer.getvalue()


def put(path, content, when=NOON):
    path.write_bytes(content)
    os.utime(path, (when.timestamp(), when.timestamp()))


@pytest.mark.parametrize(
    ("entry", "owner"),
    [
        ("ada", "ada"),
        ("ada.zip", "ada"),
        ("ADA.ZIP", "ada"),
        ("ada.tar.gz", "ada"),
        ("ada.ipynb", "ada"),
        ("ada.rar", "ada"),
        ("ada.tar.bz2", "ada"),
        ("ada@example.org.zip", "ada"),
        ("Enchantress.zip", None),
        ("hw2-ada", "ada"),
        ("Homework 2_ada.zip", "ada"),
        ("ada_backprop.zip", "ada"),
        ("ada-backprop-late.zip", "ada"),
        ("ada-late.zip", "ada"),
        ("ada (2).zip", "ada"),
        ("ada_v2_final.zip", "ada"),
        ("ada_hw3.zip", "ada"),
        ("backprop_ada.zip", "ada"),
        ("ada_hyperparams.py", "ada"),
        ("team-rho.zip", "team-rho"),
        ("team-rho-late.zip", "team-rho"),
        ("0012.zip", "0012"),
        ("Ada Lovelace.zip", "ada"),
        ("ada_lovelace_backprop.zip", "ada"),
        ("Lovelace, Ada.zip", "ada"),
        ("Ada Lovelace_123_assignsubmission_file_", "ada"),
        ("Ada Lovelace_123_assignsubmission_file_my work.zip", "ada"),
        ("lovelaceada_123_456_backprop.zip", "ada"),
        ("lovelaceada_LATE_123_456_whatever I called it.zip", "ada"),
        ("granvilleevelynboyd_12_34_x.zip", "evelyn"),
        ("boydgranvilleevelyn_12_34_x.zip", "evelyn"),
        ("Kurt Godel.zip", "kurt"),
        ("Kurt Go\u0308del_77_assignsubmission_file_", "kurt"),
        ("ada_smith.zip", None),
        ("adam.zip", None),
        ("ada@elsewhere.org.zip", None),
        ("lovelace.zip", None),
        ("12.zip", None),
        ("Participant_123_assignsubmission_file_", None),
        ("backprop.zip", None),
        ("_.zip", None),
        (".zip", None),
    ],
)
def test_whose_is_it(course, entry, owner):
    """Ids, e-mails and names are found as people and LMSs write them; a handle, or a doubtful one, is nobody's."""
    match = match_owner(entry, course.roster, course.assignment("backprop"))
    assert (match.owner.id if match.owner else None) == owner
    assert bool(match.reason) == (owner is None)


def test_two_of_one_name_are_told_apart_by_nobody(tiny_course):
    """Where a name fits two students neither gets the upload, and both are named."""
    path = tiny_course / "autograde.yml"
    path.write_text(path.read_text(encoding="utf-8").replace("name: No}", "name: ada lovelace}"), encoding="utf-8")
    course = load_course(tiny_course)
    match = match_owner("lovelaceada_12_34_x.zip", course.roster, course.assignment("backprop"))
    assert match.owner is None
    assert "ada and 0012" in match.reason


def test_a_class_is_collected(course, store, inbox):
    """Folders, archives and loose files each become a submission; strangers and broken ones are named."""
    (inbox / "ada").mkdir()
    put(inbox / "ada" / "backprop.py", b"A")
    put(inbox / "grace.zip", zipped(work__backprop_py="G"))
    (inbox / "kurt_12_34_backprop-1.py").write_text("K")
    (inbox / "kurt_12_35_hyperparams.py").write_text("H")
    (inbox / "evelyn.zip").write_bytes(b"PK no zip")
    (inbox / "stranger.zip").write_bytes(zipped(backprop_py="S"))
    (inbox / "0012.pdf").write_bytes(b"%PDF")
    (inbox / ".DS_Store").write_bytes(b"")
    (inbox / "team-rho").symlink_to(inbox / "ada")
    result = collect(course, course.assignment("backprop"), inbox, store)
    files = {one.owner: store.files(one) for one in result.added}
    assert files == {
        "ada": {"backprop.py": b"A"},
        "grace": {"backprop.py": b"G"},
        "kurt": {"backprop.py": b"K", "hyperparams.py": b"H"},
    }
    assert {one.owner: one.received_at for one in result.added if one.owner != "kurt"} == {"ada": NOON, "grace": NOON}
    assert {one.entry: one.reason for one in result.unmatched} == {
        "stranger.zip": "it does not begin with an id, e-mail address or name from the roster; rename it to the student's id",
        "team-rho": "a link or a device; put the file itself in its place",
    }
    paper, broken = result.rejected
    assert (paper.entry, paper.owner) == ("0012.pdf", "0012")
    assert "hand in a .zip, or a single .py or .ipynb file" in paper.reason
    assert store.files(paper.submission) == {"__upload__/0012.pdf": b"%PDF"}
    assert (broken.entry, broken.owner) == ("evelyn.zip", "evelyn")
    assert "broken" in broken.reason
    assert store.files(broken.submission) == {"__upload__/evelyn.zip": b"PK no zip"}
    assert broken.submission.problem == broken.reason


def test_collecting_again_adds_nothing(course, store, inbox):
    """The same inbox twice is unchanged; a new version of an upload is added, the old one stays."""
    put(inbox / "ada.zip", zipped(backprop_py="1"))
    put(inbox / "kurt.zip", b"broken")
    assignment = course.assignment("backprop")
    first = collect(course, assignment, inbox, store)
    again = collect(course, assignment, inbox, store)
    assert (again.added, again.unchanged) == ((), first.added)
    assert [student.id for student in again.missing] == ["grace", "evelyn", "0012"]
    assert again.rejected == first.rejected
    put(inbox / "ada.zip", zipped(backprop_py="2"), NOON + timedelta(hours=1))
    third = collect(course, assignment, inbox, store)
    assert len(third.added) == 1
    assert [store.files(one)["backprop.py"] for one in store.submissions("backprop", "ada")] == [b"1", b"2"]


def test_early_and_late_are_two_submissions(course, store, inbox):
    """Two uploads by one student are two submissions, be they archives or loose files of one name."""
    for name in ("ada.zip", "ada-late.zip"):
        (inbox / name).write_bytes(zipped(backprop_py=f"FILE = {name!r}"))
    for name in ("kurt_backprop.py", "kurt_late_backprop.py", "kurt_hyperparams.py"):
        (inbox / name).write_text(f"FILE = {name!r}")
    result = collect(course, course.assignment("backprop"), inbox, store, received=NOON)
    assert sorted((one.owner, one.source) for one in result.added) == [
        ("ada", "ada-late.zip"),
        ("ada", "ada.zip"),
        ("kurt", "kurt_backprop.py, kurt_hyperparams.py"),
        ("kurt", "kurt_late_backprop.py, kurt_hyperparams.py"),
    ]
    assert {one.received_at for one in result.added} == {NOON}


def test_single_file_is_named_for_its_assignment(course, store, inbox):
    """Where an assignment wants one file, the file named for the student is that file."""
    (inbox / "ada.py").write_text("1")
    (inbox / "kurt_12_34_my notebook.ipynb").write_text("{}")
    result = collect(course, course.assignment("single"), inbox, store)
    assert [store.files(one) for one in result.added] == [{"single.py": b"1"}, {"my notebook.ipynb": b"{}"}]
    assert [(one.owner, one.uploader, one.members) for one in result.added] == [
        ("team-rho", "ada", ("ada", "grace")),
        ("kurt", "kurt", ("kurt",)),
    ]


def test_moodle_folder_with_an_archive_in_it(course, store, inbox):
    """An LMS gives each student a folder with the uploaded archive in it; the archive is the upload."""
    folder = inbox / "Ada Lovelace_123_assignsubmission_file_"
    folder.mkdir()
    (folder / "my.zip").write_bytes(zipped(backprop_py="M"))
    (inbox / "Kurt Gödel_124_assignsubmission_file_").mkdir()
    result = collect(course, course.assignment("backprop"), inbox, store)
    assert [store.files(one) for one in result.added] == [{"backprop.py": b"M"}]
    assert [(one.owner, one.reason) for one in result.rejected] == [
        ("kurt", "the folder is empty; put your files into it")
    ]


def test_unreadable_upload_is_rejected_not_fatal(course, store, inbox, monkeypatch):
    """One upload that cannot be read stops nobody else's."""
    from grader.intake import inbox as inbox_module

    for name in ("ada", "kurt"):
        (inbox / f"{name}.zip").write_bytes(zipped(backprop_py="1"))
    real = inbox_module.read_submission

    def failing(path, limits=None):
        if path.name == "ada.zip":
            raise SubmissionError("cannot read the submission", where=path)
        return real(path, limits)

    monkeypatch.setattr(inbox_module, "read_submission", failing)
    result = collect(course, course.assignment("backprop"), inbox, store)
    assert [one.owner for one in result.added] == ["kurt"]
    assert [(one.owner, one.submission) for one in result.rejected] == [("ada", None)]


def test_inbox_that_is_none(course, store, tmp_path):
    """A folder that is not there, or a time without a zone, is the caller's mistake."""
    with pytest.raises(SubmissionError, match="cannot read the folder"):
        collect(course, course.assignment("backprop"), tmp_path / "missing", store)
    with pytest.raises(ValueError, match="no timezone"):
        collect(course, course.assignment("backprop"), tmp_path, store, NOON.replace(tzinfo=None))
