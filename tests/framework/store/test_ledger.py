"""Decisions and policies on a store, on both engines: what counts, for how much, and what stays on record."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from grader.course import load_course
from grader.errors import StoreError, UsageError
from grader.policies import DecisionKind
from grader.records import Verdict
from grader.store import Ledger
from tests.support.attempts import hand_in, report
from tests.support.stores import execute

BERLIN = ZoneInfo("Europe/Berlin")
#: The due date of `backprop`, and of `single` a week later.
DUE = datetime(2026, 12, 4, 23, 59, tzinfo=BERLIN)
LATER = DUE + timedelta(days=7)
NOW = datetime(2026, 12, 20, tzinfo=UTC)


@pytest.fixture
def ledger_of(tiny_course, store):
    """The ledger of the small course after some edits: students on their own, 10 % a day, no more grace."""

    def make(*edits, teams=False):
        path = tiny_course / "autograde.yml"
        text = (
            path.read_text()
            .replace("grace_minutes: 15, ", "")
            .replace("attempts: last\n    late_policy: {}", "due: 2026-12-11T23:59")
        )
        if not teams:
            start, end = text.index("  teams:"), text.index("assignments:")
            text = text[:start] + text[end:]
        for old, new in edits:
            assert old in text
            text = text.replace(old, new)
        path.write_text(text)
        return Ledger(load_course(path), store)

    return make


def graded(store, owner, score, at, assignment="backprop", files=None, **more):
    """Hand in and grade."""
    submission = hand_in(
        store, owner, at=at, assignment=assignment, files=files or {"a.py": f"{score}{at}".encode()}, **more
    )
    store.record(submission, report(submission, score=score))
    return submission


def test_nothing_configured_changes_nothing(ledger_of, store):
    """Without policies and decisions a standing is what it was: the best after lateness, and no limit to attempts."""
    ledger = ledger_of()
    graded(store, "ada", 8.0, DUE + timedelta(hours=30))
    best = graded(store, "ada", 7.0, DUE)
    row = ledger.counted_attempt("backprop", "ada")
    assert (row.submission, row.final_score, row.late_penalty, row.slip_days, row.override) == (best, 7.0, 0.0, 0, None)
    assert row.handed_in == 2
    assert ledger.attempts_left("backprop", "ada", NOW).left is None
    assert ledger.due_for("backprop", "ada") == DUE
    assert ledger.audit_entries() == []


def test_an_extension_counts_from_the_moment_it_is_given(ledger_of, store):
    """It takes the penalty away, the latest one counts, and taking it back brings the penalty back."""
    ledger = ledger_of()
    graded(store, "ada", 8.0, DUE + timedelta(days=1, hours=1))
    assert ledger.counted_attempt("backprop", "ada").final_score == pytest.approx(6.4)
    ledger.extend("backprop", "ada", DUE + timedelta(days=1), author="staff", comment="ill", now=NOW)
    row = ledger.counted_attempt("backprop", "ada")
    assert (row.final_score, row.due) == (pytest.approx(7.2), DUE + timedelta(days=1))
    ledger.extend("backprop", "ada", DUE + timedelta(days=2), author="staff", comment="still ill", now=NOW)
    assert ledger.counted_attempt("backprop", "ada").final_score == 8.0
    assert ledger.due_for("backprop", "ada") == DUE + timedelta(days=2)
    assert ledger.due_for("backprop", "grace") == DUE
    ledger.extend("backprop", "ada", None, author="staff", comment="a mistake", now=NOW)
    assert ledger.counted_attempt("backprop", "ada").final_score == pytest.approx(6.4)
    comments = [one.comment for one in ledger.decisions().history(DecisionKind.EXTENSION, "backprop", "ada")]
    assert comments == ["ill", "still ill", "a mistake"]
    with pytest.raises(UsageError, match="later than the due date"):
        ledger.extend("backprop", "ada", DUE, author="staff", comment="", now=NOW)
    with pytest.raises(UsageError, match="no student or team 'adda'"):
        ledger.extend("backprop", "adda", DUE + timedelta(days=1), author="staff", comment="", now=NOW)


def test_an_override_is_a_row(ledger_of, store):
    """The latest counts, lateness and all; taken back, the graded score is there again; every one stays on record."""
    ledger = ledger_of()
    graded(store, "ada", 8.0, DUE + timedelta(hours=30))
    for points, comment in ((9.0, "our test was wrong"), (0.0, "copied"), (9.5, "not copied after all")):
        ledger.override("backprop", "ada", points, author="emmy", comment=comment, now=NOW, role="instructor")
        row = ledger.counted_attempt("backprop", "ada")
        assert (row.final_score, row.raw_score, row.late_penalty) == (points, 8.0, 0.0)
        assert row.override.comment == comment
    ledger.override("backprop", "ada", None, author="emmy", comment="as graded", now=NOW)
    assert ledger.counted_attempt("backprop", "ada").final_score == pytest.approx(6.4)
    history = ledger.decisions().history(DecisionKind.OVERRIDE, "backprop", "ada")
    assert [one.number for one in history] == [9.0, 0.0, 9.5, None]
    log = ledger.audit_entries(subject="ada")
    assert [(entry.action, entry.actor, entry.role) for entry in log] == [
        ("override", "emmy", ""), *[("override", "emmy", "instructor")] * 3,
    ]  # fmt: skip
    assert log[2].detail == {"comment": "copied", "number": 0.0}
    with pytest.raises(UsageError, match="needs a comment"):
        ledger.override("backprop", "ada", 3.0, author="emmy", comment=" ", now=NOW)


def test_an_override_needs_no_submission(ledger_of, store):
    """Who was examined in person has a number; the leaderboard, which shows submissions, has no such row."""
    ledger = ledger_of()
    ledger.override("backprop", "kurt", 4.0, author="emmy", comment="oral", now=NOW)
    assert ledger.counted_attempt("backprop", "kurt").final_score == 4.0
    assert store.standing(ledger.course, ledger.course.assignment("backprop")) == []


def test_the_database_refuses_to_forget(ledger_of, store):
    """Decisions and the audit log cannot be changed or deleted, whatever asks for it."""
    ledger = ledger_of()
    ledger.override("backprop", "kurt", 4.0, author="emmy", comment="oral", now=NOW)
    for table, column in (("decisions", "comment"), ("audit", "actor")):
        for statement in (f"UPDATE {table} SET {column} = 'x'", f"DELETE FROM {table}"):
            with pytest.raises(StoreError, match="append-only"):
                execute(store, statement)
    assert ledger.counted_attempt("backprop", "kurt").final_score == 4.0
    assert len(ledger.audit_entries()) == 1


def test_attempts_are_given_back_where_the_fault_was_ours(ledger_of, store):
    """A held attempt and an upload that could not be read cost nothing; what is graded or waits for it costs one."""
    ledger = ledger_of(
        ("late_policy: {penalty", "attempt_limit: {capacity: 2, refill_hours: 24}\nlate_policy: {penalty")
    )
    start = datetime(2026, 12, 1, 12, tzinfo=UTC)

    def left(minutes=30):
        found = ledger.attempts_left("backprop", "ada", start + timedelta(minutes=minutes))
        return found.left, found.next_at

    assert left() == (2, None)
    ours = hand_in(store, "ada", at=start, files={"a.py": b"1"})
    assert left() == (1, start + timedelta(days=1))
    for verdict in (Verdict.SYSTEM_ERROR, Verdict.GRADER_ERROR):
        store.record(ours, report(ours, verdict=verdict))
        assert left() == (2, None)
    store.record(ours, report(ours, verdict=Verdict.PARTIAL))
    assert left() == (1, start + timedelta(days=1))
    broken = hand_in(store, "ada", at=start + timedelta(minutes=5), files={}, problem="not a zip")
    assert left() == (0, start + timedelta(days=1))
    store.record(broken, report(broken, score=0.0, verdict=Verdict.NOT_RUN))
    assert left() == (1, start + timedelta(days=1))
    graded(store, "ada", 3.0, start + timedelta(minutes=10))
    assert left() == (0, start + timedelta(days=1))
    assert left(24 * 60)[0] == 1
    ledger.grant_attempts("backprop", "ada", 3, author="staff", comment="the server was down", now=NOW)
    assert left()[0] == 3
    assert ledger.attempts_left("backprop", "kurt", NOW).left == 2


def test_a_limit_of_an_assignment_is_merged_with_the_courses(ledger_of):
    """Key by key; an empty key lifts that limit."""
    ledger = ledger_of(
        ("late_policy: {penalty", "attempt_limit: {capacity: 2, refill_hours: 24, total: 9}\nlate_policy: {penalty"),
        ("title: Backpropagation\n", "title: Backpropagation\n    attempt_limit: {total: 4}\n"),
        ("title: One file\n", "title: One file\n    attempt_limit: {capacity: , refill_hours: , total: }\n"),
    )
    limit = ledger.course.assignment("backprop").attempt_limit
    assert (limit.capacity, limit.refill_hours, limit.total) == (2, 24, 4)
    assert ledger.attempts_left("single", "ada", NOW).left is None


def test_the_attempt_that_was_chosen_counts(ledger_of, store):
    """Until one is chosen, the last; then that one, whatever comes later; the choice can be taken back."""
    ledger = ledger_of(("title: Backpropagation\n", "title: Backpropagation\n    attempts: chosen\n"))
    first = graded(store, "ada", 8.0, DUE - timedelta(days=2))
    second = graded(store, "ada", 5.0, DUE - timedelta(days=1))
    other = graded(store, "grace", 10.0, DUE - timedelta(days=1))
    assert ledger.counted_attempt("backprop", "ada").submission == second
    ledger.choose("backprop", "ada", first.id, author="ada", now=NOW, role="student")
    row = ledger.counted_attempt("backprop", "ada")
    assert (row.submission, row.final_score, row.choice.author) == (first, 8.0, "ada")
    third = graded(store, "ada", 6.0, DUE)
    assert ledger.counted_attempt("backprop", "ada").submission == first
    ledger.choose("backprop", "ada", None, author="ada", now=NOW)
    assert ledger.counted_attempt("backprop", "ada").submission == third
    with pytest.raises(UsageError, match=f"submission {other.id} is none of ada's"):
        ledger.choose("backprop", "ada", other.id, author="ada", now=NOW)
    with pytest.raises(UsageError, match="the best one counts"):
        ledger.choose("single", "ada", first.id, author="ada", now=NOW)


SLIP = ("late_policy: {penalty", "slip_days: {budget: 3}\nlate_policy: {penalty")


def test_slip_days_go_where_they_help_most(ledger_of, store):
    """Two days late in one, two in the other: the one with twice the weight gets its two first."""
    ledger = ledger_of(SLIP, ("title: One file\n", "title: One file\n    weight: 2\n"))
    graded(store, "ada", 10.0, DUE + timedelta(hours=30))
    graded(store, "ada", 10.0, LATER + timedelta(hours=30), assignment="single")
    graded(store, "kurt", 10.0, DUE + timedelta(hours=30))
    rows = {name: ledger.counted_attempt(name, "ada") for name in ("backprop", "single")}
    assert {name: (row.days_late, row.slip_days, row.final_score) for name, row in rows.items()} == {
        "backprop": (2, 1, 9.0), "single": (2, 2, 10.0),
    }  # fmt: skip
    assert ledger.counted_attempt("backprop", "kurt").final_score == 10.0
    whole = {row.owner: row.final_score for row in store.standing(ledger.course, ledger.course.assignment("backprop"))}
    assert whole == {"ada": 9.0, "kurt": 10.0}


def test_slip_days_that_were_entered_are_spent_first(ledger_of, store):
    """What staff entered counts; the rest is spent as before, and no more is entered than there is."""
    ledger = ledger_of(SLIP, ("title: One file\n", "title: One file\n    weight: 2\n"))
    graded(store, "ada", 10.0, DUE + timedelta(hours=30))
    graded(store, "ada", 10.0, LATER + timedelta(hours=30), assignment="single")
    ledger.spend_slip_days("backprop", "ada", 2, author="staff", now=NOW)
    spent = {name: ledger.counted_attempt(name, "ada").slip_days for name in ("backprop", "single")}
    assert spent == {"backprop": 2, "single": 1}
    with pytest.raises(UsageError, match="no more than 1 slip day"):
        ledger.spend_slip_days("single", "ada", 2, author="staff", now=NOW)


def test_slip_days_on_request_only(ledger_of, store):
    """Nothing is spent until somebody enters it."""
    ledger = ledger_of(
        ("late_policy: {penalty", "slip_days: {budget: 3, per_assignment: 1, use: requested}\nlate_policy: {penalty")
    )
    graded(store, "ada", 10.0, DUE + timedelta(hours=30))
    assert ledger.counted_attempt("backprop", "ada").final_score == 8.0
    ledger.spend_slip_days("backprop", "ada", 1, author="staff", now=NOW)
    assert ledger.counted_attempt("backprop", "ada").final_score == 9.0


def test_a_team_has_its_members_decisions_where_it_should(ledger_of, store):
    """A choice is the team's; a member's override is the member's own; a team spends what all members can."""
    ledger = ledger_of(SLIP, ("title: Backpropagation\n", "title: Backpropagation\n    attempts: chosen\n"), teams=True)
    first = graded(store, "team-rho", 8.0, DUE - timedelta(days=1), members=("ada", "grace"), uploader="ada")
    graded(store, "team-rho", 5.0, DUE, members=("ada", "grace"), uploader="grace")
    ledger.choose("backprop", "grace", first.id, author="grace", now=NOW)
    assert ledger.counted_attempt("backprop", "ada").submission == first
    assert ledger.counted_attempt("backprop", "team-rho").submission == first
    ledger.override("backprop", "team-rho", 6.0, author="staff", comment="half of it", now=NOW)
    ledger.override("backprop", "grace", 7.0, author="staff", comment="hers", now=NOW)
    scores = {who: ledger.counted_attempt("backprop", who).final_score for who in ("ada", "grace", "team-rho")}
    assert scores == {"ada": 6.0, "grace": 7.0, "team-rho": 6.0}
    late = graded(store, "team-rho", 10.0, LATER + timedelta(hours=1), "single", members=("ada", "grace"))
    assert late.owner == "team-rho"
    ledger.spend_slip_days("single", "grace", 0, author="staff", now=NOW)
    scores = {who: ledger.counted_attempt("single", who).final_score for who in ("ada", "grace", "team-rho")}
    assert scores == {"ada": 10.0, "grace": 9.0, "team-rho": 9.0}


