"""Writes how the reference trains, by profile and check, into an assignment's hidden/curves.json: what feedback draws beside a student's.

Run by hand, ``python -m tools.curves NAME ...``, where the training of a held-out check or its budget has changed. The solution is
graded as a submission is, under a secret of its own, and its curves are taken from the report.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path

from grader.course import load_course
from grader.files import write_file
from grader.grading import grade_uploads
from grader.intake import Upload


def measure(name: str, profiles: list[str]) -> Path:
    """Grade the solution of an assignment under each profile, and write its curves; the others stay."""
    course = load_course(Path(__file__).parent.parent)
    assignment = course.assignment(name)
    path = assignment.hidden_folder / "curves.json"
    found = json.loads(path.read_text()) if path.is_file() else {}
    for profile in profiles:
        with tempfile.TemporaryDirectory() as state:
            (Path(state) / "secret").write_text("c0" * 32 + "\n")
            (report,) = grade_uploads(
                course, assignment, [Upload(assignment.solution_files())], profile=profile, state=Path(state), slots=1
            )
        found[profile] = {
            check.id: figure.student.model_dump(mode="json")
            for check in report.checks
            for figure in check.figures
            if figure.kind == "curve"
        }
    return write_file(path, text_of(found))


def text_of(found: dict[str, dict[str, object]]) -> str:
    """As JSON, a line for each check."""
    profiles = []
    for profile, checks in found.items():
        lines = ",\n".join(f"  {json.dumps(check)}: {json.dumps(curve)}" for check, curve in checks.items())
        profiles.append(f" {json.dumps(profile)}: {{\n{lines}\n }}")
    return "{\n" + ",\n".join(profiles) + "\n}\n"


def main() -> None:
    """Measure what was named."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("names", nargs="+", metavar="NAME")
    parser.add_argument("--profile", action="append", help="by default cpu")
    options = parser.parse_args()
    for name in options.names:
        print(measure(name, options.profile or ["cpu"]))


if __name__ == "__main__":
    main()
