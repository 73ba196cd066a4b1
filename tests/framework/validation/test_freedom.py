"""Freedoms: where students may choose, a surviving mutant is no hole, as long as checks hold the bounds."""

from __future__ import annotations

from dataclasses import replace

import pytest

from grader.course import load_course
from grader.errors import AuthoringError
from grader.validation.freedom import Freedom, free_mutants, read_freedoms, unfounded
from grader.validation.mutants import collect_mutants
from grader.validation.result import MutantResult, Validation
from grader.validation.variants import read_variants
from tests.support.builder import Homework, build_course

COURSE = """
course: {name: Course, timezone: UTC}
roster: {students: [{id: ada, name: Ada}]}
assignments:
  net: {title: Net, files: [net.py]}
"""
SOLUTION = '''"""Net."""


class Net:
    """A net."""

    def width(self):
        """How wide."""
        ### BEGIN SOLUTION
        return 3 * 4 + 1
        ### END SOLUTION


def other(x):
    """Other."""
    ### BEGIN SOLUTION
    return x * 2 + 1
    ### END SOLUTION
'''
SUITE = '''"""Hidden."""
from grader.checks import points


@points(1)
def test_bounds(student):
    """Bounds."""


@points(1)
def test_other(student):
    """Other."""
'''
WRONG = """
- wrong: too-wide
  why: beyond the bound
  edit: {file: net.py, find: "3 * 4 + 1", replace: "1000"}
  expect: [test_bounds]
"""


def course(tmp_path, freedom, variants=WRONG):
    text = f"freedom:\n{freedom}\nvariants:\n{variants}"
    path = build_course(tmp_path, COURSE, Homework("net", {"net.py": SOLUTION}, suite=SUITE, variants=text))
    return load_course(path).assignment("net")


def collected(assignment):
    checks = ("test_bounds", "test_other")
    freedoms = read_freedoms(assignment, checks)
    return freedoms, collect_mutants(
        assignment, {"net.py": SOLUTION}, read_variants(assignment, checks=checks), freedoms
    )


def test_a_surviving_mutant_within_it_is_free_and_others_are_not(tmp_path):
    """A class has its methods; what is killed stays killed; free ones count neither for nor against the suite."""
    _, found = collected(course(tmp_path, "- {in: Net, why: any width up to 100, held_by: test_bounds}"))
    inside = [mutant for mutant in found.mutants if mutant.function.startswith("Net")]
    assert inside
    assert {mutant.id for mutant in inside} == set(found.free)
    assert set(found.free.values()) == {"any width up to 100"}
    assert found.unfounded == ()
    outside = next(mutant for mutant in found.mutants if mutant.function == "other")
    survivors = [MutantResult(mutant, (), (), "", found.free.get(mutant.id, "")) for mutant in (inside[0], outside)]
    assert [item.status for item in survivors] == ["free", "survived"]
    killed = MutantResult(inside[0], ("test_bounds",), ("test_bounds",), "", "why")
    assert killed.status == "killed"
    validation = Validation("net", "cpu", (1,), (), mutants=(survivors[0], killed))
    assert validation.kill_rate == 1.0
    assert not validation.needs_a_person
    assert validation.as_dict()["mutants"]["free"] == 1
    assert replace(validation, mutants=tuple(survivors)).needs_a_person


def test_operators_narrow_it(tmp_path):
    """With `operators`, other slips in the same function still count."""
    freedoms, found = collected(
        course(tmp_path, "- {in: [Net.width], why: w, held_by: [test_bounds], operators: [number]}")
    )
    inside = [mutant for mutant in found.mutants if mutant.function == "Net.width"]
    assert {mutant.operator for mutant in inside if mutant.id in found.free} == {"number"}
    assert any(mutant.id not in found.free for mutant in inside)
    assert free_mutants(freedoms, []) == {}


@pytest.mark.parametrize(
    ("freedom", "words"),
    [
        ("- {in: [Nut], why: w, held_by: [test_bounds]}", "no mutant is within it"),
        ("- {in: [Net], why: w, held_by: [test_other]}", "no wrong variant shows that test_other holds its bounds"),
    ],
)
def test_a_freedom_without_ground_is_reported(tmp_path, freedom, words):
    """It needs a person, and the line is named."""
    _, found = collected(course(tmp_path, freedom))
    (told,) = found.unfounded
    assert words in told
    assert "variants.yml:2" in told
    assert Validation("net", "cpu", (1,), (), unfounded=found.unfounded).needs_a_person


@pytest.mark.parametrize(
    ("freedom", "words"),
    [
        ("- {in: [Net], why: w, held_by: [test_bound]}", "no check or group 'test_bound'"),
        ("- {in: [Net], why: w}", "held_by"),
        ("- {in: [], why: w, held_by: [test_bounds]}", "in"),
        ("- {inn: [Net], why: w, held_by: [test_bounds]}", "inn"),
        ("- Net", "should be a mapping"),
        ("  Net", "should be a list"),
    ],
)
def test_a_wrong_entry_is_an_error_with_its_line(tmp_path, freedom, words):
    """As everywhere in variants.yml."""
    with pytest.raises(AuthoringError, match=words) as error:
        read_freedoms(course(tmp_path, freedom), ("test_bounds", "test_other"))
    assert "variants.yml:" in error.value.where


def test_the_file_of_a_module_is_understood(tmp_path):
    """variants/net.yml speaks of net.py, and groups stand for their checks."""
    assignment = course(tmp_path, "- {in: [Net], why: w, held_by: [test_bounds]}")
    folder = assignment.folder / "variants"
    folder.mkdir()
    (folder / "net.yml").write_text(
        "groups: {bounds: [test_bounds, test_other]}\nfreedom: [{in: Net, why: w, held_by: bounds}]\n"
    )
    first, second = read_freedoms(assignment, ("test_bounds", "test_other"))
    assert (first.file, second.file) == (None, "net.py")
    assert second.held_by == ("test_bounds", "test_other")
    assert isinstance(first, Freedom)
    assert unfounded((), (), ()) == ()
