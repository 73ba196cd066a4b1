"""Variants: edits that must apply exactly, and a grader measured by them."""

from __future__ import annotations

import io
import json
import shutil

import pytest
from rich.console import Console
from typer.testing import CliRunner

from grader.cli.main import app
from grader.course import load_course
from grader.errors import AuthoringError, UsageError
from grader.reports.validation_table import print_validation, write_page
from grader.validation import Options, accept, validate
from grader.validation.variants import apply, read_variants, solution_files, stub_files
from tests.support.tiny import write_course

SUITE = '''\
"""Hidden checks."""
import torch
from grader.checks import assert_close, points


@points(6)
def test_add(student):
    """`add` adds."""
    assert_close(student.add(torch.ones(2), torch.ones(2)), torch.full((2,), 2.0))


@points(4)
def test_level(student):
    """`LEVEL` is seven, or close."""
    assert student.LEVEL > 5, "LEVEL is too low"
'''

VARIANTS = """\
- name: subtracts
  kind: wrong
  why: a sign
  edit: {file: basics.py, find: "return x + y", replace: "return x - y"}
  expect: {test_add: wrong_answer}
- name: adds-otherwise
  kind: right
  why: addition commutes
  edit: {file: basics.py, find: "return x + y", replace: "return y + x"}
- name: unseen
  kind: wrong
  why: no check looks at it closely
  edit: {file: basics.py, find: "LEVEL = 7", replace: "LEVEL = 6"}
  expect: {test_level: wrong_answer}
- name: crashes
  kind: wrong
  why: an error where a wrong answer is expected, and a check that is not named
  edits:
    - {file: basics.py, find: "return x + y", replace: "raise ValueError"}
    - {file: basics.py, find: "LEVEL = 7", replace: "LEVEL = 1"}
  expect: [test_add]
- name: not-right
  kind: right
  why: it is wrong
  edit: {file: basics.py, find: "return x + y", replace: "return y"}
- name: right-at-times
  kind: right
  why: it tosses a coin
  edit: {file: basics.py, find: "return x + y", replace: "return x + y + torch.randint(2, ())"}
- name: higher-level
  kind: equivalent
  why: any level above five will do
  edit: {file: basics.py, find: "LEVEL = 7", replace: "LEVEL = 8  # one more"}
- name: no-such-mutants
  kind: equivalent
  why: nobody would write it
  edit:
    - {file: basics.py, find: "return x + y", replace: "return x ** y"}
    - {file: basics.py, find: "return x + y", replace: "return x"}
"""


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """A course with variants that are as they must be, and some that are not."""
    path = write_course(tmp_path_factory.mktemp("variants"), suite=SUITE)
    solution = path.parent / "solutions" / "tiny" / "basics.py"
    text = solution.read_text()
    marked = text.replace("    return x + y\n", "    ### BEGIN SOLUTION\n    return x + y\n    ### END SOLUTION\n")
    assert marked != text
    solution.write_text(marked.replace("LEVEL = 7", "### BEGIN SOLUTION\nLEVEL = 7\n### END SOLUTION"))
    (path.parent / "assignments" / "tiny" / "variants.yml").write_text(VARIANTS)
    return load_course(path)


@pytest.fixture(scope="module")
def found(course):
    """What `validate` found."""
    return validate(course, course.assignment("tiny"), Options(seeds=8, slots=1))


@pytest.fixture(scope="module")
def measured(found):
    """The versions by name."""
    return {item.name: item for item in found.measured}


def test_solution_stub_and_variants_that_are_as_they_must_be_have_no_problem(measured):
    """Full marks for the solution and the right variant, a low score for the stub, the named loss for the wrong one."""
    for name in ("solution", "stub", "subtracts", "adds-otherwise"):
        assert measured[name].problems == (), name
    assert measured["solution"].score == 10
    assert measured["stub"].score == 0
    assert measured["subtracts"].score == 4


def test_a_variant_that_no_check_sees_is_told(measured):
    """A wrong solution with full marks is a hole in the grader."""
    assert measured["unseen"].problems == ("test_level: accepted, not wrong_answer",)


def test_a_variant_with_other_verdicts_is_told(measured):
    """Another verdict, and a check that is not named: each is a problem."""
    problems = measured["crashes"].problems
    assert problems[0] == "test_add: runtime_error, not wrong_answer"
    assert problems[1].startswith("test_level: wrong_answer, though the variant does not name it")


