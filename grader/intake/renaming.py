"""Global names of a statement, changed: two notebooks, each with a namespace of its own, become one module."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain

from grader.errors import UNREADABLE
from grader.python_source import parse

_Function = ast.FunctionDef | ast.AsyncFunctionDef
_Comprehension = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp


def renamed(text: str, names: Mapping[str, str]) -> tuple[str, ast.stmt]:
    """The statement ``text`` with its global ``names`` changed, as text and as a tree; the layout stays where it can.

    Locals, attributes, keywords and texts that happen to be called so stay as they are.
    Raises one of UNREADABLE where ``text`` is no Python.
    """
    renamer = _Renamer(names)
    tree = renamer.visit(parse(text))
    laid_out = _replaced(text, renamer.places)
    try:
        same = parse(laid_out)
        if ast.dump(same) == ast.dump(tree):
            return laid_out, same.body[0]
    except UNREADABLE:
        pass
    # Python 3.11 does not say where a name in an f-string stands.
    plain = ast.unparse(ast.fix_missing_locations(tree))
    return plain, parse(plain).body[0]


@dataclass
class _Renamer(ast.NodeTransformer):
    """Changes names where they mean a global; ``places`` are where they stand: line, byte, old text, new text."""

    names: Mapping[str, str]
    places: list[tuple[int, int, str, str]] = field(default_factory=list)
    scopes: list[tuple[bool, frozenset[str]]] = field(default_factory=list)
    """Around the node at hand, outermost first: whether it is a class's body, and the names that are its own."""

    def _new(self, name: str) -> str:
        for depth, (of_class, own) in enumerate(reversed(self.scopes)):
            if name in own and (depth == 0 or not of_class):
                return name
        return self.names.get(name, name)

    def _change(self, node: ast.AST, attribute: str, at: int = 0) -> None:
        old = getattr(node, attribute)
        if isinstance(old, str) and (new := self._new(old)) != old:
            setattr(node, attribute, new)
            self.places.append((node.lineno, node.col_offset + at, old, new))  # type: ignore[attr-defined]

    def _inside(self, children: Iterable[ast.AST], own: Iterable[str], *, of_class: bool = False) -> None:
        self.scopes.append((of_class, frozenset(own)))
        for child in children:
            self.visit(child)
        self.scopes.pop()

    def visit_Name(self, node: ast.Name) -> ast.AST:
        self._change(node, "id")
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        return self._function(node, "def ")

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.AST:
        return self._function(node, "async def ")

    def _function(self, node: _Function, word: str) -> ast.AST:
        for part in chain(node.decorator_list, _outside(node.args), [node.returns] if node.returns else []):
            self.visit(part)
        self._change(node, "name", len(word))
        self._inside(node.body, chain(_parameters(node.args), _own(node.body)))
        return node

    def visit_Lambda(self, node: ast.Lambda) -> ast.AST:
        for part in _outside(node.args):
            self.visit(part)
        self._inside([node.body], _parameters(node.args))
        return node

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        for part in chain(node.decorator_list, node.bases, node.keywords):
            self.visit(part)
        self._change(node, "name", len("class "))
        self._inside(node.body, _own(node.body), of_class=True)
        return node

    def visit_ListComp(self, node: ast.ListComp) -> ast.AST:
        return self._comprehension(node)

    def visit_SetComp(self, node: ast.SetComp) -> ast.AST:
        return self._comprehension(node)

    def visit_DictComp(self, node: ast.DictComp) -> ast.AST:
        return self._comprehension(node)

    def visit_GeneratorExp(self, node: ast.GeneratorExp) -> ast.AST:
        return self._comprehension(node)

    def _comprehension(self, node: _Comprehension) -> ast.AST:
        first = node.generators[0]
        self.visit(first.iter)  # what is gone through is looked up outside
        kept, first.iter = first.iter, ast.Constant(None)
        targets = [part.id for item in node.generators for part in ast.walk(item.target) if isinstance(part, ast.Name)]
        self._inside(list(ast.iter_child_nodes(node)), targets)
        first.iter = kept
        return node

    def visit_Global(self, node: ast.Global) -> ast.AST:
        node.names = [self.names.get(name, name) for name in node.names]
        return node

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> ast.AST:
        node.name = self._new(node.name) if node.name else None
        return self.generic_visit(node)

    def visit_alias(self, node: ast.alias) -> ast.AST:
        bound = node.asname or node.name.partition(".")[0]
        new = self._new(bound)
        if new != bound and (node.asname or "." not in node.name):
            node.asname = new
        return node


def _outside(args: ast.arguments) -> Iterator[ast.expr]:
    """What of a function's parameters is computed where the function is defined: defaults and annotations."""
    yield from args.defaults
    yield from (item for item in args.kw_defaults if item is not None)
    yield from (arg.annotation for arg in _all(args) if arg.annotation is not None)


def _all(args: ast.arguments) -> Iterator[ast.arg]:
    yield from chain(args.posonlyargs, args.args, args.kwonlyargs)
    yield from (arg for arg in (args.vararg, args.kwarg) if arg is not None)


def _parameters(args: ast.arguments) -> Iterator[str]:
    return (arg.arg for arg in _all(args))


def _own(body: Iterable[ast.stmt]) -> set[str]:
    """The names that a function's or class's ``body`` binds for itself."""
    found: set[str] = set()
    declared: set[str] = set()
    pending: list[ast.AST] = list(body)
    while pending:
        part = pending.pop()
        match part:
            case ast.Name(id=name, ctx=ast.Store() | ast.Del()):
                found.add(name)
            case ast.Global(names=names):
                declared |= set(names)
            case ast.alias():
                found.add(part.asname or part.name.partition(".")[0])
            case ast.ExceptHandler(name=str(name)) | ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
                found.add(name)
        if isinstance(part, _Function | ast.ClassDef):
            found.add(part.name)
        elif isinstance(part, _Comprehension):
            pending += [inner.target for inner in ast.walk(part) if isinstance(inner, ast.NamedExpr)]
        elif not isinstance(part, ast.Lambda):
            pending += ast.iter_child_nodes(part)
    return found - declared


def _replaced(text: str, places: Iterable[tuple[int, int, str, str]]) -> str:
    """``text`` with each of ``places`` changed, as far as the old text stands there."""
    lines = text.split("\n")
    for number, column, old, new in sorted(places, reverse=True):
        line = lines[number - 1].encode()
        head, rest = line[:column].decode(errors="replace"), line[column:].decode(errors="replace")
        found = re.match(rf"[ \t]*{re.escape(old)}\b", rest)
        if found is not None:
            lines[number - 1] = head + found[0].removesuffix(old) + new + rest[found.end() :]
    return "\n".join(lines)
