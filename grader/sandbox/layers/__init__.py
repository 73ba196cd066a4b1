"""The layers of the sandbox, one object each: all that a layer does, and all that is said of it, is there.

What they are is in base.py; isolation.py puts them on, in the order that they need.
"""

from __future__ import annotations

from typing import Final

from grader.sandbox.layers.base import Layer
from grader.sandbox.layers.control_group import ControlGroup
from grader.sandbox.layers.landlock import Landlock
from grader.sandbox.layers.namespaces import IpcNamespace, MountNamespace, NetNamespace, PidNamespace, UserNamespace
from grader.sandbox.layers.seccomp import Seccomp
from grader.sandbox.layers.user_id import UserId

#: Every layer, outermost first: the order of ``grader.layer_names``.
LAYERS: Final[tuple[Layer, ...]] = (
    UserNamespace(),
    MountNamespace(),
    NetNamespace(),
    IpcNamespace(),
    PidNamespace(),
    UserId(),
    ControlGroup(),
    Landlock(),
    Seccomp(),
)


def find_layer(name: str) -> Layer:
    """The layer of that name. Raises KeyError where there is none."""
    for layer in LAYERS:
        if layer.name == name:
            return layer
    raise KeyError(name)
