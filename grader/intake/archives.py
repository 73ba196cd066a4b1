"""Unpacking what students upload, in memory, trusting nothing that an archive says of itself.

Sizes are counted while data streams out, never taken from headers; names become keys of a dict, never paths on this
machine. What nobody asked for is left out and listed. Refused is what harms, and what makes the work ambiguous.
"""

from __future__ import annotations

import bz2
import io
import lzma
import re
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from typing import IO, Any

from grader.intake.filenames import UploadProblem, is_work, shown, strip_top
from grader.intake.litter import LeftOut
from grader.intake.taking import MIB, Intake, UploadLimits, in_units

ZIP_SUFFIXES = (".zip",)
TAR_SUFFIXES = (".tar.gz", ".tgz", ".tar", ".tar.xz", ".txz", ".tar.bz2", ".tbz2", ".tbz")
_GZIP, _XZ, _BZIP2 = b"\x1f\x8b", b"\xfd7zXZ\0", b"BZh"
#: What else is called an archive, by how it begins.
_OTHERS = (
    (rb"Rar!", "a RAR archive; pack your files as a .zip"),
    (rb"7z\xbc\xaf", "a 7-Zip archive; pack your files as a .zip"),
    (rb"\s*<(?:!doctype|html|head)", "a web page, perhaps of a sign-in, and no archive; download the file again"),
    (rb"%PDF", "a PDF; pack your files as a .zip"),
    (rb"version https://git-lfs", "a pointer of Git LFS; hand in the file itself"),
    (rb"[\0\s]*\Z", "empty; pack your files again"),
)
_BROKEN = (
    lzma.LZMAError,
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    OSError,
    ValueError,
    RuntimeError,
    tarfile.TarError,
)
_LINK = "a link or a device, not a file"
#: Entries of an archive, folders and litter included, in multiples of the files that are taken.
_MEMBERS_PER_FILE = 50


def is_archive(name: str) -> bool:
    """True for names of archives that `unpack` reads."""
    return name.lower().endswith(ZIP_SUFFIXES + TAR_SUFFIXES)


def unpack(name: str, data: bytes, limits: UploadLimits | None = None) -> tuple[dict[str, bytes], tuple[LeftOut, ...]]:
    """The files in the archive ``data``, whose file name is ``name``, and what was left out of it.

    The files are by relative POSIX path, without folders that hold everything; archives among them are opened once.

    Raises UploadProblem for a broken or hostile archive, in words for the student.
    """
    limits = limits or UploadLimits()
    intake = Intake(limits, packed_size=len(data))
    _unpack(name, data, intake)
    files = open_archives(strip_top(intake.done()), intake)
    if not files:
        why = intake.left_out[0].reason if intake.left_out else "pack your files into it"
        raise UploadProblem(f"the archive is empty: {why}" if intake.left_out else f"the archive is empty; {why}")
    return files, tuple(intake.left_out)


def open_archives(files: dict[str, bytes], intake: Intake) -> dict[str, bytes]:
    """``files`` with the archives among them that hold work in place of these archives; not those inside of these.

    An archive's files come where it stood. Where other files stand there already, they come into a folder of its name.
    """
    found = dict(files)
    for name in sorted(name for name in files if is_archive(name)):
        inner = intake.inner(len(files[name]))
        try:
            _unpack(name, files[name], inner)
        except UploadProblem as problem:
            intake.leave(name, f"cannot be opened: {problem}")
            if len(files) == 1:
                raise
            continue
        opened = strip_top(inner.done())
        if not any(is_work(path) for path in opened):
            continue  # data, perhaps, that the code reads as it is
        intake.adopt(inner, name)
        del found[name]
        folder = name.rpartition("/")[0] + "/" if "/" in name else ""
        clash = any(found.get(folder + path, content) != content for path, content in opened.items())
        if clash:
            folder += name.rpartition("/")[2].partition(".")[0] + "/"
        for path, content in opened.items():
            found.setdefault(folder + path, content)
    return strip_top(found)


