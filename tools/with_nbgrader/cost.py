"""What `nbgrader autograde` costs where every report is stored already: `python tools/with_nbgrader/cost.py --count 100`.

Submissions with reports are made up, for nothing of a student's is run here; the notebooks are the released ones with
answers and outputs in them, as students hand them in.
"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import nbformat

from grader.course import Assignment, grader_version, load_course, read_suite
from grader.nbgrader.diff import differences
from grader.nbgrader.layout import NbgraderLayout
from grader.records import CheckResult, Report, Verdict
from grader.release.strip import make_stubs
from grader.store import digest_files
from tests.support import notebooks
from tools.with_nbgrader.course import Fresh, copy_course


def make_class(fresh: Fresh, name: str, count: int) -> NbgraderLayout:
    """A roster of ``count``, each with a submission and its report in the store."""
    path = fresh.root / "autograde.yml"
    people = "".join(f"    - {{id: s{number:04d}, name: Student {number}}}\n" for number in range(count))
    text = re.sub(r"(?ms)^  students:\n.*?(?=^  teams:)", f"  students:\n{people}", path.read_text(encoding="utf-8"))
    path.write_text(re.sub(r"(?m)^    extensions: .*\n", "", text), encoding="utf-8")
    layout = NbgraderLayout(load_course(path))
    assignment = layout.course.assignment(name)
    notebook = worked(notebooks.answered(notebooks.released(assignment), "An answer."))
    for number in range(count):
        files = {file: data + f"# {number}\n".encode() for file, data in make_stubs(assignment).items()}
        files[f"{name}.ipynb"] = notebook
        received = datetime.now(UTC) - timedelta(hours=1)
        submission = layout.store.add_submission(name, f"s{number:04d}", files, received_at=received)
        layout.store.record(submission, made_up(assignment, files, number))
    return layout


def worked(data: bytes) -> bytes:
    """A notebook with an output in every code cell."""
    notebook = nbformat.reads(data.decode(), 4)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = [nbformat.v4.new_output("stream", text="0.123 0.456\n" * 20)]
    return nbformat.writes(notebook).encode()


def made_up(assignment: Assignment, files: dict[str, bytes], number: int) -> Report:
    """A report in which every third check is wrong and every third partly right."""
    checks = []
    for index, info in enumerate(read_suite(assignment.hidden_folder)):
        kind = (index + number) % 3
        verdict = (Verdict.ACCEPTED, Verdict.WRONG_ANSWER, Verdict.PARTIAL)[kind]
        checks.append(
            CheckResult(
                id=info.id, title=info.title, verdict=verdict, score=info.points * (1.0, 0.0, 1 / 3)[kind],
                max_score=info.points, message="the sum is off by a factor of 2" if kind else "", hint=info.hint,
            )
        )  # fmt: skip
    return Report(
        assignment=assignment.name, verdict=Verdict.PARTIAL, score=sum(check.score or 0.0 for check in checks),
        max_score=sum(check.max_score for check in checks), checks=tuple(checks), seed=1, profile="cpu",
        grader_version=grader_version(assignment, "cpu"), submission_digest=digest_files(files),
    )  # fmt: skip


def main() -> int:
    """Print seconds and processor seconds a submission."""
    reader = argparse.ArgumentParser(description=__doc__)
    reader.add_argument("--count", type=int, default=100, help="submissions")
    reader.add_argument("--assignment", help="the course's first by default")
    reader.add_argument("--keep", metavar="DIR", help="work in this folder and leave it there")
    told = reader.parse_args()
    with tempfile.TemporaryDirectory(prefix="autograde-nbgrader-") as aside:
        folder = Path(told.keep or aside).resolve()
        fresh = copy_course(folder, datetime.now(UTC).replace(microsecond=0) + timedelta(days=1), "")
        name = told.assignment or next(
            iter(re.findall(r"(?m)^  (\w+):\n    title:", (fresh.root / "autograde.yml").read_text()))
        )
        layout = make_class(fresh, name, told.count)
        fresh.run("autograde", "gradebook", "sync", name)
        fresh.run("nbgrader", "generate_assignment", name)
        fresh.run("nbgrader", "autograde", name)
        fresh.run("autograde", "gradebook", "sync", name)
        fresh.run("nbgrader", "generate_feedback", name)
        for step in fresh.steps:
            each = f"{step.wall / told.count:.2f} s, {step.cpu / told.count:.2f} CPU s a submission"
            sys.stdout.write(f"{step.words:50s} {step.wall:7.1f} s {step.cpu:7.1f} CPU s; {each}\n")
        left = differences(layout, [layout.course.assignment(name)])
        assert left == [], left[:3]
    return 0


if __name__ == "__main__":
    sys.exit(main())
