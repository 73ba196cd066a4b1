"""An assignment of another tool, as its cells mean it: what readers of nbgrader's and Otter's formats make, and writers take."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from grader.errors import AuthoringError
from grader.intake.ipython_syntax import neutralise

_HEADING = re.compile(r"^\s*#+\s+(?P<title>.+?)\s*#*\s*$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Item:
    """Something in the notebook; ``cell`` counts cells from 1."""

    cell: int
    source: str


@dataclass(frozen=True, slots=True)
class Text(Item):
    """Markdown that students read."""


@dataclass(frozen=True, slots=True)
class Given(Item):
    """Code that students get as it is."""


@dataclass(frozen=True, slots=True)
class Answer(Item):
    """Code that students are to write, solved."""


@dataclass(frozen=True, slots=True)
class Check(Item):
    """A test that earns points: whole in ``source``, and in ``public`` what students see of it ("" for nothing).

    ``partial``: its last expression is its score.
    """

    id: str
    points: float
    public: str = ""
    title: str = ""
    partial: bool = False


@dataclass(frozen=True, slots=True)
class Written(Item):
    """What a person grades: the model answer, and the cell's metadata in nbgrader's terms."""

    id: str
    points: float
    markdown: bool = True


@dataclass(frozen=True, slots=True)
class Left:
    """Something that was not carried over: where it is, what it is, and what to do by hand."""

    where: str
    what: str
    fix: str


@dataclass(slots=True)
class Foreign:
    """A whole assignment: its items in order, and what could not be read into one."""

    format: str
    title: str
    items: list[Item] = field(default_factory=list)
    left: list[Left] = field(default_factory=list)

    def leave(self, cell: int | str, what: str, fix: str) -> None:
        """Note something that is not carried over."""
        self.left.append(Left(f"cell {cell}" if isinstance(cell, int) else cell, what, fix))


@dataclass(frozen=True, slots=True)
class Cell:
    """A notebook's cell: number from 1, kind, text, metadata, and what running it showed."""

    number: int
    kind: str
    source: str
    metadata: dict[str, Any]
    shown: str = ""

    @property
    def code(self) -> str:
        """The text of a code cell with magics and shell lines taken out."""
        return neutralise(self.source)


@dataclass(frozen=True, slots=True)
class Notebook:
    """A notebook file: its cells and its metadata."""

    path: Path
    cells: tuple[Cell, ...]
    metadata: dict[str, Any]

    @property
    def title(self) -> str:
        """Its first heading, or the name of its file."""
        for cell in self.cells:
            if cell.kind == "markdown" and (match := _HEADING.search(cell.source)):
                return match["title"]
        return self.path.stem.replace("_", " ").replace("-", " ").capitalize()


def read_notebook_file(path: Path) -> Notebook:
    """Read a notebook of format 4.

    Raises:
        AuthoringError: it cannot be read, or is no notebook.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        cells = content["cells"]
        found = tuple(
            Cell(number, cell["cell_type"], _text(cell["source"]), dict(cell.get("metadata", {})), _shown(cell))
            for number, cell in enumerate(cells, start=1)
        )
        return Notebook(path, found, dict(content.get("metadata", {})))
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise AuthoringError(
            f"this is not a notebook of format 4 ({type(error).__name__}: {error})",
            where=path,
            fix="save it with a current Jupyter",
        ) from error


def _text(source: object) -> str:
    return source if isinstance(source, str) else "".join(map(str, source))  # type: ignore[call-overload]


def _shown(cell: dict[str, Any]) -> str:
    """What a cell printed and gave, as text."""
    parts = []
    for output in cell.get("outputs", ()):
        if output.get("output_type") == "stream":
            parts.append(_text(output.get("text", "")))
        elif output.get("output_type") in ("execute_result", "display_data"):
            parts.append(_text(output.get("data", {}).get("text/plain", "")) + "\n")
    return "".join(parts).strip()
