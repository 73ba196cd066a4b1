"""mutmut's operators, as a library: the ones whose mutants a person could have written.

Left out are those whose mutants nearly always raise at once, and so flatter a suite: an argument or an assigned value
turned into None, a lambda that returns None, text in upper case, arms of a ``match``.
"""

from __future__ import annotations

from collections.abc import Iterable

import libcst as cst
from mutmut.mutation import mutators

from grader.validation.mutation.mutation_operator import Operator


def _first_string(node: cst.BaseString) -> Iterable[cst.CSTNode]:
    return list(mutators.operator_string(node))[:1]


def _dropped_keyword(node: cst.Call) -> Iterable[cst.CSTNode]:
    """Calls without one of their arguments: a keyword, or the last of several positional ones."""
    positional = [argument for argument in node.args if argument.keyword is None]
    for changed in mutators.operator_arg_removal(node):
        if not isinstance(changed, cst.Call) or len(changed.args) == len(node.args):
            continue  # an argument that became None
        gone = next(argument for argument in node.args if all(argument is not left for left in changed.args))
        if gone.keyword is not None or (gone is positional[-1] and not gone.star):
            last = changed.args[-1].with_changes(comma=cst.MaybeSentinel.DEFAULT)
            yield changed.with_changes(args=[*changed.args[:-1], last])


OPERATORS: tuple[Operator, ...] = (
    Operator("number", cst.BaseNumber, mutators.operator_number),
    Operator("text", cst.BaseString, _first_string),
    Operator("name", cst.Name, mutators.operator_name),
    Operator("assigned, not added", cst.AugAssign, mutators.operator_augmented_assignment),
    Operator("unary operator dropped", cst.UnaryOperation, mutators.operator_remove_unary_ops),
    Operator("keyword renamed", cst.Call, mutators.operator_dict_arguments),
    Operator("argument dropped", cst.Call, _dropped_keyword),
    Operator("text method", cst.Call, mutators.operator_symmetric_string_methods_swap),
    Operator("text method", cst.Call, mutators.operator_unsymmetrical_string_methods_swap),
    Operator("keyword", cst.CSTNode, mutators.operator_keywords),
    Operator("operator", cst.CSTNode, mutators.operator_swap_op),
    Operator("choice forced", cst.IfExp, mutators.operator_if_exp),
)
