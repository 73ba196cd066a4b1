"""Reads nbgrader's instructor notebooks: cells with grade ids and points, solutions and hidden tests between markers.

Source of the format: nbgrader's documentation, "Creating and grading assignments", and its metadata schema, versions 1 to 3.
"""

from __future__ import annotations

import ast
import re
from typing import Any

from grader.authoring.adopt.foreign import Answer, Cell, Check, Foreign, Given, Notebook, Text, Written

_HIDDEN = re.compile(r"^\s*#+\s*(?P<kind>BEGIN|END) HIDDEN TESTS\s*$")
_AUTOTEST = re.compile(r"^\s*#+\s*(?:HASHED )?AUTOTEST\b")


def is_nbgrader(notebook: Notebook) -> bool:
    """Whether any cell has nbgrader's metadata."""
    return any(cell.metadata.get("nbgrader") for cell in notebook.cells)


def read_nbgrader(notebook: Notebook) -> Foreign:
    """The assignment that an instructor's notebook is. Nothing raises: what is not understood is left."""
    found = Foreign("nbgrader", notebook.title)
    for cell in notebook.cells:
        told: dict[str, Any] = cell.metadata.get("nbgrader") or {}
        points = float(told.get("points") or 0)
        if told.get("task"):
            found.leave(cell.number, f"a task of {points:g} points", "write it as a written question")
        elif told.get("grade") and told.get("solution"):
            found.items.append(
                Written(cell.number, cell.source, str(told["grade_id"]), points, cell.kind == "markdown")
            )
        elif told.get("grade") and cell.kind == "code":
            _read_check(cell, str(told.get("grade_id", cell.number)), points, found)
        elif cell.kind == "markdown":
            found.items.append(Text(cell.number, cell.source))
        elif cell.kind == "code":
            found.items.append((Answer if told.get("solution") else Given)(cell.number, cell.source))
    return found


def _read_check(cell: Cell, grade_id: str, points: float, found: Foreign) -> None:
    """A test cell: all of it, and what is outside the hidden part."""
    whole, public, hidden = [], [], False
    for line in cell.code.splitlines():
        if mark := _HIDDEN.match(line):
            hidden = mark["kind"] == "BEGIN"
        elif _AUTOTEST.match(line):
            found.leave(cell.number, f"the generated test `{line.strip()}`", "write the comparison out as an assertion")
        else:
            whole.append(line)
            if not hidden:
                public.append(line)
    text = "\n".join(whole).strip("\n")
    if not points:
        found.leave(cell.number, f"the test `{grade_id}` earns no points", "give it points, or drop it")
        return
    found.items.append(
        Check(cell.number, text, grade_id, points, "\n".join(public).strip("\n"), partial=_is_number(text))
    )


def _is_number(text: str) -> bool:
    """Whether a cell may end in a number, which nbgrader takes for its score."""
    try:
        last = ast.parse(text).body[-1]
    except (SyntaxError, IndexError):
        return False
    if not isinstance(last, ast.Expr) or isinstance(last.value, ast.Call):
        return False
    return not isinstance(last.value, ast.Constant) or isinstance(last.value.value, int | float)
