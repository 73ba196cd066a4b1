"""The canonical form of Python code: what it does, whatever its names, its order of operands and its temporaries are.

Two programs have the same form where one is the other with names, comments, annotations or layout changed, comparisons
turned, operands of ``+`` and ``*`` swapped, ``x.f()`` written as ``np.f(x)``, temporaries put in or taken out, or statements
added that do nothing.
"""

from __future__ import annotations

import ast
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from typing import Any

Tokens = tuple[int, ...]
"""A canonical form: hashes of 32 bits, the same in every process."""

_TURNED: dict[type[ast.cmpop], type[ast.cmpop]] = {ast.Gt: ast.Lt, ast.GtE: ast.LtE}
_EITHER_WAY = (ast.Add, ast.Mult, ast.BitAnd, ast.BitOr, ast.Eq, ast.NotEq)
_SILENT = (ast.Pass, ast.Assert, ast.Import, ast.ImportFrom, ast.Global, ast.Nonlocal)
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
#: How deep an expression may nest; what lies below is left out.
_DEEPEST = 60


class Canonical:
    """Canonical forms of one function, of a class without its methods, or of a module's own statements."""

    def __init__(self, root: ast.AST, modules: Iterable[str] = (), *, inline: bool = True) -> None:
        """``modules`` are the names that the file imports: ``np.sum(x)`` is ``x.sum()`` where ``np`` is one.

        Without ``inline``, temporaries stay where they are assigned, so that each line has a form of its own.
        """
        self._modules = frozenset(modules)
        nodes = list(ast.walk(root))
        self._bound = frozenset(_bound(nodes, root)) - self._modules
        self._own = _first_parameter(root)
        self._inlined = _temporaries(nodes) if inline and isinstance(root, _FUNCTIONS) else {}
        self._open: set[str] = set()
        self._depth = 0

    def of(self, statements: Iterable[ast.stmt]) -> Tokens:
        """The form of statements, one after the other."""
        return tuple(token for statement in statements for token in self.statement(statement))

    def statement(self, node: ast.stmt, *, head: bool = False) -> Tokens:
        """The form of one statement; with ``head`` without the statements inside of it. Empty where it does nothing."""
        match node:
            case ast.Expr(value=ast.Constant()):
                return ()
            case ast.Expr(value=ast.Call(func=ast.Name(id="print"))):
                return ()
            case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)) if (
                name in self._inlined
            ):
                return ()
            case ast.AnnAssign(value=None):
                return ()
            case ast.Assign(targets=[ast.Tuple(elts=names)], value=ast.Tuple(elts=values)) if len(names) == len(values):
                pairs = zip(names, values, strict=True)
                return tuple(token for name, value in pairs for token in self._assign(name, self._form(value)))
            case ast.Assign():
                return tuple(token for target in node.targets for token in self._assign(target, self._form(node.value)))
            case ast.AnnAssign(value=ast.expr() as value):
                return self._assign(node.target, self._form(value))
            case ast.AugAssign():
                return self._assign(node.target, self._operation(node.op, node.target, node.value))
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                return self._definition(node, head=head)
        if isinstance(node, _SILENT):
            return ()
        return self._compound(node, head=head)

    # Statements.

    def _assign(self, target: ast.expr, value: Tokens) -> Tokens:
        return (_word("="), *self._form(target), *value)

    def _definition(self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef, *, head: bool) -> Tokens:
        decorators = (_word("@"), *self._forms(node.decorator_list)) if node.decorator_list else ()
        inside = () if head else self.of(node.body)
        if isinstance(node, ast.ClassDef):
            return (*decorators, _word("class"), *self._forms(node.bases), *inside)
        arguments = node.args
        count = len(arguments.posonlyargs) + len(arguments.args) + len(arguments.kwonlyargs)
        defaults = [*arguments.defaults, *(item for item in arguments.kw_defaults if item is not None)]
        return (*decorators, _word(f"def {count}"), *self._forms(defaults), *inside)

    def _compound(self, node: ast.stmt, *, head: bool) -> Tokens:
        parts: dict[str, Any] = dict(ast.iter_fields(node))
        match node:
            case ast.If(test=ast.UnaryOp(op=ast.Not(), operand=test), orelse=[_, *_]):
                parts = {"test": test, "body": node.orelse, "orelse": node.body}
        found = [_word(type(node).__name__)]
        for name, value in parts.items():
            if name in ("body", "orelse", "finalbody", "handlers"):
                if not head:
                    found += self._inside(value)
            elif isinstance(value, ast.expr):
                found += self._form(value)
            elif isinstance(value, list):
                found += self._any(value)
        return tuple(found)

    def _inside(self, nodes: list[ast.AST]) -> Iterator[int]:
        for node in nodes:
            if isinstance(node, ast.ExceptHandler):
                yield _word("except")
                yield from self.of(node.body)
            elif isinstance(node, ast.stmt):
                yield from self.statement(node)

    # Expressions.

    def _forms(self, nodes: Iterable[ast.expr]) -> Iterator[int]:
        for node in nodes:
            yield from self._form(node)

    def _any(self, nodes: Iterable[object]) -> Iterator[int]:
        """Parts of an expression that are not expressions themselves, such as the loops of a comprehension."""
        for node in nodes:
            if isinstance(node, ast.expr):
                yield from self._form(node)
            elif isinstance(node, ast.AST):
                yield _word(type(node).__name__)
                for _, value in ast.iter_fields(node):
                    yield from self._any(value if isinstance(value, list) else [value])

    def _form(self, node: ast.expr) -> Tokens:
        if self._depth >= _DEEPEST:
            return ()
        self._depth += 1
        try:
            return self._expression(node)
        finally:
            self._depth -= 1

    def _expression(self, node: ast.expr) -> Tokens:
        match node:
            case ast.Name(id=name):
                return self._name(name)
            case ast.Constant(value=value):
                return (_constant(value),)
            case ast.JoinedStr():
                return (_word("'"),)
            case ast.Attribute(value=ast.Name(id=name), attr=attribute):
                if name == self._own:
                    return (_word("self."),)  # a student names attributes of the instance like variables
                return (_word(f".{attribute}"), *(() if name in self._modules else self._name(name)))
            case ast.Attribute(value=value, attr=attribute):
                return (_word(f".{attribute}"), *self._form(value))
            case ast.BinOp(left=left, op=op, right=right):
                return self._operation(op, left, right)
            case ast.Compare(left=left, ops=[op], comparators=[right]):
                turned = _TURNED.get(type(op))
                return self._operation(turned(), right, left) if turned else self._operation(op, left, right)
            case ast.Call():
                return self._call(node)
            case ast.Tuple(elts=elements) | ast.List(elts=elements):
                return (_word(f"[{len(elements)}]"), *self._forms(elements))
        found = [_word(type(node).__name__)]
        for _, value in ast.iter_fields(node):
            found += self._any(value if isinstance(value, list) else [value])
        return tuple(found)

    def _name(self, name: str) -> Tokens:
        value = self._inlined.get(name)
        if value is not None and name not in self._open:
            self._open.add(name)
            try:
                return self._form(value)
            finally:
                self._open.discard(name)
        return (_word("v" if name in self._bound else f"name {name}"),)

    def _operation(self, op: ast.operator | ast.cmpop, left: ast.expr, right: ast.expr) -> Tokens:
        sides = [self._form(left), self._form(right)]
        if isinstance(op, _EITHER_WAY):
            sides.sort()
        return (_word(type(op).__name__), *sides[0], *sides[1])

    def _call(self, node: ast.Call) -> Tokens:
        named = sorted((item.arg or "**", self._form(item.value)) for item in node.keywords)
        found = [_word("()"), *self._form(node.func), *self._forms(node.args)]
        for name, value in named:
            found += (_word(f"{name}="), *value)
        return tuple(found)


