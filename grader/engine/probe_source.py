"""An author's hidden/probes.py as one text: what it imports from grader.probes is written into it.

The worker has nothing of ours but the wire. Nothing is looked up by name there either: a submission's own grader.py, or
grader/probes/, cannot take the place of what a probe imports.
"""

from __future__ import annotations

import ast
import functools
from importlib.resources import files
from pathlib import Path

from grader.errors import AuthoringError

_LIBRARY = "grader.probes"


def read_probes(path: Path) -> str:
    """The source of ``path``, with each import from grader.probes replaced by the module that is imported from.

    Every line keeps its number, so that tracebacks show the author's own lines.

    Raises:
        AuthoringError: it does not parse, or it imports something of ours that the worker does not have.
    """
    source = path.read_text(encoding="utf-8")
    try:
        tree = ast.parse(source, str(path))
    except SyntaxError as error:
        where = f"{path}:{error.lineno or 1}"
        raise AuthoringError(f"not valid Python: {error.msg}", where=where, fix="correct the syntax") from error
    lines = source.splitlines(keepends=True)
    top = {id(node) for node in tree.body}
    for node in ast.walk(tree):
        if not _is_ours(node):
            continue
        assert isinstance(node, (ast.Import, ast.ImportFrom))
        where = f"{path}:{node.lineno}"
        alone = lines[node.lineno - 1][: node.col_offset].strip() == "" and _is_last(node, lines)
        if not isinstance(node, ast.ImportFrom) or id(node) not in top or not alone:
            raise AuthoringError(
                "grader.probes is imported in a way that cannot be shipped to the worker",
                where=where,
                fix="write `from grader.probes import NAME` at the top level, on lines of its own",
            )
        if node.module != _LIBRARY:
            raise AuthoringError(
                f"a probe cannot import {node.module}: the worker has only grader.probes of our package",
                where=where,
                fix="import from grader.probes, or move the code into a check",
            )
        last = node.end_lineno or node.lineno
        lines[node.lineno - 1] = _shipped(node, where) + "\n" * (last - node.lineno + 1)
        lines[node.lineno : last] = [""] * (last - node.lineno)
    return "".join(lines)


def _is_ours(node: ast.AST) -> bool:
    if isinstance(node, ast.Import):
        return any(alias.name.partition(".")[0] == "grader" for alias in node.names)
    return isinstance(node, ast.ImportFrom) and not node.level and (node.module or "").partition(".")[0] == "grader"


def _is_last(node: ast.Import | ast.ImportFrom, lines: list[str]) -> bool:
    """Whether nothing but a comment follows the statement on its last line."""
    line = lines[(node.end_lineno or node.lineno) - 1].encode()[node.end_col_offset :].decode()
    return line.strip() == "" or line.lstrip().startswith("#")


def _shipped(node: ast.ImportFrom, where: str) -> str:
    """One line that makes the modules from their source and binds the imported names."""
    library = _library()
    statements = []
    for alias in node.names:
        if alias.name not in library:
            raise AuthoringError(
                f"grader.probes has no {alias.name}", where=where, fix=f"use one of: {', '.join(sorted(library))}"
            )
        module, source = library[alias.name]
        statements += [
            # Registered, so that what is pickled or copied finds its class.
            f"_part = __import__('sys').modules['_probes_{module}'] = __import__('types').ModuleType('_probes_{module}')",
            f"exec(compile({source!r}, 'grader/probes/{module}.py', 'exec'), _part.__dict__)",
            f"{alias.asname or alias.name} = _part.{alias.name}",
        ]
    return "; ".join(statements)


@functools.cache
def _library() -> dict[str, tuple[str, str]]:
    """For each public name of grader.probes: the module that defines it, and that module's source. Imports nothing."""
    folder = files(_LIBRARY)
    tree = ast.parse(folder.joinpath("__init__.py").read_text(encoding="utf-8"))
    found = {}
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and node.module is not None:
            module = node.module.removeprefix(f"{_LIBRARY}.")
            source = folder.joinpath(f"{module}.py").read_text(encoding="utf-8")
            found.update({alias.name: (module, source) for alias in node.names})
    return found
