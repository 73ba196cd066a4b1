"""From a solved module to its mutants: every operator at every place of the graded regions, each result once."""

from __future__ import annotations

import ast
import difflib
import hashlib
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import libcst as cst
from libcst.metadata import CodeRange, MetadataWrapper, PositionProvider

from grader.validation.mutation import arithmetic, flow, library, tensor_calls
from grader.validation.mutation.meaning import meaning
from grader.validation.mutation.mutant import Mutant
from grader.validation.mutation.mutation_operator import Change, Operator
from grader.validation.mutation.statement_order import rewritings

#: What no check can see, or what is only said to somebody.
_UNSEEN = (cst.Annotation, cst.Import, cst.ImportFrom, cst.Decorator, cst.FormattedString, cst.Raise, cst.Global)


@dataclass(frozen=True, slots=True)
class _Place:
    node: cst.CSTNode
    function: str
    at: CodeRange


class _Text:
    """A source with the offsets of its lines."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.lines = source.split("\n")
        self.starts = list(itertools.accumulate((len(line) + 1 for line in self.lines), initial=0))
        self.meaning = meaning(source)
        self.chunks = [
            (min([item.lineno, *(d.lineno for d in getattr(item, "decorator_list", ()))]), item.end_lineno or 1)
            for item in ast.parse(source).body
        ]

    def offset(self, line: int, column: int) -> int:
        return self.starts[line - 1] + column

    def changed(self, at: CodeRange, text: str) -> tuple[str, tuple[str, ...]] | None:
        """The source with ``text`` there, and its meaning; None where it does not compile."""
        begin, end = self.offset(at.start.line, at.start.column), self.offset(at.end.line, at.end.column)
        number = next(n for n, (first, last) in enumerate(self.chunks) if first <= at.start.line <= last)
        first, last = self.chunks[number]
        # Only the top-level statement that it stands in is read again; a module has many, and mutants are many more.
        chunk = self.source[self.starts[first - 1] : begin] + text + self.source[end : self.starts[last] - 1]
        try:
            found = meaning(chunk + "\n")
        except (SyntaxError, ValueError):
            return None
        return self.source[:begin] + text + self.source[end:], (
            *self.meaning[:number], *found, *self.meaning[number + 1 :],
        )  # fmt: skip


def make_mutants(source: str, file: str, regions: Sequence[tuple[int, int]]) -> tuple[Mutant, ...]:
    """The mutants of a module, in the order of their places.

    Args:
        source: text of the module.
        file: its name.
        regions: first and last line of each part that may be mutated, counted from 1.

    What does not compile, what means the same as the source, and what means the same as an earlier mutant is left out.
    """
    wrapper = MetadataWrapper(cst.parse_module(source), unsafe_skip_copy=True)
    positions = wrapper.resolve(PositionProvider)
    text, module = _Text(source), wrapper.module
    operators = _operators(uses_torch=any(name in source for name in ("import torch", "from torch")))
    seen = {text.meaning}
    found: list[Mutant] = []
    taken: dict[str, int] = {}
    for place in _places(module, regions, positions):  # type: ignore[arg-type]
        for operator in operators:
            if not isinstance(place.node, operator.node):
                continue
            for variation in operator.variations(place.node):
                old, new = (variation.old, variation.new) if isinstance(variation, Change) else (place.node, variation)
                at = positions[old]
                assert isinstance(at, CodeRange)
                changed = text.changed(at, module.code_for_node(_bare(old, new)))
                if changed is None or changed[1] in seen:
                    continue
                seen.add(changed[1])
                found.append(_mutant(text, file, place.function, operator.name, at, changed, taken))
    for slip in rewritings(source, regions):
        at = CodeRange((slip.first, 0), (slip.last, len(text.lines[slip.last - 1])))
        changed = text.changed(at, slip.text)
        if changed is not None and changed[1] not in seen:
            seen.add(changed[1])
            found.append(_mutant(text, file, slip.function, slip.operator, at, changed, taken))
    return tuple(found)


def _operators(*, uses_torch: bool) -> tuple[Operator, ...]:
    # Our own first: of two operators that make the same mutant, theirs have the better names.
    own = (*tensor_calls.OPERATORS, *arithmetic.OPERATORS, *flow.OPERATORS)
    return (*own, *library.OPERATORS, *(tensor_calls.TORCH_OPERATORS if uses_torch else ()))


def _bare(old: cst.CSTNode, new: cst.CSTNode) -> cst.CSTNode:
    """``new`` without the parentheses that ``old`` has and that stay where they are."""
    if getattr(old, "lpar", ()) and getattr(new, "lpar", ()):
        return new.with_changes(lpar=new.lpar[: -len(old.lpar)], rpar=new.rpar[: -len(old.rpar)])  # type: ignore[attr-defined]
    return new


def _places(
    module: cst.Module, regions: Sequence[tuple[int, int]], positions: dict[cst.CSTNode, CodeRange]
) -> Iterator[_Place]:
    def walk(node: cst.CSTNode, owner: str, *, inside: bool = False) -> Iterator[_Place]:
        if isinstance(node, _UNSEEN) or _prints(node):
            return
        if isinstance(node, cst.Assert):
            yield from walk(node.test, owner, inside=inside)
            return
        if isinstance(node, (cst.FunctionDef, cst.ClassDef)):
            # What is defined in a function is a part of it.
            inner = owner if inside else f"{owner}.{node.name.value}".lstrip(".")
            yield from walk(node.body, inner, inside=inside or isinstance(node, cst.FunctionDef))
            return
        if isinstance(node, cst.SimpleStatementLine) and _is_text(node.body[0]):
            return
        at = positions.get(node)
        if at is not None and any(first <= at.start.line and at.end.line <= last for first, last in regions):
            yield _Place(node, owner, at)
        for child in node.children:
            yield from walk(child, owner, inside=inside)

    yield from walk(module, "")


def _prints(node: cst.CSTNode) -> bool:
    return isinstance(node, cst.Call) and isinstance(node.func, cst.Name) and node.func.value == "print"


def _is_text(node: cst.CSTNode) -> bool:
    return isinstance(node, cst.Expr) and isinstance(node.value, (cst.SimpleString, cst.ConcatenatedString))


def _mutant(
    text: _Text,
    file: str,
    function: str,
    operator: str,
    at: CodeRange,
    changed: tuple[str, tuple[str, ...]],
    taken: dict[str, int],
) -> Mutant:
    source, means = changed
    diff = list(difflib.unified_diff(text.lines, source.split("\n"), file, file, lineterm="", n=1))
    context = "\n".join([file, function, operator, *(line.strip() for line in diff[3:])])
    # Two like statements in one function: the first, the second, ...
    number = taken[context] = taken.get(context, 0) + 1
    digest = hashlib.sha256(f"{context}\n{number}".encode()).hexdigest()[:10]
    return Mutant(digest, file, function, at.start.line, operator, "\n".join(diff), source, means)
