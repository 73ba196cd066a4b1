"""What users of such systems complain about, each as a test of what this one does instead.

The numbers are those of the issue threads that were read: Submitty, broadway-on-demand, Codabench, EvalAI, AIcrowd,
prosyslab, nbgrader, a-plus, autograder.io and others.
"""

from __future__ import annotations

import re
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from grader.course.models import AttemptLimit
from grader.records import Verdict
from grader.server.live_events import in_sentence
from grader.server.queueing import in_order
from grader.server.service import SILENT, Place
from tests.framework.server.conftest import RIGHT, WRONG
from tests.framework.server.stub_executor import Running
from tests.framework.server.test_dispatcher import until, waiting

ONE = {"backprop.py": RIGHT}


def page_of(site, person, number):
    """The page of a submission, as its text."""
    return site.browser(person).get(f"/submissions/{number}").text


def limited(site, **limit):
    """Give the assignment a limit of attempts."""
    course = site.service.course
    changed = replace(course.assignment("backprop"), attempt_limit=AttemptLimit(**limit))
    site.service._course = replace(course, assignments={**course.assignments, "backprop": changed})


def test_01_one_endless_program_does_not_hold_the_queue(site):
    """Somebody's endless submission takes one lane until its limit; what runs is said, and others go on."""
    go = threading.Event()
    slow = site.handed_in("kurt", {"backprop.py": WRONG})
    with Running(site.service, lambda task: go.wait(30) and None if task.key == slow else None, lanes=2) as running:
        until(lambda: slow in site.service.hub.running())
        assert "Being graded now" in page_of(site, "kurt", slow)
        others = [site.handed_in(who, ONE) for who in ("emmy", "ada")]
        running.dispatcher.nudge()
        until(lambda: all((number, "done") in running.events for number in others))
        go.set()


def test_02_the_time_of_receipt_counts_whenever_it_is_graded(site):
    """Handing in again, withdrawing and grading late leave the time of receipt and the lateness as they were."""
    number = site.handed_in("kurt", ONE)
    received = site.service.store.submission(number).received_at
    site.handed_in("kurt", {"backprop.py": WRONG})
    site.now[0] += timedelta(days=10)
    site.grade(number)
    assert site.service.store.submission(number).received_at == received
    assert "Late penalty" not in page_of(site, "kurt", number)


def test_03_a_regrade_blocks_nobody_and_position_and_state_are_shown(site):
    """New work comes before a class that is graded again; the page says where it stands."""
    again = [waiting(number, f"s{number}", number, regrade=True) for number in range(50)]
    assert in_order([*again, waiting(99, "kurt", 99)], datetime.now(UTC))[0].submission_id == 99
    site.graders_live()
    site.handed_in("emmy", ONE)
    assert "Waiting to be graded, 2 of 2" in page_of(site, "kurt", site.handed_in("kurt", ONE))


def test_04_positions_count_forwards(site):
    """Who came first has position 1, and everybody moves up when something is graded."""
    site.graders_live()
    numbers = [site.handed_in(who, ONE) for who in ("kurt", "emmy", "ada")]
    places = [site.service.place(site.service.store.submission(number)).position for number in numbers]
    assert places == [1, 2, 3]
    site.grade(numbers[0])
    places = [site.service.place(site.service.store.submission(number)).position for number in numbers[1:]]
    assert places == [1, 2]


def test_05_staff_see_what_waits_and_what_is_graded_now(site):
    """The queue has every submission that waits or runs, and who grades."""
    site.graders_live()
    first, second = site.handed_in("kurt", ONE), site.handed_in("emmy", ONE)
    site.service.hub.publish(first, {"kind": "running", "at": datetime.now(UTC).timestamp()})
    queue = site.browser("tina").get("/staff/queue").json()
    assert queue["running"] == [first]
    assert [item["submission"] for item in queue["waiting"]] == [second]
    assert [grader["holder"] for grader in queue["graders"]] == ["test:1"]


def test_06_position_and_estimate_are_said_and_nothing_stays_scheduled(site):
    """The sentence has both, by earlier attempts; a claim of who vanished ends by itself."""
    text = in_sentence(Place("waiting", position=3, of=9, starts_s=20.0, ends_s=31.0))
    assert text == "Waiting to be graded. 2 before you. Your verdict in about 30 seconds, by earlier attempts."
    number = site.handed_in("kurt", ONE)
    version = site.service.versions()["backprop"]
    vanished = site.service.store.claims(version, claim_s=0.01)
    assert vanished.take([number]) == [number]
    vanished._over.set()  # it is gone: nobody renews
    with Running(site.service) as running:
        until(lambda: (number, "done") in running.events)


