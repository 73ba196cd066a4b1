"""Points stand once, in the hidden suite: what a notebook says of them must agree."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from grader.course import read_questions, read_suite
from grader.errors import AuthoringError

if TYPE_CHECKING:
    from pathlib import Path

    from grader.course import Assignment


def check_notebook(notebook: Any, assignment: Assignment, where: Path) -> None:
    """Raise AuthoringError where the instructor's notebook is not in step with the suite, naming notebook and cell.

    Looked at: each check has one locked test cell with its points, each written question its cell and points, no
    grade id is missing or used twice, and no cell scores what no check stands behind.
    """
    again = f"change assignments/{assignment.name}/, not the notebook, and run `autograde gradebook sync`"
    expected = {check.id: check.points for check in read_suite(assignment.hidden_folder)}
    questions = {item.id: item.points for item in read_questions(assignment.notebook_source)}
    seen: Counter[str] = Counter()
    for number, cell in enumerate(notebook.cells, start=1):
        told = cell.metadata.get("nbgrader")
        if not told:
            continue
        here = f"{where}: cell {number}"
        name = told.get("grade_id")
        if not isinstance(name, str) or not name:
            raise AuthoringError("the cell has nbgrader's metadata and no grade_id", where=here, fix=again)
        seen[name] += 1
        if seen[name] > 1:
            raise AuthoringError(f"the grade id `{name}` is used twice", where=here, fix=again)
        if not (told.get("grade") or told.get("task")):
            continue
        points = told.get("points")
        manual = bool(told.get("solution") or told.get("task"))
        wanted = (questions if manual else expected).get(name)
        if wanted is None:
            what = "written question" if manual else "hidden check"
            raise AuthoringError(
                f"`{name}` is worth points, and there is no {what} of that name", where=here, fix=again
            )
        if points != wanted:
            raise AuthoringError(
                f"`{name}` has {points} points in the notebook and {wanted:g} by the assignment", where=here, fix=again
            )
    for name in (*expected, *questions):
        if not seen[name]:
            raise AuthoringError(f"`{name}` has no cell in the notebook", where=where, fix=again)
