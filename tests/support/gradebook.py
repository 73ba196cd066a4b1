"""A course small enough for nbgrader's own steps in a test, and reports as the graders would write them."""

from __future__ import annotations

import json
from pathlib import Path

from grader.course import grader_version, read_suite
from grader.records import CheckResult, Report, Verdict
from grader.store import digest_files
from tests.support import builder

COURSE = """\
course: {name: Small, timezone: UTC}
late_policy: {grace_minutes: 0, penalty_per_day: 0.1, max_days: 3}
roster:
  students:
STUDENTS
sandbox: {minimum: []}
gradebook: {course_id: small}
assignments:
  hw:
    title: Homework
    due: 2030-01-10T12:00
    files: [work.py]
    profiles: {cpu: {limits: {wall_s: 60, cpu_s: 30, memory_mb: 512, check_s: 10}}}
"""
SOLUTION = '''\
"""The work."""


def double(x: int) -> int:
    """Twice x."""
    ### BEGIN SOLUTION
    return x + x + 0 * 11
    ### END SOLUTION


def half(x: float) -> float:
    """Half of x."""
    ### BEGIN SOLUTION
    return x * 0.5 + 0.0
    ### END SOLUTION
'''
HIDDEN = '''\
"""Hidden checks."""
import pytest
from grader.checks import points


@points(4, hint="Add it to itself.")
@pytest.mark.parametrize("x", [1, 21])
def test_double(student, x):
    """`double` doubles."""
    assert student.double(x) == 2 * x, "double(x) should be twice x"


@points(2.5)
def test_half(student):
    """`half` halves."""
    assert student.half(9) == 4.5, "half(9) should be 4.5"


@points(1.5, visibility="hidden")
def test_both(student):
    """The two undo each other."""
    assert student.half(student.double(3)) == 3, "a secret message"
'''
PUBLIC = '''\
"""Public tests."""
from work import double


def test_public_double():
    """Once."""
    assert double(2) == 4
'''
NOTEBOOK = """\
# %% [markdown]
# # Homework

# %%
# %load_ext grader.student
# %modules work.py
import work

# %% autograde={"file": "work.py", "define": ["double", "half"]}

# %% [markdown]
# **Question 1.** Why?

# %% [markdown] nbgrader={"grade": true, "grade_id": "why", "locked": false, "points": 5, "schema_version": 3, "solution": true, "task": false}
# Because the model answer says so in some words.
#
# **Rubric (5).** Everything.
"""
ROSTER = ("ada", "alan", "emmy", "grace", "hedy", "kurt", "radia", "sofya", "team0", "team1", "team2", "team3")


def write_course(root: Path, students=ROSTER) -> Path:
    """Write the course below ``root``; the path of its autograde.yml."""
    homework = builder.Homework(
        "hw",
        {"work.py": SOLUTION},
        suite=HIDDEN,
        public=PUBLIC,
        notebook=NOTEBOOK,
        readme="# Homework\n\nDouble and halve.\n",
        file="test_work.py",
    )
    roster = "\n".join(f'    - {{id: {name}, name: "{name.title()} Smith, Jr"}}' for name in students)
    return builder.build_course(root, COURSE.replace("STUDENTS", roster), homework)


def report_of(assignment, files, scores=(4.0, 2.5, 1.5), verdicts=None, **fields) -> Report:
    """A report on ``files``: a score each for the three checks, None where it is held."""
    checks = []
    for index, (info, score) in enumerate(zip(read_suite(assignment.hidden_folder), scores, strict=True)):
        full = score == info.points
        usual = Verdict.GRADER_ERROR if score is None else Verdict.ACCEPTED if full else Verdict.WRONG_ANSWER
        verdict = verdicts[index] if verdicts else Verdict.PARTIAL if score and not full else usual
        checks.append(
            CheckResult(
                id=info.id,
                title=info.title,
                verdict=verdict,
                score=score,
                max_score=info.points,
                message="" if full else f"what is wrong with {info.id}",
                hint=info.hint,
                visibility=info.visibility,
                staff="for staff: Traceback" if score is None else "",
            )
        )
    held = any(score is None for score in scores)
    return Report(
        assignment=assignment.name,
        verdict=Verdict.GRADER_ERROR if held else Verdict.PARTIAL,
        score=None if held else sum(scores),
        max_score=8.0,
        checks=tuple(checks),
        seed=1,
        profile="cpu",
        grader_version=grader_version(assignment, "cpu"),
        submission_digest=digest_files(files),
        **fields,
    )


def edited(notebook: bytes, change) -> bytes:
    """A notebook with ``change(cells)`` applied, which may change the list or give another."""
    told = json.loads(notebook)
    told["cells"] = change(told["cells"]) or told["cells"]
    return json.dumps(told).encode()