def test_the_grade_of_the_course(ledger_of, store):
    """The mean by weight without the lowest; what was excused or waits is out; nothing handed in is zero once it is due."""
    ledger = ledger_of(
        ("late_policy: {penalty", "course_grade: {drop_lowest: 1}\nlate_policy: {penalty"),
        ("title: One file\n", "title: One file\n    weight: 3\n"),
    )
    graded(store, "ada", 5.0, DUE)
    graded(store, "ada", 9.0, LATER, assignment="single")
    graded(store, "grace", 5.0, DUE)
    waiting = hand_in(store, "grace", at=LATER, assignment="single")
    graded(store, "kurt", 5.0, DUE)
    ledger.override("single", "kurt", None, excused=True, author="staff", comment="ill", now=NOW)

    def grades(now):
        found = {one.student: one for one in ledger.course_standings(now)}
        return {who: (one.grade.fraction, one.grade.dropped, one.complete) for who, one in found.items()}

    assert grades(NOW) == {
        "ada": (0.9, ("backprop",), True),
        "grace": (0.5, (), False),
        "kurt": (0.5, (), True),
        "evelyn": (0.0, (), True),
        "0012": (0.0, (), True),
    }
    assert grades(DUE - timedelta(days=1))["evelyn"] == (None, (), True)
    store.record(waiting, report(waiting, score=2.0))
    assert grades(NOW)["grace"] == (0.5, ("single",), True)
    assert [one.student for one in ledger.course_standings(NOW, only="kurt")] == ["kurt"]


