"""What a student does, page by page, without a script."""

from __future__ import annotations

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
