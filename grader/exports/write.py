"""From a format's name to a file on the disk: our own files, gradebooks that are filled, and archives."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from grader.errors import StoreError, UsageError
from grader.exports.archive import ARCHIVES, Packed, open_archive
from grader.exports.exporter import EXPORTERS, open_exporter
from grader.exports.fill import Filled, fill
from grader.exports.gradebook_format import GRADEBOOKS, open_gradebook
from grader.exports.gradebook_rows import FillOptions
from grader.exports.lms_table import read_table
from grader.exports.source import Source
from grader.files import write_file

#: Endings of tables that a filled copy keeps.
_TABLES = (".csv", ".tsv", ".txt", ".xls")


@dataclass(frozen=True, slots=True)
class Exported:
    """The file that was written; for a gradebook or an archive, also what a person should know about it."""

    path: Path
    filled: Filled | None = None
    packed: Packed | None = None

    @property
    def needs_somebody(self) -> bool:
        """True where a person should look at who is missing, or at what was not written."""
        return any(part is not None and part.needs_somebody for part in (self.filled, self.packed))


def write_export(
    name: str,
    source: Source,
    *,
    into: Path | None = None,
    to: Path | None = None,
    options: FillOptions | None = None,
) -> Exported:
    """Write what the format ``name`` makes of ``source`` to ``to``, or to a file in the state folder.

    ``into`` is the platform's own table, for the formats that need it; ``options`` are for gradebooks alone.

    Raises:
        UsageError: there is no such format, the call does not fit it, or the table cannot be used.
        StoreError: the store failed, or the file cannot be written.
    """
    options = options or FillOptions()
    known = tuple(dict.fromkeys([*EXPORTERS.names(), *GRADEBOOKS.names(), *ARCHIVES.names()]))
    if name not in known:
        EXPORTERS.refuse(name, known, "--format")
    stem = source.store.state / "exports" / source.assignment.name
    if name in GRADEBOOKS.names():
        return _fill(name, source, into, to, stem, options)
    _refuse_options(options)
    if name in ARCHIVES.names():
        return _pack(name, source, into, to, stem)
    if into is not None:
        raise UsageError(
            f"{name} is a file of its own",
            where="--into",
            fix=f"leave --into away, or use --format with one of: {', '.join(GRADEBOOKS.names())}",
        )
    exporter = open_exporter(name)
    return Exported(_write(to or Path(f"{stem}{exporter.suffix}"), exporter.export(source.grades)))


def _fill(name: str, source: Source, into: Path | None, to: Path | None, stem: Path, options: FillOptions) -> Exported:
    if into is None:
        raise UsageError(
            f"{name} takes grades only in the gradebook that it exported itself",
            where="--format",
            fix="export the gradebook there, and give the file with --into",
        )
    form = open_gradebook(name)
    table = read_table(into)
    filled = fill(table, form, source.grades, options)
    suffix = into.suffix.lower() if into.suffix.lower() in _TABLES else ".csv"
    return Exported(_write(to or Path(f"{stem}-{name}{suffix}"), filled.content), filled=filled)


def _pack(name: str, source: Source, into: Path | None, to: Path | None, stem: Path) -> Exported:
    archive = open_archive(name)
    if into is None and archive.table_needed:
        raise UsageError(
            f"{name} is made for {archive.table_needed}", where="--format", fix="download it, and give it with --into"
        )
    if into is not None and not archive.table_needed:
        raise UsageError(f"{name} needs no table", where="--into", fix="leave it away")
    packed = archive.pack(source, read_table(into) if into is not None else None)
    return Exported(_write(to or Path(f"{stem}-{name}{archive.suffix}"), packed.content), packed=packed)


def _refuse_options(options: FillOptions) -> None:
    for option, value in (
        ("--column", options.column),
        ("--id-column", options.id_column),
        ("--scale", options.scale),
        ("--blank", options.blank),
    ):
        if value:
            raise UsageError("is for a gradebook", where=option, fix="give the gradebook with --into, or leave it away")


def _write(path: Path, content: bytes) -> Path:
    try:
        # Grades are nobody's but the staff's.
        return write_file(path, content, mode=0o600)
    except OSError as error:
        raise StoreError(
            f"cannot write: {error.strerror}", where=path, fix="choose another file with --out, or make room"
        ) from error
