"""The course's own assignments: what students get works, and the solution and the stub score what they must."""

from __future__ import annotations

import ast
import asyncio
import os
import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from grader.course import load_course, read_questions, read_suite
from grader.demo.classroom import make_class
from grader.engine.rules import check_rules
from grader.grading import grade_uploads
from grader.intake import Upload
from grader.intake.assemble import assemble
from grader.release.build import read_folder
from grader.release.strip import make_stubs
from grader.validation.variants import STUB_CEILING, read_variants
from tests.support import notebooks

ROOT = Path(__file__).parents[2]
COURSE = load_course(ROOT / "autograde.yml")
NAMES = list(COURSE.assignments)


def in_bundle(name: str, files: dict[str, bytes], tmp_path: Path) -> Path:
    """The released bundle of an assignment, with ``files`` in place of its stubs."""
    bundle = tmp_path / name
    shutil.copytree(COURSE.assignment(name).release_folder, bundle)
    for file, data in files.items():
        (bundle / file).write_bytes(data)
    return bundle


def run_public(bundle: Path) -> subprocess.CompletedProcess[str]:
    """Run a bundle's public tests as a student does: plain pytest, in the bundle."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        [sys.executable, "-m", "pytest", "public", "-q", "-p", "no:cacheprovider"],
        cwd=bundle,
        env=environment,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


@pytest.mark.parametrize("name", NAMES)
def test_public_tests_pass_with_the_solution(name, tmp_path):
    """A student whose modules are right sees nothing but passes."""
    done = run_public(in_bundle(name, COURSE.assignment(name).solution_files(), tmp_path))
    assert done.returncode == 0, done.stdout[-3000:]


@pytest.mark.parametrize("name", NAMES)
def test_public_tests_fail_politely_with_the_stub(name, tmp_path):
    """A fresh bundle collects without an error, and every failure names the function that is to be written."""
    done = run_public(in_bundle(name, {}, tmp_path))
    assert done.returncode == 1, done.stdout[-3000:]
    assert "write your solution here" in done.stdout
    assert "error" not in done.stdout.rpartition("\n")[0].splitlines()[-1].replace("NotImplementedError", "")


def test_solution_and_stub_score_what_they_must(tmp_path):
    """Full marks for the solution, the same twice but for times; next to nothing for the stub."""
    for name in NAMES:
        assignment = COURSE.assignment(name)
        solution = Upload(assignment.solution_files())
        uploads = [solution, solution, Upload(make_stubs(assignment))]
        # One slot: a second runner would take longer to start than the three to be graded.
        first, second, stub = grade_uploads(COURSE, assignment, uploads, state=tmp_path, slots=1)
        assert first.score == first.max_score == 100, [c for c in first.checks if c.score != c.max_score]
        assert first.timeless() == second.timeless()
        assert stub.score is not None
        assert stub.score <= STUB_CEILING * stub.max_score


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


@pytest.fixture(scope="module")
def executed(tmp_path_factory):
    """Every notebook, begun two at a time: a kernel keeps one core busy."""
    import nbclient
    import nbformat

    def execute(name):
        bundle = in_bundle(name, COURSE.assignment(name).solution_files(), tmp_path_factory.mktemp(name))
        notebook = nbformat.read(bundle / f"{name}.ipynb", as_version=4)
        client = nbclient.NotebookClient(notebook, timeout=240, resources={"metadata": {"path": str(bundle)}})
        asyncio.run(client.async_execute())
        return notebook

    with ThreadPoolExecutor(2) as pool:
        yield {name: pool.submit(execute, name) for name in NAMES}


@pytest.mark.parametrize("name", NAMES)
def test_the_notebook_runs_with_the_solution(name, executed):
    """From top to bottom, as a student runs it who has solved everything."""
    notebook = executed[name].result()
    figures = [o for cell in notebook.cells for o in cell.get("outputs", []) if "image/png" in o.get("data", {})]
    assert len(figures) >= 3


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
