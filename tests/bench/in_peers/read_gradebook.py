"""Runs in the peers' environment: print an nbgrader gradebook's automatic scores as JSON {student: {check: points}}."""

from __future__ import annotations

import json
import sys

from nbgrader.api import Gradebook

database, assignment = sys.argv[1:]
scores: dict[str, dict[str, float]] = {}
with Gradebook(f"sqlite:///{database}") as gradebook:
    for submission in gradebook.assignment_submissions(assignment):
        grades = [grade for notebook in submission.notebooks for grade in notebook.grades]
        scores[submission.student.id] = {
            # An auto_score of None means "not graded": it must not pass for a zero.
            grade.name.removeprefix("check_"): -1.0 if grade.auto_score is None else grade.auto_score
            for grade in grades
        }
sys.stdout.write(json.dumps(scores))
