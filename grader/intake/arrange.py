"""Where the files that an assignment asks for stand in an upload: in which folder, under which name.

People hand in folders in folders, and browsers rename what they download. A file asked for is found wherever it stands
once; where two files could be it, nobody guesses, and both are named.
"""

from __future__ import annotations

import ast
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from urllib.parse import unquote

from grader.errors import UNREADABLE
from grader.intake.filenames import is_notebook, is_work, module_stem, shown
from grader.intake.source_text import decode, other_kind
from grader.python_source import parse

_SEPARATOR = re.compile(r"[\s_\-.,()\[\]+~]+")
#: What browsers, systems and people add to a name without meaning another file.
_ADDED = re.compile(
    "of|copy|copie|kopie|kopia|copia|kopya|my|mine|final|finished|done|fixed|fix|new|newest|latest|last|updated?|edited|"
    "corrected|revised|version|ver|v|resubmission|submission|submitted|submit|solution|solutions|solved|sol|homework|hw|"
    r"assignment|exercise|ex|task|student|work|draft|the|(?:v|hw|ex|version|copy|copie|kopie|final)?\d+"
)
#: Folders whose files are aside: looked at where there is no other.
_ASIDE = frozenset(
    {
        "old", "backup", "backups", "bak", "archive", "previous", "starter", "starter_code", "release", "released", "template",
        "templates", "stub", "stubs", "original", "originals", "handout", "skeleton", "given", "public", "hidden", "tests",
    }
)  # fmt: skip
#: Words that make another file of a name: where none of these is in it, whatever else is was added.
_OTHER = re.compile(
    "tests?|testing|check(?:s|er)?|utils?|utilities|helpers?|common|base|core|main|run(?:ner)?|demo|examples?|plots?|plotting|"
    "vis|visuali[sz]e|visuali[sz]ation|train(?:er|ing)?|eval|evaluate|evaluation|data|dataset|datasets|loader|config|settings|"
    "models?|nets?|layers?|numpy|np|torch|pytorch|tf|jax|keras|script|notebook|old|older|backup|bak|orig|original|stub|starter|"
    "template|skeleton|broken|wrong|not|no|without|with|from|for|and|vs|bench|benchmark|debug|experiments?|scratch|playground|"
    "init|setup|report|answers?|optional|bonus|extra|gpu|cpu|fast|slow|naive|simple|lib|tools?"
)
_MAX_NAMED = 4


_EMPTY = ast.dump(ast.Module([], []))


@dataclass(frozen=True, slots=True)
class Arranged:
    """Files with those asked for under their own names.

    ``taken`` says which path each file that was not in its place was taken from. ``doubts`` are sentences about files
    asked for that could be one of two, ``notes`` about what else was there; ``unclear`` names the files in doubt that
    were not taken at all.
    """

    files: Mapping[str, bytes]
    taken: Mapping[str, str]
    notes: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()
    unclear: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Candidate:
    path: str
    exact: bool
    aside: bool
    depth: int
    stub: bool
    far: bool
    """Its name is that of the requested file with unknown words, such as a person's name."""


def holds_work(files: Mapping[str, bytes], asked: Sequence[str]) -> bool:
    """True where ``files`` have one of those ``asked`` for, under whatever name, or a notebook, and it is one.

    An empty file, a PDF or a web page of its name is none.
    """
    return any(
        (is_notebook(name) or any(_likeness(name, file) for file in asked)) and not other_kind(data)
        for name, data in files.items()
    )


def stands_for(path: str, file: str) -> bool:
    """True where ``path`` is ``file``, in some folder, or under a name that a browser or a person made of it."""
    return _likeness(path, file) > 1


def _likeness(path: str, file: str) -> int:
    """3 where ``path`` is ``file`` by name, 2 where it is for sure, 1 where it is if nothing else is, 0 else."""
    name = unicodedata.normalize("NFC", unquote(PurePosixPath(path).name))
    if name == file:
        return 3
    if not is_work(name) or is_notebook(name):
        return 0
    words = [_squeezed(word) for word in _SEPARATOR.split(module_stem(name))]
    words = [word for word in words if word]
    wanted = _squeezed(file.removesuffix(".py"))
    for first in range(len(words)):
        joined = ""
        for last in range(first, len(words)):
            joined += words[last]
            if joined == wanted:
                added = [word for word in (*words[:first], *words[last + 1 :]) if not _ADDED.fullmatch(word)]
                if not added:
                    return 2
                return int(not any(_OTHER.fullmatch(word) for word in added))
            if not wanted.startswith(joined):
                break
    return 0


