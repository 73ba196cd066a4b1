"""People's part: manual scores, extra credit and comments of formgrader, kept in our store as well."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from grader.review.mark_table import marker
from grader.store import Mark

if TYPE_CHECKING:
    from collections.abc import Iterator

    from grader.nbgrader.layout import NbgraderLayout
    from grader.store import Store

#: Stands as the marker of an answer that nbgrader itself gave no points, for nothing was written.
NO_RESPONSE = "nbgrader"


def gradebook_marks(layout: NbgraderLayout, notebook: Any, assignment: str, student: str) -> Iterator[Mark]:
    """What a submitted notebook of the gradebook says people gave, a mark without points where they gave none."""
    now = datetime.now(UTC)
    comments = {comment.name: comment.manual_comment or "" for comment in notebook.comments}
    written = {cell.name for cell in (*notebook.notebook.solution_cells, *notebook.notebook.task_cells)}
    handed = layout.handed(assignment, student)
    for grade in notebook.grades:
        name = grade.name
        points, who = grade.manual_score, marker()
        if points is None and name in written and grade.auto_score == 0 and not grade.needs_manual_grade:
            points, who = 0.0, NO_RESPONSE
        yield Mark(
            assignment=assignment,
            student=student,
            question=name,
            points=points,
            extra=grade.extra_credit or 0.0,
            comment=comments.get(name, ""),
            marker=who,
            marked_at=now,
            submission_id=handed.submission if handed else None,
        )


def pull_marks(layout: NbgraderLayout, store: Store, notebook: Any, assignment: str, student: str) -> int:
    """Keep in the store what people gave in the gradebook; how many marks are new.

    A mark that the store has and the gradebook has not is no order to forget it: the gradebook may be new.
    """
    kept = store.marks(assignment).get(student, {})
    count = 0
    for mark in gradebook_marks(layout, notebook, assignment, student):
        last = kept.get(mark.question)
        empty = mark.points is None and not mark.extra and not mark.comment
        if empty and last is not None and last.marker != NO_RESPONSE:
            continue
        count += store.put_mark(mark)
    return count


def push_marks(gradebook: Any, store: Store, notebook: Any, assignment: str, student: str) -> int:
    """Give the gradebook the marks that only the store has; how many."""
    from nbgrader.api import MissingEntry

    kept = store.marks(assignment).get(student, {})
    count = 0
    for grade in notebook.grades:
        mark = kept.get(grade.name)
        if mark is None or mark.marker == NO_RESPONSE:
            continue
        try:
            comment = gradebook.find_comment(grade.name, assignment, assignment, student)
        except MissingEntry:
            comment = None
        changed = False
        if grade.manual_score is None and mark.points is not None:
            grade.manual_score, grade.needs_manual_grade, changed = mark.points, False, True
            grade.extra_credit = grade.extra_credit or mark.extra or None
        if comment is not None and not comment.manual_comment and mark.comment:
            comment.manual_comment, changed = mark.comment, True
        count += changed
    gradebook.db.commit()
    return count
