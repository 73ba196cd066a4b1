"""Reading a hidden suite without running it: its checks, their titles, points and limits."""

from __future__ import annotations

import ast
import difflib
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

from grader.errors import AuthoringError
from grader.python_source import parse

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

Visibility = Literal["visible", "after_due", "hidden"]
_KEYWORDS = ("hint", "visibility", "timeout")


@dataclass(frozen=True, slots=True)
class CheckInfo:
    """One check as its author declared it. ``line`` is that of its ``def``; ``timeout`` is in seconds."""

    id: str
    title: str
    points: float
    hint: str
    visibility: Visibility
    timeout: float | None
    file: Path
    line: int


class _Problem(Exception):
    def __init__(self, what: str, node: ast.AST, fix: str) -> None:
        super().__init__(what)
        self.what, self.line, self.fix = what, getattr(node, "lineno", 1), fix


def read_suite(folder: Path) -> tuple[CheckInfo, ...]:
    """The checks of the ``test_*.py`` under ``folder``, file by file in the order of their names, top to bottom.

    Raises AuthoringError for the first problem, with the others listed: no suite, a syntax error, an id used
    twice, a missing docstring, missing points or points that are not written out as a number.
    """
    files = sorted(folder.rglob("test_*.py"), key=lambda path: path.relative_to(folder).as_posix())
    if not files:
        raise AuthoringError("there is no hidden suite", where=folder, fix="write a test_*.py there")
    checks: dict[str, CheckInfo] = {}
    problems: list[tuple[str, _Problem]] = []
    for file in files:
        for node in _tests(_parse(file)):
            try:
                check = _check(node, file)
                if check.id in checks:
                    first = checks[check.id]
                    what = f"`{check.id}` is defined twice (first at {first.file.name}:{first.line})"
                    raise _Problem(what, node, "give every check of the suite a different name")  # noqa: TRY301
                checks[check.id] = check
            except _Problem as problem:
                problems.append((str(file), problem))
    if problems:
        (file_name, first_problem), *rest = problems
        what = first_problem.what
        if rest:
            lines = [f"  {name}:{problem.line}: {problem.what} ({problem.fix})" for name, problem in rest]
            what += f"\nand {len(rest)} more:\n" + "\n".join(lines)
        raise AuthoringError(what, where=f"{file_name}:{first_problem.line}", fix=first_problem.fix)
    if not checks:
        raise AuthoringError("the hidden suite has no check", where=folder, fix="write functions named test_*")
    return tuple(checks.values())


def _parse(file: Path) -> ast.Module:
    try:
        return parse(file.read_bytes(), str(file))
    except SyntaxError as error:
        where = f"{file}:{error.lineno or 1}"
        raise AuthoringError(f"not valid Python: {error.msg}", where=where, fix="correct the syntax") from error


def _tests(tree: ast.Module) -> Iterator[ast.FunctionDef]:
    for node in tree.body:
        members = node.body if isinstance(node, ast.ClassDef) and node.name.startswith("Test") else [node]
        for member in members:
            if isinstance(member, ast.FunctionDef) and member.name.startswith("test"):
                yield member


def _check(node: ast.FunctionDef, file: Path) -> CheckInfo:
    title = (ast.get_docstring(node) or "").partition("\n")[0].strip()
    if not title:
        fix = "its first line is the title that students read"
        raise _Problem(f"`{node.name}` has no docstring", node, fix)
    call = next((item for item in node.decorator_list if _decorator_name(item) == "points"), None)
    if call is None:
        raise _Problem(f"`{node.name}` has no points", node, "put `@points(4)` above it")
    values = _arguments(node.name, call)
    return CheckInfo(node.name, title, file=file, line=node.lineno, **values)


def _decorator_name(node: ast.expr) -> str:
    target = node.func if isinstance(node, ast.Call) else node
    return target.attr if isinstance(target, ast.Attribute) else target.id if isinstance(target, ast.Name) else ""


def _arguments(test: str, call: ast.expr) -> dict[str, Any]:
    if not isinstance(call, ast.Call) or len(call.args) != 1:
        raise _Problem(f"`{test}`: points takes one number", call, "write it like @points(4, hint=...)")
    points = _literal(test, "points", call.args[0])
    if not _is_number(points) or points < 0:
        raise _Problem(f"`{test}`: points must be a number, 0 or more", call, "write it like @points(4)")
    values: dict[str, Any] = {"points": float(points), "hint": "", "visibility": "visible", "timeout": None}
    for keyword in call.keywords:
        if keyword.arg not in _KEYWORDS:
            near = difflib.get_close_matches(keyword.arg or "", _KEYWORDS, n=1)
            fix = f"did you mean `{near[0]}`?" if near else f"use {', '.join(_KEYWORDS)}"
            raise _Problem(f"`{test}`: points takes no `{keyword.arg or '**'}`", call, fix)
        values[keyword.arg] = _literal(test, keyword.arg, keyword.value)
    if not isinstance(values["hint"], str):
        raise _Problem(f"`{test}`: the hint must be text", call, "put it in quotes")
    if values["visibility"] not in get_args(Visibility):
        raise _Problem(f"`{test}`: unknown visibility", call, f"use one of {', '.join(get_args(Visibility))}")
    if values["timeout"] is not None:
        if not _is_number(values["timeout"]) or values["timeout"] <= 0:
            raise _Problem(f"`{test}`: the timeout must be a number of seconds", call, "write it like timeout=10")
        values["timeout"] = float(values["timeout"])
    return values


def _literal(test: str, name: str, node: ast.expr) -> Any:
    try:
        return ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError):
        fix = "write the value itself there: release and reports read it without running the suite"
        raise _Problem(f"`{test}`: {name} is not written out", node, fix) from None


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
