"""Static rules: modules, names and constructs that an assignment forbids, found by reading the source, not running it.

Everything here is linear in the source. Where it runs, and for how long at most, is said in
:mod:`grader.engine.reading`.
"""

from __future__ import annotations

import ast
import functools
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from grader.course.models import ForbidRule
from grader.engine.ways_around import (
    BEYOND_NAMES,
    IMPORTS_BEYOND_NAMES,
    PLAIN_BUILTINS,
    REACHING,
    WAYS_AROUND,
)
from grader.errors import UNREADABLE
from grader.python_source import imports_in, imports_of, parse

#: Bytes of one file that is read for rules. A hundred pages of code are a tenth of it.
MAX_SOURCE = 1 << 20
#: What Python can import that is no source.
_COMPILED = (".pyc", ".pyo", ".so", ".pyd")
_WIDTH = 80
#: Where a function is often chosen by its name: getattr(torch, activation).
_BY_NAME = frozenset({"torch", "torch.nn.functional"})


@dataclass(frozen=True, slots=True)
class Breach:
    """A place where a file does what it must not; in line 0, why the file cannot be read."""

    file: str
    line: int
    what: str

    def __str__(self) -> str:
        if not self.line:
            return (
                f"`{self.file}` cannot be read: {self.what}. This part is read before it is run, so it must be plain "
                f"Python of ordinary size."
            )
        return f"`{self.file}` {self.what} in line {self.line}, which is not allowed in this part."


@functools.lru_cache(maxsize=16)  # one version of a solution after another differs in one file
def find_breach(source: str | bytes, file: str, rule: ForbidRule) -> Breach | None:
    """The first place in ``source`` that breaks ``rule``; None where there is none.

    Bytes are read as Python reads them, by the encoding that they declare.
    A file that is no Python has no breach: importing it says what is wrong with it. What cannot be read for another
    reason has one: the worker, which parses from a shallower stack, may well import it.
    """
    if len(source) > MAX_SOURCE:
        return Breach(file, 0, f"it is larger than {MAX_SOURCE >> 20} MiB")
    try:
        tree = tree_of(source)
    except (RecursionError, MemoryError):
        return Breach(file, 0, "it is nested too deeply, or too large")
    except UNREADABLE:
        return None
    return _Reader(rule, tree).first(file)


