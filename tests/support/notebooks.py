"""Notebooks as students hand them in who have nothing but the notebook: the solution in its cells, in several styles."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from grader.course import read_suite
from grader.release import source_notebook

if TYPE_CHECKING:
    from grader.course import Assignment

#: How code gets into a notebook: the cells that the release has for it, whole files, cells that name their file, or
#: cells that say nothing of files at all.
STYLES = ("parts", "writefile", "comment", "pasted")


def styles(assignment: Assignment) -> list[str]:
    """The styles that the assignment's notebook allows: not every one has cells for parts of modules."""
    return [style for style in STYLES if style != "parts" or '"define"' in assignment.notebook_source.read_text()]


def released(assignment: Assignment) -> bytes:
    """The notebook as students get it."""
    return (assignment.release_folder / f"{assignment.name}.ipynb").read_bytes()


def solved(assignment: Assignment, style: str, base: bytes | None = None) -> bytes:
    """The solution in the cells of ``base``, by default the released notebook."""
    import nbformat

    notebook = nbformat.reads((base or released(assignment)).decode(), 4)
    if style == "parts":
        checks = read_suite(assignment.hidden_folder)
        parts = {
            cell.metadata.nbgrader.grade_id: cell.source
            for cell in source_notebook(assignment.notebook_source, checks, assignment).cells
            if cell.cell_type == "code" and cell.metadata.get("nbgrader", {}).get("solution")
        }
        for cell in notebook.cells:
            cell.source = parts.get(cell.metadata.get("nbgrader", {}).get("grade_id"), cell.source)
    else:
        place = next(index for index, cell in enumerate(notebook.cells) if cell.cell_type == "code")
        for file in reversed(assignment.files):
            text = (assignment.solution_folder / file).read_text(encoding="utf-8")
            notebook.cells.insert(place, _cell(style, file, text))
    return nbformat.writes(notebook).encode()


def answered(notebook: bytes, words: str) -> bytes:
    """The notebook with ``words`` in the cell of every written question."""
    import nbformat

    told = nbformat.reads(notebook.decode(), 4)
    for cell in told.cells:
        asked = cell.metadata.get("nbgrader", {})
        if cell.cell_type == "markdown" and asked.get("grade") and asked.get("solution"):
            cell.source = words
    return nbformat.writes(told).encode()


def _cell(style: str, file: str, text: str) -> Any:
    import nbformat

    head = {"writefile": f"%%writefile {file}\n", "comment": f"# file: {file}\n", "pasted": "%matplotlib inline\n"}[
        style
    ]
    return nbformat.v4.new_code_cell(head + text, id=f"{style}-{Path(file).stem}")
