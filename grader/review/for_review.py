"""What a reviewer needs to read of each submission, as Markdown: diagnosis, the function that it is about, and the rubric.

A reviewer may be a person, or whatever an instructor uses besides. Pages carry pseudonyms, and nothing comes back: no opinion of
anybody's, or anything's, changes a score on this way.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from grader.course import course_secret, read_questions
from grader.course.pseudonyms import pseudonym
from grader.engine.module_reader import module_reader
from grader.files import write_file
from grader.reports.formatting import number
from grader.review.own_code import Function, fenced, function_at, functions_of, one_line, quoted
from grader.review.written_answers import answers_in

if TYPE_CHECKING:
    from grader.course import Assignment, Course, Question
    from grader.records import CheckResult, Report
    from grader.store import Store


@dataclass(frozen=True, slots=True)
class ReviewPage:
    """One submission for a reviewer: under which name, and the Markdown."""

    label: str
    text: str


def review_pages(course: Course, assignment: Assignment, store: Store) -> Iterator[ReviewPage]:
    """The pages of everybody whose submission counts and is graded, under pseudonyms, in their order."""
    secret = course_secret(store.state)
    rows = [row for row in store.standing(course, assignment) if row.submission is not None and row.latest is not None]
    labelled = sorted((pseudonym(secret, f"review\x1f{assignment.name}\x1f{row.owner}"), row) for row in rows)
    questions = read_questions(assignment.notebook_source)
    with module_reader(assignment) as reader:
        for label, row in labelled:
            assert row.submission is not None
            assert row.latest is not None
            files = store.files(row.submission)
            report = store.reports([row.latest.id])[row.latest.id]
            functions = functions_of(reader.modules(files))
            yield ReviewPage(label, _page(assignment, label, report, functions, questions, answers_in(files)))


def write_review(pages: Iterator[ReviewPage], folder: Path) -> list[Path]:
    """Write ``folder/PSEUDONYM.md`` for each page; the files."""
    return [write_file(folder / f"{page.label}.md", page.text, mode=0o600) for page in pages]


def _page(
    assignment: Assignment,
    label: str,
    report: Report,
    functions: Sequence[Function],
    questions: Sequence[Question],
    answers: Mapping[str, str],
) -> str:
    score = "held" if report.score is None else f"{number(report.score)} of {number(report.max_score)}"
    parts = [
        f"# {one_line(assignment.title)}: {label}",
        f"The checks gave {score}. That stands; what follows is for written feedback.",
    ]
    lost = [check for check in report.checks if check.score is not None and check.score < check.max_score]
    for check in lost:
        parts += _check(check, functions)
    if not lost:
        parts.append("No check lost a point.")
    for question in questions:
        parts += [
            f"## {one_line(question.title)} ({number(question.points)} points, written)",
            "Rubric:",
            quoted(question.model),
            "Answer:",
            quoted(answers.get(question.id, "") or "(nothing was written)"),
        ]
    return "\n\n".join(parts) + "\n"


def _check(check: CheckResult, functions: Sequence[Function]) -> list[str]:
    parts = [
        f"## {one_line(check.title)} (`{check.id}`)",
        f"Rubric: {number(check.max_score)} points; {number(check.score)} were earned."
        + (f" Hint to students: {one_line(check.hint)}" if check.hint else ""),
    ]
    if check.message:
        parts += ["Diagnosis:", quoted(check.message)]
    found = function_at(functions, check.place.file, check.place.line) if check.place else None
    if found is not None and check.place is not None:
        parts += [f"`{found.name}` in {one_line(found.file)}, line {check.place.line} is meant:", fenced(found.shown)]
    return parts
