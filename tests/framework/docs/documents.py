"""The documents as tests read them: prose, code spans, code blocks and links, with where each stands."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tools import reference

ROOT = Path(__file__).resolve().parents[3]
ALL = (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md")))
#: Made from the code, or from what a run measured.
GENERATED = (*reference.pages(), *sorted((ROOT / "docs" / "generated").glob("*.md")))
#: What a person wrote.
WRITTEN = tuple(path for path in ALL if path not in GENERATED)


@dataclass(frozen=True, slots=True)
class Span:
    """A piece of code in a document: inline, or a line of a block."""

    document: Path
    line: int
    text: str

    def __str__(self) -> str:
        return f"{self.document.relative_to(ROOT)}:{self.line}: {self.text}"


def spans(documents: tuple[Path, ...] = WRITTEN) -> Iterator[Span]:
    """Every inline code span, and every line of every code block that is a shell's or names none of a language."""
    for document in documents:
        language = None
        for number, line in enumerate(document.read_text(encoding="utf-8").splitlines(), 1):
            if line.lstrip().startswith("```"):
                language = line.strip().removeprefix("```") if language is None else None
            elif language in ("console", "sh", "bash", ""):
                yield Span(document, number, line.partition("  #")[0].strip().removeprefix("$ "))
            elif language is None:
                for text in re.findall(r"`([^`]+)`", line):
                    yield Span(document, number, text)


def links(documents: tuple[Path, ...] = ALL) -> Iterator[Span]:
    """The target of every link that stays in this repository."""
    for document in documents:
        for number, line in enumerate(document.read_text(encoding="utf-8").splitlines(), 1):
            for target in re.findall(r"\]\(([^)\s]+)\)", re.sub(r"`[^`]*`", "", line)):
                if "://" not in target:
                    yield Span(document, number, target)


def headings(document: Path) -> set[str]:
    """The anchors of a document, as they are made of its headings."""
    titles = re.findall(r"^#+ (.+)$", document.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title.lower()).strip().replace(" ", "-") for title in titles}


def text_of(*documents: str) -> str:
    """The text of documents by their path below the repository, or of all that people wrote."""
    paths = [ROOT / path for path in documents] or WRITTEN
    return "\n".join(path.read_text(encoding="utf-8") for path in paths)
