"""`autograde new`: what it writes is a whole assignment, and nothing that was there is lost."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from grader.authoring import new_assignment
from grader.cli.main import app
from grader.course import load_course, read_questions
from grader.errors import AuthoringError, CourseError
from grader.layer_names import DEFAULT_MINIMUM
from grader.release import build_release

runner = CliRunner()


@pytest.fixture
def course(tmp_path):
    """A course that was started by its first assignment."""
    new_assignment("first", course=tmp_path, start=True)
    return tmp_path


@pytest.mark.runner
@pytest.mark.nbgrader
def test_the_scaffold_validates_and_releases(course):
    """Solution, stub, variants and automatic mutants all get what they must, and the release is proven clean."""
    told = runner.invoke(app, ["validate", "first", "--course", str(course), "--jobs", "1"])
    assert told.exit_code == 0, told.output
    (folder,) = build_release(load_course(course), ["first"])
    assert "raise NotImplementedError" in (folder / "first.py").read_text()
    assert "### BEGIN" not in (folder / "first.py").read_text()


def test_a_second_one_leaves_the_course_file_as_it_is(course):
    """Comments, blank lines and keys behind `assignments` stay; the entry comes last."""
    path = course / "autograde.yml"
    text = path.read_text() + "  # about the next\n\n# the end\nsandbox:\n  minimum: [seccomp]\n"
    path.write_text(text)
    new_assignment("word_vectors", course=course, title='Words: "vectors" & co')
    loaded = load_course(course)
    assert list(loaded.assignments) == ["first", "word_vectors"]
    assert loaded.assignment("word_vectors").title == 'Words: "vectors" & co'
    after = path.read_text()
    assert [line for line in text.splitlines() if line not in after.splitlines()] == []
    assert after.endswith("# the end\nsandbox:\n  minimum: [seccomp]\n")


def test_a_new_course_has_the_sandbox_that_is_the_default(course):
    """It names no layers of its own, which might be fewer than the default demands."""
    assert load_course(course).sandbox.minimum == DEFAULT_MINIMUM
    assert "sandbox" not in (course / "autograde.yml").read_text()


@pytest.mark.nbgrader
def test_students_read_the_written_question(course):
    """The released notebook has the question, its points and an empty answer; the model answer is not in it."""
    (question,) = read_questions(course / "assignments/first/notebook.py")
    assert question.points > 0
    assert "Rubric" in question.model
    (folder,) = build_release(load_course(course), ["first"])
    cells = json.loads((folder / "first.ipynb").read_text())["cells"]
    texts = ["".join(cell["source"]) for cell in cells]
    (asked,) = (index for index, text in enumerate(texts) if text.startswith("**Written question 1.**"))
    assert f"({question.points:g} points)" in texts[asked]
    assert texts[asked + 1] == "YOUR ANSWER HERE"
    assert not any("Rubric" in text or "NaN in every entry" in text for text in texts)


@pytest.mark.nbgrader
@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("# Zeros: subtracting the mean", "# **Written question 1.** What is asked?\n#\n# *Your answer here.*\n#\n# Zeros: the mean", "holds its question"),
        ("# %% [markdown]\n# **Written question 1.** (2 points)", "# %%\n# a comment of code", "no markdown cell with its question"),
        ("# **Written question 1.** (2 points) What", "# An introduction.", None),
    ],
)  # fmt: skip
def test_a_question_that_students_would_never_read_is_refused(course, old, new, says):
    """A release names the file, the line and the cell whose question nbgrader would take out, or that has none."""
    path = course / "assignments/first/notebook.py"
    text = path.read_text()
    assert old in text
    text = text.replace(old, new)
    if says is None:  # a heading of a question in the answer alone, below a text that asks nothing
        text, says = (
            text.replace("# Zeros: subtracting the mean", "# **Question 1.** What is it?\n# Zeros: the mean"),
            "holds its question",
        )
    path.write_text(text)
    with pytest.raises(AuthoringError, match=says) as caught:
        build_release(load_course(course), ["first"])
    line = next(n for n, line in enumerate(text.splitlines(), start=1) if "written-1" in line)
    assert caught.value.where == f"{path}:{line}"
    assert "`written-1`" in caught.value.what
    assert "separate markdown cell" in caught.value.fix


def test_deeper_indentation_is_followed(course):
    """An author who indents by four gets an entry that is indented by four."""
    path = course / "autograde.yml"
    head, _, tail = path.read_text().partition("assignments:\n")
    path.write_text(head + "assignments:\n" + "".join("  " + line for line in tail.splitlines(keepends=True)))
    new_assignment("second", course=course)
    assert list(load_course(course).assignments) == ["first", "second"]


@pytest.mark.parametrize("name", ["Torch", "torch", "json", "two words", "class", "../up", "", "naïve", "1st"])
def test_names_that_cannot_be_modules_are_refused(course, name):
    """A module of that name could not be imported, or would hide another."""
    before = sorted(course.rglob("*"))
    with pytest.raises(AuthoringError, match="use lower-case letters"):
        new_assignment(name, course=course)
    assert sorted(course.rglob("*")) == before


def test_a_name_that_is_taken_is_refused(course):
    """Nothing of an assignment that exists is overwritten."""
    solution = course / "solutions" / "first" / "first.py"
    solution.write_text("mine = 1\n")
    with pytest.raises(AuthoringError, match="an assignment with this name already exists"):
        new_assignment("first", course=course)
    assert solution.read_text() == "mine = 1\n"


def test_without_a_course_it_says_how_to_start_one(tmp_path):
    """The fix names the option; nothing is written."""
    with pytest.raises(CourseError, match="--start"):
        new_assignment("first", course=tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("text", ["assignments: {}\n", "course: {name: x}\n"])
def test_a_course_file_without_room_for_an_entry_is_told_of(tmp_path, text):
    """A broken course is told of, by file and line, before anything is written."""
    path = Path(tmp_path / "autograde.yml")
    path.write_text(text)
    with pytest.raises(CourseError, match=r"autograde\.yml"):
        new_assignment("first", course=tmp_path, start=True)
    assert path.read_text() == text
    assert list(tmp_path.iterdir()) == [path]
