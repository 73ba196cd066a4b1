"""The exceptions of the package: the drawing in grader/errors.py is the tree that there is."""

from __future__ import annotations

import ast
import builtins
import re
from pathlib import Path

from grader import errors
from grader.errors import AutogradeError, CourseError
from grader.sandbox.faults import StudentFault

PACKAGE = Path(errors.__file__).parent
#: A line of the drawing: its branch, the class, and the module where it is not errors.py.
LINE = re.compile(r"^    (?P<branch>[| +-]*)(?P<name>\w+) {2,}(?:(?P<module>[a-z_]+(?:\.[a-z_]+)+): )?")


def drawn():
    """The drawing: by class, its parent in the drawing and its module."""
    found, parents = {}, {}
    for line in errors.__doc__.splitlines():
        if match := LINE.match(line):
            depth = len(match["branch"]) // 4
            parents[depth] = match["name"]
            found[match["name"]] = (parents.get(depth - 1) if depth else None, match["module"] or "errors")
    return found


def defined():
    """The classes of the package, read without importing it: by exception, its parent in the package and its module."""
    bases, modules = {}, {}
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef):
                bases[node.name] = [ast.unparse(base).rpartition(".")[2] for base in node.bases]
                modules[node.name] = ".".join(path.relative_to(PACKAGE).with_suffix("").parts)

    def raisable(name):
        kind = getattr(builtins, name, None)
        builtin = isinstance(kind, type) and issubclass(kind, BaseException)
        return builtin or any(raisable(base) for base in bases.get(name, []))

    return {
        name: (next((base for base in bases[name] if base in bases and raisable(base)), None), modules[name])
        for name in bases
        if raisable(name)
    }


def test_the_drawing_is_the_tree():
    """Every exception class of the package stands in the drawing, below its parent, with its module; nothing else does."""
    assert drawn() == defined()


def test_a_students_fault_is_no_error_of_the_command():
    """Neither is a kind of the other: what catches one lets the other through."""
    assert not issubclass(StudentFault, AutogradeError)
    assert not issubclass(AutogradeError, StudentFault)


def test_an_error_says_what_where_and_the_fix():
    """As text for people and as data for programs."""
    error = CourseError("unknown key", where="autograde.yml:3", fix="did you mean `due`?")
    assert str(error) == "autograde.yml:3: unknown key\n  fix: did you mean `due`?"
    assert error.as_dict() == {
        "error": "CourseError", "what": "unknown key", "where": "autograde.yml:3", "fix": "did you mean `due`?",
    }  # fmt: skip
