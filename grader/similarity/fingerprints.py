"""Fingerprints of code by winnowing (Schleimer, Wilkerson, Aiken: Winnowing, SIGMOD 2003), for each function and class."""

from __future__ import annotations

import ast
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

from grader.errors import UNREADABLE
from grader.python_source import DEFINITIONS, bound_names, first_line, parse
from grader.similarity.canonical import Canonical, Tokens

#: Tokens of a print, and neighbouring prints of which the smallest is kept: what is shared over ``GRAM + WINDOW - 1`` tokens
#: is found for certain. tools/similarity measures both.
GRAM, WINDOW = 12, 4


@dataclass(frozen=True, slots=True)
class Unit:
    """A function, a method, a class without its methods, or (with an empty name) what else a module says.

    ``name`` is dotted, ``line`` the number of its first line, ``text`` its source, ``prints`` its fingerprints.
    """

    file: str
    name: str
    line: int
    text: str
    prints: frozenset[int]
    modules: frozenset[str] = frozenset()
    """Names that its file imports."""


def units_of(files: Mapping[str, bytes]) -> tuple[Unit, ...]:
    """The units of Python files, by relative path; files that are not Python have none."""
    found: list[Unit] = []
    for file, data in files.items():
        if file.endswith(".py"):
            try:
                tree = parse(data)
                text = data.decode("utf-8", "replace")
            except UNREADABLE:
                continue
            found += _units(file, tree, text.splitlines())
    return tuple(found)


def _units(file: str, tree: ast.Module, lines: list[str]) -> Iterator[Unit]:
    modules = frozenset(
        name for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom) for name in bound_names(node)
    )
    for name, node in _parts(tree, ""):
        if isinstance(node, ast.Module):
            rest = [item for item in node.body if not isinstance(item, DEFINITIONS)]
            yield Unit(file, name, 1, "", _prints_of(ast.Module(rest, []), modules), modules)
            continue
        first = first_line(node)
        text = textwrap.dedent("\n".join(lines[first - 1 : node.end_lineno]))
        yield Unit(file, name, first, text, _prints(text, modules, isinstance(node, ast.ClassDef)), modules)


def _parts(node: ast.Module | ast.ClassDef, prefix: str) -> Iterator[tuple[str, ast.Module | ast.stmt]]:
    if isinstance(node, ast.Module):
        yield "", node
    for item in node.body:
        if isinstance(item, DEFINITIONS):
            yield f"{prefix}{item.name}", item
            if isinstance(item, ast.ClassDef):
                yield from _parts(item, f"{prefix}{item.name}.")


@lru_cache(maxsize=100_000)  # a class hands in the same stub, and many the same short function
def _prints(text: str, modules: frozenset[str], is_class: bool) -> frozenset[int]:
    try:
        node = parse(text).body[0]
    except (*UNREADABLE, IndexError):
        return frozenset()
    if is_class and isinstance(node, ast.ClassDef):
        node.body = [item for item in node.body if not isinstance(item, DEFINITIONS)]
    return _prints_of(node, modules)


def _prints_of(root: ast.Module | ast.stmt, modules: frozenset[str]) -> frozenset[int]:
    """The prints of a statement, or of all of a module; none of what nests too deep to follow."""
    try:
        return winnow(Canonical(root, modules).of(root.body if isinstance(root, ast.Module) else [root]))
    except RecursionError:
        return frozenset()


def winnow(tokens: Tokens, gram: int = GRAM, window: int = WINDOW) -> frozenset[int]:
    """The prints of a sequence of tokens; none where it is shorter than one print."""
    hashes = [hash(tokens[at : at + gram]) for at in range(len(tokens) - gram + 1)]
    if len(hashes) <= window:
        return frozenset((min(hashes),)) if hashes else frozenset()
    return frozenset(min(hashes[at : at + window]) for at in range(len(hashes) - window + 1))
