"""Examples with the output that they must show, as assertions: doctests, and cells of tests with what running them showed."""

from __future__ import annotations

import ast
import doctest
import re
from collections.abc import Sequence

_RAISED = re.compile(r"Traceback .*?^(?P<error>\w+)(?::.*)?$", re.DOTALL | re.MULTILINE)


def assertions(cases: Sequence[tuple[str, str | None]]) -> tuple[str, list[str]]:
    """Source that asserts what the cases show, and what of them could not be carried, in words.

    Args:
        cases: for each its source, and what its last expression shows; None where the source is a doctest.
    """
    lines: list[str] = []
    left: list[str] = []
    for source, shown in cases:
        if shown is None or ">>>" in source:
            for example in _examples(source, left):
                lines += _example(example.source, example.want.strip(), left)
        else:
            lines += _example(source, shown.strip(), left)
    return "\n".join(lines), left


def _examples(source: str, left: list[str]) -> list[doctest.Example]:
    try:
        found = doctest.DocTestParser().get_examples(source)
    except ValueError as error:
        left.append(f"a doctest that cannot be read ({error})")
        return []
    if any(example.options for example in found):
        left.append("an option of a doctest, such as ELLIPSIS")
    return found


def _example(source: str, want: str, left: list[str]) -> list[str]:
    """The statements of one example; the last one, where it is an expression, must show ``want``."""
    try:
        tree = ast.parse(source)
    except SyntaxError as error:
        left.append(f"a test that is not Python ({error.msg})")
        return []
    if not tree.body or not want:
        return source.strip("\n").splitlines()
    if (raised := _RAISED.match(want)) is not None:
        return [f"with pytest.raises({raised['error']}):", *[f"    {line}" for line in source.strip("\n").splitlines()]]
    last = tree.body[-1]
    if not isinstance(last, ast.Expr):
        left.append(f"a statement that must show {want!r}")
        return source.strip("\n").splitlines()
    before = source.splitlines()[: last.lineno - 1]
    return [*before, _shows(last.value, want)]


def _shows(value: ast.expr, want: str) -> str:
    """An assertion that an expression shows ``want``, by value where it is the text of one."""
    if (
        isinstance(value, ast.Call)
        and isinstance(value.func, ast.Name)
        and value.func.id == "print"
        and not value.keywords
    ):
        shown = [f"str({ast.unparse(argument)})" for argument in value.args]
        joined = " + ' ' + ".join(shown) or "''"
        return f"assert {joined} == {want!r}"
    text = ast.unparse(value)
    try:
        expected = ast.literal_eval(want)
    except (ValueError, SyntaxError):
        return f"assert repr({text}) == {want!r}"
    if isinstance(expected, bool):
        return f"assert {'' if expected else 'not '}({text})"
    return f"assert ({text}) == {want}"
