"""The leaderboard: who is shown to whom, by which name, and what a rank means."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from grader.course.models import BaselineConfig, CostColumn, LeaderboardColumn
from grader.records import Verdict
from grader.server.standing_view import AROUND, TOP, around
from tests.framework.server.conftest import RIGHT, WRONG


def board_of(site, person):
    """The leaderboard as a person's program gets it."""
    return site.program(person).get("/api/v1/assignments/backprop/leaderboard").json()


def columns(site, *, baselines=(), **more):
    """Have the assignment's leaderboard be of one column."""
    service = site.service
    changed = replace(
        service.course.assignment("backprop"),
        leaderboard=(LeaderboardColumn(metric="accuracy", title="Accuracy", precision=2, **more),),
        baselines=tuple(BaselineConfig(name=name, metrics={"accuracy": value}) for name, value in baselines),
    )
    service._course = replace(service.course, assignments={**service.course.assignments, "backprop": changed})


def test_names_are_pseudonyms_unless_somebody_chose_a_handle(site):
    """Neither a name nor an id is on the board; a handle is, for who set one."""
    for who in ("kurt", "emmy"):
        site.grade(site.handed_in(who, {"backprop.py": RIGHT}))
    page = site.browser("kurt").get("/assignments/backprop/leaderboard").text
    assert "Emmy" not in page
    assert "emmy" not in page
    assert site.post("emmy", "/account/leaderboard", {"handle": "invariant"}).status_code == 303
    assert "invariant" in site.browser("kurt").get("/assignments/backprop/leaderboard").text
    assert site.post("emmy", "/account/leaderboard", {"handle": ""}).status_code == 303
    assert "invariant" not in site.browser("kurt").get("/assignments/backprop/leaderboard").text


def test_nobody_takes_anothers_name_for_a_handle(site):
    """Ids, names, addresses and handles of others are refused, whatever their case."""
    site.post("emmy", "/account/leaderboard", {"handle": "invariant"})
    for handle in ("Ada Lovelace", "GRACE", "ada@example.org", "Invariant"):
        assert "choose another" in site.post("kurt", "/account/leaderboard", {"handle": handle}).text
    assert site.service.data.choices("leaderboard").get("kurt") is None


def test_ranks_within_chance_are_a_range_and_baselines_have_none(site):
    """Of 150 examples, 0.90 and 0.89 cannot be told apart; a baseline stands where its value puts it, without a rank."""
    columns(site, examples=150, baselines=[("majority", 0.5), ("reference", 0.95)])
    for who, accuracy in (("kurt", 0.90), ("emmy", 0.89), ("ada", 0.6)):
        site.grade(site.handed_in(who, {"backprop.py": RIGHT + who.encode()}), accuracy=accuracy)
    rows = board_of(site, "kurt")["rows"]
    assert [(row["rank"], row["metrics"]["accuracy"]) for row in rows] == [
        (None, 0.95), ("1\N{EN DASH}2", 0.9), ("1\N{EN DASH}2", 0.89), ("3", 0.6), (None, 0.5),
    ]  # fmt: skip
    assert [row["handle"] for row in rows if row["baseline"]] == ["reference", "majority"]
    assert "\N{PLUS-MINUS SIGN}0.02" in site.browser("kurt").get("/assignments/backprop/leaderboard").text


def test_accuracy_is_drawn_against_what_a_model_costs(site):
    """Of the rows that its reader sees; the reader's own is marked, and whoever has no cost is left out."""
    columns(site, baselines=[("majority", 0.5)])
    course = site.service.course
    priced = replace(course.assignment("backprop"), cost=CostColumn(metric="seconds", title="Seconds of training"))
    site.service._course = replace(course, assignments={**course.assignments, "backprop": priced})
    for who, accuracy, seconds in (("kurt", 0.9, 20.0), ("emmy", 0.8, 10.0), ("ada", 0.6, None)):
        site.grade(site.handed_in(who, {"backprop.py": RIGHT + who.encode()}), accuracy=accuracy, seconds=seconds)
    text = site.browser("kurt").get("/assignments/backprop/leaderboard").text
    assert "Accuracy against Seconds of training" in text
    assert text.count("<circle") == 2
    assert text.count('class="model mine"') == 1
    assert "seconds" not in site.browser("kurt").get("/assignments/pairs/leaderboard").text


