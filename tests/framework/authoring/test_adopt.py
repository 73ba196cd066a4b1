"""`autograde adopt`: assignments of nbgrader and Otter become ours, and give the scores that their own tools give."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from grader.authoring.adopt import adopt
from grader.authoring.adopt.doctests import assertions
from grader.course import load_course, read_questions, read_suite
from grader.errors import AuthoringError
from grader.grading import grade_assignment
from grader.intake import collect
from grader.release.strip import make_stubs
from grader.store import Store
from tools.adopted import SOFTMAX, SQUARES

HERE = Path(__file__).parent / "adopted"
SCORES = json.loads((HERE / "scores.json").read_text(encoding="utf-8"))


# Notebooks as plain JSON: nbformat takes a second to import, which every process that collects these tests would pay.


def new_code_cell(source):
    return {"cell_type": "code", "execution_count": None, "metadata": {}, "outputs": [], "source": source}


def new_markdown_cell(source):
    return {"cell_type": "markdown", "metadata": {}, "source": source}


def new_notebook(cells, metadata=None):
    return json.dumps({"cells": list(cells), "metadata": metadata or {}, "nbformat": 4, "nbformat_minor": 4})


def told(cell, **metadata):
    cell["metadata"]["nbgrader"] = {
        "schema_version": 3,
        "locked": False,
        "grade": False,
        "solution": False,
        "task": False,
    } | metadata
    return cell


def written(path, *cells):
    path.write_text(new_notebook(cells), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def adopted(tmp_path_factory):
    """Both examples in one course."""
    root = tmp_path_factory.mktemp("adopted")
    return root, adopt(HERE / "squares.ipynb", course=root, start=True), adopt(HERE / "softmax_lab.ipynb", course=root)


@pytest.mark.parametrize("name", ["squares", "softmax_lab"])
def test_an_adopted_assignment_is_whole(adopted, name):
    """The course loads, the stubs compile and raise, checks and written questions have the points that they had."""
    root, squares, softmax = adopted
    item = load_course(root).assignment(name)
    assert b"raise NotImplementedError" in make_stubs(item)[f"{name}.py"]
    result = squares if name == "squares" else softmax
    assert {check.id: check.points for check in read_suite(item.hidden_folder)} == result.checks
    assert {question.id: question.points for question in read_questions(item.notebook_source)} == result.written
    assert sum(result.checks.values()) == (7 if name == "squares" else 6)
    assert sum(result.written.values()) == 2


def test_hidden_tests_stay_hidden(adopted):
    """Public tests have what was visible, and nothing else."""
    root, *_ = adopted
    public = (root / "assignments" / "squares" / "public" / "test_squares.py").read_text()
    assert "squares(2) == [1, 4]" in public
    assert "squares(10)" not in public
    assert "test_squares_invalid_input" not in public
    public = (root / "assignments" / "softmax_lab" / "public" / "test_softmax_lab.py").read_text()
    assert "== 9" in public
    assert "2.5" not in public
    assert "1000" not in public


def test_what_is_given_cannot_be_changed_by_a_student(adopted):
    """A value of a given cell that a test uses is made in the check, not taken from the submission."""
    root, *_ = adopted
    suite = (root / "assignments" / "squares" / "hidden" / "test_squares.py").read_text()
    assert "SHIFT = 2.0" in suite
    assert "student.x" not in suite
    assert "student.SHIFT" not in suite


def test_what_is_not_carried_over_is_listed(adopted):
    """Otter's file list is; both examples are carried whole otherwise."""
    _, squares, softmax = adopted
    assert squares.left == ()
    assert [left.what for left in softmax.left] == ["the setting `files`"]


