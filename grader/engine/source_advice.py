"""Advice on files that Python cannot read: what they are instead, and what in the line is not Python."""

from __future__ import annotations

import codecs
import re
import sys
import unicodedata

from grader.intake.ipython_syntax import is_magic
from grader.sandbox.faults import StudentError

#: The types of the errors that Python raises on source that is none.
UNREADABLE_AS = ("SyntaxError", "IndentationError", "TabError")
_SAVE = "save your code as plain text in UTF-8, and open the file to check it before you hand it in"
#: How a file begins that only carries a module's name.
_KINDS = (
    (b"%PDF", "a PDF document"),
    (b"PK\x03\x04", "a zip archive or an office document"),
    (b"Rar!", "an archive"),
    (b"7z\xbc\xaf", "an archive"),
    (b"\x1f\x8b", "a compressed file"),
    (b"\x89PNG", "a picture"),
    (b"\xff\xd8\xff", "a picture"),
    (b"{\\rtf", "a document of a word processor"),
    (b"<!doctype html", "a web page"),
    (b"<html", "a web page"),
    (b"version https://git-lfs", "a pointer of Git LFS"),
)
#: What a word processor or a web page writes in place of a character of Python's; NFKC knows others.
_TYPED = {
    "\u201c": '"', "\u201d": '"', "\u201e": '"', "\u00ab": '"', "\u00bb": '"', "\u2033": '"', "\u2018": "'", "\u2019": "'", "\u201a": "'",
    "\u2032": "'", "\u00b4": "'", "\u2212": "-", "\u2013": "-", "\u2014": "-", "\u2010": "-", "\u2011": "-", "\u00d7": "*", "\u22c5": "*",
    "\u00b7": "*", "\u2217": "*", "\u00f7": "/", "\u2215": "/", "\u2264": "<=", "\u2265": ">=", "\u2260": "!=", "\u2192": "->",
}  # fmt: skip
#: Syntax by the Python that it came with.
_NEWER = (
    (re.compile(r"^\s*type\s+\w+\s*(?:\[[^\]]*\]\s*)?="), (3, 12), "a `type` statement"),
    (re.compile(r"^\s*(?:async\s+)?def\s+\w+\s*\["), (3, 12), "type parameters in brackets behind a function's name"),
    (re.compile(r"^\s*class\s+\w+\s*\["), (3, 12), "type parameters in brackets behind a class's name"),
    (re.compile(r"(?<!\w)[tT][rR]?[\"']|(?<!\w)[rR][tT][\"']"), (3, 14), 'a template string (`t"..."`)'),
    (re.compile(r"^\s*except\s+[\w.]+\s*,"), (3, 14), "several exceptions without parentheses"),
    # Its quote comes again, twice at least, before its braces are closed.
    (
        re.compile(r"(?<!\w)[rR]?[fF][rR]?([\"'])(?:(?!\1)[^{]|\{\{)*\{(?!\{)(?:(?!\1)[^}])*\1(?!\1)[^}]*\1[^}]*\}"),
        (3, 12),
        "the same quotes inside an f-string as around it",
    ),
)
#: Syntax of other languages, in lines that Python cannot read.
_OF_OTHERS = (
    (re.compile(r"^\s*(?:\}\s*)?else\s+if\b"), "Python writes `elif` for `else if`."),
    (re.compile(r"\w(?:\+\+|--)\s*;?\s*$"), "Python has no `++` and no `--`: write `x += 1`."),
    (
        re.compile(r"\)\s*\{\s*$"),
        "Python has no braces around blocks: end the line with a colon, and indent what belongs to it.",
    ),
)


def kind_of(data: bytes) -> str:
    """What a file is that is named like a module and is none; "" where it looks like text."""
    head = data[:4096].lstrip(b" \t\r\n" + codecs.BOM_UTF8)
    for start, kind in _KINDS:
        if head[: len(start)].lower() == start.lower():
            return kind
    if head.startswith(b"{") and b'"nbformat"' in data and b'"cells"' in data:
        return "a notebook"
    return ""


