"""From a format's name to a file on the disk: our own files, and gradebooks that are filled."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from grader.errors import StoreError, UsageError
from grader.exports.exporter import EXPORTERS, open_exporter
from grader.exports.fill import Filled, FillOptions, fill
from grader.exports.gradebook_format import GRADEBOOKS, open_gradebook
from grader.exports.grades import Grades
from grader.exports.lms_table import read_table
from grader.files import write_file


def write_export(
    name: str, read: Callable[[], Grades], folder: Path, to: Path | None, options: FillOptions
) -> tuple[Grades, Path]:
    """Write the file of the exporter ``name`` to ``to``, or below ``folder``; give the grades and the path.

    ``read`` gives the grades; it is called once the call is known to be right.

    Raises:
        UsageError: there is no such exporter, or one of ``options`` is for a gradebook.
        StoreError: the file cannot be written.
    """
    if name in GRADEBOOKS.names() and name not in EXPORTERS.names():
        raise UsageError(
            f"{name} takes grades only in the gradebook that it exported itself",
            where="--format",
            fix="export the gradebook there, and give the file with --into",
        )
    for option, value in (
        ("--column", options.column),
        ("--id-column", options.id_column),
        ("--scale", options.scale),
        ("--blank", options.blank),
    ):
        if value:
            raise UsageError("is for a gradebook", where=option, fix="give the gradebook with --into, or leave it away")
    _check_name(name)
    exporter = open_exporter(name)
    grades = read()
    return grades, _write(to or folder / f"{grades.assignment}{exporter.suffix}", exporter.export(grades))


def fill_file(
    name: str, read: Callable[[], Grades], into: Path, folder: Path, to: Path | None, options: FillOptions
) -> tuple[Grades, Path, Filled]:
    """Fill a copy of the gradebook ``into`` of the platform ``name``; give the grades, the copy's path and what was done.

    Raises:
        UsageError: there is no such format, or the gradebook cannot be filled.
        StoreError: the file cannot be written.
    """
    if name in EXPORTERS.names() and name not in GRADEBOOKS.names():
        raise UsageError(
            f"{name} is a file of its own",
            where="--into",
            fix=f"leave --into away, or use --format with one of: {', '.join(GRADEBOOKS.names())}",
        )
    _check_name(name)
    form = open_gradebook(name)
    table = read_table(into)
    grades = read()
    filled = fill(table, form, grades, options)
    suffix = into.suffix if into.suffix in (".csv", ".tsv", ".txt", ".xls") else ".csv"
    return grades, _write(to or folder / f"{grades.assignment}-{name}{suffix}", filled.content), filled


def _check_name(name: str) -> None:
    known = (*EXPORTERS.names(), *(other for other in GRADEBOOKS.names() if other not in EXPORTERS.names()))
    if name not in known:
        EXPORTERS.refuse(name, known, "--format")


def _write(path: Path, content: bytes) -> Path:
    try:
        # Grades are nobody's but the staff's.
        return write_file(path, content, mode=0o600)
    except OSError as error:
        raise StoreError(
            f"cannot write: {error.strerror}", where=path, fix="choose another file with --out, or make room"
        ) from error
