"""A table that a learning platform exported: read into cells, and written back with every other byte as it was.

Python's csv module reads such a file, but writes another one: other quotes, other line ends, no byte order mark. A platform
must find its own file again, so the cells that change are put into the text in place.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from grader.errors import UsageError
from grader.text import clean

#: A class of ten thousand has a gradebook of a few megabytes.
MAX_BYTES = 64 * 1024 * 1024
_BOMS = ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"))
_DELIMITERS = ",;\t"
_QUOTED = re.compile(r'"(?:[^"]|"")*+"')
_FIX = "export it again from the platform, as CSV, and do not save it with a spreadsheet in between"


@dataclass(frozen=True, slots=True)
class Row:
    """One row: the line of the file on which it begins (from 1), its cells, and where each stands in the text."""

    line: int
    cells: tuple[str, ...]
    spans: tuple[tuple[int, int], ...]

    @property
    def blank(self) -> bool:
        """True where no cell says anything."""
        return not any(cell.strip() for cell in self.cells)


@dataclass(frozen=True)
class LmsTable:
    """The heading and the rows below it; blank rows are left out of ``rows`` and stay in the file."""

    path: Path
    text: str
    bom: bytes
    encoding: str
    delimiter: str
    heading: tuple[str, ...]
    rows: tuple[Row, ...]

    def find(self, *titles: str) -> int | None:
        """The first column whose heading is one of ``titles``, the earlier ones first, whatever the case.

        Raises:
            UsageError: two columns have that heading.
        """
        folded = [fold(cell) for cell in self.heading]
        for title in map(fold, titles):
            places = [index for index, cell in enumerate(folded) if cell == title]
            if len(places) > 1:
                raise UsageError(
                    f"two columns are called {shown(self.heading[places[0]])}",
                    where=f"{self.path}:1",
                    fix="remove one of them, or rename it in the platform and export again",
                )
            if places:
                return places[0]
        return None

    def filled(self, cells: Mapping[tuple[Row, int], str]) -> bytes:
        """The file with ``cells`` (text by row and column) in the places of those that were there."""
        pieces: list[str] = []
        done = 0
        for (start, end), text in sorted((row.spans[column], text) for (row, column), text in cells.items()):
            quoted = self.text[start : start + 1] == '"' or any(sign in text for sign in f'{self.delimiter}"\r\n')
            written = '"' + text.replace('"', '""') + '"' if quoted else text
            pieces += [self.text[done:start], written]
            done = end
        return self.bom + "".join([*pieces, self.text[done:]]).encode(self.encoding)


def read_table(path: Path, data: bytes | None = None) -> LmsTable:
    """The table at ``path``; ``data`` is its content where that was read before.

    UTF-8 and UTF-16 are read, with commas, semicolons or tabs between cells.

    Raises:
        UsageError: it cannot be read, is not such a table, or has rows of another length than its heading.
    """
    if data is None:
        data = _bytes(path)
    if len(data) > MAX_BYTES:
        raise UsageError(f"has more than {MAX_BYTES // 2**20} MB", where=path, fix=_FIX)
    if data[:4] in (b"PK\x03\x04", b"\xd0\xcf\x11\xe0"):
        raise UsageError("is a workbook, not a table in text", where=path, fix=_FIX)
    bom, encoding = next(((bom, name) for bom, name in _BOMS if data.startswith(bom)), (b"", "utf-8"))
    try:
        text = data[len(bom) :].decode(encoding)
    except UnicodeDecodeError as error:
        raise UsageError("is neither UTF-8 nor UTF-16, so names in it cannot be read", where=path, fix=_FIX) from error
    if "\x00" in text:
        raise UsageError("holds a NUL character", where=path, fix=_FIX)
    delimiter = _delimiter(text)
    rows = _rows(path, text, delimiter)
    _agree(path, text, delimiter, rows)
    filled = [row for row in rows if not row.blank]
    if not filled:
        raise UsageError("is empty", where=path, fix=_FIX)
    heading, *rest = filled
    for row in rest:
        if len(row.cells) != len(heading.cells):
            raise UsageError(
                f"the row has {len(row.cells)} cells, the heading {len(heading.cells)}",
                where=f"{path}:{row.line}",
                fix=_FIX,
            )
    return LmsTable(path, text, bom, encoding, delimiter, heading.cells, tuple(rest))


def fold(text: str) -> str:
    """A heading or a title as it is compared: without case, and with single spaces."""
    return " ".join(text.split()).casefold()


def shown(text: str) -> str:
    """A cell for a message: quoted, on one line, cut, and without characters that play with the terminal."""
    return repr(" ".join(clean(text, 80).split()))


def listed(texts: Sequence[str]) -> str:
    """Cells for a message, in a row."""
    return ", ".join(map(shown, texts)) or "none"


def read_number(text: str) -> float | None:
    """A number as platforms write it, "1,234.5" and "12,5" alike: the last separator is the decimal point; None for no number."""
    found = re.fullmatch(r"\s*(-?)([0-9.,]*?)(?:([.,])([0-9]*))?\s*", text)
    if found is None or not re.search("[0-9]", text):
        return None
    whole = re.sub("[.,]", "", found[2])
    return float(f"{found[1]}{whole or 0}.{found[4] or 0}")


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UsageError(
            f"cannot be read: {error.strerror}", where=path, fix="give the file that the platform exported"
        ) from error


def _delimiter(text: str) -> str:
    """What stands between cells: the sign that is most frequent in the first line, outside of quotes."""
    bare = re.sub(r'"(?:[^"]|"")*+"', "", text[:65536])
    head = next((line for line in bare.splitlines() if line), "")
    return max(_DELIMITERS, key=head.count)


def _rows(path: Path, text: str, delimiter: str) -> list[Row]:
    plain = re.compile(rf"[^{re.escape(delimiter)}\r\n]*+")
    rows: list[Row] = []
    place, line = 0, 1
    while place < len(text):
        first, cells, spans = line, [], []
        while True:
            begin = place
            quoted = text.startswith('"', place)
            found = (_QUOTED if quoted else plain).match(text, place)
            if found is None:
                raise UsageError("a quotation mark is not closed", where=f"{path}:{line}", fix=_FIX)
            place = found.end()
            raw = found[0]
            cells.append(raw[1:-1].replace('""', '"') if quoted else raw)
            spans.append((begin, place))
            line += len(re.findall(r"\r\n|\r|\n", raw))
            if text.startswith(delimiter, place):
                place += 1
                continue
            break
        ending = re.compile(r"\r\n|\r|\n").match(text, place)
        if ending is None and place < len(text):
            raise UsageError("text follows a closing quotation mark", where=f"{path}:{line}", fix=_FIX)
        place = ending.end() if ending else place
        line += 1
        rows.append(Row(first, tuple(cells), tuple(spans)))
    return rows


def _agree(path: Path, text: str, delimiter: str, rows: Sequence[Row]) -> None:
    """Refuse a file that other readers take apart otherwise than we do."""
    try:
        theirs = [tuple(row) for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter) if row]
    except csv.Error as error:
        raise UsageError(f"is not a table: {error}", where=path, fix=_FIX) from error
    if theirs != [row.cells for row in rows if row.cells != ("",)]:
        raise UsageError("can be read in two ways: its quotation marks are not in order", where=path, fix=_FIX)
