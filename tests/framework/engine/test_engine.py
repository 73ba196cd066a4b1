"""The engine through the real runner: many small submissions graded in one batch, and what their reports say."""

from __future__ import annotations

import json
from contextlib import closing

import pytest

from grader.course import course_secret, load_course
from grader.engine.measurement import Plan
from grader.grading import GradeTask, MeasureTask, Work, open_executor
from grader.records import Report, Verdict
from tests.framework.engine.catalogue import ADD, CLASS, IMPORTS, KINDS, OF_BASICS
from tests.support.tiny import write_course

pytestmark = pytest.mark.runner


@pytest.fixture(scope="session")
def answers(tmp_path_factory):
    """What one runner says to all submissions, by name, and to a plan for one of them: measured whole, then in brief."""
    course = load_course(write_course(tmp_path_factory.mktemp("tiny")))
    assignment = course.assignment("tiny")
    course_secret(course.state)
    plan = Plan(seeds=(1,), stages=(OF_BASICS,), vouched=True)
    files = [dict(case.files) for case in CLASS.values()]
    tasks = [
        *(GradeTask(key, content) for key, content in enumerate(files)),
        GradeTask(len(files), {}, "the zip ends in the middle"),
        *(
            MeasureTask(len(files) + 1 + brief, dict(CLASS["one_case_right"].files), plan.model_copy(update={"brief": brief}))
            for brief in (False, True)
        ),
    ]  # fmt: skip
    # One slot: a second runner costs more to start than it saves.
    work = Work(course, assignment, assignment.profile("cpu"), course.state)
    with closing(open_executor("local", work, 1)) as executor:
        found = {result.key: result.answer for result in executor.run(tasks)}
    return dict(zip([*CLASS, "broken_zip", "whole", "brief"], (found[task.key] for task in tasks), strict=True))


@pytest.fixture(scope="session")
def reports(answers) -> dict[str, Report]:
    """Reports by submission, all graded in one batch."""
    return {name: answer for name, answer in answers.items() if isinstance(answer, Report)}


def lost(report):
    return {check.id: check.verdict for check in report.checks if check.verdict is not Verdict.ACCEPTED}


def check_of(report, name):
    return next(check for check in report.checks if check.id == name)


def message(reports, submission, check="test_add"):
    return check_of(reports[submission], check).message


@pytest.mark.parametrize("name", [name for name, case in CLASS.items() if case.lost is not None])
def test_verdicts(reports, name):
    """Each submission loses exactly the checks that it must, each with the right verdict."""
    told = {check.id: (check.verdict.value, check.message, check.staff[-800:]) for check in reports[name].checks}
    assert lost(reports[name]) == CLASS[name].lost, {key: told[key] for key in lost(reports[name])}


def test_patching_the_grader_in_the_worker_gains_nothing(reports):
    """A submission that overwrites our own functions beside it loses every check that needs it."""
    found = lost(reports["patches_the_wire"])
    # A fresh worker still answers the request by which basics.py is imported, and these two checks ask nothing else.
    assert set(OF_BASICS) - {"test_bug", "test_level"} <= set(found) <= set(OF_BASICS)
    assert set(found.values()) <= {Verdict.PROTOCOL_ERROR, Verdict.WORKER_DIED}


def test_full_marks(reports):
    """The solution gets all points and the verdict accepted; the report says under what conditions."""
    report = reports["solution"]
    assert report.verdict is Verdict.ACCEPTED
    assert report.score == report.max_score == sum(check.max_score for check in report.checks)
    assert {"python", "torch", "numpy", "isolation"} <= set(report.environment)
    assert all(check.title and not check.message and not check.hint for check in report.checks)


def test_the_same_submission_gets_the_same_report(reports):
    """Files, grader version and seed decide the whole report, random numbers of the student's included."""
    assert reports["solution"].timeless() == reports["solution_again"].timeless()
    assert reports["solution"].seed == reports["solution_again"].seed
    assert reports["solution"].metrics["noise"] == reports["solution_again"].metrics["noise"]


def test_other_submissions_have_other_seeds(reports):
    """The seed follows from what was handed in."""
    assert len({report.seed for report in reports.values()}) == len({r.submission_digest for r in reports.values()})
    assert len({report.seed for report in reports.values()}) > 70


def test_cases_share_the_points_of_their_check(reports):
    """Half of the cases right is half of the points, and the message says how many."""
    check = check_of(reports["one_case_right"], "test_add")
    assert (check.score, check.max_score) == (4.0, 8.0)
    assert "2 of 4 cases passed" in check.message
    assert check.hint == "Plus."
    assert reports["one_case_right"].verdict is Verdict.PARTIAL


