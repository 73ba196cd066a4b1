"""autograde.yml: what it gives when it is right, and what it says when it is wrong."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.course import LatePolicy, Threshold, course_schema, grader_version, load_course
from grader.errors import CourseError


def broken(root: Path, old: str, new: str) -> CourseError:
    """The error of the tiny course with ``old`` replaced by ``new``."""
    path = root / "autograde.yml"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(CourseError) as caught:
        load_course(root)
    return caught.value


def line_of(root: Path, text: str) -> int:
    """The 1-based line of autograde.yml that holds ``text``."""
    lines = (root / "autograde.yml").read_text(encoding="utf-8").splitlines()
    return next(number for number, line in enumerate(lines, 1) if text in line)


def test_course_is_read_with_defaults_filled_in(tiny_course):
    """Everything written is there, what is left out has its default, overrides override."""
    course = load_course(tiny_course)
    first, second = course.assignment("backprop"), course.assignment("single")
    assert (course.name, str(course.timezone), course.root) == ("Tiny", "Europe/Berlin", tiny_course)
    assert first.files == ("backprop.py", "hyperparams.py")
    assert first.due == datetime(2026, 12, 4, 22, 59, tzinfo=UTC)
    assert first.forbid["backprop.py"].modules == ("torch",)
    cpu = first.profile("cpu")
    assert (cpu.name, cpu.limits.wall_s, cpu.limits.memory_mb) == ("cpu", 30, 2048)
    assert dict(cpu.budget) == {"epochs": 5, "rate": 0.1}
    assert isinstance(cpu.budget["epochs"], int)
    assert first.data.train == cpu.data.train == 100
    assert (first.profile("gpu").data.train, first.profile("gpu").data.test) == (4000, 50)
    assert (first.attempts, second.attempts) == ("best", "last")
    assert (first.late_policy.max_days, second.late_policy.max_days) == (3, None)
    assert (second.due, second.data, list(second.profiles)) == (None, None, ["cpu"])
    assert first.hidden_folder == tiny_course / "assignments" / "backprop" / "hidden"
    assert course.sandbox.minimum == ("mount_ns", "pid_ns", "landlock", "seccomp")


def test_course_is_found_upward(tiny_course, monkeypatch):
    """Without a path the file is searched from the current folder upward."""
    monkeypatch.chdir(tiny_course / "solutions" / "backprop")
    assert load_course().root == tiny_course


def test_no_course_anywhere(tmp_path, monkeypatch):
    """Where there is no file, the error says where it was looked for."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(CourseError, match=r"no autograde\.yml here"):
        load_course()
    with pytest.raises(CourseError, match="no such file"):
        load_course(tmp_path / "elsewhere")


def test_course_survives_pickling(tiny_course):
    """Executors send an assignment to other processes."""
    assignment = load_course(tiny_course).assignment("backprop")
    assert pickle.loads(pickle.dumps(assignment)) == assignment


def test_loading_imports_no_torch():
    """`autograde --help` must be quick: the course package leaves torch alone."""
    code = "import sys, grader.course; sys.exit('torch' in sys.modules or 'numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parents[3], check=False).returncode == 0


