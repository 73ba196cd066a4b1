"""Makes of a student's notebook one that can be graded and shown: its own cells, and the course's in place of edited ones.

What nbgrader knows of a cell (its id, points, whether it is locked) stands in the notebook, where a student can write
anything. Here all of it comes from the gradebook; of the student's notebook only text, pictures and answers are taken.
"""

# nbformat annotates only half of its functions
# mypy: disable-error-code="no-untyped-call"

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from grader.nbgrader import sanitize

#: Cells of a notebook that are shown at all, and bytes that are read.
MAX_CELLS = 1000
MAX_BYTES = 60 * 1024 * 1024
KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}
_TAG = re.compile(r"[\w.-]{1,40}")
#: A picture inside the text, as Colab keeps what is pasted, and one whose attachment is not there.
_INLINE = re.compile(r"\(data:(?P<mime>image/(?:png|jpeg));base64,(?P<data>[A-Za-z0-9+/=]*)\)")
_LOST = re.compile(r"!\[([^\]\n]*)\]\(attachment:[^)\n]*\)")


@dataclass(frozen=True, slots=True)
class Known:
    """A cell as the gradebook knows it: from the release, never from a student."""

    id: str
    cell_type: str
    source: str
    checksum: str
    locked: bool
    grade: bool
    solution: bool
    task: bool
    points: float | None

    @property
    def metadata(self) -> dict[str, Any]:
        """The cell's own metadata."""
        told: dict[str, Any] = {
            "grade": self.grade,
            "grade_id": self.id,
            "locked": self.locked,
            "solution": self.solution,
            "task": self.task,
            "schema_version": 3,
            "cell_type": self.cell_type,
            "checksum": self.checksum,
        }
        if self.points is not None:
            told["points"] = self.points
        return told


def known_cells(notebook: Any) -> dict[str, Known]:
    """The cells of a notebook of nbgrader's gradebook (``nbgrader.api.Notebook``) by grade id."""
    points = {cell.name: float(cell.max_score) for cell in [*notebook.grade_cells, *notebook.task_cells]}
    grades = {cell.name for cell in notebook.grade_cells}
    solutions = {cell.name for cell in notebook.solution_cells}
    tasks = {cell.name for cell in notebook.task_cells}
    return {
        cell.name: Known(
            cell.name,
            cell.cell_type,
            cell.source or "",
            cell.checksum or "",
            bool(cell.locked),
            cell.name in grades,
            cell.name in solutions,
            cell.name in tasks,
            points.get(cell.name),
        )
        for cell in notebook.source_cells
    }


def read_cells(path: Path) -> tuple[list[dict[str, Any]], str]:
    """The cells of the notebook at ``path`` as plain data, and what is wrong with it ("" where nothing is).

    It raises for nothing that a file can hold: a broken notebook has no cells.
    """
    try:
        if path.stat().st_size > MAX_BYTES:
            return [], f"it has more than {MAX_BYTES // 1024**2} MB"
        told = json.loads(path.read_bytes().decode("utf-8-sig"))
    except (OSError, ValueError, RecursionError) as error:
        return [], f"it is not a notebook ({sanitize.text(str(error), 120)})"
    cells = told.get("cells") if isinstance(told, dict) else None
    if not isinstance(cells, list):
        return [], "it is not a notebook of format 4"
    return [cell for cell in cells[:MAX_CELLS] if isinstance(cell, dict)], ""


def restore(cells: Sequence[Mapping[str, Any]], known: Mapping[str, Known], problem: str = "") -> Any:
    """The notebook to grade, from the student's cells and the course's.

    Locked cells are the course's own, each once: at the place of the student's first cell of that id, or at the end.
    Of several answers with one id the first that says something counts; the others stay as plain text. An answer that
    is missing comes back empty.
    """
    import nbformat

    answers = _answers(cells, known)
    budget = sanitize.Budget()
    placed: set[str] = set()
    made: list[Any] = []
    for index, cell in enumerate(cells):
        place = _grade_id(cell)
        fixed = known.get(place)
        if fixed is not None and fixed.locked:
            if place not in placed:
                placed.add(place)
                made.append(_course_cell(fixed))
            continue
        answer = fixed if fixed is not None and answers.get(place) == index else None
        if answer is not None:
            placed.add(place)
        made.append(_student_cell(cell, answer, budget))
    missing = [fixed for name, fixed in known.items() if name not in placed]
    first = next((i for i, cell in enumerate(made) if _is_check(cell)), len(made))
    open_cells = [_course_cell(fixed) for fixed in missing if not fixed.locked]
    made[first:first] = open_cells
    made.extend(_course_cell(fixed) for fixed in missing if fixed.locked)
    if problem:
        made.insert(0, _markdown(f"**The notebook that was handed in cannot be read:** {problem}.", {}))
    for number, cell in enumerate(made):
        cell.id = f"cell-{number}"
    notebook = nbformat.v4.new_notebook(cells=made)
    notebook.metadata = nbformat.from_dict({"kernelspec": KERNEL, "language_info": {"name": "python"}})
    notebook.nbformat_minor = 5
    return notebook


