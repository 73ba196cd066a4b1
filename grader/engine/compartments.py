"""Which files of an assignment are graded together, and which packages their worker does not have.

``forbid: {modules: [torch]}`` is a wall where it can be one. Files that must not use an installed package are graded in
a worker that lacks the package; the assignment's other files run in another worker, which can change nothing there.
``forbid: {names: [nn.LSTM]}`` likewise gives a worker in which torch's own recurrent layers do not run.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from grader.course import Assignment
from grader.course.models import ForbidRule

#: Kinds of torch's own layers that a worker can do without, by how their names begin.
_KINDS = {"rnn": "rnn", "lstm": "lstm", "gru": "gru"}
#: Packages that every worker needs, forbidden or not: values cross as numpy's arrays.
_NEEDED = frozenset({"numpy", "grader"})


@dataclass(frozen=True, slots=True)
class Compartment:
    """Files of an assignment that share a worker: ``modules`` by name, and what the worker lacks.

    ``hidden`` are packages; ``refused`` are kinds of torch's own layers (:mod:`grader.sandbox.untrusted.kernels`).
    """

    modules: Mapping[str, str]
    hidden: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()

    @property
    def walled(self) -> bool:
        """Whether its worker lacks anything."""
        return bool(self.hidden or self.refused)


def compartments(assignment: Assignment) -> tuple[Compartment, ...]:
    """The compartments of an assignment; first the one where code runs that belongs to no file: the least walled."""
    by_lack: dict[tuple[tuple[str, ...], tuple[str, ...]], dict[str, str]] = {}
    for file in assignment.files:
        rule = assignment.forbid.get(file, ForbidRule())
        hidden = tuple(sorted(name for name in rule.modules if _can_be_hidden(name)))
        refused = tuple(sorted({kind for name in rule.names if (kind := _kind(name))}))
        by_lack.setdefault((hidden, refused), {})[Path(file).stem] = file
    found = [Compartment(modules, *lack) for lack, modules in by_lack.items()]
    return tuple(sorted(found, key=lambda compartment: len(compartment.hidden) + len(compartment.refused)))


def _kind(name: str) -> str | None:
    """The kind of recurrent layer that a forbidden name is one of."""
    return _KINDS.get(re.split(r"_|Cell|Base", name.rpartition(".")[2])[0].lower())


def _can_be_hidden(name: str) -> bool:
    """Whether a module is an installed package, in a folder of its own that a worker can do without."""
    if name in _NEEDED or name in sys.stdlib_module_names or not name.isidentifier():
        return False
    folders = (Path(entry) for entry in sys.path if Path(entry).name in ("site-packages", "dist-packages"))
    return any((folder / name / "__init__.py").is_file() for folder in folders)