def test_07_our_faults_cost_no_attempt(site):
    """Of two attempts, one that failed for a reason of ours is given back."""
    limited(site, capacity=2)
    number = site.handed_in("kurt", ONE)
    assert "<b>1 attempt left.</b>" in site.browser("kurt").get("/assignments/backprop").text
    site.grade(number, verdict=Verdict.SYSTEM_ERROR)
    assert "<b>2 attempts left.</b>" in site.browser("kurt").get("/assignments/backprop").text


def test_08_where_nothing_grades_the_page_says_so(site):
    """Without a sign of life everybody reads that grading is down, and that nothing is lost."""
    number = site.handed_in("kurt", ONE)
    assert "Grading is down at the moment" in page_of(site, "kurt", number)
    site.graders_live()
    assert "Grading is down" not in page_of(site, "kurt", number)
    assert timedelta(0) < SILENT < timedelta(minutes=1)


def test_09_what_failed_does_not_rank_and_takes_nobody_away(site):
    """After a good attempt, one that is held or withdrawn leaves the good one on the board."""
    site.grade(site.handed_in("kurt", ONE))
    bad = site.handed_in("kurt", {"backprop.py": WRONG})
    site.grade(bad, verdict=Verdict.GRADER_ERROR)
    site.post("kurt", f"/submissions/{bad}/withdraw")
    rows = site.program("kurt").get("/api/v1/assignments/backprop/leaderboard").json()["rows"]
    assert [(row["rank"], row["score"]) for row in rows] == [("1", 15.0)]


def test_10_the_best_result_is_on_the_board_at_once(site):
    """The row changes with the attempt that is better, and not with one that is worse."""
    scores = []
    for score, text in ((4.0, RIGHT), (9.0, RIGHT + b"#"), (2.0, WRONG)):
        site.grade(site.handed_in("kurt", {"backprop.py": text}), score=score, accuracy=score / 10)
        (row,) = site.program("kurt").get("/api/v1/assignments/backprop/leaderboard").json()["rows"]
        scores.append(row["score"])
    assert scores == [9.0, 14.0, 14.0]


def test_11_what_could_not_be_read_costs_no_attempt(site):
    """An upload from which nobody learns anything is free."""
    limited(site, capacity=1)
    site.grade(site.handed_in("kurt", {"work.zip": b"PK\3\4 this is no archive"}), verdict=Verdict.NOT_RUN, score=0.0)
    assert "<b>1 attempt left.</b>" in site.browser("kurt").get("/assignments/backprop").text


def test_12_every_row_of_the_board_has_a_record(site):
    """As many rows as owners with a score; each score is that of a recorded attempt."""
    for who in ("kurt", "emmy"):
        site.grade(site.handed_in(who, {"backprop.py": RIGHT + who.encode()}))
    rows = site.program("kurt").get("/api/v1/assignments/backprop/leaderboard").json()["rows"]
    recorded = [attempt.score for attempt in site.service.store.attempts("backprop")]
    assert sorted(row["score"] for row in rows) == sorted(recorded)


def test_13_there_is_a_limit_to_all_attempts_together(site):
    """A total holds whatever became of them but for our faults; the page says that none is left."""
    limited(site, total=2)
    for text in (WRONG, WRONG + b"#"):
        site.grade(site.handed_in("kurt", {"backprop.py": text}), verdict=Verdict.RUNTIME_ERROR, score=0.0)
    answer = site.program("kurt").post(
        "/api/v1/assignments/backprop/submissions", files={"files": ("backprop.py", RIGHT)}
    )
    assert answer.status_code == 429
    assert "No attempt is left" in site.browser("kurt").get("/assignments/backprop").text


def test_14_nothing_is_cancelled_without_a_word(site):
    """What waits goes on waiting while graders come and go, and is graded in the end; its page never says otherwise."""
    number = site.handed_in("kurt", ONE)
    with Running(site.service, lanes=1) as running:
        running.dispatcher.stop()
    if not site.service.store.attempts("backprop"):
        assert site.service.place(site.service.store.submission(number)).state == "waiting"
    with Running(site.service) as running:
        until(lambda: site.service.store.attempts("backprop"))
    assert "Accepted" in page_of(site, "kurt", number)