@cache
def _word(text: str) -> int:
    return zlib.crc32(text.encode("utf-8", "surrogatepass"))


def _constant(value: object) -> int:
    if isinstance(value, str | bytes):
        return _word("'")
    if isinstance(value, int | float) and not isinstance(value, bool):
        # 2 and 2.0 are one number; one too large for a float stays as it is.
        return _word(f"{float(value)!r}" if abs(value) < 1e300 else f"{hash(value)}")
    return _word(repr(value))


def _bound(nodes: Sequence[ast.AST], root: ast.AST) -> Iterator[str]:
    """The names that belong to the code itself: its variables, parameters and inner functions."""
    for node in nodes:
        match node:
            case ast.Name(id=name, ctx=ast.Store() | ast.Del()):
                yield name
            case ast.arg(arg=name):
                yield name
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                if node is not root:
                    yield name


def _first_parameter(root: ast.AST) -> str:
    """``self``, whatever it is called; empty where there is none, as in a plain function."""
    if isinstance(root, _FUNCTIONS):
        positional = [*root.args.posonlyargs, *root.args.args]
        if positional and positional[0].arg in ("self", "cls"):
            return positional[0].arg
    return ""


def _temporaries(nodes: Sequence[ast.AST]) -> dict[str, ast.expr]:
    """What a function assigns once and reads at most once, by name: it stands where it is read, or nowhere."""
    names = [node for node in nodes if isinstance(node, ast.Name)]
    stored = Counter(node.id for node in names if not isinstance(node.ctx, ast.Load))
    read = Counter(node.id for node in names if isinstance(node.ctx, ast.Load))
    parameters = {node.arg for node in nodes if isinstance(node, ast.arg)}
    found: dict[str, ast.expr] = {}
    for node in nodes:
        match node:
            case (
                ast.Assign(targets=[ast.Name(id=name)], value=value)
                | ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value)
            ) if stored[name] == 1 and read[name] <= 1 and name not in parameters:
                found[name] = value
    return found
