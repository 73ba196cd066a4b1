"""Constants of each student's own: sizes, seeds or thresholds that follow from who hands in, by HMAC.

A constant is drawn for an owner, a student or a team. Whoever has not the course's secret cannot work out another's, and
whoever has it can work out all of them at any time: nothing is stored but in the reports on what was graded.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, NamedTuple

from grader.course.constants import draw_index, same
from grader.errors import AuthoringError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from grader.course.constants import ConstantConfig
    from grader.course.course import Assignment
    from grader.course.sections import Scalar

#: Draws under which a solution is measured, where the choices do not ask for more or fewer.
_FEWEST, _MOST = 3, 8


def constants_of(
    assignment: Assignment, secret: bytes, owner: str, received_at: datetime | None = None
) -> dict[str, Scalar]:
    """The constants of ``owner`` by name; the defaults for what was received before there were any.

    They depend on the assignment's name, the owner's id and each constant's name and values: one more constant changes no
    other, and one more choice draws that constant anew for everybody.
    """
    since = assignment.constants_since
    if since is not None and received_at is not None and received_at < since:
        return defaults_of(assignment)
    return {
        name: constant.given[owner]
        if owner in constant.given
        else constant.value(draw_index(secret, assignment.name, owner, name, constant.count))
        for name, constant in assignment.constants.items()
    }


def defaults_of(assignment: Assignment) -> dict[str, Scalar]:
    """The constants of the solution, and of an upload that is nobody's."""
    return {name: constant.default for name, constant in assignment.constants.items()}


def trial_draws(assignment: Assignment) -> Iterator[dict[str, Scalar]]:
    """Draws under which a solution is measured besides the defaults: each choice once where there are few, and both ends of a range.

    A range is covered by both ends and by whole numbers between them that are the same each time.
    """
    constants = assignment.constants
    if not constants:
        return
    most = max(constant.count for constant in constants.values())
    turns = min(max(most, _FEWEST), _MOST)
    seen: list[dict[str, Scalar]] = []
    for turn in range(turns):
        draw = {name: constant.value(_trial(name, constant, turn)) for name, constant in constants.items()}
        if draw not in seen:
            seen.append(draw)
            yield draw


def _trial(name: str, constant: ConstantConfig, turn: int) -> int:
    if constant.count <= _MOST:
        return turn % constant.count
    if turn < 2:
        return (0, constant.count - 1)[turn]
    return draw_index(b"validate", "", str(turn), name, constant.count)


class DescribedConstant(NamedTuple):
    """A constant as its student is told of it: ``written`` is the line of the module ``file``; both empty where none has it."""

    name: str
    value: Scalar
    about: str
    file: str
    written: str


def described(assignment: Assignment, values: Mapping[str, Scalar]) -> list[DescribedConstant]:
    """What a student should know of ``values``, in the order of autograde.yml; names that it no longer has come last."""
    found = []
    for name, constant in assignment.constants.items():
        if name in values:
            written = f"{constant.variable or name.upper()} = {values[name]!r}" if constant.file else ""
            found.append(DescribedConstant(name, values[name], constant.about or "", constant.file or "", written))
    left = [name for name in values if name not in assignment.constants]
    return [*found, *(DescribedConstant(name, values[name], "", "", "") for name in left)]


def with_constants(
    assignment: Assignment, files: Mapping[str, bytes], values: Mapping[str, Scalar]
) -> dict[str, bytes]:
    """The files of a solution with other constants in them than the defaults.

    Raises:
        AuthoringError: a module does not set a variable once, at its top level, to the default.
    """
    found = dict(files)
    for name, constant in assignment.constants.items():
        if constant.file is None or name not in values:
            continue
        variable = constant.variable or name.upper()
        where = assignment.solution_folder / constant.file
        text = found[constant.file].decode("utf-8")
        spans = [
            (node.value, ast.get_source_segment(text, node.value))
            for node in ast.parse(text).body
            if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None and _binds(node, variable)
        ]
        if len(spans) != 1 or not same(_literal(spans[0][0]), constant.default):
            raise AuthoringError(
                f"the module should set `{variable}` once, at its top level, to {constant.default!r}, the default of the "
                f"constant {name!r}",
                where=where,
                fix=f"write `{variable} = {constant.default!r}`, or correct `assignments.{assignment.name}.constants.{name}`",
            )
        found[constant.file] = _replaced(text, spans[0][0], repr(values[name])).encode()
    return found


def _binds(node: ast.Assign | ast.AnnAssign, variable: str) -> bool:
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    return any(isinstance(target, ast.Name) and target.id == variable for target in targets)


def _literal(node: ast.expr) -> Scalar:
    try:
        value = ast.literal_eval(node)
    except ValueError:
        return ""
    return value if isinstance(value, bool | int | float | str) else ""


def _replaced(text: str, node: ast.expr, value: str) -> str:
    """``text`` with ``value`` in place of an expression; columns are bytes of UTF-8."""
    assert node.end_lineno is not None
    assert node.end_col_offset is not None
    lines = text.encode().splitlines(keepends=True)
    first, last = node.lineno - 1, node.end_lineno - 1
    before, after = lines[first][: node.col_offset], lines[last][node.end_col_offset :]
    lines[first : last + 1] = [before + value.encode() + after]
    return b"".join(lines).decode()