def test_a_check_keeps_its_visibility_and_hint(reports):
    """Visibility goes into the report; a hint only where points were lost."""
    assert check_of(reports["solution"], "test_mean").visibility == "after_due"
    assert check_of(reports["solution"], "test_raises").visibility == "hidden"
    assert check_of(reports["solution"], "test_add").hint == ""
    assert check_of(reports["wrong_sign"], "test_add").hint == "Plus."


@pytest.mark.parametrize(
    ("submission", "check", "told"),
    [
        ("wrong_sign", "test_add", "the sum has the opposite sign"),
        ("none", "test_add", "`add` should return a Tensor; it returned None."),
        ("number_for_a_tensor", "test_add", "`add` should return a Tensor; it returned a float."),
        ("list_for_a_tensor", "test_add", "`add` should return a Tensor; it returned a list"),
        ("tensor_for_a_float", "test_mean", "`mean` should return a float; it returned a Tensor."),
        ("string_for_a_float", "test_mean", "`mean` should return a float; it returned a str."),
        ("pair_too_short", "test_pair", "`pair` should return a tuple of 2 values (a Tensor, a Tensor); it returned a tuple of 1 value (a Tensor)."),
        ("pair_is_a_tensor", "test_pair", "`pair` should return a tuple of 2 values"),
        ("key_is_missing", "test_table", "no key 'half'; it has 'double'"),
        ("loose_too_short", "test_loose", "not enough values to unpack"),
        ("loose_is_none", "test_loose", "could not work with"),
        ("loose_too_odd", "test_loose", "could not work with"),
        ("loose_wrong", "test_loose", "the second should be one more than the first"),
        ("does_not_raise", "test_raises", "should have raised an exception here; it did not"),
        ("function_is_missing", "test_add", "`basics.py` does not define `add`."),
        ("class_is_missing", "test_net", "`basics.py` does not define `Net`."),
        ("method_is_missing", "test_net", "has no method `name`"),
        ("attribute_is_missing", "test_net", "has no attribute or method `layer`"),
        ("file_is_missing", "test_total", "`plain.py` is missing from your submission, which has basics.py."),
        ("nothing", "test_add", "`basics.py` is missing from your submission, which has no Python file."),
        ("raises_otherwise", "test_raises", "KeyError: 'negative'"),
        ("fails_in_the_probe", "test_add_probe", "The check could not use the value your code returned: "),
        ("stub", "test_add", "`add` is not written yet (`basics.py`, line"),
        ("changes_its_argument", "test_leaf", "the argument after the call"),
        ("syntax_error", "test_add", 'File "basics.py", line'),
        ("raises_at_import", "test_add", "RuntimeError: at import"),
        ("raises_at_import", "test_mean", '`basics.py` could not be imported: see "'),
        ("exits_at_import", "test_add", "SystemExit"),
        ("ends_at_import", "test_add", "Importing `basics.py` failed"),
        ("hangs_at_import", "test_add", "Importing `basics.py` failed"),
        ("hangs", "test_add", "did not finish within its time limit"),
        ("crashes", "test_add", "SIGSEGV"),
        ("exits", "test_add", "exit code 0"),
        ("eats_memory", "test_add", "512 MiB"),
        ("floods", "test_add", "printed more than"),
        ("writes_to_the_wire", "test_add", "grader's channel"),
        ("asks_for_a_skip", "test_skip", "only with a GPU"),
        ("imports", "test_total", "`plain.py` imports `torch` in line"),
        ("by_a_helper", "test_total", "`helper.py` imports `torch` in line 1"),
        ("by_sys_modules", "test_total", "uses `sys.modules`"),
    ],
)  # fmt: skip
def test_messages_say_what_is_wrong(reports, submission, check, told):
    """The student is told, in the words of the assignment, what is wrong and where."""
    assert told in message(reports, submission, check)


@pytest.mark.parametrize(
    ("submission", "told"),
    [
        *((f"import_{name}", told) for name, (_, told) in IMPORTS.items()),
        *((f"kind_{name}", told) for name, (_, told) in KINDS.items()),
    ],
)
def test_what_keeps_a_module_from_being_imported_is_named_with_its_fix(reports, submission, told):
    """The first check says the cause and what to do about it, with the line; the others refer to it."""
    first, *others = [check for check in reports[submission].checks if check.id in OF_BASICS and check.message]
    assert told in first.message
    assert first.message.count("\n\n") == (0 if submission == "import_gpu" else 1), "one cause has one piece of advice"
    assert (first.place is None) == (submission in ("kind_pdf", "kind_office"))
    assert not first.hint, "a hint about the check does not help here"
    for check in others:
        assert check.message == f'`basics.py` could not be imported: see "{first.title.rstrip(".")}".'
        assert check.place is None


