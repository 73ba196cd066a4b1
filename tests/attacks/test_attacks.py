"""No submission forges a score, reads a secret, hurts another, or outlives its grading."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime

import pytest
from grader.course import load_course
from grader.engine.outcomes import NOT_SHOWN
from grader.records import Verdict
from grader.reports.feedback import FeedbackItem, write_feedback

FULL = 90.0  # of what work.py can earn; plain.py has the rest


def said(report):
    """All that an attack printed, or put into a message."""
    return "\n".join([report.message, *(f"{check.output}\n{check.message}" for check in report.checks)])


def test_attack_gains_nothing(attack, battle):
    """It scores what its honest parts deserve, gets hold of nothing, and is never held for staff."""
    report = battle.reports[attack.name]
    assert report.verdict not in (Verdict.GRADER_ERROR, Verdict.SYSTEM_ERROR), [
        c.staff for c in report.checks if c.staff
    ]
    assert report.score == pytest.approx(attack.honest), {c.id: (c.verdict.value, c.message) for c in report.checks}
    assert battle.token not in report.for_student().model_dump_json().replace(f"LEFT-{battle.token}", "")
    assert "PWNED" not in said(report)
    assert attack.says == "-" or attack.says in said(report), "it did not run as far as it should"
    assert any(attack.flags in flag for flag in report.flags) if attack.flags else not report.flags, report.flags
    if attack.verdict:
        assert attack.verdict in {check.verdict.value for check in report.checks}


def test_attack_carries_little_home(attack, battle):
    """What it printed comes back bounded, by check; of a check that saw held-out inputs, a short message and no output."""
    for check in battle.reports[attack.name].checks:
        assert len(check.output) <= 4000
        if check.id == "test_accuracy" and not attack.unreadable:
            assert check.output in ("", NOT_SHOWN)
            assert len(check.message) <= 700


def test_attack_leaves_the_runner_whole(attack, battle):
    """The process that reached the verdicts was not changed by it."""
    whole = next(check for check in battle.reports[attack.name].checks if check.id == "test_runner_is_whole")
    assert whole.verdict is Verdict.ACCEPTED or attack.unreadable, whole.message


@pytest.fixture(scope="module")
def course(battle):
    """The course that was attacked."""
    return load_course(battle.root / "autograde.yml")


def test_attack_cannot_write_to_a_page(attack, battle, course, tmp_path):
    """Its feedback is a well-formed page and valid JSON, with nothing of the attack's own markup."""
    graded = FeedbackItem("mallory", battle.reports[attack.name], datetime(2026, 1, 1, tzinfo=UTC))
    page = write_feedback(
        graded, course=course, assignment=course.assignment("attacked"), folder=tmp_path, now=graded.received_at
    )
    text = page.read_text(encoding="utf-8")
    assert "<b>INJECTED" not in text
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", text)
    assert json.loads((page.parent / "report.json").read_text())["assignment"] == "attacked"


def test_neighbours_get_what_they_got_undisturbed(battle):
    """Every honest submission between attacks has full marks, and the very report that it has when alone."""
    for name, reports in battle.neighbours.items():
        calm = battle.undisturbed[name]
        assert calm.score == calm.max_score == 110, [(c.id, c.verdict.value, c.message) for c in calm.checks]
        for report in reports:
            found = [(c.id, c.verdict.value, c.message) for c in report.checks if c.verdict is not Verdict.ACCEPTED]
            assert not found, name
            assert plain(report) == plain(calm), name


def test_the_next_on_the_slot_gets_what_it_got_undisturbed(battle):
    """A worker is forked ahead for the next submission; what the one before does to the slot does not reach it."""
    assert battle.successors
    for report in battle.successors:
        assert plain(report) == plain(battle.undisturbed["right"])


def plain(report):
    """A report without what two honest runs may differ in: durations, and the runner's own size."""
    dump = report.timeless().model_dump(mode="json")
    dump["metrics"] = {key: value for key, value in dump["metrics"].items() if not key.startswith("runner_")}
    return dump


@pytest.mark.parametrize("kind", ["processes", "mounts", "ipc objects", "files and sockets"])
def test_nothing_is_left(battle, kind):
    """No process, mount, shared memory, file or socket of an attack outlives the batch."""
    assert battle.leftovers[kind] == []


def test_nothing_was_reached(battle):
    """No attack connected to a listener of the host."""
    assert battle.reached == 0


@pytest.mark.parametrize(("metric", "limit"), [("runner_files", 40), ("runner_peak_mb", 2500)])
def test_runners_keep_their_size(battle, metric, limit):
    """Attacks neither make a runner open files without end nor make it fill the memory."""
    sizes = {name: report.metrics[metric].value for name, report in battle.reports.items() if metric in report.metrics}
    assert sizes
    assert max(sizes.values()) < limit, max(sizes, key=sizes.get)


def test_every_attack_has_an_idea():
    """An attack says in its first line what it tries; there are at least sixty."""
    from arena.catalogue import attacks

    found = attacks()
    assert len(found) >= 60
    assert len({attack.idea for attack in found}) == len(found)
