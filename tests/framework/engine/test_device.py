"""`device: cuda` in a profile: a machine without CUDA is refused, in words, before anything is graded."""

from __future__ import annotations

import pytest
import torch

from grader.course import load_course
from grader.engine.device import require_device
from grader.errors import MachineError
from grader.grading import grade_uploads
from grader.grading.slot import Slot, Work
from grader.intake import Upload
from grader.records import Verdict
from tests.support import tiny

pytestmark = [pytest.mark.torch, pytest.mark.runner]

GPU = "    profiles:\n      big: {device: cuda}\n"


@pytest.fixture
def course(tmp_path):
    """The tiny course with a profile `big` that wants CUDA."""
    root = tiny.write_course(tmp_path, course=tiny.COURSE.replace("    profiles:\n", GPU))
    return load_course(root)


def test_a_profile_that_wants_cuda_refuses_a_machine_without(course, monkeypatch):
    """The error has exit code 3, names the key and the profiles that this machine can grade, whatever the profile's name."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assignment = course.assignment("tiny")
    with pytest.raises(MachineError) as caught:
        require_device(assignment, assignment.profile("big"))
    assert caught.value.exit_code == 3
    assert caught.value.where == "autograde.yml: assignments.tiny.profiles.big.device"
    assert "--profile cpu" in caught.value.fix
    require_device(assignment, assignment.profile("cpu"))


def test_a_profile_that_wants_cuda_accepts_a_machine_that_has_it(course, monkeypatch):
    """Where torch finds a device, nothing is said."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assignment = course.assignment("tiny")
    require_device(assignment, assignment.profile("big"))


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has CUDA")
def test_a_batch_ends_before_it_begins(course, tmp_path):
    """The runner says so when it starts: no submission is graded on the CPU without a word."""
    assignment = course.assignment("tiny")
    slot = Slot(Work(course, assignment, assignment.profile("big"), tmp_path / "state"))
    try:
        with pytest.raises(MachineError, match=r"needs a GPU \(device: cuda\)"):
            slot.start()
    finally:
        slot.close()


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has CUDA")
def test_a_profile_may_have_calls_for_a_gpu_come_to_the_processor(tmp_path):
    """With `cuda_calls: cpu` who writes `.cuda()` has full marks and a note; without, the message says what is missing."""
    code = "\ndef add(x, y):\n    return (x.cuda() + y.to('cuda:0')).cpu()\n"
    told = []
    for place, line in (("mapped", "      cpu:\n        cuda_calls: cpu\n"), ("plain", "      cpu:\n")):
        course = load_course(tiny.write_course(tmp_path / place, course=tiny.COURSE.replace("      cpu:\n", line)))
        uploads = [Upload(tiny.handed_in(code)), Upload(tiny.handed_in())]
        reports = grade_uploads(course, course.assignment("tiny"), uploads, slots=1)
        assert reports[1].verdict is Verdict.ACCEPTED
        assert not reports[1].message
        told.append(reports[0])
    mapped, plain = told
    assert (mapped.verdict, mapped.score) == (Verdict.ACCEPTED, mapped.max_score)
    assert "ran on the CPU" in mapped.message
    lost = [check for check in plain.checks if check.verdict is Verdict.RUNTIME_ERROR]
    assert [check.id for check in lost] == ["test_add", "test_add_probe"]
    assert "The grader has no GPU" in lost[0].message
    assert mapped.grader_version != plain.grader_version