def test_a_version_meets_the_checks_that_can_see_it(measured):
    """An edit of `add` concerns the check that calls it; a constant of the module may concern every check."""
    ran = {name: [check.id for check in item.checks] for name, item in measured.items()}
    assert ran["subtracts"] == ["test_add"]
    assert ran["solution"] == ran["unseen"] == ["test_add", "test_level"]


def test_a_right_version_that_misses_at_some_seed_is_flaky(found, measured):
    """The check and the seed are told; a version that always misses is no flake but a problem."""
    assert {flake.version for flake in found.flakes} == {"right-at-times"}
    assert {flake.check for flake in found.flakes} == {"test_add"}
    assert 0 < len(found.flakes) < len(found.seeds) == len(set(found.seeds)) == 8
    assert {flake.seed for flake in found.flakes} < set(found.seeds)
    assert measured["right-at-times"].problems == ()
    assert measured["right-at-times"].seeds == measured["solution"].seeds == 8
    assert measured["subtracts"].seeds == 1


def test_mutants_are_killed_survive_or_are_marked(found):
    """A survivor is listed with its diff and the checks that ran; a mark that does not hold is told."""
    assert len(found.mutants) == found.mutants_in_all == 8
    lower, cut = found.with_status("survived")
    assert "+LEVEL = 6" in lower.mutant.diff
    assert "+    return (x + y).detach()" in cut.mutant.diff
    assert lower.ran == cut.ran == ("test_add", "test_level")
    (marked,) = found.with_status("equivalent")
    assert "+LEVEL = 8" in marked.mutant.diff
    assert marked.marked == "any level above five will do"
    (killed,) = found.with_status("not equivalent")
    assert killed.killed_by == ("test_add",)
    assert "+    return x" in killed.mutant.diff.splitlines()
    assert found.stale == ("no-such-mutants: return x ** y",)
    assert found.needs_a_person


def test_the_tables_count_by_function_and_by_check(found):
    """Equivalent mutants count in neither; a check that kills what no other kills is needed."""
    functions = {row.function: row for row in found.function_rows}
    level, add = functions["(module)"], functions["add"]
    assert (level.mutants, level.killed, level.equivalent) == (1, 0, 1)
    assert (add.mutants, add.killed, add.equivalent) == (6, 5, 0)
    rows = {row.id: row for row in found.check_rows}
    assert (rows["test_add"].killed, rows["test_add"].alone, rows["test_add"].needed) == (4, 4, True)
    assert (rows["test_level"].killed, rows["test_level"].needed) == (0, False)
    assert found.kill_rate == 5 / 7


def test_what_was_found_is_told_in_three_ways(found, course, tmp_path):
    """In the terminal, as JSON and as a page that fetches nothing."""
    console = Console(record=True, width=120, file=io.StringIO())
    print_validation(found, console)
    page = write_page(course, found, tmp_path / "deep" / "page.html").read_text()
    data = json.dumps(found.as_dict())
    for text in (console.export_text(), page, data):
        for part in (
            "right-at-times",
            "LEVEL = 6",
            "runtime_error, not wrong_answer",
            "no-such-mutants: return x ** y",
            "unseen",
        ):
            assert part in text, part
        assert str(found.flakes[0].seed) in text
    assert "://" not in page
    assert "<script" not in page


def test_the_command_measures_a_sample_and_needs_nobody(course, tmp_path):
    """Variants by text, two mutants, one seed: the exit code is 0 where all is well."""
    arguments = ["validate", "tiny", "-k", "basics.py add", "--sample", "2", "--seeds", "1", "--jobs", "1", "--json"]
    where = ["--course", str(course.path), "--html", str(tmp_path / "page.html")]
    done = CliRunner().invoke(app, [*arguments, *where])
    data = json.loads(done.stdout)["tiny"]
    assert done.exit_code == 0, data
    assert [item["name"] for item in data["versions"]] == ["solution", "stub"]
    assert data["mutants"]["measured"] == data["mutants"]["killed"] == 2
    assert (tmp_path / "page.html").is_file()


def test_a_right_variant_that_loses_points_is_told(measured):
    """A right solution without full marks is an injustice in the grader."""
    assert measured["not-right"].problems[0].startswith("test_add: wrong_answer, 0.0 of 6.0")


def test_one_variant_can_be_measured_alone(course):
    """`only` picks variants by name; what is not picked is not even applied."""
    assignment = course.assignment("tiny")
    assert [variant.name for variant in read_variants(assignment)][:2] == ["subtracts", "adds-otherwise"]
    changed = apply(read_variants(assignment)[0], solution_files(assignment))
    assert b"return x - y" in changed["basics.py"]
    assert changed["plain.py"] == solution_files(assignment)["plain.py"]
    assert b"NotImplementedError" in stub_files(assignment)["basics.py"]


