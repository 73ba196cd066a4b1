"""What workers can read is the interpreter and its libraries; nothing that students must not see may lie among them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from grader.errors import CourseError
from grader.sandbox.layers.rootfs import SYSTEM, library_folders


def refuse_visible(secrets: Iterable[Path]) -> None:
    """Make sure that none of ``secrets`` lies in what every worker can read.

    Raises:
        CourseError: one does; it names both folders.
    """
    shown = [Path(path).resolve() for path in (*SYSTEM, *library_folders()) if Path(path).is_dir()]
    for secret in secrets:
        place = secret.resolve()
        for folder in shown:
            if place == folder or folder in place.parents:
                raise CourseError(
                    f"{place} lies inside {folder}, which submissions can read: their Python and its libraries are there",
                    where=secret,
                    fix="move the course, its state and its solutions to a folder of their own, or use another"
                    " virtual environment",
                )