def test_only_one_row_is_that_of_the_whole_class(ledger_of, store):
    """Who is asked for alone has the same row as among the others, in a team that is no more as well."""
    ledger = ledger_of(SLIP, teams=True)
    graded(store, "team-rho", 8.0, DUE + timedelta(hours=30), members=("ada", "grace"))
    graded(store, "team-past", 9.0, DUE, members=("kurt", "evelyn"))
    graded(store, "kurt", 3.0, DUE + timedelta(hours=1))
    graded(store, "ada", 10.0, LATER + timedelta(hours=30), assignment="single")
    for name in ("backprop", "single"):
        assignment = ledger.course.assignment(name)
        for row in store.standing(ledger.course, assignment, by="student"):
            assert store.standing(ledger.course, assignment, by="student", only=row.owner) == [row]


def test_the_log_is_read_by_pages(ledger_of):
    """The latest first, narrowed by assignment and subject, and on from where the last page ended."""
    ledger = ledger_of()
    for number in range(5):
        ledger.audit("view", actor=f"staff {number}", now=NOW, role="grader", subject="ada" if number % 2 else "kurt")
    first = ledger.audit_entries(most=2)
    assert [entry.actor for entry in first] == ["staff 4", "staff 3"]
    assert [entry.actor for entry in ledger.audit_entries(most=2, before=first[-1].id)] == ["staff 2", "staff 1"]
    assert [entry.actor for entry in ledger.audit_entries(subject="ada")] == ["staff 3", "staff 1"]
    assert first[0].at == NOW


