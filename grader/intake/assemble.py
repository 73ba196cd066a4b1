"""An assignment's modules, made of what a student handed in: files, and the cells of a notebook.

Of each function, class and constant the version counts that the student wrote. A file that was handed in comes before
the notebook; what the file still has as the stub has it, or has not at all, is taken from the notebook.
"""

from __future__ import annotations

import ast
import builtins
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from grader.errors import UNREADABLE
from grader.intake.arrange import arrange
from grader.intake.filenames import is_notebook
from grader.intake.notebook import Cell, Notebook, parse, read_notebook

_DEFINES = re.compile(r"^(?P<kind>def|async def|class)\s+(?P<name>\w+)", re.MULTILINE)
_MAX_NOTES = 12


@dataclass(frozen=True, slots=True)
class Assembled:
    """The files to grade, and what the student should know of how they came about.

    ``problem`` is set where there is a notebook that cannot be read, and no file that the assignment asks for.
    """

    files: Mapping[str, bytes]
    notes: tuple[str, ...] = ()
    problem: str | None = None


@dataclass(slots=True)
class _Piece:
    """A statement that binds ``names``, as text, and the cell that it is from."""

    names: tuple[str, ...]
    node: ast.stmt
    text: str
    cell: Cell


@dataclass(slots=True)
class _Pile:
    """What a notebook has for the files: pieces by file, the rest, and definitions that cannot be read."""

    by_file: dict[str, list[_Piece]] = field(default_factory=dict)
    free: list[_Piece] = field(default_factory=list)
    broken: dict[str, dict[str, str]] = field(default_factory=dict)
    written: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def assemble(files: Mapping[str, bytes], stubs: Mapping[str, str], *, prefer: str = "") -> Assembled:
    """The modules that ``files`` come to; ``stubs`` has the released text of each file that the assignment asks for.

    Args:
        files: what was handed in, by relative path.
        stubs: by file name.
        prefer: the notebook's released name, which wins where there are several notebooks.

    """
    arranged = arrange(files, tuple(stubs), stubs)
    files = arranged.files
    notes = (*arranged.doubts, *arranged.notes)
    names = sorted((name for name in files if is_notebook(name)), key=lambda name: _rank(name, prefer))
    if not names:
        return Assembled(files, notes)
    notebook = read_notebook(names[0], files[names[0]], tuple(stubs))
    given = [file for file in stubs if file in files]
    if notebook.problem:
        told = f"The notebook `{notebook.name}` {notebook.problem}."
        return Assembled(files, (told,), None if given else told)
    try:
        return _assemble(files, stubs, notebook)
    except UNREADABLE:
        told = f"The notebook `{notebook.name}` cannot be read as Python."
        return Assembled(files, (told,), None if given else told)


def _rank(name: str, prefer: str) -> tuple[bool, bool, int, str]:
    path = PurePosixPath(name)
    return (path.name != prefer, PurePosixPath(prefer).stem not in path.stem, len(path.parts), name)


def _assemble(files: Mapping[str, bytes], stubs: Mapping[str, str], notebook: Notebook) -> Assembled:
    trees = {file: parse(text) for file, text in stubs.items()}
    homes = {name: file for file in reversed(list(stubs)) for name in _definitions(trees[file])}
    pile = _sort(notebook, homes)
    made = dict(files)
    notes = list(pile.notes)
    for file, stub in stubs.items():
        base = _base(files.get(file), stub, pile.written.get(file))
        ours = pile.by_file.get(file, [])
        if base is None or not (ours or pile.broken.get(file) or pile.written.get(file) is not None):
            continue
        if base == pile.written.get(file) != files.get(file, b"").decode(errors="replace"):
            notes.append(_told_written(file, base, notebook.name))
        text, told = _merge(file, base, trees[file], pile, homes, notebook.name)
        notes.extend(told)
        if files.get(file) != text.encode():
            made[file] = text.encode()
    return Assembled(made, tuple(notes[:_MAX_NOTES]))


def _base(handed_in: bytes | None, stub: str, written: str | None) -> str | None:
    """The text to start from: the file; where it is missing or still the stub, what ``%%writefile`` says, or the stub.

    None where the file is no Python: then it is graded as it is, for it was handed in.
    """
    if handed_in is not None:
        try:
            text = handed_in.decode()
            tree = parse(text)
        except UNREADABLE:
            return None
        if written is None or _shape(tree) != _shape(parse(stub)):
            return text
    return stub if written is None else written


def _told_written(file: str, text: str, notebook: str) -> str:
    """What the student reads of a file that a ``%%writefile`` cell made."""
    try:
        parse(text)
    except UNREADABLE as error:
        where = f" (line {error.lineno} of the cell's text)" if isinstance(error, SyntaxError) and error.lineno else ""
        return f"`{file}` was taken from its `%%writefile` cell in `{notebook}`, which is no Python{where}."
    return f"`{file}` was taken from its `%%writefile` cell in `{notebook}`."


