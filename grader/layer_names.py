"""The names of the sandbox's layers, as autograde.yml and reports spell them.

They stand apart from the layers (``grader/sandbox/layers``) so that the configuration can check a name without the
sandbox. Nothing of ours is imported here.
"""

from __future__ import annotations

from typing import Final

USER_NS: Final = "user_ns"
MOUNT_NS: Final = "mount_ns"
NET_NS: Final = "net_ns"
IPC_NS: Final = "ipc_ns"
PID_NS: Final = "pid_ns"
UID: Final = "uid"
CGROUP: Final = "cgroup"
LANDLOCK: Final = "landlock"
SECCOMP: Final = "seccomp"

#: Every layer, outermost first.
LAYER_NAMES: Final = (USER_NS, MOUNT_NS, NET_NS, IPC_NS, PID_NS, UID, CGROUP, LANDLOCK, SECCOMP)

#: Without these nothing hides files and processes, ends what a submission started, or narrows what it asks the kernel.
DEFAULT_MINIMUM: Final = (MOUNT_NS, PID_NS, LANDLOCK, SECCOMP)
