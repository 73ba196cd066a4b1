"""The code in a student's notebook, read as text: which cell is for which file, with magics and shell lines taken out.

Nothing here runs a line of it, and nothing that a file can hold makes it raise.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from grader.errors import UNREADABLE
from grader.intake.filenames import UploadProblem, safe_name
from grader.intake.ipython_syntax import CELL_MAGIC, FOREIGN, dedented, driven, neutralise
from grader.intake.source_text import other_kind
from grader.python_source import parse

#: Bytes of a notebook, and characters of all its code; a notebook without data has a hundredth of it.
MAX_NOTEBOOK = 60 * 1024 * 1024
MAX_CODE = 2 * 1024 * 1024
_MOST_MAGICS = 20

_FILE_COMMENT = re.compile(r"\s*#\s*(?:file|@file|module)\s*:?\s*`?(?P<file>[\w.-]+\.py)`?\s*$", re.IGNORECASE)


_OTHER_LANGUAGES = frozenset(
    {
        "R",
        "r",
        "julia",
        "Julia",
        "octave",
        "matlab",
        "scala",
        "java",
        "javascript",
        "bash",
        "c++",
        "C++17",
        "sql",
        "rust",
    }
)


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell. ``number`` counts all cells from 1; ``file`` is the file it belongs to, or None.

    ``whole`` says that the cell is the text of ``file`` (``%%writefile``), ``appends`` that it adds to it. ``problem``
    says why the cell cannot be read as Python, ``aside`` why it is no code that Jupyter would run: a phrase.
    """

    number: int
    source: str
    file: str | None = None
    whole: bool = False
    appends: bool = False
    problem: str = ""
    aside: str = ""


@dataclass(frozen=True, slots=True)
class Notebook:
    """A notebook's cells, or the ``problem`` with the notebook as a whole, in words for the student."""

    name: str
    cells: tuple[Cell, ...] = ()
    problem: str = ""


def read_notebook(name: str, data: bytes, files: Sequence[str]) -> Notebook:
    """Read the notebook ``name``; ``files`` are the modules that the assignment asks for."""
    if len(data) > MAX_NOTEBOOK:
        return Notebook(name, problem="is too large; clear its outputs, and hand it in again")
    try:
        # Any of JSON's encodings, with a mark or without.
        content = json.loads(data)
    except (ValueError, RecursionError) as error:
        if kind := other_kind(data):
            return Notebook(name, problem=f"is {kind}")
        line = f" (line {error.lineno})" if isinstance(error, json.JSONDecodeError) else ""
        if re.search(rb"^<<<<<<< ", data, re.MULTILINE):
            return Notebook(
                name, problem=f"has a merge conflict of Git in it{line}; settle it and hand the notebook in again"
            )
        return Notebook(name, problem=f"is damaged: it is not JSON{line}; save or download it again")
    cells = _cells(content)
    if (language := _language(content)) in _OTHER_LANGUAGES:
        return Notebook(name, problem=f"is in {language}, and Python is graded; choose a Python kernel")
    if cells is None:
        return Notebook(name, problem="is not a notebook of format 4; save it with a current Jupyter")
    found: list[Cell] = []
    room = MAX_CODE
    for number, cell in enumerate(cells, start=1):
        source = _source(cell)
        if source is None:
            continue
        room -= len(source)
        if room < 0:
            return Notebook(name, problem="holds too much code; remove data from it")
        kind = cell.get("cell_type") if isinstance(cell, dict) else None
        if kind == "code" and _sets_up(cell):
            found.append(Cell(number, ""))
        elif kind == "code":
            found.append(_cell(number, source, _released_file(cell), files))
        elif kind in ("markdown", "raw"):
            aside = "it is a Markdown cell" if kind == "markdown" else "it is a raw cell"
            found.append(Cell(number, source, aside=aside))
    return Notebook(name, tuple(found))


def _language(content: object) -> str:
    """What the notebook says that it is written in, in lower case; "" where it says nothing."""
    found: object = content
    for key, inner in (("kernelspec", "language"), ("language_info", "name")):
        found = content.get("metadata") if isinstance(content, dict) else None
        found = found.get(key) if isinstance(found, dict) else None
        found = found.get(inner) if isinstance(found, dict) else None
        if isinstance(found, str):
            return found
    return ""


