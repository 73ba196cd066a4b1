"""The page of docs/generated/grader-quality.md: what was measured, and what was not."""

from __future__ import annotations

from pathlib import Path

import pytest

from grader.course import load_course
from grader.records import CheckResult, Verdict
from grader.validation import Measured, Validation
from grader.validation.variants import Variant, apply, read_variants
from tools.quality.measure import figures, page
from tools.quality.thresholds import FOLDER as NETWORKS
from tools.quality.thresholds import read as read_networks
from tools.quality.thresholds import rows
from tools.quality.unseen import SETS, Unseen
from tools.quality.unseen import figures as unseen_figures
from tools.quality.unseen import read as read_unseen

pytestmark = pytest.mark.torch

COURSE = load_course(Path(__file__).parents[3] / "autograde.yml")
BACKPROP = COURSE.assignment("backprop")


def _version(name, kind, lost=None, problems=()):
    return {
        "name": name,
        "kind": kind,
        "lost": lost or {},
        "problems": list(problems),
        "seeds": 20 if kind in ("right", "solution") else 1,
    }


def _validation(versions, **more):
    nothing = {"measured": 0, "in_all": 0, "killed": 0, "equivalent": 0, "survivors": []}
    return {
        "versions": versions,
        "seeds": [1, 2],
        "flaky": [],
        "mutants": nothing,
        "contract": {"all": []},
        "metrics": [],
    } | more


def test_a_run_of_some_variants_fills_no_column():
    """What was measured in part says nothing of the whole, and leaves what was known before."""
    assert figures(BACKPROP, _validation([_version("solution", "solution")])) == {}


def test_a_whole_run_is_counted():
    """Versions, flakes, messages, mutants and promises come from one validation."""
    wrong = [v for v in read_variants(BACKPROP) if v.kind == "wrong"]
    versions = [_version("solution", "solution")]
    versions += [_version(v.name, "wrong", {"test_loss": "loss is wrong."}) for v in wrong]
    contract = {
        "all": [{}],
        "promises": 3,
        "noticed": 2,
        "free": 1,
        "unnoticed": [{"function": "f", "diff": "`n` is honoured"}],
    }
    mutants = {"measured": 5, "in_all": 5, "killed": 3, "equivalent": 1, "survivors": [{}]}
    flaky = [{"version": "solution", "seed": 7}, {"version": "solution", "seed": 7}]
    found = figures(BACKPROP, _validation(versions, contract=contract, mutants=mutants, flaky=flaky))
    assert found["versions"] == {"wrong": len(wrong), "right": 1, "off": 0, "seeds": 2, "gradings": 20, "flakes": 1}
    assert found["messages"]["no_cause"] == len(wrong)
    assert found["mutants"] == {"measured": 5, "killed": 3, "equivalent": 1, "survived": 1}
    assert found["contract"]["unnoticed"] == ["f: `n` is honoured"]
    text = page(COURSE, {"backprop": found}, {})
    assert "| backprop | 3 of 4 (75 %) | 1 | 1 | 2 of 3 (66 %) | 1 |" in text
    assert "| mnist | not run | not run | not run | not run | not run |" in text


def _measured(name, kind, message="", problems=()):
    check = CheckResult(
        id="test_loss",
        title="The loss.",
        verdict=Verdict.WRONG_ANSWER if message else Verdict.ACCEPTED,
        score=0.0 if message else 2.0,
        max_score=2.0,
        message=message,
    )
    return Measured(name, kind, (check,), check.score, 2.0, tuple(problems), 0.1)


def test_answers_that_nobody_had_looked_at_are_counted():
    """A wrong one keeps full marks, is named, misnamed or without a cause; a right one that loses under any secret counts as lost."""
    about = {"why": "w", "edits": [{"file": "m.py", "find": "a", "replace": "b"}], "names": "twice"}
    kinds = {"named": "wrong", "silent": "wrong", "misled": "wrong", "other": "wrong", "kept": "wrong", "fine": "right"}
    answers = tuple(
        Unseen(
            Variant.model_validate({"name": name, "kind": kind, **about}),
            misnamed=name == "misled",
            allowed="silent" * (name == "kept"),
        )
        for name, kind in kinds.items()
    )
    messages = {
        "named": "loss is twice as large.",
        "silent": "loss is wrong.",
        "misled": "axis 0 is time, twice.",
        "other": "loss is late.",
    }
    first = Validation(
        "m", "cpu", (1,), tuple(_measured(name, kind, messages.get(name, "")) for name, kind in kinds.items())
    )
    second = Validation("m", "cpu", (1,), (_measured("fine", "right", "loss is wrong.", ["lost"]),))
    found = unseen_figures(answers, [first, second])
    assert found == {
        "edits": 5, "full": 1, "allowed": 1, "caught": 4, "named": 1, "no_cause": 1, "misnamed": 1, "right": 1, "right_that_lost": 1,
        "secrets": 2,
    }  # fmt: skip
    text = page(
        COURSE,
        {},
        {
            "mnist": {
                "edits": 9,
                "full_at_first": 2,
                "full_now": 1,
                "second": found | {"first": {"full": 3, "named": 0, "misnamed": 2}},
            }
        },
    )
    assert "| mnist | 5 | 3, 0, 2 | 1 (1 allowed) | 1 of 4 (25 %) | 1 of 4 (25 %) | 1 | 0 of 1, 2 secrets |" in text


@pytest.mark.parametrize("name", list(COURSE.assignments))
def test_every_edit_of_an_unseen_answer_applies(name):
    """A solution that changes takes its unseen answers along: each edit stands where it says, and compiles."""
    assignment = COURSE.assignment(name)
    files = assignment.solution_files()
    networks = [item["files"] for item in read_networks(assignment)] if (NETWORKS / f"{name}.yml").exists() else []
    answers = [item for which in SETS for item in read_unseen(name, which)]
    for edited in [*(apply(item.variant, files) for item in answers), *networks]:
        for file, source in edited.items():
            compile(source, file, "exec")


def test_thresholds_are_held_against_what_networks_reach():
    """A reasonable network below `full`, and a wrong one above `zero` that no other check sees, are reported."""
    assignment = COURSE.assignment("mnist")
    threshold = assignment.profile("cpu").thresholds["test_accuracy"]
    entry = {"why": "", "seen_by": "", "metrics": ()}
    networks = [
        {"name": n, "kind": k, **entry} for n, k in (("good", "reasonable"), ("bad", "wrong"), ("known", "wrong"))
    ]
    networks[2]["seen_by"] = "test_network_plain"
    values = {
        "good": {"test_accuracy": [threshold.full + 0.1, threshold.full - 0.01]},
        "bad": {"test_accuracy": [0.1, threshold.zero + 0.01]},
        "known": {"test_accuracy": [threshold.full]},
    }
    found = rows(assignment, networks, values)
    assert [text.partition(":")[0] for text in found] == ["good", "bad"]
    assert "below full" in found[0]
    assert "above zero" in found[1]
