"""What one statement of a notebook's cell does with names: binds, changes, reads at once, reads when called."""

from __future__ import annotations

import ast
import symtable
from collections.abc import Iterator
from dataclasses import dataclass, field

from grader.errors import UNREADABLE
from grader.intake.notebook import Cell

_Function = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
_Definition = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_MOST_FUNCTIONS = 2000
#: Methods that change their object and are called for nothing else.
_MUTATORS = frozenset(
    {
        "append", "extend", "insert", "update", "add", "setdefault", "pop", "popitem", "popleft", "remove", "discard", "clear",
        "sort", "reverse", "appendleft", "extendleft", "fill", "put", "register", "move_to_end", "difference_update",
        "intersection_update", "load_state_dict", "register_buffer", "register_module", "requires_grad_", "__setitem__",
    }
)  # fmt: skip
#: Functions that change their first argument.
_CHANGING = frozenset(
    {
        "setattr", "delattr", "shuffle", "heappush", "heappop", "heapify", "insort", "insort_left", "insort_right", "copyto",
        "fill_diagonal", "put", "place", "putmask", "put_along_axis",
    }
)  # fmt: skip


@dataclass(slots=True)
class Statement:
    """One top-level statement, ``node``, of a cell of the notebook number ``book``.

    ``full`` says that it gives each name of ``binds`` a new value whatever happens; ``now`` are names that it reads
    while it runs, ``later`` those that functions in it read when they are called. ``calls`` are functions that it
    calls, each with the names of its arguments; ``alters`` the parameters, by position, that a function of this
    definition changes, and ``writes`` the globals that it assigns.
    """

    node: ast.stmt
    text: str
    cell: Cell
    book: int
    position: int
    binds: set[str] = field(default_factory=set)
    full: bool = False
    mutates: set[str] = field(default_factory=set)
    calls_on: set[str] = field(default_factory=set)
    """Names of which it calls a method that sounds as if it changed them: `nn.init.normal_(x)` changes no `nn`."""
    now: set[str] = field(default_factory=set)
    later: set[str] = field(default_factory=set)
    calls: list[tuple[str, tuple[str, ...]]] = field(default_factory=list)
    alters: set[int] = field(default_factory=set)
    writes: set[str] = field(default_factory=set)
    running: bool = False
    """It calls something while it runs, which may read any global."""

    @property
    def key(self) -> tuple[int, int]:
        """Where it stands among all notebooks' statements."""
        return self.book, self.position

    @property
    def defines(self) -> bool:
        """True for a function or a class."""
        return isinstance(self.node, _Definition)

    @property
    def imports(self) -> bool:
        """True for an import."""
        return isinstance(self.node, ast.Import | ast.ImportFrom)


def statements_of(cell: Cell, tree: ast.Module, book: int, first: int) -> list[Statement]:
    """The statements of a cell, whose tree is ``tree``; positions count from ``first``."""
    lines = cell.source.split("\n")
    found = []
    for offset, node in enumerate(tree.body):
        begin = min([node.lineno, *(item.lineno for item in getattr(node, "decorator_list", []))])
        before = tree.body[offset - 1].end_lineno if offset else None
        after = tree.body[offset + 1].lineno if offset + 1 < len(tree.body) else None
        shares = before == node.lineno or after == node.end_lineno
        text = ast.unparse(node) if shares else "\n".join(lines[begin - 1 : node.end_lineno])
        found.append(analyse(Statement(node, text, cell, book, first + offset)))
    return found


def analyse(item: Statement) -> Statement:
    """Fill in what ``item`` does with names."""
    node = item.node
    _read_symbols(item)
    item.full = isinstance(node, (*_Definition, ast.Import, ast.ImportFrom, ast.Assign, ast.AnnAssign))
    if isinstance(node, ast.Delete):
        item.binds = set()
    if isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name):
        item.now.add(node.target.id)
    for part in _running_parts(node):
        _changes(part, item)
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        _function_effects(node, item)
    return item


