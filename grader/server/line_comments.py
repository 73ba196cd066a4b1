"""What staff said about lines of a submission, beside the lines."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from grader.errors import StoreError
from grader.policies import DecisionKind
from grader.text import clean, shorten

if TYPE_CHECKING:
    from grader.server.service import Service
    from grader.store import Submission

#: Lines that are shown before and after the one that is meant.
_AROUND = 2


@dataclass(frozen=True, slots=True)
class LineComment:
    """A comment, with the lines around the one that it is about: number, text, and whether it is that one."""

    file: str
    line: int
    text: str
    author: str
    made_at: datetime
    lines: tuple[tuple[int, str, bool], ...]


def line_comments(service: Service, submission: Submission) -> list[LineComment]:
    """The comments on a submission, by file and line."""
    found = []
    for made in service.store.decisions(submission.assignment).about(DecisionKind.LINE_COMMENT, submission.id):
        line = int(made.number or 0)
        author = service.directory.get(made.author)
        found.append(
            LineComment(
                made.file,
                line,
                made.comment,
                author.name if author else made.author,
                made.made_at,
                _around(service, submission, made.file, line),
            )
        )
    return sorted(found, key=lambda item: (item.file, item.line, item.made_at))


def _around(service: Service, submission: Submission, file: str, line: int) -> tuple[tuple[int, str, bool], ...]:
    stored = next((item for item in submission.files if item.path == file), None)
    try:
        text = service.store.content(stored).decode("utf-8", "replace") if stored else ""
    except StoreError:
        return ()
    first = max(line - _AROUND, 1)
    lines = text.splitlines()[first - 1 : line + _AROUND]
    return tuple((number, shorten(clean(item)), number == line) for number, item in enumerate(lines, start=first))
