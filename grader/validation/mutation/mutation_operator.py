"""What a mutation operator is: a name, the kind of node it looks at, and the changes that it makes there.

The interface is that of mutmut's operators, which are used beside our own: a function from a node of libcst's tree to
the nodes that could stand in its place. An operator that changes only a part of a node, the condition of an ``if``
say, yields a :class:`Change` instead.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import libcst as cst


@dataclass(frozen=True, slots=True)
class Change:
    """Put ``new`` in place of ``old``, a node below the one that the operator was given."""

    old: cst.CSTNode
    new: cst.CSTNode


@dataclass(frozen=True, slots=True)
class Operator:
    """One way to go wrong. ``name`` is what the author reads."""

    name: str
    node: Any  #: a class of nodes, which may be abstract
    variations: Callable[[Any], Iterable[cst.CSTNode | Change]]


def called(node: cst.BaseExpression) -> str:
    """The last name of what is called: ``sum`` of ``np.sum``, ``x.sum`` and ``sum``; empty where there is none."""
    if isinstance(node, cst.Attribute):
        return node.attr.value
    return node.value if isinstance(node, cst.Name) else ""


def root(node: cst.BaseExpression) -> str:
    """The first name of a dotted name: ``torch`` of ``torch.nn.functional``; empty for anything else."""
    while isinstance(node, cst.Attribute):
        node = node.value
    return node.value if isinstance(node, cst.Name) else ""


def parenthesised(node: cst.BaseExpression) -> cst.BaseExpression:
    """``node`` in parentheses, unless it has them or needs none."""
    if node.lpar or isinstance(node, (cst.Name, cst.Call, cst.Attribute, cst.Subscript, cst.BaseNumber)):
        return node
    return node.with_changes(lpar=[cst.LeftParen()], rpar=[cst.RightParen()])


def renamed(node: cst.BaseExpression, name: str) -> cst.BaseExpression:
    """A name, or an attribute of something, under another name."""
    if isinstance(node, cst.Attribute):
        return node.with_changes(attr=cst.Name(name))
    return cst.Name(name)