def test_15_who_has_no_attempt_left_reads_when_the_next_one_comes(site):
    """The page and the API name the moment, which is the bucket's and not a calendar day's."""
    limited(site, capacity=1, refill_hours=6.0)
    site.grade(site.handed_in("kurt", ONE))
    received = site.service.store.submissions("backprop")[0].received_at
    page = site.browser("kurt").get("/assignments/backprop").text
    assert "The next attempt comes in 5 hours" in page or "The next attempt comes in 6 hours" in page
    told = site.program("kurt").get("/api/v1/assignments/backprop").json()
    assert told["attempts_left"] == 0
    assert datetime.fromisoformat(told["next_attempt_at"]) == received + timedelta(hours=6)
    assert site.hand_in("kurt", {"backprop.py": WRONG}).status_code == 429


def test_16_running_out_of_time_is_a_verdict_and_gives_no_marks(site):
    """The page says what happened, and the points are what was earned."""
    number = site.handed_in("kurt", {"backprop.py": WRONG})
    site.grade(number, verdict=Verdict.TIME_LIMIT, score=0.0)
    page = page_of(site, "kurt", number)
    assert "Out of time" in page
    assert site.program("kurt").get(f"/api/v1/submissions/{number}").json()["score"] == 5.0


def test_17_of_many_at_once_none_is_lost_and_each_has_a_receipt(site):
    """Forty uploads, eight at a time: each receipt's files are kept under its hash, and a second look finds the same."""
    kurt = site.program("kurt")
    site.service.limiter.hit = lambda *_: 0.0

    def send(number):
        files = {"files": ("backprop.py", RIGHT + f"# {number}".encode())}
        return kurt.post("/api/v1/assignments/backprop/submissions", files=files).json()

    with ThreadPoolExecutor(8) as pool:
        receipts = list(pool.map(send, range(40)))
    assert len({receipt["id"] for receipt in receipts}) == len({receipt["sha256"] for receipt in receipts}) == 40
    kept = {item.id: item.digest for item in site.service.store.submissions("backprop", "kurt")}
    assert kept == {receipt["id"]: receipt["sha256"] for receipt in receipts}


def test_17_students_set_no_time_and_due_dates_are_the_courses(site):
    """A time that a program sends along is not heard; dates are shown in the course's timezone, in the list as well."""
    kurt = site.program("kurt")
    answer = kurt.post(
        "/api/v1/assignments/backprop/submissions",
        files={"files": ("backprop.py", RIGHT)},
        data={"received_at": "2020-01-01T00:00:00Z"},
        headers={"date": "Wed, 01 Jan 2020 00:00:00 GMT"},
    )
    received = datetime.fromisoformat(answer.json()["received_at"])
    assert timedelta(0) <= site.now[0] - received < timedelta(minutes=5)
    assert "4 Dec 2026, 23:59 CET" in site.browser("kurt").get("/").text


def test_17_what_was_handed_in_can_be_fetched_again(site):
    """Who disputes finds the very bytes, and the feedback under the submission."""
    number = site.handed_in("kurt", ONE)
    site.grade(number)
    answer = site.browser("kurt").get(f"/submissions/{number}/files/backprop.py")
    assert answer.content == RIGHT
    assert answer.headers["content-disposition"].startswith("attachment")
    assert "Accepted" in page_of(site, "kurt", number)


def test_18_a_queue_that_grows_is_seen_by_staff(site):
    """How many wait, and for how long, is on the staff's page and in the figures for an alert."""
    site.graders_live()
    site.handed_in("kurt", ONE)
    site.now[0] += timedelta(minutes=30)
    site.service.changed()
    text = site.browser("otto").get("/metrics").text
    assert 'autograde_waiting{assignment="backprop"} 1' in text
    assert float(re.search(r"^autograde_oldest_wait_seconds (\S+)", text, re.MULTILINE)[1]) > 1000
    assert "Backpropagation" in site.browser("tina").get("/staff").text


def test_19_a_small_regrade_does_not_crawl_behind_a_large_one():
    """Assignments that are graded again take turns."""
    large = [waiting(number, f"s{number}", number, regrade=True) for number in range(100)]
    small = [replace(waiting(900 + number, f"s{number}", 500, regrade=True), assignment="pairs") for number in range(3)]
    order = [item.submission_id for item in in_order([*large, *small], datetime.now(UTC))]
    assert [order.index(number) for number in (900, 901, 902)] == [1, 3, 5]
