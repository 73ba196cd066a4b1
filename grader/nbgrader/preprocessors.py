"""The steps that nbgrader runs in place of its own: check the source, score from the report, settle the gradebook."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nbgrader.api import Gradebook
from nbgrader.preprocessors import NbGraderPreprocessor, SaveAutoGrades
from traitlets import Unicode

from grader.nbgrader.attempts import attempt_for, stored_attempt
from grader.nbgrader.cache import questions_of, suite_of
from grader.nbgrader.cell_outputs import missing, outputs_of
from grader.nbgrader.check_points import check_notebook
from grader.nbgrader.layout import NbgraderLayout, layout_at, open_gradebook
from grader.nbgrader.scores import settle
from grader.nbgrader.transfer import take_in

if TYPE_CHECKING:
    from grader.course import Assignment
    from grader.records import Report
    from grader.store import Attempt, Submission


#: Tag of cells that are for staff; none of them is in a feedback page.
STAFF = "autograde-staff"


class CourseStep(NbGraderPreprocessor):  # type: ignore[misc]
    """A step that knows its course."""

    course_file = Unicode(help="the course's autograde.yml").tag(config=True)

    @property
    def layout(self) -> NbgraderLayout:
        """The course's layout."""
        return layout_at(self.course_file)

    def assignment(self, resources: Any) -> Assignment:
        """The assignment that the notebook at hand belongs to."""
        return self.layout.course.assignment(resources["nbgrader"]["assignment"])


class CheckSource(CourseStep):
    """First step of ``generate_assignment``: grade ids and points must be those of the hidden suite."""

    def preprocess(self, nb: Any, resources: Any) -> tuple[Any, Any]:
        """Raise AuthoringError, naming notebook and cell, where they are not."""
        assignment = self.assignment(resources)
        where = self.layout.source(assignment.name) / f"{resources['nbgrader']['notebook']}.ipynb"
        check_notebook(nb, assignment, where)
        return nb, resources


class ScoreChecks(CourseStep):
    """In place of Execute: every test cell shows what the stored report says of its check. Nothing runs here."""

    def preprocess(self, nb: Any, resources: Any) -> tuple[Any, Any]:
        """Grade the submission where no report is stored for it, and write results into the test cells."""
        layout, assignment = self.layout, self.assignment(resources)
        student = resources["nbgrader"]["student"]
        store = layout.store
        submission = take_in(layout, store, assignment.name, student)
        attempt = attempt_for(layout, store, assignment, submission)
        show(nb, attempt.report, assignment, staff=True)
        add_rubrics(nb, assignment)
        # For Settle, the last step: of this very attempt the scores must be.
        resources["autograde"] = {"submission": submission, "attempt": attempt}
        return nb, resources


class SaveAtOnce(SaveAutoGrades):  # type: ignore[misc]
    """nbgrader's own step in one transaction: it commits for every cell, and each time waits for the disk."""

    def preprocess(self, nb: Any, resources: Any) -> tuple[Any, Any]:
        """Save what the cells say."""
        told = resources["nbgrader"]
        self.notebook_id, self.assignment_id, self.student_id = told["notebook"], told["assignment"], told["student"]
        with Gradebook(told["db_url"]) as self.gradebook:
            session = self.gradebook.db
            session.commit = session.flush
            try:
                for index, cell in enumerate(nb.cells):
                    self.preprocess_cell(cell, resources, index)
            finally:
                del session.commit
            session.commit()
        return nb, resources


class Settle(CourseStep):
    """Last step of ``autograde``: the gradebook holds the report's numbers themselves, and the course's late penalty."""

    def preprocess(self, nb: Any, resources: Any) -> tuple[Any, Any]:
        """Write scores, marks to be given, comments and penalty."""
        done: dict[str, Any] = resources["autograde"]
        submission: Submission = done["submission"]
        attempt: Attempt = done["attempt"]
        student = resources["nbgrader"]["student"]
        with open_gradebook(self.layout) as gradebook:
            settle(gradebook, self.layout, self.assignment(resources), student, submission, attempt)
        return nb, resources


class ShowToStudent(CourseStep):
    """First step of ``generate_feedback``: what is for staff goes, and checks say what their student may know today."""

    def preprocess(self, nb: Any, resources: Any) -> tuple[Any, Any]:
        """Replace the test cells' outputs by the student's view of the report."""
        from datetime import UTC, datetime

        from grader.reports import student_view
        from grader.store.standings import whose_due

        layout, assignment = self.layout, self.assignment(resources)
        student = resources["nbgrader"]["student"]
        store = layout.store
        submission = take_in(layout, store, assignment.name, student)
        handed = layout.handed(assignment.name, student)
        attempts = [item for item in store.attempts(submission=submission) if handed and item.id == handed.attempt]
        attempt = attempts[0] if attempts else stored_attempt(store, assignment, submission)
        nb.cells = [cell for cell in nb.cells if STAFF not in cell.metadata.get("tags", [])]
        if attempt is not None:
            granted = store.granted(assignment)
            due = granted.due_for(whose_due(submission, granted))
            report = student_view(attempt.report, due=due, now=datetime.now(UTC))
            show(nb, report, assignment, staff=False)
        resources["autograde"] = {"submission": submission, "attempt": attempt}
        return nb, resources


def show(nb: Any, report: Report, assignment: Assignment, *, staff: bool) -> None:
    """Write the results of ``report`` into the test cells of ``nb``."""
    import nbformat

    results = {check.id: check for check in report.checks}
    checks = {check.id for check in suite_of(assignment)}
    for cell in nb.cells:
        told = cell.metadata.get("nbgrader", {})
        if cell.cell_type != "code" or not told.get("grade") or told.get("solution"):
            continue
        name = told.get("grade_id")
        known = name in results and name in checks
        made = outputs_of(results[name], report, staff=staff) if known else missing()
        cell.outputs = [nbformat.from_dict(output) for output in made]  # type: ignore[no-untyped-call]
        cell.execution_count = None


def add_rubrics(nb: Any, assignment: Assignment) -> None:
    """Put the author's answer and rubric below each written answer, for whoever marks it in formgrader."""
    import nbformat

    models = {item.id: item for item in questions_of(assignment) if not item.task}
    cells = []
    for cell in nb.cells:
        cells.append(cell)
        question = models.get(cell.metadata.get("nbgrader", {}).get("grade_id", ""))
        if question is not None and question.model:
            text = f"**For staff: model answer and rubric of `{question.id}`**\n\n{question.model}"
            metadata = {"tags": [STAFF], "deletable": False, "editable": False}
            cells.append(nbformat.v4.new_markdown_cell(text, metadata=metadata))  # type: ignore[no-untyped-call]
    nb.cells = cells
