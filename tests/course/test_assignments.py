"""The course's own assignments, as they are written: what they promise, and what can be made of them."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from grader.course import load_course, read_questions, read_suite
from grader.demo.classroom import make_class
from grader.engine.carried import compressed, sift
from grader.engine.rules import check_rules
from grader.intake.assemble import assemble
from grader.release.build import read_folder
from grader.release.strip import make_stubs
from grader.validation.variants import apply, read_variants
from tests.support import notebooks

ROOT = Path(__file__).parents[2]
COURSE = load_course(ROOT / "autograde.yml")
NAMES = list(COURSE.assignments)


@pytest.mark.parametrize("name", NAMES)
def test_assignments_are_as_thorough_as_promised(name):
    """At least 12 checks, 12 wrong variants and 5 right ones, which name checks that exist; points sum to 100."""
    assignment = COURSE.assignment(name)
    checks = read_suite(assignment.hidden_folder)
    variants = read_variants(assignment)
    kinds = [variant.kind for variant in variants]
    assert len(checks) >= 12
    assert sum(check.points for check in checks) == 100
    assert kinds.count("wrong") >= 12
    assert kinds.count("right") >= 5
    assert {check for variant in variants for check in variant.expect} <= {check.id for check in checks}


@pytest.mark.parametrize("name", NAMES)
def test_the_demo_can_make_a_class_of_it(name):
    """Right, wrong and hostile submissions are made of any assignment of the course."""
    assignment = COURSE.assignment(name)
    made = make_class(assignment, COURSE.roster.students, right=1, wrong=1, hostile=True)
    hostile = [member for member in made if member.files and member.role not in ("the solution", "the stub")]
    assert len(made) >= 7
    assert all(dict(member.files) != assignment.solution_files() for member in hostile)


@pytest.mark.parametrize("name", NAMES)
def test_the_whole_assignment_can_be_solved_in_its_notebook(name):
    """The solution in cells, in every style there is, alone or beside untouched stubs, comes to the solution's modules."""
    assignment = COURSE.assignment(name)
    stubs, solution = make_stubs(assignment), assignment.solution_files()
    texts = {file: data.decode() for file, data in stubs.items()}
    for style in notebooks.styles(assignment):
        notebook = {f"{name}.ipynb": notebooks.solved(assignment, style)}
        for beside in ({}, stubs):
            made = assemble({**beside, **notebook}, texts, prefer=f"{name}.ipynb")
            for file in assignment.files:
                assert definitions(made.files[file]) == definitions(solution[file]), (style, file, made.notes)


def definitions(text: bytes) -> dict[str, str]:
    """Functions, classes and constants of a module by name, as trees: comments and blank lines do not count."""
    found = {}
    for node in ast.parse(text).body:
        if not isinstance(node, ast.Import | ast.ImportFrom | ast.Expr):
            found[getattr(node, "name", "") or ast.unparse(node).partition("=")[0]] = ast.dump(node)
    return found


@pytest.mark.parametrize("name", NAMES)
def test_written_questions_are_worth_points_and_have_a_rubric(name):
    """People can mark them, for as many points as the rubric has, and the handout says how many there are in all."""
    assignment = COURSE.assignment(name)
    questions = read_questions(assignment.notebook_source)
    assert questions
    for question in questions:
        assert question.points > 0, question.id
        assert f"**Rubric ({question.points:g}" in question.model, question.id
    total = sum(question.points for question in questions) + 100
    assert re.search(rf"\b{total:g} points", (assignment.folder / "README.md").read_text())


@pytest.mark.parametrize("name", NAMES)
def test_handing_in_the_whole_folder_breaks_no_rule(name):
    """As `nbgrader submit` does it: the bundle's tests lie beside the solution, and cost nothing."""
    assignment = COURSE.assignment(name)
    bundle = read_folder(assignment.release_folder)
    assert check_rules({**bundle, **assignment.solution_files()}, assignment.forbid, assignment.files) == {}


@pytest.mark.parametrize("name", NAMES)
def test_right_work_is_no_matter_for_staff(name):
    """The whole bundle with the solution, and every right variant: nothing that grading needs is left out, nothing is flagged."""
    assignment = COURSE.assignment(name)
    solution, bundle = assignment.solution_files(), read_folder(assignment.release_folder)
    right = [apply(variant, solution) for variant in read_variants(assignment) if variant.kind == "right"]
    for files in ({**bundle, **solution}, *right):
        got = sift(files, assignment.upload, compressed(solution))
        assert (got.problem, got.note, got.flags) == (None, "", ())
        assert {name for name in files if name.endswith(".py")} <= set(got.files)
