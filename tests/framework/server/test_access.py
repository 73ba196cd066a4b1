"""Who may call what: the table is complete, and every route holds to it for every role and every owner."""

from __future__ import annotations

import re

import pytest

from grader.errors import UsageError
from grader.server.access import RULES, check_complete, routes_of
from tests.framework.server.conftest import RIGHT

#: A person of each role; `owner` has a submission and `stranger` is a student who has nothing to do with it.
CALLERS = {
    "nobody": "",
    "owner": "kurt",
    "stranger": "emmy",
    "grader": "tina",
    "instructor": "ines",
    "admin": "otto",
}
ROLES = {"owner": "student", "stranger": "student", "grader": "grader", "instructor": "instructor", "admin": "admin"}


def path_for(pattern, number):
    """A path of a route's pattern that exists."""
    values = {
        "submission_id": str(number),
        "assignment": "backprop",
        "path:path": "backprop.py",
        "name": "site.css",
        "student": "kurt",
    }
    return re.sub(r"\{([\w:]+)\}", lambda match: values.get(match[1], "1"), pattern)


def test_every_route_is_in_the_table(site):
    """The application does not start with a route that the table does not have, nor with a row for none."""
    assert set(routes_of(site.app)) == set(RULES)
    site.app.get("/forgotten")(lambda: None)
    with pytest.raises(UsageError, match="forgotten"):
        check_complete(site.app)


def test_a_mounted_application_is_refused(site):
    """What is mounted would answer without the table."""
    from fastapi import FastAPI

    site.app.mount("/other", FastAPI())
    with pytest.raises(UsageError, match="not a plain route"):
        check_complete(site.app)


@pytest.mark.parametrize("who", CALLERS)
def test_every_route_for_every_role_and_owner(site, who):
    """Who has no right to a route is refused in every case, and who has it never is for that reason.

    Routes are walked in the table's order for one caller each; those that end the session come last.
    """
    number = site.handed_in("kurt", {"backprop.py": RIGHT, "extra.py": RIGHT})
    site.grade(number)
    last = ("/sign-out", "/account/sign-out-everywhere", "/staff/students/{student}/act")
    routes = sorted(routes_of(site.app), key=lambda route: route[1] in last)
    wrong = []
    for method, pattern in routes:
        rule = RULES[method, pattern]
        path = path_for(pattern, number)
        person = CALLERS[who]
        form = {"csrf": site.csrf(person)} if person and method == "POST" else {}
        headers = {"x-csrf-token": site.csrf(person)} if person and method == "PUT" else {}
        if method == "GET":
            answer = site.browser(person).get(path)
        else:
            answer = site.browser(person).request(method, path, data=form, headers=headers)
        foreign = "{submission_id}" in pattern and who == "stranger"
        allowed = rule.public or (who != "nobody" and ROLES[who] in rule.roles and not foreign)
        refused = answer.status_code in (401, 403, 404) or answer.headers.get("location", "").startswith("/sign-in?to=")
        # Public ones may say 403 or 404 for reasons of their own: a link that is used up, no provider.
        excused = rule.public and answer.status_code in (403, 404)
        excused = excused or (allowed and answer.status_code == 404 and "revoke" in pattern)
        if allowed == refused and not excused:
            wrong.append(f"{method} {pattern}: {answer.status_code} for {who}")
        if method == "POST" and pattern in last and person:
            site.clients.pop(person, None)
    assert wrong == []


def test_a_token_needs_the_scope_of_the_route(site):
    """A token that may read hands nothing in, and pages take no token at all."""
    reader, other = site.program("kurt", "read"), site.program("kurt", "submit")
    assert reader.get("/api/v1/assignments").status_code == 200
    refused = reader.post("/api/v1/assignments/backprop/submissions", files={"files": ("backprop.py", RIGHT)})
    assert refused.status_code == 403
    assert "submit" in refused.json()["detail"]
    assert other.get("/api/v1/assignments").status_code == 403
    assert reader.get("/account").status_code == 403
    assert site.program("kurt", "staff").get("/staff").status_code == 403


def test_what_belongs_to_others_does_not_exist(site):
    """A student learns nothing from a submission's number: others' are not there, as those that never were."""
    number = site.handed_in("kurt")
    client = site.program("emmy")
    foreign = client.get(f"/api/v1/submissions/{number}")
    never = client.get("/api/v1/submissions/99999")
    assert (foreign.status_code, foreign.json()) == (never.status_code, never.json()) == (404, never.json())


def test_a_team_shares_what_it_handed_in(site):
    """What one member hands in the other sees and may withdraw; nobody else does."""
    number = site.handed_in("ada", {"pairs.py": RIGHT}, "pairs")
    assert site.browser("grace").get(f"/submissions/{number}").status_code == 200
    assert site.browser("kurt").get(f"/submissions/{number}").status_code == 404
    assert site.post("grace", f"/submissions/{number}/withdraw").status_code == 303


def test_an_assignment_that_is_not_out_is_not_there(site):
    """Students find nothing under its name before it is released; staff do."""
    assert site.browser("kurt").get("/assignments/later").status_code == 404
    assert site.browser("ines").get("/assignments/later").status_code == 200
    assert "later" not in site.browser("kurt").get("/").text


def test_staff_who_look_at_a_students_pages_change_nothing(site):
    """They see what the student sees, and every form is refused; leaving brings their own pages back."""
    number = site.handed_in("kurt")
    client = site.browser("ines")
    session = site.service.data.session(client.cookies["autograde_session"])
    csrf = site.csrf("ines")
    site.service.data.act_for(session, "kurt")
    assert "You see what Kurt Goedel sees" in client.get("/").text
    assert client.post(f"/submissions/{number}/withdraw", data={"csrf": csrf}).status_code == 403
    assert client.post("/sign-out", data={"csrf": csrf}).headers["location"] == "/staff"
    assert client.get("/staff").status_code == 200