def test_the_private_half_is_revealed_when_all_is_over(site):
    """Until then the public score moves by the Ladder, and neither half is in the feedback; then the ranks may change."""
    columns(site, examples=100, private="private_accuracy")

    def graded(who, public, private, more=b""):
        from grader.records import Metric
        from tests.framework.server.conftest import report_of

        number = site.handed_in(who, {"backprop.py": RIGHT + who.encode() + more})
        store = site.service.store
        submission = store.submission(number)
        report = report_of(submission, store.files(submission), site.service.versions()["backprop"], accuracy=public)
        metrics = {**report.metrics, "private_accuracy": Metric(name="private_accuracy", value=private)}
        store.record(submission, report.model_copy(update={"metrics": metrics}))
        site.service.changed()
        return number

    number = graded("kurt", 0.93, 0.70)
    graded("emmy", 0.80, 0.85)
    board = board_of(site, "kurt")
    assert (board["laddered"], board["revealed"]) == (True, False)
    # Steps of 0.1 for 100 examples.
    assert [row["metrics"]["accuracy"] for row in board["rows"]] == [0.9, 0.8]
    assert board["rows"][0]["mine"]
    graded("emmy", 0.86, 0.90, b"#")  # less than a step more: nothing moves
    assert [row["metrics"]["accuracy"] for row in board_of(site, "kurt")["rows"]] == [0.9, 0.8]
    assert site.program("kurt").get(f"/api/v1/submissions/{number}/report").json()["metrics"] == {}
    assert "0.93" not in site.browser("kurt").get(f"/submissions/{number}").text
    site.now[0] += timedelta(days=30)
    site.service.changed()
    board = board_of(site, "kurt")
    assert board["revealed"]
    assert [(row["metrics"]["accuracy"], row["rose"]) for row in board["rows"]] == [(0.85, 1), (0.7, -1)]
    assert "private_accuracy" in site.program("kurt").get(f"/api/v1/submissions/{number}/report").json()["metrics"]


def test_what_failed_or_is_held_has_no_row(site):
    """A held attempt neither ranks first nor takes away the place of the work before it."""
    site.grade(site.handed_in("kurt", {"backprop.py": RIGHT}), score=10.0)
    site.grade(site.handed_in("emmy", {"backprop.py": WRONG}), verdict=Verdict.GRADER_ERROR)
    site.grade(site.handed_in("kurt", {"backprop.py": WRONG}), verdict=Verdict.SYSTEM_ERROR)
    rows = board_of(site, "kurt")["rows"]
    assert [(row["rank"], row["mine"]) for row in rows] == [("1", True)]


def test_others_see_the_best_and_those_around_themselves():
    """Of fifty, somebody at rank 30 sees ten and three on either side of their own row, with one gap."""
    rows = [_row(number) for number in range(50)]
    seen = around(rows, {"who-30"})
    assert [item.row.handle for item in seen] == [f"who-{n}" for n in (*range(TOP), *range(30 - AROUND, 31 + AROUND))]
    assert [item.row.handle for item in seen if item.gap] == [f"who-{30 - AROUND}"]
    assert [item.row.handle for item in seen if item.mine] == ["who-30"]
    assert len(around(rows, {"who-30"}, everything=True)) == 50


def _row(number):
    from datetime import UTC, datetime

    from grader.reports.leaderboard import Row

    return Row(
        number + 1, f"who-{number}", (), 1.0, 1.0, True, datetime(2026, 1, 1, tzinfo=UTC), "", ranks=str(number + 1)
    )
