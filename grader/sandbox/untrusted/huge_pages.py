"""Fewer entries for the kernel to copy at each fork: the zygote's own memory, put together to huge pages.

A process that has imported torch holds some 350 MB in pages of 4 KiB. A fork copies an entry for each of them, and the
end of the fork looks at each again: most of what a small submission cost. With pages of 2 MiB both are done for 512 of
them at once; a page that a fork writes to is still copied 4 KiB at a time (Documentation/admin-guide/mm/transhuge.rst).
"""

from __future__ import annotations

import ctypes
import re
from collections.abc import Callable
from pathlib import Path
from typing import Final

#: Since Linux 6.1; madvise(2). It does not depend on /sys/kernel/mm/transparent_hugepage/enabled.
_MADV_COLLAPSE: Final = 25
_SIZE: Final = 2 << 20
#: Begin and end of private memory that belongs to no file.
_OWN: Final = re.compile(r"(?m)^([0-9a-f]+)-([0-9a-f]+) rw-p 0+ 00:00 0 *(?:\[heap\])?$")


class Loose:
    """The places in this process's memory where small pages can become a huge one, as they were when it was made."""

    def __init__(self) -> None:
        self._places: list[int] = []
        try:
            maps = Path("/proc/self/maps").read_text(encoding="ascii", errors="replace")
        except OSError:
            return
        for match in _OWN.finditer(maps):
            begin, end = int(match[1], 16), int(match[2], 16)
            self._places += range(-(-begin // _SIZE) * _SIZE, end - _SIZE + 1, _SIZE)
        self._madvise = ctypes.CDLL(None).madvise
        self._madvise.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)

    def put_together(self, interrupted: Callable[[], bool] = lambda: False) -> int:
        """Go on until ``interrupted``, some 3 ms for each; give how many huge pages were made.

        A place for which the kernel has none, or that is gone, stays as it is; an older kernel leaves all of them.
        """
        made = 0
        while self._places and not interrupted():
            made += self._madvise(self._places.pop(), _SIZE, _MADV_COLLAPSE) == 0
        return made
