"""Student text made fit for a page, a terminal or a spreadsheet: no controls, no endless lines, no formulas."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

from markupsafe import Markup, escape

if TYPE_CHECKING:
    from datetime import datetime, tzinfo

    from grader.records import Place

#: Stands where there is no number.
DASH = "\N{EN DASH}"
MINUS = "\N{MINUS SIGN}"
#: About a screen.
MAX_LINES = 48
MAX_LINE = 400
MAX_CHARS = 6000
#: Lines of a student's code beside a message.
MAX_EXCERPT = 8

_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]{0,2000}(?:\x07|\x1b\\)|[@-Z\\^_])")
#: C0 and C1 controls, lone surrogates, noncharacters, and what turns the direction of text around (CVE-2021-42574).
_CONTROLS = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff0-\uffff\ud800-\udfff]"
)
_CODE = re.compile(r"`([^`\n]{1,200})`")
#: What a spreadsheet takes for the start of a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def clean(text: str) -> str:
    """``text`` without escape sequences and control characters; of a line redrawn in place, what was last shown."""
    # No pattern for this: "anything up to a carriage return" takes quadratic time on a megabyte without one.
    text = "\n".join(line.rstrip("\r").rpartition("\r")[2] for line in text.split("\n"))
    return _CONTROLS.sub("", _ESCAPES.sub("", text)).replace("\u2028", "\n").replace("\u2029", "\n")


def screenful(text: str) -> str:
    """``text`` cleaned and cut to about a screen, its beginning and its end kept, the gap named."""
    if len(text) > 8 * MAX_CHARS:  # a megabyte is not worth cleaning to show a page of it
        text = f"{text[: 4 * MAX_CHARS]}\n{text[-4 * MAX_CHARS :]}"
    lines = [_short(line) for line in clean(text).strip("\n").split("\n")]
    if len(lines) <= MAX_LINES and sum(map(len, lines)) <= MAX_CHARS:
        return "\n".join(lines)
    head = _fit(lines[: MAX_LINES * 2 // 3], MAX_CHARS * 2 // 3)
    tail = _fit(lines[len(head) :][::-1][: MAX_LINES // 3], MAX_CHARS // 3)[::-1]
    return "\n".join([*head, "[... left out here ...]", *tail])


def excerpt(place: Place) -> list[tuple[int, str, bool]]:
    """The lines of a place: their numbers, their text made fit to show, and whether it is the one that is meant."""
    shown = list(enumerate(place.lines[:MAX_EXCERPT], start=place.first))
    return [(number, _short(clean(line)), number == place.line) for number, line in shown]


def excerpt_text(place: Place) -> str:
    """A place for a terminal: file and line, and the lines with the one that is meant marked."""
    lines = excerpt(place)
    width = len(str(lines[-1][0])) if lines else 1
    marked = [f"{'>' if meant else ' '} {number:>{width}} | {line}".rstrip() for number, line, meant in lines]
    return "\n".join([f"{clean(place.file)}, line {place.line}. {clean(place.what)}".rstrip(), *marked])


def inline(text: str) -> Markup:
    """``text`` escaped for HTML, with `code` between backticks set as code."""
    return Markup(_CODE.sub(r"<code>\1</code>", str(escape(text))))  # noqa: S704 - escaped just before


def csv_safe(value: object) -> object:
    """``value`` for a spreadsheet: text that reads as a formula gets an apostrophe; numbers stay numbers."""
    if not isinstance(value, str):
        return value
    text = clean(value).replace("\n", " ")
    return f"'{text}" if text.lstrip(" \u00a0").startswith(_FORMULA) else text


def number(value: float | None, digits: int = 2) -> str:
    """A number with at most ``digits`` decimals and no trailing zeros; a dash where there is none."""
    if value is None or not math.isfinite(value):
        return DASH
    text = f"{value:.{digits}f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text == "-0" else text


def moment(when: datetime, zone: tzinfo) -> str:
    """A time of day in the course's timezone, such as ``4 Dec 2026, 23:59 CET``."""
    local = when.astimezone(zone)
    return f"{local.day} {local:%b %Y, %H:%M} {local.tzname() or ''}".rstrip()


def _short(line: str) -> str:
    return line if len(line) <= MAX_LINE else f"{line[:MAX_LINE]} [...]"


def _fit(lines: list[str], budget: int) -> list[str]:
    kept: list[str] = []
    for line in lines:
        budget -= len(line)
        if budget < 0 and kept:
            break
        kept.append(line)
    return kept
