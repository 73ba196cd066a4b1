"""The course's secret, and the version of a grader."""

from __future__ import annotations

import os
import stat
from concurrent.futures import ThreadPoolExecutor

import pytest

from grader.course import course_secret, grader_version, load_course
from grader.errors import CourseError, StoreError


def test_secret_is_made_once_and_kept(tmp_path):
    """32 bytes, the same ever after, readable by the owner alone."""
    state = tmp_path / "new" / "state"
    secret = course_secret(state)
    assert len(secret) == 32
    assert course_secret(state) == secret
    assert stat.S_IMODE((state / "secret").stat().st_mode) == 0o600
    assert [path.name for path in state.iterdir()] == ["secret"]
    assert course_secret(tmp_path / "other") != secret


def test_two_first_uses_agree(tmp_path):
    """Of several processes that start at once one makes the secret, and all use it."""
    with ThreadPoolExecutor(8) as pool:
        found = set(pool.map(lambda _: course_secret(tmp_path), range(32)))
    assert len(found) == 1


@pytest.mark.parametrize("content", ["", "abc", "z" * 64, "\u00e9" * 64])
def test_damaged_secret_is_not_used(tmp_path, content):
    """A damaged secret is an error, never silently replaced: it would change everybody's held-out data."""
    (tmp_path / "secret").write_text(content, encoding="utf-8")
    with pytest.raises(StoreError, match="secret"):
        course_secret(tmp_path)
    assert (tmp_path / "secret").read_text(encoding="utf-8") == content


def version(root, profile="cpu"):
    return grader_version(load_course(root).assignment("backprop"), profile)


def replace(root, old, new):
    path = root / "autograde.yml"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("2026-12-04T23:59", "2026-12-05T23:59"),
        ("title: Backpropagation", "title: By hand"),
        ("title: Backpropagation", "title: Backpropagation\n    weight: 3"),
        ("title: Accuracy}", "title: Right, precision: 2}"),
        ("penalty_per_day: 0.1", "penalty_per_day: 0.2"),
        ("train: 4000", "train: 3000"),
        ("Grace Hopper", "Admiral Hopper"),
        ("{test_accuracy: {zero: 0.6, full: 0.9}, ", "{ test_accuracy: {full: 0.9, zero: 0.60},   "),
    ],
)
def test_what_does_not_grade_differently_keeps_the_version(tiny_course, old, new):
    """Dates, titles, weights, the leaderboard and other profiles must not grade anybody again."""
    before = version(tiny_course)
    replace(tiny_course, old, new)
    assert version(tiny_course) == before


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("wall_s: 30", "wall_s: 31"),
        ("zero: 0.6", "zero: 0.5"),
        ("epochs: 5", "epochs: 6"),
        ("train: 100", "train: 101"),
        ("modules: [torch]", "modules: [numpy]"),
        ("[backprop.py, hyperparams.py]", "[hyperparams.py, backprop.py]"),
    ],
)
def test_what_grades_differently_changes_the_version(tiny_course, old, new):
    """Limits, thresholds, budgets, data, rules and the files' order all count."""
    before = version(tiny_course)
    replace(tiny_course, old, new)
    assert version(tiny_course) != before


def test_version_covers_names_and_contents_of_files(tiny_course):
    """The hidden suite, the data beside it and the solution count, by name and content; caches do not."""
    hidden = tiny_course / "assignments" / "backprop" / "hidden"
    solution = tiny_course / "solutions" / "backprop"
    seen = [version(tiny_course)]
    assert len(seen[0]) == 16
    (hidden / "__pycache__").mkdir()
    (hidden / "__pycache__" / "x.pyc").write_bytes(b"x")
    os.utime(hidden / "test_it.py", (1, 1))
    assert version(tiny_course) == seen[0]
    (hidden / "probes.py").write_text("A = 1\n")
    seen.append(version(tiny_course))
    (hidden / "probes.py").rename(hidden / "probe.py")
    seen.append(version(tiny_course))
    (solution / "backprop.py").write_text("B = 1\n")
    seen.append(version(tiny_course))
    (tiny_course / "assignments" / "backprop" / "data").mkdir()
    (tiny_course / "assignments" / "backprop" / "data" / "weights.bin").write_bytes(b"1")
    seen.append(version(tiny_course))
    seen.append(version(tiny_course, "gpu"))
    assert len(set(seen)) == len(seen)
    with pytest.raises(CourseError, match="no profile"):
        version(tiny_course, "tpu")
