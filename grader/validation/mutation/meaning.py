"""What of a module's source matters: its syntax tree without docstrings, annotations and messages.

Two versions with the same meaning by this measure do the same; a mutant that has the original's is none.
"""

from __future__ import annotations

import ast
import hashlib
import warnings


class _Plain(ast.NodeTransformer):
    """Takes out what no check can see."""

    def _body(self, body: list[ast.stmt]) -> list[ast.stmt]:
        kept = [item for item in body if not _says_nothing(item)]
        return kept or [ast.Pass()]

    def _function(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> ast.AST:
        node.returns = None
        for arg in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs):
            arg.annotation = None
        for starred in (node.args.vararg, node.args.kwarg):
            if starred is not None:
                starred.annotation = None
        return self._block(node)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        return self._function(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.AST:
        return self._function(node)

    def _block(self, node: ast.AST) -> ast.AST:
        self.generic_visit(node)
        for name in ("body", "orelse", "finalbody"):
            body = getattr(node, name, None)
            if isinstance(body, list) and body:
                kept = self._body(body)
                setattr(node, name, [] if name != "body" and _is_empty(kept) else kept)
        return node

    visit_Module = visit_ClassDef = visit_For = visit_While = visit_With = visit_Try = _block  # noqa: N815

    def visit_If(self, node: ast.If) -> ast.AST:
        self._block(node)
        # Nothing is left in it but what was printed.
        return ast.Pass() if _is_empty(node.body) and not node.orelse and not _calls(node.test) else node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        self.generic_visit(node)
        if node.value is None:
            return ast.Pass()
        return ast.Assign(targets=[node.target], value=node.value)

    def visit_Raise(self, node: ast.Raise) -> ast.AST:
        if isinstance(node.exc, ast.Call):
            node.exc.args, node.exc.keywords = [], []
        return node

    def visit_Assert(self, node: ast.Assert) -> ast.AST:
        node.msg = None
        self.generic_visit(node)
        return node


def _says_nothing(node: ast.stmt) -> bool:
    """A docstring, ``pass``, an import or ``print(...)``."""
    if isinstance(node, (ast.Pass, ast.Import, ast.ImportFrom)):
        return True
    value = node.value if isinstance(node, ast.Expr) else None
    if isinstance(value, ast.Constant):
        return True
    return isinstance(value, ast.Call) and isinstance(value.func, ast.Name) and value.func.id == "print"


def _is_empty(body: list[ast.stmt]) -> bool:
    return all(isinstance(item, ast.Pass) for item in body)


def _calls(node: ast.AST) -> bool:
    return any(isinstance(part, ast.Call) for part in ast.walk(node))


def meaning(source: str) -> tuple[str, ...]:
    """A digest of each top-level statement of ``source``.

    Raises:
        SyntaxError: it does not parse.
        ValueError: it does not compile: a ``return`` outside a function, say.
    """
    tree = ast.parse(source)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SyntaxWarning)  # a mutant may well look suspicious
        compile(tree, "<mutant>", "exec")
    return tuple(_digest(item) for item in tree.body)


def functions(source: str) -> dict[str, str]:
    """A digest of each function of ``source`` by its dotted name; under ``""`` one of what stands outside them.

    What is defined inside a function is a part of it. Imports count for nothing: only what uses a name can differ.
    """
    found: dict[str, str] = {}
    outside: list[str] = []

    def walk(body: list[ast.stmt], owner: str) -> None:
        for item in body:
            name = f"{owner}.{getattr(item, 'name', '')}".lstrip(".")
            if isinstance(item, (ast.FunctionDef, ast.AsyncFunctionDef)):
                found[name] = _digest(item)
                if owner:
                    outside.append(f"def {name}")  # a class that gains or loses a method is another class
            elif isinstance(item, ast.ClassDef):
                outside.append(f"class {name}({', '.join(ast.unparse(base) for base in item.bases)})")
                walk(item.body, name)
            elif not _says_nothing(item):
                outside.append(_digest(item))

    walk(ast.parse(source).body, "")
    found[""] = hashlib.sha256("\n".join(outside).encode()).hexdigest()
    return found


def changed_functions(before: str, after: str) -> frozenset[str] | None:
    """The functions of ``before`` that ``after`` has otherwise or not at all; None where more than functions differ.

    A function that ``after`` adds changes nothing by itself: whoever calls it has changed as well.
    """
    old, new = functions(before), functions(after)
    if old[""] != new[""]:
        return None
    return frozenset(name for name, digest in old.items() if new.get(name) != digest)


def _digest(node: ast.stmt) -> str:
    plain = _Plain().visit(ast.Module([node], []))
    return hashlib.sha256(ast.dump(plain).encode()).hexdigest()
