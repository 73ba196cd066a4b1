"""Disguises code as people do who hand in another's work, at six levels, by rewriting its syntax tree with a seed.

0: no comments or docstrings. 1: local names changed. 2: functions and methods in another order. 3: all of these. 4: besides,
statements that do nothing, temporaries, ``np.f(x)`` for ``x.f()``, turned comparisons, swapped operands. 5: besides, what
`grader.similarity` does not undo: independent statements swapped, conditions inverted, sums written out, and only some of the
functions taken over.
"""

from __future__ import annotations

import ast
import builtins
import random

LEVELS = range(6)
_METHODS = frozenset({"sum", "mean", "max", "min", "exp", "log", "abs", "sqrt", "argmax", "reshape", "clamp"})
_WORDS = ("tmp", "val", "res", "arr", "buf", "cur", "acc", "out_", "inp", "idx_", "dat", "foo", "item_", "t", "q", "z")


def disguise(source: str, level: int, seed: int) -> str:
    """``source`` at a level of disguise; the same for the same seed."""
    rng = random.Random(f"{level} {seed}")
    tree = ast.parse(source)
    _without_docstrings(tree)
    if level in (1, 3, 4, 5):
        _rename(tree, rng)
    if level in (2, 3, 4, 5):
        _reorder(tree, rng)
    if level >= 4:
        restyle(tree, rng, 0.3)
    if level >= 5:
        rewrite(tree, rng, 0.5)
    return ast.unparse(ast.fix_missing_locations(tree))


def restyle(tree: ast.AST, rng: random.Random, rate: float) -> None:
    """Change the way that things are said, each with the chance ``rate``."""
    _Style(rng, rate).visit(tree)
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(node, ast.FunctionDef | ast.For | ast.If) and isinstance(body, list):
            node.body = [new for item in body for new in _padded(item, rng, rate / 2)]
    ast.fix_missing_locations(tree)


def rewrite(tree: ast.AST, rng: random.Random, rate: float) -> None:
    """Change what the canonical form keeps: the order of statements, conditions, what is written as what."""
    _Rewrite(rng, rate).visit(tree)
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(node, ast.FunctionDef) and isinstance(body, list):
            for at in range(len(body) - 1):
                if rng.random() < rate and _independent(body[at], body[at + 1]):
                    body[at], body[at + 1] = body[at + 1], body[at]
    ast.fix_missing_locations(tree)


class _Style(ast.NodeTransformer):
    def __init__(self, rng, rate):
        self.rng, self.rate = rng, rate

    def _now(self):
        return self.rng.random() < self.rate

    def visit_Compare(self, node):
        self.generic_visit(node)
        turned = {ast.Lt: ast.Gt, ast.Gt: ast.Lt, ast.LtE: ast.GtE, ast.GtE: ast.LtE}
        if len(node.ops) == 1 and type(node.ops[0]) in turned and self._now():
            return ast.Compare(node.comparators[0], [turned[type(node.ops[0])]()], [node.left])
        return node

    def visit_BinOp(self, node):
        self.generic_visit(node)
        if isinstance(node.op, ast.Add | ast.Mult) and self._now():
            node.left, node.right = node.right, node.left
        return node

    def visit_AugAssign(self, node):
        self.generic_visit(node)
        if isinstance(node.target, ast.Name) and self._now():
            return ast.Assign([node.target], ast.BinOp(ast.Name(node.target.id, ast.Load()), node.op, node.value))
        return node

    def visit_Call(self, node):
        self.generic_visit(node)
        match node:
            case ast.Call(func=ast.Attribute(value=ast.Name(id="np" | "torch"), attr=name), args=[first, *rest]):
                if name in _METHODS and not isinstance(first, ast.Starred) and self._now():
                    return ast.Call(ast.Attribute(first, name, ast.Load()), rest, node.keywords)
        return node


