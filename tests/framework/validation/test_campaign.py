"""A campaign: what a grader shows of itself when it is measured by versions whose outcome is known."""

from __future__ import annotations

import io
import json
import shutil
from dataclasses import replace

import pytest
from rich.console import Console
from typer.testing import CliRunner

from grader.cli.main import app
from grader.course import load_course
from grader.errors import AuthoringError, UsageError
from grader.grading import LocalExecutor
from grader.reports.validation_table import print_validation, write_page
from grader.validation import Options, accept, validate
from tests.framework.validation.test_variants import SUITE, VARIANTS
from tests.support.tiny import write_course

pytestmark = [pytest.mark.runner, pytest.mark.slow]


@pytest.fixture(scope="module", autouse=True)
def shared(tmp_path_factory):
    """Campaigns on the same course, one after the other, share its runner: to start one takes longer than most of them."""
    kept = {}

    class Shared(LocalExecutor):
        def close(self):
            """At the end, or where a run was left before its end."""
            if self._under_way:
                super().close()
                kept.clear()

        end = LocalExecutor.close

    def opened(work, slots):
        secret = (work.state / "secret").read_text()
        if (work.course.path, secret) not in kept:
            end()
            state = tmp_path_factory.mktemp("state")
            (state / "secret").write_text(secret)
            kept[work.course.path, secret] = Shared(replace(work, state=state), slots)
        return kept[work.course.path, secret]

    def end():
        while kept:
            kept.popitem()[1].end()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("grader.validation.campaign.LocalExecutor", opened)
        yield
    end()


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


def test_an_unknown_check_is_told_before_anything_is_graded(course, monkeypatch):
    """`expect` is held against the suite first: no runner starts for a file that cannot be measured."""
    monkeypatch.setattr("grader.validation.campaign.LocalExecutor", None)
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
    monkeypatch.setattr("grader.validation.campaign.LocalExecutor", None)
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
