"""What this machine offers for grading, and whether hidden grading may run on it: found out by trying.

A worker is confined as for a submission, and code in it tries to break out of each layer. A layer counts when it was
put on and held.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from grader.errors import AutogradeError
from grader.sandbox.faults import StudentFault
from grader.sandbox.layers.isolation import LAYERS
from grader.sandbox.limits import Limits
from grader.sandbox.report import machine
from grader.sandbox.report.machine import Finding
from grader.sandbox.trusted.zygote import Zygote

#: What each layer gives, and what its lack means.
_WHAT: Final = {
    "user_ns": ("privilege of its own to build the rest with, and none outside", ""),
    "mount_ns": ("sees its Python and a scratch folder, no other file", "submissions are kept from files by Landlock alone"),
    "net_ns": ("a network with nobody on it", "the filter of system calls alone refuses sockets"),
    "ipc_ns": ("shared memory and queues of its own", "the filter of system calls alone refuses them"),
    "pid_ns": ("sees no process; all it starts dies with it", "programs it leaves behind are hunted, and it can name others"),
    "uid": ("a user id that nobody else has", "it runs as the user who grades"),
    "cgroup": ("memory and processes limited for all of it together", "each of its processes is limited, not all together; it can slow its neighbours"),
    "landlock": ("rules of its own on files, signals and sockets", "one hole in the namespaces opens the file system"),
    "seccomp": ("a list of the system calls it may make", "all of the kernel is open to attack"),
}  # fmt: skip

#: Runs in the worker. Each entry is what came of an attempt that a layer must stop, and is true where it was stopped.
_ATTEMPTS: Final = """
import ctypes, os, socket

def stopped(step):
    try:
        return not step()
    except OSError:
        return True

libc = ctypes.CDLL(None, use_errno=True)
RESULT = {
    "mount_ns": stopped(lambda: open(CANARY).read()) and stopped(lambda: os.stat(CANARY)),
    "pid_ns": (os.getpid(), os.getppid()) == (1, 0) and (COORDINATOR == 1 or stopped(lambda: os.kill(COORDINATOR, 0) is None)),
    "uid": os.getuid() != USER,
    "landlock": stopped(lambda: [os.listdir("/")]) and stopped(lambda: open(CANARY).read()),
    "seccomp": stopped(lambda: socket.socket(socket.AF_UNIX)) and libc.ptrace(0, 0, 0, 0) == -1 and libc.syscall(499) == -1,
    "net_ns": stopped(lambda: [line for line in open("/proc/self/net/dev").readlines()[2:] if not line.strip().startswith("lo:")]),
}
"""


@dataclass(frozen=True, slots=True)
class Findings:
    """All that was looked at, the layers that hold, the ones that must, and whether that is enough."""

    items: tuple[Finding, ...]
    layers: tuple[str, ...]
    minimum: tuple[str, ...]
    fit: bool

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready data."""
        return {
            "fit": self.fit,
            "layers": list(self.layers),
            "minimum": list(self.minimum),
            "findings": [item.as_dict() for item in self.items],
        }


def examine(
    minimum: Sequence[str], state: Path | None = None, *, start: Callable[[], Zygote] | None = None
) -> Findings:
    """Look at the machine, and confine a worker that tries to break out.

    Args:
        minimum: the layers without which hidden grading must not run.
        state: where the store is or will be; the working folder by default.
        start: how a zygote is started; tests play lesser machines by it.
    """
    items = [*machine.system(), machine.room(state or Path.cwd())]
    if sys.platform != "linux":
        bad = Finding(
            "sandbox", "bad", "the sandbox is Linux only", fix="grade in a Linux virtual machine or container"
        )
        return Findings((*items, bad), (), tuple(minimum), fit=False)
    items += [*machine.software(), *machine.interfaces()]
    layers: tuple[str, ...] = ()
    try:
        layers, held, notes = _try_out(start or (lambda: Zygote(minimum=(), bare=True)))
    except AutogradeError as error:
        items.append(Finding("sandbox", "bad", str(error), fix="docs/security.md", group="sandbox"))
    else:
        items += [replace(item, group="sandbox") for item in _layers(layers, held, notes, minimum)]
        layers = tuple(layer for layer in layers if held.get(layer, True))
    able = all(item.state != "bad" for item in items if item.name in ("torch", "torchvision", "sandbox"))
    fit = able and all(layer in layers for layer in minimum)
    return Findings(tuple(items), layers, tuple(minimum), fit)


def _try_out(start: Callable[[], Zygote]) -> tuple[tuple[str, ...], dict[str, bool], tuple[str, ...]]:
    """The layers of a worker, whether each of those that can be tried held, and why others are missing."""
    with tempfile.TemporaryDirectory() as folder, start() as zygote:
        Path(folder).chmod(0o755)
        canary = Path(folder, "canary")
        canary.write_text("x", encoding="ascii")
        zygote.ready()
        worker = zygote.fork(Limits())
        source = f"CANARY, COORDINATOR, USER = {str(canary)!r}, {os.getpid()}, {os.getuid()}\n{_ATTEMPTS}"
        deadline = time.monotonic() + 60
        try:
            for op, *args in (
                ("load", {"try.py": source.encode()}, {"try": "try.py"}, {}),
                ("lookup", "try", "RESULT"),
            ):
                found = worker.request(op, *args, deadline=deadline, resolve=lambda ref: ref)
        except StudentFault as fault:
            found = {"seccomp": False}
            return worker.layers, found, (f"seccomp: the worker could not try: {fault.message}",)
        finally:
            worker.close()
        held = {str(name): bool(value) for name, value in found.items()} if isinstance(found, dict) else {}
        return worker.layers, held, zygote.notes


def _layers(
    layers: Sequence[str], held: dict[str, bool], notes: Sequence[str], minimum: Sequence[str]
) -> Iterator[Finding]:
    for layer in LAYERS:
        gives, lacks = _WHAT[layer]
        demanded = layer in minimum
        if layer in layers and held.get(layer, True):
            yield Finding(layer, "ok", gives)
        elif layer in layers:
            yield Finding(layer, "bad", f"was put on and does not hold: {gives}", lacks, "report this as a bug")
        elif layer == "uid" and "user_ns" in layers:
            yield Finding(layer, "bad" if demanded else "ok", "not needed: the user namespace serves", fix=_fix(layer) if demanded else "")  # fmt: skip
        elif layer == "user_ns" and not demanded and "mount_ns" in layers:
            continue  # privilege was there already
        else:
            why = next((note.partition(": ")[2] for note in notes if note.startswith(f"{layer}:")), "")
            text = f"{gives}{f' ({why})' if why else ''}"
            yield Finding(layer, "bad" if demanded else "missing", text, lacks, _fix(layer))


def _fix(layer: str) -> str:
    if layer == "seccomp":
        return "sudo apt install libseccomp2, and python -m pip install pyseccomp"
    if layer == "landlock":
        return "python -m pip install sandlock, on Linux 5.13 or later with `lsm=landlock,...` (docs/deployment.md)"
    if layer == "cgroup":
        return machine.fix_groups()
    if layer == "uid":
        return "grade as root: sudo autograde grade ..."
    return machine.fix_user_namespaces()
