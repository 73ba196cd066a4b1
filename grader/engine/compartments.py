"""Which files of an assignment are graded together, and which packages their worker does not have.

``forbid: {modules: [torch]}`` is a wall where it can be one. Files that must not use an installed package are graded in
a worker that lacks the package; the assignment's other files run in another worker, which can change nothing there.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from grader.course import Assignment

#: Packages that every worker needs, forbidden or not: values cross as numpy's arrays.
_NEEDED = frozenset({"numpy", "grader"})


@dataclass(frozen=True, slots=True)
class Compartment:
    """Files of an assignment that share a worker: ``modules`` by name, and the packages that the worker lacks."""

    modules: Mapping[str, str]
    hidden: tuple[str, ...] = ()


def compartments(assignment: Assignment) -> tuple[Compartment, ...]:
    """The compartments of an assignment; first the one where code runs that belongs to no file: the least walled."""
    by_hidden: dict[tuple[str, ...], dict[str, str]] = {}
    for file in assignment.files:
        rule = assignment.forbid.get(file)
        hidden = tuple(sorted(name for name in rule.modules if _can_be_hidden(name))) if rule else ()
        by_hidden.setdefault(hidden, {})[Path(file).stem] = file
    found = [Compartment(modules, hidden) for hidden, modules in by_hidden.items()]
    return tuple(sorted(found, key=lambda compartment: len(compartment.hidden)))


def _can_be_hidden(name: str) -> bool:
    """Whether a module is an installed package, in a folder of its own that a worker can do without."""
    if name in _NEEDED or name in sys.stdlib_module_names or not name.isidentifier():
        return False
    folders = (Path(entry) for entry in sys.path if Path(entry).name in ("site-packages", "dist-packages"))
    return any((folder / name / "__init__.py").is_file() for folder in folders)
