"""An assignment's modules, made of what a student handed in: files, and the cells of notebooks.

Of each function, class and constant the version counts that the student wrote. A file that was handed in comes before
a notebook; what the file still has as the stub has it, or has not at all, is taken from the notebook, with everything
that it needs there: whatever binds or changes a name, in the order of the cells.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath

from grader.errors import UNREADABLE
from grader.intake.arrange import Arranged, arrange
from grader.intake.filenames import is_notebook, shown
from grader.intake.module_text import shape
from grader.intake.modules import Modules
from grader.intake.notebook import Notebook, read_notebook
from grader.intake.package_imports import plain_imports
from grader.intake.pile import Pile
from grader.intake.source_text import decode, is_json_of_notebook, other_kind, recoded
from grader.python_source import parse

_MAX_NOTES = 16


@dataclass(frozen=True, slots=True)
class Assembled:
    """The files to grade, and what the student should know of how they came about.

    ``problem`` is set where there is no file that the assignment asks for, and no notebook that can be read.
    """

    files: Mapping[str, bytes]
    notes: tuple[str, ...] = ()
    problem: str | None = None


def assemble(files: Mapping[str, bytes], stubs: Mapping[str, str], *, prefer: str = "") -> Assembled:
    """The modules that ``files`` come to; ``stubs`` has the released text of each file that the assignment asks for.

    Args:
        files: what was handed in, by relative path.
        stubs: by file name.
        prefer: the notebook's released name, which wins where two notebooks have the same.

    """
    arranged = arrange(files, tuple(stubs), stubs)
    made = _assembled(arranged, stubs, prefer)
    plain, told = plain_imports(made.files, tuple(stubs), tuple(arranged.taken.values()))
    return replace(made, files=plain, notes=(*made.notes, *told)[:_MAX_NOTES])


def _assembled(arranged: Arranged, stubs: Mapping[str, str], prefer: str) -> Assembled:
    notes = [*arranged.doubts, *arranged.notes]
    readable = _ready_made(stubs) | dict(arranged.files)
    for file in [file for file in stubs if file in readable]:
        if is_json_of_notebook(readable[file]):
            book = f"{file.removesuffix('.py')}.ipynb"
            if book not in readable:
                readable[book] = readable.pop(file)
                notes.append(f"`{file}` is a notebook, and was read as one. Save it as `{book}`.")
        elif not other_kind(readable[file]) and (text := recoded(readable[file])) is not None:
            readable[file] = text.encode()
            notes.append(f"`{file}` is not saved as UTF-8; it was read anyway. Save it as UTF-8.")
    names = sorted((name for name in readable if is_notebook(name)), key=_natural)
    books = [read_notebook(name, readable[name], tuple(stubs)) for name in names]
    broken = [f"The notebook `{book.name}` {book.problem}." for book in books if book.problem]
    books = [book for book in books if not book.problem]
    given = [file for file in stubs if file in readable]
    if not books:
        problem = broken[0] if broken and not given else _nothing_asked(arranged, stubs)
        return Assembled(readable, (*broken, *notes)[:_MAX_NOTES], problem)
    try:
        made, told = _assemble(readable, stubs, books, prefer)
    except UNREADABLE:
        sentence = f"The notebook `{books[0].name}` cannot be read as Python."
        return Assembled(readable, (sentence, *broken, *notes)[:_MAX_NOTES], None if given else sentence)
    return Assembled(made, tuple(dict.fromkeys((*told, *broken, *notes)))[:_MAX_NOTES])


def _nothing_asked(arranged: Arranged, stubs: Mapping[str, str]) -> str | None:
    """What there is in place of the files asked for: nothing of it can run. None where one of them is there."""
    if not arranged.files or arranged.unclear or any(file in arranged.files for file in stubs):
        return None
    have = sorted(shown(name) for name in arranged.files)
    more = f" and {len(have) - 5} more" if have[5:] else ""
    return f"It has none of the required files ({', '.join(stubs)}) and no notebook, only {', '.join(have[:5])}{more}."


def _ready_made(stubs: Mapping[str, str]) -> dict[str, bytes]:
    """The files that are handed out complete beside others to be written: who leaves them out has them as they were."""
    complete = {file: text.encode() for file, text in stubs.items() if "NotImplementedError" not in text}
    return complete if len(complete) < len(stubs) else {}


def _assemble(
    files: Mapping[str, bytes], stubs: Mapping[str, str], books: Sequence[Notebook], prefer: str
) -> tuple[dict[str, bytes], list[str]]:
    pile = Pile.of(books)
    made = dict(files)
    for name, text in pile.written.items():
        if name not in stubs and name not in made:
            made[name] = text.encode()  # a helper module that a %%writefile cell makes
    pile.drop_runs({PurePosixPath(name).with_suffix("").as_posix().replace("/", ".") for name in (*made, *stubs)})
    bases = {file: _base(files.get(file), stub, pile.written.get(file)) for file, stub in stubs.items()}
    modules = Modules(
        stubs, bases, pile, sorted(range(len(books)), key=lambda number: _rank(books[number].name, prefer))
    )
    notes: list[str] = []
    for file in stubs:
        base, written = bases[file], pile.written.get(file)
        if base is None:
            continue
        from_cell = base == written and written != _text(files.get(file))
        if from_cell and written is not None:
            notes.append(_about_written(file, base, pile.writers[file]))
        built, told = modules.build(file)
        notes += told
        if built is not None:
            made[file] = built.encode()
        elif from_cell or file not in made:
            made[file] = base.encode()  # the stub, where the notebook has nothing for a file: it is not written yet
    return made, notes


def _base(handed_in: bytes | None, stub: str, written: str | None) -> str | None:
    """The text to start from: the file; where it is missing or still the stub, what ``%%writefile`` says, or the stub.

    None where the file is no Python: then it is graded as it is, for it was handed in.
    """
    if handed_in is not None:
        try:
            text = decode(handed_in).removeprefix("\ufeff")
            same = _same_code(text, stub)
        except UNREADABLE:
            return None
        if written is None or not same:
            return text
    return stub if written is None else written


def _same_code(one: str, other: str) -> bool:
    return shape(parse(one)) == shape(parse(other))


def _text(data: bytes | None) -> str | None:
    return None if data is None else data.decode(errors="replace")


def _about_written(file: str, text: str, notebook: str) -> str:
    """What the student reads of a file that a ``%%writefile`` cell made."""
    try:
        parse(text)
    except UNREADABLE as error:
        where = f" (line {error.lineno} of the cell's text)" if isinstance(error, SyntaxError) and error.lineno else ""
        return f"`{file}` was taken from its `%%writefile` cell in `{notebook}`, which is not Python{where}."
    return f"`{file}` was taken from its `%%writefile` cell in `{notebook}`."


def _rank(name: str, prefer: str) -> tuple[bool, bool, int, str]:
    path = PurePosixPath(name)
    return (path.name != prefer, PurePosixPath(prefer).stem not in path.stem, len(path.parts), name)


def _natural(name: str) -> list[tuple[int, str]]:
    """A key that sorts "part 2" before "part 10"."""
    parts = re.split(r"(\d{1,12})", name.casefold())
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in parts]
