"""What staff do on the web service: they see who needs them, decide, and every decision reaches student and log."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from grader.policies import DecisionKind
from grader.records import Verdict
from grader.server.queueing import in_order
from grader.server.staff_class import lines_of
from tests.framework.server.conftest import RIGHT, WRONG

LATE = datetime(2026, 12, 6, 12, tzinfo=UTC)


def states(site, assignment="backprop"):
    """Every student's state and what is behind it."""
    return {
        line.student: (line.state, line.why)
        for line in lines_of(site.service, site.service.course.assignment(assignment))
    }


def test_the_class_at_a_glance(site):
    """Who has not begun, who waits, who is held and why, who is stuck, who passed; who needs a person comes first."""
    passed = site.handed_in("ada")
    site.grade(passed)
    held = site.handed_in("grace")
    site.grade(held, verdict=Verdict.GRADER_ERROR)
    for number in range(3):
        tried = site.handed_in("kurt", {"backprop.py": WRONG + b"#" * number, "extra.py": WRONG})
        site.grade(tried, verdict=Verdict.WRONG_ANSWER, score=0.0)
    assert states(site) == {
        "grace": ("held", "a traceback"),
        "kurt": ("stuck", "no better score in the last 2 attempts"),
        "emmy": ("not begun", ""),
        "ada": ("passed", ""),
    }
    assert list(states(site)) == ["grace", "kurt", "emmy", "ada"]
    text = site.browser("tina").get("/staff/assignments/backprop").text
    assert "a traceback" in text
    assert "no better score in the last 2 attempts" in text
    only = site.browser("tina").get("/staff/assignments/backprop?state=stuck").text
    assert "Kurt Goedel" in only
    assert "Emmy Noether" not in only
    site.handed_in("emmy")
    assert states(site)["emmy"][0] == "waiting"


def test_an_instructor_extends(site):
    """The student's page has the new date, the late score counts in full, and the log has who and why."""
    site.now[0] = LATE
    site.grade(site.handed_in("kurt"))
    site.service.changed()
    assert (
        "2 days" in site.browser("kurt").get("/assignments/backprop").text or "12" in site.browser("kurt").get("/").text
    )
    answer = site.post(
        "ines", "/staff/students/kurt/extend", {"assignment": "backprop", "until": "2026-12-07T12:00", "reason": "ill"}
    )
    assert answer.status_code == 303
    assert site.service.ledger.counted_attempt("backprop", "kurt").final_score == 15.0
    assert "7 Dec 2026, 12:00" in site.browser("kurt").get("/assignments/backprop").text
    assert "extended from" in site.browser("ines").get("/staff/students/kurt").text
    (entry,) = site.service.ledger.audit_entries(subject="kurt")
    assert (entry.action, entry.actor, entry.role, entry.detail["comment"]) == (
        "extension",
        "ines",
        "instructor",
        "ill",
    )


def test_an_instructor_overrides_with_a_comment(site):
    """The number stands on the student's page with the comment and where it came from; without a comment nothing happens."""
    number = site.handed_in("kurt", {"backprop.py": WRONG, "extra.py": WRONG})
    site.grade(number, verdict=Verdict.WRONG_ANSWER, score=0.0)
    refused = site.post(
        "ines", "/staff/students/kurt/override", {"assignment": "backprop", "points": "12", "comment": " "}
    )
    assert refused.status_code == 422
    assert "needs a comment" in refused.text
    site.post(
        "ines",
        "/staff/students/kurt/override",
        {"assignment": "backprop", "points": "12,5", "comment": "our test was wrong"},
    )
    page = site.browser("kurt").get(f"/submissions/{number}").text
    assert "our test was wrong" in page
    assert "12.5" in page
    assert site.program("kurt", "read").get("/api/v1/assignments/backprop").json()["score"] == 12.5
    for bad in ("twelve", "-1", "nan", "1e9"):
        assert (
            site.post(
                "ines", "/staff/students/kurt/override", {"assignment": "backprop", "points": bad, "comment": "x"}
            ).status_code
            == 422
        )
    site.post("ines", "/staff/students/kurt/override", {"assignment": "backprop", "comment": "taken back"})
    assert site.service.ledger.counted_attempt("backprop", "kurt").final_score == 5.0


