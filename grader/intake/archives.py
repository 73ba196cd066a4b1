"""Unpacking what students upload, in memory, trusting nothing that an archive says of itself.

Sizes are counted while data streams out, never taken from headers; names become keys of a dict, never paths on this
machine; links and devices are refused; an archive inside the archive stays a file.
"""

from __future__ import annotations

import io
import stat
import struct
import tarfile
import zipfile
import zlib
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING

from grader.intake.filenames import UploadProblem, check_collisions, ignored, safe_name, shown, strip_top

if TYPE_CHECKING:
    from collections.abc import Iterator

ZIP_SUFFIXES = (".zip",)
TAR_SUFFIXES = (".tar.gz", ".tgz", ".tar")
_MIB = 1024 * 1024
_CHUNK = 64 * 1024
_BROKEN = (zipfile.BadZipFile, zlib.error, struct.error, EOFError, OSError, ValueError, RuntimeError, tarfile.TarError)


@dataclass(frozen=True, slots=True)
class UploadLimits:
    """What an upload may hold. ``ratio`` counts only above 10 MiB: a file of spaces packs well and harms nobody."""

    total: int = 100 * _MIB
    file: int = 50 * _MIB
    count: int = 2000
    ratio: int = 100
    packed: int = 100 * _MIB


@dataclass(slots=True)
class Intake:
    """Files taken from an upload so far, held to the limits as they come."""

    limits: UploadLimits
    files: dict[str, bytes] = field(default_factory=dict)
    packed_size: int | None = None
    total: int = 0

    def take(self, name: str, stream: IO[bytes]) -> None:
        """Read all of ``stream`` as the file ``name``; raises UploadProblem at the first byte too many."""
        if name in self.files:
            raise UploadProblem(f"the file {shown(name)!r} is packed twice; keep one of the two")
        if len(self.files) >= self.limits.count:
            raise UploadProblem(f"more than {self.limits.count} files; hand in your work without data sets or tools")
        chunks: list[bytes] = []
        size = 0
        while chunk := stream.read(_CHUNK):
            size += len(chunk)
            self.total += len(chunk)
            self._check(name, size)
            chunks.append(chunk)
        self.files[name] = b"".join(chunks)

    def done(self) -> dict[str, bytes]:
        """The files, checked against each other, without folders that hold everything."""
        check_collisions(list(self.files))
        return strip_top(self.files)

    def _check(self, name: str, size: int) -> None:
        limits = self.limits
        if size > limits.file:
            raise UploadProblem(f"the file {shown(name)!r} is larger than {_size(limits.file)}; leave it out")
        if self.total > limits.total:
            raise UploadProblem(f"more than {_size(limits.total)} in all; hand in your work without data sets")
        if self.packed_size is not None and self.total > max(self.packed_size * limits.ratio, 10 * _MIB):
            raise UploadProblem(f"it unpacks to more than {limits.ratio} times its size; pack only your work")


def is_archive(name: str) -> bool:
    """True for names of archives that `unpack` reads."""
    return name.lower().endswith(ZIP_SUFFIXES + TAR_SUFFIXES)


def unpack(name: str, data: bytes, limits: UploadLimits | None = None) -> dict[str, bytes]:
    """The files in the archive ``data``, whose file name is ``name``: relative POSIX path -> content.

    Raises UploadProblem for a broken or hostile archive, in words for the student.
    """
    limits = limits or UploadLimits()
    intake = Intake(limits, packed_size=len(data))
    if len(data) > limits.packed:
        raise UploadProblem(f"the archive is larger than {_size(limits.packed)}; hand in your work without data sets")
    try:
        if name.lower().endswith(ZIP_SUFFIXES):
            _unpack_zip(data, intake)
        else:
            _unpack_tar(data, intake, compressed=not name.lower().endswith(".tar"))
    except _BROKEN as error:
        raise UploadProblem(f"the archive is broken ({shown(str(error))}); pack it again and check it") from error
    files = intake.done()
    if not files:
        raise UploadProblem("the archive is empty; pack your files into it")
    return files


def _unpack_zip(data: bytes, intake: Intake) -> None:
    # Reading the directory makes an object an entry, so count entries before: 100 MB hold two million of them.
    if data.count(b"PK\x01\x02") > 10 * intake.limits.count:
        raise UploadProblem(f"more than {intake.limits.count} files; hand in your work without data sets or tools")
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        for entry in archive.infolist():
            name = safe_name(_zip_name(entry))
            kind = stat.S_IFMT(entry.external_attr >> 16)
            if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
                raise UploadProblem(f"{shown(name)!r} is a link or a device, not a file; pack the file itself")
            if entry.is_dir() or kind == stat.S_IFDIR or ignored(name):
                continue
            if entry.flag_bits & 0x41:
                raise UploadProblem("the archive is encrypted; pack it without a password")
            if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                # Others hand out unpacked data in lumps of any size, so their size cannot be limited in time.
                raise UploadProblem("the archive uses an unusual compression; pack it as an ordinary zip")
            with archive.open(entry) as stream:
                intake.take(name, stream)


def _zip_name(entry: zipfile.ZipInfo) -> str:
    # `filename` ends at the first NUL; what hides behind it counts as well.
    raw = entry.orig_filename
    if entry.flag_bits & 0x800:
        return raw
    try:
        # Without the flag names are code page 437 by the standard, and UTF-8 by habit.
        return raw.encode("cp437").decode("utf-8")
    except UnicodeError:
        return raw


def _unpack_tar(data: bytes, intake: Intake, *, compressed: bool) -> None:
    plain = _gunzip(data, intake.limits) if compressed else data
    with tarfile.open(fileobj=io.BytesIO(plain), mode="r:") as archive:
        for entry in _members(archive, intake.limits):
            name = safe_name(entry.name)
            if entry.isdir() or ignored(name):
                continue
            if not entry.isreg() or entry.issparse():
                raise UploadProblem(f"{shown(name)!r} is a link or a device, not a file; pack the file itself")
            stream = archive.extractfile(entry)
            assert stream is not None
            intake.take(name, stream)


def _members(archive: tarfile.TarFile, limits: UploadLimits) -> Iterator[tarfile.TarInfo]:
    for position, entry in enumerate(archive):
        if position > 10 * limits.count:
            raise UploadProblem(f"more than {limits.count} files; hand in your work without data sets or tools")
        yield entry


def _gunzip(data: bytes, limits: UploadLimits) -> bytes:
    # Unpacked whole, but bounded: tarfile itself skips through any amount of data to find the next header.
    bound = limits.total + 10 * _MIB
    machine = zlib.decompressobj(wbits=31)
    plain = machine.decompress(data, bound)
    if machine.unconsumed_tail:
        raise UploadProblem(f"more than {_size(limits.total)} in all; hand in your work without data sets")
    if not machine.eof:
        raise UploadProblem("the archive is cut short; pack and upload it again")
    return plain


def _size(count: int) -> str:
    return f"{count // _MIB} MB" if count >= _MIB else f"{count} bytes"