def _sort(notebook: Notebook, homes: Mapping[str, str]) -> _Pile:
    pile = _Pile()
    for cell in notebook.cells:
        if cell.whole:
            if cell.file is not None:
                before = pile.written.get(cell.file, "") if cell.appends else ""
                pile.written[cell.file] = before + cell.source
            continue
        if cell.problem:
            _note_broken(cell, notebook, homes, pile)
            continue
        for node in parse(cell.source).body:
            piece = _piece(node, cell)
            if piece is None:
                continue
            home = cell.file or next(
                (homes[name] for name in piece.names if _is_definition(node) and name in homes), None
            )
            if home is None:
                pile.free.append(piece)
            else:
                pile.by_file.setdefault(home, []).append(piece)
                for name in piece.names:
                    pile.broken.get(home, {}).pop(name, None)
    for file in [file for file, text in pile.written.items() if not text.strip()]:
        del pile.written[file]
    return pile


def _note_broken(cell: Cell, notebook: Notebook, homes: Mapping[str, str], pile: _Pile) -> None:
    told = f"Cell {cell.number} of `{notebook.name}` cannot be read: {cell.problem}."
    names = [match["name"] for match in _DEFINES.finditer(cell.source)]
    wanted = {name: cell.file or homes.get(name) for name in names}
    found = {name: file for name, file in wanted.items() if file is not None and name in homes}
    if found or cell.file:
        pile.notes.append(told)
    for name, file in found.items():
        pile.broken.setdefault(file, {})[name] = told


def _piece(node: ast.stmt, cell: Cell) -> _Piece | None:
    """``node`` where it defines, imports or assigns; calls, loops and checks are experiments and stay in the notebook."""
    names = _bound(node)
    if not names and not (isinstance(node, ast.ImportFrom) and any(alias.name == "*" for alias in node.names)):
        return None
    lines = cell.source.split("\n")
    first = min([node.lineno, *(item.lineno for item in getattr(node, "decorator_list", []))])
    text = "\n".join(lines[first - 1 : node.end_lineno])
    if ";" in text and not _is_definition(node):  # several statements on a line
        text = ast.unparse(node)
    return _Piece(tuple(names), node, text, cell)


def _bound(node: ast.stmt) -> list[str]:
    """Names that a top-level statement binds."""
    match node:
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
            return [node.name]
        case ast.Import() | ast.ImportFrom():
            return [(alias.asname or alias.name).partition(".")[0] for alias in node.names if alias.name != "*"]
        case ast.Assign():
            targets = [item for target in node.targets for item in ast.walk(target)]
            return [item.id for item in targets if isinstance(item, ast.Name) and isinstance(item.ctx, ast.Store)]
        case ast.AnnAssign(target=ast.Name(id=name)) if node.value is not None:
            return [name]
        case ast.AugAssign(target=ast.Name(id=name)):
            return [name]
        case ast.If() | ast.Try():
            return [
                name for child in ast.iter_child_nodes(node) if isinstance(child, ast.stmt) for name in _bound(child)
            ]
    return []


def _is_definition(node: ast.stmt) -> bool:
    return isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)


def _definitions(tree: ast.Module) -> dict[str, ast.stmt]:
    """A module's functions, classes and constants by name; the last of a name, as Python has it."""
    found: dict[str, ast.stmt] = {}
    for node in tree.body:
        if not isinstance(node, ast.Import | ast.ImportFrom):
            found |= dict.fromkeys(_bound(node), node)
    return found


def _shape(node: ast.AST) -> str:
    """What a node says, wherever it stands; every "not implemented" is the same."""
    return re.sub(r"Call\(func=Name\(id='NotImplementedError'[^)]*\)[^\n]*?keywords=\[\]\)", "STUB", ast.dump(node))