class _Reader:
    """Looks through a tree for what a rule forbids."""

    def __init__(self, rule: ForbidRule, tree: ast.Module) -> None:
        self._tree = tree
        self._constructs = frozenset(rule.constructs)
        beyond = BEYOND_NAMES if rule.names else ()
        names = [tuple(name.split(".")) for name in (*rule.names, *beyond)]
        self._by_last: dict[str, list[tuple[str, ...]]] = {}
        for parts in names:
            self._by_last.setdefault(parts[-1], []).append(parts)
        self._imports = {*rule.modules, *WAYS_AROUND, *(IMPORTS_BEYOND_NAMES if rule.names else ())}
        self._strict = bool(rule.names)
        self._aliases = _aliases(tree)
        self._aliases.update(self._assigned())

    def first(self, file: str) -> Breach | None:
        """The breach in the first line that has one."""
        found: tuple[int, str] | None = None
        waiting: list[ast.AST] = [self._tree]
        while waiting:
            node = waiting.pop()
            line = getattr(node, "lineno", 1)
            for what in self._look(node, waiting):
                if found is None or line < found[0]:
                    found = line, what
        return Breach(file, *found) if found else None

    def _look(self, node: ast.AST, waiting: list[ast.AST]) -> Iterator[str]:
        """What is wrong with a node; what is to be looked at next goes to ``waiting``."""
        if type(node).__name__ in self._constructs:
            yield f"uses a `{type(node).__name__}`"
        for name in () if _is_plain(node) else imports_of(node):
            if name.partition(".")[0] in self._imports or name in WAYS_AROUND or self._named(name.split(".")):
                yield f"imports `{name[:_WIDTH]}`"
        if self._strict and (hidden := self._hidden(node)) is not None:
            yield f"looks up names of `{hidden[:_WIDTH]}` that cannot be read"
        if not isinstance(node, (ast.Name, ast.Attribute, ast.Subscript, ast.Call)):
            waiting.extend(ast.iter_child_nodes(node))
            return
        parts, base, aside = _unfold(node)
        waiting.extend(aside)
        if isinstance(base, ast.Name):
            head = self._aliases.get(base.id, base.id).split(".")
            parts = [*head, *parts]
            if self._strict and base.id in self._aliases and parts[-1] == "__dict__":
                yield f"looks up names of `{'.'.join(parts[:-1])[:_WIDTH]}` that cannot be read"
        else:
            if base is not None:
                waiting.append(base) if base is not node else waiting.extend(ast.iter_child_nodes(node))
            parts = ["", *parts]
        if (end := self._forbidden(parts)) is not None:
            shown = ".".join(part for part in parts[:end] if part)
            yield f"uses `{shown[-_WIDTH:]}`"

    def _forbidden(self, parts: list[str]) -> int | None:
        """How many of the parts of a dotted name come to something that is forbidden."""
        for index, part in enumerate(parts):
            if part in REACHING and index:
                return index + 1
            if part == "modules" and index and parts[index - 1].lstrip("_") == "sys":
                return index + 1
            if index < 3 and ".".join(parts[: index + 1]) in WAYS_AROUND:
                return index + 1
            if self._ends(parts, index):
                return index + 1
        return None

    def _ends(self, parts: list[str], index: int) -> bool:
        return any(
            len(name) <= index + 1 and tuple(parts[index + 1 - len(name) : index + 1]) == name
            for name in self._by_last.get(parts[index], ())
        )

    def _named(self, parts: list[str]) -> bool:
        return any(self._ends(parts, index) for index in range(len(parts)))

    def _hidden(self, node: ast.AST) -> str | None:
        """The module of torch whose names are looked up in a way that does not say which."""
        match node:
            case ast.Call(func=ast.Name(id="vars"), args=[value]):
                free: frozenset[str] = frozenset()
            case ast.Call(func=ast.Name(id="getattr"), args=[ast.Call(func=ast.Name(id="getattr"))]):
                return "getattr(...)"
            case ast.Call(func=ast.Name(id="getattr"), args=[value, *_]):
                free = _BY_NAME
            case _:
                return None
        parts, base, _ = _unfold(value)
        if not isinstance(base, ast.Name) or base.id not in self._aliases:
            return None
        dotted = ".".join([self._aliases[base.id], *parts])
        # getattr with a name that can be read was taken apart already.
        known = len(node.args) > 1 and isinstance(node.args[1], ast.Constant)
        return dotted if dotted.partition(".")[0] == "torch" and dotted not in free and not known else None

    def _assigned(self) -> dict[str, str]:
        """What names stand for by a plain assignment from what is imported: ``layers = torch.nn``."""
        found: dict[str, str] = {}
        for node in ast.walk(self._tree):
            if not (isinstance(node, ast.Assign) and isinstance(node.value, (ast.Name, ast.Attribute, ast.Call))):
                continue
            parts, base, _ = _unfold(node.value)
            if isinstance(base, ast.Name) and base.id in self._aliases and len(parts) < 8:
                dotted = ".".join([self._aliases[base.id], *parts])
                found.update({target.id: dotted for target in node.targets if isinstance(target, ast.Name)})
        return {name: dotted for name, dotted in found.items() if name not in self._aliases}


def _unfold(node: ast.expr) -> tuple[list[str], ast.expr | None, list[ast.AST]]:
    """The names that lead to ``node`` from its base, the base, and other nodes that stand between.

    ``getattr(a, "b")``, ``vars(a)["b"]``, ``a.__dict__["b"]`` and ``attrgetter("b")(a)`` are all read as ``a.b``.
    """
    parts: list[str] = []
    aside: list[ast.AST] = []
    here: ast.expr = node
    while True:
        match here:
            case ast.Attribute(value=value, attr=attr):
                parts.append(attr)
                here = value
            case (
                ast.Subscript(value=ast.Attribute(value=value, attr="__dict__"), slice=ast.Constant(value=str(name)))
                | ast.Subscript(
                    value=ast.Call(func=ast.Name(id="vars"), args=[value]), slice=ast.Constant(value=str(name))
                )
            ):
                parts.append(name)
                here = value
            case ast.Subscript(value=value, slice=ast.Constant(value=str(name))) if name in REACHING:
                parts.append(name)
                here = value
            case ast.Call(func=ast.Name(id="getattr"), args=[value, ast.Constant(value=str(name)), *rest]):
                parts.append(name)
                aside.extend(rest)
                here = value
            case ast.Call(func=ast.Call(func=maker, args=[ast.Constant(value=str(name))]), args=[value]) if _is_getter(
                maker
            ):
                parts.extend(reversed(name.split(".")))
                here = value
            case _:
                parts.reverse()
                return parts, here, aside


