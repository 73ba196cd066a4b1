"""Reads what somebody handed in, as it would be graded, for tools that only look at it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from grader.engine.reading import Reader
from grader.intake.assemble import Assembled, assemble
from grader.release.strip import make_stubs

if TYPE_CHECKING:
    from grader.course import Assignment


class ModuleReader:
    """Gives the modules of an upload, notebooks included; what is too much to read is left out."""

    def __init__(self, assignment: Assignment) -> None:
        self._assignment = assignment
        stubs = {file: data.decode("utf-8") for file, data in make_stubs(assignment).items() if file.endswith(".py")}

        def make(files: Mapping[str, bytes]) -> Assembled:
            return assemble(files, stubs, prefer=f"{assignment.name}.ipynb")

        self._reader = Reader(make, {}, assignment.files)

    def modules(self, files: Mapping[str, bytes]) -> dict[str, bytes]:
        """The files that the assignment asks for, by name, of those that can be parsed in no time to speak of.

        Raises:
            AutogradeError: the process that reads is gone.
        """
        read = self._reader.read(files)
        return {name: read.assembled.files[name] for name in self._assignment.files if name in read.quick}

    def close(self) -> None:
        """End the process that reads."""
        self._reader.close()


@contextmanager
def module_reader(assignment: Assignment) -> Iterator[ModuleReader]:
    """A reader that is ended with the ``with`` statement."""
    reader = ModuleReader(assignment)
    try:
        yield reader
    finally:
        reader.close()
