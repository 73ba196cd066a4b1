"""Packs a release into one zip with our wheel in it: the same bytes each time, and proved clean as packed."""

from __future__ import annotations

import os
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from grader.errors import ReleaseError
from grader.files import write_file
from grader.release.build import WHEEL_NAME, assignment_secrets, read_folder
from grader.release.prove import prove_clean
from grader.release.wheel import own_wheel
from grader.release.zips import pack, unpack

if TYPE_CHECKING:
    from collections.abc import Sequence

    from grader.course import Assignment, Course


def pack_release(
    course: Course, names: Sequence[str], folder: Path, *, wheel: tuple[str, bytes] | None = None
) -> tuple[Path, ...]:
    """Write ``folder/NAME.zip`` for each assignment, from release/NAME/ as it is committed.

    Args:
        course: the course.
        names: assignments, as named in autograde.yml.
        folder: where the zips go; made where missing.
        wheel: file name and bytes of our wheel; packed from the running package where it is left out.

    Returns:
        The zips.

    Raises:
        CourseError: an unknown assignment.
        AuthoringError: an assignment's files are wrong.
        ReleaseError: nothing was released yet, the wheel cannot be packed, or the zip would give secrets away.

    """
    assignments = [course.assignment(name) for name in dict.fromkeys(names)]
    wheel = wheel or own_wheel()
    if wheel[0] != WHEEL_NAME:
        raise ReleaseError(
            f"the wheel is {wheel[0]}, the bundles' requirements.txt name {WHEEL_NAME}",
            fix="run `autograde release` again, with this installation",
        )
    packed = {}
    for item in assignments:
        files = read_folder(item.release_folder)
        if not files:
            raise ReleaseError(
                "nothing is released yet", where=item.release_folder, fix=f"run `autograde release {item.name}`"
            )
        data = pack({**files, f"wheels/{wheel[0]}": wheel[1]}, item.name, dated=_dated(item))
        # what is proved is what came out: the zip's own bytes, read back
        prove_clean(unpack(data), assignment_secrets(item), where=f"{item.name}.zip")
        packed[item.name] = data
    folder.mkdir(parents=True, exist_ok=True)
    # Whole, so that nobody downloads half a zip.
    return tuple(write_file(folder / f"{name}.zip", data) for name, data in packed.items())


def _dated(assignment: Assignment) -> datetime | None:
    """The time that a bundle's files show to a student: the same for the same release, whenever it is packed.

    SOURCE_DATE_EPOCH counts first, then `released` in autograde.yml, then the commit that last changed the release.
    """
    if (epoch := os.environ.get("SOURCE_DATE_EPOCH", "")).isdecimal():
        return datetime.fromtimestamp(int(epoch), UTC)
    if assignment.released is not None:
        return assignment.released
    asked = ["git", "log", "-1", "--format=%ct", "--", "."]
    try:
        done = subprocess.run(
            asked, cwd=assignment.release_folder, capture_output=True, text=True, timeout=20, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    when = done.stdout.strip()
    return datetime.fromtimestamp(int(when), UTC) if done.returncode == 0 and when.isdecimal() else None