def _cells(content: object) -> list[object] | None:
    if not isinstance(content, dict):
        return None
    cells = content.get("cells")
    if isinstance(cells, list):
        return cells
    sheets = content.get("worksheets")  # format 3
    if not isinstance(sheets, list):
        return None
    return [
        cell
        for sheet in sheets
        if isinstance(sheet, dict) and isinstance(sheet.get("cells"), list)
        for cell in sheet["cells"]
    ]


def _source(cell: object) -> str | None:
    if not isinstance(cell, dict):
        return None
    source = cell.get("source", cell.get("input"))
    if isinstance(source, list):
        source = "".join(part for part in source if isinstance(part, str))
    if not isinstance(source, str):
        return None
    # JSON can escape half a character, which no file can hold.
    source = source.encode(errors="replace").decode()
    return source.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")


def _released_file(cell: object) -> str | None:
    """The file that the release wrote into the cell's metadata."""
    file = _ours(cell).get("file")
    return file if isinstance(file, str) else None


def _sets_up(cell: object) -> bool:
    """Whether the release wrote the cell to set up a student's machine: no part of what is handed in."""
    return _ours(cell).get("setup") is True


def _ours(cell: object) -> dict[str, Any]:
    """What the release wrote into the cell's metadata."""
    metadata = cell.get("metadata") if isinstance(cell, dict) else None
    ours = metadata.get("autograde") if isinstance(metadata, dict) else None
    return ours if isinstance(ours, dict) else {}


def _cell(number: int, source: str, released: str | None, files: Sequence[str]) -> Cell:
    file = released if released in files else None
    for _ in range(_MOST_MAGICS):
        magic = CELL_MAGIC.match(source)
        if magic is None:
            break
        rest = magic["rest"].split()
        body = source[magic.end() :]
        name = magic["name"]
        if name in ("writefile", "file"):
            return _written(number, body, magic["rest"], files)
        if name == "part":
            target = rest[0] if rest else ""
            file = target if target in files else file
        elif name in FOREIGN:
            return Cell(number, body, aside=f"it begins with %%{name}")
        # The line stays, empty, so that line numbers are those of the cell.
        source = "\n" * source[: magic.end()].count("\n") + body
    if comment := _FILE_COMMENT.match(source.strip().partition("\n")[0]):
        file = comment["file"] if comment["file"] in files else file
    return _checked(number, source, file)


def _written(number: int, body: str, rest: str, files: Sequence[str]) -> Cell:
    """A ``%%writefile`` cell: an asked file in whatever folder, or another file of the student's."""
    words = re.findall(r"\"[^\"]*\"|'[^']*'|\S+", rest)
    appends = any(word in ("-a", "--append") for word in words)
    target = " ".join(word.strip("\"'") for word in words if not word.startswith("-")).replace("\\", "/")
    name = PurePosixPath(target).name
    asked = {file.casefold(): file for file in files}
    known = asked.get(name.casefold())
    if known is None:
        absolute = target.startswith(("/", "~", "$", "{")) or re.match(r"[A-Za-z]:", target)
        try:
            known = safe_name(name if absolute else target)
        except UploadProblem:
            return Cell(number, body, aside=f"it writes the file {target!r}")
    return Cell(number, body, known, whole=True, appends=appends)


def _checked(number: int, source: str, file: str | None) -> Cell:
    for text in _readings(source):
        try:
            tree = parse(text)
        except UNREADABLE as error:
            problem = _words(error)
        else:
            return Cell(number, driven(text, tree), file)
    return Cell(number, source, file, problem=problem)


def _readings(source: str) -> Iterator[str]:
    yield source
    yield neutralise(source)
    yield dedented(source)
    yield neutralise(dedented(source))


def _words(error: BaseException) -> str:
    if isinstance(error, SyntaxError):
        text = (error.text or "").strip()[:80]
        shown = f": `{text}`" if text else ""
        return f"{error.msg} (line {error.lineno or 1} of the cell{shown})"
    return "it is nested too deeply or too large for Python to read"