GOOD = {"name": "a", "kind": "wrong", "why": "x", "expect": "{test_add: wrong_answer}"}


def entry(**change):
    fields = {**GOOD, "edit": '{file: basics.py, find: "x + y", replace: ""}', **change}
    return "- " + "\n  ".join(f"{key}: {value}" for key, value in fields.items() if value is not None) + "\n"


@pytest.mark.parametrize(
    ("text", "told", "fix", "line"),
    [
        ("a: b: c", "not valid YAML", "colon", 1),
        ("3", "holds a list of variants", "- wrong: NAME", 1),
        ("groups: {}\nvariant: []\n", "variant: unknown key", "`variants`", 2),
        (entry(kind="odd"), "variant a: kind: 'odd' is none of", "'wrong', 'right'", 2),
        (entry(name="A B"), "variant A B: name", "small letters", 1),
        (entry(why=None), "variant a: why: this key is missing", "add `why:`", 1),
        (entry(edit=None), "variant a: edits: this key is missing", "add `edits:`", 1),
        (entry(extra="1"), "variant a: extra: unknown key", "did you mean `expect`?", 6),
        (entry(expects="[]"), "variant a: expects: unknown key", "`expect`", 6),
        (
            entry(edit=None, edits="{file: basics.py, find: x, replace: y}"),
            "variant a: edits: should be a list",
            "`edit:`",
            5,
        ),
        (entry(edits="[]"), "variant a: edits: there is an `edit` as well", "one list", 6),
        (entry(edit="[]"), "variant a: edit: there is no edit in it", "", 5),
        (entry(edit="{file: basics.py, find: '', replace: ''}"), "variant a: edit.find", "", 5),
        (
            entry(edit="{file: basics.py, fnd: 'x', replace: ''}"),
            "edit.fnd: unknown key",
            "add `find:`",
            5,
        ),
        (entry(edit="{find: x, replace: y}"), "variant a: edit.file: this key is missing", "add `file:`", 5),
        (entry(expect=None), "names the checks", "--accept", 1),
        (entry(kind="right"), "gets full marks", "", 1),
        (entry(kind="equivalent"), "does what the solution does", "", 1),
        (
            entry(expect="{test_add: wrong}"),
            "variant a: expect.test_add: there is no verdict 'wrong'",
            "`wrong_answer`",
            4,
        ),
        (
            entry(expect="[test_add, {test_add: worng_answer}]"),
            "a: expect[1].test_add: there is no verdict",
            "`wrong_answer`",
            4,
        ),
        (entry(expect="[test_ad]"), "variant a: expect[0]: there is no check 'test_ad'", "`test_add`", 4),
        (
            entry(expect="{test_lvel: wrong_answer}"),
            "a: expect.test_lvel: there is no check 'test_lvel'",
            "`test_level`",
            4,
        ),
        (
            entry(expect="[basics]"),
            "expect[0]: there is no group of checks 'basics'",
            "use one of: test_add, test_level",
            4,
        ),
        (entry(expect="test_add"), "variant a: expect: should be a list", "[test_one", 4),
        (entry() + entry(), "two variants are named 'a' (first at", "rename", 6),
        (entry() + "  wrong: b\n", "variant b: wrong: `wrong` gives the name and the kind already", "drop", 6),
        ("- 3", "variant number 1: should be a mapping", "- wrong: NAME", 1),
        (
            "groups: {all: [test_add, test_lvel]}\nvariants: []",
            "groups.all[1]: there is no check 'test_lvel'",
            "`test_level`",
            1,
        ),
        (
            "groups: {test_all: [test_add]}\nvariants: []",
            "groups.test_all: the group 'test_all' could be a check",
            "another",
            1,
        ),
        ("groups: {all: test_add}\nvariants: []", "groups.all: should be a list of checks", "[test_one", 1),
    ],
)
def test_a_wrong_file_is_told_with_line_variant_and_key(tmp_path, text, told, fix, line):
    """One sentence with the file, the line, the variant and the key; an unknown name comes with the nearest there is."""
    path = write_course(tmp_path, suite=SUITE)
    (tmp_path / "assignments" / "tiny" / "variants.yml").write_text(text)
    with pytest.raises(AuthoringError) as caught:
        read_variants(load_course(path).assignment("tiny"), checks=("test_add", "test_level"))
    assert told in caught.value.what
    assert fix in caught.value.fix
    assert caught.value.where.endswith(f"variants.yml:{line}")
    assert caught.value.exit_code == 2


