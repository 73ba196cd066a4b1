"""`defaults:` of autograde.yml: what it adds to which profile, who wins, and where its mistakes are reported."""

from __future__ import annotations

import pytest

from grader.course import grader_version, load_course
from grader.errors import CourseError

DEFAULTS = """\
defaults:
  limits: {processes: 32, wall_s: 70}
  profiles:
    cpu: {limits: {wall_s: 50, check_s: 9}, budget: {epochs: 1, width: 8}}
    gpu:
      device: cuda
      limits: {memory_mb: 8192}
      thresholds: {test_accuracy: {zero: 0.1, full: 0.2}}
    tpu: {limits: {wall_s: 1}}
assignments:
"""


def with_defaults(root, defaults=DEFAULTS):
    """The tiny course with ``defaults`` in front of its assignments."""
    path = root / "autograde.yml"
    path.write_text(path.read_text(encoding="utf-8").replace("assignments:\n", defaults, 1), encoding="utf-8")
    return path


def version(root, profile="cpu"):
    """The grader version of the first assignment."""
    return grader_version(load_course(root).assignment("backprop"), profile)


def line_of(path, text):
    """The 1-based line of the file that holds ``text``."""
    return next(n for n, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1) if text in line)


def test_the_value_nearest_to_the_assignment_wins(tiny_course):
    """Its own profile, then the default profile of that name, then the default limits, then Autograde's own."""
    course = load_course(with_defaults(tiny_course))
    cpu, gpu = (course.assignment("backprop").profile(name) for name in ("cpu", "gpu"))
    limits = cpu.limits
    assert (limits.wall_s, limits.check_s, limits.processes, limits.cpu_s) == (30, 9, 32, 60)
    assert (gpu.limits.wall_s, gpu.limits.memory_mb, gpu.limits.processes) == (70, 8192, 32)
    assert (cpu.device, gpu.device) == ("cpu", "cuda")


def test_budgets_and_thresholds_merge_by_key(tiny_course):
    """A default budget or threshold fills a gap; what the assignment has keeps its value."""
    course = load_course(with_defaults(tiny_course))
    cpu, gpu = (course.assignment("backprop").profile(name) for name in ("cpu", "gpu"))
    assert dict(cpu.budget) == {"epochs": 5, "rate": 0.1, "width": 8}
    assert (cpu.thresholds["test_accuracy"].full, gpu.thresholds["test_accuracy"].full) == (0.9, 0.2)


def test_a_default_profile_is_given_to_nobody_who_names_others(tiny_course):
    """An assignment has the profiles that it names; one that names none has all of the defaults."""
    course = load_course(with_defaults(tiny_course))
    assert list(course.assignment("backprop").profiles) == ["cpu", "gpu"]
    assert list(course.assignment("single").profiles) == ["cpu", "gpu", "tpu"]
    assert course.assignment("single").profile("tpu").limits.wall_s == 1


def test_default_limits_alone_reach_an_assignment_without_profiles(tiny_course):
    """Without default profiles it still has `cpu`, with the default limits."""
    course = load_course(with_defaults(tiny_course, "defaults: {limits: {wall_s: 7}}\nassignments:\n"))
    assert {name: item.limits.wall_s for name, item in course.assignment("single").profiles.items()} == {"cpu": 7}


@pytest.mark.parametrize(
    ("old", "new", "key", "what"),
    [
        ("processes: 32", "proceses: 32", "defaults.limits.proceses", "unknown key"),
        ("processes: 32", "processes: many", "defaults.limits.processes", "should be a whole number, is 'many'"),
        ("check_s: 9", "check_s: -9", "defaults.profiles.cpu.limits.check_s", "greater than 0, is -9"),
        ("device: cuda", "device: gpu", "defaults.profiles.gpu.device", "'gpu' is none of 'cpu' or 'cuda'"),
        ("device: cuda", "devise: cuda", "defaults.profiles.gpu.devise", "unknown key"),
        ("zero: 0.1", "zero: 0.2", "defaults.profiles.gpu.thresholds.test_accuracy", "are the same"),
        ("zero: 0.1, ", "", "defaults.profiles.gpu.thresholds.test_accuracy.zero", "missing"),
        ("limits: {processes: 32, wall_s: 70}", "limits: 7", "defaults.limits", "should be a mapping"),
        ("budget: {epochs: 1", "budget: {epochs: [1]", "defaults.profiles.cpu.budget.epochs", "single value"),
    ],
)
def test_a_mistake_in_the_defaults_is_reported_there_and_once(tiny_course, old, new, key, what):
    """The error names the line and key under `defaults`, however many assignments the value would have reached."""
    path = with_defaults(tiny_course)
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(CourseError) as caught:
        load_course(path)
    assert caught.value.what.startswith(f"{key}: ")
    assert what in caught.value.what
    assert "more:" not in caught.value.what
    line = line_of(path, new) if new else line_of(path, "thresholds: {test_accuracy: {full: 0.2}}")
    assert caught.value.where == f"{path}:{line}"


def test_a_mistake_of_the_assignment_is_reported_at_the_assignment(tiny_course):
    """Merging moves no line: what the assignment got wrong is named there, beside good defaults."""
    path = with_defaults(tiny_course)
    path.write_text(path.read_text(encoding="utf-8").replace("wall_s: 30", "wall_s: -30"), encoding="utf-8")
    with pytest.raises(CourseError, match=r"assignments\.backprop\.profiles\.cpu\.limits\.wall_s") as caught:
        load_course(path)
    assert caught.value.where == f"{path}:{line_of(path, 'wall_s: -30')}"


def test_the_version_follows_the_merged_profile(tiny_course):
    """A default that alters a profile changes that profile's version; one that is overridden, or elsewhere, does not."""
    path = with_defaults(tiny_course)
    before = version(path), version(path, "gpu")
    text = path.read_text(encoding="utf-8")
    for old, new, changed in (
        ("wall_s: 50", "wall_s: 51", (False, False)),  # the assignment's own wall_s is 30
        ("epochs: 1", "epochs: 2", (False, False)),
        ("tpu: {limits: {wall_s: 1}}", "tpu: {limits: {wall_s: 2}}", (False, False)),
        ("check_s: 9", "check_s: 8", (True, False)),
        ("processes: 32", "processes: 33", (True, True)),
        ("device: cuda", "device: cpu", (False, True)),
    ):
        path.write_text(text.replace(old, new, 1), encoding="utf-8")
        found = version(path) != before[0], version(path, "gpu") != before[1]
        assert found == changed, (old, new)


def test_writing_a_value_out_or_taking_it_from_the_defaults_is_the_same_version(tiny_course):
    """Moving what assignments repeat into the defaults grades nobody again."""
    before = version(tiny_course), version(tiny_course, "gpu")
    path = with_defaults(tiny_course, "defaults: {profiles: {cpu: {limits: {wall_s: 30}}}}\nassignments:\n")
    text = path.read_text(encoding="utf-8").replace("        limits: {wall_s: 30}\n        thresh", "        thresh")
    path.write_text(text, encoding="utf-8")
    assert (version(path), version(path, "gpu")) == before
