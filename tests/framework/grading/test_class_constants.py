"""Constants of a class: what a task carries, what is flagged, and what is graded again."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from typer.testing import CliRunner

from grader.cli.main import app
from grader.course import load_course
from grader.engine.outcomes import ReportContext
from grader.engine.own_constants import Draws
from grader.grading import ClassConstants, GradeTask, Result, Work
from grader.grading.messages import pack_outcome, pack_turn, unpack_outcome, unpack_turn
from grader.grading.parcel import course_text, make_parcel, unpacked
from grader.grading.serve import Turn
from grader.records import Agreement
from grader.sandbox.wire import WireError
from grader.store import Store, digest_files
from tests.support.own_constants import COURSE, handed_in, write

NOW = datetime(2026, 12, 1, 12, 0, tzinfo=UTC)


@pytest.fixture
def course(tmp_path):
    """The course."""
    return load_course(write(tmp_path))


@pytest.fixture
def drawn(course):
    """The constants of its class."""
    return ClassConstants.read(course, course.assignment("wide"), course.state)


def report(files, values, agreements=()):
    found = ReportContext("wide", "cpu", "v1", digest_files(files), constants=values).report([])
    return found.model_copy(update={"agreements": agreements})


def test_a_team_has_constants_of_its_own_and_its_members_none(drawn):
    """Whoever hands in has them."""
    assert set(drawn.by_owner) == {"ada", "emmy", "grace", "duo"}


def test_a_task_carries_values_and_no_name(drawn):
    """And it crosses to another process as it was."""
    draws = drawn.draws(drawn.of("ada"))
    task = GradeTask(1, {"net.py": b""}, draws=draws)
    packed = pack_turn(Turn(task))
    assert not any(name in packed for name in (b"ada", b"emmy", b"grace", b"duo"))
    assert unpack_turn(packed).task == GradeTask(1, {"net.py": b""}, draws=Draws(draws.values, tuple(draws.others)))
    assert unpack_turn(pack_turn(Turn(GradeTask(1, {})))).task.draws is None


def test_an_answer_under_other_constants_is_no_answer_to_a_task(drawn):
    """Reports that were mixed up are not recorded."""
    files = handed_in(drawn.of("ada"))
    task = GradeTask(1, files, draws=drawn.draws(drawn.of("ada")))
    good, other = (Result(1, report(files, drawn.of(owner)), NOW, 0.1, 1) for owner in ("ada", "duo"))
    assert unpack_outcome(pack_outcome(good, task), task) == good
    with pytest.raises(WireError, match="other constants"):
        unpack_outcome(pack_outcome(other, task), task)


def test_what_another_machine_gets_has_the_constants_and_no_id(tmp_path):
    """It makes the same grader version, though it knows nobody."""
    text = COURSE.replace("default: 16", "default: 16, given: {grace: 36}")
    course = load_course(write(tmp_path, text))
    work = Work(course, course.assignment("wide"), course.assignment("wide").profile("cpu"), course.state)
    assert "grace" not in course_text(course, work.assignment)
    with unpacked(make_parcel(work)) as there:
        assert set(there.assignment.constants) == {"width", "start"}


def flags(drawn, owner, *agreements):
    return drawn.flagged(owner, report({}, drawn.of(owner), agreements)).flags


def test_staff_read_whose_constants_an_answer_agrees_with(drawn):
    """Several answers together name one person, where each alone could be several."""
    ada = drawn.of("ada")
    both = flags(drawn, "emmy", *(Agreement(check=f"test_{name}", values=({name: ada[name]},)) for name in ada))
    assert len(both) == 1
    assert both[0].endswith("which 1 other of 3 has: ada")
    assert f"width = {ada['width']}, start = {ada['start']}" in both[0]
    assert not drawn.flagged("emmy", report({}, ada, (Agreement(check="x", values=({"start": -1},)),))).flags


def test_answers_of_two_others_are_flagged_one_by_one(drawn):
    """Nobody has all of them."""
    found = flags(
        drawn,
        "emmy",
        Agreement(check="test_a", values=({"start": drawn.of("ada")["start"]},)),
        Agreement(check="test_b", values=({"start": drawn.of("duo")["start"]},)),
    )
    assert [flag.rpartition(" ")[2] for flag in found] == ["ada", "duo"]


def test_a_flag_that_is_made_again_takes_the_place_of_the_first(drawn):
    """A report that is taken over, or merged with another, has one."""
    agreement = Agreement(check="test_a", values=({"start": drawn.of("ada")["start"]},))
    once = drawn.flagged("emmy", report({}, drawn.of("emmy"), (agreement,)).model_copy(update={"flags": ("other",)}))
    assert drawn.flagged("emmy", once) == once
    assert once.flags[0] == "other"
    assert not drawn.flagged("emmy", once.model_copy(update={"agreements": ()})).flags[1:]
    assert not once.for_student().flags
    assert not once.for_student().agreements


def test_a_student_who_changes_team_keeps_what_was_graded(tmp_path):
    """A submission has the constants of the team that handed it in, though the team is gone."""
    store = Store(tmp_path / "state")
    course = load_course(write(tmp_path))
    before = ClassConstants.read(course, course.assignment("wide"), store.state)
    submission, _ = store.put_submission("wide", "duo", handed_in(before.of("duo")), received_at=NOW)
    text = COURSE.replace("  teams:\n    - {id: duo, name: Duo, members: [kurt, alan]}\n", "")
    course = load_course(write(tmp_path, text))
    after = ClassConstants.read(course, course.assignment("wide"), store.state)
    assert after.values(submission) == before.of("duo")
    assert set(after.by_owner) == {"ada", "emmy", "grace", "kurt", "alan"}


def test_what_was_graded_under_other_constants_is_counted(course, drawn):
    """The instructor learns of it before the class is graded again."""
    store = Store(course.state)
    for owner, values in (("ada", {}), ("emmy", drawn.of("emmy"))):
        files = handed_in(drawn.of(owner))
        submission, _ = store.put_submission("wide", owner, files, received_at=NOW)
        store.record(submission, report(files, values))
    assert [one.owner for one in drawn.graded_otherwise(store)] == ["ada"]


def test_the_command_shows_and_writes_what_each_student_gets(course, drawn, tmp_path):
    """As a table, as CSV without formulas, and as a file for each."""

    def run(*arguments):
        return CliRunner().invoke(app, ["constants", "wide", "--course", str(course.path), *map(str, arguments)])

    found = json.loads(run("--json").stdout)
    assert {one["student"]: one["constants"] for one in found}["alan"] == drawn.of("duo")
    assert "ada" in run().stdout
    table = run("--csv", "-").stdout.splitlines()
    assert table[0] == "id,name,email,hands_in_as,width,start"
    assert len(table) == 6
    assert run("--files", tmp_path / "out", "--student", "kurt").exit_code == 0
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["kurt.txt"]
    assert f"WIDTH = {drawn.of('duo')['width']}" in (tmp_path / "out" / "kurt.txt").read_text()
    wrong = run("--student", "adda")
    assert wrong.exit_code == 2
    assert "did you mean 'ada'" in wrong.stderr


def test_gradescope_has_no_roster(course):
    """An autograder zip would grade everybody under the defaults."""
    result = CliRunner().invoke(
        app,
        [
            "export",
            "wide",
            "--course",
            str(course.path),
            "--format",
            "gradescope-autograder",
            "--out",
            str(course.root / "a.zip"),
        ],
    )
    assert result.exit_code == 2
    assert "has no roster" in result.stderr
