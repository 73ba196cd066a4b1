"""What this machine offers for grading: found out by trying, not by reading version numbers."""

from __future__ import annotations

import os
import platform
import shutil
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from grader.errors import AutogradeError
from grader.sandbox.client import Zygote
from grader.sandbox.isolation import LAYERS
from grader.sandbox.limits import Limits

_WHAT = {
    "user_ns": ("user namespace", "set kernel.unprivileged_userns_clone=1, or grade as root"),
    "mount_ns": ("file system of its own", "allow user namespaces, or grade as root"),
    "net_ns": ("no network", "allow user namespaces, or grade as root; seccomp refuses sockets all the same"),
    "ipc_ns": ("System V IPC and message queues of its own", "allow user namespaces, or grade as root"),
    "pid_ns": ("sees no other process; all it starts dies with it", "allow user namespaces, or grade as root"),
    "uid": ("a user id of its own", "grade as root to have it; a user namespace serves as well"),
    "cgroup": ("memory and process limits for a submission as a whole", "grade as root, or delegate a control group"),
    "landlock": ("Landlock, ABI 6 or later", "needs Linux 6.12 or later with Landlock on, and `pip install sandlock`"),
    "seccomp": ("system call filter", "install libseccomp2, and `pip install pyseccomp`"),
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    name: str
    state: Literal["ok", "missing", "bad"]
    text: str
    mend: str = ""

    def as_dict(self) -> dict[str, str]:
        """JSON-ready data."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Findings:
    """All that was looked at, the layers that hold, and whether that is enough."""

    items: tuple[Finding, ...]
    layers: tuple[str, ...]
    fit: bool


def examine(minimum: Sequence[str]) -> Findings:
    """Start a zygote, confine a fork, and say what holds; ``minimum`` names the layers that must."""
    items = [
        Finding("system", "ok", f"{platform.system()} {platform.release()}, Python {platform.python_version()}"),
        _processors(),
    ]
    if sys.platform != "linux":
        items.append(Finding("sandbox", "bad", "the sandbox is Linux only", "grade in a Linux virtual machine"))
        return Findings(tuple(items), (), fit=False)
    try:
        # The whole path, with no minimum, so that a missing layer is reported and not raised.
        with Zygote(minimum=()) as zygote:
            zygote.ready()
            items += [
                Finding("import", "missing", f"{name} cannot be imported", f"pip install {name.partition('.')[0]}")
                for name in zygote.missing
            ]
            worker = zygote.fork(Limits())
            layers = worker.layers
            worker.close()
            notes = zygote.notes
    except AutogradeError as error:
        items.append(Finding("sandbox", "bad", str(error), "see docs/security.md"))
        return Findings(tuple(items), (), fit=False)
    for layer in LAYERS:
        name, mend = _WHAT[layer]
        if layer in layers:
            items.append(Finding(layer, "ok", name))
        elif (layer, "uid" if layer == "user_ns" else "user_ns") in {("user_ns", "uid"), ("uid", "user_ns")} and (
            {"uid", "user_ns"} & set(layers)
        ):
            continue  # either of the two serves
        else:
            state: Literal["missing", "bad"] = "bad" if layer in minimum else "missing"
            why = next((note for note in notes if note.startswith(layer)), "")
            items.append(Finding(layer, state, f"{name}{f' ({why})' if why else ''}", mend))
    items.append(_gpu())
    return Findings(tuple(items), tuple(layers), fit=all(layer in layers for layer in minimum))


def _processors() -> Finding:
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return Finding("processors", "ok", f"{count}; that many submissions are graded at a time")


def _gpu() -> Finding:
    # Asking torch would initialise CUDA here; the device files and the driver's tool say enough.
    found = sorted(path.name for path in Path("/dev").glob("nvidia[0-9]*"))
    if not found:
        return Finding("gpu", "missing", "none; the gpu profile cannot be used", "")
    tool = shutil.which("nvidia-smi")
    return Finding("gpu", "ok", f"{', '.join(found)}{'' if tool else ' (no nvidia-smi)'}")