@pytest.mark.runner
@pytest.mark.parametrize(
    ("name", "edits", "tool"), [("squares", SQUARES, "nbgrader"), ("softmax_lab", SOFTMAX, "otter")]
)
def test_scores_are_those_of_the_other_tool(adopted, tmp_path, name, edits, tool):
    """Right and wrong submissions, check by check; what the tools gave was written by `python -m tools.adopted --write`."""
    root, *_ = adopted
    solution = (root / "solutions" / name / f"{name}.py").read_text()
    roster = [f"s{number}" for number in range(len(edits))]
    course = root / "autograde.yml"
    lines = "".join(f"    - {{id: {owner}, name: {owner}}}\n" for owner in roster)
    kept = course.read_text()
    course.write_text(kept.replace("  students:\n", f"  students:\n{lines}", 1))
    for owner, changes in zip(roster, edits.values(), strict=True):
        text = solution
        for find, replace in changes:
            assert text.count(find) == 1, find
            text = text.replace(find, replace)
        (tmp_path / "inbox" / owner).mkdir(parents=True)
        (tmp_path / "inbox" / owner / f"{name}.py").write_text(text)
    try:
        loaded = load_course(root)
        store = Store(tmp_path / "state")
        collect(loaded, loaded.assignment(name), tmp_path / "inbox", store)
        graded = grade_assignment(loaded, loaded.assignment(name), store, profile="cpu", slots=1)
    finally:
        course.write_text(kept)
    got = {submission: dict.fromkeys(next(iter(SCORES[tool].values())), 0.0) for submission in edits}
    for item in graded:
        scores = got[list(edits)[roster.index(item.submission.owner)]]
        for check in item.attempt.report.checks:
            # Otter gives a question's points; ours are those of its test cases.
            question = check.id.removeprefix("test_")
            question = question if question in scores else question.rpartition("_")[0]
            scores[question] += check.score
    assert got == SCORES[tool]


# -- other notebooks -------------------------------------------------------------------------------------------------------


def test_old_helpers_partial_credit_and_broken_tests(tmp_path):
    """Nose's assertions become unittest's, a number at the end becomes award, an error is expected as ours, the rest is listed."""
    path = written(
        tmp_path / "Old Style.ipynb",
        new_markdown_cell("# Old"),
        new_code_cell("from nose.tools import assert_equal, assert_raises"),
        told(new_code_cell("def f(x): return 2 * x"), solution=True, grade_id="f"),
        told(
            new_code_cell("assert_equal(f(2), 4)\nassert_raises(TypeError, f, None)"),
            grade=True,
            grade_id="f 1",
            points=2,
        ),
        told(new_code_cell("1.5 if f(1) == 2 else 0"), grade=True, grade_id="part", points=3),
        told(new_code_cell("assert f(2) =="), grade=True, grade_id="broken", points=1),
        told(new_code_cell("assert f(unknown) == 2"), grade=True, grade_id="unknown", points=1),
        told(new_code_cell("assert f(1) == 2"), grade=True, grade_id="free", points=0),
        told(new_code_cell("# write a loop\n"), grade=True, solution=True, grade_id="by-hand", points=4),
        told(new_markdown_cell("Do it."), task=True, grade_id="task", points=5),
    )
    result = adopt(path, course=tmp_path / "course", start=True)
    suite = (tmp_path / "course" / "assignments" / "old_style" / "hidden" / "test_old_style.py").read_text()
    assert result.checks == {"test_f_1": 2.0, "test_part": 3.0, "test_unknown": 1.0}
    assert result.written == {"by-hand": 4.0}
    assert "assert_equal = TestCase().assertEqual" in suite
    assert "with pytest.raises(StudentError, match='TypeError'):" in suite
    assert "award((1.5 if f(1) == 2 else 0) / 3)" in suite
    listed = " / ".join(f"{left.where}: {left.what}" for left in result.left)
    for words in (
        "cell 6: a test of 1 points that is not Python",
        "`unknown`",
        "`free` earns no points",
        "a task of 5 points",
    ):
        assert words in listed
    module = (tmp_path / "course" / "solutions" / "old_style" / "old_style.py").read_text()
    assert "def f(x):\n    ### BEGIN SOLUTION\n    return 2 * x\n    ### END SOLUTION" in module


