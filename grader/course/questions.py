"""The written questions of an assignment: what its notebook's text source leaves for people to grade."""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from grader.errors import AuthoringError

if TYPE_CHECKING:
    from pathlib import Path

_MARKER = re.compile(r"^# %%(?P<rest>.*)$")
_METADATA = re.compile(r"\bnbgrader=(?P<json>\{.*\})")
_HEADING = re.compile(r"^\W*(?P<title>(?:written )?question\s*\w*)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Question:
    """One cell that a person grades.

    ``id`` is its grade id, ``model`` the author's answer and rubric, ``line`` the cell's line in the source. ``title``
    is how the question calls itself ("Question 1"), and the id where it has no such name.
    """

    id: str
    title: str
    points: float
    model: str
    task: bool
    line: int


def read_questions(source: Path) -> tuple[Question, ...]:
    """The manually graded cells of ``notebook.py`` in their order; none where there is no notebook.

    The text is read line by line, without jupytext, because the points are needed wherever a score is shown.

    Raises AuthoringError, with the cell's file and line, where its points are not a number of 0 or more, and where
    students would never read its question: nbgrader replaces the whole cell by "YOUR ANSWER HERE", so the question must
    not be in it, and must be in a markdown cell between it and the answer before it.
    """
    if not source.is_file():
        return ()
    cells = _cells(source.read_text(encoding="utf-8"))
    found = []
    above: list[str] = []  # what students read since the last answer
    for index, (line, rest, body) in enumerate(cells):
        told = _metadata(rest)
        task = bool(told.get("task"))
        if not (task or (told.get("grade") and told.get("solution"))):
            if _asks(rest):
                above.append(body)
            continue
        where = f"{source}:{line}"
        points = told.get("points")
        if not isinstance(points, int | float) or isinstance(points, bool) or not 0 <= points < math.inf:
            raise AuthoringError(
                f"the points of `{told.get('grade_id')}` are not a number", where=where, fix='write "points": 5'
            )
        if (
            not task
            and _is_markdown(rest)
            and (problem := _unreadable(body, above, next_to=bool(index) and _asks(cells[index - 1][1])))
        ):
            raise AuthoringError(
                f"the cell `{told.get('grade_id')}` {problem}", where=where,
                fix="put the question into a separate markdown cell above; this cell holds the model answer with its rubric",
            )  # fmt: skip
        above = []
        asked = body if task else (cells[index - 1][2] if index else "")
        found.append(
            Question(
                str(told.get("grade_id", "")), _title(asked, str(told["grade_id"])), float(points), body, task, line
            )
        )
    return tuple(found)


def _is_markdown(rest: str) -> bool:
    return bool(re.match(r"\s*(?:[^\[{]*\s)?\[(?:markdown|md)\]", rest))


def _asks(rest: str) -> bool:
    """Whether students read this cell as it is, and it may ask: a markdown cell that is not theirs to fill."""
    return _is_markdown(rest) and not _metadata(rest).get("solution")


def _unreadable(body: str, above: list[str], *, next_to: bool) -> str:
    """Why students would never read the question that a cell with this text answers; nothing where they would.

    ``above`` are the markdown cells since the last answer; ``next_to``: one of them is the cell right above.
    """
    holds = bool(re.search(r"^\W*your answer here\W*$", body, re.IGNORECASE | re.MULTILINE))
    holds = holds or (_is_asked([body]) and not _is_asked(above))
    if holds:
        return "holds its question, which nbgrader removes with the model answer: students would never see it"
    asked = next_to or _is_asked(above) or any("?" in text for text in above)
    return "" if asked else "has no markdown cell with its question above it: students would not know the question"


def _is_asked(texts: list[str]) -> bool:
    return any(_HEADING.match(line) for text in texts for line in text.split("\n"))


def _cells(text: str) -> list[tuple[int, str, str]]:
    """Each cell's line, what follows its marker, and its text without comment signs."""
    cells: list[tuple[int, str, list[str]]] = []
    for number, line in enumerate(text.split("\n"), start=1):
        if marker := _MARKER.match(line):
            cells.append((number, marker["rest"], []))
        elif cells:
            cells[-1][2].append(re.sub(r"^# ?", "", line))
    return [(number, rest, "\n".join(lines).strip()) for number, rest, lines in cells]


def _metadata(rest: str) -> dict[str, Any]:
    if (match := _METADATA.search(rest)) is None:
        return {}
    try:
        told, _ = json.JSONDecoder().raw_decode(match["json"])
    except ValueError:
        return {}  # the release builder names what cannot be read
    return told if isinstance(told, dict) else {}


def _title(text: str, fallback: str) -> str:
    for line in text.split("\n"):
        if heading := _HEADING.match(line):
            return heading["title"].strip().capitalize()
    return fallback