def _answers(cells: Sequence[Mapping[str, Any]], known: Mapping[str, Known]) -> dict[str, int]:
    """For each open cell of the course, which of the student's cells is its answer."""
    found: dict[str, int] = {}
    for index, cell in enumerate(cells):
        fixed = known.get(_grade_id(cell))
        # A written answer may have been typed into a cell that was made code or raw; a part in Markdown is none.
        written = fixed is not None and fixed.cell_type == "markdown"
        if fixed is None or fixed.locked or not (written or cell.get("cell_type") == fixed.cell_type):
            continue
        current = found.get(fixed.id)
        if current is None or (_source(cells[current]).strip() == fixed.source.strip() != _source(cell).strip()):
            found[fixed.id] = index
    return found


def _grade_id(cell: Mapping[str, Any]) -> str:
    metadata = cell.get("metadata")
    told = metadata.get("nbgrader") if isinstance(metadata, Mapping) else None
    name = told.get("grade_id") if isinstance(told, Mapping) else None
    return name if isinstance(name, str) else ""


def _source(cell: Mapping[str, Any]) -> str:
    return sanitize.text(cell.get("source"), sanitize.MAX_SOURCE)


def _student_cell(cell: Mapping[str, Any], answer: Known | None, budget: sanitize.Budget) -> Any:
    metadata: dict[str, Any] = {}
    told = cell.get("metadata")
    tags = told.get("tags") if isinstance(told, Mapping) else None
    if isinstance(tags, list):
        mine = [tag for tag in tags if isinstance(tag, str) and _TAG.fullmatch(tag) and not tag.startswith("autograde")]
        metadata["tags"] = mine[:10]
    if answer is not None:
        metadata |= {"nbgrader": answer.metadata, "deletable": False}
    if cell.get("cell_type") == "code" and (answer is None or answer.cell_type == "code"):
        count = cell.get("execution_count")
        outputs = sanitize.outputs(cell.get("outputs"), budget)
        plain = type(count) is int and 0 <= count < 10**6
        return _code(budget.write(cell.get("source")), metadata, outputs, count if plain else None)
    if answer is not None and _source(cell).strip() == answer.source.strip():
        return _course_cell(answer)
    if cell.get("cell_type") != "markdown":  # nbconvert puts raw cells into the page as they are
        return _markdown(sanitize.verbatim(budget.write(cell.get("source"))), metadata)
    return _markdown(_pictures(cell, budget), metadata)


def _pictures(cell: Mapping[str, Any], budget: sanitize.Budget) -> str:
    """The text of a Markdown cell, made harmless, with its pictures in it: attached ones, and those inside its text."""
    whole = _joined(cell.get("source"))
    attached = cell.get("attachments")
    pictures: list[tuple[str, bytes]] = []

    def keep(mime: str, data: object, otherwise: str) -> str:
        content = sanitize.image(data, mime)
        if content is None:
            return otherwise
        pictures.append((mime, content))
        return f"({_place(len(pictures) - 1, mime)})"

    whole = _INLINE.sub(lambda match: keep(match["mime"], match["data"], "(picture)"), whole)
    for name, kinds in list(attached.items())[:20] if isinstance(attached, Mapping) else ():
        told = (
            next(((mime, data) for mime, data in kinds.items() if mime in sanitize.PICTURES), None)
            if isinstance(kinds, Mapping)
            else None
        )
        if told is not None and f"(attachment:{name})" in whole:
            whole = whole.replace(f"(attachment:{name})", keep(*told, "(picture)"))
    made = budget.render(_LOST.sub(r"[picture: \1]", budget.write(whole)))
    for number, (mime, content) in enumerate(pictures):
        place = f"({_place(number, mime)})"
        # Each place that shows the picture has it whole, so each is paid for. What is shown verbatim shows none.
        while place in made and not made.lstrip("`").startswith(sanitize.VERBATIM) and budget.paint(content):
            made = made.replace(place, f"(data:{mime};base64,{base64.b64encode(content).decode()})", 1)
        made = made.replace(place, "(picture)")
    return made


def _place(number: int, mime: str) -> str:
    """Stands for a picture while the text is looked at: an address that may be there."""
    return f"data:{mime};base64,autograde+{number}+"


def _joined(source: object) -> str:
    """A cell's source as one text, before anything is cut from it."""
    if isinstance(source, list):
        return "".join(part for part in source if isinstance(part, str))
    return source if isinstance(source, str) else ""


def _course_cell(fixed: Known) -> Any:
    metadata: dict[str, Any] = {"nbgrader": fixed.metadata, "deletable": False}
    if fixed.locked:
        metadata["editable"] = False
    return (_code if fixed.cell_type == "code" else _markdown)(fixed.source, metadata)


# nbformat's own makers validate each cell by its schema, which costs more than all else here; what is made here is valid.


def _code(
    source: str, metadata: Mapping[str, Any], outputs: Sequence[Mapping[str, Any]] = (), count: int | None = None
) -> Any:
    import nbformat

    fields = {"metadata": dict(metadata), "outputs": list(outputs), "execution_count": count}
    return nbformat.from_dict({"cell_type": "code", "id": "", "source": source, **fields})


def _markdown(source: str, metadata: Mapping[str, Any]) -> Any:
    import nbformat

    return nbformat.from_dict({"cell_type": "markdown", "id": "", "source": source, "metadata": dict(metadata)})


def _is_check(cell: Any) -> bool:
    told = cell.metadata.get("nbgrader", {})
    return bool(told.get("locked")) and (bool(told.get("grade")) or told.get("grade_id") == "autograde-checks")
