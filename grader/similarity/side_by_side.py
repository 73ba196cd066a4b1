"""Two functions side by side, with the lines marked that say the same once names and ways to write are set aside."""

from __future__ import annotations

import ast
import difflib
from collections.abc import Iterator
from dataclasses import dataclass

from grader.errors import UNREADABLE
from grader.python_source import parse
from grader.similarity.canonical import Canonical, Tokens
from grader.similarity.fingerprints import Unit
from grader.text import clean, shorten

#: Lines of a function that are shown.
MAX_LINES = 120


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a function: its number in the file, its text, and whether the other function says the same."""

    number: int
    text: str
    same: bool


def side_by_side(first: Unit, second: Unit) -> tuple[list[Line], list[Line]]:
    """The lines of both functions. Statements are aligned by their canonical forms, whatever stands between them."""
    try:
        mine, theirs = _statements(first), _statements(second)
    except RecursionError:  # nested too deep to follow: shown, and not aligned
        mine, theirs = [], []
    matcher = difflib.SequenceMatcher(None, [form for form, _ in mine], [form for form, _ in theirs], autojunk=False)
    same: tuple[set[int], set[int]] = set(), set()
    for block in matcher.get_matching_blocks():
        for step in range(block.size):
            same[0].update(mine[block.a + step][1])
            same[1].update(theirs[block.b + step][1])
    return _lines(first, same[0]), _lines(second, same[1])


def _lines(unit: Unit, same: set[int]) -> list[Line]:
    lines = unit.text.splitlines()
    shown = [Line(unit.line + at, shorten(clean(text)), at in same) for at, text in enumerate(lines[:MAX_LINES])]
    if len(lines) > MAX_LINES:
        shown.append(Line(unit.line + MAX_LINES, f"… and {len(lines) - MAX_LINES} more lines", same=False))
    return shown


def _statements(unit: Unit) -> list[tuple[Tokens, range]]:
    """The canonical form of each statement, without what stands inside of it, and the lines of its head from 0."""
    try:
        tree = parse(unit.text)
    except UNREADABLE:
        return []
    forms = Canonical(tree.body[0] if tree.body else tree, unit.modules, inline=False)
    found = []
    for node in _walk(tree.body):
        form = forms.statement(node, head=True)
        if form:
            found.append((form, range(node.lineno - 1, _head_end(node))))
    return found


def _walk(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    for node in body:
        yield node
        for name in ("body", "handlers", "orelse", "finalbody"):
            for inner in getattr(node, name, []):
                yield from _walk(inner.body if isinstance(inner, ast.ExceptHandler) else [inner])


def _head_end(node: ast.stmt) -> int:
    """The last line of a statement, without the statements inside of it and the comments above them."""
    if not getattr(node, "body", None):
        return node.end_lineno or node.lineno
    heads = [child for child in ast.iter_child_nodes(node) if not isinstance(child, ast.stmt | ast.ExceptHandler)]
    ends = [getattr(part, "end_lineno", None) or 0 for head in heads for part in ast.walk(head)]
    return max([node.lineno, *ends])
