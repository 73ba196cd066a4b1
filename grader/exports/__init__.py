"""Exports: the grades of an assignment in the form that another program takes, one exporter a form."""

from grader.exports.exporter import EXPORTERS, Exporter, open_exporter
from grader.exports.grades import Grade, Grades, GradeState, grades_of

__all__ = ["EXPORTERS", "Exporter", "Grade", "GradeState", "Grades", "grades_of", "open_exporter"]
