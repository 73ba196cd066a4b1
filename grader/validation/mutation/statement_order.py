"""Slips in the order of statements and in what outlives a call: swapped, moved into or out of a loop, kept between calls.

Statements that can change places unnoticed do not: what each reads and changes is compared first. These slips concern several lines,
and so are made in the text.
"""

from __future__ import annotations

import ast
import itertools
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from grader.validation.mutation.statement_effects import called, calls, effects, overlap, path_of, stored

_SIMPLE = (ast.Assign, ast.AugAssign, ast.Expr, ast.AnnAssign)
_DRAWS = frozenset(
    {
        "rand",
        "randn",
        "randint",
        "randperm",
        "permutation",
        "choice",
        "integers",
        "shuffle",
        "normal",
        "uniform",
        "random",
    }
    | {"multinomial", "rand_like", "randn_like", "sample", "bernoulli"}
)
_IN_PLACE = frozenset(
    {
        "clamp",
        "relu",
        "exp",
        "log",
        "sqrt",
        "add",
        "sub",
        "mul",
        "div",
        "sigmoid",
        "tanh",
        "abs",
        "neg",
        "round",
        "floor",
        "masked_fill",
    }
)


@dataclass(frozen=True, slots=True)
class Rewritten:
    """Lines ``first`` to ``last``, counted from 1, with ``text`` in their place."""

    function: str
    operator: str
    first: int
    last: int
    text: str


def rewritings(source: str, regions: Sequence[tuple[int, int]]) -> Iterator[Rewritten]:
    """The slips in the graded regions of a module, in the order of their lines.

    Args:
        source: text of the module.
        regions: first and last line of each part that may be changed, counted from 1.

    """
    tree = ast.parse(source)
    lines = source.split("\n")
    for name, function in _functions(tree):
        inside = [part for part in regions if function.lineno <= part[0] <= (function.end_lineno or 0)]
        if inside:
            yield from _Function(name, function, lines, inside).rewritings()


def _functions(tree: ast.Module) -> Iterator[tuple[str, ast.FunctionDef]]:
    for item in tree.body:
        if isinstance(item, ast.FunctionDef):
            yield item.name, item
        elif isinstance(item, ast.ClassDef):
            yield from ((f"{item.name}.{part.name}", part) for part in item.body if isinstance(part, ast.FunctionDef))