def _is_getter(node: ast.expr) -> bool:
    return (isinstance(node, ast.Name) and node.id == "attrgetter") or (
        isinstance(node, ast.Attribute) and node.attr == "attrgetter"
    )


def _is_plain(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.ImportFrom)
        and node.module == "builtins"
        and {alias.name for alias in node.names} <= PLAIN_BUILTINS
    )


def _aliases(tree: ast.AST) -> dict[str, str]:
    """What names stand for by an import: ``import torch.nn as n`` gives ``{"n": "torch.nn"}``."""
    found: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found.update({alias.asname: alias.name for alias in node.names if alias.asname})
            found.update(
                {top: top for alias in node.names if not alias.asname for top in [alias.name.partition(".")[0]]}
            )
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            # A plain built-in name is that name, wherever it was imported from: `from builtins import range`.
            plain = PLAIN_BUILTINS if node.module == "builtins" else ()
            found.update(
                {
                    alias.asname or alias.name: alias.name if alias.name in plain else f"{node.module}.{alias.name}"
                    for alias in node.names
                }
            )
    return found


def check_rules(
    files: Mapping[str, bytes],
    forbid: Mapping[str, ForbidRule],
    handed_in: tuple[str, ...],
    begin: Callable[[str], None] = lambda _: None,
) -> dict[str, Breach]:
    """Breaches by file name.

    Every other file that a file under a rule imports, be it by way of others, is held to that rule's modules and names
    as well: helper files that a student adds, and files of the assignment. Only the files under the rule pay for what
    is found there. What nothing imports is free: the public tests that came with the bundle, and the student's own,
    which may well compare with what is forbidden. ``begin`` is called with the name of each file before it is read.
    """
    own = {Path(name).stem for name in handed_in}
    inherited: dict[str, ForbidRule] = {}
    for start, rule in forbid.items():
        # Reaching one file of the assignment is what a rule may forbid; that one may import others.
        modules = tuple(name for name in rule.modules if name not in own)
        for name in reach(files, [start], begin) - {start}:
            kept = rule.modules if name not in handed_in else modules
            inherited[name] = _both(inherited.get(name, ForbidRule()), ForbidRule(modules=kept, names=rule.names))
    breaches: dict[str, Breach] = {}
    for name, data in files.items():
        rule = _both(forbid.get(name, ForbidRule()), inherited.get(name, ForbidRule()))
        if rule == ForbidRule():
            continue
        if name.endswith(_COMPILED):
            breaches[name] = Breach(name, 0, "it is not source")
        elif name.endswith(".py"):
            begin(name)
            breach = find_breach(data, name, rule)
            if breach:
                breaches[name] = breach
    return breaches


def _both(one: ForbidRule, other: ForbidRule) -> ForbidRule:
    """What either rule forbids."""
    return ForbidRule(
        modules=tuple(dict.fromkeys((*one.modules, *other.modules))),
        names=tuple(dict.fromkeys((*one.names, *other.names))),
        constructs=tuple(dict.fromkeys((*one.constructs, *other.constructs))),
    )


def reach(files: Mapping[str, bytes], starts: Iterable[str], begin: Callable[[str], None] = lambda _: None) -> set[str]:
    """The files that importing ``starts`` can run: of a package all of them, whichever of its modules is named."""
    waiting, seen = [name for name in starts if name in files], set()
    by_top: dict[str, list[str]] = {}
    for name in files:
        if name.endswith((".py", *_COMPILED)):
            by_top.setdefault(_top(name), []).append(name)
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        if not name.endswith(".py") or len(files[name]) > MAX_SOURCE:
            continue
        begin(name)
        try:
            tops, relative = _imports(files[name])
        except UNREADABLE:
            continue
        if relative:  # within its package, or, where it is in none, wherever it may lead
            tops |= {_top(name)} if "/" in name else set(by_top)
        for top in tops:
            waiting.extend(by_top.pop(top, ()))
    return seen


@functools.lru_cache(maxsize=16)
def tree_of(source: str | bytes) -> ast.Module:
    """The tree of a file, kept for the next who asks.

    Raises:
        SyntaxError, ValueError, RecursionError, MemoryError: as :func:`grader.python_source.parse`.
    """
    return parse(source)


@functools.lru_cache(maxsize=64)
def _imports(source: bytes) -> tuple[frozenset[str], bool]:
    return imports_in(tree_of(source))


def forget() -> None:
    """Let go of all trees that are kept."""
    for cached in (find_breach, tree_of, _imports):
        cached.cache_clear()


def _top(file: str) -> str:
    """The top-level module or package that a file belongs to."""
    return file.partition("/")[0].partition(".")[0]
