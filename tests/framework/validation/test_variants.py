"""Variants: edits that must apply exactly."""

from __future__ import annotations

import pytest

from grader.course import load_course
from grader.errors import AuthoringError
from grader.validation.variants import apply, read_variants
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


def test_one_variant_can_be_measured_alone(tmp_path):
    """`only` picks variants by name; what is not picked is not even applied."""
    assignment = load_course(write_course(tmp_path, suite=SUITE)).assignment("tiny")
    (assignment.folder / "variants.yml").write_text(VARIANTS)
    assert [variant.name for variant in read_variants(assignment)][:2] == ["subtracts", "adds-otherwise"]
    changed = apply(read_variants(assignment)[0], assignment.solution_files())
    assert b"return x - y" in changed["basics.py"]
    assert changed["plain.py"] == assignment.solution_files()["plain.py"]


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
        (entry(name="A B"), "variant A B: name", "lower-case letters", 1),
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
        ("{file: basics.py, find: no such text, replace: y}", "does not occur in basics.py"),
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
        apply(read_variants(assignment)[0], assignment.solution_files())
    assert told in caught.value.what
    assert caught.value.where.endswith("variants.yml:1")


def test_without_the_file_there_are_no_variants(tmp_path):
    """An assignment may have none."""
    assert read_variants(load_course(write_course(tmp_path, suite=SUITE)).assignment("tiny")) == ()
