"""The text of source files as students' editors save them: byte-order marks, UTF-16, old encodings, line ends."""

from __future__ import annotations

import codecs
import io
import json
import re
import tokenize
from collections.abc import Iterator

from grader.errors import UNREADABLE
from grader.python_source import parse

#: By the mark at the beginning; UTF-32's begins like UTF-16's, so it comes first.
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
#: The comment that names an encoding, in the first line or the second.
_COOKIE = re.compile(r"\A((?:[^\n]*\n)?[ \t\f]*#[^\n]*?coding[:=][ \t]*)[-\w.]+")


def decode(data: bytes) -> str:
    """``data`` as text, with newlines as line ends.

    Raises UnicodeDecodeError (a ValueError) or SyntaxError where no encoding fits.
    """
    encoding = encoding_of(data)
    try:
        return _plain(data.decode(encoding))
    except LookupError as error:  # rot13, base64, zip: Python has them, and none is an encoding of text
        raise SyntaxError(f"{encoding} is not an encoding of text") from error


def encoding_of(data: bytes) -> str:
    """The encoding of a module's bytes: by its mark, by where its zeros stand, or by Python's own rules.

    Raises SyntaxError where the encoding that a comment names does not exist, or does not fit.
    """
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return encoding
    # Notepad's "Unicode" without a mark: every other byte of plain text is zero.
    head = data[:200]
    if len(head) > 3 and 0 in head:
        even, odd = head[::2].count(0), head[1::2].count(0)
        if max(even, odd) > len(head) // 4:
            return "utf-16-be" if even > odd else "utf-16-le"
    return tokenize.detect_encoding(io.BytesIO(data).readline)[0]


def recoded(data: bytes) -> str | None:
    """The text of a module that Python could not read for the way in which it is saved; None for all others.

    That is UTF-16, an old encoding without a word about it, line ends written twice, and the marks that DOS and
    copying tools leave at the end of a file.
    """
    if b"\r\r\n" not in data and _reads(data):
        return None
    for text in _guesses(data):
        plain = _COOKIE.sub(r"\g<1>utf-8", text.removeprefix("\ufeff").rstrip("\0\x1a"), count=1)
        try:
            parse(plain)
        except UNREADABLE:
            continue
        return plain
    return None


def other_kind(data: bytes) -> str | None:
    """What ``data``, called a module or a notebook, is instead: a phrase; None where it may be what it is called."""
    head = data[:1000].removeprefix(codecs.BOM_UTF8).lstrip()
    if not data.strip(b"\0 \t\r\n\f\xef\xbb\xbf"):
        return "filled with zeros, as a cloud's placeholder is; hand in the file itself" if b"\0" in data else "empty"
    if head.startswith(b"version https://git-lfs"):
        return "a pointer of Git LFS; hand in the file itself"
    if re.match(rb"<(?:!doctype|html|head|body|svg)\b", head, re.IGNORECASE):
        return 'a web page; download the file itself ("Raw" on GitHub)'
    marks = (
        (b"%PDF", "a PDF"),
        (b"PK\3\4", "an archive, or a document of an office program"),
        (b"{\\rtf", "a document in RTF"),
    )
    return next((f"{kind}; hand in the file itself" for mark, kind in marks if head.startswith(mark)), None)


def is_json_of_notebook(data: bytes) -> bool:
    """True for a notebook, whatever it is called."""
    if not data.removeprefix(codecs.BOM_UTF8).lstrip().startswith(b"{") or b'"cells"' not in data:
        return False
    try:
        content = json.loads(data)
    except (ValueError, RecursionError):
        return False
    return isinstance(content, dict) and isinstance(content.get("cells"), list)


def _reads(data: bytes) -> bool:
    try:
        parse(data)
    except UNREADABLE:
        return False
    return True


def _guesses(data: bytes) -> Iterator[str]:
    for encoding in (None, "utf-8-sig", "cp1252"):
        try:
            yield data.decode(encoding) if encoding else decode(data)
        except UNREADABLE:
            continue


def _plain(text: str) -> str:
    return text.replace("\r\r\n", "\n").replace("\r\n", "\n").replace("\r", "\n")
