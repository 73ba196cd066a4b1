"""What a slot on another machine needs of a course to grade one assignment, as bytes, and how it is laid out there.

In a parcel are the assignment's folder without its variants, its solution, what autograde.yml says of its grading, and
the course's secret, without which no held-out data could be drawn. The roster, dates, policies, submissions, results and
the store's address are not. Who has a parcel can read the hidden suite, as any machine that grades can; nobody can
write a grade with it.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import platform
import shutil
import tempfile
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import yaml

from grader import __version__
from grader.course import Assignment, Course, course_secret, grader_version
from grader.course.constants import anonymous
from grader.course.identity import CACHES
from grader.course.yaml_lines import read_marked
from grader.errors import MachineError
from grader.files import write_file
from grader.grading.messages import pack, unpack
from grader.grading.slot import Work

#: How folders begin in which parcels lie, before the id of the process that unpacked one.
_PREFIX = "autograde-agent-"
#: What of an assignment's section a runner reads; the leaderboard says of a metric whether more of it is better.
_KEYS = ("title", "files", "forbid", "upload", "data", "profiles", "leaderboard", "constants", "constants_since")
#: With another version of these a report may differ.
_PACKAGES = ("torch", "torchvision", "numpy")


def make_parcel(work: Work) -> bytes:
    """The parcel of a work: the same bytes as long as nothing of it changes.

    Raises:
        StoreError: the course's secret cannot be read.
        OSError: a file of the assignment cannot be.
    """
    files = {
        "course/autograde.yml": course_text(work.course, work.assignment).encode(),
        "state/secret": course_secret(work.state).hex().encode() + b"\n",
        **{f"course/{name}": content for name, content in assignment_files(work.assignment).items()},
    }
    return pack(
        {
            "assignment": work.assignment.name,
            "profile": work.profile.name,
            "version": grader_version(work.assignment, work.profile.name),
            "software": software(),
            "files": files,
        }
    )


def parcel_id(parcel: bytes) -> str:
    """32 hexadecimal digits that two works share only if they grade alike."""
    return hashlib.sha256(parcel).hexdigest()[:32]


@contextlib.contextmanager
def unpacked(parcel: bytes) -> Iterator[Work]:
    """The work of a parcel, in a private folder of this machine that is removed afterwards.

    Raises:
        MachineError: the software here is not the coordinator's, so reports might differ from what it makes.
        CourseError: what is in the parcel is no course.
    """
    message = unpack(parcel)
    compare_software(message["software"])
    _sweep()
    folder = Path(
        tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-")
    )  # mode 0700: what is below cannot be reached either
    try:
        for name, content in message["files"].items():
            path = folder / name
            write_file(path, content, mode=0o600)
        work = Work.from_config(
            {
                "course": str(folder / "course" / "autograde.yml"),
                "assignment": message["assignment"],
                "profile": message["profile"],
                "state": str(folder / "state"),
            }
        )
        here = grader_version(work.assignment, work.profile.name)
        if here != message["version"]:
            raise MachineError(
                f"this machine makes grader version {here} of what the coordinator calls {message['version']}",
                where=platform.node(),
                fix="install the same Autograde on both",
            )
        yield work
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _sweep() -> None:
    """Remove what processes left that were killed."""
    for left in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        owner = left.name.removeprefix(_PREFIX).partition("-")[0]
        if owner.isdigit() and not Path("/proc", owner).exists():
            shutil.rmtree(left, ignore_errors=True)


def software() -> dict[str, str]:
    """The versions on which a report depends; those of packages without the suffix of their build."""
    found = {"autograde": __version__, "python": ".".join(platform.python_version_tuple()[:2])}
    for name in _PACKAGES:
        with contextlib.suppress(PackageNotFoundError):
            found[name] = version(name).partition("+")[0]
    return found


def compare_software(theirs: dict[str, str]) -> None:
    """Make sure that this machine has the coordinator's software.

    Raises:
        MachineError: something has another version, or is missing.
    """
    ours = software()
    wrong = [
        f"{name} {ours.get(name, 'missing')} (there: {want})" for name, want in theirs.items() if ours.get(name) != want
    ]
    if wrong:
        raise MachineError(
            f"this machine has other software than the coordinator: {', '.join(wrong)}",
            where=platform.node(),
            fix="install the same versions on both, or start the agent from the coordinator's environment",
        )


def assignment_files(assignment: Assignment) -> dict[str, bytes]:
    """The assignment's folder and its solution, by path below the course's; without caches and what measures a grader."""
    found = {}
    for folder in (assignment.folder, assignment.solution_folder):
        for path in sorted(folder.rglob("*")):
            parts = path.relative_to(folder).parts
            if path.is_symlink() or not path.is_file() or CACHES.intersection(parts):
                continue
            if parts[0] not in ("variants", "variants.yml"):
                found[path.relative_to(assignment.root).as_posix()] = path.read_bytes()
    return found


def course_text(course: Course, assignment: Assignment) -> str:
    """autograde.yml with what grading this assignment reads, and nothing else."""
    data: dict[str, Any] = read_marked(course.path).data
    section = data["assignments"][assignment.name]
    kept: dict[str, Any] = {"course": {"name": data["course"]["name"]}}
    kept |= {key: data[key] for key in ("defaults", "sandbox") if key in data}
    entry = {key: section[key] for key in _KEYS if key in section}
    for name, constant in assignment.constants.items():
        if constant.given:
            entry["constants"] = {
                **entry["constants"],
                name: {**entry["constants"][name], "given": anonymous(constant.given)},
            }
    kept["assignments"] = {assignment.name: entry}
    return str(yaml.safe_dump(kept, sort_keys=False, allow_unicode=True, width=4096))
