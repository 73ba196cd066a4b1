"""The one namespace of a notebook: which of its statements a name needs, in the order in which Jupyter runs them."""

from __future__ import annotations

import ast
import bisect
import builtins
import itertools
from collections import ChainMap, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

from grader.intake.effects import Effect, effects_of, spread
from grader.intake.ipython_syntax import IPYTHON_NAMES
from grader.intake.process_settings import sets_up
from grader.intake.statements import Statement

#: Callables that make a function of a function.
_WRAPPERS = frozenset(
    {
        "vectorize", "lru_cache", "cache", "partial", "jit", "njit", "compile", "script", "frompyfunc", "wraps", "staticmethod",
        "checkpoint", "vmap", "no_grad", "singledispatch", "type", "namedtuple", "make_dataclass", "dataclass", "trace",
    }
)  # fmt: skip

_SOME_FUNCTION = ast.parse("lambda: None", mode="eval").body


@dataclass
class Namespace:
    """The statements of all notebooks, by what they bind and change; each notebook's names are its own.

    A name that a notebook uses and does not have is another's: the work may go on from one to the next.
    """

    statements: Sequence[Statement]
    asked: AbstractSet[str] = frozenset()
    binding: dict[tuple[int, str], list[Statement]] = field(default_factory=lambda: defaultdict(list))
    changing: dict[tuple[int, str], list[Statement]] = field(default_factory=lambda: defaultdict(list))
    stars: list[Statement] = field(default_factory=list)
    settings: list[Statement] = field(default_factory=list)
    books: list[int] = field(default_factory=list)
    defined: dict[tuple[int, str], int] = field(default_factory=dict)
    _homes: dict[str, dict[int, int | None]] = field(default_factory=dict)
    _read_at: dict[tuple[int, str], int] = field(default_factory=dict)
    """Where each notebook first reads each name as it runs."""

    def __post_init__(self) -> None:
        self.books = sorted({item.book for item in self.statements})
        for item in self.statements:
            for name in item.binds:
                self.binding[item.book, name].append(item)
            if isinstance(item.node, ast.Delete):
                item.mutates -= self.asked
            if sets_up(item.node):
                self.settings.append(item)
            if isinstance(item.node, ast.ImportFrom) and any(alias.name == "*" for alias in item.node.names):
                self.stars.append(item)
        for item in self.statements:
            if item.defines or isinstance(getattr(item.node, "value", None), ast.Lambda):
                for name in item.binds:
                    self.defined.setdefault((item.book, name), item.position)
        bound = {name for item in self.statements for name in item.binds}
        calls_on = {item.key: set(item.changes.calls_on) for item in self.statements}
        self._effects_of_calls(calls_on)
        shares: dict[int, dict[str, frozenset[str]]] = defaultdict(dict)
        for item in self.statements:
            # A module, or what was imported from one, is no object that a method of such a name changes.
            item.mutates |= {name for name in calls_on[item.key] if not self._only_imported(item.book, name)}
            self._mutate_through(item, shares[item.book])
            item.now |= item.changes.spells & bound
            for name in item.mutates - (item.binds if item.full else set()):
                self.changing[item.book, name].append(item)
            for name in item.now | (item.mutates - item.binds):
                self._read_at.setdefault((item.book, name), item.position)

    def _only_imported(self, book: int, name: str) -> bool:
        bound = self.binding.get((book, name), [])
        return bool(bound) and all(item.imports for item in bound)

    def providers(self, name: str, book: int) -> list[Statement]:
        """The statements that give ``name`` its value, and change it, as notebook ``book`` sees it; in order."""
        home = self.home(name, book)
        if home is None:
            return self.changing.get((book, name), [])
        found: dict[tuple[int, int], Statement] = {}
        for number in self.books:
            if self.home(name, number) == home:
                only_imported = self._only_imported(home, name)
                changed = [
                    item for item in self.changing.get((number, name), []) if not (only_imported and item.defines)
                ]
                found |= {item.key: item for item in (*self.binding.get((number, name), []), *changed)}
        return [found[key] for key in sorted(found)]

    def home(self, name: str, book: int) -> int | None:
        """The notebook whose ``name`` notebook ``book`` means: itself, or the one from which it goes on; None for no one's.

        A notebook that reads a name before it has it, as in ``x = x / 10`` or ``class Net(Net)``, goes on from another:
        from the one before it, or else from the first that has it.
        """
        homes = self._homes.get(name)
        if homes is None:
            homes = self._homes[name] = {}
            begin = [number for number in self.books if self._begins(name, number)]
            last: int | None = None
            for number in self.books:
                if number in begin or (not begin and self.binding.get((number, name))):
                    last = number
                homes[number] = last if last is not None else next(iter(begin), None)
        return homes.get(book)

    def _begins(self, name: str, book: int) -> bool:
        items = self.binding.get((book, name))
        if not items:
            return False
        return self._read_at.get((book, name), items[0].position + 1) > items[0].position

    def closure(
        self, roots: Iterable[tuple[str, int]], skip: Callable[[str, int], bool]
    ) -> tuple[list[Statement], set[str]]:
        """The statements that ``roots``, names of notebooks, need, in order, and the names that nothing provides.

        ``skip`` says of a name that it comes from elsewhere: from the module's own text, or from another module.
        """
        wanted = list(dict.fromkeys(roots))
        seen = set(wanted)
        taken: dict[tuple[int, int], Statement] = {}
        absent: set[str] = set()

        def take(item: Statement) -> None:
            if item.key in taken:
                return
            taken[item.key] = item
            for read in itertools.chain(item.now, item.later, item.mutates, item.writes):
                if (read, item.book) not in seen and not skip(read, item.book):
                    seen.add((read, item.book))
                    wanted.append((read, item.book))

        def follow() -> None:
            while wanted:
                name, book = wanted.pop()
                providers = self.providers(name, book)
                if not providers:
                    absent.add(name)
                for item in providers:
                    take(item)

        follow()
        used = {book for book, _ in taken}
        for item in self.settings:
            # Not where its package is not used: a module may have to do without it.
            if item.book in used and all(
                (name, item.book) in seen
                or skip(name, item.book)
                or (name == "sys" and self.providers(name, item.book))
                for name in item.now
            ):
                take(item)
        follow()
        # An IPython in this process adds its own names to Python's.
        builtin = set(vars(builtins)) - set(IPYTHON_NAMES)
        unknown = {name for name in absent - builtin if name.isidentifier()}
        return [taken[key] for key in sorted(taken)], unknown

    def makes_function(self, item: Statement, name: str) -> bool:
        """True where the statement gives ``name`` a function or class, and not a result that happens to be called so."""
        if item.defines:
            return True
        earlier = self.defined.get((item.book, name), item.position) < item.position
        return any(self._is_function(value, item, name, earlier=earlier) for value in _values(item.node, name))

    def _is_function(self, value: ast.expr, item: Statement, name: str, *, earlier: bool) -> bool:
        match value:
            case ast.Lambda():
                return True
            case ast.Name(id=other):
                return not earlier or (item.book, other) in self.defined
            case ast.IfExp(body=body, orelse=orelse):
                return any(self._is_function(part, item, name, earlier=earlier) for part in (body, orelse))
            case ast.Call(func=function, args=args):
                called = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
                wraps = called in _WRAPPERS or isinstance(function, ast.Call)
                # `loss = mean(loss, x)` calls it somewhere; `loss = njit(loss)` hands it on.
                given = any(
                    isinstance(arg, ast.Lambda) or (isinstance(arg, ast.Name) and (item.book, arg.id) in self.defined)
                    for arg in args
                )
                return wraps or given or (not earlier and called != name)
            case ast.Constant() | ast.List() | ast.Dict() | ast.Tuple() | ast.Set() | ast.JoinedStr():
                return False
        return not earlier

    def _mutate_through(self, item: Statement, shares: dict[str, frozenset[str]]) -> None:
        """Add to what ``item`` changes what it reaches under other names; note in ``shares`` what its names stand for."""
        if item.mutates:
            reached = item.changes.through(item.mutates, shares) - item.mutates
            item.mutates |= {name for name in reached if not self._only_imported(item.book, name)}
        for name in item.binds if item.full else ():
            shares.pop(name, None)
        for name, others in item.changes.shares:
            if others:
                shares[name] = shares.get(name, frozenset()) | others

    def _effects_of_calls(self, calls_on: Mapping[tuple[int, int], set[str]]) -> None:
        """Calls of functions that change what they are given, or globals, change and bind these names.

        What is asked for is called by experiments, whatever it leaves behind: these are no part of it.
        """
        own: dict[int, dict[str, Effect]] = {book: {} for book in self.books}
        for item in self.statements:
            if item.defines and not item.binds & self.asked:
                own[item.book].update(effects_of(item.node))
        elsewhere: dict[str, Effect] = {}
        for found in own.values():
            elsewhere = found | elsewhere
        known = {book: ChainMap(found, elsewhere) for book, found in own.items()}
        for book, found in own.items():
            spread(found.values(), known[book])
        for item in self.statements:
            for function, args in item.changes.calls:
                effect = known[item.book].get(function)
                if effect is None or not effect.any:
                    continue
                calls_on[item.key].update(effect.changes)
                item.mutates |= {args[index] for index in effect.alters if index < len(args)} - {""}
                for name in effect.writes:
                    item.binds.add(name)
                    if not self.binding[item.book, name] or self.binding[item.book, name][-1] is not item:
                        bisect.insort(self.binding[item.book, name], item, key=lambda other: other.key)

    def drop_overwritten(self) -> None:
        """Take out definitions that a later one replaces before anything can have read them: earlier tries.

        To be called when what defines nothing, a stub in a later cell, say, is out of ``binding``.
        """
        running = {
            book: [item.position for item in self.statements if item.book == book and item.running]
            for book in self.books
        }
        readers: dict[tuple[int, str], list[int]] = defaultdict(list)
        called: set[tuple[int, str]] = set()
        for item in self.statements:
            for name in item.now | item.mutates:
                readers[item.book, name].append(item.position)
            called |= {(item.book, name) for name in item.later}
        dead: set[tuple[int, int, str]] = set()
        for (book, name), items in self.binding.items():
            for one, other in itertools.pairwise(items):
                if not (one.full and other.full and one.binds == {name} and other.key != one.key):
                    continue
                read = _any_in(readers[book, name], one.position + 1, other.position)
                ran = (book, name) in called and _any_in(running[book], one.position + 1, other.position)
                if not read and not ran and name not in other.now:
                    dead.add((*one.key, name))
        for (book, name), items in self.binding.items():
            self.binding[book, name] = [item for item in items if (*item.key, name) not in dead]
        self._homes.clear()


