"""Whether a loaded machine costs anybody a point, and whether the first submission of a slot pays for the others.

Run by hand; each part ends by itself, and exits with 1 where the answer is bad:

    python -m tools.load.measure points pytorch_basics --submissions 100 --loops 4
    python -m tools.load.measure first backprop --submissions 4

`points` grades right submissions (the solution and every right variant, in turn) beside busy loops, so many a core, and
lists every point that one lost. `first` grades the solution several times on one slot, and compares what each check takes
of the worker's processor time: the limits of checks count nothing else, so neither part asserts anything of wall time.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from statistics import median

from grader.course import Assignment, Course, load_course
from grader.grading.executor import open_executor
from grader.grading.slot import Slot, Work
from grader.grading.tasks import GradeTask
from grader.records import Report
from grader.validation.variants import apply, read_variants

ROOT = Path(__file__).parents[2]
#: Ends by itself, at its time or with whoever started it.
_LOOP = """\
import os, sys, time
end, parent = time.monotonic() + float(sys.argv[1]), os.getppid()
while time.monotonic() < end and os.getppid() == parent:
    sum(range(100_000))
"""
#: What one check may take more of processor time as the first one: ticks are 10 ms, caches are cold, neighbours are loud.
SPARE_S = 0.25
FACTOR = 2.0


@contextlib.contextmanager
def busy_loops(each: int, seconds: float) -> Iterator[None]:
    """``each`` busy loops a core, for the length of the block and for ``seconds`` at most."""
    count = each * len(os.sched_getaffinity(0))
    loops = [subprocess.Popen([sys.executable, "-c", _LOOP, str(seconds)]) for _ in range(count)]
    try:
        yield
    finally:
        for loop in loops:
            loop.kill()
            loop.wait()


def solution_of(assignment: Assignment) -> dict[str, bytes]:
    """The files of the solution, as a student hands them in."""
    return {file: (assignment.solution_folder / file).read_bytes() for file in assignment.files}


def right_answers(assignment: Assignment) -> dict[str, dict[str, bytes]]:
    """The solution and every right variant of it, by name."""
    files = solution_of(assignment)
    variants = [variant for variant in read_variants(assignment) if variant.kind == "right"]
    return {"solution": files} | {variant.name: apply(variant, files) for variant in variants}


def grade_under_load(
    course: Course, assignment: Assignment, count: int, *, loops: int, slots: int, at_most: float
) -> dict[str, Report]:
    """Reports of ``count`` right submissions, by number and name; fewer where ``at_most`` seconds are over before."""
    work = Work(course, assignment, assignment.profile("cpu"), course.state)
    names = list(itertools.islice(itertools.cycle(right_answers(assignment).items()), count))
    end = time.monotonic() + at_most

    def tasks() -> Iterator[GradeTask]:
        for number, (_, files) in enumerate(names):
            if time.monotonic() < end:
                yield GradeTask(number, files, None)

    with busy_loops(loops, 2 * at_most), contextlib.closing(open_executor("local", work, slots)) as executor:
        return {f"{done.key + 1} {names[done.key][0]}": done.answer for done in executor.run(tasks())}


def lost_points(report: Report) -> list[str]:
    """What a right submission lost, or waits for: a line a check."""
    return [
        f"{check.id}: {check.verdict.value}, {check.score} of {check.max_score:g}; {check.message} {check.staff}".strip()
        for check in report.checks
        if check.score != check.max_score
    ]


class _TimedSlot(Slot):
    RUNNER = "tools.load.timed_runner"


def times_by_case(
    work: Work, submissions: Sequence[Mapping[str, bytes]]
) -> tuple[list[Report], list[dict[str, float]]]:
    """Reports, and processor seconds by case, of one submission after another on a slot that begins with the first."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "times.jsonl"
        os.environ["AUTOGRADE_CASE_TIMES"] = str(path)
        slot = _TimedSlot(work)
        try:
            reports = [slot.grade(dict(files), None, 1) for files in submissions]
        finally:
            slot.close()
            del os.environ["AUTOGRADE_CASE_TIMES"]
        return reports, [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def costlier_at_first(times: Sequence[Mapping[str, float]]) -> dict[str, tuple[float, float]]:
    """The cases that take the first submission clearly more than later ones, with both times."""
    first, *later = times
    usual = {case: median(found.get(case, 0.0) for found in later) for case in first}
    return {case: (seconds, usual[case]) for case, seconds in first.items() if seconds > FACTOR * usual[case] + SPARE_S}


def main() -> int:
    """Run one part."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", choices=["points", "first"])
    parser.add_argument("assignment")
    parser.add_argument("--submissions", type=int, default=6)
    parser.add_argument("--loops", type=int, default=4, help="busy loops a core (points)")
    parser.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)), help="submissions at a time (points)")
    parser.add_argument(
        "--at-most", type=float, default=1200, help="seconds after which no further one is begun (points)"
    )
    arguments = parser.parse_args()
    course = load_course(ROOT)
    assignment = course.assignment(arguments.assignment)
    if arguments.part == "first":
        work = Work(course, assignment, assignment.profile("cpu"), course.state)
        _, times = times_by_case(work, [solution_of(assignment)] * max(arguments.submissions, 2))
        bad = costlier_at_first(times)
        for number, found in enumerate(times, start=1):
            slowest = max(found, key=lambda case: found[case])
            print(
                f"submission {number}: {sum(found.values()):.2f} CPU s, most of them {found[slowest]:.2f} in {slowest}"
            )
        for case, (seconds, usual) in bad.items():
            print(f"{case}: {seconds:.2f} CPU s at first, {usual:.2f} later")
        print(f"{len(bad)} of {len(times[0])} cases cost the first submission more")
        return int(bool(bad))
    begin = time.monotonic()
    reports = grade_under_load(
        course,
        assignment,
        arguments.submissions,
        loops=arguments.loops,
        slots=arguments.jobs,
        at_most=arguments.at_most,
    )
    lost = sum(report.max_score - (report.score or 0.0) for report in reports.values())
    for name, report in reports.items():
        for line in lost_points(report):
            print(f"{name}: {line}")
    print(
        f"{assignment.name}: {len(reports)} of {arguments.submissions} right submissions graded beside {arguments.loops} "
        f"busy loops a core in {time.monotonic() - begin:.0f} s (load {os.getloadavg()[0]:.0f}): {lost:g} points lost"
    )
    return int(bool(lost) or len(reports) < arguments.submissions)


if __name__ == "__main__":
    sys.exit(main())
