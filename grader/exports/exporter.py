"""The seam between grades and the programs that take them: an exporter turns :class:`Grades` into a file's bytes.

tests/framework/exports/test_exporters.py holds every exporter that is installed to what is written here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from grader.entry_points import Extensions
from grader.exports.grades import Grades

EXPORTERS = Extensions(
    "autograde.exporters",
    "export format",
    {"csv": "grader.exports.csv_exporter:CsvExporter", "json": "grader.exports.json_exporter:JsonExporter"},
)


class Exporter(Protocol):
    """Makes one kind of file. It reads nothing but the grades, and writes nothing."""

    @property
    def suffix(self) -> str:
        """The ending of such a file's name, with its dot."""

    def export(self, grades: Grades) -> bytes:
        """The file: the same bytes for the same grades.

        Every student of ``grades`` is in it once, by id and e-mail address, also one who handed in nothing. Only a grade whose state is
        ``graded`` has a score; any other must not read as a zero. Where a spreadsheet may open the file, no cell is a
        formula, whatever a student is called (:func:`grader.text.csv_safe`).

        Raises:
            UsageError: the format cannot hold these grades.
        """


#: Makes an exporter.
ExporterFactory = Callable[[], Exporter]


def open_exporter(name: str) -> Exporter:
    """The exporter ``name``.

    Raises:
        UsageError: there is none of that name, or its package cannot be imported.
    """
    factory: ExporterFactory = EXPORTERS.load(name, where="--format")
    return factory()
