"""The text of source files as students' editors save them: byte-order marks, UTF-16, old encodings, line ends."""

from __future__ import annotations

import codecs
import io
import tokenize

#: By the mark at the beginning; UTF-32's begins like UTF-16's, so it comes first.
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


def decode(data: bytes) -> str:
    """``data`` as text, with newlines as line ends.

    Raises UnicodeDecodeError (a ValueError) or SyntaxError where no encoding fits.
    """
    return _plain(data.decode(encoding_of(data)))


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


def _plain(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")
