"""Zip archives that are the same bytes each time."""

from __future__ import annotations

import io
import zipfile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

_DATE = (1980, 1, 1, 0, 0, 0)
_UNIX = 3
_FILE_MODE = 0o100644
_PROGRAM_MODE = 0o100755


def pack(
    files: Mapping[str, bytes],
    top: str = "",
    *,
    executable: frozenset[str] = frozenset(),
    dated: datetime | None = None,
) -> bytes:
    """A zip of ``files``, the same bytes each time: sorted, with one date and one compression for all.

    They are below the folder ``top``, where one is given. Those that ``executable`` names may be run. All members have
    the time ``dated``, as its own clock reads it, or the first of 1980, the earliest that a zip can say.
    """
    date = dated.timetuple()[:6] if dated is not None and dated.year >= _DATE[0] else _DATE
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for path, data in sorted(files.items()):
            info = zipfile.ZipInfo(f"{top}/{path}" if top else path, date)
            info.create_system = _UNIX
            info.external_attr = (_PROGRAM_MODE if path in executable else _FILE_MODE) << 16
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, data, compresslevel=9)
    return stream.getvalue()


def unpack(data: bytes) -> dict[str, bytes]:
    """The members of a zip by name."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {info.filename: archive.read(info) for info in archive.infolist() if not info.is_dir()}
