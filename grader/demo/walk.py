"""The whole path on a made-up class: release, collect, grade, feedback, leaderboard. It yields what happens, for others to print."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from grader.authoring.packaged import missing_weights, packaged_course
from grader.course import FILE_NAME, Assignment, Course
from grader.demo.classroom import Member, make_class, write_inbox
from grader.grading import grade_assignment
from grader.intake import collect
from grader.release import build_release, pack_release
from grader.reports import BatchRow, publish_feedback, publish_leaderboard
from grader.store import Store

#: An assignment with a profile of this name is graded under it, in the demo and nowhere else.
PROFILE = "demo"


@dataclass(frozen=True, slots=True)
class Stage:
    """A part of the walk begins."""

    title: str


@dataclass(frozen=True, slots=True)
class Wrote:
    """Something was written that a person may want to open."""

    path: Path


@dataclass(frozen=True, slots=True)
class Collected:
    """An inbox was read: how many submissions came out of it."""

    submissions: int
    inbox: Path


@dataclass(frozen=True, slots=True)
class AssignmentGraded:
    """An assignment was graded: one row a member, and what did not come out as it must."""

    rows: tuple[BatchRow, ...]
    problems: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Finished:
    """The end: the pages to look at, how long it took in seconds, and every problem."""

    pages: tuple[Path, ...]
    seconds: float
    problems: tuple[str, ...]


Event = Stage | Wrote | Collected | AssignmentGraded | Finished


def copy_packaged_course(folder: Path) -> Path:
    """Copy the course that comes along to ``folder``, in place of an earlier copy; give its course file.

    Where it is installed it cannot be used: nothing is written there, and submissions could read it.

    Raises:
        CourseError: this installation has none.
    """
    source = packaged_course()
    shutil.rmtree(folder, ignore_errors=True)
    ignored = shutil.ignore_patterns("__pycache__", ".pytest_cache")
    for name in ("assignments", "solutions"):
        shutil.copytree(source / name, folder / name, ignore=ignored)
    return Path(shutil.copyfile(source / FILE_NAME, folder / FILE_NAME))


def walk(course: Course, folder: Path, *, slots: int | None) -> Iterator[Event]:
    """Run the demo in ``folder``; the last event is :class:`Finished`."""
    begin = time.monotonic()
    shutil.rmtree(folder, ignore_errors=True)
    store = Store(folder / "state")
    # Of a long course the first two: enough to see everything, and done in a minute. What has a profile for the demo comes on top.
    names = list(course.assignments)[:2]
    small = [name for name, item in course.assignments.items() if PROFILE in item.profiles and name not in names]
    # Without the weights that its handout asks for, not even the solution could be imported.
    small = [name for name in small if not missing_weights(course.assignment(name).folder / "README.md")]
    yield Stage(f"{course.name}: release")
    for path in (*build_release(course, names), *pack_release(course, names, folder / "dist")):
        yield Wrote(path)
    problems: list[str] = []
    pages: list[Path] = []
    for number, name in enumerate((*reversed(names), *small)):
        assignment = course.assignment(name)
        yield Stage(f"{assignment.title}: collect, grade, feedback, leaderboard")
        # The first gets the whole zoo; of the others a few show that they work, and the demo stays under a minute.
        counts = (3, 4, True) if number == 0 else (1, 2, False) if name in names else (1, 1, False)
        members = make_class(
            assignment,
            course.roster.students,
            right=counts[0],
            wrong=counts[1],
            hostile=counts[2],
            telling=name in small,
        )
        inbox = folder / "inbox" / assignment.name
        write_inbox(members, inbox)
        taken = collect(course, assignment, inbox, store)
        yield Collected(len(taken.added) + len(taken.rejected), inbox)
        graded = _grade(course, assignment, members, store, slots, profile=PROFILE if name in small else "cpu")
        problems += graded.problems
        yield graded
        pages += _publish(course, assignment, store, folder)
    yield Finished(tuple(pages), time.monotonic() - begin, tuple(problems))


def _grade(
    course: Course, assignment: Assignment, members: list[Member], store: Store, slots: int | None, *, profile: str
) -> AssignmentGraded:
    graded = grade_assignment(course, assignment, store, profile=profile, slots=slots)
    reports = {item.submission.owner: item.attempt.report for item in graded}
    problems = []
    for member in members:
        report = reports.get(member.owner)
        problem = "was not graded" if report is None else member.judge(report)
        if problem:
            problems.append(f"{assignment.name}, {member.role}: {problem}")
    rows = tuple(BatchRow(member.owner, reports.get(member.owner), what=member.role) for member in members)
    return AssignmentGraded(rows, tuple(problems))


def _publish(course: Course, assignment: Assignment, store: Store, folder: Path) -> list[Path]:
    return [
        publish_feedback(course, assignment, store, folder / "feedback" / assignment.name)[0],
        publish_leaderboard(course, assignment, store, folder / "leaderboard" / assignment.name)[0],
    ]
