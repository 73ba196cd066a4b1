"""Packages that a worker does not have, because a file that is graded in it must not use them.

They are masked in the worker's root file system, which is what keeps them away (:mod:`grader.sandbox.layers.rootfs`).
What is here makes the lack of them look as it does on a machine without them, and lets an author's probes that import
them be loaded all the same: what a probe takes from such a package is a stand-in, which may be named but not used.
"""

from __future__ import annotations

import builtins
import sys
from collections.abc import Collection
from typing import Any, NoReturn


class _Finder:
    """Says of hidden packages that there is none. Without it the empty folder in their place would be a package."""

    def __init__(self, names: Collection[str]) -> None:
        self._names = frozenset(names)

    def find_spec(self, name: str, *_: Any) -> None:
        """Part of the protocol of sys.meta_path."""
        if name.partition(".")[0] in self._names:
            raise ModuleNotFoundError(f"No module named {name!r}: this part is graded without it", name=name)


def hide(names: Collection[str]) -> None:
    """Let every import of these packages fail from now on."""
    if names:
        sys.meta_path.insert(0, _Finder(names))


class Absent:
    """Stands for a name that a probe takes from a module which its worker does not have.

    As it is loaded, a probe may name it, decorate with it, inherit from it and ask whether something is an instance of
    it, which nothing is. What it is used for afterwards fails.
    """

    def __init__(self, name: str, loading: list[bool]) -> None:
        self._name = name
        self._loading = loading

    def __getattr__(self, name: str) -> Absent:
        if name.startswith("__") and name.endswith("__"):
            raise AttributeError(name)
        return Absent(f"{self._name}.{name}", self._loading)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:  # noqa: D102 - see the class
        if not self._loading:
            self._fail()
        # A decorator gives back what it decorates.
        return args[0] if len(args) == 1 and not kwargs and callable(args[0]) else self

    def __mro_entries__(self, bases: tuple[Any, ...]) -> tuple[type, ...]:
        return ()

    def __instancecheck__(self, instance: object) -> bool:
        return False

    def __or__(self, other: object) -> Absent:  # in annotations
        return self

    __ror__ = __getitem__ = __or__

    def __enter__(self) -> Any:
        self._fail()

    def __exit__(self, *_: object) -> None:
        return

    def _fail(self) -> NoReturn:
        raise ModuleNotFoundError(
            f"a probe uses {self._name} on a file that must not use it: that file's worker does not have it",
            name=self._name,
        )


def lenient_builtins(names: Collection[str], loading: list[bool]) -> dict[str, Any]:
    """Built-in names whose import statement gives a stand-in for each module that is ``names`` or below one.

    ``loading`` is emptied once the probes are loaded; until then calls of stand-ins do nothing.
    """
    original = builtins.__import__

    def lenient(name: str, globals: Any = None, locals: Any = None, fromlist: Any = (), level: int = 0) -> Any:  # noqa: A002
        top = name.partition(".")[0]
        if level == 0 and top in names:
            return Absent(name if fromlist else top, loading)
        return original(name, globals, locals, fromlist, level)

    return {**vars(builtins), "__import__": lenient}
