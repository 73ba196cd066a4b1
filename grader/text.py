"""Text that others wrote, made fit for a page, a terminal or a spreadsheet: no controls, no endless lines, no formulas."""

from __future__ import annotations

import re
import unicodedata

#: About a screen.
MAX_LINES = 48
MAX_LINE = 400
MAX_CHARS = 6000
#: Stands for what a cut left out.
GAP = "[... left out here ...]"

_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]{0,2000}(?:\x07|\x1b\\)|[@-Z\\^_])")
#: C0 and C1 controls, lone surrogates, noncharacters, and what turns the direction of text around (CVE-2021-42574).
_CONTROLS = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff0-\uffff\ud800-\udfff]"
)
#: As blank as a space, though letters or symbols to Unicode. A spreadsheet may skip them.
_BLANK = frozenset("\u115f\u1160\u2800\u3164\uffa0")
#: Kinds of characters that nobody sees, or that only decorate others.
_UNSEEN = frozenset({"Cc", "Cf", "Me", "Mn", "Zl", "Zp", "Zs"})
#: Where a cell ends for a spreadsheet whose language has the comma for decimals.
_NEXT_CELL = re.compile(r"(?<=[;\t])")


def clean(text: object, limit: int | None = None) -> str:
    """``text`` without escape sequences and control characters; for a line redrawn in place, what was last shown.

    What is not a string becomes ``?``; methods that a subclass of str has of its own are not called. With ``limit``, at most so many
    characters of it are read and given, the last one an ellipsis where there was more.
    """
    # By type, and by str's own method: a value may claim to be of another class, and a subclass may lie.
    raw = str.__str__(text) if issubclass(type(text), str) else "?"
    if limit is not None:
        raw, more = raw[:limit], len(raw) > limit
    else:
        more = False
    # No pattern for this: "anything up to a carriage return" takes quadratic time on a megabyte without one.
    raw = "\n".join(line.rstrip("\r").rpartition("\r")[2] for line in raw.split("\n"))
    shown = _CONTROLS.sub("", _ESCAPES.sub("", raw)).replace("\u2028", "\n").replace("\u2029", "\n")
    return f"{shown[: (limit or 1) - 1]}…" if more else shown


def screenful(text: str, *, lines: int = MAX_LINES, width: int = MAX_LINE, chars: int = MAX_CHARS) -> str:
    """``text`` cleaned and cut to about a screen: its beginning (two thirds) and its end are kept, and the gap is named.

    At most ``lines`` lines and one for the gap, of ``width`` characters and a mark where one is cut, ``chars`` in all.
    """
    if len(text) > 8 * chars:  # a megabyte is not worth cleaning to show a page of it
        text = f"{text[: 4 * chars]}\n{text[-4 * chars :]}"
    kept = [shorten(line, width) for line in clean(text).strip("\n").split("\n")]
    if len(kept) <= lines and sum(map(len, kept)) <= chars:
        return "\n".join(kept)
    head = _fit(kept[: lines * 2 // 3], chars * 2 // 3)
    tail = _fit(kept[len(head) :][::-1][: lines // 3], chars // 3)[::-1]
    return "\n".join([*head, GAP, *tail])


#: End a noun in s, and are one thing all the same.
_SINGULAR = frozenset(
    {
        "loss",
        "axis",
        "bias",
        "class",
        "basis",
        "lens",
        "gas",
        "bus",
        "this",
        "its",
        "process",
        "success",
        "dress",
        "less",
    }
)
#: What follows the head of a noun phrase.
_AFTER_HEAD = re.compile(
    r"\s+(?:of|in|after|where|without|with|away|by|from|for|to|at|on|before|between|beyond|compared|that|which|through|as)\b|,|\("
)
_VERBS = {
    "is": "are",
    "has": "have",
    "holds": "hold",
    "lacks": "lack",
    "looks": "look",
    "matches": "match",
    "was": "were",
    "does": "do",
}


def plural(name: str) -> bool:
    """Whether a phrase names several things: "the weights of the first layer", ``losses``; not ``grads["w"]`` or "the loss"."""
    phrase = name.strip()
    if phrase.startswith(("after ", "with ", "in ")):  # "after 2 updates, weights"
        phrase = phrase.partition(", ")[2]
    head = _AFTER_HEAD.split(phrase, maxsplit=1)[0]
    if not re.fullmatch(r"[A-Za-z' ]+", head) or head.startswith(
        "what "
    ):  # code: a call, an entry, a name with an underscore
        return False
    words = head.split()
    if " and " in f" {head} ":
        return True
    last = words[-1].lower() if words else ""
    return last.endswith("s") and not last.endswith(("ss", "us", "'s")) and last not in _SINGULAR


def agreeing(name: str, sentence: str) -> str:
    """``name`` and a sentence that goes on with a verb in the singular, which is put right where the name is a plural."""
    verb, gap, rest = sentence.partition(" ")
    return f"{name} {_VERBS.get(verb, verb) if plural(name) else verb}{gap}{rest}"


def counted(number: float, noun: str, plural: str = "") -> str:
    """A number with its noun in agreement: ``1 page``, ``3 pages``; ``plural`` where that is not the noun and an s."""
    shown = f"{number:g}" if isinstance(number, float) else str(number)
    return f"{shown} {noun if number == 1 else plural or f'{noun}s'}"


def in_time(seconds: float) -> str:
    """A duration as a person says it, to two figures or so: ``40 s``, ``3 min``, ``2 h 10 min``."""
    if seconds < 90:
        return f"{max(1, round(seconds)):d} s"
    minutes = round(seconds / 60)
    if minutes < 90:
        return f"{minutes} min"
    return f"{minutes // 60} h {minutes % 60 // 10 * 10} min"


def shorten(line: str, width: int = MAX_LINE) -> str:
    """A line cut to ``width`` characters, with a mark where it was longer."""
    return line if len(line) <= width else f"{line[:width]} [...]"


def csv_safe(value: object) -> object:
    """``value`` for a spreadsheet: text that reads as a formula gets an apostrophe; numbers stay numbers.

    So does what follows a semicolon or a tab: there, the spreadsheets of many countries begin another cell.
    """
    if not isinstance(value, str):
        return value
    text = clean(value).replace("\n", " ")
    first = next((place for place, char in enumerate(text) if not _is_unseen(char)), len(text))
    cells = _NEXT_CELL.split(text[first:])
    cells[0] = text[:first] + cells[0]
    return "".join(f"'{cell}" if _is_formula(cell, quoted=place > 0) else cell for place, cell in enumerate(cells))


def _is_formula(cell: str, *, quoted: bool) -> bool:
    """Whether a cell begins like a formula, in whatever width its sign is; ``quoted`` is whether a quote may open it."""
    for char in cell:
        if not (_is_unseen(char) or (quoted and char == '"')):
            return unicodedata.normalize("NFKC", char)[0] in "=+-@\u2212"
    return False


def _is_unseen(char: str) -> bool:
    return char in _BLANK or unicodedata.category(char) in _UNSEEN


def _fit(lines: list[str], budget: int) -> list[str]:
    kept: list[str] = []
    for line in lines:
        budget -= len(line)
        if budget < 0 and kept:
            break
        kept.append(line)
    return kept