def arrange(files: Mapping[str, bytes], asked: Sequence[str], stubs: Mapping[str, str] | None = None) -> Arranged:
    """``files`` with each file ``asked`` for in its place, where exactly one file can be meant.

    A file that is still the stub counts only where there is no other. Its neighbours come along: what the code reads
    or imports from its own folder stands beside it again.

    Args:
        files: an upload's files, by relative path.
        asked: the names of the modules that the assignment asks for.
        stubs: their released text, where it is known.

    """
    shapes = {file: _shape(text.encode()) for file, text in (stubs or {}).items()}
    placed: dict[str, bytes] = {}
    taken: dict[str, str] = {}
    notes: list[str] = []
    doubts: list[str] = []
    unclear: list[str] = []
    for file in asked:
        found = [_candidate(path, file, files[path], shapes.get(file)) for path in files if _likeness(path, file)]
        near = [item for item in found if not item.far]
        found = near if any(not item.stub for item in near) else found
        # A folder may have a file of another assignment's name, or of one asked for, in other letters.
        found = [item for item in found if item.exact or PurePosixPath(item.path).name not in asked]
        chosen, others = _choose(found, files)
        if chosen is None and others:
            unclear.append(file)
            doubts.append(f"{_listed(others)} could each be `{file}`; hand in one of them, named `{file}`.")
        if chosen is None:
            continue
        if others:
            told = f"`{file}` was taken from {_quoted(chosen)}, not from {_listed(others, 'or')}."
            same = all(_folder(path) == _folder(chosen) for path in others)
            (doubts if same else notes).append(told)
        elif chosen != file:
            notes.append(f"`{file}` was taken from {_quoted(chosen)}.")
        if chosen != file:
            taken[file] = chosen
            placed[file] = files[chosen]
        kind = other_kind(files[chosen])
        if kind and not (kind == "empty" and any(is_notebook(name) for name in files)):  # which may have it
            doubts.append(f"{_quoted(chosen)} is {kind}.")
    return Arranged(_with_neighbours(files, placed, taken), taken, tuple(notes), tuple(doubts), tuple(unclear))


def _with_neighbours(
    files: Mapping[str, bytes], placed: Mapping[str, bytes], taken: Mapping[str, str]
) -> Mapping[str, bytes]:
    if not placed:
        return files
    # A module under a name such as x.py.txt is in its place now; what is left of it would read as a data file.
    misnamed = {path for path in taken.values() if not path.endswith(".py")}
    files = {path: data for path, data in files.items() if path not in misnamed}
    result = dict(files)
    for path in taken.values():
        folder = _folder(path)
        if folder:
            for name, data in files.items():
                if name.startswith(folder):
                    result.setdefault(name.removeprefix(folder), data)
    return {**result, **placed}


def _candidate(path: str, file: str, data: bytes, stub: str | None) -> _Candidate:
    parts = path.casefold().split("/")[:-1]
    aside = any(part in _ASIDE for part in parts)
    name = PurePosixPath(path).name
    shape = _shape(data)
    empty = shape == _EMPTY
    return _Candidate(
        path,
        exact=name == file,
        aside=aside,
        depth=len(parts),
        stub=empty or (stub is not None and shape == stub),
        far=_likeness(path, file) == 1,
    )


def _choose(found: Sequence[_Candidate], files: Mapping[str, bytes]) -> tuple[str | None, list[str]]:
    """The path that counts, and the others that it could have been; no path where two could equally be meant."""
    work = [item for item in found if not item.stub] or list(found)
    if not work:
        return None, []
    work.sort(
        key=lambda item: (item.far, item.aside, not item.exact or item.depth > 0, not item.exact, item.depth, item.path)
    )
    first = work[0]
    different = [item for item in work[1:] if files[item.path] != files[first.path]]
    equal = [item for item in different if item.aside == first.aside and item.exact == first.exact]
    if first.exact and not first.depth:
        equal = []
    # What lies deeper in the same folder is an older or another thing; what lies beside it may be meant as well.
    equal = [item for item in equal if not (item.depth > first.depth and item.path.startswith(_folder(first.path)))]
    if equal:
        return None, [first.path, *(item.path for item in equal)]
    return first.path, [item.path for item in different if not item.stub and not item.aside]


def _shape(data: bytes) -> str | None:
    """What a module says, without its comments and layout; None where it is no Python."""
    try:
        return ast.dump(parse(decode(data)))
    except UNREADABLE:
        return None


def _folder(path: str) -> str:
    head, slash, _ = path.rpartition("/")
    return head + slash


def _squeezed(text: str) -> str:
    spread = unicodedata.normalize("NFKD", text.casefold())
    return "".join(char for char in spread if char.isalnum())


def _quoted(path: str) -> str:
    return f"`{shown(path)}`"


def _listed(paths: Sequence[str], word: str = "and") -> str:
    names = [_quoted(path) for path in paths[:_MAX_NAMED]]
    if len(paths) > _MAX_NAMED:
        return f"{', '.join(names)} {word} {len(paths) - _MAX_NAMED} more"
    return f" {word} ".join([", ".join(names[:-1]), names[-1]]) if len(names) > 1 else names[0]
