"""Reports that are taken over without a run, and those that are not."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from grader.course import course_secret, grader_version, load_course
from grader.course.equivalence import describe
from grader.engine.outcomes import CaseState, threshold_message
from grader.grading import grade_assignment
from grader.grading.reuse import alike, carry, remember
from grader.records import CheckResult, Metric, Report, Verdict
from grader.store import Store
from tests.support.tiny import COURSE, handed_in, write_course

SUITE = '''\
"""Hidden checks."""
from grader.checks import points


@points(4, hint="Think of plus.")
def test_add(student):
    """`add` adds."""
    assert student.add(1, 2) == 3, "one and two are three"


@points(6, hint="Train longer.")
def test_quality(student, award):
    """`quality` is good."""
    award(student.quality(), metric="quality")
'''


def assignment_of(root, suite=SUITE, course=COURSE):
    return load_course(write_course(root, suite=suite, course=course)).assignment("tiny")


@pytest.fixture
def one(tmp_path):
    """The assignment, described."""
    return describe(assignment_of(tmp_path / "one"), "cpu")


def other(tmp_path, old="", new="", course=COURSE):
    """The same with a change of the suite, or of the course."""
    assert old in SUITE
    return describe(assignment_of(tmp_path / "other", SUITE.replace(old, new) if old else SUITE, course), "cpu")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("Think of plus.", "Add."),
        (', hint="Train longer."', ""),
        ("@points(4", "# a comment\n@points(4"),
        ("student.add(1, 2) == 3", "(student.add(1,2)==3)"),
    ],
    ids=["hint", "no hint", "comment", "layout"],
)
def test_hints_comments_and_layout_change_nothing_that_runs(one, tmp_path, old, new):
    """Such a version runs as the other one does, though it is another version."""
    assert other(tmp_path, old, new).run == one.run is not None


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("add(1, 2) == 3", "add(1, 2) == 4"),
        ("@points(4", "@points(5"),
        ("`add` adds.", "`add` is right."),
        ("are three", "make three"),
        ('hint="Think of plus."', "timeout=3"),
        ("from grader", "import math\nfrom grader"),
    ],
    ids=["check", "points", "title", "message", "timeout", "import"],
)
def test_all_else_is_another_run(one, tmp_path, old, new):
    """Whatever a student may be told, or may earn, otherwise."""
    assert other(tmp_path, old, new).run != one.run


def test_a_threshold_is_apart_from_the_run(one, tmp_path):
    """It is what the metric in a report is held against."""
    moved = other(tmp_path, course=COURSE.replace("full: 0.9", "full: 0.8"))
    assert moved.run == one.run
    assert moved.thresholds != one.thresholds
    assert one.awards == {"test_quality": "quality"}


@pytest.mark.parametrize(
    "new",
    [
        "award(student.quality(), metric=name)",
        "(award)(student.quality(), **options)",
        "use(award, student)",
        'award(student.quality(), metric="quality" if profile.thresholds else "loss")',
    ],
)
def test_where_thresholds_may_be_read_otherwise_nothing_is_known(tmp_path, new):
    """Only a metric that is written out, awarded by a check itself, can be held against another threshold."""
    assert other(tmp_path, 'award(student.quality(), metric="quality")', new).awards is None


def test_a_suite_that_reads_itself_is_not_known(tmp_path):
    """What looks at its own text may see a comment."""
    assert other(tmp_path, "from grader", "import inspect\nfrom grader").run is None


# -- one report ------------------------------------------------------------------------------------------------------


def report(quality, verdict, score, message="", hint="Train longer.", add=Verdict.ACCEPTED):
    right = add is Verdict.ACCEPTED
    checks = (
        CheckResult(
            id="test_add", title="", verdict=add, score=4.0 if right else 0.0, max_score=4.0,
            hint="" if right else "Think of plus.",
        ),
        CheckResult(
            id="test_quality", title="", verdict=verdict, score=score, max_score=6.0, message=message, hint=hint
        ),
    )  # fmt: skip
    metrics = {} if quality is None else {"quality": Metric(name="quality", value=quality, direction="higher")}
    total = sum(check.score for check in checks)
    return Report(
        assignment="tiny", verdict=Verdict.PARTIAL, score=total, max_score=10.0, checks=checks, metrics=metrics, seed=5,
        profile="cpu", grader_version="old", submission_digest="d",
    )  # fmt: skip


def said(value):
    metric = Metric(name="quality", value=value, direction="higher")
    return threshold_message(CaseState(metrics={"quality": metric}, awarded="quality"))


def test_points_follow_the_new_threshold(one, tmp_path):
    """From the metric in the report: half of the way was a quarter, and full is full."""
    moved = other(tmp_path, course=COURSE.replace("zero: 0.5, full: 0.9", "zero: 0.6, full: 0.8"))
    before = report(0.7, Verdict.PARTIAL, 3.0, said(0.7))
    after = carry(before, one, moved, "new")
    assert after.checks[1].score == pytest.approx(3.0)
    assert after.grader_version == "new"
    assert after.seed == before.seed
    full = carry(report(0.85, Verdict.PARTIAL, 5.25, said(0.85)), one, moved, "new")
    assert (full.checks[1].verdict, full.checks[1].score, full.checks[1].message, full.checks[1].hint) == (
        Verdict.ACCEPTED, 6.0, "", "",
    )  # fmt: skip
    assert (full.verdict, full.score) == (Verdict.ACCEPTED, 10.0)
    none = carry(report(0.55, Verdict.PARTIAL, 0.75, said(0.55)), one, moved, "new")
    assert (none.checks[1].verdict, none.checks[1].score) == (Verdict.WRONG_ANSWER, 0.0)
    lost = carry(report(0.85, Verdict.ACCEPTED, 6.0, hint=""), moved, one, "new")
    assert (lost.checks[1].verdict, lost.checks[1].score) == (Verdict.PARTIAL, 5.25)
    assert lost.checks[1].hint == "Train longer."
    assert lost.checks[1].message == said(0.85)


def test_a_check_that_failed_otherwise_is_not_touched_by_a_threshold(one, tmp_path):
    """One that raised before it awarded anything, or failed an assertion after it, has what it had."""
    moved = other(tmp_path, course=COURSE.replace("full: 0.9", "full: 0.8"))
    for before in (
        report(None, Verdict.RUNTIME_ERROR, 0.0, "ValueError"),
        report(0.85, Verdict.WRONG_ANSWER, 0.0, "it should not print"),
    ):
        after = carry(before, one, moved, "new")
        assert after.checks[1] == before.checks[1]


def test_a_value_that_is_too_good_is_flagged_anew(one, tmp_path):
    """What staff are told of a metric follows the new figures, and other flags stay."""
    course = COURSE.replace("zero: 0.5, full: 0.9", "zero: 0.5, full: 0.9, suspect: 0.93")
    strict = other(tmp_path, course=course)
    before = report(0.95, Verdict.ACCEPTED, 6.0, hint="").model_copy(update={"flags": ("another",)})
    after = carry(before, one, strict, "new")
    assert after.flags[0] == "another"
    assert after.flags[1].startswith("test_quality: quality is 0.95")
    assert carry(after, strict, one, "old").flags == ("another",)


def test_hints_follow_where_they_are_shown(one, tmp_path):
    """A check that lost points shows the new hint, one with all of them none; a message that names the cause has none."""
    hinted = other(tmp_path, "Train longer.", "Train twice.")
    assert carry(report(0.7, Verdict.PARTIAL, 3.0, said(0.7)), one, hinted, "new").checks[1].hint == "Train twice."
    assert carry(report(0.95, Verdict.ACCEPTED, 6.0, hint=""), one, hinted, "new").checks[1].hint == ""
    named = report(None, Verdict.RUNTIME_ERROR, 0.0, "No module named x", hint="")
    assert carry(named, one, hinted, "new").checks[1].hint == ""


def test_what_cannot_be_told_is_graded(one, tmp_path):
    """A report that is held, one of an upload that was not read, and a first hint on an error are run."""
    hinted = other(tmp_path, "Train longer.", "Train twice.")
    held = report(None, Verdict.GRADER_ERROR, 0.0)
    assert carry(held, one, hinted, "new") is None
    unread = report(0.7, Verdict.PARTIAL, 3.0).model_copy(update={"verdict": Verdict.NOT_RUN})
    assert carry(unread, one, hinted, "new") is None
    bare = other(tmp_path / "bare", ', hint="Train longer."', "")
    assert carry(report(None, Verdict.RUNTIME_ERROR, 0.0, "x", hint=""), bare, one, "new") is None


def test_versions_are_found_again(one, tmp_path):
    """What was written down for one is found by another that runs alike, and not by one that does not."""
    state = tmp_path / "state"
    state.mkdir()
    remember(state, "old", one)
    (state / "versions" / "damaged.json").write_text("{")
    assert alike(state, "new", other(tmp_path / "hint", "Think of plus.", "Add.")) == {"old": one}
    assert alike(state, "new", other(tmp_path / "check", "== 3", "== 4")) == {}
    assert alike(state, "old", one) == {}


# -- a batch ---------------------------------------------------------------------------------------------------------


@pytest.mark.runner
def test_a_batch_takes_over_what_it_can_and_it_is_what_a_run_gives(tmp_path):
    """After a change of a threshold and a hint: no run, a new attempt by the new version, and what a run would say."""
    state = tmp_path / "state"
    store = Store(state)
    course_secret(state)
    now = datetime.now(UTC)
    submissions = {
        "ada": handed_in("def quality():\n    return 0.7\n"),
        "grace": handed_in("def quality():\n    raise ValueError\n"),
        "kurt": handed_in("def add(x, y):\n    return 0\n"),
    }
    for owner, files in submissions.items():
        store.put_submission("tiny", owner, files, received_at=now)
    course = load_course(write_course(tmp_path / "course", suite=SUITE))
    first = grade_assignment(course, course.assignment("tiny"), store, slots=1)
    changed = SUITE.replace("Train longer.", "Train twice.").replace("Think of plus.", "Add.")
    moved = COURSE.replace("zero: 0.5, full: 0.9", "zero: 0.6, full: 0.8")
    course = load_course(write_course(tmp_path / "course", suite=changed, course=moved))
    second = grade_assignment(course, course.assignment("tiny"), store, slots=1)
    version = grader_version(course.assignment("tiny"), "cpu")
    assert {item.reused for item in second} == {first[0].attempt.grader_version}
    assert {item.attempt.grader_version for item in second} == {version}
    assert len(store.attempts("tiny")) == 6
    again = grade_assignment(course, course.assignment("tiny"), store, slots=1, force=True)
    assert {item.reused for item in again} == {""}

    def comparable(items):
        # The seed follows from the version, and these checks draw nothing.
        found = {item.submission.owner: item.attempt.report.timeless() for item in items}
        return {owner: one.model_copy(update={"seed": 0}) for owner, one in found.items()}

    assert comparable(second) == comparable(again)
    assert grade_assignment(course, course.assignment("tiny"), store, slots=1) == []
