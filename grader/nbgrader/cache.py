"""Keeps what is read from an assignment's files for as long as these stay the same: nbgrader asks once for every student."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, TypeVar

from grader.course import read_questions, read_suite
from grader.release import make_stubs
from grader.release.parts import looked_at

if TYPE_CHECKING:
    from collections.abc import Callable

    from grader.course import Assignment, CheckInfo, Question

T = TypeVar("T")
_MOST = 64


def kept(make: Callable[[Assignment], T]) -> Callable[[Assignment], T]:
    """``make``, which is called again only where a file of the assignment, or of its solution, is another one."""
    found: dict[object, T] = {}

    @functools.wraps(make)
    def ask(assignment: Assignment) -> T:
        key = (assignment.name, assignment.files, _state(assignment))
        if key not in found:
            if len(found) >= _MOST:
                found.clear()
            found[key] = make(assignment)
        return found[key]

    return ask


def _state(assignment: Assignment) -> tuple[tuple[str, int, int], ...]:
    """The files that such readings depend on, each with its time and size."""
    paths = [assignment.notebook_source]
    for folder in (assignment.hidden_folder, assignment.solution_folder):
        paths.extend(sorted(folder.rglob("*.py")))
    told = [(str(path), path.stat()) for path in paths if path.is_file()]
    return tuple((path, stat.st_mtime_ns, stat.st_size) for path, stat in told)


@kept
def suite_of(assignment: Assignment) -> tuple[CheckInfo, ...]:
    """The hidden checks, in their order."""
    return tuple(read_suite(assignment.hidden_folder))


@kept
def questions_of(assignment: Assignment) -> tuple[Question, ...]:
    """The written questions, in their order."""
    return read_questions(assignment.notebook_source)


@kept
def stubs_of(assignment: Assignment) -> dict[str, str]:
    """What students got of each module."""
    return {file: content.decode("utf-8") for file, content in make_stubs(assignment).items()}


@kept
def names_of(assignment: Assignment) -> dict[str, list[str]]:
    """For each hidden check, the names of the students' modules that it asks for."""
    return looked_at(assignment)
