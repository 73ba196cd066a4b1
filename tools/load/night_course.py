"""What is handed in during the night of a deadline: a small course of its own, or the course's `backprop` with right and wrong work."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from grader.course import load_course
from grader.errors import AuthoringError
from grader.validation.variants import apply, read_variants
from tests.support.tiny import handed_in, write_course

ROOT = Path(__file__).resolve().parents[2]
SUITE = '''\
"""Hidden checks."""
import torch
from grader.checks import assert_close, points


@points(10)
def test_add(student):
    """`add` adds."""
    assert_close(student.add(torch.ones(2), torch.ones(2)), torch.full((2,), 2.0))


@points(5)
def test_mean(student):
    """`mean` averages."""
    assert_close(student.mean(torch.arange(4.0)), 1.5)
'''
#: What the students of one class hand in: by a student's number, the files.
Work = Callable[[int], dict[str, bytes]]


def write_class(root: Path, students: int, name: str) -> tuple[Path, Work]:
    """A course with so many students, and what each of them hands in; ``name`` is `tiny` or an assignment of the course."""
    if name != "tiny":
        return _from_course(root, students, name)
    roster = "".join(f"    - {{id: s{number}, name: Student {number}}}\n" for number in range(students))
    text = (
        "course: {name: Night, timezone: UTC}\nroster:\n  students:\n" + roster + "sandbox: {minimum: []}\n"
        "assignments:\n  tiny:\n    title: Tiny\n    due: 2030-01-01T00:00\n    files: [basics.py, plain.py]\n"
        "    profiles: {cpu: {limits: {wall_s: 120, cpu_s: 60, memory_mb: 512, check_s: 5, scratch_mb: 16, output_kb: 16}}}\n"
    )
    return write_course(root, suite=SUITE, course=text), lambda number: handed_in(f"# {number}\n")


def _from_course(root: Path, students: int, name: str) -> tuple[Path, Work]:
    """The course with one assignment, due in years, and a class of its own: every third is right, the others are all wrong."""
    raw: dict[str, Any] = yaml.safe_load((ROOT / "autograde.yml").read_text(encoding="utf-8"))
    wanted = {key: raw[key] for key in ("course", "sandbox") if key in raw}
    wanted["roster"] = {"students": [{"id": f"s{number}", "name": f"Student {number}"} for number in range(students)]}
    entry = raw["assignments"][name]
    entry.pop("released", None)
    wanted["assignments"] = {name: entry | {"due": "2030-01-01T00:00"}}
    for folder in ("assignments", "solutions"):
        shutil.copytree(ROOT / folder / name, root / folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    (root / "autograde.yml").write_text(yaml.safe_dump(wanted, sort_keys=False), encoding="utf-8")
    assignment = load_course(root / "autograde.yml").assignment(name)
    right = dict(assignment.solution_files())
    versions = [right]
    for variant in read_variants(assignment):
        if variant.kind == "wrong":
            try:
                versions.append(apply(variant, right))
            except AuthoringError:
                continue
    first = assignment.files[0]

    def handed(number: int) -> dict[str, bytes]:
        files = dict(versions[0 if number % 3 == 0 else 1 + number % (len(versions) - 1)])
        return files | {first: files[first] + f"\n# {number}\n".encode()}

    return root / "autograde.yml", handed
