"""What other packages may add: executors, exporters and data sets, found by their entry-point group.

A package adds one with a few lines of its ``pyproject.toml``, and needs no change here::

    [project.entry-points."autograde.exporters"]
    moodle = "our_course.moodle:MoodleExporter"
"""

from __future__ import annotations

import difflib
import importlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import EntryPoint, entry_points
from typing import Any, NoReturn

from grader.errors import CourseError, UsageError


@dataclass(frozen=True)
class Extensions:
    """The members of one entry-point group, ours and those of other packages.

    ``what`` is what one is called in an error, ``ours`` names our own as ``module:attribute``: they need no installed
    metadata, and no other package can take their names.
    """

    group: str
    what: str
    ours: Mapping[str, str] = field(default_factory=dict)

    def names(self) -> tuple[str, ...]:
        """Every name that :meth:`load` takes: ours first, then the others in alphabetical order."""
        return (*self.ours, *sorted({point.name for point in self._others()} - set(self.ours)))

    def load(self, name: str, *, where: str | None = None) -> Any:
        """What is registered as ``name``, imported now.

        Raises:
            UsageError: there is none of that name (the nearest is named), two packages claim it, or it cannot be
                imported. ``where`` is the key or option that asked for it; it is a CourseError where that is a key.
        """
        points = [point for point in self._others() if point.name == name]
        if target := self.ours.get(name):
            module, _, attribute = target.partition(":")
            return getattr(importlib.import_module(module), attribute)
        if not points:
            self.refuse(name, self.names(), where)
        if len({point.value for point in points}) > 1:
            raise UsageError(
                f"several packages register the {self.what} {name!r}: {', '.join(sorted(map(_origin, points)))}",
                where=where,
                fix="uninstall all but one of them",
            )
        try:
            return points[0].load()
        except Exception as error:
            raise UsageError(
                f"the {self.what} {name!r} cannot be imported: {type(error).__name__}: {error}",
                where=_origin(points[0]),
                fix="correct that package, or uninstall it",
            ) from error

    def refuse(self, name: str, known: tuple[str, ...], where: str | None = None) -> NoReturn:
        """Say that no ``what`` has this name, and which of the ``known`` is nearest.

        Raises:
            UsageError: always; a CourseError where ``where`` is a key of autograde.yml.
        """
        near = difflib.get_close_matches(name, known, n=1)
        fix = f"did you mean {near[0]!r}?" if near else f"use one of: {', '.join(known)}"
        kind = UsageError if where is None or where.startswith("--") else CourseError
        raise kind(f"unknown {self.what} {name!r}", where=where, fix=fix)

    def _others(self) -> list[EntryPoint]:
        # Read anew each time: a package may be installed while a notebook runs.
        return [point for point in entry_points(group=self.group) if point.name not in self.ours]


def _origin(point: EntryPoint) -> str:
    name = point.dist.name if point.dist is not None else "an unknown package"
    return f"{name} ({point.value})"
