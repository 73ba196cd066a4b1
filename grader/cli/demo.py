"""The whole path on a made-up class: release, collect, grade, feedback, leaderboard."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

from rich.rule import Rule

from grader.batch import grade_assignment
from grader.batch.classroom import Member, make_class, write_inbox
from grader.cli.common import out, print_table
from grader.course import Assignment, Course
from grader.intake import collect
from grader.release import build_release, pack_release
from grader.reports import BatchRow, batch_table, publish_feedback, publish_leaderboard
from grader.store import Store


def run_demo(course: Course, folder: Path, *, slots: int | None) -> list[str]:
    """Run the demo in ``folder`` and give what did not come out as it must."""
    begin = time.monotonic()
    shutil.rmtree(folder, ignore_errors=True)
    store = Store(folder / "state")
    # Of a long course the first two: enough to see everything, and done in a minute.
    names = list(course.assignments)[:2]
    out.print(Rule(f"{course.name}: release", align="left"))
    for path in (*build_release(course, names), *pack_release(course, names, folder / "dist")):
        out.print(f"  {path}", markup=False)
    problems: list[str] = []
    pages: list[Path] = []
    for number, name in enumerate(reversed(names)):
        assignment = course.assignment(name)
        out.print(Rule(f"{assignment.title}: collect, grade, feedback, leaderboard", align="left"))
        # The first gets the whole zoo; of the others a few show that they work, and the demo stays under a minute.
        counts = (3, 4, True) if number == 0 else (1, 2, False)
        members = make_class(assignment, course.roster.students, right=counts[0], wrong=counts[1], hostile=counts[2])
        problems += _grade(course, assignment, members, store, folder, slots)
        pages += _publish(course, assignment, store, folder)
    out.print(Rule("where to look", align="left"))
    for page in pages:
        out.print(f"  {page}", markup=False)
    out.print(
        f"done in {time.monotonic() - begin:.0f} s; "
        + (f"{len(problems)} problems" if problems else "everything came out as it must")
    )
    return problems


def _grade(
    course: Course, assignment: Assignment, members: list[Member], store: Store, folder: Path, slots: int | None
) -> list[str]:
    inbox = folder / "inbox" / assignment.name
    write_inbox(members, inbox)
    taken = collect(course, assignment, inbox, store)
    out.print(f"  collected {len(taken.added) + len(taken.rejected)} submissions from {inbox}", markup=False)
    graded = {
        item.submission.owner: item.attempt.report for item in grade_assignment(course, assignment, store, slots=slots)
    }
    print_table(batch_table([BatchRow(m.owner, graded.get(m.owner), what=m.role) for m in members]))
    problems = []
    for member in members:
        report = graded.get(member.owner)
        problem = "was not graded" if report is None else member.judge(report)
        if problem:
            problems.append(f"{assignment.name}, {member.role}: {problem}")
    return problems


def _publish(course: Course, assignment: Assignment, store: Store, folder: Path) -> list[Path]:
    return [
        publish_feedback(course, assignment, store, folder / "feedback" / assignment.name)[0],
        publish_leaderboard(course, assignment, store, folder / "leaderboard" / assignment.name)[0],
    ]
