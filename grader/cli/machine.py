"""``doctor`` and ``demo``: what this machine can do, and the whole path on a made-up class."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from grader.cli.common import CourseOption, JobsOption, JsonOption, command, err, out, print_json


@command
def doctor(course: CourseOption = None, as_json: JsonOption = False) -> None:
    """Say which sandbox layers this machine has, and whether hidden grading may run on it."""
    from grader.course import load_course
    from grader.course.load import find_course_file
    from grader.errors import CourseError
    from grader.sandbox.doctor import examine

    try:
        found = course or find_course_file()
    except CourseError:
        found = None
    minimum = load_course(found).sandbox.minimum if found else ("landlock", "seccomp")
    findings = examine(minimum)
    if as_json:
        print_json(
            {"fit": findings.fit, "layers": list(findings.layers), "findings": [f.as_dict() for f in findings.items]}
        )
    else:
        marks = {"ok": "[green]ok[/green]     ", "missing": "[yellow]missing[/yellow]", "bad": "[red]bad[/red]    "}
        for item in findings.items:
            out.print(f"{marks[item.state]}  {item.name}: {item.text}".replace("[/", "[/"))
            if item.mend:
                out.print(f"         to mend it: {item.mend}", markup=False)
        out.print("hidden grading can run here" if findings.fit else "hidden grading must not run here")
    if not findings.fit:
        raise typer.Exit(3)


@command
def demo(
    to: Annotated[Path, typer.Option("--out", metavar="DIR", help="where the demo works")] = Path("build/demo"),
    jobs: JobsOption = None,
    course: CourseOption = None,
) -> None:
    """Take a made-up class from release to leaderboard."""
    from grader.cli.demo import run_demo
    from grader.course import load_course

    problems = run_demo(load_course(course), to, slots=jobs)
    for problem in problems:
        err.print(f"not as it should be: {problem}", markup=False)
    if problems:
        raise typer.Exit(1)
