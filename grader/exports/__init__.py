"""Exports, one file a form: grades as other programs take them. And the way back: a roster from their tables."""

from grader.exports.archive import ARCHIVES, Archive, Packed, open_archive
from grader.exports.exporter import EXPORTERS, Exporter, open_exporter
from grader.exports.fill import Change, Filled, fill
from grader.exports.gradebook_format import GRADEBOOKS, GradebookFormat, ScoreColumn, open_gradebook
from grader.exports.gradebook_rows import FillOptions
from grader.exports.grades import Grade, Grades, GradeState, grades_of
from grader.exports.lms_table import LmsTable, read_table
from grader.exports.roster_import import Conflict, RosterChange, RosterDiff, compare_roster
from grader.exports.source import Source
from grader.exports.write import Exported, write_export

__all__ = [
    "ARCHIVES",
    "EXPORTERS",
    "GRADEBOOKS",
    "Archive",
    "Change",
    "Conflict",
    "Exported",
    "Exporter",
    "FillOptions",
    "Filled",
    "Grade",
    "GradeState",
    "GradebookFormat",
    "Grades",
    "LmsTable",
    "Packed",
    "RosterChange",
    "RosterDiff",
    "ScoreColumn",
    "Source",
    "compare_roster",
    "fill",
    "grades_of",
    "open_archive",
    "open_exporter",
    "open_gradebook",
    "read_table",
    "write_export",
]
