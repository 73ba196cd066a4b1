"""What a student's notebook may show to others: text and pictures, and nothing that runs.

A notebook is shown in formgrader, in the grader's own session, and in feedback. nbconvert puts Markdown's raw HTML,
links of any scheme and every HTML output into the page as they are.
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass
from html.parser import HTMLParser
from typing import Any

from grader.text import clean

#: Bytes of one picture.
MAX_IMAGE = 3 * 1024 * 1024
#: Characters of one printed output, of one cell's source, and of a Markdown cell that is rendered.
MAX_TEXT = 20_000
MAX_SOURCE = 200_000
MAX_RENDERED = 20_000
MAX_OUTPUTS = 50
#: Follows the fence of what is shown verbatim.
VERBATIM = "text\n"
#: The kinds of pictures that are shown.
PICTURES = ("image/png", "image/jpeg")
_SIGNATURES = {"image/png": (b"\x89PNG\r\n\x1a\n",), "image/jpeg": (b"\xff\xd8\xff",)}
_SUFFIXES = {"image/png": "png", "image/jpeg": "jpg"}
_SCHEME = re.compile(r"^(?:https?:|mailto:|#|data:image/(?:png|jpeg);base64,|[\w./%-]+$)", re.IGNORECASE)
_TAGS = frozenset(
    [
        "a",
        "b",
        "blockquote",
        "br",
        "code",
        "dd",
        "del",
        "div",
        "dl",
        "dt",
        "em",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "hr",
        "i",
        "img",
        "li",
        "ol",
        "p",
        "pre",
        "s",
        "span",
        "strong",
        "sub",
        "sup",
        "table",
        "tbody",
        "td",
        "th",
        "thead",
        "tr",
        "tt",
        "u",
        "ul",
    ]
)
_ATTRIBUTES = frozenset(
    ["align", "alt", "class", "colspan", "height", "href", "id", "rowspan", "src", "title", "width", "start", "style"]
)
_STYLE = re.compile(r"^text-align:\s*(?:left|right|center);?$")
_CODE = re.compile(r"(^(?:```|~~~)[^\n]*\n.*?^(?:```|~~~)[ \t]*$|`+[^`\n]+`+)", re.MULTILINE | re.DOTALL)


@dataclass(slots=True)
class Budget:
    """What one notebook may still show; it is drawn from, cell by cell.

    Bytes of pictures; characters of printed output, of source, and of Markdown that is rendered, for the renderer's
    time grows with the square of some texts.
    """

    images: int = 12 * 1024 * 1024
    printed: int = 1_000_000
    source: int = 2_000_000
    rendered: int = 100_000

    def say(self, value: object) -> str:
        """Printed text, as much as there may be."""
        said = text(value, max(0, min(MAX_TEXT, self.printed)))
        self.printed -= len(said)
        return said if self.printed > 0 else ""

    def write(self, value: object) -> str:
        """A cell's source, as much as there may be."""
        written = text(value, max(0, min(MAX_SOURCE, self.source)))
        self.source -= len(written)
        return written

    def paint(self, content: bytes | None) -> bool:
        """True where this picture may be shown."""
        if content is None or len(content) > self.images:
            return False
        self.images -= len(content)
        return True

    def render(self, source: str) -> str:
        """Markdown, made harmless; verbatim beyond what may be rendered."""
        self.rendered -= len(source)
        return markdown(source) if self.rendered >= 0 else verbatim(text(source, MAX_SOURCE))


def image(data: object, mime: str) -> bytes | None:
    """The picture's bytes where ``data`` is base64 of a PNG or JPEG of bearable size; None otherwise."""
    if mime not in _SIGNATURES:
        return None
    text = "".join(data) if isinstance(data, list) and all(isinstance(part, str) for part in data) else data
    if not isinstance(text, str) or len(text) > 2 * MAX_IMAGE:
        return None
    try:
        content = base64.b64decode(re.sub(r"\s", "", text), validate=True)
    except (binascii.Error, ValueError):
        return None
    return content if content.startswith(_SIGNATURES[mime]) and len(content) <= MAX_IMAGE else None


def suffix(mime: str) -> str:
    """The ending of such a picture's file name."""
    return _SUFFIXES[mime]


