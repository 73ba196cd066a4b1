"""A package that a command needs and this installation lacks: which extra brings it."""

from __future__ import annotations

import importlib.metadata
import re

from grader import DISTRIBUTION
from grader.errors import MachineError

#: Modules that come along with another distribution than one of their own name.
_COME_WITH = {
    "IPython": "ipykernel", "PIL": "pillow", "bs4": "nbgrader", "jupyter_core": "nbgrader", "mako": "alembic", "markupsafe": "jinja2",
    "nbclient": "nbgrader", "nbconvert": "nbgrader", "nbformat": "nbgrader", "psycopg_binary": "psycopg", "sklearn": "scikit-learn",
    "traitlets": "nbgrader",
}  # fmt: skip
_NEEDED = re.compile(r"^(?P<name>[A-Za-z0-9_.-]+).*?;.*?extra\s*==\s*['\"](?P<extra>[\w-]+)['\"]")
#: Commands whose users are students: of several extras that bring a package, theirs is the small one.
_OF_STUDENTS = ("check", "submit")


def missing_extra(module: str, command: str) -> MachineError | None:
    """The error to show where ``module`` could not be imported; None where none of our extras would bring it.

    A student's bundle brings a wheel without some modules of ours; see ``grader/release/wheel.py``.

    Args:
        module: its name, dotted or not.
        command: what was to be run, as it is typed.

    """
    top = module.partition(".")[0]
    if top == "grader":
        return MachineError(
            f"`autograde {command}` is for instructors, and this installation is a student's",
            fix=f"pip install --force-reinstall '{DISTRIBUTION}[grading,authoring]'",
        )
    wanted = _folded(_COME_WITH.get(top, top))
    extras = [extra for name, extra in needed_by_extras() if name == wanted and extra != "dev"]
    if not extras:
        return None
    extra = "student" if command in _OF_STUDENTS and "student" in extras else next(
        (extra for extra in extras if extra != "student"), extras[0]
    )  # fmt: skip
    return MachineError(
        f"`autograde {command}` needs the package {wanted}, which is not installed",
        fix=f"pip install '{DISTRIBUTION}[{extra}]'",
    )


def needed_by_extras() -> list[tuple[str, str]]:
    """Each package that an extra of ours brings, and the extra; none where the package runs without being installed."""
    try:
        needed = importlib.metadata.requires(DISTRIBUTION) or []
    except importlib.metadata.PackageNotFoundError:
        return []
    found = [_NEEDED.match(requirement) for requirement in needed]
    return [(_folded(match["name"]), match["extra"]) for match in found if match]


def _folded(name: str) -> str:
    return name.lower().replace("_", "-")
