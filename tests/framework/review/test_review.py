"""Viva sheets, pages for a reviewer, and marks for written questions: what they say, and that hostile text stays text."""

from __future__ import annotations

import csv
import io
import json
import random
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from grader.cli.main import app
from grader.course import load_course, read_questions
from grader.records import CheckResult, Place, Report, Verdict
from grader.review.mark_table import COLUMNS, MarkRow, mark_rows, read_rows, write_rows
from grader.review.own_code import fenced, functions_of
from grader.review.viva_questions import HandedIn, questions_for
from grader.review.written_answers import answers_in
from grader.store import Mark, Store
from grader.validation.variants import read_variants
from tests.support.builder import Homework, build_course
from tests.support.lms_files import hostile

NOON = datetime(2026, 12, 1, 12, tzinfo=UTC)
CONFIG = """
course: {name: Course, timezone: Europe/Berlin}
roster:
  students:
    - {id: ada, name: Ada Lovelace}
    - {id: alan, name: "=cmd|Turing"}
    - {id: grace, name: Grace Hopper}
  teams: [{id: crew, name: Crew, members: [alan, grace]}]
assignments: {soft: {title: "Soft # max", files: [soft.py]}}
"""
SOLUTION = '''\
import numpy as np


def softmax(x):
    """Probabilities."""
    ### BEGIN SOLUTION
    e = np.exp(x - x.max())
    return e / e.sum()
    ### END SOLUTION


def loss(x, y):
    """Cross-entropy."""
    ### BEGIN SOLUTION
    return -np.log(softmax(x)[y]).mean()
    ### END SOLUTION
'''
VARIANTS = """
- name: summed
  kind: wrong
  why: the loss grows with the batch
  edits: [{file: soft.py, find: ".mean()", replace: ".sum()"}]
  expect: {test_one: wrong_answer}
"""
NOTEBOOK = """\
# %% [markdown]
# **Question 1.** Why the maximum?

# %% [markdown] nbgrader={"grade": true, "grade_id": "written-1", "locked": false, "points": 5, "schema_version": 3, "solution": true, "task": false}
# Because exp overflows.
#
# **Rubric (5).** 3: overflow. 2: it cancels.
"""
FIRST = "import numpy as np\n\n\ndef softmax(x):\n    e = np.exp(x)\n    return e / e.sum()\n\n\ndef loss(x, y):\n    return -np.log(softmax(x)[y]) . mean( )\n"
SECOND = FIRST.replace("np.exp(x)", "np.exp(x - x.max())")


@pytest.fixture
def course(tmp_path):
    """A course of three students, two of them a team, with a written question."""
    homework = Homework("soft", {"soft.py": SOLUTION}, variants=VARIANTS, notebook=NOTEBOOK)
    return load_course(build_course(tmp_path / "course", CONFIG, homework))


@pytest.fixture
def store(tmp_path):
    """An empty store."""
    return Store(tmp_path / "state")


