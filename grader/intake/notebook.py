"""The code in a student's notebook, read as text: which cell is for which file, with magics and shell lines taken out.

Nothing here runs a line of it, and nothing that a file can hold makes it raise.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from grader.errors import UNREADABLE
from grader.python_source import parse

#: Bytes of a notebook, and characters of all its code; a notebook without data has a hundredth of it.
MAX_NOTEBOOK = 60 * 1024 * 1024
MAX_CODE = 2 * 1024 * 1024

_CELL_MAGIC = re.compile(r"\s*%%(?P<name>!|[\w-]+)(?P<rest>[^\n]*)\n?")
_FILE_COMMENT = re.compile(r"\s*#\s*(?:file|@file|module)\s*:?\s*`?(?P<file>[\w.-]+\.py)`?\s*$", re.IGNORECASE)
_LINE_MAGIC = re.compile(r"(?P<indent>[ \t]*)(?:[%!?]|[\w.*%]+\?{1,2}[ \t]*$)")
_ASSIGNED = re.compile(r"(?P<head>[ \t]*[A-Za-z_][\w, \t]*=[ \t]*)(?:!|%(?=[A-Za-z]))")
#: Cell magics whose cell is ordinary Python all the same.
_TRANSPARENT = frozenset({"time", "capture", "prun", "timeit", "python", "python3"})


@dataclass(frozen=True, slots=True)
class Cell:
    """One code cell. ``number`` counts all cells from 1; ``file`` is the file it belongs to, or None.

    ``whole`` says that the cell is the file's text (``%%writefile``), ``appends`` that it adds to it. ``problem`` says
    why it is no Python.
    """

    number: int
    source: str
    file: str | None = None
    whole: bool = False
    appends: bool = False
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Notebook:
    """A notebook's code cells, or the ``problem`` with the notebook as a whole, in words for the student."""

    name: str
    cells: tuple[Cell, ...] = ()
    problem: str = ""


def read_notebook(name: str, data: bytes, files: Sequence[str]) -> Notebook:
    """Read the notebook ``name``; ``files`` are the modules that the assignment asks for."""
    if len(data) > MAX_NOTEBOOK:
        return Notebook(name, problem="is too large; clear its outputs and hand it in again")
    try:
        told = json.loads(data.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        line = f" (line {error.lineno})" if isinstance(error, json.JSONDecodeError) else ""
        return Notebook(name, problem=f"is damaged: it is no JSON{line}; save or download it again")
    cells = told.get("cells") if isinstance(told, dict) else None
    if not isinstance(cells, list):
        return Notebook(name, problem="is no notebook of format 4; save it with a current Jupyter")
    found: list[Cell] = []
    room = MAX_CODE
    for number, cell in enumerate(cells, start=1):
        source = _source(cell)
        if source is None:
            continue
        room -= len(source)
        if room < 0:
            return Notebook(name, problem="holds more code than a notebook can; take out what is data")
        found.append(_cell(number, source, _told_file(cell), files))
    return Notebook(name, tuple(found))


def _source(cell: object) -> str | None:
    if not isinstance(cell, dict) or cell.get("cell_type") != "code":
        return None
    source = cell.get("source")
    if isinstance(source, list):
        source = "".join(part for part in source if isinstance(part, str))
    return source if isinstance(source, str) else None


def _told_file(cell: object) -> str | None:
    """The file that the release wrote into the cell's metadata."""
    metadata = cell.get("metadata") if isinstance(cell, dict) else None
    told = metadata.get("autograde") if isinstance(metadata, dict) else None
    file = told.get("file") if isinstance(told, dict) else None
    return file if isinstance(file, str) else None


def _cell(number: int, source: str, told: str | None, files: Sequence[str]) -> Cell:
    source = source.replace("\r\n", "\n").replace("\r", "\n")
    file = told if told in files else None
    if magic := _CELL_MAGIC.match(source):
        rest = magic["rest"].split()
        body = source[magic.end() :]
        if magic["name"] in ("writefile", "file"):
            target = next((word for word in rest if not word.startswith("-")), "").removeprefix("./")
            known = target if target in files else None
            return Cell(number, body if known else "", known, whole=True, appends="-a" in rest or "--append" in rest)
        if magic["name"] == "part":
            target = rest[0] if rest else ""
            file = target if target in files else file
        elif magic["name"] not in _TRANSPARENT:
            return Cell(number, "")
        # The line stays, empty, so that line numbers are those of the cell.
        source = "\n" * source[: magic.end()].count("\n") + body
    elif comment := _FILE_COMMENT.match(source.partition("\n")[0]):
        file = comment["file"] if comment["file"] in files else file
    return _checked(number, source, file)


def _checked(number: int, source: str, file: str | None) -> Cell:
    try:
        parse(source)
    except UNREADABLE:
        source = neutralise(source)
    try:
        parse(source)
    except UNREADABLE as error:
        return Cell(number, source, file, problem=_words(error))
    return Cell(number, source, file)


def _words(error: BaseException) -> str:
    if isinstance(error, SyntaxError):
        text = (error.text or "").strip()[:80]
        shown = f": `{text}`" if text else ""
        return f"{error.msg} (line {error.lineno or 1} of the cell{shown})"
    return "it is nested too deeply, or too large, for Python to read"


def neutralise(source: str) -> str:
    """``source`` with IPython's magics, shell lines and help requests as ``pass``; lines inside strings stay."""
    lines = source.split("\n")
    for index in _statement_lines(lines):
        line = lines[index]
        if magic := _LINE_MAGIC.match(line):
            lines[index] = f"{magic['indent']}pass"
        elif assigned := _ASSIGNED.match(line):
            names = assigned["head"].rstrip(" \t=").split(",")
            lines[index] = f"{assigned['head']}{', '.join(['None'] * len(names))}"
    return "\n".join(lines)


def _statement_lines(lines: list[str]) -> Iterator[int]:
    """The indices of lines that begin a statement: outside of strings and brackets, after no backslash."""
    quote, depth, carried = "", 0, False
    for index, line in enumerate(lines):
        starts = not quote and depth == 0 and not carried
        if starts:
            yield index
            if _LINE_MAGIC.match(line) or _ASSIGNED.match(line):
                carried = line.endswith("\\")
                continue
        quote, depth = _scan(line, quote, depth)
        carried = not quote and line.endswith("\\")


def _scan(line: str, quote: str, depth: int) -> tuple[str, int]:
    """The open triple quote and the depth of brackets after ``line``."""
    position = 0
    while position < len(line):
        char = line[position]
        if quote:
            if char == "\\":
                position += 1
            elif line.startswith(quote, position):
                position += len(quote) - 1
                quote = ""
        elif char == "#":
            break
        elif char in "\"'":
            quote = char * 3 if line.startswith(char * 3, position) else char
            position += len(quote) - 1
        elif char in "([{":
            depth += 1
        elif char in ")]}":
            depth = max(depth - 1, 0)
        position += 1
    # A plain string ends with its line, whether it was closed or not.
    return (quote if len(quote) == 3 else ""), depth
