"""Notebooks as students hand them in who have nothing but the notebook: the solution in its cells, in several styles."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import nbformat

from grader.course import read_suite
from grader.release import source_notebook

if TYPE_CHECKING:
    from collections.abc import Mapping

    from grader.course import Assignment

#: How code gets into a notebook: the cells that the release has for it, whole files, cells that name their file, or
#: cells that say nothing of files at all.
STYLES = ("parts", "writefile", "comment", "pasted")


def styles(assignment: Assignment) -> list[str]:
    """The styles that the assignment's notebook allows: not every one has cells for parts of modules."""
    return [style for style in STYLES if style != "parts" or '"define"' in assignment.notebook_source.read_text()]


def solved(assignment: Assignment, style: str, files: Mapping[str, bytes] | None = None) -> bytes:
    """The assignment's notebook with ``files``, by default the solution, in its cells."""
    if style == "parts":
        checks = read_suite(assignment.hidden_folder)
        notebook = source_notebook(assignment.notebook_source, checks, assignment)
    else:
        notebook = nbformat.read(assignment.release_folder / f"{assignment.name}.ipynb", 4)
        texts = files or {file: (assignment.solution_folder / file).read_bytes() for file in assignment.files}
        place = next(index for index, cell in enumerate(notebook.cells) if cell.cell_type == "code")
        for file, data in reversed(list(texts.items())):
            notebook.cells.insert(place, _cell(style, file, data.decode()))
        notebook.nbformat_minor = 5
    return nbformat.writes(notebook).encode()


def _cell(style: str, file: str, text: str) -> Any:
    head = {"writefile": f"%%writefile {file}\n", "comment": f"# file: {file}\n", "pasted": "%matplotlib inline\n"}[style]
    return nbformat.v4.new_code_cell(head + text, id=f"{style}-{Path(file).stem}")