@pytest.mark.parametrize(
    ("old", "new", "key", "what", "fix"),
    [
        ("timezone:", "timezoen:", "course.timezoen", "unknown key", "`timezone`"),
        ("wall_s", "wal_s", "backprop.profiles.cpu.limits.wal_s", "unknown key", "`wall_s`"),
        ("title: One file", "due_date: 2026-01-01\n    title: One file", "single.due_date", "unknown key", "`due`"),
        (
            "title: One file",
            "zzz: 1\n    title: One file",
            "single.zzz",
            "unknown key",
            "valid keys here: title, released, due",
        ),
        ("wall_s: 30", "wall_s: -30", "limits.wall_s", "greater than 0, is -30", "correct"),
        ("limits: {wall_s: 30}", "limits: 30", "cpu.limits", "should be a mapping", "a mapping"),
        (
            "roster:",
            "sandbox: {minimum: [landlock, secomp]}\nroster:",
            "minimum[1]",
            "unknown sandbox layer 'secomp'",
            "`seccomp`",
        ),
        (
            "roster:",
            "sandbox: {minimum: [drawbridge]}\nroster:",
            "minimum[0]",
            "unknown sandbox layer 'drawbridge'",
            "user_ns, mount_ns",
        ),
        ("wall_s: 30", "wall_s: fast", "limits.wall_s", "should be a number, is 'fast'", "a number"),
        ("train: 100", "train: 1.5", "backprop.data.train", "a whole number, is 1.5", "a whole number"),
        ("train: 100", "train: true", "backprop.data.train", "a whole number, is True", "a whole number"),
        ("title: One file", "title: 12", "single.title", "should be text, is 12", "quotes"),
        (
            "attempts: last",
            "attempts: first",
            "single.attempts",
            "'first' is none of 'best', 'last' or 'chosen'",
            "'best'",
        ),
        ("files: [single.py]", "files: single.py", "single.files", "should be a list", "a list"),
        ("files: [single.py]", "files: []", "single.files", "at least 1 item", "correct"),
        ("files: [single.py]", "files: [../x.py]", "single.files[0]", "not a Python module's file name", "correct"),
        ("files: [single.py]", "files: [single.py, single.py]", "single.files[1]", "listed twice", "keep one"),
        ("title: One file", "", "single.title", "missing", "add `title:`"),
        ("single:", "sin gle:", "assignments.sin gle", "cannot be used as a folder name", "letters"),
        ("Europe/Berlin", "Europe/Berlln", "course.timezone", "unknown timezone", "IANA"),
        ("Europe/Berlin", "/etc", "course.timezone", "unknown timezone", "IANA"),
        ("2026-12-04T23:59", "2026-13-04", "backprop.due", "is not a date", "2026-12-04T23:59"),
        ("2026-12-04T23:59", "tomorrow", "backprop.due", "is not a date", "2026-12-04T23:59"),
        ("full: 0.9", "full: 0.6", "thresholds.test_accuracy", "the same", "baseline"),
        ("full: 0.9", "full: .nan", "test_accuracy.full", "finite", "finite"),
        ("epochs: 5", "epochs: [5]", "budget.epochs", "single value", "a number, text"),
        ("modules: [torch]", "constructs: [Wihle]", "constructs[0]", "did you mean `While`?", "correct"),
        ("forbid: {backprop.py", "forbid: {backprob.py", "forbid.backprob.py", "not among", "`backprop.py`"),
        ("members: [ada, grace]", "members: [ada, grcae]", "teams[0].members[1]", "no student 'grcae'", "`grace`"),
        ("members: [ada, grace]", "members: [ada, ada]", "teams[0].members[1]", "member of 'team-rho' already", "one"),
        ("id: grace", "id: ADA", "students[1].id", "used twice", "own"),
        ("handle: incomplete", "handle: Enchantress", "students[2].handle", "used twice", "own"),
        ("grace@example.org", "ADA@example.org", "students[1].email", "used twice", "own"),
        ("grace@example.org", "gracehopper", "students[1].email", "not an e-mail address", "ada@example.org"),
        ("id: team-rho", "id: KURT", "teams[0].id", "used twice", "own"),
        ("id: kurt", "id: ../kurt", "students[2].id", "cannot be an id", "letter"),
        ("penalty_per_day: 0.1", "penalty_per_day: 10", "late_policy.penalty_per_day", "less than or equal to 1", ""),
        ("gpu: {data", "gpu: {data: {}, data", "profiles.gpu.data", "appears here twice", "keep one"),
        ("attempts: last", "title: Again", "single.title", "appears here twice (first on line", "keep one"),
        ("files: [single.py]", "files: [other.py]", "single.files[0]", "no file solutions/single/other.py", "add"),
        ("  single:", "  double:", "assignments.double", "no folder assignments/double", "create it"),
    ],
)
def test_mistakes_name_line_key_and_fix(tiny_course, old, new, key, what, fix):
    """Whatever is wrong: the error names file and line, the key's path, and the fix."""
    error = broken(tiny_course, old, new)
    assert key in error.what
    assert what in error.what
    assert fix in error.fix
    path, _, line = error.where.rpartition(":")
    assert path == str(tiny_course / "autograde.yml")
    if new.strip() and "\n" not in new:
        assert int(line) == line_of(tiny_course, new)


def test_all_mistakes_come_at_once(tiny_course):
    """The first mistake is the error, the others are listed with their lines."""
    error = broken(tiny_course, "attempts: last", "attemps: last\n    weight: heavy\n    data: 7")
    assert "attemps" in error.what
    assert "and 2 more" in error.what
    assert f"autograde.yml:{line_of(tiny_course, 'weight: heavy')}: assignments.single.weight" in error.what
    assert "assignments.single.data: should be a mapping" in error.what


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("course: {name: x", "not valid YAML"),
        ("course:\n\t- x", "not valid YAML"),
        ("course: \x07", "not valid YAML"),
        ("", "the file is empty"),
        ("- 1\n- 2\n", "should be a mapping"),
        ("? [a, b]\n: 1\n", "a key must be plain text"),
        ("course: &a [*a]\n", "contains itself"),
        ("course: &a\n  <<: *a\n", "merges mappings only"),
        ("course: {name: x}\nassignments: {}\n", "at least 1 item"),
    ],
)
def test_yaml_that_is_none(tmp_path, text, what):
    """Files that are no YAML, or not a course's, are CourseErrors as well."""
    path = tmp_path / "autograde.yml"
    path.write_text(text)
    with pytest.raises(CourseError) as caught:
        load_course(path)
    assert what in caught.value.what
    assert str(path) in caught.value.where


