"""Teams hand in as teams: one history, one row, and the grade for each member."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from grader.course import load_course
from grader.errors import CourseError
from grader.intake import collect
from grader.records import Report, Verdict
from grader.store import ReceivedFrom, Store

NOON = datetime(2026, 12, 1, 12, tzinfo=UTC)
TEAM = "members: [ada, grace]}"


@pytest.fixture
def store(tmp_path):
    """An empty store."""
    return Store(tmp_path / "state")


def with_team(root, team):
    path = root / "autograde.yml"
    path.write_text(path.read_text(encoding="utf-8").replace(TEAM, team), encoding="utf-8")
    return load_course(root)


def hand_in(tmp_path, who, text):
    inbox = tmp_path / f"inbox-{len(list(tmp_path.iterdir()))}"
    (inbox / who).mkdir(parents=True)
    (inbox / who / "backprop.py").write_text(text)
    return inbox


def graded(store, submission, score):
    report = Report(
        assignment="backprop", verdict=Verdict.PARTIAL, score=score, max_score=4.0, checks=(), seed=1, profile="cpu",
        grader_version="v", submission_digest=submission.digest,
    )  # fmt: skip
    store.record(submission, report)


def test_members_uploads_are_attempts_of_the_team(tiny_course, store, tmp_path):
    """Whoever of a team hands in does so for the team: one row, the best attempt, the same grade for each."""
    course = load_course(tiny_course)
    assignment = course.assignment("backprop")
    for who, text, hours, score in (("ada", "A = 1", 0, 4.0), ("grace", "A = 2", 1, 1.0)):
        result = collect(course, assignment, hand_in(tmp_path, who, text), store, NOON + timedelta(hours=hours))
        (one,) = result.added
        assert (one.owner, one.uploader, one.members) == ("team-rho", who, ("ada", "grace"))
        graded(store, one, score)
    assert [student.id for student in result.missing] == ["kurt", "evelyn", "0012"]
    assert [(row.owner, row.final_score) for row in store.standing(course, assignment)] == [("team-rho", 4.0)]
    rows = {row.owner: row.final_score for row in store.standing(course, assignment, by="student")}
    assert (rows["ada"], rows["grace"], rows["kurt"]) == (4.0, 4.0, None)


def test_a_team_for_one_assignment_is_none_for_another(tiny_course, store, tmp_path):
    """`assignments` of a team says what it hands in together; a student may be in another team for the rest."""
    team = (
        TEAM.replace("]}", "], assignments: [single]}")
        + "\n    - {id: two, name: Two, members: [ada], assignments: [backprop]}"
    )
    course = with_team(tiny_course, team)
    assert course.roster.owner_of("ada", "single") == "team-rho"
    assert course.roster.owner_of("ada", "backprop") == "two"
    assert course.roster.owner_of("grace", "backprop") == "grace"
    bad = TEAM.replace("]}", "], assignments: [singel]}")
    path = tiny_course / "autograde.yml"
    path.write_text(
        path.read_text(encoding="utf-8").replace("assignments: [single]}", "assignments: [singel]}"), encoding="utf-8"
    )
    assert bad
    with pytest.raises(CourseError, match="did you mean `single`"):
        load_course(tiny_course)


def test_two_teams_for_one_assignment_are_refused(tiny_course):
    """A student hands in one assignment with one team."""
    with pytest.raises(CourseError, match="a member of 'team-rho' already, for backprop"):
        with_team(tiny_course, TEAM + "\n    - {id: two, name: Two, members: [ada], assignments: [backprop]}")


def test_a_change_of_teams_touches_nothing_that_was_graded(tiny_course, store, tmp_path):
    """Who was in the team when it handed in keeps the grade; who comes later gets none of it."""
    course = load_course(tiny_course)
    assignment = course.assignment("backprop")
    (one,) = collect(course, assignment, hand_in(tmp_path, "ada", "A = 1"), store, NOON).added
    graded(store, one, 3.0)
    changed = with_team(tiny_course, "members: [ada, kurt]}")
    rows = {row.owner: row.final_score for row in store.standing(changed, assignment, by="student")}
    assert (rows["ada"], rows["grace"], rows["kurt"]) == (3.0, 3.0, None)
    assert [student.id for student in store.missing(changed, assignment)] == ["kurt", "evelyn", "0012"]


def test_what_was_graded_alone_stays_alone(tiny_course, store, tmp_path):
    """A team that is founded later does not take a member's graded work; ungraded work becomes the team's."""
    alone = with_team(tiny_course, "members: [evelyn]}")
    assignment = alone.assignment("backprop")
    for who, text in (("ada", "A = 1"), ("grace", "A = 2")):
        (one,) = collect(alone, assignment, hand_in(tmp_path, who, text), store, NOON).added
        if who == "ada":
            graded(store, one, 3.0)
    path = tiny_course / "autograde.yml"
    path.write_text(path.read_text(encoding="utf-8").replace("members: [evelyn]}", TEAM), encoding="utf-8")
    together = load_course(tiny_course)
    rows = {row.owner: row.final_score for row in store.standing(together, assignment, by="student")}
    assert (rows["ada"], rows["grace"]) == (3.0, None)
    again = collect(together, assignment, hand_in(tmp_path, "grace", "A = 2"), store, NOON)
    assert [one.owner for one in again.unchanged] == ["team-rho"]


def test_the_same_bytes_are_the_same_submission(store):
    """They count at the earliest time that is as sure, and a surer one replaces it."""
    files = {"a.py": b"1"}
    for hours, source in ((5, ReceivedFrom.FILE), (2, ReceivedFrom.FILE), (3, ReceivedFrom.FILE)):
        one, _ = store.put_submission(
            "hw", "ada", files, received_at=NOON + timedelta(hours=hours), received_from=source
        )
    assert one.received_at == NOON + timedelta(hours=2)
    one, new = store.put_submission(
        "hw", "ada", files, received_at=NOON + timedelta(hours=4), received_from=ReceivedFrom.SERVICE
    )
    assert (one.received_at, one.received_from, new) == (NOON + timedelta(hours=4), ReceivedFrom.SERVICE, False)
    assert len(store.submissions("hw")) == 1


def test_each_member_has_a_page(tiny_course, store, tmp_path):
    """Feedback is each member's, on the team's submission; the leaderboard has the team once."""
    from grader.reports import publish_feedback

    course = load_course(tiny_course)
    assignment = course.assignment("backprop")
    (one,) = collect(course, assignment, hand_in(tmp_path, "grace", "A = 1"), store, NOON).added
    graded(store, one, 3.0)
    _, items = publish_feedback(course, assignment, store, tmp_path / "pages")
    assert [(item.owner, item.due_owner) for item in items] == [("ada", "team-rho"), ("grace", "team-rho")]
    assert (tmp_path / "pages" / "ada" / "index.html").is_file()
