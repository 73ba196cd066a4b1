"""How many of a suite's points each file of an assignment is worth, read from the sources without running them."""

from __future__ import annotations

import ast
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from grader.python_source import parse

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from grader.course.suite import CheckInfo


def file_points(checks: Iterable[CheckInfo], solution: Mapping[str, bytes]) -> dict[str, float]:
    """The points of the checks by the file of the submission that each looks at.

    A check looks at the file that defines the names which it asks the submission for: ``student.relu``, or "relu" as text,
    in the check or in the fixtures, helpers and constants of its file that it uses. A check that asks for names of several
    files, or of none, counts to the file that most points of its own test file count to.

    Args:
        checks: the checks of the hidden suite.
        solution: the solved modules by file name.

    Returns:
        Points by file name, in the order of ``solution``; a file that no check looks at is left out.

    """
    owners = _owners(solution)
    checks = tuple(checks)
    definitions = {file: _definitions(file) for file in {check.file for check in checks}}
    clear: dict[Path, Counter[str]] = {}
    unclear: list[CheckInfo] = []
    for check in checks:
        files = _asked(check.id, definitions[check.file], owners)
        if len(files) == 1:
            clear.setdefault(check.file, Counter())[files.pop()] += check.points  # type: ignore[assignment]
        else:
            unclear.append(check)
    found: Counter[str] = Counter()
    for counts in clear.values():
        found.update(counts)
    everything = found.copy()
    for check in unclear:
        votes = clear.get(check.file) or everything
        if votes:
            found[votes.most_common(1)[0][0]] += check.points  # type: ignore[assignment]
    return {name: float(found[name]) for name in solution if found[name]}


def _owners(solution: Mapping[str, bytes]) -> dict[str, str]:
    """The file that defines each public function and class."""
    owners: dict[str, str] = {}
    for name, source in solution.items():
        for node in parse(source, name).body:
            if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
                owners.setdefault(node.name, name)
    return owners


def _asked(check: str, definitions: Mapping[str, ast.stmt], owners: Mapping[str, str]) -> set[str]:
    """The files whose names a check asks the submission for, itself or through what it uses of its own file."""
    waiting = [check]
    seen: set[str] = set()
    files: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name in seen or name not in definitions:
            continue
        seen.add(name)
        for node in ast.walk(definitions[name]):
            asked = _asked_name(node)
            if asked in owners:
                files.add(owners[asked])
            if isinstance(node, ast.Name):
                waiting.append(node.id)
            elif isinstance(node, ast.arg):
                waiting.append(node.arg)
    return files


def _asked_name(node: ast.AST) -> str:
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "student":
        return node.attr
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def _definitions(file: Path) -> dict[str, ast.stmt]:
    """What a test file defines, by name: functions, methods of test classes, and constants."""
    found: dict[str, ast.stmt] = {}
    for node in parse(file.read_bytes(), str(file)).body:
        members = node.body if isinstance(node, ast.ClassDef) else [node]
        for member in members:
            if isinstance(member, ast.FunctionDef):
                found[member.name] = member
            elif isinstance(member, ast.Assign):
                found |= {target.id: member for target in member.targets if isinstance(target, ast.Name)}
    return found
