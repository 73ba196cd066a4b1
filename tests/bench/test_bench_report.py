"""The benchmark's arithmetic: what it says follows from what it measured, and nothing is made up."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

BENCH = Path(__file__).parent
# Names that the benchmark's scripts import each other by.
SCRIPTS = [path.stem for path in BENCH.glob("*.py")]


@pytest.fixture
def bench(monkeypatch):
    """The benchmark's modules, importable for one test as `run.py` has them, and forgotten afterwards."""
    monkeypatch.syspath_prepend(str(BENCH))
    yield
    for name in SCRIPTS:
        sys.modules.pop(name, None)


def a_measure(tool, *, submissions, wall_s, single_wall_s=None, each_s=()):
    from measure import Measure

    return Measure(
        tool=tool,
        how="somehow",
        includes="everything",
        submissions=submissions,
        wall_s=wall_s,
        cpu_s=wall_s / 2,
        single_cpu_s=None if single_wall_s is None else single_wall_s / 2,
        peak_mb=100.0,
        single_wall_s=single_wall_s,
        each_s=each_s,
    )


@pytest.mark.usefixtures("bench")
def test_headline_ratio_is_of_whole_batches_over_the_same_submissions():
    """Start-up counts on both sides; a peer measured over another number of submissions gets no headline."""
    import report

    ours = a_measure("autograde", submissions=6, wall_s=6.0, single_wall_s=5.0)
    same = a_measure("nbgrader", submissions=6, wall_s=36.0, single_wall_s=11.0)
    other = a_measure("otter api", submissions=3, wall_s=30.0)
    found = report.ratios(report.Report("quick", {}, measures=[ours, same, other]))
    assert {(one.peer, one.what): pytest.approx(one.value) for one in found} == {
        ("nbgrader", "whole batch"): 6.0,
        ("nbgrader", "whole batch, CPU"): 6.0,
        ("nbgrader", "one more submission"): 25.0,
        ("nbgrader", "one more submission, CPU"): 25.0,
    }


@pytest.mark.usefixtures("bench")
def test_nothing_is_derived_from_what_was_not_measured():
    """Without ours there is no ratio, and no overhead or start-up either."""
    import report

    found = report.Report("quick", {"cores": "2"}, measures=[a_measure("nbgrader", submissions=6, wall_s=36.0)])
    assert report.ratios(found) == []
    assert report.derived(found) == {}
    assert "Times as long" not in report.as_markdown(found)


@pytest.mark.usefixtures("bench")
def test_overhead_compares_each_submission_with_itself():
    """The overhead is the median of the differences, not the difference of medians."""
    import report

    ours = a_measure("autograde", submissions=3, wall_s=9.0, each_s=(1.0, 2.0, 3.0))
    floor = a_measure("floor", submissions=3, wall_s=9.0, each_s=(0.9, 1.5, 0.5))
    assert report.overhead_s(ours, floor) == pytest.approx(0.5)
    assert report.start_up_s(ours) == pytest.approx(3.0)


@pytest.mark.usefixtures("bench")
def test_failed_steps_are_in_the_report():
    """A reader of the page alone learns that a step failed."""
    import report

    page = report.as_markdown(report.Report("quick", {}, failures=["nbgrader: ran past 60 s and was ended"]))
    assert "Failed steps" in page
    assert "ran past 60 s" in page


@pytest.mark.usefixtures("bench")
def test_a_tool_that_scores_wrongly_gets_no_time():
    """A missing submission and a wrong score are failures of the step."""
    import assignment
    import measure
    import process

    handed_in = assignment.submissions(2)
    right = {one.owner: one.expected for one in handed_in}
    measure.verify("some tool", handed_in, right)
    with pytest.raises(process.StepFailedError, match="1 of 2 wrongly"):
        measure.verify("some tool", handed_in, {**right, "s001": right["s000"]})
    with pytest.raises(process.StepFailedError, match="2 of 2 wrongly"):
        measure.verify("some tool", handed_in, {})


@pytest.mark.usefixtures("bench")
def test_submissions_are_the_same_every_time_and_differ():
    """Shorter lists begin longer ones; each submission's bytes are its own; wrong ones lose one check."""
    import assignment

    many = assignment.submissions(24)
    assert assignment.submissions(6) == many[:6]
    assert len({one.source for one in many}) == 24
    assert {one.total for one in many} == {8.0, 10.0}


@pytest.mark.usefixtures("bench")
def test_a_command_that_hangs_is_ended_and_named(tmp_path):
    """The benchmark ends by itself, whatever a tool does."""
    import process

    program = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'import time; time.sleep(60)'])"
    with pytest.raises(process.StepFailedError, match=r"the hanging one.*ran past 1 s"):
        process.run((sys.executable, "-c", program), what="the hanging one", timeout_s=1, cwd=tmp_path)
