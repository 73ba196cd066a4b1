"""Viva sheets: for each student a page of Markdown with questions about their own code, and what to listen for."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from grader.course import course_secret
from grader.engine.module_reader import ModuleReader, module_reader
from grader.errors import UsageError
from grader.files import write_file
from grader.reports.feedback import check_folder_name
from grader.review.own_code import fenced, functions_of, one_line, quoted
from grader.review.viva_questions import HandedIn, Question, questions_for
from grader.validation.variants import read_variants

if TYPE_CHECKING:
    from grader.course import Assignment, Course
    from grader.store import Store

#: Submissions of a student that are read: the first ones tell little that the later ones do not.
_LAST = 8


@dataclass(frozen=True, slots=True)
class Sheet:
    """The questions for one student or team."""

    owner: str
    name: str
    questions: tuple[Question, ...]

    def as_dict(self) -> dict[str, Any]:
        """The sheet as JSON-ready data."""
        return {"owner": self.owner, "name": self.name, "questions": [asdict(item) for item in self.questions]}

    def markdown(self, title: str) -> str:
        """The sheet for the examiner. Whatever students wrote stands in blocks of code."""
        parts = [
            f"# {one_line(title)}: questions for {one_line(self.name)}",
            (
                "Each question is about this student's own code. An answer shows understanding, or the lack of it; it is no proof "
                "of who wrote what, and changes no score by itself."
            ),
        ]
        for number, item in enumerate(self.questions, start=1):
            language = "diff" if item.kind != "explain" else "python"
            parts += [f"## {number}. {one_line(item.where)}", item.asks, fenced(item.code, language)]
            parts += ["For the examiner, listen for:", quoted(item.listen_for)]
        if not self.questions:
            parts.append("There is no code of this student's that could be read.")
        return "\n\n".join(parts) + "\n"


def viva_sheets(course: Course, assignment: Assignment, store: Store, owners: Iterable[str] = ()) -> Iterator[Sheet]:
    """The sheets of everybody who handed in, or of ``owners`` alone, in the order of the roster.

    Raises:
        UsageError: one of ``owners`` has handed in nothing.

    """
    asked = tuple(owners)
    here = list(dict.fromkeys(item.owner for item in store.submissions(assignment.name) if item.has_work))
    for owner in asked:
        if owner not in here:
            raise UsageError(f"{owner} has handed in nothing for {assignment.name}", fix="give an id of the roster")
    names = {owner.id: owner.name for owner in course.roster}
    wanted = set(asked) or set(here)
    variants = read_variants(assignment)
    secret = course_secret(store.state)
    with module_reader(assignment) as reader:
        for owner in [*(name for name in names if name in here), *(name for name in here if name not in names)]:
            if owner in wanted:
                seed = hmac.digest(secret, f"viva\x1f{assignment.name}\x1f{owner}".encode(), hashlib.sha256)
                questions = questions_for(_uploads(store, assignment, owner, reader), variants, seed)
                yield Sheet(check_folder_name(owner, course), names.get(owner, owner), tuple(questions))


def write_sheets(sheets: Iterable[Sheet], assignment: Assignment, folder: Path) -> list[Path]:
    """Write ``folder/OWNER.md`` for each sheet, readable for its owner alone; the files."""
    return [write_file(folder / f"{sheet.owner}.md", sheet.markdown(assignment.title), mode=0o600) for sheet in sheets]


def _uploads(store: Store, assignment: Assignment, owner: str, reader: ModuleReader) -> list[HandedIn]:
    found = []
    for submission in [item for item in store.submissions(assignment.name, owner) if item.has_work][-_LAST:]:
        scored = [attempt.report for attempt in store.attempts(submission=submission) if not attempt.held]
        functions = tuple(functions_of(reader.modules(store.files(submission))))
        found.append(HandedIn(submission.received_at, functions, scored[-1] if scored else None))
    return found
