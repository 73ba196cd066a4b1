"""The module that students hand in, made of a notebook's code: definitions in order, with our markers around what they write."""

from __future__ import annotations

import ast
import builtins
import re
import symtable
from collections.abc import Sequence
from dataclasses import dataclass

from grader.authoring.adopt.foreign import Answer, Foreign, Given, Item
from grader.intake.ipython_syntax import neutralise
from grader.release.strip import BEGIN, END

_Definition = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_Import = (ast.Import, ast.ImportFrom)
_MARKER = re.compile(r"^[ \t]*#+[ \t]*(?:BEGIN|END)[ \t_-]*SOLUTION\b.*$\n?", re.MULTILINE | re.IGNORECASE)
_SUFFIX = re.compile(r"[ \t]*#\s*SOLUTION(?: NO PROMPT)?[ \t]*$", re.MULTILINE)
_PROMPT = re.compile(
    r"^[ \t]*(?:\"\"\"|''')?[ \t]*#[ \t]*BEGIN PROMPT.*?#[ \t]*END PROMPT[^\n]*$\n?",
    re.MULTILINE | re.DOTALL | re.IGNORECASE,
)


@dataclass(frozen=True)
class Module:
    """The module's text, the names that it defines, those that students write, and the imports of the notebook by name."""

    source: str
    names: tuple[str, ...]
    written: tuple[str, ...]
    imports: dict[str, str]
    parts: dict[int, tuple[str, ...]]


def parse_cell(item: Item, found: Foreign) -> tuple[str, list[ast.stmt]]:
    """A cell's text without the other tool's marks, and its statements; a cell that is no Python is left."""
    text = _SUFFIX.sub("", _MARKER.sub("", _PROMPT.sub("", neutralise(item.source))))
    try:
        return text, ast.parse(text).body
    except SyntaxError as error:
        found.leave(item.cell, f"code that is not Python ({error.msg})", "correct it in the module")
        return text, []


def make_module(found: Foreign, title: str) -> Module:
    """The module of an assignment; what cannot stand in one is left."""
    made = _Made(found)
    for item, text, body in made.parsed:
        before = len(made.names)
        for node in body:
            made.add(item, node, _segment(text, node))
        if isinstance(item, Answer) and len(made.names) > before:
            made.parts[item.cell] = tuple(dict.fromkeys(made.names[before:]))
    needed = {name for block in made.blocks for node in ast.parse(block).body for name in loaded(node)}
    head = dict.fromkeys(line for name, line in made.imports.items() if name in needed)
    source = f'"""{title}: the module that students hand in."""\n\n' + "".join(f"{line}\n" for line in head)
    source += "\n\n" * bool(head) + "\n\n\n".join(made.blocks) + "\n"
    return Module(
        source, tuple(dict.fromkeys(made.names)), tuple(dict.fromkeys(made.written)), made.imports, made.parts
    )