def _values(node: ast.stmt, name: str) -> list[ast.expr]:
    """The expressions that ``node``, or a statement in it, assigns to ``name``; functions in blocks count as lambdas."""
    found: list[ast.expr] = []
    pending: list[ast.AST] = [node]
    while pending:
        part = pending.pop()
        match part:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                if part.name == name:
                    found.append(_SOME_FUNCTION)
                continue
            case ast.Assign(targets=targets, value=value):
                found += [part for target in targets for part in _unpacked(target, value, name)]
                continue
            case ast.AnnAssign(target=ast.Name(id=target_name), value=value) if value is not None:
                if target_name == name:
                    found.append(value)
                continue
            case ast.Expr(value=ast.NamedExpr(target=target, value=value)):
                if target.id == name:
                    found.append(value)
                continue
        if isinstance(
            part, ast.If | ast.Try | ast.With | ast.For | ast.While | ast.ExceptHandler | ast.Match | ast.match_case
        ):
            pending += [
                child
                for child in ast.iter_child_nodes(part)
                if isinstance(child, ast.stmt | ast.ExceptHandler | ast.match_case)
            ]
    return found


def _unpacked(target: ast.expr, value: ast.expr, name: str) -> list[ast.expr]:
    """The part of ``value`` that ``name`` gets; all of it where only running it would show the part."""
    if isinstance(target, ast.Name):
        return [value] if target.id == name else []
    if not isinstance(target, ast.Tuple | ast.List):
        return []
    if isinstance(value, ast.Tuple | ast.List) and (pairs := _paired(target.elts, value.elts)):
        return [part for one, other in pairs for part in _unpacked(one, other, name)]
    return [value] if any(isinstance(node, ast.Name) and node.id == name for node in ast.walk(target)) else []


def _paired(targets: Sequence[ast.expr], values: Sequence[ast.expr]) -> list[tuple[ast.expr, ast.expr]]:
    """Each target with its value; a starred one without, for it is a list of several. Nothing where these do not fit."""
    star = next((index for index, item in enumerate(targets) if isinstance(item, ast.Starred)), None)
    if any(isinstance(item, ast.Starred) for item in values):
        return []
    if star is None:
        return list(zip(targets, values, strict=True)) if len(targets) == len(values) else []
    after = len(targets) - star - 1
    if len(values) < star + after:
        return []
    return [
        *zip(targets[:star], values, strict=False),
        *zip(targets[star + 1 :], values[len(values) - after :], strict=True),
    ]


def _any_in(positions: Sequence[int], first: int, last: int) -> bool:
    index = bisect.bisect_left(positions, first)
    return index < len(positions) and positions[index] <= last
