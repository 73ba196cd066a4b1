"""How reports write numbers, times, code and a student's own lines, on pages and in terminals."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, NamedTuple

from markupsafe import Markup, escape

from grader.text import clean, shorten

if TYPE_CHECKING:
    from datetime import datetime, tzinfo

    from grader.records import ConfusionFigure, Place

#: Stands where there is no number.
DASH = "\N{EN DASH}"
MINUS = "\N{MINUS SIGN}"
#: Lines of a student's code beside a message.
MAX_EXCERPT = 8

_CODE = re.compile(r"`([^`\n]{1,200})`")


def excerpt(place: Place) -> list[tuple[int, str, bool]]:
    """The lines of a place: their numbers, their text made fit to show, and whether it is the one that is meant."""
    shown = list(enumerate(place.lines[:MAX_EXCERPT], start=place.first))
    return [(number, shorten(clean(line)), number == place.line) for number, line in shown]


def excerpt_text(place: Place) -> str:
    """A place for a terminal: file and line, and the lines with the one that is meant marked."""
    lines = excerpt(place)
    width = len(str(lines[-1][0])) if lines else 1
    marked = [f"{'>' if meant else ' '} {number:>{width}} | {line}".rstrip() for number, line, meant in lines]
    return "\n".join([f"{clean(place.file)}, line {place.line}. {clean(place.what)}".rstrip(), *marked])


class Mistaken(NamedTuple):
    """A class that another one was taken for, and how often."""

    name: str
    times: int


def confused(figure: ConfusionFigure, truth: int, most: int = 3) -> list[Mistaken]:
    """What class number ``truth`` was taken for most often, the most frequent first; at most ``most`` of them."""
    row = [Mistaken(name, times) for name, times in zip(figure.classes, figure.counts[truth], strict=True)]
    others = [*row[:truth], *row[truth + 1 :], Mistaken("no class", figure.unanswered[truth])]
    return sorted((item for item in others if item.times), key=lambda item: -item.times)[:most]


def wrong_columns(row: str) -> str:
    """The columns of a map's row that are wrong, from 0, neighbours together: ``0 to 3, 7``."""
    runs: list[list[int]] = []
    for column, tenths in enumerate(row):
        if tenths != "0":
            if runs and runs[-1][1] == column - 1:
                runs[-1][1] = column
            else:
                runs.append([column, column])
    return ", ".join(str(low) if low == high else f"{low} to {high}" for low, high in runs)


def inline(text: str) -> Markup:
    """``text`` escaped for HTML, with `code` between backticks set as code."""
    return Markup(_CODE.sub(r"<code>\1</code>", str(escape(text))))  # noqa: S704 - escaped just before


def number(value: float | None, digits: int = 2) -> str:
    """A number with at most ``digits`` decimals and no trailing zeros; a dash where there is none."""
    if value is None or not math.isfinite(value):
        return DASH
    text = f"{value:.{digits}f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text == "-0" else text


def points(value: float | None) -> str:
    """Points with their noun: ``1 point``, ``7.5 points``."""
    text = number(value)
    return f"{text} point{'' if text == '1' else 's'}"


def moment(when: datetime, zone: tzinfo) -> str:
    """A time of day in the course's timezone, such as ``4 Dec 2026, 23:59 CET``."""
    local = when.astimezone(zone)
    return f"{local.day} {local:%b %Y, %H:%M} {local.tzname() or ''}".rstrip()
