"""What the released notebook uses on a student's machine: modules that can be written in cells.

``%load_ext grader.student`` brings two magics. ``%modules a.py b.py`` makes modules importable that are not there as
files, as on a machine that has nothing but the notebook. ``%%part a.py`` runs a cell inside the module ``a``, so
that what is defined there is what everybody who imports ``a`` gets. The grader reads such a cell as text, and takes
from it what the file does not have.
"""

from __future__ import annotations

import ast
import importlib
import importlib.util
import sys
import types
from pathlib import Path
from typing import Any

#: Modules that were named so far; what one of them imports from another is kept up to date.
_MODULES: dict[str, types.ModuleType] = {}


def load_ipython_extension(shell: Any) -> None:
    """Called by ``%load_ext grader.student``."""
    shell.register_magic_function(modules, "line", "modules")
    shell.register_magic_function(part, "cell", "part")


def modules(line: str) -> None:
    """Make the modules of the given files importable, from their files where these are there, else empty."""
    for file in line.split():
        _module(file)


def part(line: str, cell: str) -> None:
    """Run a cell inside the module of the file that ``line`` names.

    Where the file has a definition that is written, that one stays: the grader prefers the file as well.
    """
    file = line.split(maxsplit=1)[0] if line.split() else ""
    module = _module(file)
    label = f"<the notebook's part of {file}>"
    kept = []
    filed = _filed(module)
    for node in ast.parse(cell, label).body:
        name = getattr(node, "name", "")
        if name in filed and (_unfinished(node) or not _unfinished(filed[name])):
            kept.append(name)
            continue
        before = dict(vars(module))
        code = compile(ast.Module([node], []), label, "exec")
        exec(code, vars(module))  # noqa: S102 - the student's own cell, on the student's own machine
        _tell_others(module, before)
    if kept:
        sys.stdout.write(f"taken from {file}, not from this cell: {', '.join(kept)}\n")


def _module(file: str) -> types.ModuleType:
    name = file.removesuffix(".py")
    if not file.endswith(".py") or not name.isidentifier():
        raise ValueError(f"{file!r} is not a module's file name, such as model.py")
    if name not in _MODULES or sys.modules.get(name) is not _MODULES[name]:
        if name in sys.modules:
            module = sys.modules[name]
        elif Path(file).is_file():
            if str(Path.cwd()) not in sys.path:
                sys.path.insert(0, str(Path.cwd()))
            module = importlib.import_module(name)
        else:
            module = sys.modules[name] = types.ModuleType(name, "Written in the notebook.")
        _MODULES[name] = module
    return _MODULES[name]


def _filed(module: types.ModuleType) -> dict[str, ast.AST]:
    """The functions and classes of the module's file, as it is now; none where there is no file."""
    path = getattr(module, "__file__", None)
    try:
        tree = ast.parse(Path(path).read_bytes()) if path else ast.Module([], [])
    except (OSError, SyntaxError, ValueError):
        return {}
    return {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)}


def _unfinished(node: ast.AST) -> bool:
    """True where a placeholder is still in it."""
    return any(
        isinstance(item, ast.Raise)
        and isinstance(item.exc, ast.Call)
        and isinstance(item.exc.func, ast.Name)
        and item.exc.func.id == "NotImplementedError"
        for item in ast.walk(node)
    )


def _tell_others(module: types.ModuleType, before: dict[str, Any]) -> None:
    """Where another module has imported a name, give it the new version as well."""
    for name, value in vars(module).items():
        if name.startswith("__") or before.get(name) is value or name not in before:
            continue
        for other in _MODULES.values():
            if other is not module and vars(other).get(name) is before[name]:
                setattr(other, name, value)