def test_file_that_is_no_text(tmp_path):
    """Bytes that are not UTF-8 are named as such."""
    (tmp_path / "autograde.yml").write_bytes(b"course: \xff\xfe")
    with pytest.raises(CourseError, match="not UTF-8"):
        load_course(tmp_path)


def test_text_stays_text(tiny_course):
    """A student called No and a number with leading zeros are what they look like, not YAML 1.1's idea of them."""
    student = load_course(tiny_course).roster.find("0012")
    assert (student.id, student.name) == ("0012", "No")


def test_numeric_ids_need_no_quotes(tiny_course):
    """A student number is text, written with or without quotes."""
    path = tiny_course / "autograde.yml"
    path.write_text(path.read_text(encoding="utf-8").replace("id: 0012", "id: 4711"), encoding="utf-8")
    assert load_course(path).roster.find("4711").id == "4711"


def test_anchors_and_merges(tiny_course):
    """Profiles can share limits by YAML's anchors; a key of their own has the last word."""
    path = tiny_course / "autograde.yml"
    text = path.read_text(encoding="utf-8")
    text = text.replace("limits: {wall_s: 30}", "limits: &l {wall_s: 30, cpu_s: 7}")
    text = text.replace("gpu: {data", "gpu: {limits: {wall_s: 99, <<: *l}, data")
    path.write_text(text, encoding="utf-8")
    limits = load_course(path).assignment("backprop").profile("gpu").limits
    assert (limits.wall_s, limits.cpu_s) == (99, 7)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("2026-12-04", "2026-12-04T22:59:00+00:00"),
        ("2026-07-04 12:00", "2026-07-04T10:00:00+00:00"),
        ("2026-07-04T12:00:00Z", "2026-07-04T12:00:00+00:00"),
        ("2026-07-04T12:00-05:00", "2026-07-04T17:00:00+00:00"),
    ],
)
def test_due_dates(tiny_course, written, meant):
    """Naive dates are in the course's timezone, a day alone ends at 23:59, offsets are kept."""
    path = tiny_course / "autograde.yml"
    path.write_text(path.read_text(encoding="utf-8").replace("2026-12-04T23:59", written), encoding="utf-8")
    due = load_course(path).assignment("backprop").due
    assert due.astimezone(UTC).isoformat() == meant


def test_unknown_assignment_and_profile(tiny_course):
    """Looking up a name that is not there suggests one that is."""
    course = load_course(tiny_course)
    with pytest.raises(CourseError, match="did you mean 'backprop'"):
        course.assignment("backprob")
    with pytest.raises(CourseError, match="use one of: cpu, gpu"):
        course.assignment("backprop").profile("tpu")


@pytest.mark.parametrize(
    ("text", "owner"),
    [
        ("ada", "ada"),
        (" ADA ", "ada"),
        ("Ada@Example.org", "ada"),
        ("ENCHANTRESS", "ada"),
        ("team-rho", "team-rho"),
        ("Ada Lovelace", None),
        ("", None),
    ],
)
def test_roster_finds_owners(tiny_course, text, owner):
    """By id, e-mail or handle, whatever the case; not by full name."""
    found = load_course(tiny_course).roster.find(text)
    assert (found.id if found else None) == owner


def test_teams_submit_for_their_members(tiny_course):
    """What counts for a student is the student's own and the team's."""
    roster = load_course(tiny_course).roster
    assert roster.owners_for("ada") == ("ada", "team-rho")
    assert roster.owners_for("kurt") == ("kurt",)
    assert (roster.find("ada").shown, roster.find("grace").shown) == ("enchantress", "")


DUE = datetime(2026, 12, 4, 22, 59, tzinfo=UTC)


@pytest.mark.parametrize(
    ("late", "kept"),
    [
        (timedelta(days=-3), 1.0),
        (timedelta(0), 1.0),
        (timedelta(minutes=15), 1.0),
        (timedelta(minutes=15, seconds=1), 0.9),
        (timedelta(days=1, minutes=15), 0.9),
        (timedelta(days=2), 0.8),
        (timedelta(days=3), 0.7),
        (timedelta(days=3, minutes=15), 0.7),
        (timedelta(days=3, minutes=16), 0.0),
        (timedelta(days=300), 0.0),
    ],
)
def test_late_penalty(tiny_course, late, kept):
    """Nothing within the grace, a tenth for each day begun after it, nothing left after the last day."""
    assert load_course(tiny_course).assignment("backprop").kept_fraction(DUE + late) == kept


