"""Time is the student's own, and one file's fault stays its own: through the real runner, one batch."""

from __future__ import annotations

import pytest

from grader.course import load_course
from grader.grading import grade_uploads
from grader.intake import Upload
from grader.records import MEASURED, Verdict
from tests.support.tiny import COURSE, write_course

pytestmark = pytest.mark.runner

BASICS = """\
import time


def add(x: float, y: float) -> float:
    return x + y


def pause(seconds: float) -> None:
    time.sleep(seconds)


def burn(seconds: float) -> None:
    end = time.process_time() + seconds
    while time.process_time() < end:
        pass
"""
PLAIN = "def total(x):\n    return sum(x)\n"
PROBES = "def apply(f, *args):\n    return f(*args)\n"
SUITE = '''\
"""Hidden checks."""
import time
from grader.checks import points

TRIED = []


@points(1, visibility="hidden")
def test_spent(student):
    """A check that spends its time before the other file is imported."""
    student.burn(0.7)
    student.module("plain").total([1])


@points(2)
def test_slow_suite(student):
    """The suite itself takes longer than the check may."""
    time.sleep(2.5)
    assert student.add(1.0, 1.0) == 2.0, "one and one is two"
    time.sleep(1.5)
    assert student.add(1.0, 2.0) == 3.0, "one and two is three"


@points(1, visibility="hidden")
def test_total_in_secret(student):
    """A title that no student may read."""
    assert student.total([1, 2]) == 3, "one and two is three"


@points(1)
def test_total(student):
    """`total` sums."""
    assert student.total([1, 2]) == 3, "one and two is three"


@points(1)
def test_total_again(student):
    """`total` sums anything."""
    assert student.total([]) == 0, "nothing sums to nothing"


@points(1)
def test_probe(student, probe):
    """A probe of `basics` alone."""
    assert probe.apply(student.ref("add"), 1.0, 2.0) == 3.0, "one and two is three"


@points(1)
def test_busy_once(student):
    """A function that waits without end, the first time that it is asked."""
    if student.has("busy_once"):
        TRIED.append(1)
        student.pause(0.0 if len(TRIED) > 1 else 1e6)


@points(1)
def test_pause(student):
    """`pause` comes back."""
    student.pause(0.0)


@points(1)
def test_pause_again(student):
    """`pause` comes back each time."""
    student.pause(0.1)


@points(1)
def test_pause_ever_again(student):
    """`pause` comes back for ever."""
    student.pause(0.2)
'''
OF_PLAIN = ("test_total_in_secret", "test_total", "test_total_again", "test_spent")
PAUSES = ("test_pause", "test_pause_again", "test_pause_ever_again")

CLASS = {
    "right": (BASICS, PLAIN),
    "busy once": (BASICS + "busy_once = True\n", PLAIN),
    "sleeps": (BASICS + "def pause(seconds):\n    time.sleep(1e6)\n", PLAIN),
    "computes without end": (BASICS + "def pause(seconds):\n    while True: pass\n", PLAIN),
    "exits": (BASICS, PLAIN + "raise SystemExit\n"),
    "ends the process": (BASICS, PLAIN + "import os\nos._exit(3)\n"),
    "imports without end": (BASICS, PLAIN + "while True: pass\n"),
    "syntax error": (BASICS, PLAIN + "x = = 1\n"),
    "missing": (BASICS, None),
    "slow import": (BASICS, "import time\nend = time.process_time() + 0.6\nwhile time.process_time() < end: pass\n" + PLAIN),
}  # fmt: skip


@pytest.fixture(scope="module")
def reports(tmp_path_factory):
    """Reports by submission: a second of processor time for each check."""
    root = tmp_path_factory.mktemp("time")
    path = write_course(
        root, suite=SUITE, course=COURSE.replace("check_s: 5", "check_s: 1").replace("forbid:", "weight: 1 #")
    )
    (root / "solutions" / "tiny" / "basics.py").write_text(BASICS)
    (root / "solutions" / "tiny" / "plain.py").write_text(PLAIN)
    (root / "assignments" / "tiny" / "hidden" / "probes.py").write_text(PROBES)
    course = load_course(path)
    uploads = [
        Upload({"basics.py": basics.encode()} | ({} if plain is None else {"plain.py": plain.encode()}))
        for basics, plain in CLASS.values()
    ]
    graded = grade_uploads(course, course.assignment("tiny"), uploads, slots=1)
    return dict(zip(CLASS, graded, strict=True))


def lost(report):
    return {check.id: check for check in report.checks if check.verdict is not Verdict.ACCEPTED}


def test_a_suite_that_takes_its_time_costs_nobody_anything(reports):
    """A check whose own code sleeps for four times what it may take gives the right solution full marks."""
    assert lost(reports["right"]) == {}


def test_what_ran_out_of_wall_time_alone_is_tried_again(reports):
    """A case that waited once and not again costs nothing."""
    assert lost(reports["busy once"]) == {}


def test_code_that_sleeps_still_ends(reports):
    """It loses the checks of that function and no other, and the message says that it waits."""
    found = lost(reports["sleeps"])
    assert set(found) == set(PAUSES)
    assert {check.verdict for check in found.values()} == {Verdict.TIME_LIMIT}
    assert "waiting" in found["test_pause"].message
    assert "not called again" in found["test_pause_ever_again"].message


def test_code_that_computes_without_end_is_stopped_by_its_own_time(reports):
    """The limit is on processor time, and staff read processor time, wall time and load."""
    found = lost(reports["computes without end"])
    assert set(found) == set(PAUSES)
    assert {check.verdict for check in found.values()} == {Verdict.TIME_LIMIT}
    assert "waiting" not in found["test_pause"].message
    staff = found["test_pause"].staff
    assert staff.startswith(MEASURED)
    assert "CPU time (limit 1)" in staff
    assert "load of the machine" in staff


@pytest.mark.parametrize("name", ["exits", "ends the process", "imports without end", "syntax error", "missing"])
def test_one_files_fault_stays_its_own(reports, name):
    """Only the checks of that file are lost; the others, probes included, go on."""
    assert set(lost(reports[name])) == set(OF_PLAIN)


@pytest.mark.parametrize("name", ["exits", "ends the process", "imports without end", "syntax error", "missing"])
def test_a_cause_is_said_once(reports, name):
    """The first check that students see says it in full, later ones refer to that; no hidden title is given away."""
    found = lost(reports[name])
    full, later = found["test_total"].message, found["test_total_again"].message
    assert "plain.py" in full
    assert 'see "' not in full
    assert later.endswith('see "`total` sums".')
    assert len(later) < 100
    assert all("no student may read" not in check.message for check in found.values())
    assert found["test_total_in_secret"].message == full


def test_an_import_that_ends_in_time_is_not_held_for_endless(reports):
    """A check that had spent its time before costs itself; the file is imported in the next check as if nothing was."""
    assert set(lost(reports["slow import"])) == {"test_spent"}
    assert "Importing `plain.py`" in lost(reports["slow import"])["test_spent"].message


def test_an_endless_import_says_that_it_was_importing(reports):
    """And what to do about it, without pointing at a function that the check called."""
    check = lost(reports["imports without end"])["test_total"]
    assert check.verdict is Verdict.TIME_LIMIT
    assert "Importing `plain.py` failed" in check.message
    assert "__main__" in check.message
    assert check.place is None