class _Rewrite(ast.NodeTransformer):
    def __init__(self, rng, rate):
        self.rng, self.rate = rng, rate

    def visit_If(self, node):
        self.generic_visit(node)
        if node.orelse and self.rng.random() < self.rate:
            node.test = ast.UnaryOp(ast.Not(), node.test)
            node.body, node.orelse = node.orelse, node.body
        return node

    def visit_BinOp(self, node):
        self.generic_visit(node)
        match node:
            case ast.BinOp(op=ast.Pow(), right=ast.Constant(value=2)) if self.rng.random() < self.rate:
                return ast.BinOp(node.left, ast.Mult(), node.left)
            case ast.BinOp(op=ast.Sub()) if self.rng.random() < self.rate / 2:
                return ast.BinOp(node.left, ast.Add(), ast.UnaryOp(ast.USub(), node.right))
        return node

    def visit_Return(self, node):
        self.generic_visit(node)
        if isinstance(node.value, ast.Tuple) and self.rng.random() < self.rate:
            return [
                ast.Assign([ast.Name("result", ast.Store())], node.value),
                ast.Return(ast.Name("result", ast.Load())),
            ]
        return node


def _padded(item, rng, rate):
    if rng.random() < rate:
        yield ast.Assign([ast.Name(f"unused_{rng.randrange(99)}", ast.Store())], ast.Constant(rng.randrange(9)))
    if rng.random() < rate:
        yield ast.Expr(ast.Call(ast.Name("print", ast.Load()), [ast.Constant("here")], []))
    if isinstance(item, ast.Return) and item.value is not None and rng.random() < 2 * rate:
        name = f"result_{rng.randrange(99)}"
        yield ast.Assign([ast.Name(name, ast.Store())], item.value)
        yield ast.Return(ast.Name(name, ast.Load()))
        return
    if isinstance(item, ast.Assign) and isinstance(item.value, ast.BinOp | ast.Call) and rng.random() < 2 * rate:
        parts = [item.value.left] if isinstance(item.value, ast.BinOp) else item.value.args[:1]
        if parts and not isinstance(parts[0], ast.Starred):
            name = f"part_{rng.randrange(999)}"
            yield ast.Assign([ast.Name(name, ast.Store())], parts[0])
            if isinstance(item.value, ast.BinOp):
                item.value.left = ast.Name(name, ast.Load())
            else:
                item.value.args[0] = ast.Name(name, ast.Load())
    yield item


def _independent(one, other):
    simple = ast.Assign | ast.AugAssign | ast.AnnAssign
    if not (isinstance(one, simple) and isinstance(other, simple)):
        return False
    stored, read = [], []
    for item in (one, other):
        names = [node for node in ast.walk(item) if isinstance(node, ast.Name)]
        stored.append({node.id for node in names if not isinstance(node.ctx, ast.Load)})
        read.append({node.id for node in names})
    return not (stored[0] & read[1] or stored[1] & read[0])


def _without_docstrings(tree):
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list):
            kept = [b for b in body if not (isinstance(b, ast.Expr) and isinstance(b.value, ast.Constant))]
            node.body = kept or [ast.Pass()] * (not isinstance(node, ast.Module))


def _rename(tree, rng):
    functions = [n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef)]
    for function in functions:
        parameters = {node.arg for node in ast.walk(function) if isinstance(node, ast.arg)}
        names = [node for node in ast.walk(function) if isinstance(node, ast.Name)]
        declared = {n for node in ast.walk(function) if isinstance(node, ast.Global | ast.Nonlocal) for n in node.names}
        local = (
            {node.id for node in names if isinstance(node.ctx, ast.Store)} - parameters - declared - set(dir(builtins))
        )
        new = {name: f"{rng.choice(_WORDS)}{rng.randrange(100)}_{at}" for at, name in enumerate(sorted(local))}
        for node in names:
            node.id = new.get(node.id, node.id)


def _reorder(tree, rng):
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef):
            places = [at for at, item in enumerate(node.body) if isinstance(item, ast.FunctionDef)]
            items = [node.body[at] for at in places]
            rng.shuffle(items)
            for at, item in zip(places, items, strict=True):
                node.body[at] = item
