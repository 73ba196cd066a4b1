"""Where in the student's code: the line that raised, or the function that a check called last."""

from __future__ import annotations

import ast
import functools
from collections.abc import Mapping

from grader.errors import UNREADABLE
from grader.python_source import bound_names, parse
from grader.records import Place
from grader.sandbox.faults import ImportFailed, StudentError, StudentFrame, clean_text

#: Lines shown before and after.
_AROUND = 2
#: Lines shown of what a check called.
_SHOWN = 8
_WIDTH = 160


def raised_at(error: StudentError | ImportFailed, files: Mapping[str, bytes]) -> Place | None:
    """The innermost line of the student's own that an exception passed through."""
    for frame in reversed(error.frames):
        if (place := _at_frame(frame, files)) is not None:
            return place
    return None


def _at_frame(frame: StudentFrame, files: Mapping[str, bytes]) -> Place | None:
    lines = _lines(files.get(frame.file))
    # What a frame says comes from the worker: it is only used to choose among lines that were handed in.
    if not 1 <= frame.line <= len(lines):
        return None
    first = max(1, frame.line - _AROUND)
    return _place(frame.file, frame.line, first, lines[first - 1 : frame.line + _AROUND], "It was raised here.")


def defined_at(name: str, file: str, files: Mapping[str, bytes], *, only: bool) -> Place | None:
    """The beginning of a function, or of a method as ``Net.forward``: its ``def``, and what the student wrote below it.

    ``only`` is whether the check called no other.
    """
    source = files.get(file)
    node = _find(name, source)
    lines = _lines(source)
    if node is None or not 1 <= node.lineno <= len(lines):
        return None
    what = "This is the function that the check called." if only else "This is the last function that the check called."
    first, last = _beginning(node)
    return _place(file, node.lineno, first, lines[first - 1 : last], what)


def _beginning(node: ast.stmt) -> tuple[int, int]:
    """The first and the last line to show of a definition: its head and where its body begins.

    A docstring that is longer than what is shown is left out with the head: the student has not written it.
    """
    if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return node.lineno, min(node.end_lineno or node.lineno, node.lineno + _SHOWN - 1)
    end = node.end_lineno or node.lineno
    match node.body:
        case [ast.Expr(value=ast.Constant(value=str())), written, *_] if written.lineno - node.lineno >= _SHOWN - 2:
            return written.lineno, min(end, written.lineno + _SHOWN - 1)
    return node.lineno, min(end, node.lineno + _SHOWN - 1)


@functools.lru_cache(maxsize=8)
def _parsed(source: bytes | None) -> tuple[ast.stmt, ...]:
    """The statements of a file; none where it does not parse. Kept, since every check that fails asks for it."""
    try:
        return tuple(parse(source or b"").body)
    except UNREADABLE:
        return ()


def _find(name: str, source: bytes | None) -> ast.stmt | None:
    """The statement that binds a name last; for a method that the class does not have itself, the class."""
    body = _parsed(source)
    found: ast.stmt | None = None
    for part in name.split("."):
        binding = [node for node in body if _rebinds(node, part)]
        if not binding or isinstance(binding[-1], (ast.Import, ast.ImportFrom, ast.Delete)):
            return found
        found = binding[-1]
        body = tuple(found.body) if isinstance(found, ast.ClassDef) else ()
    return found


def _rebinds(node: ast.stmt, name: str) -> bool:
    """Whether a statement of a module or a class gives ``name`` its meaning, or takes it away."""
    if isinstance(node, ast.Delete):
        return any(
            isinstance(item, ast.Name) and item.id == name for target in node.targets for item in ast.walk(target)
        )
    # What is bound inside an `if` or `try` stands further down than its line.
    return not isinstance(node, ast.If | ast.Try) and name in bound_names(node)


def _lines(source: bytes | None) -> list[str]:
    if source is None:
        return []
    # As Python numbers lines; the encoding matters for nothing but how they look.
    return source.decode("utf-8", "replace").replace("\r\n", "\n").replace("\r", "\n").split("\n")


def _place(file: str, line: int, first: int, lines: list[str], what: str) -> Place:
    shown = tuple(clean_text(text.expandtabs(4).rstrip(), _WIDTH) for text in lines)
    return Place(file=clean_text(file, 200), line=line, first=first, lines=shown, what=what)