def test_a_message_stands_beside_the_line(site):
    """The student sees it with the lines around, whoever else asks does not, and a line of no file is refused."""
    number = site.handed_in("kurt")
    answer = site.post(
        "tina",
        f"/staff/submissions/{number}/comment",
        {"file": "backprop.py", "line": "2", "text": "Why <b>not</b> `sum`?"},
    )
    assert answer.status_code == 303
    page = site.browser("kurt").get(f"/submissions/{number}").text
    assert "Why &lt;b&gt;not&lt;/b&gt; <code>sum</code>?" in page
    assert "return x + y" in page
    assert "Tina Tutor" in page
    assert site.browser("emmy").get(f"/submissions/{number}").status_code == 404
    wrong = site.post("tina", f"/staff/submissions/{number}/comment", {"file": "../x.py", "line": "2", "text": "x"})
    assert wrong.status_code == 422
    assert "no file" in wrong.text


def test_a_regrade_never_comes_before_students_who_wait(site):
    """It waits behind everything new, whenever that came; afterwards the new attempt counts, and the old one stays."""
    number = site.handed_in("kurt")
    site.grade(number, score=3.0)
    assert site.service.store.waiting(site.service.versions()) == []
    assert site.post("ines", f"/staff/submissions/{number}/regrade").status_code == 303
    new = site.handed_in("emmy")
    waiting = site.service.store.waiting(site.service.versions())
    order = [(item.submission_id, item.asked) for item in in_order(waiting, datetime.now(UTC))]
    assert order == [(new, False), (number, True)]
    assert (
        f'/staff/submissions/{number}">{number}</a> <span class="soft">again'
        in site.browser("tina").get("/staff/work").text
    )
    site.grade(new)
    site.grade(number, score=9.0)
    submission = site.service.store.submission(number)
    assert site.service.store.waiting(site.service.versions()) == []
    attempts = site.service.store.attempts(submission=submission)
    assert [(attempt.score, attempt.counts) for attempt in attempts] == [(8.0, False), (14.0, True)]


def test_everything_that_counts_is_graded_again(site):
    """One request for each submission that counts, and nothing for those that do not."""
    first = site.handed_in("kurt", {"backprop.py": WRONG, "extra.py": RIGHT})
    site.grade(first, score=1.0)
    best = site.handed_in("kurt")
    site.grade(best, score=9.0)
    site.service.changed()
    assert site.post("ines", "/staff/assignments/backprop/regrade").status_code == 303
    assert [item.submission_id for item in site.service.store.waiting(site.service.versions())] == [best]


@pytest.mark.parametrize("what", ["feedback", "grades"])
def test_what_is_unpublished_is_shown_to_staff_alone(site, what):
    """Pages, API and the download have nothing of it until it is published again."""
    number = site.handed_in("kurt", {"backprop.py": WRONG, "extra.py": RIGHT})
    site.grade(number, verdict=Verdict.WRONG_ANSWER, score=7.5)
    # What counts is a number that staff have set: what each attempt earned belongs to the feedback.
    site.post("ines", "/staff/students/kurt/override", {"assignment": "backprop", "points": "13.25", "comment": "x"})
    secret = "1 + 2 should be 3" if what == "feedback" else "13.25"
    program = site.program("kurt", "read")

    def seen():
        pages = ["/", "/assignments/backprop", "/assignments/backprop/leaderboard"]
        text = "".join(site.browser("kurt").get(page).text for page in pages)
        answers = ["/api/v1/assignments", "/api/v1/assignments/backprop", "/api/v1/assignments/backprop/leaderboard"]
        if what == "feedback":
            text += site.browser("kurt").get(f"/submissions/{number}").text
            answers += [f"/api/v1/submissions/{number}", f"/api/v1/submissions/{number}/report"]
            text += program.get(f"/submissions/{number}/events").text
        return text + "".join(program.get(answer).text for answer in answers)

    assert secret in seen()
    site.post("ines", "/staff/assignments/backprop/publish", {"what": what, "shown": "false"})
    assert secret not in seen()
    if what == "feedback":
        assert "not published yet" in site.browser("kurt").get(f"/submissions/{number}").text
        assert b"should be 3" not in site.browser("kurt").get("/account/data.zip").content
        assert program.get(f"/api/v1/submissions/{number}").json()["verdict"] is None
        assert secret in site.browser("tina").get(f"/submissions/{number}").text
    site.post("ines", "/staff/assignments/backprop/publish", {"what": what, "shown": "true"})
    assert secret in seen()
    kinds = [entry.action for entry in site.service.ledger.audit_entries(assignment="backprop")]
    assert kinds == [DecisionKind(what).value] * 2 + ["override"]