class _Made:
    """A module while it is put together."""

    def __init__(self, found: Foreign) -> None:
        self.found = found
        code = [item for item in found.items if isinstance(item, Given | Answer)]
        self.parsed = [(item, *parse_cell(item, found)) for item in code]
        self.imports: dict[str, str] = {}
        self.blocks: list[str] = []
        self.names: list[str] = []
        self.parts: dict[int, tuple[str, ...]] = {}
        answers = [node for item, _, body in self.parsed if isinstance(item, Answer) for node in body]
        self.written = [name for node in answers if not isinstance(node, _Import) for name in bound(node)]
        #: What changes with the student's code must not run while the module is imported.
        self.unsure = set(self.written)
        nodes = [node for _, _, body in self.parsed for node in body]
        self.used = {name for node in nodes if isinstance(node, _Definition) for name in loaded(node)}
        for node in [node for item, _, body in self.parsed if isinstance(item, Given) for node in body][::-1]:
            if set(bound(node)) & self.used:  # what a given value is made of is needed as well
                self.used |= loaded(node)

    def add(self, item: Item, node: ast.stmt, segment: str) -> None:
        """A statement of a cell, whose text is ``segment``."""
        if isinstance(node, _Import):
            self.imports |= dict.fromkeys(bound(node), segment)
        elif isinstance(node, _Definition):
            self.blocks.append(solved(segment, node) if isinstance(item, Answer) else segment)
            self.names += bound(node)
        elif isinstance(item, Answer):
            self._answer(item, node, segment)
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            if loaded(node) & self.unsure:
                self.unsure |= set(bound(node))
            elif set(bound(node)) & self.used:
                self.blocks.append(segment)
                self.names += bound(node)

    def _answer(self, item: Item, node: ast.stmt, segment: str) -> None:
        if isinstance(node, ast.Assign | ast.AnnAssign | ast.AugAssign):
            self.blocks.append(f"{BEGIN}\n{segment}\n{END}")
            self.names += bound(node)
        elif not isinstance(node, ast.Expr):
            what = f"a statement outside of any function: `{segment.splitlines()[0][:60]}`"
            self.found.leave(item.cell, what, "put it into a function")


def solved(segment: str, node: ast.stmt) -> str:
    """A definition with markers around the body of each of its functions; signatures and docstrings are left to students."""
    functions = [node] if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) else []
    if isinstance(node, ast.ClassDef):
        functions = [item for item in node.body if isinstance(item, ast.FunctionDef | ast.AsyncFunctionDef)]
    first = min([node.lineno, *[item.lineno for item in getattr(node, "decorator_list", [])]])
    lines = segment.splitlines()
    for function in reversed(functions):
        body = function.body[1:] if ast.get_docstring(function, clean=False) is not None else function.body
        if not body:
            continue
        if body[0].lineno == function.lineno:  # written in one line
            return solved(ast.unparse(node), ast.parse(ast.unparse(node)).body[0])
        start, end = body[0].lineno - first, (function.end_lineno or function.lineno) - first
        start = min([start, *[item.lineno - first for item in getattr(body[0], "decorator_list", [])]])
        indent = lines[start][: len(lines[start]) - len(lines[start].lstrip())]
        lines[start : end + 1] = [f"{indent}{BEGIN}", *lines[start : end + 1], f"{indent}{END}"]
    return "\n".join(lines)


def bound(node: ast.stmt) -> list[str]:
    """The names that a statement binds where it stands."""
    if isinstance(node, _Definition):
        return [node.name]
    if isinstance(node, _Import):
        return [(alias.asname or alias.name).partition(".")[0] for alias in node.names]
    return [part.id for part in ast.walk(node) if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store)]


def loaded(node: ast.stmt) -> set[str]:
    """The names of the module that a statement uses, those in the bodies of its functions included; not Python's own."""
    found: set[str] = set()
    todo = [symtable.symtable(ast.unparse(node), "cell", "exec")]
    while todo:
        table = todo.pop()
        todo += table.get_children()
        for symbol in table.get_symbols():
            if symbol.is_referenced() and (table.get_type() == "module" or symbol.is_global()):
                found.add(symbol.get_name())
    return {name for name in found if not hasattr(builtins, name)}


def free_names(body: Sequence[ast.stmt]) -> list[str]:
    """The names that statements need from before them, in alphabetical order for each."""
    seen: set[str] = set()
    free: dict[str, None] = {}
    for node in body:
        mine = set(bound(node))
        # A loop binds what it uses; an assignment uses what was there before.
        inner = set() if isinstance(node, ast.Assign | ast.AugAssign | ast.AnnAssign) else mine
        free |= dict.fromkeys(sorted(loaded(node) - seen - inner))
        seen |= mine
    return list(free)


def _segment(text: str, node: ast.stmt) -> str:
    first = min([node.lineno, *[item.lineno for item in getattr(node, "decorator_list", [])]])
    return "\n".join(text.splitlines()[first - 1 : node.end_lineno])