def answer(text):
    """A notebook with an answer."""
    about = {"nbgrader": {"grade": True, "grade_id": "written-1", "solution": True}}
    cell = {"cell_type": "markdown", "metadata": about, "source": text.splitlines(keepends=True)}
    return json.dumps({"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}).encode()


def hand_in(store, owner, text, *, at=NOON, words="Exp is large.", score=4.0, message="It overflows."):
    """One submission with its report."""
    files = {"soft.py": text.encode(), "soft.ipynb": answer(words)}
    made = store.put_submission("soft", owner, files, received_at=at)[0]
    full = score == 4.0
    place = Place(file="soft.py", line=5, first=4, lines=("def softmax(x):",))
    check = CheckResult(id="test_one", title="One is `one`.", verdict=Verdict.ACCEPTED if full else Verdict.WRONG_ANSWER, score=score, max_score=4.0, message="" if full else message, hint="" if full else "Look again.", place=None if full else place)  # fmt: skip
    store.record(made, Report(assignment="soft", verdict=check.verdict, score=score, max_score=4.0, checks=(check,), seed=1, profile="cpu", grader_version="v", submission_digest=made.digest))  # fmt: skip
    return made


def autograde(course, store, *arguments):
    """Run a command on the course; its output."""
    options = ["--course", str(course.path), "--state", str(store.state)]
    return CliRunner().invoke(app, [*arguments, *options])


# -- viva ------------------------------------------------------------------------------------------------------------------


def uploads(*texts, messages=("It overflows.",)):
    """Submissions of one student, the last one right."""
    found = []
    for number, text in enumerate(texts):
        right = number == len(texts) - 1
        check = CheckResult(id="test_one", title="One.", verdict=Verdict.ACCEPTED, score=4.0 if right else 0.0, max_score=4.0, message="" if right else messages[0])  # fmt: skip
        made = Report(assignment="soft", verdict=Verdict.PARTIAL, score=check.score, max_score=4.0, checks=(check,), seed=1, profile="cpu", grader_version="v", submission_digest="a")  # fmt: skip
        found.append(HandedIn(NOON + timedelta(days=number), tuple(functions_of({"soft.py": text.encode()})), made))
    return found


def test_one_question_is_about_the_students_own_change(course):
    """It shows what changed, and tells the examiner which check passed afterwards and what it said before."""
    known = read_variants(course.assignment("soft"))
    change, variant = questions_for(uploads(FIRST, SECOND), known, b"seed")[:2]
    assert change.kind == "change"
    assert "-    e = np.exp(x)" in change.code
    assert "+    e = np.exp(x - x.max())" in change.code
    assert "`test_one` (It overflows.)" in change.listen_for
    assert variant.kind == "variant"
    assert variant.code.startswith("- return -np.log(softmax(x)[y]) . mean( )\n+ ")
    assert ".sum()" in variant.code
    assert "the loss grows with the batch" in variant.listen_for


def test_there_are_three_questions_wherever_there_is_code_enough(course):
    """In functions of their own; with one submission and no variant that fits, by common turns and explanations."""
    text = "".join(f"def f{n}(x):\n    y = x.mean(dim=1)\n    return y * {n}\n\n\n" for n in range(5))
    found = questions_for(uploads(text), read_variants(course.assignment("soft")), b"seed")
    assert len(found) == 3
    assert len({question.asks for question in found}) == 3
    assert {question.kind for question in found} == {"turn"}
    assert [q.kind for q in questions_for(uploads("def f():\n    return 1\n"), (), b"seed")] == ["explain"]
    assert questions_for((), (), b"seed") == []


def test_questions_are_the_same_for_the_same_seed_and_differ_from_student_to_student(course):
    """Offline and deterministic; two students with the same code need not have the same questions."""
    text = "".join(f"def f{n}(x):\n    return x.mean(dim=1) * {n}\n\n\n" for n in range(9))
    again = [questions_for(uploads(text), (), b"one") for _ in range(2)]
    assert again[0] == again[1]
    asked = {tuple(q.where for q in questions_for(uploads(text), (), bytes([n]))) for n in range(8)}
    assert len(asked) > 4


@pytest.mark.slow
def test_viva_writes_a_sheet_for_everybody(course, store):
    """One file a student or team; what students wrote stays inside of its block, whatever it is."""
    hand_in(store, "ada", FIRST, score=0.0, message="```\n# Not a heading\n<script>alert(1)</script>")
    hand_in(store, "ada", SECOND, at=NOON + timedelta(days=1))
    hand_in(store, "crew", SECOND.replace("softmax(x):\n", "softmax(x):\n    # ``` <b>\n"))
    result = autograde(course, store, "viva", "soft", "--json")
    assert result.exit_code == 0, result.output
    data = json.loads(result.output)
    assert [sheet["owner"] for sheet in data["sheets"]] == ["ada", "crew"]
    text = (store.state / "viva" / "soft" / "ada.md").read_text(encoding="utf-8")
    assert text.startswith("# Soft \\# max: questions for Ada Lovelace\n")
    assert "\n# Not a heading" not in re.sub(r"(`{3,})\w*\n.*?\n\1", "", text, flags=re.DOTALL)
    assert autograde(course, store, "viva", "soft", "--student", "nobody").exit_code == 2


def test_a_fence_is_longer_than_what_is_inside():
    """No run of backticks in the code ends its block."""
    assert fenced("a ```` b", "x") == "`````x\na ```` b\n`````"


# -- for review ------------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_reviewer_reads_diagnosis_function_rubric_and_answer_under_a_pseudonym(course, store):
    """No name and no id; the score is said to stand."""
    hand_in(store, "ada", FIRST, score=1.0, words="Exp <b>overflows</b>.")
    hand_in(store, "crew", SECOND)
    result = autograde(course, store, "export", "soft", "--for-review", "--json")
    assert result.exit_code == 0, result.output
    paths = json.loads(result.output)["pages"]
    assert len(paths) == 2
    texts = [Path(path).read_text(encoding="utf-8") for path in paths]
    assert not any(word in text for text in (*texts, *paths) for word in ("Lovelace", "crew", "Turing"))
    (text,) = (text for text in texts if "It overflows." in text)
    for part in ("1 of 4. That stands", "Rubric: 4 points; 1 were earned.", "def softmax(x):\n    e = np.exp(x)", "3: overflow. 2: it cancels.", "Exp <b>overflows</b>."):  # fmt: skip
        assert part in text
    assert sum("No check lost a point." in text for text in texts) == 1


# -- written questions -----------------------------------------------------------------------------------------------------


def test_answers_are_read_from_cells_that_people_grade():
    """What cannot be read has none: broken JSON, other types, nesting without end."""
    assert answers_in({"a.ipynb": answer("one\ntwo")}) == {"written-1": "one\ntwo"}
    for data in (b"{", b"[1]", b"null", b'{"cells": 3}', b'{"cells": [3, {"metadata": 4}]}', b"[" * 100_000, b"\xff"):
        assert answers_in({"a.ipynb": data}) == {}


def marked(rows, **given):
    """The table with points and comments filled in by label, as a program for tables writes it."""
    lines = list(csv.DictReader(io.StringIO(write_rows(rows))))
    for line in lines:
        line.update(given.get(line["student"], {}))
    stream = io.StringIO(newline="")
    writer = csv.DictWriter(stream, COLUMNS)
    writer.writeheader()
    writer.writerows(lines)
    return stream.getvalue().encode()


def test_marks_go_out_and_come_back(course, store):
    """Dry run first; a team's mark is each member's; a second import changes nothing; totals have them."""
    assignment = course.assignment("soft")
    hand_in(store, "ada", SECOND)
    hand_in(store, "crew", SECOND)
    rows = mark_rows(course, assignment, store)
    assert {row.answer for row in rows} == {"Exp is large."}
    assert not {row.label for row in rows} & {"ada", "crew"}
    by_owner = {row.owner: row.label for row in rows}
    file = store.state / "filled.csv"
    file.write_bytes(marked(rows, **{by_owner["ada"]: {"points": "4.5", "comment": "Good.\nBut why?"}, by_owner["crew"]: {"points": "3"}}))  # fmt: skip
    dry = autograde(course, store, "marks", "import", "soft", str(file))
    assert "nothing is stored yet; add --write" in dry.output
    assert store.marks("soft") == {}
    done = autograde(course, store, "marks", "import", "soft", str(file), "--write")
    assert done.exit_code == 0, done.output
    kept = {student: (mark["written-1"].points, mark["written-1"].comment) for student, mark in store.marks("soft").items()}  # fmt: skip
    assert kept == {"ada": (4.5, "Good.\nBut why?"), "alan": (3.0, ""), "grace": (3.0, "")}
    totals = {row.owner: (row.raw_score, row.unmarked) for row in store.standing(course, assignment, by="student")}
    assert totals == {"ada": (8.5, 0), "alan": (7.0, 0), "grace": (7.0, 0)}
    again = read_rows(write_rows(mark_rows(course, assignment, store)).encode(), mark_rows(course, assignment, store), course, assignment, "me")  # fmt: skip
    assert (again.changes, again.same, again.problems) == ([], 2, [])


@pytest.mark.parametrize(
    ("cells", "says"),
    [
        ({"points": "6"}, "6 is not from 0 to 5"),
        ({"points": "-1"}, "-1 is not from 0 to 5"),
        ({"points": "nan"}, "nan is not from 0 to 5"),
        ({"points": "4,5"}, "'4,5' is not a number; write it with a point"),
        ({"points": "3", "given": "2026-01-01T00:00:00+00:00"}, "somebody has marked it since"),
        ({"student": "mallory", "points": "3"}, "nobody's answer is 'mallory'"),
        ({"question": "written-2", "points": "3"}, "nobody's answer"),
    ],
)
def test_a_line_that_cannot_be_taken_is_named(course, store, cells, says):
    """With its number and the reason; nothing of it is kept, and the exit code is 1."""
    hand_in(store, "ada", SECOND)
    rows = mark_rows(course, course.assignment("soft"), store)
    file = store.state / "filled.csv"
    file.write_bytes(marked(rows, **{rows[0].label: cells}))
    done = autograde(course, store, "marks", "import", "soft", str(file), "--write")
    assert done.exit_code == 1
    assert says in done.output
    assert "line 2: " in done.output
    assert store.marks("soft") == {}


def test_a_blank_leaves_a_mark_as_it_is(course, store):
    """An export that nobody filled in changes nothing, and takes nothing back."""
    hand_in(store, "ada", SECOND)
    store.put_mark(Mark("soft", "ada", "written-1", 4.0, 0.0, "Good.", "me", NOON))
    rows = mark_rows(course, course.assignment("soft"), store)
    diff = read_rows(marked(rows, **{rows[0].label: {"points": "", "comment": ""}}), rows, course, course.assignment("soft"), "me")  # fmt: skip
    assert (diff.changes, diff.blank, diff.problems) == ([], 1, [])


def test_a_thousand_hostile_comments_come_back_as_they_were(course):
    """Formulas, quotes, separators, line ends, directions: no cell is a formula, and reading the table changes nothing."""
    rng = random.Random(0)
    assignment = course.assignment("soft")
    (question,) = read_questions(assignment.notebook_source)
    pieces = ["=1+1", "+x", "-2", "@SUM(A1)", '"', "'", ",", ";", "\n", "\t", "ü", "漢", "</script>", "\u202e", " ", "`", "|", "\\", "\ufeff", "\uff1d1"]  # fmt: skip
    comments = hostile(1000) + ["".join(rng.choices(pieces, k=rng.randint(1, 8))) for _ in range(1000)]
    rows = [
        MarkRow(f"s{n}", f"s{n}", question, "", Mark("soft", f"s{n}", question.id, n % 6, 0.0, comment, "me", NOON))
        for n, comment in enumerate(comments)
    ]
    text = write_rows(rows)
    lines = list(csv.DictReader(io.StringIO(text, newline=""), strict=True))
    assert len(lines) == 2000
    for line in lines:
        assert line["comment"].lstrip(" \t\n\ufeff\u00a0\u3000")[:1] not in ("=", "+", "-", "@", "\uff1d"), line[
            "comment"
        ]
    diff = read_rows(text.encode("utf-8", "surrogatepass"), rows, course, assignment, "me")
    assert (diff.changes, diff.same, diff.problems) == ([], 2000, [])


def test_the_page_to_mark_on_holds_hostile_answers_as_text(course, store):
    """Answers, labels and comments are escaped; one script, allowed by its hash; a field for each answer with its label."""
    hand_in(store, "ada", SECOND, words="<script>alert(1)</script> & <textarea></textarea>")
    store.put_mark(Mark("soft", "ada", "written-1", 4.0, 0.5, "</textarea><script>x</script>", "me", NOON))
    result = autograde(course, store, "marks", "export", "soft")
    assert result.exit_code == 0, result.output
    page = (store.state / "marks" / "soft.html").read_text(encoding="utf-8")
    assert page.count("<script>") == 1
    assert page.count("<textarea") == 1
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "3: overflow. 2: it cancels." in page
    assert 'data-extra="0.5"' in page
    assert re.search(r"script-src &#39;sha256-[^&]+&#39;", page)


def test_an_assignment_without_written_questions_says_so(course, store, tmp_path):
    """With where to read how to write one."""
    plain = build_course(tmp_path / "plain", CONFIG, Homework("soft", {"soft.py": SOLUTION}))
    done = CliRunner().invoke(app, ["marks", "export", "soft", "--course", str(plain), "--state", str(store.state)])
    assert done.exit_code == 2
    assert "has no written questions" in done.output


def test_feedback_of_a_second_submission_says_what_changed(course, store):
    """From the store: the page of the submission that counts has the one before it, and the first one has none."""
    hand_in(store, "ada", FIRST, score=1.0)
    hand_in(store, "ada", SECOND, at=NOON + timedelta(days=1))
    hand_in(store, "crew", FIRST, score=1.0)
    assert autograde(course, store, "feedback", "soft").exit_code == 0
    pages = {name: (store.state / "feedback" / "soft" / name / "index.html").read_text() for name in ("ada", "alan")}
    assert "3 points more, before lateness." in pages["ada"]
    assert "Since your submission before" not in pages["alan"]
