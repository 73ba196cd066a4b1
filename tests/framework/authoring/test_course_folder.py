"""`autograde init`: a whole course in an empty folder, or nothing at all."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from grader.authoring import CourseStart, packaged, start_course
from grader.cli.main import app
from grader.course import load_course, variant_sources
from grader.errors import AuthoringError, CourseError, UsageError

ROOT = Path(__file__).parents[3]
CLASS = "id,name,email\n" + "".join(f"s{n:02d},Student {n},s{n:02d}@example.org\n" for n in range(40))


def test_an_empty_folder_becomes_a_course(tmp_path):
    """Roster, assignment, .gitignore, CI; in a path with a space; and the commands to go on with."""
    (tmp_path / "class.csv").write_text(CLASS)
    folder = tmp_path / "my course"
    told = CliRunner().invoke(
        app,
        [
            "init",
            str(folder),
            "--name",
            'Words: "vectors"',
            "--timezone",
            "Europe/Berlin",
            "--roster",
            str(tmp_path / "class.csv"),
        ],
    )
    assert told.exit_code == 0, told.output
    course = load_course(folder)
    assert (course.name, str(course.timezone), list(course.assignments)) == (
        'Words: "vectors"',
        "Europe/Berlin",
        ["warm_up"],
    )
    assert [student.id for student in course.roster.students] == [f"s{n:02d}" for n in range(40)]
    assert "40 students" in told.output
    assert f"cd '{folder}'" in told.output
    for step in ("autograde doctor", "autograde validate warm_up", "autograde release warm_up --pack"):
        assert step in told.output
    steps = yaml.safe_load((folder / ".github" / "workflows" / "autograde.yml").read_text())
    assert any("autograde validate" in step.get("run", "") for step in steps["jobs"]["course"]["steps"])


def test_secrets_and_submissions_stay_out_of_git(tmp_path):
    """What the .gitignore lets into a repository: the course, and nothing of a person."""
    start_course(tmp_path / "c", CourseStart())
    folder = tmp_path / "c"
    for name in (
        ".autograde/secret",
        "inbox/ada/warm_up.py",
        "inbox-2/ada.zip",
        "grades.csv",
        "feedback/ada.html",
        "gradebook.db",
    ):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("x")
    subprocess.run(["git", "init", "-q"], cwd=folder, check=True)
    subprocess.run(["git", "add", "-A"], cwd=folder, check=True)
    listed = subprocess.run(["git", "ls-files"], cwd=folder, check=True, capture_output=True, text=True).stdout.split()
    assert {"autograde.yml", ".gitignore", "assignments/warm_up/hidden/test_warm_up.py"} < set(listed)
    assert not [name for name in listed if name.startswith((".autograde", "inbox", "feedback", "grade"))]


def test_the_course_that_comes_along_is_taken_whole(tmp_path):
    """Every assignment loads with the files, limits and thresholds that it was measured with, and without a date of ours."""
    start_course(tmp_path / "c", CourseStart(assignment=None, given=("all",)))
    made, ours = load_course(tmp_path / "c"), load_course(ROOT)
    assert list(made.assignments) == list(ours.assignments)
    for name, item in ours.assignments.items():
        copy = made.assignment(name)
        assert (copy.files, copy.profiles, copy.forbid, copy.data) == (
            item.files,
            item.profiles,
            item.forbid,
            item.data,
        )
        assert copy.due is None
        assert copy.solution_files() == item.solution_files()
        assert len(variant_sources(copy.folder)) == len(variant_sources(item.folder))
    assert (tmp_path / "c" / "weights.txt").is_file()


def test_one_of_the_course_and_one_of_ones_own(tmp_path):
    """`--with` and `--assignment` together; a later one is added by `new`."""
    told = start_course(tmp_path / "c", CourseStart(assignment="mine", given=("mnist",)))
    assert told.assignments == ("mnist", "mine")
    assert not told.weights
    assert CliRunner().invoke(app, ["new", "more", "--course", str(tmp_path / "c")]).exit_code == 0
    assert list(load_course(tmp_path / "c").assignments) == ["mnist", "mine", "more"]


def test_an_unknown_one_names_the_nearest(tmp_path):
    """Nothing is written."""
    with pytest.raises(UsageError) as error:
        start_course(tmp_path / "c", CourseStart(given=("keypoint",)))
    assert "did you mean 'keypoints'?" in error.value.fix
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("start", "kind", "words"),
    [
        (CourseStart(timezone="Europe/Berlín"), UsageError, "time zone"),
        (CourseStart(assignment="numpy"), AuthoringError, "module that others import"),
        (CourseStart(assignment=None), UsageError, "at least one"),
        (CourseStart(roster=Path("conflicts.csv")), UsageError, "conflicts: line 3"),
    ],
)
def test_what_is_wrong_leaves_nothing_behind(tmp_path, monkeypatch, start, kind, words):
    """An error names what to change; neither a folder nor a draft of it stays."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "conflicts.csv").write_text("id,name,email\ns1,One,one@example.org\ns1,Two,two@example.org\n")
    with pytest.raises(kind, match=words):
        start_course(tmp_path / "c", start)
    assert [path.name for path in tmp_path.iterdir()] == ["conflicts.csv"]


def test_what_is_there_stays(tmp_path):
    """A README of one's own is kept and named; a course is not written over."""
    (tmp_path / "README.md").write_text("mine\n")
    told = start_course(tmp_path, CourseStart())
    assert told.kept == ("README.md",)
    assert (tmp_path / "README.md").read_text() == "mine\n"
    with pytest.raises(CourseError, match="a course here already"):
        start_course(tmp_path, CourseStart())


def test_an_installation_for_students_has_no_course(monkeypatch, tmp_path):
    """It is said, with what to install."""
    monkeypatch.setattr(packaged.grader, "__file__", str(tmp_path / "grader" / "__init__.py"))
    with pytest.raises(CourseError, match="no course with it"):
        packaged.packaged_course()
    (tmp_path / "autograde_course" / "assignments").mkdir(parents=True)
    (tmp_path / "autograde_course" / "autograde.yml").write_text("course: {name: x}\n")
    assert packaged.packaged_course() == tmp_path / "autograde_course"
