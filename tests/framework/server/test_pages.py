"""What a student does, page by page, without a script."""

from __future__ import annotations

import io
import zipfile
from dataclasses import replace
from html import unescape

from grader.course.constants import ConstantConfig
from grader.course.drawn_constants import constants_of
from grader.records import Verdict
from tests.framework.server.conftest import RIGHT, WRONG, zipped


def test_a_student_hands_in_and_reads_the_feedback(site):
    """The list, the form, the receipt, and as soon as it is graded the feedback and the history."""
    site.graders_live()
    ada = site.browser("kurt")
    assert "Backpropagation" in ada.get("/").text
    number = site.handed_in("kurt", {"backprop.py": WRONG})
    receipt = ada.get(f"/submissions/{number}").text
    assert "Missing" in receipt
    assert "Waiting to be graded, 1 of 1" in receipt
    assert site.service.store.submission(number).digest in receipt
    site.grade(number, verdict=Verdict.WRONG_ANSWER, score=0.0)
    page = ada.get(f"/submissions/{number}").text
    assert "1 + 2 should be 3" in page
    assert "never shown" not in page
    better = site.handed_in("kurt", {"backprop.py": RIGHT, "extra.py": RIGHT})
    site.grade(better)
    assert "test_add</code> +10" in ada.get(f"/submissions/{better}").text
    history = ada.get("/assignments/backprop").text
    assert f"/submissions/{number}" in history
    assert f"/submissions/{better}" in history
    assert "Counts" in history


def test_a_zip_and_a_notebook_are_understood(site):
    """The receipt says where each file that was asked for was found."""
    number = site.handed_in("kurt", {"work.zip": zipped({"hw/backprop.py": RIGHT, "hw/extra.py": RIGHT})})
    assert site.service.store.submission(number).problem is None
    page = site.browser("kurt").get(f"/submissions/{number}").text
    assert page.count("There</span>") == 2


def test_where_the_course_lets_one_choose_a_student_has_another_submission_count(site):
    """The button is there for every submission that does not count; elsewhere there is none, and the call is refused."""
    first = site.handed_in("kurt", {"backprop.py": RIGHT})
    site.grade(first)
    second = site.handed_in("kurt", {"backprop.py": WRONG})
    site.grade(second, score=1.0)
    assert "Make this one count" not in site.browser("kurt").get("/assignments/backprop").text
    assert site.post("kurt", f"/submissions/{first}/choose").status_code == 422
    course = site.service.course
    changed = replace(course.assignment("backprop"), attempts="chosen")
    site.service._course = replace(course, assignments={**course.assignments, "backprop": changed})
    site.service.changed()
    client = site.program("kurt")
    assert (
        client.get("/api/v1/assignments/backprop").json()["counting_submission"] == second
    )  # the last one, until then
    assert site.browser("kurt").get("/assignments/backprop").text.count("Make this one count") == 1
    assert site.post("kurt", f"/submissions/{first}/choose").status_code == 303
    assert client.get("/api/v1/assignments/backprop").json()["counting_submission"] == first


def test_a_student_takes_everything_that_is_kept_of_them(site):
    """The zip has the files as they came, and the report without what is for staff."""
    number = site.handed_in("kurt", {"backprop.py": RIGHT})
    site.grade(number)
    answer = site.browser("kurt").get("/account/data.zip")
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert archive.read("backprop/001/files/backprop.py") == RIGHT
        report = archive.read("backprop/001/report-1.json").decode()
    assert "never shown" not in report
    assert '"staff": ""' in report


def test_each_student_sees_their_own_constants_and_nobody_elses(site):
    """On the assignment's page and in the API: the team's where they hand in as a team; staff see none as their own."""
    course = site.service.course
    value = ConstantConfig(
        range=(1000, 9999), default=0, file="pairs.py", variable="SEED", about="<b>where it starts</b>"
    )
    pairs = replace(course.assignment("pairs"), constants={"start": value})
    site.service._course = replace(course, assignments={**course.assignments, "pairs": pairs})
    own = {
        who: constants_of(pairs, site.service.secret, owner)["start"]
        for who, owner in (("ada", "rho"), ("kurt", "kurt"))
    }
    pages = {who: site.browser(who).get("/assignments/pairs").text for who in (*own, "grace")}
    assert f"SEED = {own['ada']}" in pages["ada"]
    assert f"SEED = {own['ada']}" in pages["grace"]
    assert f"SEED = {own['kurt']}" in pages["kurt"]
    assert str(own["kurt"]) not in pages["ada"]
    assert "Your team's own constants" in unescape(pages["ada"])
    assert "&lt;b&gt;" in pages["ada"]
    assert "<b>where" not in pages["ada"]
    assert "own constants" not in site.browser("kurt").get("/assignments/backprop").text
    found = site.program("kurt").get("/api/v1/assignments/pairs").json()["constants"]
    assert found == [
        {
            "name": "start",
            "value": own["kurt"],
            "about": "<b>where it starts</b>",
            "file": "pairs.py",
            "written": f"SEED = {own['kurt']}",
        }
    ]
    assert "own constants" not in site.browser("ines").get("/assignments/pairs").text