def _read_symbols(item: Statement) -> None:
    try:
        top = symtable.symtable(item.text, "cell", "exec")
        # Python looks through all children of a table for each of its symbols.
        crowded = sum(isinstance(node, _Function) for node in ast.walk(item.node)) > _MOST_FUNCTIONS
    except UNREADABLE:
        crowded = True
    if crowded:
        names = [node for node in ast.walk(item.node) if isinstance(node, ast.Name)]
        item.now = {node.id for node in names if isinstance(node.ctx, ast.Load)}
        item.binds = {node.id for node in names if isinstance(node.ctx, ast.Store)}
        return
    for symbol in top.get_symbols():
        if symbol.is_assigned() or symbol.is_imported():
            item.binds.add(symbol.get_name())
        if symbol.is_referenced():
            item.now.add(symbol.get_name())
    pending = [(table, False) for table in top.get_children()]
    while pending:
        table, later = pending.pop()
        comprehension = table.get_name() in ("listcomp", "setcomp", "dictcomp", "genexpr")
        later = later or (table.get_type() == "function" and not comprehension)
        into = item.later if later else item.now
        for symbol in table.get_symbols():
            # A class's body that assigns a name it also reads may read the global one first.
            is_global = symbol.is_global() or (table.get_type() == "class" and symbol.is_local())
            if is_global and symbol.is_referenced():
                into.add(symbol.get_name())
            if symbol.is_declared_global() and symbol.is_assigned():
                item.writes.add(symbol.get_name())
        pending += [(child, later) for child in table.get_children()]


def _running_parts(node: ast.AST) -> Iterator[ast.AST]:
    """The nodes that run with the statement: all but the bodies of functions."""
    pending = [node]
    while pending:
        part = pending.pop()
        yield part
        if isinstance(part, _Function):
            pending += part.args.defaults + [item for item in part.args.kw_defaults if item is not None]
            pending += getattr(part, "decorator_list", [])
        else:
            pending += ast.iter_child_nodes(part)


def _changes(part: ast.AST, item: Statement) -> None:
    """Note what ``part`` alone changes; of a loop over objects, what its body changes of each."""
    match part:
        case ast.Assign(targets=targets):
            item.mutates |= {name for target in targets for name in _roots(target)}
        case ast.AugAssign(target=target) | ast.AnnAssign(target=target):
            item.mutates |= set(_roots(target))
        case ast.For(target=ast.Name(id=name), iter=source, body=body):
            inner = Statement(item.node, "", item.cell, item.book, item.position)
            for child in body:
                for node in _running_parts(child):
                    if not isinstance(node, ast.For):  # else loops in loops would be walked again and again
                        _changes(node, inner)
            if name in inner.mutates | inner.calls_on:
                item.mutates |= {node.id for node in ast.walk(source) if isinstance(node, ast.Name)}
        case ast.Call():
            item.running = True
            _call(part, item)
        case ast.FunctionDef(decorator_list=decorators) | ast.AsyncFunctionDef(decorator_list=decorators):
            for decorator in decorators:
                _decorator(decorator, item)


def _decorator(decorator: ast.expr, item: Statement) -> None:
    item.running = True
    if isinstance(decorator, ast.Call):
        item.mutates |= {arg.id for arg in decorator.args if isinstance(arg, ast.Name)}
        decorator = decorator.func
    if isinstance(decorator, ast.Attribute) and decorator.attr in _MUTATORS and (root := _root(decorator)):
        item.mutates.add(root)


def _call(call: ast.Call, item: Statement) -> None:
    function = call.func
    name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
    in_place = name.endswith("_") and not name.endswith("__")
    if isinstance(function, ast.Attribute) and (name in _MUTATORS or in_place) and (root := _root(function)):
        item.calls_on.add(root)
    if call.args and (name in _CHANGING or in_place) and (root := _root(call.args[0])):
        item.mutates.add(root)
    if isinstance(function, ast.Name):
        item.calls.append((name, tuple(_root(arg) or "" for arg in call.args)))


def _function_effects(node: ast.FunctionDef | ast.AsyncFunctionDef, item: Statement) -> None:
    parameters = [arg.arg for arg in (*node.args.posonlyargs, *node.args.args)]
    inner = Statement(node, "", item.cell, item.book, item.position)
    for child in node.body:
        for part in ast.walk(child):  # functions inside, too: a decorator's wrapper sets the attribute
            if not isinstance(part, ast.For):
                _changes(part, inner)
    item.alters = {index for index, name in enumerate(parameters) if name in inner.mutates | inner.calls_on}


def _roots(target: ast.AST) -> Iterator[str]:
    """Names whose object an assignment to ``target`` changes: of attributes and items, not of plain names."""
    if isinstance(target, ast.Tuple | ast.List):
        for element in target.elts:
            yield from _roots(element)
    elif isinstance(target, ast.Attribute | ast.Subscript) and (root := _root(target)):
        yield root


def _root(node: ast.AST) -> str | None:
    while isinstance(node, ast.Attribute | ast.Subscript | ast.Starred):
        node = node.value
    return node.id if isinstance(node, ast.Name) else None
