"""Static rules: modules, names and constructs that an assignment forbids, found by reading the source, not running it."""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from grader.course.models import ForbidRule
from grader.errors import UNREADABLE
from grader.python_source import imports_of, module_imports, parse

#: Ways to a module, or to any name, that reading the source cannot follow. Where something is forbidden, so are they.
_WAYS_AROUND = frozenset(
    {
        "__builtins__",
        "__import__",
        "builtins",
        "ctypes",
        "eval",
        "exec",
        "gc.get_objects",
        "gc.get_referrers",
        "gc.get_referents",
        "imp",
        "importlib",
        "inspect.currentframe",
        "inspect.stack",
        "pkgutil",
        "pydoc",
        "runpy",
        "sys.modules",
    }
)
#: What code written for Python 2 and 3 alike takes from `builtins`, as published course code does; it leads nowhere.
_PLAIN_BUILTINS = frozenset(
    {
        "bytes",
        "chr",
        "dict",
        "filter",
        "int",
        "list",
        "map",
        "object",
        "open",
        "pow",
        "range",
        "round",
        "str",
        "super",
        "zip",
    }
)
#: Attributes that lead to another module's names, by frames, functions or classes.
_REACHING = frozenset(
    {"__globals__", "__loader__", "__subclasses__", "_getframe", "f_back", "f_builtins", "f_globals", "tb_frame"}
)


@dataclass(frozen=True, slots=True)
class Breach:
    """A place where a file does what it must not."""

    file: str
    line: int
    what: str

    def __str__(self) -> str:
        return f"`{self.file}` {self.what} in line {self.line}, which is not allowed in this part."


@functools.lru_cache(maxsize=16)  # one version of a solution after another differs in one file
def find_breach(source: str | bytes, file: str, rule: ForbidRule) -> Breach | None:
    """The first place in ``source`` that breaks ``rule``; None where there is none.

    Bytes are read as Python reads them, by the encoding that they declare.
    A file that does not parse has no breach: importing it says what is wrong with it.
    """
    try:
        tree = parse(source)
    except UNREADABLE:
        return None
    modules, names, aliases = frozenset(rule.modules), frozenset(rule.names), _aliases(tree)
    found = [
        Breach(file, getattr(node, "lineno", 1), what)
        for node in ast.walk(tree)
        if (what := _breach(node, modules, names, rule.constructs, aliases)) is not None
    ]
    return min(found, key=lambda breach: breach.line, default=None)


def _is_plain(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.ImportFrom)
        and node.module == "builtins"
        and {alias.name for alias in node.names} <= _PLAIN_BUILTINS
    )


def _breach(
    node: ast.AST,
    modules: frozenset[str],
    names: frozenset[str],
    constructs: tuple[str, ...],
    aliases: Mapping[str, str],
) -> str | None:
    for name in () if _is_plain(node) else imports_of(node):
        if name.partition(".")[0] in modules | _WAYS_AROUND or _names(name, names) or name in _WAYS_AROUND:
            return f"imports `{name}`"
    dotted = _dotted(node, aliases)
    if dotted is not None and (_names(dotted, names) or dotted in _WAYS_AROUND or dotted.endswith(".sys.modules")):
        return f"uses `{dotted}`"
    if isinstance(node, ast.Attribute) and node.attr in _REACHING:
        return f"uses `{node.attr}`"
    if type(node).__name__ in constructs:
        return f"uses a `{type(node).__name__}`"
    return None


def _names(dotted: str, names: frozenset[str]) -> bool:
    return dotted in names or any(dotted.endswith("." + name) for name in names)


def _aliases(tree: ast.AST) -> dict[str, str]:
    """What names stand for by an import: ``import torch.nn as n`` gives ``{"n": "torch.nn"}``."""
    found: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found.update({alias.asname: alias.name for alias in node.names if alias.asname})
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.update({alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names})
    return found


def _dotted(node: ast.AST, aliases: Mapping[str, str]) -> str | None:
    if isinstance(node, ast.Name):
        return aliases.get(node.id, node.id)
    if isinstance(node, ast.Attribute) and (head := _dotted(node.value, aliases)) is not None:
        return f"{head}.{node.attr}"
    return None


def check_rules(
    files: Mapping[str, bytes], forbid: Mapping[str, ForbidRule], handed_in: tuple[str, ...]
) -> dict[str, Breach]:
    """Breaches by file name.

    Helper files that a student adds are held to the union of the rules on modules where a file under a rule imports
    them, be it by way of others. What nothing imports is free: the public tests that came with the bundle, and the
    student's own, which may well compare with what is forbidden.
    """
    shared = ForbidRule(modules=tuple(sorted({name for rule in forbid.values() for name in rule.modules})))
    reached = reach(files, forbid)
    breaches: dict[str, Breach] = {}
    for name, data in files.items():
        rule = forbid.get(name, shared if name in reached and name not in handed_in else None)
        if name.endswith(".py") and rule is not None and rule != ForbidRule():
            breach = find_breach(data, name, rule)
            if breach:
                breaches[name] = breach
    return breaches


def reach(files: Mapping[str, bytes], starts: Iterable[str]) -> set[str]:
    """The files that importing ``starts`` can run: of a package all of them, whichever of its modules is named."""
    waiting, seen = [name for name in starts if name in files], set()
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        try:
            tops, relative = module_imports(files[name])
        except UNREADABLE:
            continue
        if relative:  # within its package, or, where it is in none, wherever it may lead
            tops |= {_top(name)} if "/" in name else {_top(other) for other in files}
        waiting.extend(other for other in files if other.endswith(".py") and _top(other) in tops)
    return seen


def _top(file: str) -> str:
    """The top-level module or package that a file belongs to."""
    return file.partition("/")[0].removesuffix(".py")
