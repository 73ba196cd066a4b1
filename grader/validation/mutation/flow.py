"""Slips in the course of a program: a statement forgotten, a condition turned round, an index off by one."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import libcst as cst

from grader.validation.mutation.arithmetic import numeric_results
from grader.validation.mutation.mutation_operator import Change, Operator, called, parenthesised

_ONE = cst.Integer("1")
_DRAWS = frozenset({"randint", "randperm", "permutation", "choice", "integers"})


def _moved(node: cst.BaseExpression, operator: cst.BaseBinaryOp) -> cst.BaseExpression:
    return cst.BinaryOperation(parenthesised(node), operator, _ONE)


def _statement_dropped(node: cst.BaseSmallStatement) -> Iterable[cst.CSTNode]:
    """Statements that can be left out without a NameError: calls, updates, and what stores into something."""
    if isinstance(node, cst.Assign) and not _updates(node):
        return
    if isinstance(node, cst.Expr) and not isinstance(node.value, cst.Call):
        return
    yield cst.Pass()


def _updates(node: cst.Assign) -> bool:
    target = node.targets[0].target
    if isinstance(target, (cst.Subscript, cst.Attribute)):
        return True
    names = {target.value} if isinstance(target, cst.Name) else set()
    return any(isinstance(part, cst.Name) and part.value in names for part in _below(node.value))


def _below(node: cst.CSTNode) -> Iterable[cst.CSTNode]:
    yield node
    for child in node.children:
        yield from _below(child)


def _negated(test: cst.BaseExpression) -> cst.BaseExpression:
    inner = test if test.lpar else test.with_changes(lpar=[cst.LeftParen()], rpar=[cst.RightParen()])
    return cst.UnaryOperation(cst.Not(), inner)


def _condition(node: cst.If) -> Iterable[Change]:
    yield Change(node.test, _negated(node.test))
    yield Change(node.test, cst.Name("False"))
    yield Change(node.test, cst.Name("True"))


def _early_return_dropped(node: cst.If) -> Iterable[Change]:
    if isinstance(node.body, cst.IndentedBlock):
        for line in node.body.body:
            if isinstance(line, cst.SimpleStatementLine) and isinstance(line.body[0], cst.Return):
                yield Change(line.body[0], cst.Pass())


def _filter_dropped(node: cst.CompIf) -> Iterable[Change]:
    yield Change(node.test, cst.Name("True"))


def _half_of_a_condition(node: cst.BooleanOperation) -> Iterable[cst.CSTNode]:
    yield node.left
    yield node.right


def _slice(node: cst.Slice) -> Iterable[Change]:
    """Bounds one too low or too high."""
    for bound in (node.lower, node.upper):
        if bound is not None and not isinstance(bound, cst.Integer):
            yield Change(bound, _moved(bound, cst.Add()))
            yield Change(bound, _moved(bound, cst.Subtract()))


def _range(node: cst.Call) -> Iterable[cst.CSTNode]:
    if called(node.func) not in ("range", "arange") or not node.args or any(arg.keyword for arg in node.args[:1]):
        return
    positional = [arg for arg in node.args if arg.keyword is None]
    last = positional[min(1, len(positional) - 1)]
    at = list(node.args).index(last)
    shorter = last.with_changes(value=_moved(last.value, cst.Subtract()))
    yield node.with_changes(args=[*node.args[:at], shorter, *node.args[at + 1 :]])
    if len(positional) == 1:
        yield node.with_changes(args=[cst.Arg(_ONE), *node.args])


def _draw(node: cst.Call) -> Iterable[cst.CSTNode]:
    """What is drawn from one fewer: the last place, the last example never comes."""
    positional = [arg for arg in node.args if arg.keyword is None]
    if called(node.func) not in _DRAWS or not positional:
        return
    bound = positional[1 if len(positional) > 2 else 0]  # (low, high, size), or (high, size)
    at = list(node.args).index(bound)
    fewer = bound.with_changes(value=_moved(bound.value, cst.Subtract()))
    yield node.with_changes(args=[*node.args[:at], fewer, *node.args[at + 1 :]])


def _first_left_out(node: cst.For) -> Iterable[Change]:
    whole = cst.Call(cst.Name("list"), [cst.Arg(node.iter)])
    rest = cst.SubscriptElement(cst.Slice(lower=_ONE, upper=None))
    yield Change(node.iter, cst.Subscript(whole, [rest]))


def _arguments_swapped(node: cst.Call) -> Iterable[cst.CSTNode]:
    """Two neighbouring positional arguments change places."""
    args = list(node.args)
    for first, second in zip(range(len(args)), range(1, len(args)), strict=False):
        pair = args[first], args[second]
        if any(arg.keyword or arg.star for arg in pair):
            break
        changed = list(args)
        changed[first] = pair[0].with_changes(value=pair[1].value)
        changed[second] = pair[1].with_changes(value=pair[0].value)
        yield node.with_changes(args=changed)


def _results_swapped(node: cst.Return) -> Iterable[Change]:
    if not isinstance(node.value, cst.Tuple):
        return
    elements = list(node.value.elements)
    for first, second in zip(range(len(elements)), range(1, len(elements)), strict=False):
        changed = list(elements)
        changed[first] = elements[first].with_changes(value=elements[second].value)
        changed[second] = elements[second].with_changes(value=elements[first].value)
        yield Change(node.value, node.value.with_changes(elements=changed))


_AUGMENTED: dict[type[cst.BaseBinaryOp], Callable[[], cst.BaseAugOp]] = {
    cst.Add: cst.AddAssign,
    cst.Subtract: cst.SubtractAssign,
    cst.Multiply: cst.MultiplyAssign,
}


def _in_place(node: cst.Assign) -> Iterable[cst.CSTNode]:
    """``x = x - y`` becomes ``x -= y``: an array or tensor that somebody else holds changes too."""
    if len(node.targets) != 1 or not isinstance(node.value, cst.BinaryOperation):
        return
    target, sums = node.targets[0].target, node.value
    operator = _AUGMENTED.get(type(sums.operator))
    if operator is not None and target.deep_equals(sums.left) and isinstance(target, cst.BaseAssignTargetExpression):
        yield cst.AugAssign(target, operator(), sums.right)


def _not_in_place(node: cst.AugAssign) -> Iterable[cst.CSTNode]:
    """``w -= rate * w.grad`` becomes ``w = w - rate * w.grad``: a new tensor, cut off from what held the old one."""
    operator = {cst.AddAssign: cst.Add, cst.SubtractAssign: cst.Subtract}.get(type(node.operator))
    if operator is not None and any(isinstance(p, cst.Name) and "grad" in p.value for p in _below(node.value)):
        product = isinstance(node.value, cst.BinaryOperation) and isinstance(node.value.operator, cst.Multiply)
        value = cst.BinaryOperation(node.target, operator(), node.value if product else parenthesised(node.value))
        yield cst.Assign([cst.AssignTarget(node.target)], value)


def _negative_result(node: cst.Assign | cst.AnnAssign | cst.AugAssign | cst.Return) -> Iterable[Change]:
    for value in numeric_results(node):
        yield Change(value, cst.UnaryOperation(cst.Minus(), parenthesised(value)))


def _twice_the_result(node: cst.Assign | cst.AnnAssign | cst.AugAssign | cst.Return) -> Iterable[Change]:
    for value in numeric_results(node):
        yield Change(value, cst.BinaryOperation(cst.Integer("2"), cst.Multiply(), parenthesised(value)))


_GIVING = (cst.Assign, cst.AnnAssign, cst.AugAssign, cst.Return)

OPERATORS: tuple[Operator, ...] = (
    *(Operator("statement dropped", kind, _statement_dropped) for kind in (cst.Expr, cst.Assign, cst.AugAssign)),
    *(Operator("sign", kind, _negative_result) for kind in _GIVING),
    *(Operator("factor", kind, _twice_the_result) for kind in _GIVING),
    Operator("condition", cst.If, _condition),
    Operator("early return dropped", cst.If, _early_return_dropped),
    Operator("filter dropped", cst.CompIf, _filter_dropped),
    Operator("half of a condition", cst.BooleanOperation, _half_of_a_condition),
    Operator("slice off by one", cst.Slice, _slice),
    Operator("range off by one", cst.Call, _range),
    Operator("draw off by one", cst.Call, _draw),
    Operator("first item left out", cst.For, _first_left_out),
    Operator("arguments swapped", cst.Call, _arguments_swapped),
    Operator("results swapped", cst.Return, _results_swapped),
    Operator("in place", cst.Assign, _in_place),
    Operator("not in place", cst.AugAssign, _not_in_place),
)