LONG = """\
- name: both
  kind: wrong
  why: a sign and a constant
  edits:
    - {file: basics.py, find: "return x + y", replace: "return x - y"}
    - {file: basics.py, find: "LEVEL = 7", replace: "LEVEL = 1"}
  expect: {test_add: wrong_answer, test_level: wrong_answer}
- name: stops
  kind: wrong
  why: an error
  edit: {file: basics.py, find: "return x + y", replace: "raise ValueError"}
  expect: {test_add: runtime_error, test_level: wrong_answer}
- name: other-way
  kind: right
  why: addition commutes
  edit: {file: basics.py, find: "return x + y", replace: "return y + x"}
- name: higher
  kind: equivalent
  why: any level above five
  edit: {file: basics.py, find: "LEVEL = 7", replace: "LEVEL = 8"}
"""
SHORT = """\
- wrong: both
  why: a sign and a constant
  edit:
    - {find: &sum return x + y, replace: return x - y}
    - {find: LEVEL = 7, replace: LEVEL = 1}
  expect: [everything]
- wrong: stops
  why: an error
  edit: {find: *sum, replace: raise ValueError}
  expect: [everything, {test_add: runtime_error}]
- right: other-way
  why: addition commutes
  edit: {find: *sum, replace: return y + x}
- equivalent: higher
  why: any level above five
  edit: {find: LEVEL = 7, replace: LEVEL = 8}
"""


def test_the_short_form_means_the_same_as_the_long_one(tmp_path):
    """Kinds as keys, lists of checks, groups, and the file that a file's name gives: the same variants, one for one."""
    assignment = load_course(write_course(tmp_path, suite=SUITE)).assignment("tiny")
    whole, parts = assignment.folder / "variants.yml", assignment.folder / "variants"
    whole.write_text(LONG)
    long = [variant.model_dump(exclude={"where"}) for variant in read_variants(assignment)]
    parts.mkdir()
    (parts / "basics.yml").write_text(SHORT)
    whole.write_text("groups: {everything: [test_add, test_level]}\n")
    assert [variant.model_dump(exclude={"where"}) for variant in read_variants(assignment)] == long
    assert len(long) == 4


def test_variants_of_one_name_in_two_files_are_told(tmp_path):
    """Names are the assignment's, whichever file they stand in."""
    assignment = load_course(write_course(tmp_path, suite=SUITE)).assignment("tiny")
    (assignment.folder / "variants").mkdir()
    (assignment.folder / "variants.yml").write_text(LONG)
    (assignment.folder / "variants" / "basics.yml").write_text(
        "- right: both\n  why: x\n  edit: {find: x, replace: y}\n"
    )
    with pytest.raises(AuthoringError, match=r"two variants are named 'both' \(first at .*variants\.yml:1\)") as caught:
        read_variants(assignment)
    assert caught.value.where.endswith("basics.yml:1")


@pytest.mark.parametrize(
    ("edit", "told"),
    [
        ("{file: other.py, find: x, replace: y}", "no file 'other.py'"),
        ("{file: basics.py, find: no such text, replace: y}", "does not stand in basics.py"),
        ("{file: basics.py, find: return, replace: y}", "times in basics.py, not 1"),
        ("{file: basics.py, find: return x + y, replace: y, count: 2}", "stands once in basics.py, not 2"),
    ],
)
def test_an_edit_that_does_not_apply_is_told(tmp_path, edit, told):
    """An edit that would silently change nothing, or too much, is the author's mistake."""
    path = write_course(tmp_path, suite=SUITE)
    (tmp_path / "assignments" / "tiny" / "variants.yml").write_text(entry(edit=edit))
    assignment = load_course(path).assignment("tiny")
    with pytest.raises(AuthoringError) as caught:
        apply(read_variants(assignment)[0], solution_files(assignment))
    assert told in caught.value.what
    assert caught.value.where.endswith("variants.yml:1")


def test_without_the_file_there_are_no_variants(tmp_path):
    """An assignment may have none."""
    assert read_variants(load_course(write_course(tmp_path, suite=SUITE)).assignment("tiny")) == ()