def test_late_days_across_a_change_of_clocks(tiny_course):
    """A day late is 24 hours late, also in the night when the clocks go back."""
    path = tiny_course / "autograde.yml"
    path.write_text(path.read_text(encoding="utf-8").replace("2026-12-04T23:59", "2026-10-24T23:59"), encoding="utf-8")
    assignment = load_course(path).assignment("backprop")
    received = assignment.due.astimezone(UTC) + timedelta(hours=24, minutes=30)
    assert assignment.kept_fraction(received.astimezone(assignment.due.tzinfo)) == 0.8


@given(st.floats(-10, 10), st.floats(0, 500), st.floats(0, 1))
def test_lateness_never_pays(first, more, rate):
    """Whoever hands in later never keeps more, and what is kept is a fraction."""
    policy = LatePolicy(grace_minutes=15, penalty_per_day=rate, max_days=5)
    early, late = (policy.kept(DUE, DUE + timedelta(days=days)) for days in (first, first + more))
    assert 0.0 <= late <= early <= 1.0


@pytest.mark.parametrize(
    ("value", "fraction"), [(0.5, 0), (0.6, 0), (0.75, 0.5), (0.9, 1), (1.0, 1), (float("nan"), 0), (float("inf"), 1)]
)
def test_threshold_where_more_is_better(value, fraction):
    """Linear from `zero` to `full`, clipped; NaN earns nothing."""
    assert Threshold(zero=0.6, full=0.9).fraction(value) == pytest.approx(fraction)


@pytest.mark.parametrize(("value", "fraction"), [(3, 0), (2, 0), (1.25, 0.5), (0.5, 1), (0, 1), (float("inf"), 0)])
def test_threshold_where_less_is_better(value, fraction):
    """`full` below `zero` turns the direction round."""
    threshold = Threshold(zero=2.0, full=0.5)
    assert threshold.direction == "lower"
    assert threshold.fraction(value) == pytest.approx(fraction)


def test_schema_for_editors():
    """The JSON Schema knows every section and says what the keys mean."""
    schema = json.loads(json.dumps(course_schema()))
    assert set(schema["properties"]) == {
        "course", "gradebook", "late_policy", "slip_days", "attempt_limit", "course_grade", "store", "roster", "sandbox",
        "defaults", "assignments", "server",
    }  # fmt: skip
    assert schema["additionalProperties"] is False
    assert "description" in schema["$defs"]["AssignmentConfig"]["properties"]["due"]


def extended(root, lines):
    """The course with ``lines`` below the due date of its first assignment."""
    path = root / "autograde.yml"
    due = "    due: 2026-12-04T23:59\n"
    path.write_text(path.read_text(encoding="utf-8").replace(due, due + lines), encoding="utf-8")
    return path


def test_an_extension_moves_the_due_date_of_one(tiny_course):
    """Its student, or team, is late from the later date on; the grader version is that of before, for no score changes."""
    before = grader_version(load_course(tiny_course).assignment("backprop"), "cpu")
    path = extended(tiny_course, "    extensions: {ada: 2026-12-06T23:59, team-rho: 2026-12-05}\n")
    assignment = load_course(path).assignment("backprop")
    assert assignment.due_for("ada") == DUE + timedelta(days=2)
    assert assignment.due_for("kurt") == assignment.due == DUE
    received = DUE + timedelta(days=2, hours=1)
    assert [assignment.kept_fraction(received, who) for who in ("ada", "team-rho", "kurt")] == [0.9, 0.8, 0.7]
    assert [assignment.days_late(received, who) for who in ("ada", "team-rho", "kurt")] == [1, 2, 3]
    assert grader_version(assignment, "cpu") == before


@pytest.mark.parametrize(
    ("lines", "what"),
    [
        ("    extensions: {adda: 2026-12-06T23:59}\n", "no student or team 'adda'.*did you mean `ada`"),
        ("    extensions: {ada: 2026-12-04}\n", "an extension is later than the due date"),
        ("    extensions: {ada: soon}\n", "'soon' is not a date"),
    ],
)
def test_an_extension_that_means_nothing_is_named(tiny_course, lines, what):
    """An unknown id, a date that is no later, and no date at all are errors, with their line."""
    with pytest.raises(CourseError, match=f"(?s){what}") as caught:
        load_course(extended(tiny_course, lines))
    assert "autograde.yml:16" in str(caught.value)
