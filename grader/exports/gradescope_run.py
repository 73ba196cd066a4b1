"""What runs in Gradescope's container: one submission is graded, and results.json is written.

``python -m grader.exports.gradescope_run NAME --submission FOLDER --out results.json``. Where grading itself fails no results are
written and the exit code is not zero: Gradescope then says that the autograder failed, and no student has a zero.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from grader.course import load_course
from grader.errors import AutogradeError, MachineError
from grader.exports.gradescope_results import as_json, results
from grader.files import write_file
from grader.records import Report

#: Where Linux says how much memory a container may use: control groups of version 2, and of version 1.
_LIMITS = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))


def main(arguments: Sequence[str] | None = None) -> int:
    """Grade; the exit code is 0 where results were written."""
    parser = argparse.ArgumentParser(description="Grade one submission in Gradescope's container.")
    parser.add_argument("name", help="the assignment")
    parser.add_argument("--submission", type=Path, required=True, help="the student's files")
    parser.add_argument("--out", type=Path, required=True, help="where results.json goes")
    parser.add_argument("--course", type=Path, default=Path(), help="the course's folder")
    parser.add_argument("--profile", default="cpu", help="budget to grade under")
    parser.add_argument("--memory", type=int, default=0, help="megabytes that grading needs")
    options = parser.parse_args(arguments)
    try:
        check_memory(options.memory)
        report = grade(options.name, options.submission, options.course, options.profile)
        course = load_course(options.course)
        if report.held:
            sys.stdout.write(f"{_staff(report)}\n")
            return 1
        write_file(options.out, as_json(results(report, course.assignment(options.name).leaderboard)))
    except AutogradeError as error:
        sys.stdout.write(f"error: {error}\n")
        return error.exit_code
    return 0


def grade(name: str, submission: Path, course: Path, profile: str) -> Report:
    """The report of the files in ``submission``.

    Raises:
        AutogradeError: grading cannot begin.
    """
    from grader.grading import grade_upload
    from grader.intake import read_submission

    loaded = load_course(course)
    return grade_upload(loaded, loaded.assignment(name), read_submission(submission), profile=profile)


def check_memory(needed_mb: int, limits: Sequence[Path] | None = None) -> None:
    """Refuse a container that is too small, rather than let the kernel end the grader in the middle.

    Raises:
        MachineError: the container has less than ``needed_mb`` megabytes.
    """
    for path in _LIMITS if limits is None else limits:
        try:
            text = path.read_text(encoding="ascii").strip()
        except OSError:
            continue
        if text.isdigit() and int(text) < needed_mb * 2**20:
            raise MachineError(
                f"the container has {int(text) // 2**20} MB of memory, and grading needs {needed_mb} MB",
                fix="in Gradescope: Configure Autograder, Container Specifications, choose more memory",
            )


def _staff(report: Report) -> str:
    held = [f"{check.id}: {check.verdict.value}\n{check.staff}" for check in report.checks if check.verdict.held]
    return "\n".join([f"not graded: {report.verdict.value}", *held])


if __name__ == "__main__":
    sys.exit(main())
