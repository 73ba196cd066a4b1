"""Which database a course's store is on: what the command line says, the environment, autograde.yml, or a file."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from grader.course import Course
    from grader.store.store import Store

#: Read before `store.database` in autograde.yml, for a URL may hold a password.
DATABASE_VARIABLE = "AUTOGRADE_STORE_DB"


def open_store(course: Course, state: Path | None = None, database: str | None = None) -> Store:
    """The store of a course, with its files in ``state`` and the rest in ``database``.

    Without a ``database`` it is the one that the environment or autograde.yml names; but another folder than the
    course's own gets a store of its own there: what is tried in it must not end up among the course's results.

    Raises as :class:`~grader.store.store.Store` does.
    """
    from grader.store.store import Store

    if database is None and state is None:
        database = os.environ.get(DATABASE_VARIABLE) or course.store.database
    return Store(state or course.state, database or "")