def test_a_traceback_is_the_students_own(reports):
    """The frames of the student's files with their lines, and none of ours or of torch."""
    text = message(reports, "raises")
    assert text.startswith("Traceback (most recent call last):")
    assert "in add\n    return inner(x)" in text
    assert "in inner\n    return torch.ones(2) @ torch.ones(3)" in text
    assert text.count("File ") == 2
    assert "RuntimeError" in text
    assert "worker_process.py" not in text


def test_hostile_text_is_cleaned(reports):
    """No control or bidirectional character of a student's reaches a report."""
    for name in ("control_characters", "prints"):
        text = "".join(check.message + check.output for check in reports[name].checks)
        assert not any(bad in text for bad in "\x1b\u202e\0")
    assert "red" in message(reports, "control_characters")


def test_what_was_printed_is_kept_with_its_check(reports):
    """Output goes to the check during which it was printed."""
    assert "the mean of" in check_of(reports["prints"], "test_mean").output
    assert check_of(reports["prints"], "test_add").output == ""
    assert "spam" in check_of(reports["floods"], "test_add").output


def test_thresholds_give_fractions(reports):
    """Halfway between zero and full is half of the points, and the metric is recorded."""
    check = check_of(reports["quality_is_half"], "test_quality")
    assert check.score == pytest.approx(2.0)
    assert check.message == "quality is 0.7; full points need more."
    assert reports["quality_is_half"].metrics["quality"].value == 0.7
    assert check_of(reports["share_is_a_quarter"], "test_share").score == pytest.approx(1.0)


def test_a_metric_that_is_no_number_is_recorded_as_none(reports):
    """NaN and infinity do not get into JSON; NaN earns nothing."""
    assert reports["quality_is_nan"].metrics["quality"].value is None
    assert reports["quality_is_infinite"].metrics["quality"].value is None
    assert check_of(reports["quality_is_nan"], "test_quality").score == 0
    json.loads(reports["quality_is_nan"].model_dump_json(), parse_constant=pytest.fail)


def test_a_bug_in_the_suite_holds_the_attempt(reports):
    """A grader_error has no score; the student is told nothing of it but that it is ours, staff get the traceback."""
    report = reports["asks_for_a_bug"]
    check = check_of(report, "test_bug")
    assert report.verdict is Verdict.GRADER_ERROR
    assert report.held
    assert report.score is None
    assert check.score is None
    assert "fault on our side" in check.message
    assert "12345" not in report.for_student().model_dump_json()
    assert "ZeroDivisionError" in check.staff
    assert "12345" in check.staff


def test_a_function_that_hangs_is_called_twice_and_no_more(reports):
    """Of four cases two run out of time; the others are told so at once."""
    report = reports["hangs"]
    assert check_of(report, "test_add").output.count("called") == 2
    assert report.score == report.max_score - 8 - 1


def test_an_import_that_fails_is_not_tried_again(reports):
    """A module that hangs is imported once, and the rest of the suite is judged without it."""
    report = reports["hangs_at_import"]
    assert "".join(check.output for check in report.checks).count("imported") == 1
    assert report.score == check_of(report, "test_total").max_score


def test_what_is_right_counts_beside_what_crashes(reports):
    """After a worker was lost the next check gets a fresh one."""
    for name in ("crashes", "exits", "eats_memory", "floods", "writes_to_the_wire"):
        assert reports[name].score == reports[name].max_score - 9, name


def test_an_upload_that_cannot_be_read_gets_a_report(reports):
    """A broken zip scores zero with the reason; no worker is needed for it."""
    report = reports["broken_zip"]
    assert report.score == 0
    assert report.verdict is Verdict.NOT_RUN
    assert "could not be read: the zip ends in the middle" in report.message
    assert [check.id for check in report.checks] == [check.id for check in reports["solution"].checks]


def test_student_reports_hold_no_staff_text(reports):
    """What staff may read is gone from the student's copy, and no message shows an expected value unasked."""
    for report in reports.values():
        student = report.for_student()
        assert all(not check.staff for check in student.checks)
        assert "expected:" not in message({"x": student}, "x", "test_add")
    assert "expected:\n2" in message(reports, "mean_is_wrong", "test_mean")  # which has reveal=True


def test_reports_survive_json(reports):
    """Every report is what it was after a trip through JSON."""
    for report in reports.values():
        assert Report.model_validate_json(report.model_dump_json()) == report


def test_a_brief_measurement_learns_the_same_and_runs_less(answers):
    """Once a case has failed, the check's others are left out, and nobody looks for the reason; verdicts stay the same."""
    (whole,), (brief,) = answers["whole"], answers["brief"]
    assert [(check.id, check.verdict) for check in brief.checks] == [
        (check.id, check.verdict) for check in whole.checks
    ]
    assert {check.id for check in brief.checks if check.verdict is not Verdict.ACCEPTED} >= set(ADD)
    assert "should be" not in check_of(brief, "test_add").message
    assert check_of(brief, "test_add").message != check_of(whole, "test_add").message
