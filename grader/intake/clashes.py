"""Names that mean one thing in one notebook and another in the next: each notebook keeps its own, as it does in Jupyter."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from grader.intake.module_text import origins, shape
from grader.intake.namespace import Namespace
from grader.intake.renaming import renamed
from grader.intake.statements import Statement

#: The number of "the notebook" that stands for a file that was handed in.
_FILE = -1


def keep_apart(
    taken: Sequence[Statement],
    space: Namespace,
    first: Mapping[str, int],
    ranked: Sequence[int],
    in_file: Mapping[str, str],
) -> tuple[list[Statement], dict[str, list[str]]]:
    """``taken`` with the names changed that several notebooks define differently, and the new names by the old ones.

    Args:
        taken: the statements that become one module, in order.
        space: the namespace that they are from.
        first: for each name asked for, the notebook whose version counts; it keeps its name.
        ranked: the numbers of the notebooks; of other names, the first of these keeps its own.
        in_file: what the module's own text has beside the statements, name by name, as `shape` shows it.

    """
    names = _Meanings.of(taken, space, in_file)
    clashing = names.clashing()
    new: dict[tuple[int, str], str] = {}
    everything = {name for item in taken for name in item.binds | item.now | item.later} | set(in_file)
    for name in sorted(clashing):
        books = names.by_book[name]
        keeper = next(book for book in (_FILE, first.get(name), *ranked) if book in books)
        for book in sorted(books.keys() - {keeper}):
            other = f"{name}__{book + 1}"
            while other in everything:
                other += "_"
            new[book, name] = other
    result = []
    for item in taken:
        wanted = {
            name: new[key]
            for name in (item.binds | item.now | item.later | item.mutates | item.writes) & clashing
            if (key := (_home(name, item, space), name)) in new
        }
        result.append(_with(item, wanted) if wanted else item)
    told: dict[str, list[str]] = {}
    for (_, name), other in new.items():
        told.setdefault(name, []).append(other)
    return result, told


@dataclass
class _Meanings:
    """What each name is in each notebook that binds it, in a form that can be compared."""

    by_book: dict[str, dict[int, list[str]]] = field(default_factory=dict)
    reads: dict[tuple[int, str], set[str]] = field(default_factory=dict)

    @classmethod
    def of(cls, taken: Sequence[Statement], space: Namespace, in_file: Mapping[str, str]) -> _Meanings:
        found = cls({name: {_FILE: [text]} for name, text in in_file.items()})
        for item in taken:
            for name in item.binds:
                found.by_book.setdefault(name, {}).setdefault(_home(name, item, space), [])
        for item in taken:
            for name in item.binds | item.mutates:
                home, versions = _home(name, item, space), found.by_book.get(name, {})
                if home in versions:
                    versions[home].append(_meaning(item, name))
                    found.reads.setdefault((home, name), set()).update(item.now | item.later | item.mutates)
        return found

    def clashing(self) -> set[str]:
        """Names that are different in two notebooks, themselves or by what they use."""
        several = {name: books for name, books in self.by_book.items() if len(books) > 1}
        found = {name for name, books in several.items() if len({tuple(shapes) for shapes in books.values()}) > 1}
        fresh = set(found)
        while fresh:
            fresh = {
                name
                for name, books in several.items()
                if name not in found
                and any(
                    book in self.by_book[used] for book in books for used in self.reads.get((book, name), set()) & fresh
                )
            }
            found |= fresh
        return found


def _meaning(item: Statement, name: str) -> str:
    """What the statement makes of ``name``; imports of the same thing are the same, however they are written."""
    origin = origins(item.node).get(name)
    if origin is None:
        return shape(item.node)
    module, _, what = origin.partition(":")
    return f"{module}.{what}" if "From" in type(item.node).__name__ else (module if what else module.partition(".")[0])


def _home(name: str, item: Statement, space: Namespace) -> int:
    home = space.home(name, item.book)
    return item.book if home is None else home


def _with(item: Statement, names: Mapping[str, str]) -> Statement:
    text, node = renamed(item.text, names)

    def change(found: set[str]) -> set[str]:
        return {names.get(name, name) for name in found}

    return replace(
        item,
        node=node,
        text=text,
        binds=change(item.binds),
        mutates=change(item.mutates),
        now=change(item.now),
        later=change(item.later),
        writes=change(item.writes),
    )
