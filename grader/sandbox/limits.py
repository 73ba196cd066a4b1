"""The limits a worker runs under, and the layers without which it does not run."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Final

#: Without these nothing hides files and processes, ends what a submission started, or narrows what it asks the kernel.
DEFAULT_MINIMUM: Final = ("mount_ns", "pid_ns", "landlock", "seccomp")


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of one submission, all for the whole worker but where it says otherwise.

    ``cpu_s`` is processor time for all checks together, ``check_s`` for one check; ``wall_s`` is for all checks together,
    and a backstop in wall time (grader/engine/clock.py).
    ``memory_mb`` is MiB beyond what the warm interpreter holds already, ``file_mb`` and ``scratch_mb`` MiB on disk,
    ``output_kb`` KiB of printed text, ``processes`` and ``open_files`` counts.
    """

    wall_s: float = 60.0
    cpu_s: float = 60.0
    check_s: float = 20.0
    memory_mb: int = 2048
    processes: int = 64
    open_files: int = 256
    file_mb: int = 64
    scratch_mb: int = 256
    output_kb: int = 1024

    def as_dict(self) -> dict[str, Any]:
        """The limits as JSON-ready data."""
        return asdict(self)
