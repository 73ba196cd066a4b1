"""The limits of one submission, defined once: autograde.yml reads them by this class, and the sandbox applies it.

Nothing of ours is imported here, so that what runs beside student code may use it.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Annotated, Any, ClassVar, Final

from annotated_types import Gt

Seconds = Annotated[float, Gt(0)]
Count = Annotated[int, Gt(0)]

#: How pydantic reads the class: the strictness of every section of autograde.yml, the docstrings as descriptions.
_AS_SECTION: Final = {"extra": "forbid", "allow_inf_nan": False, "use_attribute_docstrings": True}


@dataclass(frozen=True, slots=True)
class Limits:
    """What one submission's worker may use. All are positive; all hold for the whole worker unless they say otherwise."""

    __pydantic_config__: ClassVar[dict[str, object]] = _AS_SECTION

    wall_s: Seconds = 60.0
    """seconds for the whole suite; after four times as much wall time it ends, even if it computes little"""
    cpu_s: Seconds = 60.0
    """seconds of CPU time for the whole suite"""
    memory_mb: Count = 2048
    """MiB of memory, in addition to the warm interpreter's"""
    check_s: Seconds = 20.0
    """seconds of CPU time for one check; after four times as much wall time it ends and is tried again"""
    processes: Count = 64
    """processes and threads"""
    open_files: Count = 256
    """open files of one process"""
    file_mb: Count = 64
    """MiB of the largest file it may write"""
    scratch_mb: Count = 256
    """MiB of all files it may write"""
    output_kb: Count = 1024
    """KiB of printed output to keep"""

    def as_dict(self) -> dict[str, Any]:
        """The limits as JSON-ready data."""
        return asdict(self)
