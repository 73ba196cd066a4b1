"""A checkout below /tmp: a worker's own /tmp then has the way to the libraries, and nothing else, in it."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

_PARTS = Path(sys.prefix).parts[2:] if Path(sys.prefix).is_relative_to("/tmp") else ()
#: What stands in a worker's /tmp because libraries lie below it: usually nothing.
NAMES = list(_PARTS[:1])


def but_the_way(paths: Iterable[str]) -> list[str]:
    """``paths`` without /tmp and the folders below it that lead to the libraries."""
    way = {"/tmp", *(str(Path("/tmp", *_PARTS[:count])) for count in range(1, len(_PARTS) + 1))} if _PARTS else set()
    return [path for path in paths if path not in way]
