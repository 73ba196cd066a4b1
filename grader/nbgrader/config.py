"""nbgrader's configuration for a course of ours; the course's nbgrader_config.py holds nothing but a call of it."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

from grader.nbgrader.layout import layout_at

_OURS = "grader.nbgrader.preprocessors."
_NBGRADER = "nbgrader.preprocessors."
#: nbgrader's own steps of generate_assignment, in its order.
_GENERATE = (
    "IncludeHeaderFooter", "InstantiateTests", "LockCells", "ClearSolutions", "ClearOutput", "CheckCellMetadata",
    "ComputeChecksums", "SaveCells", "ClearHiddenTests", "ClearMarkScheme", "ComputeChecksums", "CheckCellMetadata",
)  # fmt: skip
#: What reads `course_file`.
_USERS = (
    "CheckSource", "ScoreChecks", "Settle", "ShowToStudent", "CourseLatePolicy", "GradesCsv", "SubmittedNotebook",
    "FeedbackPage", "ProvedRelease", "GuardedCollect",
)  # fmt: skip


def configure(config: Any, course_file: str | Path) -> None:
    """Set up nbgrader for the course at ``course_file`` (autograde.yml).

    Student code never runs: of nbgrader's autograding the step Execute is replaced by one that takes the scores from
    our reports. ``nbgrader validate`` still executes, for that is what it is for: run it on your own notebooks only.
    """
    path = Path(course_file).resolve()
    layout = layout_at(path)
    course = layout.course
    beside = str(Path(sys.executable).parent)
    if beside not in os.environ.get("PATH", "").split(os.pathsep):  # nbgrader looks up `alembic` by name
        os.environ["PATH"] = os.pathsep.join([beside, os.environ.get("PATH", os.defpath)])

    config.CourseDirectory.root = str(layout.root)
    config.CourseDirectory.course_id = course.gradebook.course_id
    config.CourseDirectory.db_url = layout.database
    config.Exchange.root = str(layout.exchange)
    config.Exchange.timezone = "UTC"
    config.ExchangeFactory.release_assignment = "grader.nbgrader.exchange.ProvedRelease"
    config.ExchangeFactory.collect = "grader.nbgrader.exchange.GuardedCollect"

    config.GenerateAssignment.preprocessors = [_OURS + "CheckSource", *(_NBGRADER + name for name in _GENERATE)]
    config.Autograde.exporter_class = "grader.nbgrader.notebook_exporters.SubmittedNotebook"
    # What nbgrader's own steps would sanitize has been made anew by the exporter: ids, metadata, locked cells, kernel.
    config.Autograde.sanitize_preprocessors = []
    config.Autograde.autograde_preprocessors = [
        _OURS + "ScoreChecks",
        _NBGRADER + "LimitOutput",
        _OURS + "SaveAtOnce",
        _NBGRADER + "AssignLatePenalties",
        _OURS + "Settle",
    ]
    config.Autograde.exclude_overwriting = {name: list(item.files) for name, item in course.assignments.items()}
    config.AssignLatePenalties.plugin_class = "grader.nbgrader.plugins.CourseLatePolicy"
    config.ExportApp.plugin_class = "grader.nbgrader.plugins.GradesCsv"
    config.GenerateFeedback.preprocessors = [
        _OURS + "ShowToStudent",
        _NBGRADER + "GetGrades",
        "nbconvert.preprocessors.CSSHTMLHeaderPreprocessor",
    ]
    config.GenerateFeedback.exporter_class = "grader.nbgrader.notebook_exporters.FeedbackPage"
    config.Validator.indent = "  "
    config.Execute.timeout = 600
    for user in _USERS:
        config[user].course_file = str(path)