def _unpack(name: str, data: bytes, intake: Intake) -> None:
    if len(data) > intake.limits.packed:
        most = in_units(intake.limits.packed)
        raise UploadProblem(f"the archive is larger than {most}; hand in your work without data sets")
    try:
        # By what it is, not by its name: people rename archives, and services give all of them one ending.
        if data.startswith(b"PK") or (name.lower().endswith(ZIP_SUFFIXES) and not _is_tar(data)):
            _unpack_zip(data, intake)
        else:
            _unpack_tar(data, intake)
    except _BROKEN as error:
        for begin, kind in _OTHERS:
            if re.match(begin, data[:1000], re.IGNORECASE):
                raise UploadProblem(f"this is {kind}") from error
        raise UploadProblem(f"the archive is broken ({shown(str(error))}); pack it again and check it") from error


def _unpack_zip(data: bytes, intake: Intake) -> None:
    # Reading the directory makes an object an entry, so count entries before: 100 MB hold two million of them.
    if data.count(b"PK\x01\x02") > _MEMBERS_PER_FILE * intake.limits.count:
        raise UploadProblem(f"more than {intake.limits.count} files; hand in your work without data sets or tools")
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        entries = [(entry, _zip_name(entry).replace("\\", "/")) for entry in archive.infolist()]
        intake.refuse_bomb(sum(entry.file_size for entry, _ in entries))
        above = {folder for _, name in entries for folder in _folders_above(name)}
        for entry, raw in sorted(entries, key=lambda item: not is_work(item[1])):
            kind = stat.S_IFMT(entry.external_attr >> 16)
            # Some tools write a folder as an empty file of its name.
            folder = raw.endswith("/") or kind == stat.S_IFDIR or (not entry.file_size and raw in above)
            if (name := intake.admit(raw, folder=folder)) is None:
                continue
            if kind not in (0, stat.S_IFREG):
                intake.leave(name, _LINK)
            elif entry.flag_bits & 0x41:
                raise UploadProblem("the archive is encrypted; pack it without a password")
            elif entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                # Others hand out unpacked data in lumps of any size, so their size cannot be limited in time.
                intake.refuse(name, "an unusual compression", "the archive uses {}; pack it as an ordinary zip")
            else:
                _read(archive, entry, name, intake)


def _read(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, name: str, intake: Intake) -> None:
    try:
        with archive.open(entry) as stream:
            intake.take(name, stream, entry.file_size)
    except _BROKEN:
        if is_work(name):
            raise
        intake.leave(name, "damaged")


def _folders_above(name: str) -> Iterator[str]:
    # Hostile names have thousands of parts; those are refused later, and nobody needs their folders.
    if name.count("/") <= 100:
        parts = name.split("/")
        yield from ("/".join(parts[:depth]) for depth in range(1, len(parts)))


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


def _is_tar(data: bytes) -> bool:
    return data.startswith((_GZIP, _XZ, _BZIP2)) or data[257:262] == b"ustar"


def _unpack_tar(data: bytes, intake: Intake) -> None:
    plain = _decompressed(data, intake.limits) if data.startswith((_GZIP, _XZ, _BZIP2)) else data
    with tarfile.open(fileobj=io.BytesIO(plain), mode="r:") as archive:
        entries = list(_members(archive, intake.limits))
        for entry in sorted(entries, key=lambda entry: not is_work(entry.name)):
            if (name := intake.admit(entry.name, folder=entry.isdir())) is None:
                continue
            if not entry.isreg() or entry.issparse():
                intake.leave(name, _LINK)
                continue
            stream: IO[bytes] | None = archive.extractfile(entry)
            assert stream is not None
            intake.take(name, stream, entry.size)


def _members(archive: tarfile.TarFile, limits: UploadLimits) -> Iterator[tarfile.TarInfo]:
    for position, entry in enumerate(archive):
        if position > _MEMBERS_PER_FILE * limits.count:
            raise UploadProblem(f"more than {limits.count} files; hand in your work without data sets or tools")
        yield entry


def _decompressed(data: bytes, limits: UploadLimits) -> bytes:
    # Unpacked whole, but bounded: tarfile itself skips through any amount of data to find the next header.
    bound = 4 * limits.total + 10 * MIB
    machine: Any
    if data.startswith(_GZIP):
        machine = zlib.decompressobj(wbits=31)
    elif data.startswith(_XZ):
        machine = lzma.LZMADecompressor(memlimit=256 * MIB)
    else:
        machine = bz2.BZ2Decompressor()
    plain: bytes = machine.decompress(data, bound)
    if len(plain) >= bound:
        raise UploadProblem(f"more than {in_units(bound)} in all; hand in your work without data sets")
    if not machine.eof:
        raise UploadProblem("the archive is cut short; pack and upload it again")
    return plain