def test_otters_tests_in_metadata_and_in_files(tmp_path):
    """A notebook as Otter hands it out: doctests in its metadata, and a dictionary in a file of tests/."""
    test = {
        "name": "q1", "points": [1, 2],
        "suites": [{"cases": [
            {"code": ">>> double(2)\n4\n>>> print(double(1), 'x')\n2 x", "hidden": False, "locked": False},
            {"code": ">>> double(None)\nTraceback (most recent call last):\n...\nTypeError: no", "hidden": True, "locked": False},
        ], "scored": True, "setup": "", "teardown": "", "type": "doctest"}],
    }  # fmt: skip
    notebook = new_notebook(
        cells=[
            new_code_cell("import otter\ngrader = otter.Notebook()"),
            new_code_cell("def double(x):\n    return x + x"),
            new_code_cell('grader.check("q1")'),
            new_code_cell("half = double(1) / 2"),
            new_code_cell('grader.check("q2")'),
        ],
        metadata={"otter": {"tests": {"q1": test}}},
    )
    folder = tmp_path / "hw"
    (folder / "tests").mkdir(parents=True)
    (folder / "hw.ipynb").write_text(notebook)
    other = {"name": "q2", "points": None, "suites": [{"cases": [{"code": ">>> half == 1\nTrue"}]}]}
    (folder / "tests" / "q2.py").write_text(f"OK_FORMAT = True\n\ntest = {other!r}\n")
    (folder / "tests" / "q3.py").write_text(
        "from otter.test_files import test_case\n\n@test_case()\ndef test_it(env):\n    assert env\n"
    )
    (folder / "data.csv").write_text("x\n")
    result = adopt(folder, course=tmp_path / "course", start=True)
    assert result.checks == {"test_q1_1": 1.0, "test_q1_2": 2.0, "test_q2": 1.0}
    suite = (tmp_path / "course" / "assignments" / "hw" / "hidden" / "test_hw.py").read_text()
    assert "assert str(double(1)) + ' ' + str('x') == '2 x'" in suite
    assert "with pytest.raises(StudentError, match='TypeError'):" in suite
    assert "half = student.half" in suite
    listed = {f"{left.where}: {left.what}" for left in result.left}
    assert "tests/q3.py: tests that are functions for an environment" in listed
    assert "data.csv: a file beside the notebook" in listed


@pytest.mark.parametrize(
    ("source", "shown", "text"),
    [
        ("f(1)", "[1, 2]", "assert (f(1)) == [1, 2]"),
        ("f(1)", "False", "assert not (f(1))"),
        ("f(1)", "<object>", "assert repr(f(1)) == '<object>'"),
        ("y = f(1)\ny.shape", "(2,)", "y = f(1)\nassert (y.shape) == (2,)"),
        ("assert f(1)", "", "assert f(1)"),
    ],
)
def test_what_a_cell_showed_becomes_an_assertion(source, shown, text):
    """By value where the output is one, by its text otherwise."""
    assert assertions([(source, shown)]) == (text, [])


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{}", "not a notebook of format 4"),
        (new_notebook([new_code_cell("x = 1")]), "no notebook of nbgrader or Otter"),
    ],
)
def test_what_is_no_assignment_is_refused(tmp_path, content, words):
    """With nothing written."""
    (tmp_path / "a.ipynb").write_text(content)
    with pytest.raises(AuthoringError, match=words):
        adopt(tmp_path / "a.ipynb", course=tmp_path / "course", start=True)
    assert not (tmp_path / "course" / "autograde.yml").exists()


def test_a_name_that_is_taken(tmp_path):
    """Nothing is written over; a student's version, whose tests are gone, is refused."""
    adopt(HERE / "squares.ipynb", course=tmp_path, start=True)
    with pytest.raises(AuthoringError, match="this name already exists"):
        adopt(HERE / "squares.ipynb", course=tmp_path)
    shutil.rmtree(tmp_path / "solutions")
    path = written(tmp_path / "b.ipynb", told(new_code_cell("def f(): pass"), solution=True, grade_id="f"))
    with pytest.raises(AuthoringError, match="no test of it can be a check"):
        adopt(path, course=tmp_path / "other", start=True)
