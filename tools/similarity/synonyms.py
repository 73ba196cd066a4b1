"""Ways to write the same thing with PyTorch and numpy: what independent students choose differently, place by place."""

from __future__ import annotations

import ast
import random


class Synonyms(ast.NodeTransformer):
    """Rewrites each place that has synonyms by one of them, with the chance ``rate``; a person has habits, and breaks them."""

    def __init__(self, rng: random.Random, rate: float) -> None:
        self.rng, self.rate = rng, rate
        self.habits: dict[str, int] = {}

    def choose(self, kind: str, *ways):
        """One of ``ways``, or None where the place stays as it is."""
        if self.rng.random() >= self.rate:
            return None
        habit = self.habits.setdefault(kind, self.rng.randrange(len(ways)))
        return ways[habit if self.rng.random() < 0.7 else self.rng.randrange(len(ways))]

    def write(self, kind, node, parts, *templates):
        """``node``, or one of the templates with its parts put in."""
        chosen = self.choose(kind, *templates)
        if chosen is None or any(isinstance(part, ast.Slice) for part in parts):
            return node
        text = chosen.format(*(f"({ast.unparse(part)})" for part in parts))
        return ast.parse(text, mode="eval").body

    def visit_Subscript(self, node):
        self.generic_visit(node)
        match node:
            case ast.Subscript(value=ast.Attribute(value=x, attr="shape"), slice=i) if isinstance(node.ctx, ast.Load):
                if isinstance(i, ast.Constant) and i.value == 0:
                    return self.write("size0", node, [x], "{0}.shape[0]", "len({0})", "{0}.size(0)", "{0}.size()[0]")
                return self.write("size", node, [x, i], "{0}.shape[{1}]", "{0}.size({1})", "{0}.size()[{1}]")
        return node

    def visit_Attribute(self, node):
        self.generic_visit(node)
        match node:
            case ast.Attribute(value=x, attr="T" | "mT") if isinstance(node.ctx, ast.Load):
                return self.write("T", node, [x], "{0}.T", "{0}.t()", "{0}.transpose(0, 1)", "{0}.permute(1, 0)")
        return node

    def visit_BinOp(self, node):
        self.generic_visit(node)
        parts = [node.left, node.right]
        match node.op:
            case ast.MatMult():
                return self.write(
                    "@", node, parts, "{0} @ {1}", "torch.matmul({0}, {1})", "{0}.mm({1})", "{0}.matmul({1})"
                )
            case ast.Pow():
                return self.write("**", node, parts, "{0} ** {1}", "{0}.pow({1})", "torch.pow({0}, {1})")
            case ast.Div():
                return self.write(
                    "/", node, parts, "{0} / {1}", "{0} / {1}", "{0} * (1.0 / {1})", "torch.div({0}, {1})"
                )
            case ast.Mult():
                return self.write("*", node, parts, "{0} * {1}", "{0} * {1}", "{0} * {1}", "torch.mul({0}, {1})")
            case ast.Sub():
                return self.write("-", node, parts, "{0} - {1}", "{0} - {1}", "{0} - {1}", "-{1} + {0}")
        return node

    def visit_Call(self, node):
        self.generic_visit(node)
        for item in node.keywords:
            if item.arg == "dim" and (name := self.choose("dim", "dim", "axis")):
                item.arg = name
        match node:
            case ast.Call(func=ast.Attribute(value=x, attr="unsqueeze"), args=[d], keywords=[]):
                return self.write(
                    "unsqueeze", node, [x, d], "{0}.unsqueeze({1})", "{0}[:, None]", "torch.unsqueeze({0}, {1})"
                )
            case ast.Call(
                func=ast.Attribute(value=x, attr="clamp"), keywords=[ast.keyword(arg="min", value=m)], args=[]
            ):
                return self.write(
                    "clamp",
                    node,
                    [x, m],
                    "{0}.clamp(min={1})",
                    "torch.relu({0})",
                    "torch.maximum({0}, {1})",
                    "{0}.clamp_min({1})",
                    "{0} * ({0} > {1})",
                )
            case ast.Call(func=ast.Attribute(value=x, attr="reshape"), keywords=[]) if node.args:
                name = self.choose("reshape", "reshape", "view", "flatten", "contiguous")
                if name in ("view", "reshape"):
                    node.func.attr = name
                elif name == "contiguous":
                    node.func.value = ast.Call(ast.Attribute(x, "contiguous", ast.Load()), [], [])
            case ast.Call(
                func=ast.Attribute(attr="sum" | "mean" | "max" | "argmax"), args=[ast.Constant() as d], keywords=[]
            ):
                if self.choose("named", False, True):
                    node.args, node.keywords = [], [ast.keyword("dim", d)]
            case ast.Call(func=ast.Attribute(attr="zeros" | "ones" | "randn" | "rand"), args=args) if len(args) > 1:
                if self.choose("tuple", False, True):
                    node.args = [ast.Tuple(args, ast.Load())]
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _MOVES:
            return self.write("move", node, [node], "{0}", "{0}", "{0}.float()", "{0}.clone()", "{0}.contiguous()")
        return node

    def visit_For(self, node):
        self.generic_visit(node)
        match node:
            case ast.For(target=ast.Name(id=name), iter=ast.Call(func=ast.Name(id="range"), args=[stop]), orelse=[]):
                if self.choose("for", False, False, True) and not any(
                    isinstance(n, ast.Continue) for n in ast.walk(node)
                ):
                    step = ast.parse(f"{name} += 1").body
                    test = ast.Compare(ast.Name(name, ast.Load()), [ast.Lt()], [stop])
                    return [*ast.parse(f"{name} = 0").body, ast.While(test, [*node.body, *step], [])]
        return node

    def visit_Assign(self, node):
        self.generic_visit(node)
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.ListComp(elt=elt, generators=[loop])) if (
                not loop.is_async
            ):
                if self.choose("comprehension", False, True):
                    append = ast.Expr(
                        ast.Call(ast.Attribute(ast.Name(name, ast.Load()), "append", ast.Load()), [elt], [])
                    )
                    body: list[ast.stmt] = [append]
                    for test in loop.ifs:
                        body = [ast.If(test, body, [])]
                    return [*ast.parse(f"{name} = []").body, ast.For(loop.target, loop.iter, body, [])]
        return node


_MOVES = frozenset({"zeros", "ones", "randn", "arange", "permute", "transpose", "expand", "cat", "stack", "tensor"})