def test_impersonating_is_read_only_and_noted(site):
    """Staff see the student's pages, can change nothing there, and the log says who looked."""
    number = site.handed_in("kurt")
    assert site.post("tina", "/staff/students/kurt/act").status_code == 303
    assert "what Kurt Goedel sees" in site.browser("tina").get("/").text
    csrf = {"csrf": site.csrf("tina")}
    assert site.browser("tina").post(f"/submissions/{number}/withdraw", data=csrf).status_code == 403
    assert site.browser("tina").post("/staff/students/kurt/act", data=csrf).status_code == 403
    site.browser("tina").post("/sign-out", data=csrf)
    assert site.browser("tina").get("/staff").status_code == 200
    (entry,) = site.service.ledger.audit_entries(subject="kurt")
    assert (entry.action, entry.actor, entry.role) == ("impersonate", "tina", "grader")
    assert site.post("tina", "/staff/students/ines/act").status_code == 404


def test_graders_decide_nothing_about_grades(site):
    """A grader reads and comments; dates, points, regrades and publishing are an instructor's, and so is the audit log."""
    number = site.handed_in("kurt")
    page = site.browser("tina").get("/staff/students/kurt").text
    assert "Set the points" not in page
    for path, form in (
        ("/staff/students/kurt/override", {"assignment": "backprop", "points": "15", "comment": "x"}),
        ("/staff/students/kurt/extend", {"assignment": "backprop", "until": "2026-12-07"}),
        ("/staff/students/kurt/attempts", {"assignment": "backprop", "count": "3"}),
        (f"/staff/submissions/{number}/regrade", {}),
        ("/staff/assignments/backprop/publish", {"what": "grades", "shown": "true"}),
    ):
        assert site.post("tina", path, form).status_code == 403
    assert site.browser("tina").get("/staff/audit").status_code == 403
    assert site.service.ledger.audit_entries() == []
    assert "Nothing yet" in site.browser("ines").get("/staff/audit").text


def test_a_form_without_the_sessions_token_decides_nothing(site):
    """Another site's form, or one of an earlier session, is refused on every staff route."""
    for path in ("/staff/students/kurt/override", "/staff/students/kurt/extend", "/staff/assignments/backprop/regrade"):
        answer = site.browser("ines").post(
            path, data={"assignment": "backprop", "points": "1", "comment": "x", "csrf": "no"}
        )
        assert answer.status_code == 403
    assert site.service.ledger.audit_entries() == []


def test_who_grades_is_seen_with_its_last_word(site):
    """A process that went silent is named, with how long ago it was heard."""
    assert "None. Submissions are stored and wait." in site.browser("tina").get("/staff/work").text
    site.graders_live()
    assert "alive" in site.browser("tina").get("/staff/work").text


def test_programs_do_what_the_pages_do(site):
    """A token of the scope `staff` decides as forms do, within the role, and each decision is in the log."""
    number = site.handed_in("kurt", {"backprop.py": WRONG, "extra.py": WRONG})
    site.grade(number, verdict=Verdict.WRONG_ANSWER, score=0.0)
    ines, tina = site.program("ines", "staff"), site.program("tina", "staff")
    kurt = "/api/v1/staff/students/kurt/assignments/backprop"
    found = {item["student"]: item for item in tina.get("/api/v1/staff/assignments/backprop/students").json()}
    assert (found["kurt"]["state"], found["kurt"]["score"], found["emmy"]["state"]) == ("not passed", 5.0, "not begun")
    made = ines.put(f"{kurt}/override", json={"points": 12, "comment": "our test was wrong"}).json()
    assert (made["kind"], made["author"], made["score"]) == ("override", "ines", 12.0)
    assert ines.put(f"{kurt}/extension", json={"due": "2026-12-07T12:00:00+01:00", "reason": "ill"}).status_code == 200
    assert ines.put(f"{kurt}/attempts", json={"count": 2}).status_code == 200
    said = tina.post(
        f"/api/v1/staff/submissions/{number}/comments", json={"file": "backprop.py", "line": 2, "text": "why?"}
    )
    assert said.status_code == 200
    assert ines.post(f"/api/v1/staff/submissions/{number}/regrade").json() == {"submissions": 1}
    assert ines.put("/api/v1/staff/assignments/backprop/published", json={"grades": False}).json() == {
        "feedback": True, "grades": False,
    }  # fmt: skip
    steps = {step["what"]: step["value"] for step in tina.get(kurt).json()}
    assert (steps["Override"], steps["Points"]) == ("12 points", "12 points")
    actions = [entry["action"] for entry in ines.get("/api/v1/staff/audit").json()]
    assert actions == ["grades", "regrade", "line_comment", "extra_attempts", "extension", "override"]
    assert tina.put(f"{kurt}/override", json={"points": 1, "comment": "x"}).status_code == 403
    assert site.program("ines", "read").put(f"{kurt}/override", json={"points": 1, "comment": "x"}).status_code == 403
    assert site.program("kurt", "read", "submit").get("/api/v1/staff/audit").status_code == 403


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("override", {"points": float("1e400"), "comment": "x"}),
        ("override", {"points": -1, "comment": "x"}),
        ("override", {"points": 3, "comment": " "}),
        ("override", {"points": 3, "excused": True, "comment": "both"}),
        ("override", {"points": 3, "comment": "x", "more": 1}),
        ("extension", {"due": "2026-12-07T12:00:00"}),
        ("extension", {"due": "0001-01-01T00:00:00+14:00"}),
        ("extension", {"due": "9999-12-31T23:59:59-14:00"}),
        ("extension", {"due": "2026-12-01T00:00:00Z"}),
        ("attempts", {"count": 10**30}),
    ],
)
def test_a_decision_that_makes_no_sense_is_refused(site, path, body):
    """With 422 and a reason; nothing is decided, and nothing is logged."""
    import json

    url = f"/api/v1/staff/students/kurt/assignments/backprop/{path}"
    sent = json.dumps(body).replace("Infinity", "1e400")
    answer = site.program("ines", "staff").put(url, content=sent, headers={"content-type": "application/json"})
    assert answer.status_code == 422, answer.text
    assert site.service.ledger.audit_entries() == []


