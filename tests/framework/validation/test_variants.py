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
  expect: {test_add: wrong_answer, test_nothing: wrong_answer}
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
    changed = apply(read_variants(assignment)[0], assignment.solution_files(), "here")
    assert b"return x - y" in changed["basics.py"]
    assert changed["plain.py"] == assignment.solution_files()["plain.py"]


GOOD = {"name": "a", "kind": "wrong", "why": "x", "expect": "{test_add: wrong_answer}"}


def entry(**change):
    fields = {**GOOD, "edit": '{file: basics.py, find: "x + y", replace: ""}', **change}
    return "- " + "\n  ".join(f"{key}: {value}" for key, value in fields.items() if value is not None) + "\n"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a: b: c", "not valid YAML"),
        ("name: a", "holds a list of variants"),
        (entry(kind="odd"), "variant a: kind"),
        (entry(name="A B"), "variant A B: name"),
        (entry(why=None), "variant a: why"),
        (entry(edit=None), "variant a: edits"),
        (entry(extra="1"), "variant a: extra"),
        (entry(edit="{file: basics.py, find: '', replace: ''}"), "variant a: edits.0.find"),
        (entry(edit="{file: basics.py, fnd: 'x', replace: ''}"), "variant a: edits.0"),
        (entry(expect=None), "names the checks"),
        (entry(kind="right"), "gets full marks"),
        (entry(kind="equivalent"), "does what the solution does"),
        (entry(expect="{test_add: wrong}"), "variant a: expect.test_add"),
        (entry() + entry(), "two variants are named 'a'"),
        ("- 3", "variant number 1"),
    ],
)
def test_a_wrong_file_is_told_with_variant_and_key(tmp_path, text, told):
    """The error names the file, the variant and the key."""
    path = write_course(tmp_path, suite=SUITE)
    (tmp_path / "assignments" / "tiny" / "variants.yml").write_text(text)
    with pytest.raises(AuthoringError) as caught:
        read_variants(load_course(path).assignment("tiny"))
    assert told in caught.value.what
    assert caught.value.where.endswith("variants.yml")
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    ("edit", "told"),
    [
        ("{file: other.py, find: x, replace: y}", "no file 'other.py'"),
        ("{file: basics.py, find: no such text, replace: y}", "stands 0 times"),
        ("{file: basics.py, find: return, replace: y}", "times in basics.py, not 1"),
        ("{file: basics.py, find: return x + y, replace: y, count: 2}", "stands 1 times in basics.py, not 2"),
    ],
)
def test_an_edit_that_does_not_apply_is_told(tmp_path, edit, told):
    """An edit that would silently change nothing, or too much, is the author's mistake."""
    path = write_course(tmp_path, suite=SUITE)
    (tmp_path / "assignments" / "tiny" / "variants.yml").write_text(entry(edit=edit))
    assignment = load_course(path).assignment("tiny")
    with pytest.raises(AuthoringError) as caught:
        apply(read_variants(assignment)[0], assignment.solution_files(), "variants.yml")
    assert told in caught.value.what


def test_without_the_file_there_are_no_variants(tmp_path):
    """An assignment may have none."""
    assert read_variants(load_course(write_course(tmp_path, suite=SUITE)).assignment("tiny")) == ()