def _merge(
    file: str, base: str, stub: ast.Module, pile: _Pile, homes: Mapping[str, str], notebook: str
) -> tuple[str, list[str]]:
    try:
        tree = parse(base)
    except UNREADABLE:  # a `%%writefile` cell: what the student wrote is graded as it is, and the other files with it
        return base, []
    here, given = _definitions(tree), _definitions(stub)
    open_names = {name for name, node in given.items() if name not in here or _shape(here[name]) == _shape(node)}
    notes: list[str] = []
    chosen: dict[str, _Piece] = {}
    extras: list[_Piece] = []
    for piece in pile.by_file.get(file, []):
        name = piece.names[0] if piece.names else ""
        if name in given and not isinstance(piece.node, ast.Import | ast.ImportFrom):
            if _shape(piece.node) == _shape(given[name]):
                continue  # still the stub
            if name in open_names:
                chosen[name] = piece
            else:
                notes.append(
                    f"`{name}` is written in `{file}` and in cell {piece.cell.number} of `{notebook}`; the file counts."
                )
        else:
            extras.append(piece)
    broken = {name: told for name, told in pile.broken.get(file, {}).items() if name in open_names - set(chosen)}
    if not chosen and not broken:
        return base, notes
    extras = [piece for piece in extras if not set(piece.names) & set(here)]
    known = set(here) | _imported(tree) | set(chosen)
    helpers = _helpers([*chosen.values(), *extras], known, pile.free)
    bound = known | {name for piece in (*helpers, *extras) for name in piece.names}
    elsewhere = _elsewhere([*chosen.values(), *extras, *helpers], bound, homes, file)
    order = sorted([*helpers, *extras], key=lambda piece: (piece.cell.number, piece.node.lineno))
    head = [*elsewhere, *(_commented(piece, notebook) for piece in order)]
    texts = {name: _commented(piece, notebook) for name, piece in chosen.items()}
    texts |= {name: _raising(name, told, given.get(name)) for name, told in broken.items()}
    if chosen:
        taken = ", ".join(f"`{name}` (cell {piece.cell.number})" for name, piece in chosen.items())
        notes.insert(0, f"`{file}`, taken from `{notebook}`: {taken}.")
    return _insert(base, here, texts, head), notes


def _insert(base: str, here: Mapping[str, ast.stmt], texts: Mapping[str, str], head: Sequence[str]) -> str:
    """``base`` with definitions replaced in their places, ``head`` before the first of them, new ones at its end."""
    lines = base.split("\n")
    replaced = {name: here[name] for name in texts if name in here}
    places: list[tuple[int, int, str]] = []
    for name, node in replaced.items():
        decorators = [item.lineno for item in getattr(node, "decorator_list", [])]
        places.append((min([node.lineno, *decorators]) - 1, node.end_lineno or node.lineno, texts[name]))
    places.sort(reverse=True)
    for first, last, text in places:
        lines[first:last] = text.split("\n")
    tail = [text for name, text in texts.items() if name not in here]
    if places:
        lines[places[-1][0] : places[-1][0]] = [line for text in head for line in text.split("\n")]
    else:
        tail = [*head, *tail]
    return "\n".join(lines).rstrip("\n") + "\n" + "".join(f"\n\n{text}\n" for text in tail)


def _helpers(pieces: Iterable[_Piece], known: set[str], free: Sequence[_Piece]) -> list[_Piece]:
    """What the pieces use of the notebook's other cells, and what that uses in turn."""
    providers: dict[str, _Piece] = {name: piece for piece in free for name in piece.names}
    stars = [piece for piece in free if not piece.names]
    wanted = [name for piece in pieces for name in _used(piece.node)]
    found: dict[int, _Piece] = {}
    seen = set(known)
    missing = False
    while wanted:
        name = wanted.pop()
        if name in seen or hasattr(builtins, name):
            continue
        seen.add(name)
        piece = providers.get(name)
        missing = missing or piece is None
        if piece is not None and id(piece) not in found:
            found[id(piece)] = piece
            wanted.extend(_used(piece.node))
    return [*found.values(), *(stars if missing else [])]


def _used(node: ast.stmt) -> set[str]:
    """Names that a statement reads, those of its own arguments and variables included: they harm nothing."""
    own = {item.arg for item in ast.walk(node) if isinstance(item, ast.arg)}
    read = {item.id for item in ast.walk(node) if isinstance(item, ast.Name) and isinstance(item.ctx, ast.Load)}
    stored = {item.id for item in ast.walk(node) if isinstance(item, ast.Name) and isinstance(item.ctx, ast.Store)}
    return read - own - (stored if _is_definition(node) else set())


def _imported(tree: ast.Module) -> set[str]:
    return {name for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom) for name in _bound(node)}


def _elsewhere(pieces: Iterable[_Piece], bound: set[str], homes: Mapping[str, str], file: str) -> list[str]:
    """Imports of what stands in the assignment's other modules: in a notebook there is but one namespace."""
    wanted = {name for piece in pieces for name in _used(piece.node)} - bound
    stems = {PurePosixPath(home).stem for home in homes.values()} - {PurePosixPath(file).stem}
    modules = [f"import {name}" for name in sorted(wanted & stems)]
    names = sorted(name for name in wanted - stems if homes.get(name, file) != file)
    return modules + [f"from {PurePosixPath(homes[name]).stem} import {name}" for name in names]


def _commented(piece: _Piece, notebook: str) -> str:
    return f"# {notebook}, cell {piece.cell.number}\n{piece.text}"


def _raising(name: str, told: str, given: ast.stmt | None) -> str:
    if isinstance(given, ast.ClassDef):
        return f"class {name}:\n    def __init__(self, *args, **kwargs):\n        raise SyntaxError({told!r})"
    return f"def {name}(*args, **kwargs):\n    raise SyntaxError({told!r})"