def test_odd_dates_and_numbers_in_forms_break_nothing(site):
    """A year that no clock has, and a page far beyond the log's end, are answered like any other mistake."""
    for until in ("0001-01-01T00:00", "9999-12-31T23:59", "2026-13-40", "x"):
        answer = site.post("ines", "/staff/students/kurt/extend", {"assignment": "backprop", "until": until})
        assert answer.status_code == 422
    assert site.browser("ines").get("/staff/audit?before=" + "9" * 40).status_code == 422
    assert site.browser("ines").get("/staff/audit?subject=%00").status_code == 200
    assert (
        site.post("ines", "/staff/students/kurt/extend", {"assignment": "nothing", "until": "2026-12-07"}).status_code
        == 422
    )


def test_a_student_chooses_what_counts(site):
    """Where the course lets one choose: the chosen submission counts, on page and leaderboard; elsewhere it is refused."""
    path = site.service.course.path
    path.write_text(
        path.read_text().replace("    title: Backpropagation\n", "    title: Backpropagation\n    attempts: chosen\n")
    )
    site.service._reload()
    first = site.handed_in("kurt")
    site.grade(first, score=9.0)
    second = site.handed_in("kurt", {"backprop.py": WRONG, "extra.py": RIGHT})
    site.grade(second, score=1.0)
    assert site.service.ledger.counted_attempt("backprop", "kurt").final_score == 6.0
    assert "Make this submission count" in site.browser("kurt").get(f"/submissions/{first}").text
    assert site.post("kurt", f"/submissions/{first}/choose").status_code == 303
    assert site.service.ledger.counted_attempt("backprop", "kurt").final_score == 14.0
    assert site.program("kurt", "submit").post(f"/api/v1/submissions/{second}/choose").status_code == 200
    assert site.service.ledger.counted_attempt("backprop", "kurt").final_score == 6.0
    assert site.post("emmy", f"/submissions/{first}/choose").status_code == 404
    pairs = site.handed_in("ada", {"pairs.py": RIGHT}, assignment="pairs")
    assert site.post("ada", f"/submissions/{pairs}/choose").status_code == 422


def test_metrics_count_calls_without_naming_anybody(site):
    """Calls by route and kind of answer, with how long they took; no id, name or path of a person's is among them."""
    number = site.handed_in("kurt")
    site.browser("kurt").get(f"/submissions/{number}")
    site.browser("kurt").get("/submissions/999999")
    site.browser("").request("BREW", "/")
    text = site.program("otto", "staff").get("/metrics").text
    assert 'autograde_requests_total{method="GET",route="/submissions/{submission_id}",status="2xx"} 1' in text
    assert 'autograde_requests_total{method="GET",route="/submissions/{submission_id}",status="4xx"} 1' in text
    assert 'method="other"' in text
    assert 'autograde_request_seconds_bucket{le="+Inf"}' in text
    for told in ("kurt", "Goedel", "999999", "BREW", "testserver", "testclient"):
        assert told not in text
    assert site.program("tina", "staff").get("/metrics").status_code == 403
