"""``autograde init``: a whole course in an empty folder, with a roster and an assignment that validates.

Everything is written into a folder beside the target first and checked there. So a name that cannot be one, or a roster with a
conflict, leaves nothing behind.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import zoneinfo
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from grader import DISTRIBUTION, __version__
from grader.authoring.packaged import Taken, take
from grader.authoring.scaffold import add_assignment, course_values, filled, with_entries
from grader.course import FILE_NAME, Student, load_course
from grader.course.roster import Roster
from grader.errors import CourseError, UsageError

Ci = Literal["github", "gitlab", "none"]
#: Where each service looks for its steps.
CI_FILES = {"github": ".github/workflows/autograde.yml", "gitlab": ".gitlab-ci.yml"}
#: What may lie in the folder before: what tools and people put into a folder that they are about to start in.
_HARMLESS = (".git", ".venv", ".idea", ".vscode", ".python-version")


@dataclass(frozen=True)
class CourseStart:
    """What a course begins with. ``roster`` is a platform's list or a CSV; ``given`` are assignments of the course that comes along."""

    name: str = "My course"
    timezone: str = "UTC"
    assignment: str | None = "warm_up"
    roster: Path | None = None
    given: Sequence[str] = ()
    ci: Ci = "github"


@dataclass(frozen=True)
class Started:
    """What was written: the folder, its files, the assignments, how many students, and who was left out of the list."""

    folder: Path
    files: tuple[str, ...]
    kept: tuple[str, ...]
    assignments: tuple[str, ...]
    students: int
    left_out: tuple[str, ...]
    weights: bool


def start_course(folder: Path, start: CourseStart) -> Started:
    """Write a course into ``folder``, which is made where it is missing. A file that is already there stays as it is.

    Raises:
        CourseError: there is a course in the folder already, or it cannot be written.
        UsageError: the time zone is unknown, the roster has conflicts, or there is no assignment of a name in ``given``.
        AuthoringError: the assignment's name cannot be one.
    """
    if (folder / FILE_NAME).exists():
        raise CourseError(
            "there is a course here already", where=folder / FILE_NAME, fix="add to it with `autograde new NAME`"
        )
    if start.timezone not in zoneinfo.available_timezones():
        raise UsageError(
            f"unknown time zone {start.timezone!r}", where="--timezone", fix="write one such as Europe/Berlin, or UTC"
        )
    if start.assignment is None and not start.given:
        raise UsageError("a course has at least one assignment", fix="name one with --assignment or --with")
    taken = take(start.given) if start.given else Taken((), "", "")
    students, left_out = _students(start.roster)
    folder = folder.absolute()
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{folder.name[:40]}-", dir=folder.parent) as aside:
            _write(Path(aside), start, taken, students)
            written, kept = _move(Path(aside), folder)
    except OSError as error:
        raise CourseError(f"cannot be written: {error.strerror}", where=folder, fix="choose another folder") from error
    course = load_course(folder)
    return Started(
        folder,
        written,
        kept,
        tuple(course.assignments),
        len(course.roster.students),
        left_out,
        "weights.txt" in taken.files,
    )


def local_timezone() -> str:
    """The IANA name of this machine's time zone; UTC where it cannot be told."""
    for name in (os.environ.get("TZ", ""), os.path.realpath("/etc/localtime").partition("zoneinfo/")[2]):
        if name in zoneinfo.available_timezones():
            return name
    return "UTC"


def _students(path: Path | None) -> tuple[Sequence[Student], tuple[str, ...]]:
    if path is None:
        return (), ()
    from grader.exports import compare_roster, read_table

    diff = compare_roster(read_table(path), Roster())
    if diff.conflicts:
        told = "; ".join(f"line {conflict.line}: {conflict.what}" for conflict in diff.conflicts[:5])
        raise UsageError(f"the list of students has conflicts: {told}", where=path, fix=diff.conflicts[0].fix)
    return diff.added, tuple(diff.left_out)


def _write(root: Path, start: CourseStart, taken: Taken, students: Sequence[Student]) -> None:
    """The whole course below ``root``, checked by loading it."""
    path = root / FILE_NAME
    text = filled("course.yml", course_values(start.name, start.timezone, students))
    if taken.defaults:
        text = text.replace("assignments:\n", f"{taken.defaults}\nassignments:\n")
    if taken.entries:
        text = with_entries(text, taken.entries, path)
    for name, content in taken.files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content)
    if start.assignment is None:
        path.write_text(text, encoding="utf-8")
    else:
        add_assignment(start.assignment, path, text)
    for template, name in (("gitignore", ".gitignore"), ("course_readme.md", "README.md")):
        (root / name).write_text(_text(template, start), encoding="utf-8")
    if start.ci != "none":
        steps = root / CI_FILES[start.ci]
        steps.parent.mkdir(parents=True, exist_ok=True)
        steps.write_text(_text(f"{start.ci}.yml", start), encoding="utf-8")
    load_course(path)


def _text(template: str, start: CourseStart) -> str:
    values = {
        "course": start.name,
        "distribution": DISTRIBUTION,
        "version": __version__,
        "example": start.assignment or next(iter(start.given)),
    }
    return filled(template, values)


def _move(source: Path, folder: Path) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Move what was written into ``folder``, the course file last; what is already there stays."""
    written, kept = [], []
    paths = sorted((path for path in source.rglob("*") if path.is_file()), key=lambda path: path.name == FILE_NAME)
    names = [path.relative_to(source).as_posix() for path in paths]
    taken = [name for name in names if (folder / name).exists() and name.startswith(("assignments/", "solutions/"))]
    if taken:
        raise CourseError("there is such a file already", where=folder / taken[0], fix="choose an empty folder")
    for path, name in zip(paths, names, strict=True):
        target = folder / name
        if target.exists():
            kept.append(name)
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
        written.append(name)
    return tuple(written), tuple(kept)