def test_a_due_date_of_before_there_were_rows(ledger_of, store):
    """autograde.yml's extensions hold as they did, and a row for the same student takes their place."""
    ledger = ledger_of(
        ("title: Backpropagation\n", "title: Backpropagation\n    extensions: {ada: 2026-12-06T23:59}\n")
    )
    graded(store, "ada", 8.0, DUE + timedelta(days=2))
    assert ledger.counted_attempt("backprop", "ada").final_score == 8.0
    ledger.extend("backprop", "ada", DUE + timedelta(days=1), author="staff", comment="one day is enough", now=NOW)
    assert ledger.counted_attempt("backprop", "ada").final_score == pytest.approx(7.2)


def test_a_regrade_is_done_by_the_next_attempt(ledger_of, store):
    """Whatever the clocks say: it waits until there is a later attempt by this version, held or not, and no longer."""
    ledger = ledger_of()
    submission = graded(store, "ada", 5.0, DUE)
    other = graded(store, "kurt", 5.0, DUE)
    versions = {"backprop": "v1"}
    assert store.waiting(versions) == []
    # By a clock that is a year ahead.
    ledger.regrade([submission], author="staff", now=NOW + timedelta(days=365))
    (item,) = store.waiting(versions)
    assert (item.submission_id, item.regrade, item.asked) == (submission.id, True, True)
    store.record(other, report(other))
    assert len(store.waiting(versions)) == 1
    store.record(submission, report(submission, verdict=Verdict.SYSTEM_ERROR))
    assert store.waiting(versions) == []
    ledger.regrade([submission], author="staff", now=NOW)
    store.record(submission, report(submission, score=9.0))
    assert store.waiting(versions) == []
    assert ledger.counted_attempt("backprop", "ada").final_score == 9.0
    assert [entry.action for entry in ledger.audit_entries(subject="ada")] == ["regrade", "regrade"]


