"""nbgrader as its users run it: `generate_assignment` once, then one `nbgrader autograde` over the class.

The source notebook has a solution cell and an autograded test cell (all of it hidden tests) for each check; students
hand in the release notebook with their functions in the solution cells. Scores are read from the gradebook.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import assignment
import process
from measure import Measure, Scores, verify

if TYPE_CHECKING:
    from collections.abc import Sequence

    from environment import Tool

NAME = "bench"
READ_GRADEBOOK = Path(__file__).parent / "in_peers" / "read_gradebook.py"
START_TIMEOUT_S, EACH_TIMEOUT_S = 120, 60


def _cell(grade_id: str, source: str, *, points: int | None = None, solution: bool = False) -> dict[str, Any]:
    """A code cell with nbgrader's metadata: a solution cell, a test cell where it has points, else a locked one."""
    metadata: dict[str, Any] = {
        "schema_version": 3,
        "grade_id": grade_id,
        "grade": points is not None,
        "solution": solution,
        "locked": not solution,
        "task": False,
    }
    if points is not None:
        metadata["points"] = points
    return {
        "cell_type": "code",
        "id": grade_id.replace("_", "-"),
        "execution_count": None,
        "metadata": {"nbgrader": metadata},
        "outputs": [],
        "source": source,
    }


def source_notebook() -> dict[str, Any]:
    """The instructor's notebook: solutions between nbgrader's markers, checks as hidden tests."""
    cells = [_cell("imports", assignment.NOTEBOOK_IMPORTS)]
    for name, source in assignment.functions(assignment.SOLUTION).items():
        cells.append(_cell(f"solve_{name}", source, solution=True))
    for check in assignment.checks():
        hidden = f'"""{check.title}"""\n### BEGIN HIDDEN TESTS\n{check.body}\n### END HIDDEN TESTS'
        cells.append(_cell(f"check_{check.name}", hidden, points=assignment.POINTS))
    kernel = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
    return {"cells": cells, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}


def hand_in(release: dict[str, Any], source: str) -> dict[str, Any]:
    """A student's notebook: the release with the functions of ``source`` in its solution cells."""
    written = assignment.functions(source)
    notebook: dict[str, Any] = json.loads(json.dumps(release))
    for cell in notebook["cells"]:
        grade_id = cell["metadata"].get("nbgrader", {}).get("grade_id", "")
        if grade_id.startswith("solve_"):
            cell["source"] = written[grade_id.removeprefix("solve_")]
    return notebook


class NbgraderCourse:
    """A course folder with the bench assignment released and ``submissions`` handed in, ready to be autograded."""

    def __init__(self, folder: Path, submissions: Sequence[assignment.Submission], tool: Tool) -> None:
        self.folder = folder
        self.submissions = submissions
        self.tool = tool
        shutil.rmtree(folder, ignore_errors=True)
        (folder / "source" / NAME).mkdir(parents=True)
        (folder / "nbgrader_config.py").write_text('c = get_config()\nc.CourseDirectory.course_id = "bench"\n')
        (folder / "source" / NAME / f"{NAME}.ipynb").write_text(json.dumps(source_notebook()))
        self._nbgrader("generate_assignment", NAME, what="nbgrader generate_assignment", timeout_s=START_TIMEOUT_S)
        release = json.loads((folder / "release" / NAME / f"{NAME}.ipynb").read_text())
        for one in submissions:
            handed_in = folder / "submitted" / one.owner / NAME
            handed_in.mkdir(parents=True)
            (handed_in / f"{NAME}.ipynb").write_text(json.dumps(hand_in(release, one.source)))

    def _nbgrader(self, *arguments: str, what: str, timeout_s: float) -> process.Finished:
        command: list[str | Path] = [self.tool.command("nbgrader"), *arguments]
        return process.run(command, what=what, timeout_s=timeout_s, cwd=self.folder, environment=self.tool.variables)

    def autograde(self, *options: str) -> process.Finished:
        """Run ``nbgrader autograde`` with ``options`` and return what it took."""
        limit = START_TIMEOUT_S + EACH_TIMEOUT_S * len(self.submissions)
        return self._nbgrader("autograde", NAME, *options, what="nbgrader autograde", timeout_s=limit)

    def scores(self) -> Scores:
        """Points of every submission in the gradebook, by check."""
        command = (self.tool.command("python"), READ_GRADEBOOK, self.folder / "gradebook.db", NAME)
        done = process.run(
            command,
            what="reading nbgrader's gradebook",
            timeout_s=START_TIMEOUT_S,
            cwd=self.folder,
            environment=self.tool.variables,
        )
        scores: Scores = json.loads(done.stdout)
        return scores


def measure(folder: Path, submissions: Sequence[assignment.Submission], tool: Tool) -> Measure:
    """Autograde one batch of all ``submissions``, then one of them again by itself, to part start-up from grading.

    Raises StepFailedError where nbgrader failed, or gave some submission the wrong score.
    """
    course = NbgraderCourse(folder, submissions, tool)
    batch = course.autograde()
    verify("nbgrader", submissions, course.scores())
    single = course.autograde("--student", submissions[0].owner, "--force")
    return Measure(
        tool="nbgrader",
        how="one `nbgrader autograde` over all",
        includes="start of nbgrader once, a kernel for each submission, its gradebook; not generate_assignment",
        submissions=len(submissions),
        wall_s=batch.wall_s,
        cpu_s=batch.cpu_s,
        peak_mb=batch.peak_mb,
        single_wall_s=single.wall_s,
        single_cpu_s=single.cpu_s,
    )
