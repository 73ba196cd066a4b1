"""Tables for the terminal: a batch at a glance, and one report's checks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from grader.reports.causes import causes_of, passed
from grader.reports.formatting import DASH, MINUS, excerpt_text, number
from grader.reports.verdicts import WORDINGS
from grader.text import clean

if TYPE_CHECKING:
    from collections.abc import Iterable

    from grader.records import CheckResult, Report, Verdict

_STYLES = {"good": "green", "partial": "yellow", "bad": "red", "quiet": "dim", "held": "magenta"}
_CELL = 60
_SHOWN_CHECKS = 2
_MESSAGE = 1200


@dataclass(frozen=True, slots=True)
class BatchRow:
    """One submission of a batch. ``report`` is None while it has not been graded; ``note`` then says why.

    ``what`` says what was handed in, where that is known; it takes the place of where points were lost.
    """

    owner: str
    report: Report | None
    note: str = ""
    what: str = ""


def batch_table(rows: Iterable[BatchRow], *, title: str = "") -> Table:
    """Who got how many points, with the checks that cost most, in one line each."""
    listed = list(rows)
    named = any(row.what for row in listed)
    table = Table(title=_text(title) if title else None, title_justify="left", box=None, pad_edge=False)
    table.add_column("who", no_wrap=True)
    if named:
        table.add_column("handed in", no_wrap=True, max_width=30, overflow="ellipsis")
    table.add_column("points", justify="right", no_wrap=True)
    table.add_column("verdict", no_wrap=True)
    table.add_column("sec", justify="right", no_wrap=True)
    table.add_column("" if named else "lost on")
    for row in listed:
        report = row.report
        who = [_text(row.owner), *([_text(row.what)] if named else [])]
        if report is None:
            table.add_row(*who, DASH, Text("not graded", style="dim"), "", _text(row.note))
            continue
        points = DASH if report.held else f"{number(report.score)} / {number(report.max_score)}"
        lost = row.note or ("" if named else _lost(report))
        table.add_row(*who, points, verdict_text(report.verdict), f"{report.seconds:.2f}", _text(lost))
    return table


def report_table(report: Report) -> Table:
    """One report, a line a check, with the message and the hint under the title where points were lost.

    Checks that lost points come first, those that one cause stopped behind one another, with the cause said once.

    It shows all that the report holds: for a student pass what ``student_view`` gives.
    """
    table = Table(box=None, pad_edge=False, show_lines=False)
    table.add_column("check", ratio=1)
    table.add_column("verdict", no_wrap=True)
    table.add_column("points", justify="right", no_wrap=True)
    for cause in causes_of(report.checks, report.message):
        table.add_row(*_row(cause.first, more=cause.sentence))
        for check in cause.others:
            table.add_row(*_row(check, alone=False))
    for check in passed(report.checks):
        table.add_row(*_row(check))
    total = "held for staff" if report.held else f"{number(report.score)} / {number(report.max_score)}"
    table.add_section()
    table.add_row(Text("total", style="bold"), verdict_text(report.verdict), Text(total, style="bold"))
    return table


def _row(check: CheckResult, *, more: str = "", alone: bool = True) -> tuple[Text, Text, str]:
    """A line for a check; without ``alone`` the one before it has said what stopped this one too."""
    cell = _text(check.title or check.id)
    if not alone:
        cell = Text("  ").append_text(cell)
    elif check.score is None or check.score < check.max_score:
        where = excerpt_text(check.place) if check.place else ""
        for label, text in (("", check.message), ("", where), ("hint: ", check.hint), ("", more)):
            if text:
                cell.append("\n  " + label + clean(text)[:_MESSAGE].replace("\n", "\n  "), style="dim")
    return cell, verdict_text(check.verdict), f"{number(check.score)} / {number(check.max_score)}"


def verdict_text(verdict: Verdict) -> Text:
    """A verdict in words, with its sign and colour."""
    wording = WORDINGS[verdict]
    return Text(f"{wording.sign} {wording.word}", style=_STYLES[wording.tone])


def _lost(report: Report) -> str:
    """The checks that cost most points, dearest first."""
    lost = [
        (check.max_score - check.score, check.id)
        for check in report.checks
        if check.score is not None and check.score < check.max_score
    ]
    lost.sort(key=lambda pair: -pair[0])
    names = ", ".join(f"{name} {MINUS}{number(points)}" for points, name in lost[:_SHOWN_CHECKS])
    more = len(lost) - _SHOWN_CHECKS
    return f"{names} and {more} more" if more > 0 else names


def _text(text: str) -> Text:
    """Text as it is: rich's markup in a student's name stays text."""
    return Text(clean(text).replace("\n", " ")[: _CELL * 2])