def test_what_students_see_is_decided_for_everybody(ledger_of, store):
    """Shown until somebody decides otherwise, for each assignment by itself; comments stand by their submission."""
    ledger = ledger_of()
    submission = graded(store, "ada", 5.0, DUE, files={"a.py": b"x = 1\ny = 2\n"})
    assert ledger.decisions().shown(DecisionKind.FEEDBACK, "backprop")
    ledger.publish("backprop", DecisionKind.FEEDBACK, shown=False, author="staff", now=NOW)
    made = ledger.decisions()
    assert not made.shown(DecisionKind.FEEDBACK, "backprop")
    assert made.shown(DecisionKind.GRADES, "backprop")
    assert made.shown(DecisionKind.FEEDBACK, "single")
    ledger.publish("backprop", DecisionKind.FEEDBACK, shown=True, author="staff", now=NOW)
    assert ledger.decisions().shown(DecisionKind.FEEDBACK, "backprop")
    ledger.comment_on_line(submission, "a.py", 2, "why 2?", author="staff", now=NOW)
    (comment,) = ledger.decisions().about(DecisionKind.LINE_COMMENT, submission.id)
    assert (comment.file, comment.number, comment.comment) == ("a.py", 2.0, "why 2?")
    for file, line, text in (("b.py", 1, "x"), ("a.py", 0, "x"), ("a.py", 1, " ")):
        with pytest.raises(UsageError):
            ledger.comment_on_line(submission, file, line, text, author="staff", now=NOW)
