"""The hidden suite and the public tests, made of another tool's tests: one check for each, with its points."""

from __future__ import annotations

import ast
import re
import unittest
from dataclasses import dataclass

from grader.authoring.adopt.adopted_module import Module, bound, free_names
from grader.authoring.adopt.foreign import Check, Foreign, Given
from grader.intake.ipython_syntax import neutralise

#: Names of nose.tools, and those of unittest.TestCase that do the same.
_NOSE = {
    re.sub("[A-Z]", lambda match: "_" + match[0].lower(), name): name
    for name in dir(unittest.TestCase)
    if name.startswith("assert")
}
_RAISING = ("raises", "assert_raises", "assertRaises")


@dataclass(frozen=True)
class Suites:
    """The text of hidden/test_NAME.py, and of public/test_NAME.py ("" where students see no test)."""

    hidden: str
    public: str


def make_suites(found: Foreign, module: Module, name: str) -> Suites:
    """Both suites; a test that cannot be a check is left."""
    maker = _Maker(found, module)
    hidden, public = [], []
    for item in found.items:
        if isinstance(item, Check):
            hidden += maker.hidden(item)
            public += maker.public(item)
    head = dict.fromkeys(maker.imports)
    text = f'"""Hidden checks for `{name}`, adopted from {found.format}."""\n\nimport pytest\n'
    text += "".join(f"{line}\n" for line in head if line != "import pytest")
    text += (
        "\nfrom grader.checks import points\nfrom grader.sandbox.faults import StudentError\n\n\n"
        + "\n\n\n".join(hidden)
        + "\n"
    )
    if "pytest" not in "".join(hidden):
        text = text.replace("import pytest\n", "", 1)
    if "StudentError" not in "".join(hidden):
        text = text.replace("from grader.sandbox.faults import StudentError\n", "")
    if not public:
        return Suites(text, "")
    uses = sorted({word for test in public for word in module.written if re.search(rf"\b{word}\b", test)})
    shown = '"""Tests for you: `pytest public`. Passing them is necessary, but not sufficient; add your own."""\n\nimport pytest\n'
    shown += "".join(f"{line}\n" for line in dict.fromkeys(maker.public_imports) if line != "import pytest")
    shown += f"\nimport {name}\nfrom {name} import {', '.join(uses)}\n\n\n" if uses else "\n\n"
    if "pytest" not in "".join(public):
        shown = shown.replace("import pytest\n", "", 1)
    shown = shown.replace(f"\nimport {name}\n", "\n", 1)
    return Suites(text, shown + "\n\n\n".join(public) + "\n")


