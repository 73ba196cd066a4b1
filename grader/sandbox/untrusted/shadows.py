"""Helper files of a submission that are named like a module of the standard library, such as statistics.py.

On the student's machine the file wins: its folder is first on the path. Here it is last, so that nothing of ours and of
torch ever imports a student's file; the import statements in the submission's own files are led to it instead.
"""

from __future__ import annotations

import _imp
import builtins
import sys
from collections.abc import Callable, Iterable
from importlib.machinery import PathFinder
from importlib.util import module_from_spec
from pathlib import Path
from types import ModuleType
from typing import Any


class Shadows:
    """The modules of a submission that hide others from its own files, and from nothing else."""

    def __init__(self, folder: str, asked_for: Iterable[str], load: Callable[[str], ModuleType]) -> None:
        """``load`` gives a module that is ``asked_for``, which is one however it is imported."""
        self._folder = f"{folder}/"
        self._asked_for = frozenset(asked_for)
        self._load = load
        self._names = frozenset(name for name in _importable(Path(folder)) if _is_hidden(name, folder))
        self._own: dict[str, ModuleType] = {}  # by full name: the shadows, and what is below them
        self._in_place: set[str] = set()  # those that an import is being led to just now

    def install(self) -> None:
        """Lead the import statements of the submission's files."""
        if not self._names:
            return
        original = builtins.__import__

        def led(name: str, globals: Any = None, locals: Any = None, fromlist: Any = (), level: int = 0) -> Any:  # noqa: A002
            where = globals or {}
            top = (name if level == 0 else str(where.get("__package__"))).partition(".")[0]
            if top in self._names and str(where.get("__file__")).startswith(self._folder):
                if name in self._asked_for and level == 0:
                    return self._load(name)
                return self._in_place_of(top, lambda: original(name, globals, locals, fromlist, level))
            return original(name, globals, locals, fromlist, level)

        builtins.__import__ = led

    def _in_place_of(self, top: str, step: Callable[[], Any]) -> Any:
        """Import with the student's modules of that name in place of the others, which come back afterwards."""
        if top in self._in_place:
            return step()
        others = _taken(top)
        self._in_place.add(top)
        sys.modules.update({name: module for name, module in self._own.items() if name.partition(".")[0] == top})
        try:
            if top not in sys.modules:
                self._import(top)
            return step()
        finally:
            self._in_place.discard(top)
            self._own.update(_taken(top))
            sys.modules.update(others)

    def _import(self, top: str) -> None:
        spec = PathFinder.find_spec(top, [self._folder])
        if spec is None or spec.loader is None:
            return  # the statement itself says so
        module = sys.modules[top] = module_from_spec(spec)
        try:
            spec.loader.exec_module(module)
        except BaseException:
            del sys.modules[top]
            raise


def _taken(top: str) -> dict[str, ModuleType]:
    """Take a module and all below it out of what is imported."""
    names = [name for name in sys.modules if name.partition(".")[0] == top]
    return {name: sys.modules.pop(name) for name in names}


def _importable(folder: Path) -> set[str]:
    """The names that an import would find in a folder: files, and folders with Python files in them."""
    return {path.stem for path in folder.glob("*.py")} | {path.parent.name for path in folder.glob("*/*.py")}


def _is_hidden(name: str, folder: str) -> bool:
    """Whether this process would import something else by that name, and the student's machine would not.

    Built in and frozen modules win everywhere. So do the packages that the worker has imported, torch and numpy say:
    they must be the same for everybody in this process.
    """
    if name in sys.builtin_module_names or _imp.is_frozen(name) or not name.isidentifier():
        return False
    if name in sys.stdlib_module_names or name == "test":
        return True
    return (
        name not in sys.modules
        and PathFinder.find_spec(name, [path for path in sys.path if path != folder]) is not None
    )
