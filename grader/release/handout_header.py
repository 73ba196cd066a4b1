"""The header of every released handout, and the page of rules beside it: made from autograde.yml and the hidden suite."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from grader.course import read_questions, read_suite
from grader.course.file_points import file_points

if TYPE_CHECKING:
    from pathlib import Path

    from grader.course import Assignment

#: The page of rules in a bundle. Its first section is made here, the rest is the course's own text.
POLICIES = "POLICIES.md"
#: A ladder of hints beside the handout, which students may open or not.
HINTS = "HINTS.md"
_ASK_EARLY = "Ask for an extension before the due date, not after it."


def policies_source(assignment: Assignment) -> Path:
    """The course's own rules on collaboration and the like: one file for all assignments, which may be missing."""
    return assignment.folder.parent / POLICIES


def with_header(handout: str, assignment: Assignment, *, hints: bool) -> str:
    """The handout with its header below its title; one that does not begin with a title gets it at the top.

    Args:
        handout: the author's Markdown.
        assignment: whose handout it is.
        hints: whether the bundle has a file of hints.

    Returns:
        The Markdown that students read.

    Raises:
        AuthoringError: the hidden suite or a question of the notebook is wrong.

    """
    title, newline, rest = handout.partition("\n") if handout.startswith("# ") else ("", "", handout)
    return f"{title}{newline}\n{header(assignment, hints=hints)}\n{rest.lstrip()}".lstrip()


def header(assignment: Assignment, *, hints: bool) -> str:
    """The header as a table in Markdown."""
    about = assignment.handout
    rows = [
        ("Due", date_text(assignment.due) if assignment.due else ""),
        ("Points", _points(assignment)),
        ("Time", about.hours or ""),
        ("You need", "; ".join(about.prerequisites)),
        ("Read first", "; ".join(about.reading)),
        ("Hand in", f"{_files(assignment)}; see [Handing in](#handing-in)"),
        ("Your own", _own_constants(assignment)),
        ("Rules", f"[lateness, collaboration, use of AI]({POLICIES})"),
        ("Stuck?", f"[hints]({HINTS}), from a nudge to nearly the answer" if hints else ""),
    ]
    return "\n".join(["| | |", "|---|---|", *(f"| **{name}** | {text} |" for name, text in rows if text)]) + "\n"


def policies(assignment: Assignment) -> str:
    """The page of rules as Markdown: what lateness costs and which submission counts, then the course's own text."""
    source = policies_source(assignment)
    own = source.read_text(encoding="utf-8").strip() if source.is_file() else ""
    return "\n\n".join(part for part in ("# Rules", _lateness(assignment), own) if part) + "\n"


def date_text(due: datetime) -> str:
    """A date as a person writes it, with its time zone."""
    zone = due.tzinfo.key if isinstance(due.tzinfo, ZoneInfo) else due.tzname()
    return f"{due.day} {due:%B %Y, %H:%M} ({zone})"


def _points(assignment: Assignment) -> str:
    checks = read_suite(assignment.hidden_folder)
    questions = read_questions(assignment.notebook_source)
    by_file = file_points(checks, assignment.solution_files())
    listed = ", ".join(f"`{name}` {points:g}" for name, points in by_file.items())
    total = sum(check.points for check in checks) + sum(question.points for question in questions)
    if not questions:
        return f"{total:g}: {listed}"
    words = "a written answer" if len(questions) == 1 else f"{len(questions)} written answers"
    return f"{total:g}: {listed}; {words} {sum(question.points for question in questions):g}"


def _own_constants(assignment: Assignment) -> str:
    names = [
        f"`{constant.variable or name.upper()}` in `{constant.file}`" if constant.file else f"`{name}`"
        for name, constant in assignment.constants.items()
    ]
    return f"you have values of your own for {', '.join(names)}; your course hands them out" if names else ""


def _files(assignment: Assignment) -> str:
    count = len(assignment.files)
    modules = f"`{assignment.files[0]}`" if count == 1 else f"{count} modules"
    return f"{modules} and the notebook" if assignment.notebook_source.is_file() else modules


def _lateness(assignment: Assignment) -> str:
    late = assignment.late_policy
    if assignment.due is None:
        costs = ["This assignment has no due date."]
    else:
        costs = [f"This assignment is due on {date_text(assignment.due)}."]
        if late.grace_minutes:
            costs.append(f"The first {_number(late.grace_minutes, 'minute')} after that cost nothing.")
        if late.penalty_per_day:
            costs.append(f"Each day begun after that costs {100 * late.penalty_per_day:g} % of the score.")
        elif late.max_days is None:
            costs.append("Lateness costs nothing.")
        if late.max_days is not None:
            late_ones = (
                f"Submissions more than {_number(late.max_days, 'day')} late" if late.max_days else "Late submissions"
            )
            costs.append(f"{late_ones} score nothing.")
        if assignment.slip_days:
            costs.append(
                f"You may spend up to {_number(assignment.slip_days, 'slip day')} here; such days cost nothing."
            )
    return "\n\n".join(["## Lateness", "\n".join([" ".join(costs), f"{_attempts(assignment)} {_ASK_EARLY}"])])


def _attempts(assignment: Assignment) -> str:
    counts = {
        "best": "the best one counts",
        "last": "the last one counts",
        "chosen": "the one that you choose counts, or the last if you choose none",
    }[assignment.attempts]
    limit = assignment.attempt_limit
    limits = []
    if limit.capacity:
        back = f", and one comes back every {_number(limit.refill_hours, 'hour')}" if limit.refill_hours else ""
        limits.append(f"You have {_number(limit.capacity, 'attempt')} at once{back}.")
    if limit.total:
        limits.append(f"There {'is' if limit.total == 1 else 'are'} {_number(limit.total, 'attempt')} in total.")
    return " ".join([f"You may submit several times; {counts}.", *limits])


def _number(count: float, noun: str) -> str:
    return f"{count:g} {noun}" if count == 1 else f"{count:g} {noun}s"
