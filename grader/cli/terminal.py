"""Terminals that know no more than ASCII: our own signs and a student's letters are written in what they have."""

from __future__ import annotations

import codecs
import sys
import unicodedata

_PLAIN = "autograde-plain"
#: What our texts and mathematics use; letters with accents lose them, Greek ones are spelt out.
_SIGNS = {
    "\u2713": "+", "\u2717": "x", "\u25d0": "~", "\u25f7": "T", "\u25b2": "^", "\u2026": "...", "\u2013": "-", "\u2014": "-", "\u2212": "-",
    "\u201c": '"', "\u201d": '"', "\u2018": "'", "\u2019": "'", "\u00b7": "*", "\u22c5": "*", "\u00d7": "x", "\u2202": "d", "\u2207": "grad",
    "\u2211": "sum", "\u221a": "sqrt", "\u221e": "inf", "\u2264": "<=", "\u2265": ">=", "\u2260": "!=", "\u2248": "~", "\u00b1": "+-",
    "\u2192": "->", "\u2190": "<-", "\u2208": "in", "\u00df": "ss", "\u00f8": "o", "\u00d8": "O", "\u0142": "l", "\u0141": "L", "\u0131": "i",
}  # fmt: skip


def write_what_terminals_take() -> None:
    """Have standard output and error write every text, whatever their encoding: nothing ends in a UnicodeEncodeError."""
    codecs.register_error(_PLAIN, _replace)
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None and not takes_unicode(stream):
            reconfigure(errors=_PLAIN)


def takes_unicode(stream: object) -> bool:
    """True for a stream that writes every character."""
    return str(getattr(stream, "encoding", None) or "utf-8").lower().replace("-", "").startswith("utf")


def _replace(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(map(_plain, error.object[error.start : error.end])), error.end


def _plain(char: str) -> str:
    if char in _SIGNS:
        return _SIGNS[char]
    simple = "".join(part for part in unicodedata.normalize("NFKD", char) if part.isascii())
    if simple:
        return simple
    if unicodedata.combining(char):
        return ""
    name = unicodedata.name(char, "")
    if name.startswith("GREEK") and " LETTER " in name:
        letter = name.partition(" LETTER ")[2].split(" ")[0].lower()
        return letter.capitalize() if " CAPITAL " in name else letter
    return "?"
