"""The released bundles of the course's assignments, as a student unpacks and fills them."""

from __future__ import annotations

import shutil
from pathlib import Path

from grader.course import load_course

ROOT = Path(__file__).parents[2]
COURSE = load_course(ROOT / "autograde.yml")
NAMES = list(COURSE.assignments)


def in_bundle(name: str, files: dict[str, bytes], tmp_path: Path) -> Path:
    """The released bundle of an assignment, with ``files`` in place of its stubs."""
    bundle = tmp_path / name
    shutil.copytree(COURSE.assignment(name).release_folder, bundle)
    for file, data in files.items():
        (bundle / file).write_bytes(data)
    return bundle