class _Function:
    """One function of the solution, and the lines of it that students write."""

    def __init__(self, name: str, node: ast.FunctionDef, lines: list[str], regions: Sequence[tuple[int, int]]) -> None:
        self.name, self.node, self.lines, self.regions = name, node, lines, regions
        self.arguments = [arg.arg for arg in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)]

    def rewritings(self) -> Iterator[Rewritten]:
        for block in self._blocks():
            for first, second in itertools.pairwise(block):
                yield from self._swapped(first, second)
                if isinstance(second, ast.For):
                    yield from self._into_loop(first, second)
                if isinstance(first, ast.For):
                    yield from self._returned_in_loop(first, second)
            for number, item in enumerate(block):
                if isinstance(item, ast.For):
                    yield from self._out_of_loop(item)
                    yield from self._loop(item, block[:number])
                yield from self._kept(item, block[number + 1 :])
        yield from self._in_place()

    def _blocks(self) -> Iterator[list[ast.stmt]]:
        """The statements of each block that stand in a region, in order."""
        for part in ast.walk(self.node):
            for field in ("body", "orelse", "finalbody"):
                block = getattr(part, field, None)
                if isinstance(block, list) and block and isinstance(block[0], ast.stmt):
                    kept = [item for item in block if self._graded(item)]
                    if kept:
                        yield kept

    def _graded(self, item: ast.stmt) -> bool:
        return any(first <= item.lineno and (item.end_lineno or 0) <= last for first, last in self.regions)

    def _text(self, item: ast.stmt) -> str:
        return "\n".join(self.lines[item.lineno - 1 : item.end_lineno])

    def _between(self, first: ast.stmt, second: ast.stmt) -> list[str]:
        return self.lines[first.end_lineno or 0 : second.lineno - 1]

    def _at(self, item: ast.stmt, text: str) -> str:
        """``text``, indented as ``item`` is."""
        return textwrap.indent(textwrap.dedent(text), " " * item.col_offset)

    def _alone(self, item: ast.stmt) -> bool:
        """Whether nothing else stands in the item's lines."""
        begin = self.lines[item.lineno - 1][: item.col_offset]
        end = self.lines[(item.end_lineno or 1) - 1][item.end_col_offset :]
        return not begin.strip() and (not end.strip() or end.strip().startswith("#"))

    def _swapped(self, first: ast.stmt, second: ast.stmt) -> Iterator[Rewritten]:
        """Two neighbours that are not independent change places."""
        if not (
            isinstance(first, _SIMPLE) and isinstance(second, _SIMPLE) and self._alone(first) and self._alone(second)
        ):
            return
        one, two = effects(first), effects(second)
        fresh = stored(first) - self._bound_before(first)
        if one.conflicts(two) and not overlap(fresh, two.reads):  # a NameError is no slip that anybody hands in
            text = "\n".join([self._text(second), *self._between(first, second), self._text(first)])
            yield Rewritten(self.name, "statements swapped", first.lineno, second.end_lineno or 0, text)

    def _bound_before(self, item: ast.stmt) -> set[str]:
        earlier = [part for part in ast.walk(self.node) if isinstance(part, ast.stmt) and part.lineno < item.lineno]
        simple = [part for part in earlier if not isinstance(part, (ast.FunctionDef, ast.ClassDef))]
        heads = [part.target for part in simple if isinstance(part, ast.For)]
        return {*self.arguments, *stored(*(part for part in simple if isinstance(part, _SIMPLE))), *stored(*heads)}

    def _into_loop(self, before: ast.stmt, loop: ast.For) -> Iterator[Rewritten]:
        """``total = 0`` and ``optimizer = SGD(...)`` made anew in each turn; a seed set anew."""
        if not (isinstance(before, (ast.Assign, ast.AnnAssign, ast.Expr)) and self._alone(before)) or not self._alone(
            loop
        ):
            return
        if loop.body[0].lineno == loop.lineno:
            return
        body = effects(*loop.body)
        names = effects(before).writes
        made = isinstance(before.value, ast.Call) and called(before.value)[:1].isupper()
        if overlap(names, effects(loop.iter).reads) or not (made or overlap(names, body.writes) or "(seed)" in names):
            return
        head = self.lines[loop.lineno - 1 : loop.body[0].lineno - 1]
        rest = self.lines[loop.body[0].lineno - 1 : loop.end_lineno]
        moved = self._at(loop.body[0], self._text(before))
        text = "\n".join([*self._between(before, loop), *head, moved, *rest])
        yield Rewritten(self.name, "moved into the loop", before.lineno, loop.end_lineno or 0, text)

    def _out_of_loop(self, loop: ast.For) -> Iterator[Rewritten]:
        """The first statement of a loop done once before it; the last one once after it."""
        if len(loop.body) < 2 or not self._alone(loop):
            return
        first, last = loop.body[0], loop.body[-1]
        rest = "\n".join(self.lines[loop.lineno - 1 : first.lineno - 1])
        turning = stored(loop.target)
        if isinstance(first, _SIMPLE) and self._alone(first):
            does, others = effects(first), effects(*loop.body[1:])
            late = overlap(does.reads, (turning | stored(*loop.body[1:])) - self._bound_before(loop))
            # What is the same in each turn, and changed by none, may as well stand before the loop.
            draws = "(seed)" in does.reads and any(called(call) in _DRAWS for call in calls(first))
            if not late and (draws or "(seed)" in does.writes or overlap(does.writes, others.writes)):
                after = self.lines[first.end_lineno or 0 : loop.end_lineno]
                text = "\n".join([self._at(loop, self._text(first)), rest, *after])
                yield Rewritten(self.name, "moved out of the loop", loop.lineno, loop.end_lineno or 0, text)
        if isinstance(last, (ast.Expr, ast.AugAssign)) and self._alone(last):
            until = self.lines[loop.lineno - 1 : last.lineno - 1]
            text = "\n".join([*until, self._at(loop, self._text(last))])
            yield Rewritten(self.name, "moved behind the loop", loop.lineno, loop.end_lineno or 0, text)

    def _returned_in_loop(self, loop: ast.For, after: ast.stmt) -> Iterator[Rewritten]:
        """``return`` indented one step too far."""
        if isinstance(after, ast.Return) and self._alone(after) and loop.body[0].lineno > loop.lineno:
            body = self.lines[loop.lineno - 1 : loop.end_lineno]
            text = "\n".join([*body, self._at(loop.body[-1], self._text(after))])
            yield Rewritten(self.name, "returned in the loop", loop.lineno, after.end_lineno or 0, text)

    def _loop(self, loop: ast.For, before: Sequence[ast.stmt]) -> Iterator[Rewritten]:
        """The last item left out; the whole loop left out, where what it binds is bound before."""
        head = loop.iter
        if head.lineno == head.end_lineno and not (isinstance(head, ast.Call) and called(head) == "range"):
            line = self.lines[head.lineno - 1]
            text = f"{line[: head.col_offset]}list({line[head.col_offset : head.end_col_offset]})[:-1]{line[head.end_col_offset :]}"
            yield Rewritten(self.name, "last item left out", head.lineno, head.lineno, text)
        known = {*self.arguments, *stored(*before)}
        end = loop.end_lineno or 0
        later = {part.id for part in ast.walk(self.node) if isinstance(part, ast.Name) and part.lineno > end}
        if not stored(loop) & later - known and self._alone(loop):
            yield Rewritten(
                self.name, "loop left out", loop.lineno, loop.end_lineno or 0, f"{' ' * loop.col_offset}pass"
            )

    def _kept(self, item: ast.stmt, later: Sequence[ast.stmt]) -> Iterator[Rewritten]:
        """What a call starts with is what the call before left: a list, a state, a sum."""
        if item not in self.node.body or not isinstance(item, (ast.Assign, ast.AnnAssign)) or item.value is None:
            return
        target = item.targets[0] if isinstance(item, ast.Assign) else item.target
        if not isinstance(target, ast.Name) or not self._alone(item) or self.name.endswith("__init__"):
            return
        name = target.id
        place = "self.__dict__" if self.arguments[:1] == ["self"] else f"{self.node.name}.__dict__"
        if "." in self.name and self.arguments[:1] != ["self"]:
            return
        indent = " " * item.col_offset
        value = ast.unparse(item.value)
        changed = effects(*later).writes
        fresh = isinstance(item.value, (ast.List, ast.Dict, ast.Set)) or (
            isinstance(item.value, ast.Call)
            and called(item.value) in ("zeros", "zeros_like", "empty", "list", "dict", "set", "ones")
        )
        if fresh and overlap([name], changed) and name not in stored(*later):
            text = f'{indent}{name} = {place}.setdefault("_kept_{name}", {value})'
            yield Rewritten(self.name, "kept between calls", item.lineno, item.end_lineno or 0, text)
        last = later[-1] if later else None
        bound_again = any(name in stored(part) for part in later if isinstance(part, ast.For))
        if (
            (fresh or isinstance(item.value, ast.Constant))
            and bound_again
            and isinstance(last, ast.Return)
            and self._alone(last)
        ):
            middle = self.lines[item.end_lineno or 0 : last.lineno - 1]
            begin = f'{indent}{name} = {place}.get("_kept_{name}", {value})'
            keep = f'{indent}{"self" if "self" in place else self.node.name}.__dict__["_kept_{name}"] = {name}'
            text = "\n".join([begin, *middle, keep, self._text(last)])
            yield Rewritten(self.name, "kept between calls", item.lineno, last.end_lineno or 0, text)

    def _in_place(self) -> Iterator[Rewritten]:
        """``x.clamp(...)`` of an argument becomes ``x.clamp_(...)``."""
        bound = stored(self.node)
        for call in calls(self.node):
            if not isinstance(call.func, ast.Attribute) or call.func.attr not in _IN_PLACE:
                continue
            name = path_of(call.func.value)
            inside = any(first <= call.lineno and (call.end_lineno or 0) <= last for first, last in self.regions)
            if name in self.arguments and name not in bound and inside and call.func.lineno == call.func.end_lineno:
                line = self.lines[call.func.lineno - 1]
                end = call.func.end_col_offset or 0
                yield Rewritten(self.name, "in place", call.lineno, call.func.lineno, f"{line[:end]}_{line[end:]}")
