"""What an upload's notebooks hold, cell by cell: statements, files that cells write, and what cannot be taken."""

from __future__ import annotations

import ast
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace

from grader.intake.ipython_syntax import RUN
from grader.intake.notebook import Cell, Notebook
from grader.intake.statements import Statement, statements_of
from grader.python_source import parse


@dataclass(slots=True)
class Pile:
    """What the notebooks have: statements, files that cells write, and cells of which nothing can be taken."""

    names: list[str]
    statements: list[Statement] = field(default_factory=list)
    written: dict[str, str] = field(default_factory=dict)
    writers: dict[str, str] = field(default_factory=dict)
    unused: list[tuple[Cell, str]] = field(default_factory=list)
    code: list[tuple[Cell, str]] = field(default_factory=list)

    @classmethod
    def of(cls, books: Sequence[Notebook]) -> Pile:
        """Sort the cells of ``books``; raises one of UNREADABLE."""
        pile = cls([book.name for book in books])
        for number, book in enumerate(books):
            position = 0
            for cell in book.cells:
                if cell.whole:
                    assert cell.file is not None
                    before = pile.written.get(cell.file, "") if cell.appends else ""
                    pile.written[cell.file] = before + cell.source
                    pile.writers[cell.file] = book.name
                elif cell.problem or cell.aside:
                    pile.unused.append((cell, book.name))
                else:
                    tree = parse(cell.source)
                    if rest := _cut_off(tree):
                        pile.unused.append((_behind(cell, rest), book.name))
                    pile.code.append((cell, book.name))
                    found = statements_of(cell, tree, number, position)
                    pile.statements += found
                    position += len(found)
        for file in [file for file, text in pile.written.items() if not text.strip()]:
            del pile.written[file]
        return pile

    def drop_runs(self, modules: Collection[str]) -> None:
        """Take out star imports that stand for a `%run` of none of ``modules``: that file was not handed in."""
        self.statements = [
            item
            for item in self.statements
            if not (
                isinstance(item.node, ast.ImportFrom) and item.text.endswith(RUN) and item.node.module not in modules
            )
        ]


def _cut_off(tree: ast.Module) -> list[ast.stmt]:
    """Take off ``tree`` what stands behind a statement that always raises, which Jupyter never comes to; and return it."""
    for index, node in enumerate(tree.body):
        match node:
            case ast.Raise() | ast.Assert(test=ast.Constant(value=False | 0 | None)):
                pass
            case ast.Expr(value=ast.Call(func=ast.Attribute(value=ast.Name(id="sys"), attr="exit"))):
                pass
            case _:
                continue
        rest = tree.body[index + 1 :]
        del tree.body[index:]
        return rest
    return []


def _behind(cell: Cell, rest: Sequence[ast.stmt]) -> Cell:
    source = "\n".join(ast.unparse(node) for node in rest)
    return replace(cell, source=source, aside="it ends before that, at a statement that raises an error")
