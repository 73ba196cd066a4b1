"""What this machine offers for grading, and whether hidden grading may run on it: found out by trying.

A worker is confined as for a submission, and code in it tries to break out of each layer. A layer counts when it was
put on and held.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final

from grader.errors import AutogradeError
from grader.layer_names import MOUNT_NS, UID, USER_NS
from grader.limits import Limits
from grader.sandbox.faults import MemoryLimit, StudentFault
from grader.sandbox.layers import LAYERS
from grader.sandbox.layers.base import Outside
from grader.sandbox.layers.namespaces import identities
from grader.sandbox.report import machine
from grader.sandbox.report.machine import Finding
from grader.sandbox.trusted.worker import Worker
from grader.sandbox.trusted.zygote import Zygote

#: Runs in the worker, which has the layers' code in its memory: what came of a layer's probe, None where nothing shows.
_TRY: Final = """
from grader.sandbox.layers import find_layer
from grader.sandbox.layers.base import Outside

try:
    HELD = find_layer({name!r}).probe(Outside(**{outside!r}))
except OSError:
    HELD = None
"""
#: Of the worker that tries: small, so that more memory than it may have is little.
_LIMITS: Final = Limits(memory_mb=96, scratch_mb=16)
_PATIENCE_S: Final = 60.0


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
        items.append(Finding("sandbox", "bad", str(error), fix="docs/explanation/security.md", group="sandbox"))
    else:
        items += [replace(item, group="sandbox") for item in _layers(layers, held, notes, minimum)]
        layers = tuple(layer for layer in layers if held.get(layer) is not False)
    able = all(item.state != "bad" for item in items if item.name in ("torch", "torchvision", "sandbox"))
    fit = able and all(layer in layers for layer in minimum)
    return Findings(tuple(items), layers, tuple(minimum), fit)


def _try_out(start: Callable[[], Zygote]) -> tuple[tuple[str, ...], dict[str, bool | None], tuple[str, ...]]:
    """The layers of a worker, whether each held where that can be tried, and why others are missing."""
    with tempfile.TemporaryDirectory() as folder, start() as zygote:
        Path(folder).chmod(0o755)
        canary = Path(folder, "canary")
        canary.write_text("x", encoding="ascii")
        outside = Outside(
            str(canary),
            os.getpid(),
            os.getuid(),
            identities(),
            memory_mb=_LIMITS.memory_mb,
            scratch_mb=_LIMITS.scratch_mb,
        )
        held: dict[str, bool | None] = {}
        notes: list[str] = []
        worker = zygote.ready().fork(_LIMITS)
        layers = worker.layers
        for name in layers:
            if not worker.alive:
                worker = zygote.fork(_LIMITS)
            try:
                held[name] = probe_layer(worker, name, outside)
            except StudentFault as fault:
                held[name] = False
                notes.append(f"{name}: the worker could not try: {fault.message}")
        worker.close()
        return layers, held, (*zygote.notes, *notes)


def probe_layer(worker: Worker, name: str, outside: Outside) -> bool | None:
    """Whether a layer holds a worker, by the layer's own probe in it; None where nothing in the worker shows that.

    Raises:
        StudentFault: the probe did not come to its end.
        SandboxFault: the worker was lost to something else.
    """
    module, source = f"probe_{name}", _TRY.format(name=name, outside=asdict(outside))
    held = None
    try:
        for op, *args in (
            ("load", {f"{module}.py": source.encode()}, {module: f"{module}.py"}, {}),
            ("lookup", module, "HELD"),
        ):
            held = worker.request(op, *args, deadline=time.monotonic() + _PATIENCE_S, resolve=lambda ref: ref)
    except MemoryLimit:
        return True  # the kernel ended the whole worker for what its children held
    return held if held is None else bool(held)


def _layers(
    layers: Sequence[str], held: Mapping[str, bool | None], notes: Sequence[str], minimum: Sequence[str]
) -> Iterator[Finding]:
    for layer in LAYERS:
        name, demanded = layer.name, layer.name in minimum
        why = next((note.partition(": ")[2] for note in notes if note.startswith(f"{name}:")), "")
        text = f"{layer.gives}{f' ({why})' if why else ''}"
        if name in layers and held.get(name) is False:
            yield Finding(name, "bad", f"was applied but does not hold: {text}", layer.lacking, "report this as a bug")
        elif name in layers:
            yield Finding(name, "ok", layer.gives)
        elif not demanded and _is_not_needed(name, layers):
            yield Finding(name, "ok", f"not needed ({why})")
        else:
            yield Finding(name, "bad" if demanded else "missing", text, layer.lacking, layer.fix())


def _is_not_needed(name: str, layers: Sequence[str]) -> bool:
    """A user namespace and a user id stand in for each other."""
    return (name == UID and USER_NS in layers) or (name == USER_NS and MOUNT_NS in layers)
