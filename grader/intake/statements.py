"""What one statement of a notebook's cell does with names: binds, changes, reads at once, reads when called."""

from __future__ import annotations

import ast
import symtable
from dataclasses import dataclass, field

from grader.errors import UNREADABLE
from grader.intake.changes import Changes
from grader.intake.notebook import Cell

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
    if isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name):
        item.now.add(node.target.id)
    item.changes = Changes.of(node)
    item.mutates = set(item.changes.mutates)
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
