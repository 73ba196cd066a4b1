"""Cuts a stub from a solution module: what stands between the solution markers goes, every other byte stays."""

from __future__ import annotations

import ast
import io
import re
import tokenize
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING

from grader.errors import AuthoringError
from grader.python_source import parse

if TYPE_CHECKING:
    from pathlib import Path

    from grader.course import Assignment

BEGIN = "### BEGIN SOLUTION"
END = "### END SOLUTION"
PLACEHOLDER = "# YOUR CODE HERE"

#: Any comment that was meant as a marker; one that is not spelt exactly would leak its region.
_MEANT = re.compile(r"#+\s*(BEGIN|END)[\s_-]*SOLUTION", re.IGNORECASE)
_Def = (ast.FunctionDef, ast.AsyncFunctionDef)


@dataclass(frozen=True, slots=True)
class Region:
    """One solution region. Lines count from 1 and include the two marker lines."""

    first: int
    last: int
    indent: str
    owner: str | None
    """Dotted name of the function that the region is written in; None at class or module level."""


@dataclass(frozen=True, slots=True)
class _Marker:
    kind: str
    line: int
    indent: str


def find_regions(source: str, where: str | Path) -> tuple[Region, ...]:
    """The solution regions of ``source``, in order.

    Args:
        source: text of a Python module.
        where: the file's name, for messages.

    Raises:
        AuthoringError: the module does not parse, or a marker is misspelt, unpaired, nested, shares its line with
            code, or is not indented like the lines that it encloses.

    """
    tree = _parse(source, where)
    open_marker: _Marker | None = None
    regions: list[Region] = []
    for marker in _markers(source, where):
        here = f"{where}:{marker.line}"
        if marker.kind == "BEGIN":
            if open_marker is not None:
                raise AuthoringError(
                    f"a solution region opens inside the one that opened on line {open_marker.line}",
                    where=here,
                    fix=f"close the first with `{END}` before this line; regions do not nest",
                )
            open_marker = marker
            continue
        if open_marker is None:
            raise AuthoringError(
                f"`{END}` without a `{BEGIN}` before it", where=here, fix="add the missing marker, or remove this one"
            )
        regions.append(_region(tree, open_marker, marker, where))
        open_marker = None
    if open_marker is not None:
        raise AuthoringError(
            f"`{BEGIN}` is never closed", where=f"{where}:{open_marker.line}", fix=f"add `{END}` after the solution"
        )
    return tuple(regions)


def make_stubs(assignment: Assignment) -> dict[str, bytes]:
    """What students get of each module, by file name: what is handed in by whoever has written nothing.

    Raises:
        AuthoringError: a module cannot be read, or :func:`make_stub` refuses it.

    """
    return {
        file: make_stub(content.decode("utf-8"), _relative(assignment.solution_folder / file, assignment.root)).encode()
        if file.endswith(".py")
        else content
        for file, content in assignment.solution_files().items()
    }


def make_stub(source: str, where: str | Path) -> str:
    """The stub of a solution module.

    A region inside a function becomes a ``NotImplementedError`` that names the function; one at class or module
    level becomes a comment. The newlines of the file are kept as they are.

    Raises:
        AuthoringError: as :func:`find_regions`, or what is left does not compile.

    """
    lines = split_lines(source)
    regions = find_regions(source, where)
    for region in reversed(regions):
        newline = "\r\n" if lines[region.first - 1].endswith("\r\n") else "\n"
        text = PLACEHOLDER
        if region.owner is not None:
            text = f'raise NotImplementedError("{region.owner}: write your solution here")'
        last = lines[region.last - 1]
        lines[region.first - 1 : region.last] = [region.indent + text + (newline if last.endswith("\n") else "")]
    stub = "".join(lines)
    try:
        _compile(stub, where)
    except SyntaxError as error:
        nearest = _source_line(error.lineno or 1, regions)
        raise AuthoringError(
            f"without its solution regions the module does not compile: {error.msg}",
            where=f"{where}:{nearest}",
            fix="leave a docstring, `pass` or another statement outside the region",
        ) from error
    return stub


