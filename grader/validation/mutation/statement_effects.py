"""What a statement reads and what it changes, as far as its text shows: whether two of them can change places unnoticed.

A path such as ``self.weight`` or ``history['loss']`` stands for what it holds and for all below it. What a training changes by a call
on something else has names of its own: weights, gradients, a rate, the seed of random numbers.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

#: What calls of these names read and change besides what their arguments show.
_HIDDEN: dict[str, tuple[frozenset[str], frozenset[str]]] = {
    name: (frozenset(reads), frozenset(writes))
    for name, reads, writes in (
        ("zero_grad", (), ("(gradients)",)),
        ("backward", ("(gradients)",), ("(gradients)",)),
        ("clip_grad_norm_", ("(gradients)",), ("(gradients)",)),
        ("clip_grad_value_", ("(gradients)",), ("(gradients)",)),
        ("step", ("(gradients)", "(weights)", "(rate)"), ("(weights)", "(rate)")),
        ("load_state_dict", (), ("(weights)",)),
        ("train", (), ()),
        ("eval", (), ()),
        ("manual_seed", (), ("(seed)",)),
        ("seed", (), ("(seed)",)),
    )
}
#: Methods that change what they are called on.
_CHANGES = frozenset(
    {"append", "extend", "insert", "add", "update", "pop", "setdefault", "remove", "clear", "sort", "fill", "reverse"}
)
#: What looks at values alone: no model, no optimiser, no random number.
_PURE = frozenset(
    {
        "item",
        "len",
        "float",
        "int",
        "range",
        "enumerate",
        "zip",
        "max",
        "min",
        "sum",
        "abs",
        "list",
        "dict",
        "tuple",
        "str",
    }
    | {
        "isinstance",
        "mean",
        "size",
        "detach",
        "clone",
        "copy",
        "argmax",
        "exp",
        "log",
        "reshape",
        "view",
        "zeros",
        "ones",
    }
    | {"zeros_like", "ones_like", "stack", "cat", "pow", "requires_grad_", "items", "keys", "values", "get", "round"}
)
_LIBRARIES = frozenset({"torch", "np", "numpy", "F", "nn", "math", "copy"})


@dataclass(frozen=True, slots=True)
class Effects:
    """Paths that a statement reads and paths that it changes."""

    reads: frozenset[str]
    writes: frozenset[str]

    def conflicts(self, other: Effects) -> bool:
        """Whether the order of the two can matter."""
        return overlap(self.writes, other.reads | other.writes) or overlap(other.writes, self.reads)


def overlap(some: Iterable[str], others: Iterable[str]) -> bool:
    """Whether a path of ``some`` is, holds or lies in one of ``others``."""
    return any(a == b or _within(a, b) or _within(b, a) for a in some for b in others)


def _within(part: str, whole: str) -> bool:
    return part.startswith((f"{whole}.", f"{whole}["))


def effects(*statements: ast.AST) -> Effects:
    """What statements read and change together."""
    reads: set[str] = set()
    writes: set[str] = set()
    for statement in statements:
        methods = {id(part.func) for part in ast.walk(statement) if isinstance(part, ast.Call)}
        longer = (part for part in ast.walk(statement) if isinstance(part, (ast.Attribute, ast.Subscript)))
        inner = {id(part.value) for part in longer if id(part) not in methods}
        for part in ast.walk(statement):
            if isinstance(part, (ast.Name, ast.Attribute, ast.Subscript)):
                if id(part) in inner and path_of(part):
                    continue  # the longer path says it
                if id(part) in methods and isinstance(part, ast.Attribute):
                    continue  # a method sees all of what it is called on
                (reads if isinstance(part.ctx, ast.Load) else writes).update(_root(part))
            elif isinstance(part, ast.AugAssign):
                reads |= _root(part.target)
                writes |= _root(part.target)
            elif isinstance(part, ast.Call):
                _call(part, reads, writes)
            elif isinstance(part, ast.Expr) and isinstance(part.value, ast.Call) and called(part.value) not in _CLEAR:
                # Its result is thrown away, so that it does something to what it is given.
                writes |= set().union(*map(_root, (*part.value.args, _receiver(part.value))))
    return Effects(frozenset(reads), frozenset(writes))


def _call(call: ast.Call, reads: set[str], writes: set[str]) -> None:
    name = called(call)
    if name in _HIDDEN:
        reads |= _HIDDEN[name][0]
        writes |= _HIDDEN[name][1]
    elif name not in _PURE | _CHANGES:
        reads |= {"(seed)"} if _of_library(call.func) else {"(seed)", "(weights)"}
    if isinstance(call.func, ast.Attribute) and not _of_library(call.func):
        if name in ("train", "eval"):
            writes |= _root(call.func.value)
        elif name in _CHANGES or (name.endswith("_") and not name.startswith("_")):
            first = call.args[0] if call.args else None
            key = f"[{first.value!r}]" if name == "pop" and isinstance(first, ast.Constant) else ""
            part = ".requires_grad" if name == "requires_grad_" else key
            writes |= {f"{path}{part}" for path in _root(call.func.value)}
    if name.endswith("_") and not name.startswith("_"):
        writes |= set().union(*map(_root, call.args))


def called(call: ast.Call) -> str:
    """The last part of the name of what is called; empty where it has none."""
    if isinstance(call.func, ast.Attribute):
        return call.func.attr
    return call.func.id if isinstance(call.func, ast.Name) else ""


def _receiver(call: ast.Call) -> ast.expr:
    return (
        call.func.value if isinstance(call.func, ast.Attribute) and not _of_library(call.func) else ast.Constant(None)
    )


def _of_library(node: ast.expr) -> bool:
    while isinstance(node, ast.Attribute):
        node = node.value
    return isinstance(node, ast.Name) and node.id in _LIBRARIES


def path_of(node: ast.AST) -> str | None:
    """``x``, ``self.x`` and ``x['key']`` as text; None for anything else."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        above = path_of(node.value)
        return f"{above}.{node.attr}" if above else None
    if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant):
        above = path_of(node.value)
        return f"{above}[{node.slice.value!r}]" if above else None
    return None


def _root(node: ast.AST) -> set[str]:
    """The path that an expression begins with."""
    while True:
        path = path_of(node)
        if path is not None:
            return set() if path.split(".")[0] in _LIBRARIES else {path}
        if isinstance(node, (ast.Attribute, ast.Subscript)):
            node = node.value
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            node = node.func.value
        elif isinstance(node, (ast.Tuple, ast.List, ast.Starred)):
            return set().union(*map(_root, ast.iter_child_nodes(node)))
        else:
            return set()


_CLEAR = _CHANGES | frozenset(_HIDDEN) | {"requires_grad_"}


def stored(*statements: ast.AST) -> set[str]:
    """The names that statements bind, as ``x = ...`` and ``for x in ...`` do."""
    names = (part for item in statements for part in ast.walk(item) if isinstance(part, ast.Name))
    return {part.id for part in names if isinstance(part.ctx, ast.Store)}


def calls(node: ast.AST) -> Iterator[ast.Call]:
    """The calls in a node."""
    return (part for part in ast.walk(node) if isinstance(part, ast.Call))
