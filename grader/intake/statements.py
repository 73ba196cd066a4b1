"""What one statement of a notebook's cell does with names: binds, changes, reads at once, reads when called."""

from __future__ import annotations

import ast
import symtable
from dataclasses import dataclass, field

from grader.errors import UNREADABLE
from grader.intake.changes import Changes
from grader.intake.notebook import Cell
from grader.intake.written_files import files_of
from grader.python_source import bound_names, parse

_Function = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
_Definition = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_MOST_FUNCTIONS = 2000


@dataclass(slots=True)
class Statement:
    """One top-level statement, ``node``, of a cell of the notebook number ``book``.

    ``full`` says that it gives each name of ``binds`` a new value whatever happens; ``now`` are names that it reads
    while it runs, ``later`` those that functions in it read when they are called, and ``writes`` globals that they
    assign. ``mutates`` are names of objects that it changes in place, of which ``changes`` has the details.
    """

    node: ast.stmt
    text: str
    cell: Cell
    book: int
    position: int
    binds: set[str] = field(default_factory=set)
    full: bool = False
    mutates: set[str] = field(default_factory=set)
    now: set[str] = field(default_factory=set)
    later: set[str] = field(default_factory=set)
    writes: set[str] = field(default_factory=set)
    changes: Changes = field(default_factory=Changes)

    @property
    def key(self) -> tuple[int, int]:
        """Where it stands among all notebooks' statements."""
        return self.book, self.position

    @property
    def running(self) -> bool:
        """It calls something while it runs, which may read any global."""
        return self.changes.running

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
        # A name that somebody else has deleted already, or that was never taken, is as good as deleted.
        item.text = "\n".join(
            ["try:", *(f"    {line}" for line in item.text.split("\n")), "except NameError:", "    pass"]
        )
    item.binds |= _bound_by_text(node)
    writes, reads, later = files_of(node)
    item.now |= reads
    item.later |= later
    if isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name):
        item.now.add(node.target.id)
    item.changes = Changes.of(node)
    item.mutates = set(item.changes.mutates) | writes
    if isinstance(node, ast.Delete):
        item.mutates |= {target.id for target in node.targets if isinstance(target, ast.Name)}
    return item


def _bound_by_text(node: ast.stmt) -> set[str]:
    """Names that ``globals()["x"] = ...``, ``globals().update(x=...)`` and ``exec("x = ...")`` bind."""
    match node:
        case ast.Assign(targets=targets):
            slices = [part.slice for part in targets if isinstance(part, ast.Subscript) and _is_globals(part.value)]
            return {item.value for item in slices if isinstance(item, ast.Constant) and isinstance(item.value, str)}
        case ast.Expr(value=ast.Call(func=ast.Attribute(value=space, attr="update"), keywords=keywords)):
            return {item.arg for item in keywords if item.arg} if _is_globals(space) else set()
        case ast.Expr(value=ast.Call(func=ast.Name(id="exec"), args=[ast.Constant(value=str(text))])):
            try:
                return {name for part in parse(text).body for name in bound_names(part)}
            except UNREADABLE:
                return set()
    return set()


def _is_globals(node: ast.expr) -> bool:
    return (
        isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("globals", "locals", "vars")
    )


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
            if comprehension and not later and symbol.is_declared_global() and symbol.is_assigned():
                item.binds.add(symbol.get_name())  # `[x := f(v) for v in vs]`
            # A class's body that assigns a name it also reads may read the global one first.
            is_global = symbol.is_global() or (table.get_type() == "class" and symbol.is_local())
            if is_global and symbol.is_referenced():
                into.add(symbol.get_name())
            if symbol.is_declared_global() and symbol.is_assigned():
                item.writes.add(symbol.get_name())
        pending += [(child, later) for child in table.get_children()]