def advise_source(error: StudentError, file: str, data: bytes) -> str:
    """What to do about a file that could not be read as Python; empty where there is nothing certain to say.

    Args:
        error: a SyntaxError or its kin, or the UnicodeDecodeError or ValueError of the import.
        file: its name; of the file that was asked for, where the error names none.
        data: the file as it is graded.

    """
    if kind := kind_of(data):
        end = "hand it in as `.ipynb`" if kind == "a notebook" else _SAVE
        return f"`{file}` is {kind}, not a Python file: {end}."
    if b"\0" in data:
        return f"`{file}` holds null bytes, so it is not plain text: {_SAVE}."
    if "codec can't decode" in error.text and "unicodeescape" not in error.text:
        return f"`{file}` is not saved as UTF-8: choose that encoding when you save the file in your editor."
    if error.type_name not in UNREADABLE_AS:
        return ""
    line = _line(data, error.frames[-1].line) if error.frames else ""
    return _of_characters(error.text, line) or _of_line(error.text, line)


def _line(data: bytes, number: int) -> str:
    lines = data.decode("utf-8", "replace").replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return lines[number - 1] if 1 <= number <= len(lines) else ""


def _of_characters(text: str, line: str) -> str:
    """Characters that only look like those of Python, or cannot be seen."""
    found = re.search(r"invalid (?:non-printable )?character .*?U\+([0-9A-F]{4,6})", text)
    if found is None or int(found[1], 16) > sys.maxunicode:  # the text is the worker's to choose
        return ""
    char = chr(int(found[1], 16))
    name = unicodedata.name(char, "a control character").lower()
    place = f"in column {line.index(char) + 1}" if char in line else "somewhere"
    instead = _TYPED.get(char) or unicodedata.normalize("NFKC", char)
    if char.isspace():
        fix = "Type the spaces of this line again"
    elif not char.isprintable():
        fix = "It is invisible: delete it, or type this line again"
    elif instead.isascii() and instead != char:
        fix = f"Type `{instead}` instead"
    else:
        fix = "It is allowed in strings and comments only"
    return (
        f"The line holds U+{found[1]} ({name}) {place}, which is not Python. It often comes along when text is copied from a "
        f"web page or a word processor. {fix}."
    )


def _of_line(text: str, line: str) -> str:
    """What in the line is no Python of this version, by the line itself and by what Python says."""
    if is_magic(line):
        return (
            "Lines that begin with `%` or `!`, or end with `?`, are for notebooks: delete them from a `.py` file. "
            "Grading needs none of them, and nothing can be installed here."
        )
    if re.match(r"<{7}(?: |$)|={7}$|>{7}(?: |$)", line):
        return "This is a merge conflict that Git left in the file: keep one of the two versions, and delete the marker lines."
    if line.lstrip().startswith("```"):
        return "This line comes from formatted text, not from code: delete the lines with ``` and everything that is not code."
    if re.match(r"\s*(?:>>> |In \[\d+\]:)", line):
        return "`>>>` and `In [1]:` are interpreter prompts that were copied along with the code: delete them."
    for pattern, version, what in _NEWER:
        if pattern.search(line) and sys.version_info < version:
            here = f"{sys.version_info.major}.{sys.version_info.minor}"
            return f"Only Python {version[0]}.{version[1]} and later support {what}; you are graded with Python {here}."
    for pattern, advice in _OF_OTHERS:
        if pattern.search(line):
            return advice
    if "from __future__ imports must occur" in text:
        return "Move the line to the beginning of the file: only comments and the docstring may stand before it."
    if "unicodeescape" in text:
        return 'A backslash in a string begins an escape: write paths with `/`, or the string as `r"..."`.'
    if "inconsistent use of tabs" in text or "unindent does not match" in text:
        return "Let your editor turn tabs into four spaces, then check which lines belong to which block."
    return ""
