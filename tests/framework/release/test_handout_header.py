"""The header of a released handout and its page of rules: what they say, and that it follows the course file and suite."""

from __future__ import annotations

import pytest

from grader.course import load_course, read_suite
from grader.course.file_points import file_points
from grader.release.handout_header import header, policies, with_header
from tests.support.builder import Homework, build_course

MODULES = {
    "first.py": "def one():\n    return 1\n\n\ndef two():\n    return 2\n",
    "second.py": "class Three:\n    pass\n",
}
SUITE = '''\
"""Hidden checks."""
import pytest
from grader.checks import points

NAMES = ("Three",)


@pytest.fixture
def made(student):
    return student.ref("Three")


def helper(student):
    return student.two()


@points(3)
def test_one(student):
    """One is one."""
    assert student.one() == 1


@points(5)
def test_two(student):
    """Two is two, by a helper."""
    assert helper(student) == 2


@points(2.5)
def test_three(made):
    """Three is there, by a fixture."""


@points(1)
def test_three_by_constant(student):
    """Three is there, by a constant."""
    assert [getattr(student, name) for name in NAMES]


@points(4)
def test_nothing(student):
    """Asks for no name."""
'''
QUESTION = """\
# %% [markdown]
# Why?

# %% [markdown] nbgrader={"grade": true, "grade_id": "why", "points": 6, "schema_version": 3, "solution": true}
# Because.
"""
LATE = "late_policy: {grace_minutes: 15, penalty_per_day: 0.25, max_days: 1}\n"


def course(tmp_path, about="", late=LATE, suite=SUITE, notebook=QUESTION):
    """The one assignment of a course with these lines."""
    config = (
        f"course: {{name: Tiny, timezone: Europe/Berlin}}\n{late}"
        f"assignments:\n  tiny: {{title: Tiny, due: 2026-12-04T18:00, files: [first.py, second.py]{about}}}\n"
    )
    homework = Homework("tiny", MODULES, suite=suite, public=suite, notebook=notebook, readme="# Tiny\n\nDo it.\n")
    return load_course(build_course(tmp_path, config, homework)).assignment("tiny")


def test_points_follow_the_names_that_a_check_asks_for(tmp_path):
    """By the check itself, its helper, its fixture or its constant; without any, as most points of its file."""
    tiny = course(tmp_path)
    found = file_points(read_suite(tiny.hidden_folder), tiny.solution_files())
    assert found == {"first.py": 3 + 5 + 4, "second.py": 2.5 + 1}


def test_points_of_a_suite_that_asks_for_nothing(tmp_path):
    """No file is credited by a guess."""
    suite = '"""Hidden."""\nfrom grader.checks import points\n\n\n@points(4)\ndef test_it(student):\n    """It is."""\n'
    tiny = course(tmp_path, suite=suite)
    assert file_points(read_suite(tiny.hidden_folder), tiny.solution_files()) == {}


def test_the_header_says_what_the_course_file_says(tmp_path):
    """Due date, points by file, time, needs, reading and rules, each in its row."""
    about = ", handout: {hours: 3 to 5 hours, prerequisites: [arrays, the chain rule], reading: ['*A Book*, 2.1']}"
    rows = header(course(tmp_path, about), hints=True).splitlines()
    assert rows[2:] == [
        "| **Due** | 4 December 2026, 18:00 (Europe/Berlin) |",
        "| **Points** | 21.5: `first.py` 12, `second.py` 3.5; a written answer 6 |",
        "| **Time** | 3 to 5 hours |",
        "| **You need** | arrays; the chain rule |",
        "| **Read first** | *A Book*, 2.1 |",
        "| **Hand in** | 2 modules and the notebook; see [Handing in](#handing-in) |",
        "| **Rules** | [lateness, collaboration, use of AI](POLICIES.md) |",
        "| **Stuck?** | [hints](HINTS.md), from a nudge to nearly the answer |",
    ]


def test_what_nobody_said_has_no_row(tmp_path):
    """No empty cells, and no link to hints that are not there."""
    text = header(course(tmp_path, notebook=""), hints=False)
    assert [row for row in ("Time", "You need", "Read first", "Stuck") if row in text] == []
    assert "| **Points** | 15.5: `first.py` 12, `second.py` 3.5 |" in text


@pytest.mark.parametrize(("handout", "first"), [("# Tiny\n\nDo it.\n", "# Tiny\n\n| | |"), ("Do it.\n", "| | |")])
def test_the_header_stands_below_the_title(tmp_path, handout, first):
    """And above everything else, whether there is a title or not."""
    text = with_header(handout, course(tmp_path), hints=False)
    assert text.startswith(first)
    assert text.endswith("|\n\nDo it.\n")


@pytest.mark.parametrize(
    ("late", "said"),
    [
        (
            LATE,
            (
                "The first 15 minutes after that cost nothing. Each day begun after that costs 25 % of the score. "
                "Submissions more than 1 day late score nothing."
            ),
        ),
        ("", "Lateness costs nothing."),
        ("late_policy: {max_days: 0}\n", "Late submissions score nothing."),
    ],
)
def test_rules_say_what_lateness_costs(tmp_path, late, said):
    """In the numbers of the late policy; nothing is said of what does not apply."""
    text = policies(course(tmp_path, late=late))
    assert f"This assignment is due on 4 December 2026, 18:00 (Europe/Berlin). {said}\n" in text


@pytest.mark.parametrize(
    ("about", "said"),
    [
        (", attempts: best", "several times; the best one counts. Ask"),
        (", attempts: last", "several times; the last one counts. Ask"),
        (", attempts: chosen", "several times; the one that you choose counts, or the last if you choose none. Ask"),
        (", attempt_limit: {total: 1}", "There is 1 attempt in total. Ask"),
        (
            ", attempt_limit: {capacity: 3, refill_hours: 12, total: 20}",
            "You have 3 attempts at once, and one comes back every 12 hours. There are 20 attempts in total. Ask",
        ),
    ],
)
def test_rules_say_which_submission_counts_and_how_many_there_are(tmp_path, about, said):
    """By the assignment's own policy and limit."""
    assert said in policies(course(tmp_path, about))


def test_rules_name_slip_days(tmp_path):
    """How many may be spent on this assignment; a course without them says nothing of them."""
    late = f"{LATE}slip_days: {{budget: 4, per_assignment: 2}}\n"
    assert "You may spend up to 2 slip days here; such days cost nothing." in policies(course(tmp_path, late=late))
    assert "slip day" not in policies(course(tmp_path / "other"))


def test_rules_go_on_with_the_courses_own(tmp_path):
    """assignments/POLICIES.md follows what is made here."""
    tiny = course(tmp_path)
    (tmp_path / "assignments" / "POLICIES.md").write_text("## Use of AI\n\nAsk.\n", encoding="utf-8")
    assert policies(tiny).endswith("\n\n## Use of AI\n\nAsk.\n")
