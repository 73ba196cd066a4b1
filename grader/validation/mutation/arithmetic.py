"""Slips in a formula: sign, factor, term, epsilon, order of operands, off by one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import libcst as cst

from grader.validation.mutation.mutation_operator import Operator, called, parenthesised

_FACTORS = (cst.Multiply, cst.Divide, cst.Power, cst.FloorDivide, cst.Modulo)
_ORDERED = (cst.Subtract, cst.Divide, cst.MatrixMultiply)
_EPSILON = 1e-3
_REVERSED: dict[type[cst.BaseCompOp], type[cst.BaseCompOp]] = {
    cst.LessThan: cst.GreaterThan,
    cst.GreaterThan: cst.LessThan,
    cst.LessThanEqual: cst.GreaterThanEqual,
    cst.GreaterThanEqual: cst.LessThanEqual,
}


def _operand_dropped(node: cst.BinaryOperation) -> Iterable[cst.CSTNode]:
    """``a * b`` becomes ``a`` and ``b``; a bias, a factor, a regulariser is forgotten."""
    # An operand needs no parentheses but its own: it binds tighter than what it stood in.
    if isinstance(node.operator, (cst.Add, cst.Subtract, *_FACTORS)):
        yield node.left
    if isinstance(node.operator, (cst.Add, cst.Multiply)):
        yield node.right
    if isinstance(node.operator, cst.Subtract):
        yield cst.UnaryOperation(cst.Minus(), parenthesised(node.right), [cst.LeftParen()], [cst.RightParen()])


def _operands_swapped(node: cst.BinaryOperation) -> Iterable[cst.CSTNode]:
    if isinstance(node.operator, _ORDERED):
        yield node.with_changes(left=parenthesised(node.right), right=parenthesised(node.left))


def _product_by_entry(node: cst.BinaryOperation) -> Iterable[cst.CSTNode]:
    if isinstance(node.operator, cst.MatrixMultiply):
        yield node.with_changes(operator=cst.Multiply())


def numeric_results(node: cst.Assign | cst.AnnAssign | cst.AugAssign | cst.Return) -> Iterator[cst.BaseExpression]:
    """The values that a statement stores or returns and that are numbers or tensors by their form."""
    value = node.value
    values = [element.value for element in value.elements] if isinstance(value, cst.Tuple) else [value]
    for item in values:
        if isinstance(item, (cst.BinaryOperation, cst.UnaryOperation)) or (
            isinstance(item, cst.Call) and called(item.func) in _NUMERIC
        ):
            yield item


_NUMERIC = frozenset(
    {"sum", "mean", "exp", "log", "sqrt", "square", "pow", "matmul", "einsum", "dot", "where", "clamp", "clip"}
    | {"maximum", "minimum", "cross_entropy", "mse_loss", "softmax", "log_softmax", "tanh", "sigmoid", "relu"}
)


def _number_less(node: cst.Integer) -> Iterable[cst.CSTNode]:
    if node.evaluated_value >= 1:
        yield cst.Integer(str(node.evaluated_value - 1))


def _epsilon(node: cst.Float) -> Iterable[cst.CSTNode]:
    """A small number is forgotten, or is a thousand times as large."""
    if 0 < node.evaluated_value <= _EPSILON:
        yield cst.Float("0.0")
        yield cst.Float(repr(float(f"{node.evaluated_value * 1000:.6g}")))  # 1e-3 becomes 1.0, not 1


def _reversed(node: cst.ComparisonTarget) -> Iterable[cst.CSTNode]:
    other = _REVERSED.get(type(node.operator))
    if other is not None:
        yield node.with_changes(operator=other())


OPERATORS: tuple[Operator, ...] = (
    Operator("operand dropped", cst.BinaryOperation, _operand_dropped),
    Operator("operands swapped", cst.BinaryOperation, _operands_swapped),
    Operator("product entry by entry", cst.BinaryOperation, _product_by_entry),
    Operator("number less one", cst.Integer, _number_less),
    Operator("epsilon", cst.Float, _epsilon),
    Operator("comparison reversed", cst.ComparisonTarget, _reversed),
)
