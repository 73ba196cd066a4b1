"""Commands that decide and explain: one number for everybody who shows it, and a record of how it came about."""

from __future__ import annotations

import csv
import io
import json
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from typer.testing import CliRunner

from grader.cli.main import app
from grader.course import load_course
from grader.store import open_store
from tests.support.attempts import hand_in, report

pytestmark = pytest.mark.slow
DUE = datetime(2026, 12, 4, 23, 59, tzinfo=ZoneInfo("Europe/Berlin"))


@pytest.fixture
def course(tiny_course):
    """The small course without teams, with slip days, a limit of attempts, and two late submissions of Ada's."""
    path = tiny_course / "autograde.yml"
    text = path.read_text()
    text = text[: text.index("  teams:")] + text[text.index("assignments:") :]
    path.write_text(
        text.replace("late_policy: {grace", "slip_days: {budget: 1}\nattempt_limit: {total: 3}\nlate_policy: {grace")
    )
    course = load_course(path)
    store = open_store(course)
    for score, hours, files in ((6.0, 20, {"a.py": b"1"}), (8.0, 30, {"a.py": b"2"})):
        submission = hand_in(store, "ada", at=DUE + timedelta(hours=hours), files=files)
        store.record(submission, report(submission, score=score))
    store.close()
    return course


@pytest.fixture
def run(course):
    """Run a command on the course; its output, as JSON where it is some."""

    def invoke(*words, code=0, as_json=True):
        done = CliRunner().invoke(app, [*words, "--course", str(course.path), *(["--json"] if as_json else [])])
        assert done.exit_code == code, done.output
        return json.loads(done.output) if as_json else done.output

    return invoke


def everywhere(run, course, tmp_path):
    """Ada's points for `backprop`, wherever they are shown."""
    run("export", "backprop", "--out", str(tmp_path / "grades.csv"))
    rows = csv.DictReader(io.StringIO((tmp_path / "grades.csv").read_text("utf-8-sig")))
    exported = next(float(row["score"]) for row in rows if row["student"] == "ada")
    pages = run("feedback", "backprop", "--out", str(tmp_path / "pages"))
    page = (tmp_path / "pages" / "ada" / "index.html").read_text()
    board = run("leaderboard", "backprop", "--out", str(tmp_path / "board"))
    entries = json.loads((tmp_path / "board" / "leaderboard.json").read_text())["rows"]
    index = next(csv.DictReader(io.StringIO((tmp_path / "pages" / "index.csv").read_text())))
    shown = run("grades", "show")
    assert pages["pages"]
    assert board["page"]
    return {
        "export": exported,
        "page": page,
        "index": float(index["final"]),
        "leaderboard": entries[0]["score"],
        "grades": next(one["scores"]["backprop"] for one in shown if one["student"] == "ada"),
        "explain": run("grades", "explain", "ada", "backprop")["backprop"][-1]["value"],
    }


@pytest.mark.slow
def test_one_number_everywhere(run, course, tmp_path):
    """Slip days, an extension and overrides make the same number in every export, page and table, each explained there."""
    # Of two days one costs nothing: 8 x 0.9.
    shown = everywhere(run, course, tmp_path)
    assert {shown[name] for name in ("export", "index", "leaderboard", "grades")} == {7.2}
    assert shown["explain"] == "7.2 points"
    assert "1 day of these costs nothing" in shown["page"]
    run("extend", "backprop", "ada", "--until", "2026-12-06", "--reason", "ill", "--by", "emmy")
    shown = everywhere(run, course, tmp_path)
    assert {shown[name] for name in ("export", "index", "leaderboard", "grades")} == {8.0}
    made = run("override", "backprop", "ada", "--points", "9.5", "--comment", "our test was wrong", "--by", "emmy")
    assert (made["score"], made["author"]) == (9.5, "emmy")
    run("override", "backprop", "ada", "--points", "9.25", "--comment", "a bit less", "--by", "emmy")
    shown = everywhere(run, course, tmp_path)
    assert {shown[name] for name in ("export", "index", "leaderboard", "grades")} == {9.25}
    assert "our test was wrong" in shown["page"]
    assert "9.25 points (this one counts)" in shown["page"]


def test_explain_names_every_rule_and_decision(run):
    """What counts, the checks' points, the due date with who moved it, lateness, slip days, overrides and the total."""

    def explained(*words):
        found = run("grades", "explain", *words)
        return "\n".join(" ".join(step.values()) for steps in found.values() for step in steps)

    text = explained("ada", "backprop")
    for part in (
        "submission 2 the best of 2 after lateness", "8 of 10 points", "4 Dec 2026, 23:59 CET", "2 days",
        "and 15 minutes of grace", "1 day of these costs nothing", "90 %", "10 % for each day begun", "8 times 0.9",
    ):  # fmt: skip
        assert part in text
    run("extend", "backprop", "ada", "--until", "2026-12-05T12:00", "--reason", "a broken laptop", "--by", "emmy")
    run("override", "backprop", "ada", "--excuse", "--comment", "ill", "--by", "emmy")
    text = explained("ada")
    assert "extended from 4 Dec 2026, 23:59 CET, by emmy on" in text
    assert "a broken laptop" in text
    assert "excused" in text
    assert "Course" in text
    assert "received 6 Dec 2026" in run("grades", "explain", "ada", as_json=False)


def test_attempts_are_listed_granted_and_counted(run):
    """What was handed in, which counts, and what is left of the limit; a grant adds to it, and can be taken back."""
    listed = run("attempts", "list", "backprop", "ada")
    assert [(item["id"], item["counts"]) for item in listed["submissions"]] == [(1, False), (2, True)]
    assert listed["left"] == 1
    run("attempts", "grant", "backprop", "ada", "2", "--reason", "the server was down")
    assert run("attempts", "list", "backprop", "ada")["left"] == 3
    run("attempts", "grant", "backprop", "ada", "--take-back")
    assert "1 attempt left" in run("attempts", "list", "backprop", "ada", as_json=False)


def test_what_was_decided_is_in_the_log(run):
    """Every decision with its author, the latest first; a refused one is not."""
    run("slip-days", "backprop", "ada", "0", "--by", "emmy")
    assert run("grades", "explain", "ada", "backprop")["backprop"][-1]["value"] == "6.4 points"
    run("slip-days", "backprop", "ada", "--take-back", "--by", "kurt")
    run("slip-days", "backprop", "ada", "5", code=2)
    entries = run("audit", "--about", "ada")
    assert [(entry["action"], entry["actor"]) for entry in entries] == [("slip_days", "kurt"), ("slip_days", "emmy")]
    assert "withdrawn" in run("audit", as_json=False)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("extend", "backprop", "ada", "--until", "tomorrow"), "is not a time"),
        (("extend", "backprop", "ada"), "--until TIME or --take-back"),
        (("extend", "backprop", "ada", "--until", "2026-12-04"), "later than the due date"),
        (("extend", "backprop", "adda", "--until", "2026-12-09"), "no student or team 'adda'"),
        (("override", "backprop", "ada", "--comment", "x"), "--points, --excuse or --take-back"),
        (("override", "backprop", "ada", "--comment", " ", "--points", "3"), "needs a comment"),
        (("attempts", "choose", "backprop", "ada", "1"), "attempts: chosen"),
        (("grades", "explain", "adda"), "no student or team 'adda'"),
    ],
)
def test_mistakes_say_what_to_write(run, words, says):
    """Each names the option or id, decides nothing, and has exit code 2."""
    found = run(*words, code=2)
    assert says in f"{found['what']} {found['fix']}"
    assert run("audit") == []
