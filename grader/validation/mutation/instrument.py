"""A module that notes which of its functions run, so that a measurement knows which checks see which of them."""

from __future__ import annotations

import ast

#: The function that an instrumented module has: what ran since it was last called, as ``file:function`` texts.
TELL = "autograde_seen"
_MARK = "autograde_mark"

# One set for all modules of a submission: whichever is asked knows of all.
_HEAD = f"""
import sys as autograde_sys
autograde_notes = vars(autograde_sys).setdefault("autograde_notes", set())
{_MARK} = autograde_notes.add
def {TELL}():
    seen = sorted(autograde_notes)
    autograde_notes.clear()
    return seen
"""


class _Marker(ast.NodeTransformer):
    def __init__(self, file: str) -> None:
        self.file = file
        self.owners: list[str] = []
        self.inside = False

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        if self.inside:
            return self.generic_visit(node)
        self.owners.append(node.name)
        self.generic_visit(node)
        self.owners.pop()
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        # What is defined in a function is a part of it, and marks its name.
        name = ".".join(self.owners if self.inside else (*self.owners, node.name))
        inside, owners = self.inside, self.owners
        self.inside, self.owners = True, name.split(".")
        self.generic_visit(node)
        self.inside, self.owners = inside, owners
        mark = f"{self.file}:{name}"
        at = int(ast.get_docstring(node, clean=False) is not None)
        node.body[at:at] = ast.parse(f"{_MARK}({mark!r})").body
        return node


def instrument(source: str, file: str) -> str:
    """``source`` with a mark at the head of each function, and a function :data:`TELL` that gives the marks."""
    tree = _Marker(file).visit(ast.parse(source))
    # After the docstring and the imports from __future__, which must come first.
    at = next(
        (
            number
            for number, item in enumerate(tree.body)
            if not (isinstance(item, ast.Expr) and isinstance(item.value, ast.Constant))
            and not (isinstance(item, ast.ImportFrom) and item.module == "__future__")
        ),
        len(tree.body),
    )
    tree.body[at:at] = ast.parse(_HEAD).body
    return ast.unparse(ast.fix_missing_locations(tree)) + "\n"
