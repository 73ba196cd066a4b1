"""Otter-Grader as its users run it without containers: `otter.api.grade_submission` in a loop, and `otter run` each.

The autograder zip is made by `otter generate` from exception-based test files, one a check. Students' notebooks look
as `otter assign` leaves them: a `grader.check` cell after the functions for each check.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from statistics import mean
from typing import TYPE_CHECKING, Any

import assignment
import process
from measure import Measure, Scores, verify

if TYPE_CHECKING:
    from collections.abc import Sequence

    from environment import Tool

OTTER_LOOP = Path(__file__).parent / "in_peers" / "otter_loop.py"
START_TIMEOUT_S, EACH_TIMEOUT_S = 120, 60


def student_notebook(source: str) -> dict[str, Any]:
    """A student's notebook: imports, the functions of ``source``, and a cell that runs each check."""
    start = "# Initialize Otter\nimport otter\ngrader = otter.Notebook()"
    sources = [start, assignment.NOTEBOOK_IMPORTS, *assignment.functions(source).values()]
    sources += [f'grader.check("{check.name}")' for check in assignment.checks()]
    cells: list[dict[str, Any]] = [
        {
            "cell_type": "code",
            "id": f"cell-{number}",
            "execution_count": None,
            "metadata": {},
            "outputs": [],
            "source": text,
        }
        for number, text in enumerate(sources)
    ]
    kernel = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
    return {"cells": cells, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}


class OtterAssignment:
    """A folder with the autograder zip and the ``submissions`` as notebooks."""

    def __init__(self, folder: Path, submissions: Sequence[assignment.Submission], tool: Tool) -> None:
        self.folder = folder
        self.submissions = submissions
        self.tool = tool
        shutil.rmtree(folder, ignore_errors=True)
        (folder / "tests").mkdir(parents=True)
        (folder / "submitted").mkdir()
        for check in assignment.checks():
            (folder / "tests" / f"{check.name}.py").write_text(assignment.otter_test(check))
        for one in submissions:
            self.notebook(one).write_text(json.dumps(student_notebook(one.source)))
        options = ("--tests-dir", "tests", "--output-path", "autograder.zip", "--no-requirements", "--no-environment")
        self.run(self.tool.command("otter"), "generate", *options, what="otter generate", timeout_s=START_TIMEOUT_S)

    def notebook(self, one: assignment.Submission) -> Path:
        """Where ``one`` was handed in."""
        return self.folder / "submitted" / f"{one.owner}.ipynb"

    def run(self, *command: str | Path, what: str, timeout_s: float) -> process.Finished:
        """Run a command of the peers' environment in this folder."""
        return process.run(command, what=what, timeout_s=timeout_s, cwd=self.folder, environment=self.tool.variables)

    def loop(self, submissions: Sequence[assignment.Submission]) -> tuple[process.Finished, Scores, list[float]]:
        """Grade ``submissions`` by a process that calls ``otter.api.grade_submission``: cost, scores, seconds each."""
        notebooks = [self.notebook(one) for one in submissions]
        limit = START_TIMEOUT_S + EACH_TIMEOUT_S * len(submissions)
        command: list[str | Path] = [self.tool.command("python"), OTTER_LOOP, "autograder.zip", "loop.json", *notebooks]
        done = self.run(*command, what="otter.api.grade_submission in a loop", timeout_s=limit)
        results = json.loads((self.folder / "loop.json").read_text())
        return done, {owner: one["scores"] for owner, one in results.items()}, [r["seconds"] for r in results.values()]

    def run_one(self, one: assignment.Submission) -> tuple[process.Finished, dict[str, float]]:
        """Grade ``one`` by ``otter run``: what it took, and its points by check."""
        out = self.folder / "results" / one.owner
        out.mkdir(parents=True)
        command = ("run", "--autograder", "autograder.zip", "--output-dir", out, self.notebook(one))
        limit = START_TIMEOUT_S + EACH_TIMEOUT_S
        done = self.run(self.tool.command("otter"), *command, what="otter run", timeout_s=limit)
        tests = json.loads((out / "results.json").read_text())["tests"]
        return done, {test["name"].split(" - ")[0]: test["score"] for test in tests if test.get("max_score")}


def measure_loop(folder: Path, submissions: Sequence[assignment.Submission], tool: Tool) -> Measure:
    """Grade all ``submissions`` in one loop, then one by itself, to part start-up from grading.

    Raises StepFailedError where Otter failed, or gave some submission the wrong score.
    """
    made = OtterAssignment(folder, submissions, tool)
    batch, scores, each = made.loop(submissions)
    verify("otter.api.grade_submission", submissions, scores)
    single, _, _ = made.loop(submissions[:1])
    return Measure(
        tool="otter api",
        how="`otter.api.grade_submission` in a loop",
        includes="start of Python and import of otter once, a kernel for each submission",
        submissions=len(submissions),
        wall_s=batch.wall_s,
        cpu_s=batch.cpu_s,
        peak_mb=batch.peak_mb,
        single_wall_s=single.wall_s,
        single_cpu_s=single.cpu_s,
        each_s=tuple(each),
    )


def measure_run(folder: Path, submissions: Sequence[assignment.Submission], tool: Tool) -> Measure:
    """Grade ``submissions`` by one `otter run` each.

    Raises StepFailedError where Otter failed, or gave some submission the wrong score.
    """
    made = OtterAssignment(folder, submissions, tool)
    graded = {one.owner: made.run_one(one) for one in submissions}
    verify("otter run", submissions, {owner: scores for owner, (_, scores) in graded.items()})
    runs = [done for done, _ in graded.values()]
    walls = tuple(done.wall_s for done in runs)
    return Measure(
        tool="otter run",
        how="`otter run` for each",
        includes="start of Otter and a kernel for each submission",
        submissions=len(submissions),
        wall_s=sum(walls),
        cpu_s=sum(done.cpu_s for done in runs),
        peak_mb=max(done.peak_mb for done in runs),
        single_wall_s=mean(walls),
        single_cpu_s=mean(done.cpu_s for done in runs),
        each_s=walls,
    )