def split_lines(text: str) -> list[str]:
    """``text`` as lines that keep their ends; only a line feed ends a line, as in Python's own line numbers."""
    return re.findall(r"[^\n]*\n|[^\n]+", text)


def _compile(text: str, where: str | Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SyntaxWarning)
        compile(text, str(where), "exec", dont_inherit=True)


def _parse(source: str, where: str | Path) -> ast.Module:
    try:
        return parse(source, str(where))
    except (SyntaxError, ValueError) as error:
        line = getattr(error, "lineno", None) or 1
        raise AuthoringError(
            f"the solution is not valid Python: {error}", where=f"{where}:{line}", fix="correct the module"
        ) from error


def _markers(source: str, where: str | Path) -> list[_Marker]:
    """The markers of a module. Only comments count: a string may speak of markers."""
    found: list[_Marker] = []
    for token in tokenize.generate_tokens(io.StringIO(source, newline="").readline):
        if token.type != tokenize.COMMENT or not (meant := _MEANT.match(token.string)):
            continue
        kind = meant.group(1).upper()
        exact = BEGIN if kind == "BEGIN" else END
        line, column = token.start
        before = token.line[:column]
        if before.strip():
            raise AuthoringError(
                "a solution marker shares its line with code", where=f"{where}:{line}", fix="give it a line of its own"
            )
        if token.string.rstrip() != exact:
            raise AuthoringError(
                f"`{token.string.strip()}` looks like a solution marker but is not spelt like one",
                where=f"{where}:{line}",
                fix=f"write exactly `{exact}`",
            )
        found.append(_Marker(kind, line, before))
    return found


def _region(tree: ast.Module, begin: _Marker, end: _Marker, where: str | Path) -> Region:
    here = f"{where}:{begin.line}"
    if begin.indent != end.indent:
        raise AuthoringError(
            f"`{END}` is indented otherwise than the `{BEGIN}` on line {begin.line}",
            where=f"{where}:{end.line}",
            fix="indent both markers like the code between them",
        )
    inside = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.stmt) and begin.line < _first_line(node) and _first_line(node) < end.line
    ]
    if not inside:
        raise AuthoringError(
            "the solution region holds no statement", where=here, fix="move the markers around the solution's lines"
        )
    inside.sort(key=_first_line)
    width = len(begin.indent)
    for node in inside:
        last = node.end_lineno or node.lineno
        outlier = node is inside[0] and node.col_offset != width
        if outlier or node.col_offset < width:
            raise AuthoringError(
                f"the markers are indented by {width}, the code on line {node.lineno} by {node.col_offset}",
                where=here,
                fix="indent the markers like the code that they enclose, and keep a region inside one block",
            )
        if last > end.line:
            raise AuthoringError(
                f"the statement on line {node.lineno} is cut by the end of the region",
                where=f"{where}:{end.line}",
                fix="let the region hold whole statements",
            )
    return Region(begin.line, end.line, begin.indent, _owner(tree, inside[0]))


def _first_line(node: ast.stmt) -> int:
    if isinstance(node, (*_Def, ast.ClassDef)):
        return min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
    return node.lineno


def _owner(tree: ast.Module, statement: ast.stmt) -> str | None:
    """Dotted name of the innermost function around ``statement``, its classes and outer functions included."""
    names: list[tuple[str, bool]] = []
    node: ast.AST = tree
    while node is not statement:
        for child in ast.iter_child_nodes(node):
            if any(part is statement for part in ast.walk(child)):
                break
        else:  # pragma: no cover - the statement came from this very tree
            raise AssertionError("a statement outside its tree")
        node = child
        if node is not statement and isinstance(node, (*_Def, ast.ClassDef)):
            names.append((node.name, isinstance(node, _Def)))
    while names and not names[-1][1]:
        names.pop()
    return ".".join(name for name, _ in names) or None


def _source_line(stub_line: int, regions: tuple[Region, ...]) -> int:
    """The solution's line that became line ``stub_line`` of the stub."""
    line = stub_line
    for region in regions:
        if line > region.first:
            line += region.last - region.first
    return line


def _relative(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else path.as_posix()