class _Maker:
    """Makes checks of tests, which in a notebook share their names with all cells before."""

    def __init__(self, found: Foreign, module: Module) -> None:
        self.found, self.module = found, module
        self.imports: list[str] = []
        self.public_imports: list[str] = []
        self.ids: set[str] = set()
        self.given: list[tuple[int, ast.stmt]] = []
        for item in found.items:
            if isinstance(item, Given | Check):
                try:
                    self.given += [(item.cell, node) for node in ast.parse(neutralise(item.source)).body]
                except SyntaxError:
                    continue

    def hidden(self, check: Check) -> list[str]:
        """The check, as a list of at most one text."""
        try:
            tree = ast.parse(check.source)
        except SyntaxError as error:
            self._leave(check, f"a test of {check.points:g} points that is not Python ({error.msg})")
            return []
        if not tree.body:
            self._leave(check, f"a test of {check.points:g} points without a statement")
            return []
        title = check.title or f"{check.id.replace('_', ' ').replace('-', ' ').capitalize()}."
        source, first = check.source, tree.body[0]
        if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str):
            title = " ".join(first.value.value.split())
            source = "\n".join(source.splitlines()[first.end_lineno :])
            del tree.body[0]
        before, theirs = self._before(tree.body, check.cell, self.imports)
        changed = _Raising()
        body = [changed.visit(node) for node in tree.body]
        text = "\n".join(ast.unparse(node) for node in body) if changed.count else source
        taken = [f"{word} = student.{word}" for word in self.module.written if word in theirs]
        if check.partial:
            *rest, last = text.rstrip().splitlines()
            text = "\n".join([*rest, f"award(({last}) / {check.points:g})"])
        lines = [
            f"@points({check.points:g})",
            f"def {self._name(check.id)}(student{', award' * check.partial}):",
            f'    """{title}"""'.replace("\\", ""),
            *[
                f"    {line}".rstrip()
                for part in (*taken, *before, text)
                for line in _without_imports(part).splitlines()
            ],
        ]
        return ["\n".join(lines)]

    def public(self, check: Check) -> list[str]:
        """What students see of it, as a list of at most one text."""
        try:
            tree = ast.parse(check.public)
        except SyntaxError:
            return []
        if check.partial:
            return []
        if not any(not isinstance(node, ast.Import | ast.ImportFrom | ast.Pass) for node in tree.body):
            return []
        before, _ = self._before(tree.body, check.cell, self.public_imports)
        lines = [
            f"def {_identifier(check.id)}():",
            *[
                f"    {line}".rstrip()
                for part in (*before, check.public)
                for line in _without_imports(part).splitlines()
            ],
        ]
        return ["\n".join(lines)]

    def _before(self, body: list[ast.stmt], cell: int, imports: list[str]) -> tuple[list[str], set[str]]:
        """What earlier cells must have done for ``body``, and all names of the student's that are used in it."""
        wanted, seen = free_names(body), set()
        kept: list[tuple[int, int, str]] = []
        theirs: set[str] = set()
        for node in body:
            self._take_import(node, imports)
        while wanted:
            name = wanted.pop(0)
            if name in seen:
                continue
            seen.add(name)
            if name in self.module.written:
                theirs.add(name)
            elif (found := self._binding(name, cell)) is not None:
                place, number, node = found
                self._take_import(node, imports)
                if not isinstance(node, ast.Import | ast.ImportFrom):
                    kept.append((number, place, ast.unparse(node)))
                    wanted += free_names([node])
            elif name in self.module.imports:
                imports += _nose(self.module.imports[name], name)
            else:
                self.found.leave(cell, f"the name `{name}`, which nothing before it defines", "define it in the check")
        return [text for _, _, text in sorted(dict.fromkeys(kept))], theirs

    def _take_import(self, node: ast.stmt, imports: list[str]) -> None:
        if isinstance(node, ast.Import | ast.ImportFrom):
            for name in bound(node):
                imports += _nose(ast.unparse(node), name)

    def _binding(self, name: str, cell: int) -> tuple[int, int, ast.stmt] | None:
        """The last statement before a cell that binds a name: its place, its cell and itself."""
        for place, (number, node) in reversed(list(enumerate(self.given))):
            if number < cell and name in bound(node):
                return place, number, node
        return None

    def _name(self, text: str) -> str:
        base = name = _identifier(text)
        number = 2
        while name in self.ids:
            name, number = f"{base}_{number}", number + 1
        self.ids.add(name)
        return name

    def _leave(self, check: Check, what: str) -> None:
        self.found.leave(check.cell, what, "write it as a check")


class _Raising(ast.NodeTransformer):
    """Errors of the student's reach a check as StudentError, whose text names their type."""

    def __init__(self) -> None:
        self.count = 0

    def visit_Call(self, node: ast.Call) -> ast.AST:
        """``pytest.raises(E)`` and ``assert_raises(E)``, as in a ``with`` statement."""
        self.generic_visit(node)
        if _called(node) in _RAISING and len(node.args) == 1 and isinstance(node.args[0], ast.Name):
            self.count += 1
            return _raises(node.args[0].id)
        return node

    def visit_Expr(self, node: ast.Expr) -> ast.AST:
        """``assert_raises(E, function, ...)``."""
        call = node.value
        if (
            isinstance(call, ast.Call)
            and _called(call) in _RAISING
            and len(call.args) > 1
            and isinstance(call.args[0], ast.Name)
        ):
            self.count += 1
            inner = ast.Expr(ast.Call(call.args[1], call.args[2:], call.keywords))
            return ast.fix_missing_locations(ast.With([ast.withitem(_raises(call.args[0].id))], [inner]))
        self.generic_visit(node)
        return node

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> ast.AST:
        """``except E``."""
        self.generic_visit(node)
        if isinstance(node.type, ast.Name) and node.type.id != "AssertionError":
            self.count += 1
            node.type = ast.Name("StudentError")
        return node


def _raises(error: str) -> ast.Call:
    return ast.Call(
        ast.Attribute(ast.Name("pytest"), "raises"),
        [ast.Name("StudentError")],
        [ast.keyword("match", ast.Constant(error))],
    )


def _called(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")


def _nose(line: str, name: str) -> list[str]:
    """An import as it is; what nose had, from the standard library."""
    if not line.startswith("from nose"):
        return [line]
    if name in _RAISING:
        return []
    method = _NOSE.get(name, "assertTrue")
    return ["from unittest import TestCase", f"{name} = TestCase().{method}"]


def _identifier(text: str) -> str:
    word = re.sub(r"\W+", "_", text).strip("_").lower() or "check"
    return word if word.startswith("test_") else f"test_{word}"


def _without_imports(text: str) -> str:
    """Source without its own import statements: they stand at the top of the file."""
    nodes = [node for node in ast.parse(text).body if isinstance(node, ast.Import | ast.ImportFrom)]
    gone = {line for node in nodes for line in range(node.lineno, (node.end_lineno or node.lineno) + 1)}
    return "\n".join(line for number, line in enumerate(text.splitlines(), start=1) if number not in gone)
