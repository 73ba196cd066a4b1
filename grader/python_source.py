"""Reading Python source without running it: its tree, what a statement binds, what it imports, where it begins."""

from __future__ import annotations

import ast
import functools
import warnings
from collections.abc import Iterator

#: Statements that define something with a body of its own.
DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


def parse(source: str | bytes, name: str = "<unknown>") -> ast.Module:
    """``source`` as a tree, without the warnings that compiling it would print. Bytes are read as Python reads them.

    Raises:
        SyntaxError, ValueError, RecursionError, MemoryError: it is not Python, too deep or too large
            (:data:`grader.errors.UNREADABLE`).
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ast.parse(source, name)


def first_line(node: ast.stmt) -> int:
    """The number of the line that a statement begins on, its decorators included."""
    decorators: list[ast.expr] = getattr(node, "decorator_list", [])
    return min([node.lineno, *(item.lineno for item in decorators)])


def bound_names(node: ast.stmt) -> list[str]:
    """The names that a statement binds where it stands, also those that it binds inside an ``if`` or ``try``."""
    match node:
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
            return [node.name]
        case ast.Import() | ast.ImportFrom():
            return [(alias.asname or alias.name).partition(".")[0] for alias in node.names if alias.name != "*"]
        case ast.Assign():
            targets = [item for target in node.targets for item in ast.walk(target)]
            return [item.id for item in targets if isinstance(item, ast.Name) and isinstance(item.ctx, ast.Store)]
        case ast.AnnAssign(target=ast.Name(id=name)) if node.value is not None:
            return [name]
        case ast.AugAssign(target=ast.Name(id=name)):
            return [name]
        case ast.If() | ast.Try():
            inside = [child for child in ast.iter_child_nodes(node) if isinstance(child, ast.stmt)]
            inside += [child for handler in getattr(node, "handlers", []) for child in handler.body]
            return [name for child in inside for name in bound_names(child)]
    return []


def imports_of(node: ast.AST) -> Iterator[str]:
    """What a node imports, as dotted names; ``from a import b`` gives ``a`` and ``a.b``, a relative import nothing."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
        yield node.module
        yield from (f"{node.module}.{alias.name}" for alias in node.names)


def imports_in(tree: ast.AST) -> tuple[frozenset[str], bool]:
    """Top-level names of the modules that a tree imports anywhere, and whether it imports from its own package."""
    nodes = [node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)]
    tops = frozenset(name.partition(".")[0] for node in nodes for name in imports_of(node))
    return tops, any(isinstance(node, ast.ImportFrom) and node.level for node in nodes)


@functools.lru_cache(maxsize=16)  # asked for by the rules and again for each worker
def module_imports(source: str | bytes) -> tuple[frozenset[str], bool]:
    """Top-level names of the modules that ``source`` imports anywhere, and whether it imports from its own package.

    Raises:
        SyntaxError, ValueError, RecursionError, MemoryError: as :func:`parse`.
    """
    return imports_in(parse(source))


def imported_modules(source: str | bytes) -> frozenset[str]:
    """Top-level names of the modules that ``source`` imports anywhere.

    Raises:
        SyntaxError, ValueError, RecursionError, MemoryError: as :func:`parse`.
    """
    return module_imports(source)[0]
