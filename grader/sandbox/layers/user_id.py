"""The layer that is a user id: each worker runs as a user that nobody else is."""

from __future__ import annotations

import os
from pathlib import Path

from grader.layer_names import MOUNT_NS, UID, USER_NS
from grader.limits import Limits
from grader.sandbox.layers.base import Base, Berth, Layer, Outside
from grader.sandbox.layers.remedies import GRADE_AS_ROOT


class UserId(Layer):
    """The user id of the worker's berth, where we are root and no user namespace serves."""

    name = UID
    gives = "runs under its own user id"
    lacking = "it runs as the user who grades"
    needs = "root; not needed with a user namespace"

    def fix(self) -> str:
        return GRADE_AS_ROOT

    def enter(self, base: Base) -> None:
        if USER_NS in base.layers:
            raise OSError("a user namespace has one user")
        if os.geteuid() != 0:
            raise OSError("only root can become another user")

    def confine(self, base: Base, limits: Limits, berth: Berth) -> bool:
        _check_reachable(base)
        os.setgroups([])
        os.setresgid(berth.uid, berth.uid, berth.uid)
        os.setresuid(berth.uid, berth.uid, berth.uid)
        return True

    def probe(self, outside: Outside) -> bool:
        return os.getuid() != outside.user


def _check_reachable(base: Base) -> None:
    """Without a root of its own, a worker needs to reach the interpreter as the user that it becomes."""
    if MOUNT_NS in base.layers:
        return
    for folder in map(Path, base.readable):
        closed = next((path for path in (folder, *folder.parents) if not path.stat().st_mode & 0o001), None)
        if closed is not None:
            raise PermissionError(
                f"Python lies in {folder}, and {closed} is closed to other users, which workers are here;"
                " use a Python that all users can read"
            )
