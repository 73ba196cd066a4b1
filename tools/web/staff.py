"""The staff's part of the walk: the class, one student, one submission, the queue, the log; and that decisions arrive."""

from __future__ import annotations

import json
from typing import Any

from tools.formgrader.browser import wait

#: The attempts on the staff's page of a submission.
ATTEMPTS = (
    "[...document.querySelectorAll('table[aria-labelledby=attempts] th[scope=row]')].map((item) => item.innerText)"
)


def staff_walk(step: Any, *, student: str, name: str, assignment: str = "backprop") -> None:
    """Look after a student who has handed in; ``step`` is a Walk with an instructor signed in.

    Raises AssertionError or TimeoutError where a step does not come to what it should.
    """
    step.go("/staff")
    step.pictures("staff")
    step.go(f"/staff/assignments/{assignment}")
    step.expect(name)
    step.pictures("staff-class")
    step.for_docs("class")

    here = f"/staff/students/{student}"
    step.go(here)
    fill(step, "extend", assignment, until="2027-06-30T12:00", reason="ill, with a note from the doctor")
    step.expect("extended from")
    fill(step, "override", assignment, points="", comment="is this kept without points?")
    step.expect("taken back")
    fill(step, "override", assignment, points="7.5", comment="our test was wrong")
    step.expect("our test was wrong")
    opened = (
        f"document.querySelectorAll('#{assignment} ~ section details').forEach((item, at) => {{ item.open = at < 2 }})"
    )
    step.browser.ask(opened)
    step.pictures("staff-student")
    step.for_docs("student", top=f"#{assignment}")

    submission = step.browser.ask("document.querySelector('a[href^=\"/staff/submissions/\"]').getAttribute('href')")
    step.go(submission)
    put(step, "#line", "2")
    put(step, "#text", "Which sign does `this` have?")
    step.click("form[action$='/comment'] button")
    step.expect("Which sign does this have?")
    step.browser.ask("document.querySelectorAll('details').forEach((item, at) => { item.open = at < 1 })")
    step.pictures("staff-submission")
    step.for_docs("submission")
    attempts = len(step.browser.ask(ATTEMPTS))
    step.click("form[action$='/regrade'] button")
    step.go("/staff/work")
    step.expect("Who grades")
    step.pictures("staff-work")
    step.go(submission)
    wait(lambda: step.go(submission) or len(step.browser.ask(ATTEMPTS)) > attempts, "it was not graded again", 300)

    step.go(f"/staff/assignments/{assignment}")
    step.click("form[action$='/publish'] button")
    step.expect("not published")
    step.go(here)
    step.click("form[action$='/act'] button")
    step.expect("You cannot change anything here.")
    step.go(submission.replace("/staff", ""))
    step.expect("The feedback is not published yet.")
    step.pictures("unpublished")
    step.click("header form button")
    step.go(f"/staff/assignments/{assignment}")
    step.click("form[action$='/publish'] button")
    # What was decided reaches the student: the feedback is back, and the points are those that staff set.
    step.go(here)
    step.click("form[action$='/act'] button")
    step.go(submission.replace("/staff", ""))
    step.expect("Which sign does this have?")
    step.browser.until("!!document.querySelector('.result')")
    step.pictures("from-staff")
    step.go(f"/assignments/{assignment}")
    step.expect("7.5")
    step.expect("30 Jun 2027")
    step.pictures("decided")
    step.click("header form button")
    step.go("/staff/audit")
    for action in ("extension", "override", "line comment", "regrade", "feedback", "impersonate"):
        step.expect(action)
    step.pictures("staff-audit")


def fill(step: Any, what: str, assignment: str, **values: str) -> None:
    """Fill the form of a decision about an assignment, and send it."""
    form = f"form[action$='/{what}']:has(input[value='{assignment}'])"
    step.browser.ask(f"document.querySelector({json.dumps(form)}).closest('details').open = true")
    for name, value in values.items():
        put(step, f"{form} [name='{name}']", value)
    step.click(f"{form} button")


def put(step: Any, selector: str, value: str) -> None:
    """Have a field hold ``value``, whatever its kind."""
    step.browser.ask(f"document.querySelector({json.dumps(selector)}).value = {json.dumps(value)}")
