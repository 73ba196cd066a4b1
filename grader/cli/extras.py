"""A package that a command needs and this installation lacks: which extra brings it."""

from __future__ import annotations

import importlib.metadata
import re

from grader.errors import MachineError

#: Modules that come along with another distribution than one of their own name.
_COME_WITH = {"nbformat": "nbgrader", "nbconvert": "nbgrader", "traitlets": "nbgrader", "alembic": "sqlalchemy"}
_NEEDED = re.compile(r"^(?P<name>[A-Za-z0-9_.-]+).*?;.*?extra\s*==\s*['\"](?P<extra>[\w-]+)['\"]")


def missing_extra(module: str, command: str) -> MachineError | None:
    """The error to show where ``module`` could not be imported; None where none of our extras would bring it.

    Args:
        module: its name, dotted or not.
        command: what was to be run.

    """
    top = module.partition(".")[0]
    wanted = _COME_WITH.get(top, top).lower().replace("_", "-")
    try:
        needed = importlib.metadata.requires("autograde") or []
    except importlib.metadata.PackageNotFoundError:
        return None
    for requirement in needed:
        found = _NEEDED.match(requirement)
        if found and found["name"].lower().replace("_", "-") == wanted:
            return MachineError(
                f"`autograde {command}` needs the package {wanted}, which is not installed",
                fix=f"pip install 'autograde[{found['extra']}]', in place of autograde alone",
            )
    return None
