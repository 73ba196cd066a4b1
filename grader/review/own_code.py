"""A student's own code as a reviewer reads it: functions of the modules that an upload comes to, and what changed in them."""

from __future__ import annotations

import ast
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from grader.errors import UNREADABLE
from grader.python_source import DEFINITIONS, first_line, parse
from grader.text import clean, shorten

#: Lines of a function that a sheet shows.
MAX_LINES = 60


@dataclass(frozen=True, slots=True)
class Function:
    """A function or method by its dotted name: the number of its first line, its end, and its source without indentation."""

    file: str
    name: str
    first: int
    last: int
    text: str

    @property
    def shown(self) -> str:
        """The source, made fit to show and cut."""
        lines = self.text.splitlines()
        kept = [shorten(clean(line)) for line in lines[:MAX_LINES]]
        more = [f"# ... and {len(lines) - MAX_LINES} more lines"] if len(lines) > MAX_LINES else []
        return "\n".join([*kept, *more])


def functions_of(modules: Mapping[str, bytes]) -> list[Function]:
    """Every function and method of modules, in the order of their lines; files that are not Python have none."""
    found: list[Function] = []
    for file, data in modules.items():
        try:
            tree = parse(data)
            lines = data.decode("utf-8", "replace").splitlines()
        except UNREADABLE:
            continue
        for name, node in _defined(tree.body, ""):
            first, last = first_line(node), node.end_lineno or node.lineno
            found.append(Function(file, name, first, last, textwrap.dedent("\n".join(lines[first - 1 : last]))))
    return found


def function_at(functions: Sequence[Function], file: str, line: int) -> Function | None:
    """The innermost function around a line."""
    around = [item for item in functions if item.file == file and item.first <= line <= item.last]
    return min(around, key=lambda item: item.last - item.first, default=None)


def fenced(text: str, language: str = "python") -> str:
    """A block of code for Markdown: its fence is longer than any run of backticks inside, so that nothing ends it early."""
    longest = max((len(run) for line in text.splitlines() for run in _runs(line)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{text}\n{fence}"


def quoted(text: str) -> str:
    """Somebody's words for Markdown, as a block of plain text: nothing in them is a heading, a link or HTML."""
    return fenced(clean(text), "text")


def one_line(text: str) -> str:
    """One line of text that is no Markdown: what could begin something is escaped."""
    line = " ".join(clean(text).split())
    return "".join(f"\\{character}" if character in r"\`*_{}[]<>#+!|&" else character for character in line)


def _runs(line: str) -> Iterator[str]:
    run = ""
    for character in [*line, ""]:
        if character == "`":
            run += character
        elif run:
            yield run
            run = ""


def _defined(body: Sequence[ast.stmt], prefix: str) -> Iterator[tuple[str, ast.stmt]]:
    for node in body:
        if isinstance(node, ast.ClassDef):
            yield from _defined(node.body, f"{prefix}{node.name}.")
        elif isinstance(node, DEFINITIONS):
            yield f"{prefix}{node.name}", node
