"""Under which budget the service grades each assignment."""

from __future__ import annotations

from collections.abc import Callable

from grader.course import Assignment


def profile_chooser(names: str) -> Callable[[Assignment], str]:
    """Chooses of ``names``, separated by commas, the first that an assignment has; its own first one where it has none."""
    wanted = [name for name in names.split(",") if name]

    def choose(assignment: Assignment) -> str:
        return next((name for name in wanted if name in assignment.profiles), next(iter(assignment.profiles)))

    return choose
