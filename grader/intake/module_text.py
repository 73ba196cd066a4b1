"""A module's text, made of the file it starts from and of statements of a notebook, in an order that runs."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from grader.intake.notebook import Cell
from grader.intake.statements import Statement, analyse
from grader.python_source import parse

_NO_CELL = Cell(0, "")
_MAIN = re.compile(r"^if\s+__name__\s*==\s*(['\"])__main__\1\s*:[^\S\n]*$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Insert:
    """Text for a module: what it binds, and what it reads while it runs."""

    text: str
    binds: frozenset[str]
    now: frozenset[str]

    @classmethod
    def of(cls, item: Statement, notebook: str) -> Insert:
        """A statement of a notebook, with a comment that says which cell it is from."""
        text = item.text
        if isinstance(item.node, ast.If):
            # In a notebook the condition holds; in a module that is imported it does not.
            text = _MAIN.sub("if True:  # __name__ is '__main__' in a notebook", text, count=1)
        label = f"# {notebook}, cell {item.cell.number}"
        return cls(f"{label}\n{text}", frozenset(item.binds), frozenset(item.now | item.mutates))


def shape(node: ast.AST) -> str:
    """What a node says, wherever it stands; every "not implemented" is the same."""
    return re.sub(r"Call\(func=Name\(id='NotImplementedError'[^)]*\)[^\n]*?keywords=\[\]\)", "STUB", ast.dump(node))


def definitions(tree: ast.Module) -> dict[str, ast.stmt]:
    """A module's functions, classes and constants by name; the last of a name, as Python has it."""
    found: dict[str, ast.stmt] = {}
    for node in tree.body:
        if not isinstance(node, ast.Import | ast.ImportFrom):
            found |= dict.fromkeys(bound(node), node)
    return found


def imported(tree: ast.Module) -> dict[str, str]:
    """What a module imports at its top: name -> where from."""
    return {name: origin for node in tree.body for name, origin in origins(node).items()}


def origins(node: ast.stmt) -> dict[str, str]:
    """What an import binds: name -> where it is from; nothing for other statements."""
    if isinstance(node, ast.Import):
        return {
            (alias.asname or alias.name.partition(".")[0]): f"{alias.name}:{alias.asname or ''}" for alias in node.names
        }
    if isinstance(node, ast.ImportFrom):
        return {
            alias.asname or alias.name: f"{'.' * node.level}{node.module or ''}:{alias.name}"
            for alias in node.names
            if alias.name != "*"
        }
    return {}


def bound(node: ast.stmt) -> list[str]:
    """Names that a top-level statement of a module binds."""
    match node:
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
            return [node.name]
        case ast.Import() | ast.ImportFrom():
            return list(origins(node))
        case ast.Assign():
            targets = [item for target in node.targets for item in ast.walk(target)]
            return [item.id for item in targets if isinstance(item, ast.Name) and isinstance(item.ctx, ast.Store)]
        case ast.AnnAssign(target=ast.Name(id=name)) if node.value is not None:
            return [name]
        case ast.AugAssign(target=ast.Name(id=name)):
            return [name]
        case ast.If() | ast.Try():
            children = [
                child for child in ast.iter_child_nodes(node) if isinstance(child, ast.stmt | ast.ExceptHandler)
            ]
            return [name for child in children for name in (bound(child) if isinstance(child, ast.stmt) else [])]
    return []


def weave(base: str, inserts: Sequence[Insert], replaced: Mapping[str, str], futures: Sequence[str] = ()) -> str:
    """``base`` with ``inserts`` in their order, where everything that they read as they run is there.

    They come in place of the first definition of ``base`` that they replace. Where one of them needs something that
    ``base`` has further down, it and those after it come behind that; what of ``base`` needs one of them, behind it.

    Args:
        base: the module's text, which parses.
        inserts: what is to be put in.
        replaced: text in place of the definitions of these names; empty where an insert is in their place.
        futures: names of features to import from ``__future__``.

    """
    tree = parse(base)
    lines = base.split("\n")
    here = definitions(tree)
    gone = {id(here[name]): text for name, text in replaced.items() if name in here}
    first_slot, slots = _slots(tree, inserts, set(gone))
    pieces: dict[int, list[str]] = {}
    for insert, slot in zip(inserts, slots, strict=True):
        pieces.setdefault(slot, []).append(insert.text)
    tail = [text for name, text in replaced.items() if name not in here and text]
    out: list[str] = []
    done = 0
    for index, node in enumerate(tree.body):
        first = min([node.lineno, *(item.lineno for item in getattr(node, "decorator_list", []))]) - 1
        if index in pieces:
            out += [*lines[done:first], *_apart(pieces[index])]
            done = first
        if id(node) in gone:
            out += lines[done:first]
            out += gone[id(node)].split("\n") if gone[id(node)] else []
            done = node.end_lineno or first + 1
        if index == first_slot - 1 and futures:
            end = node.end_lineno or first + 1
            out += lines[done:end]
            out.append(f"from __future__ import {', '.join(futures)}")
            done = end
    out += lines[done:]
    if futures and not first_slot:
        out.insert(0, f"from __future__ import {', '.join(futures)}")
    text = "\n".join(out).rstrip("\n") + "\n"
    for piece in [*pieces.get(len(tree.body), []), *tail]:
        text += f"\n\n{piece}\n"
    return text


def _apart(pieces: Sequence[str]) -> list[str]:
    return [line for piece in pieces for line in (*piece.split("\n"), "", "")]


def _slots(tree: ast.Module, inserts: Sequence[Insert], gone: set[int]) -> tuple[int, list[int]]:
    """Where the module's own code begins, and for each insert the index of the statement that it comes before."""
    begin = 0
    for node in tree.body:
        text = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and not begin
        if not text and not (isinstance(node, ast.ImportFrom) and node.module == "__future__"):
            break
        begin += 1
    last_of: dict[str, int] = {}
    first_use: dict[str, int] = {}
    for index, node in enumerate(tree.body):
        if id(node) in gone:
            continue
        own = analyse(Statement(node, ast.unparse(node), _NO_CELL, 0, index))
        for name in own.binds:
            last_of[name] = index
        for name in own.now:
            first_use.setdefault(name, index)
    preferred = next((index for index, node in enumerate(tree.body) if id(node) in gone), len(tree.body))
    bounds: list[int] = []
    bound_here = len(tree.body)
    for insert in reversed(inserts):
        bound_here = min([bound_here, *(first_use[name] for name in insert.binds if first_use.get(name, -1) >= begin)])
        bounds.append(bound_here)
    slots: list[int] = []
    slot = begin
    known: set[str] = set()
    for insert, upper in zip(inserts, reversed(bounds), strict=True):
        needs = max([begin, *(last_of[name] + 1 for name in (insert.now | insert.binds) - known if name in last_of)])
        slot = max(slot, needs, min(preferred, upper))
        slots.append(slot)
        known |= insert.binds
    return begin, slots
