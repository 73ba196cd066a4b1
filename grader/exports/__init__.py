"""Exports, one file a form: grades as other programs take them. And the way back: a roster from their tables."""

from grader.exports.exporter import EXPORTERS, Exporter, open_exporter
from grader.exports.fill import Change, Filled, FillOptions, fill
from grader.exports.gradebook_format import GRADEBOOKS, GradebookFormat, ScoreColumn, open_gradebook
from grader.exports.grades import Grade, Grades, GradeState, grades_of
from grader.exports.lms_table import LmsTable, read_table
from grader.exports.roster_import import Conflict, RosterChange, RosterDiff, compare_roster
from grader.exports.write import fill_file, write_export

__all__ = [
    "EXPORTERS",
    "GRADEBOOKS",
    "Change",
    "Conflict",
    "Exporter",
    "FillOptions",
    "Filled",
    "Grade",
    "GradeState",
    "GradebookFormat",
    "Grades",
    "LmsTable",
    "RosterChange",
    "RosterDiff",
    "ScoreColumn",
    "compare_roster",
    "fill",
    "fill_file",
    "grades_of",
    "open_exporter",
    "open_gradebook",
    "read_table",
    "write_export",
]