def test_an_unknown_check_is_told_before_anything_is_graded(course, monkeypatch):
    """`expect` is held against the suite first: no runner starts for a file that cannot be measured."""
    monkeypatch.setattr("grader.validation.campaign.Pool", None)
    folder = course.assignment("tiny").folder / "variants"
    folder.mkdir()
    try:
        (folder / "basics.yml").write_text("- wrong: b\n  why: x\n  edit: {find: x, replace: y}\n  expect: [test_ad]\n")
        with pytest.raises(AuthoringError, match="there is no check 'test_ad'") as caught:
            validate(course, course.assignment("tiny"), Options())
    finally:
        shutil.rmtree(folder)
    assert caught.value.where.endswith("basics.yml:4")
    assert caught.value.fix == "did you mean `test_add`?"


@pytest.mark.parametrize(
    ("options", "told", "fix"),
    [
        (Options(match="subtrcts"), "nothing matches -k 'subtrcts': no variant and no mutant", "subtracts"),
        (Options(match="subtrcts", mutants=False), "nothing matches -k 'subtrcts': no variant", "subtracts"),
        (Options(only=["subtrcts"]), "there is no variant subtrcts", "subtracts"),
    ],
)
def test_a_text_that_matches_nothing_is_told_before_anything_is_graded(course, monkeypatch, options, told, fix):
    """`-k` and `--only` without a match end the call with exit code 2, at once."""
    monkeypatch.setattr("grader.validation.campaign.Pool", None)
    with pytest.raises(UsageError) as caught:
        validate(course, course.assignment("tiny"), options)
    assert caught.value.what == told
    assert fix in caught.value.fix
    assert caught.value.exit_code == 2


ACCEPTED = """\
# Kept.
groups:
  everything: [test_add, test_level]

variants:
- wrong: unseen  # no check looks at it closely
  why: stays a problem
  edit: {file: basics.py, find: LEVEL = 7, replace: LEVEL = 6}
  expect: [test_level]

- wrong: unmeasured
  why: a block at the end
  edit:
    file: basics.py
    find: return x + y
    replace: |
      return x - y
# About the next one.
- {wrong: in-braces, why: flow style, edit: {file: basics.py, find: LEVEL = 7, replace: LEVEL = 1}}
- wrong: crashes
  why: an error where a wrong answer is expected
  edit:
    - {file: basics.py, find: return x + y, replace: raise ValueError}
    - {file: basics.py, find: LEVEL = 7, replace: LEVEL = 1}
  expect: {test_level: wrong_answer,
           test_add: wrong_answer}   # was
  names: ValueError
- wrong: all
  why: both
  edit:
    - {file: basics.py, find: return x + y, replace: return x - y}
    - {file: basics.py, find: LEVEL = 7, replace: LEVEL = 1}
  expect:
    test_level: wrong_answer
- right: not-right
  why: stays a problem
  edit: {file: basics.py, find: return x + y, replace: return y}
"""


def test_accept_writes_what_was_measured_and_hides_nothing(tmp_path):
    """Expectations of wrong variants are rewritten or added in place; an unseen one and a right one stay problems."""
    course = load_course(write_course(tmp_path, suite=SUITE))
    assignment = course.assignment("tiny")
    path = assignment.folder / "variants.yml"
    path.write_text(ACCEPTED)
    found = validate(course, assignment, Options(seeds=1, slots=1, unmeasured=True))
    found, names = accept(assignment, found)
    assert set(names) == {"unmeasured", "in-braces", "crashes", "all"}
    assert {item.name for item in found.off} - {"stub"} == {"unseen", "not-right"}
    assert path.read_text() == (
        ACCEPTED.replace("      return x - y\n", "      return x - y\n  expect: [test_add]\n")
        .replace("replace: LEVEL = 1}}\n", "replace: LEVEL = 1}, expect: [test_level]}\n")
        .replace(
            "{test_level: wrong_answer,\n           test_add: wrong_answer}", "[test_level, {test_add: runtime_error}]"
        )
        .replace("expect:\n    test_level: wrong_answer\n", "expect: [everything]\n")
    )
    again, names = accept(assignment, validate(course, assignment, Options(seeds=1, slots=1, mutants=False)))
    assert names == ()
    assert {item.name for item in again.off} - {"stub"} == {"unseen", "not-right"}


def test_accept_refuses_where_the_solution_itself_fails(tmp_path):
    """What a suite says that the solution does not pass is not worth keeping."""
    course = load_course(write_course(tmp_path, suite=SUITE.replace("2.0))", "3.0))")))
    assignment = course.assignment("tiny")
    path = assignment.folder / "variants.yml"
    path.write_text(ACCEPTED)
    found = validate(course, assignment, Options(seeds=1, slots=1, mutants=False, unmeasured=True))
    with pytest.raises(AuthoringError, match="the solution itself loses points"):
        accept(assignment, found)
    assert path.read_text() == ACCEPTED
