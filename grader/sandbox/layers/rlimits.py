"""Resource limits of a worker: what each of its processes may use. Control groups hold all of them together."""

from __future__ import annotations

import resource
from dataclasses import dataclass
from pathlib import Path

from grader.limits import Limits


@dataclass(frozen=True, slots=True)
class Baseline:
    """What a warm zygote holds of memory, in bytes; a fork of it begins with as much."""

    size: int = 0
    data: int = 0


def read_baseline() -> Baseline:
    """Read this process's sizes, for the limits of its forks. Called by the zygote when it is warm."""
    found = {"VmSize": 0, "VmData": 0}
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        key, _, rest = line.partition(":")
        if key in found:
            found[key] = int(rest.split()[0]) << 10
    return Baseline(found["VmSize"], found["VmData"])


def apply(limits: Limits, warm: Baseline) -> None:
    """Set them for this process and all it starts, for good. Raises OSError."""
    memory = limits.memory_mb << 20
    wanted = {
        resource.RLIMIT_DATA: warm.data + memory,
        # Shared mappings do not count as data; the address space bounds them too, with room for stacks and libraries.
        resource.RLIMIT_AS: warm.size + memory + (512 << 20),
        resource.RLIMIT_CPU: int(limits.cpu_s) + 1,
        resource.RLIMIT_NPROC: limits.processes,
        resource.RLIMIT_NOFILE: limits.open_files,
        resource.RLIMIT_FSIZE: limits.file_mb << 20,
        # 1 and not 0: with 0 the kernel still hands a dump to a core_pattern that is a program (core(5)).
        resource.RLIMIT_CORE: 1,
        resource.RLIMIT_MEMLOCK: 0,
        resource.RLIMIT_MSGQUEUE: 0,
        resource.RLIMIT_SIGPENDING: 1000,
    }
    for kind, value in wanted.items():
        _, hard = resource.getrlimit(kind)
        ceiling = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(kind, (ceiling, ceiling))
