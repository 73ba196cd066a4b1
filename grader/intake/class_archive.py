"""A class's download as one archive: unpacked into a temporary folder, each file with the time that the archive has."""

from __future__ import annotations

import os
import shutil
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import IO
from zoneinfo import ZoneInfo

from grader.errors import SubmissionError
from grader.intake.archives import ZIP_SUFFIXES
from grader.intake.filenames import UploadProblem, safe_name
from grader.intake.litter import ignored

_BROKEN = (zipfile.BadZipFile, zlib.error, struct.error, EOFError, ValueError, RuntimeError, tarfile.TarError)
_MOST_BYTES = 32 * 1024**3
_MOST_FILES = 500_000
_CHUNK = 1024 * 1024
_EXTENDED_TIME = 0x5455


def names_in(path: Path) -> list[str]:
    """The names in the archive at ``path``, as they stand there; none where it cannot be read."""
    try:
        if path.name.lower().endswith(ZIP_SUFFIXES):
            with zipfile.ZipFile(path) as archive:
                return [entry.filename.replace("\\", "/") for entry in archive.infolist()[:_MOST_FILES]]
        with tarfile.open(path) as archive_of_tar:
            return [entry.name for entry in archive_of_tar]
    except (*_BROKEN, OSError):
        return []


def member_time(path: Path, zone: ZoneInfo) -> datetime | None:
    """The newest time of a file in the archive at ``path``; None where it has none later than 1980."""
    try:
        if path.name.lower().endswith(ZIP_SUFFIXES):
            with zipfile.ZipFile(path) as archive:
                times = [_zip_time(entry, zone) for entry in archive.infolist()[:_MOST_FILES] if not entry.is_dir()]
        else:
            with tarfile.open(path) as archive_of_tar:
                times = [_moment(entry.mtime) for entry in archive_of_tar if entry.isreg()]
    except (*_BROKEN, OSError):
        return None
    return max((moment for moment in times if moment is not None), default=None)


def unpack_class(path: Path, folder: Path, zone: ZoneInfo) -> None:
    """Unpack the archive at ``path`` into ``folder``, which exists.

    Raises SubmissionError where it is broken, or larger than a class's work can be.
    """
    room = min(_MOST_BYTES, shutil.disk_usage(folder).free // 2)
    try:
        for count, (name, moment, stream) in enumerate(_members(path, zone)):
            if count >= _MOST_FILES:
                raise SubmissionError("holds too many files", where=path, fix="unpack it and give the folder")
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            with target.open("wb") as file:
                while chunk := stream.read(_CHUNK):
                    room -= len(chunk)
                    if room < 0:
                        raise SubmissionError("is too large to unpack", where=path, fix="unpack it and give the folder")
                    file.write(chunk)
            when = (moment or datetime.fromtimestamp(path.stat().st_mtime, UTC)).timestamp()
            os.utime(target, (when, when))
    except (*_BROKEN, OSError) as error:
        raise SubmissionError(f"cannot be unpacked: {error}", where=path, fix="download it again") from error


def _members(path: Path, zone: ZoneInfo) -> Iterator[tuple[str, datetime | None, IO[bytes]]]:
    if path.name.lower().endswith(ZIP_SUFFIXES):
        with zipfile.ZipFile(path) as archive:
            for entry in archive.infolist():
                name = _name(entry.filename)
                if name is not None and not entry.filename.replace("\\", "/").endswith("/"):
                    with archive.open(entry) as stream:
                        yield name, _zip_time(entry, zone), stream
        return
    with tarfile.open(path) as archive_of_tar:
        for member in archive_of_tar:
            name = _name(member.name)
            stream_of_tar = archive_of_tar.extractfile(member) if member.isreg() and name is not None else None
            if name is not None and stream_of_tar is not None:
                yield name, _moment(member.mtime), stream_of_tar


def _name(raw: str) -> str | None:
    try:
        name = safe_name(raw)
    except UploadProblem:
        return None
    return None if ignored(name) else name


def _zip_time(entry: zipfile.ZipInfo, zone: ZoneInfo) -> datetime | None:
    extra = entry.extra
    while len(extra) >= 4:
        kind, size = struct.unpack("<HH", extra[:4])
        if kind == _EXTENDED_TIME and size >= 5 and len(extra) >= 9 and extra[4] & 1:
            return _moment(struct.unpack("<i", extra[5:9])[0])
        extra = extra[4 + size :]
    try:
        # The usual field has no zone: servers write UTC, people their own time. The earlier one makes nobody late.
        if entry.date_time[0] <= 1980:
            return None
        return min(datetime(*entry.date_time, tzinfo=UTC), datetime(*entry.date_time, tzinfo=zone).astimezone(UTC))
    except (ValueError, OverflowError):
        return None


def _moment(seconds: float) -> datetime | None:
    try:
        found = datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        return None
    return found if found.year > 1980 else None
