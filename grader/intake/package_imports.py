"""Imports of the asked modules as parts of a package, which an editor wrote: read as imports of the modules themselves."""

from __future__ import annotations

import ast
import importlib.util
from collections.abc import Collection, Iterator, Mapping

from grader.errors import UNREADABLE
from grader.intake.source_text import decode
from grader.python_source import parse


def plain_imports(
    files: Mapping[str, bytes], asked: Collection[str], taken: Collection[str]
) -> tuple[dict[str, bytes], list[str]]:
    """``files`` with the modules at the top importing each other by their plain names, and what the student reads of it.

    ``from .backprop import f`` has no package here, and neither has ``from hw2.backprop import f`` once the folder that
    everything was in is gone. Changed is what could only fail otherwise, and what would import a second copy.

    Args:
        files: an upload's files, each asked one in its place.
        asked: the names of the modules that the assignment asks for.
        taken: the paths that asked files were taken from.

    """
    made = dict(files)
    notes: list[str] = []
    here = {path.removesuffix(".py") for path in files if path.endswith(".py") and "/" not in path}
    stems = {file.removesuffix(".py") for file in asked}
    for path, data in files.items():
        if "/" in path or not path.endswith(".py"):
            continue
        try:
            text = decode(data).removeprefix("\ufeff")
            edits = sorted(_edits(parse(text), here, stems, files, taken))
        except UNREADABLE:
            continue
        if not edits:
            continue
        lines = text.encode().split(b"\n")
        for first, start, last, end, new in reversed(edits):
            old = lines[first - 1 : last]
            tail = old[-1][end:]
            lines[first - 1 : last] = [old[0][:start] + new.encode() + tail, *([b""] * (last - first))]
        made[path] = b"\n".join(lines)
        first, _, _, _, new = edits[0]
        notes.append(
            f"`{path}`, line {first}: read as `{new}`; the graded files are not a package, so import modules by name."
        )
    return made, notes


def _edits(
    tree: ast.Module, here: Collection[str], stems: Collection[str], files: Collection[str], taken: Collection[str]
) -> Iterator[tuple[int, int, int, int, str]]:
    """Each import to be changed: first line, byte, last line, byte, and the new text."""
    for node in ast.walk(tree):
        new = None
        match node:
            case ast.ImportFrom(module=None, level=1, names=names) if all(item.name in here for item in names):
                new = ast.unparse(ast.Import(names))
            case ast.ImportFrom(module=str(module), level=level, names=names) if level and module in here:
                new = ast.unparse(ast.ImportFrom(module, names, 0))
            case ast.ImportFrom(module=str(module), level=0, names=names):
                stem = module.rpartition(".")[2]
                if stem in stems and _is_astray(module, files, taken):
                    new = ast.unparse(ast.ImportFrom(stem, names, 0))
                elif all(item.name in stems and _is_astray(f"{module}.{item.name}", files, taken) for item in names):
                    new = ast.unparse(ast.Import(names))  # `from src import backprop`
            case ast.Import(names=[ast.alias(name=module, asname=str(name))]):
                stem = module.rpartition(".")[2]
                if stem in stems and _is_astray(module, files, taken):
                    new = f"import {stem} as {name}"
        if new is not None and isinstance(node, ast.stmt):
            assert node.end_lineno is not None
            assert node.end_col_offset is not None
            yield node.lineno, node.col_offset, node.end_lineno, node.end_col_offset, new


def _is_astray(module: str, files: Collection[str], taken: Collection[str]) -> bool:
    """True where the dotted ``module`` is a file that was moved to the top, or is in a package that is not there."""
    top, dot, _ = module.partition(".")
    if not dot:
        return False
    if f"{module.replace('.', '/')}.py" in taken:
        return True
    if any(path.startswith((f"{top}/", f"{top}.py")) for path in files):
        return False
    try:
        return importlib.util.find_spec(top) is None
    except (ImportError, ValueError):
        return False