def text(value: object, limit: int = MAX_TEXT) -> str:
    """``value`` as text without control characters, cut to ``limit``; lists of lines are joined as nbformat does."""
    if isinstance(value, list):
        value = "".join(part for part in value if isinstance(part, str))
    if not isinstance(value, str):
        return ""
    if len(value) > limit:
        value = f"{value[:limit]}\n[... cut here: {len(value)} characters ...]"
    return clean(value)


def outputs(found: object, budget: Budget) -> list[dict[str, Any]]:
    """The outputs of a code cell that others may see: printed text, plain values, PNG and JPEG pictures.

    Errors and what was written to stderr become plain text, for nbgrader scores a cell with them zero.
    """
    kept: list[dict[str, Any]] = []
    for output in found if isinstance(found, list) else []:
        if len(kept) >= MAX_OUTPUTS:
            break
        if isinstance(output, dict):
            kept.extend(_output(output, budget))
    return kept


def _output(output: dict[str, Any], budget: Budget) -> list[dict[str, Any]]:
    kind = output.get("output_type")
    if kind == "stream":
        said = budget.say(output.get("text"))
        return [_printed(said)] if said else []
    if kind == "error":
        said = budget.say(f"{text(output.get('ename'), 200)}: {text(output.get('evalue'), 2000)}\n")
        return [_printed(said)] if said else []
    data = output.get("data")
    if kind not in ("display_data", "execute_result") or not isinstance(data, dict):
        return []
    for mime in _SIGNATURES:
        content = image(data.get(mime), mime)
        if content is not None and budget.paint(content):
            shown = {mime: base64.b64encode(content).decode()}
            return [{"output_type": "display_data", "data": shown, "metadata": {}}]
    plain = budget.say(data.get("text/plain"))
    return [{"output_type": "display_data", "data": {"text/plain": plain}, "metadata": {}}] if plain else []


def _printed(said: str) -> dict[str, Any]:
    return {"output_type": "stream", "name": "stdout", "text": said}


def markdown(source: str) -> str:
    """``source`` such that rendering it gives nothing that runs or reaches out; a formula and a table stay.

    Raw HTML is shown as text. What the renderer still makes of it is looked at, tag by tag; where that is not plain
    beyond doubt, all of the text is shown as it was typed.
    """
    source = text(source, MAX_SOURCE)
    parts = _CODE.split(source)
    escaped = "".join(
        part if index % 2 else re.sub(r"<(?=[A-Za-z/!?])", "&lt;", part) for index, part in enumerate(parts)
    )
    return escaped if len(escaped) <= MAX_RENDERED and _harmless(escaped) else verbatim(source)


def verbatim(source: str) -> str:
    """``source`` as it was typed, in a block that nothing in it can end."""
    fence = "`" * (max((len(run) for run in re.findall(r"`+", source)), default=2) + 3)
    return f"{fence}{VERBATIM}{source}\n{fence}"


def _harmless(source: str) -> bool:
    from nbconvert.filters import markdown2html

    if re.search(r"\\(?:href|require|unicode|class|cssId|style|html)\b", source):  # MathJax's ways into the page
        return False
    try:
        page = str(markdown2html(source))
    except Exception:  # noqa: BLE001 - whatever the renderer does not bear is shown verbatim
        return False
    reader = _Reader()
    try:
        reader.feed(page)
        reader.close()
    except (AssertionError, ValueError):
        return False
    return not reader.found


class _Reader(HTMLParser):
    """Looks for anything but plain tags, plain attributes and plain addresses."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Look at a tag."""
        self.found = self.found or tag not in _TAGS or any(not self._plain(tag, name, value) for name, value in attrs)

    def handle_decl(self, decl: str) -> None:
        """A declaration is never plain."""
        del decl
        self.found = True

    def unknown_decl(self, data: str) -> None:
        """Nor is one that nobody knows."""
        self.handle_decl(data)

    def handle_pi(self, data: str) -> None:
        """Nor a processing instruction."""
        self.handle_decl(data)

    def handle_comment(self, data: str) -> None:
        """Nor a comment: browsers end them elsewhere than parsers do."""
        self.handle_decl(data)

    @staticmethod
    def _plain(tag: str, name: str, value: str | None) -> bool:
        if name not in _ATTRIBUTES:
            return False
        if name == "style":
            return bool(_STYLE.match(value or ""))
        if name in ("href", "src"):
            address = (value or "").strip()
            # A picture from elsewhere would tell its owner who reads the page, and when.
            inside = tag != "img" or address.lower().startswith("data:image/")
            return bool(_SCHEME.match(address)) and inside
        return True
