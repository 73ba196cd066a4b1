"""Which statements of the notebooks make up each module, and what the student reads of what was not taken."""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath

from grader.errors import UNREADABLE
from grader.intake.clashes import keep_apart
from grader.intake.ipython_syntax import IPYTHON_NAMES, neutralise
from grader.intake.module_text import Insert, definitions, imported, origins, shape, weave
from grader.intake.namespace import Namespace
from grader.intake.pile import Pile
from grader.intake.statements import Statement, statements_of
from grader.python_source import parse

_DEFINES = re.compile(r"^[ \t]*(?:async[ \t]+)?(?:def|class)[ \t]+(?P<name>\w+)", re.MULTILINE)
_ASSIGNS = re.compile(r"^[ \t]*(?:[\w.]+\.)?(?P<name>[A-Za-z_]\w*)[ \t]*(?::[^=\n]+)?=(?!=)", re.MULTILINE)


@dataclass
class Modules:
    """The modules of an assignment, each to be built of its base and of the notebooks' statements.

    ``stubs`` and ``bases`` have the text of each file, ``ranked`` the numbers of the notebooks, the preferred first.
    """

    stubs: Mapping[str, str]
    bases: Mapping[str, str | None]
    pile: Pile
    ranked: Sequence[int]

    def __post_init__(self) -> None:
        self.trees = {file: parse(text) for file, text in self.stubs.items()}
        self.given = {file: definitions(tree) for file, tree in self.trees.items()}
        self.homes = {name: file for file in reversed(list(self.stubs)) for name in self.given[file]}
        self.stems = {PurePosixPath(file).stem: file for file in self.stubs}
        self.uses: dict[str, set[str]] = {file: self._imports_of(file) for file in self.stubs}
        self.variables = {
            name for item in self.pile.statements if not item.imports for name in item.binds & set(self.stems)
        }
        self.space = Namespace([self._patched(item) for item in self.pile.statements], frozenset(self.homes))
        self.rejected: dict[str, list[Statement]] = {}
        self._drop_what_defines_nothing()
        self.space.drop_overwritten()

    def build(self, file: str) -> tuple[str | None, list[str]]:
        """The text of ``file``, None where it stays as it is, and what the student should know of it."""
        base = self.bases[file]
        assert base is not None
        try:
            tree = parse(base)
        except UNREADABLE:  # a `%%writefile` cell: what the student wrote is graded as it is
            return None, []
        here, given = definitions(tree), self.given[file]
        unsolved = {name for name, node in given.items() if name not in here or shape(here[name]) == shape(node)}
        notes = self._twice(file, given, unsolved)
        roots, told = self._roots(file, unsolved)
        notes += told
        foreign: dict[str, None] = {}
        taken, unknown = self.space.closure(
            roots.items(), lambda name, book: self._from_elsewhere(name, book, file, tree, here, unsolved, foreign)
        )
        taken, told = self._runnable(taken, roots, unknown)
        notes += told
        own = {name: shape(node) for name, node in here.items() if name not in given}
        taken, others = keep_apart(taken, self.space, roots, self.ranked, own)
        notes += [
            f"`{name}` differs from file to file; each keeps its own (`{'`, `'.join(new)}` in what is graded)."
            for name, new in others.items()
        ]
        raising = self._raising(file, unsolved - set(roots), given)
        notes = [*dict.fromkeys(message for message, _ in raising.values()), *notes]
        if not taken and not raising:
            return None, notes
        if roots:
            where = ", ".join(f"`{name}` ({self._cell_of(name, taken)})" for name in given if name in roots)
            notes.insert(len(raising), f"`{file}`, taken from {self._books_of(taken)}: {where}.")
        futures = sorted({item for book in {item.book for item in taken} for item in self._futures(book)})
        inserts = [
            *self._imports(foreign, unknown, file),
            *(Insert.of(item, self.pile.names[item.book]) for item in taken),
        ]
        replaced = dict.fromkeys(self._replaced(taken, set(here) & unsolved), "")
        text = weave(base, inserts, replaced | {name: code for name, (_, code) in raising.items()}, futures)
        return text, notes

    # Which statements count.

    def _drop_what_defines_nothing(self) -> None:
        """Take out of the namespace what binds a name asked for without writing it.

        That is the stub itself, imports of the modules asked for, and results that are called like a function.
        """
        for (book, name), items in self.space.binding.items():
            if name not in self.homes:
                self.space.binding[book, name] = [item for item in items if not self._is_own_import(item, name)]
                continue
            kept = []
            for item in items:
                given = self.given[self._home(name, item)].get(name)
                function = isinstance(given, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
                if self._is_own_import(item, name) or (given is not None and shape(item.node) == shape(given)):
                    continue
                if function and (item.imports or not self.space.makes_function(item, name)):
                    self.rejected.setdefault(name, []).append(item)
                    continue
                kept.append(item)
            asks = [item.position for item in kept if self._asks_for_itself(item, name)]
            first = [
                item
                for item in self.rejected.get(name, ())
                if item.book == book and item.position < min(asks, default=0)
            ]
            self.space.binding[book, name] = sorted([*kept, *first[-1:]], key=lambda item: item.key)
        self.space.stars = [item for item in self.space.stars if not self._is_own_import(item)]

    @staticmethod
    def _asks_for_itself(item: Statement, name: str) -> bool:
        """True for ``if "f" not in globals(): def f`` and its like."""
        return isinstance(item.node, ast.If | ast.Try) and name in item.binds and name in item.now - item.mutates

    def _is_own_import(self, item: Statement, name: str = "*") -> bool:
        own = isinstance(item.node, ast.ImportFrom) and (item.node.module or "").rpartition(".")[2] in self.stems
        return own and (name == "*" or name in self.homes)

    def _home(self, name: str, item: Statement) -> str:
        """The file that ``name`` is asked for in, as the statement's cell means it."""
        file = item.cell.file
        return file if file in self.given and name in self.given[file] else self.homes[name]

    def _roots(self, file: str, unsolved: set[str]) -> tuple[dict[str, int], list[str]]:
        """For each name of ``file`` that a notebook has, the number of the notebook; and what stands in two."""
        roots: dict[str, int] = {}
        notes: list[str] = []
        for name in self.given[file]:
            if name not in unsolved:
                continue
            found = {book: items for book in self.ranked if (items := self._candidates(name, book, file))}
            if not found:
                continue
            first, *others = found
            roots[name] = first
            mine = shape(found[first][-1].node)
            for other in others:
                goes_on = self.space.home(name, other) == self.space.home(name, first)
                if not goes_on and shape(found[other][-1].node) != mine:
                    one, two = self._place(found[first][-1]), self._place(found[other][-1])
                    notes.append(f"`{name}` is defined in {one} and in {two}; the first counts.")
        return roots, notes

    def _candidates(self, name: str, book: int, file: str) -> list[Statement]:
        items = [item for item in self.space.binding.get((book, name), []) if self._home(name, item) == file]
        given = self.given[file][name]
        if not isinstance(given, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            # A constant of the stub: an experiment may use its name, unless it waits for a value.
            value = getattr(given, "value", None)
            waits = isinstance(value, ast.Constant) and value.value in (None, ...)
            return [item for item in items if waits or item.cell.file == file]
        changed = self.space.changing.get((book, name), [])
        return items or [item for item in changed if not isinstance(item.node, ast.Expr)]

    def _from_elsewhere(
        self, name: str, book: int, file: str, tree: ast.Module, here: Mapping[str, ast.stmt], unsolved: set[str],
        foreign: dict[str, None],
    ) -> bool:  # fmt: skip
        """True where ``name`` is not to be taken from a notebook: ``file`` has it, or another module does."""
        providers = self.space.providers(name, book)
        if name in self.homes and name not in self.given[file]:
            home = self._home(name, providers[-1]) if providers else self.homes[name]
            if not self._depends(home, file) or not providers:
                if name not in imported(tree):
                    foreign[name] = None
                    self.uses[file].add(home)
                return True
            return False
        if name in here and name not in self.given[file]:
            # A helper of the student's own: where notebook and file have different ones, each keeps its own.
            mine = self.space.binding.get((book, name), [])
            return not mine or shape(mine[-1].node) == shape(here[name])
        if name in here:
            return name not in unsolved or not providers
        origin = imported(tree).get(name)
        return origin is not None and all(origins(item.node).get(name) == origin for item in providers)

    def _depends(self, file: str, other: str) -> bool:
        """True where ``file`` imports ``other``, itself or through a third: that cannot import ``file`` in turn."""
        seen, pending = {file}, [file]
        while pending:
            for used in self.uses[pending.pop()] - seen:
                seen.add(used)
                pending.append(used)
        return other in seen

    def _imports_of(self, file: str) -> set[str]:
        text = self.bases[file]
        try:
            tree = parse(text) if text is not None else self.trees[file]
        except UNREADABLE:
            return set()
        modules = {origin.partition(":")[0] for origin in imported(tree).values()}
        return {self.stems[module] for module in modules if module in self.stems}

    def _runnable(
        self, taken: Sequence[Statement], roots: Mapping[str, int], unknown: set[str]
    ) -> tuple[list[Statement], list[str]]:
        """``taken`` without what no module can hold, with star imports where a name is missing."""
        notes = self._unreadable(unknown)
        kept: dict[tuple[int, int], Statement] = {}
        for item in taken:
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    compile(ast.Module([item.node], []), "cell", "exec", dont_inherit=True)
            except UNREADABLE as error:
                why = error.msg if isinstance(error, SyntaxError) else "it is too deep for Python"
                notes.append(f"A statement in {self._place(item)} was not taken: outside of a notebook, {why}.")
                continue
            kept[item.key] = item
        if unknown - set(self.stems) - set(IPYTHON_NAMES):
            # Of its own notebook, and of those before: what nobody defines may come from where the work began.
            last = max([*roots.values(), *(item.book for item in kept.values())], default=0)
            kept |= {item.key: item for item in self.space.stars if item.book <= last}
        return [kept[key] for key in sorted(kept)], notes

    def _replaced(self, taken: Sequence[Statement], names: set[str]) -> list[str]:
        """The definitions of the base that the statements replace, and do not read first."""
        found: dict[str, bool] = {}
        for item in taken:
            for name in (item.now | item.mutates) & names:
                # `if "f" not in globals(): def f` asks for itself: the stub was not there in the notebook.
                found.setdefault(name, self._asks_for_itself(item, name))
            for name in item.binds & names:
                found.setdefault(name, item.full)
        return [name for name, replaces in found.items() if replaces]

    def _patched(self, item: Statement) -> Statement:
        """``module.f = ...``, ``setattr(module, "f", ...)`` and ``globals()["f"] = ...`` as the assignment to ``f``."""
        name, stem = "", ""
        value: ast.expr | None = None
        match item.node:
            case ast.Assign(targets=[ast.Attribute(value=ast.Name(id=stem), attr=name)], value=value):
                pass
            case ast.Assign(
                targets=[
                    ast.Subscript(
                        value=ast.Call(func=ast.Name(id="globals" | "locals" | "vars")),
                        slice=ast.Constant(value=str(name)),
                    )
                ],
                value=value,
            ):
                stem = PurePosixPath(self.homes[name]).stem if name in self.homes else ""
            case ast.Expr(
                value=ast.Call(
                    func=ast.Name(id="setattr"), args=[ast.Name(id=stem), ast.Constant(value=str(name)), value]
                )
            ):
                pass
        file = None if stem in self.variables else self.stems.get(stem)
        if file is None or value is None or not name.isidentifier():
            return item
        node = ast.parse(f"{name} = {ast.unparse(value)}").body[0]
        cell = replace(item.cell, source=ast.unparse(node), file=file)
        (made,) = statements_of(cell, ast.Module([node], []), item.book, item.position)
        return made

    # What is said, and written besides.

    def _imports(self, foreign: Mapping[str, None], unknown: set[str], file: str) -> list[Insert]:
        """Imports of what stands in the assignment's other modules: in a notebook there is but one namespace."""
        lines = [f"import {name}" for name in sorted(unknown & set(self.stems)) if self.stems[name] != file]
        lines += [f"from {PurePosixPath(self.homes[name]).stem} import {name}" for name in sorted(foreign)]
        made = [Insert(line, frozenset({line.rpartition(" ")[2]}), frozenset()) for line in lines]
        return made + [
            Insert(IPYTHON_NAMES[name], frozenset({name}), frozenset()) for name in sorted(unknown & set(IPYTHON_NAMES))
        ]

    def _futures(self, book: int) -> list[str]:
        return [
            alias.name
            for item in self.pile.statements
            if item.book == book and isinstance(item.node, ast.ImportFrom) and item.node.module == "__future__"
            for alias in item.node.names
        ]

    def _twice(self, file: str, given: Mapping[str, ast.stmt], unsolved: set[str]) -> list[str]:
        notes = []
        for name in given:
            if name in unsolved:
                continue
            for book in self.ranked:
                for item in self._candidates(name, book, file)[-1:]:
                    notes.append(f"`{name}` is defined in `{file}` and in {self._place(item)}; the file counts.")
        return notes

    def _raising(self, file: str, names: set[str], given: Mapping[str, ast.stmt]) -> dict[str, tuple[str, str]]:
        """For names that only something that cannot be taken defines: the sentence, and code that raises it."""
        found: dict[str, tuple[str, str]] = {}
        wanted = {name for name in names if "NotImplementedError" in ast.dump(given[name])}
        for cell, book in self.pile.unused:
            defined = {match["name"] for match in (*_DEFINES.finditer(cell.source), *_ASSIGNS.finditer(cell.source))}
            if cell.aside:
                defined &= _top_level(cell.source)  # and not a formula, or an example in a text
            mine = sorted(
                name for name in defined & wanted if cell.file in (None, file) and self.homes.get(name) == file
            )
            if cell.problem:
                told = f"Cell {cell.number} of `{book}` cannot be read: {cell.problem}."
            else:
                listed = ", ".join(f"`{name}`" for name in mine)
                told = f"Cell {cell.number} of `{book}` defines {listed}, but {cell.aside}; this was not taken."
            found |= {name: (told, _raise(name, told, given[name], broken=bool(cell.problem))) for name in mine}
        for cell, book in self.pile.code:
            for name in sorted(hidden_definitions(parse(cell.source)) & (wanted - set(found))):
                told = (
                    f"Cell {cell.number} of `{book}` has `{name}` in a form that could not be taken; "
                    f"write `{'class' if isinstance(given[name], ast.ClassDef) else 'def'} {name}` at the left margin."
                )
                found[name] = (told, _raise(name, told, given[name], broken=False))
        return found

    def _unreadable(self, unknown: set[str]) -> list[str]:
        """What is said of cells that cannot be taken and have a helper that is missing now."""
        notes = []
        for cell, book in self.pile.unused:
            matches = (*_DEFINES.finditer(cell.source), *_ASSIGNS.finditer(cell.source))
            names = sorted({match["name"] for match in matches} & unknown)
            if names and (cell.problem or cell.file is not None or not cell.aside.startswith("it is a")):
                listed = ", ".join(f"`{name}`" for name in names)
                why = f"cannot be read: {cell.problem}" if cell.problem else f"was not taken: {cell.aside}"
                notes.append(f"Cell {cell.number} of `{book}`, which has {listed}, {why}.")
        return notes

    def _place(self, item: Statement) -> str:
        return f"cell {item.cell.number} of `{self.pile.names[item.book]}`"

    def _cell_of(self, name: str, taken: Sequence[Statement]) -> str:
        cells = sorted({item.cell.number for item in taken if name in item.binds | item.mutates})
        return f"cell{'s' if len(cells) > 1 else ''} {', '.join(map(str, cells))}"

    def _books_of(self, taken: Sequence[Statement]) -> str:
        return " and ".join(f"`{name}`" for name in dict.fromkeys(self.pile.names[item.book] for item in taken))


def hidden_definitions(tree: ast.Module) -> set[str]:
    """Names that code defines where no statement at the top shows it: in functions, in texts that it executes."""
    found: set[str] = set()
    pending: list[tuple[ast.AST, bool]] = [(node, False) for node in tree.body]
    while pending:
        node, inside = pending.pop()
        if inside and isinstance(node, ast.FunctionDef | ast.ClassDef):
            found.add(node.name)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("exec", "setattr"):
            for arg in node.args:
                if isinstance(arg, ast.Constant) and isinstance(arg.value, str):
                    matches = (*_DEFINES.finditer(arg.value), *_ASSIGNS.finditer(arg.value))
                    found |= {match["name"] for match in matches} | {arg.value}
        within = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        # A method that is called like a function asked for is not that function.
        pending += [
            (child, within or (inside and not isinstance(node, ast.ClassDef))) for child in ast.iter_child_nodes(node)
        ]
    return found


def _top_level(source: str) -> set[str]:
    """The names that ``source`` defines, where it is Python; none where it is a text."""
    try:
        return set(definitions(parse(neutralise(source))))
    except UNREADABLE:
        return set()


def _raise(name: str, told: str, given: ast.stmt, *, broken: bool) -> str:
    error = "SyntaxError" if broken else "RuntimeError"
    if isinstance(given, ast.ClassDef):
        return f"class {name}:\n    def __init__(self, *args, **kwargs):\n        raise {error}({told!r})"
    return f"def {name}(*args, **kwargs):\n    raise {error}({told!r})"
