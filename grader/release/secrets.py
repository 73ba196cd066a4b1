"""What an assignment must not give away: its secret blocks of lines, and what students may see in any case.

Lines are compared squeezed: all white space, a leading comment or quote mark and docstring quotes removed, so that an
indented, commented or re-wrapped copy is still a copy.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import yaml

from grader.course import variant_sources
from grader.errors import AuthoringError
from grader.python_source import DEFINITIONS, first_line, parse
from grader.release.bundle_notebook import handout_and_secrets
from grader.release.strip import find_regions, split_lines

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

#: Shorter squeezed lines say nothing: `x=x-mean`, `return out`.
MIN_LENGTH = 12
#: A leak of a whole block counts even where each of its lines may be shown; shorter blocks are idioms.
MIN_BLOCK = 3

_LEADING = re.compile(r"^(?:#+|>+|[-*]|\$)+")
#: Names, or a call without arguments: `return out, cache`.
_BARE = re.compile(r"(?:return|yield|raise|del|global|nonlocal)?[\w.,]*(?:\(\))?")
_PROSE = re.compile(r"[^\W\d_]{2,} [^\W\d_]{2,} [^\W\d_]{2,}")
#: Lines that any solution or test of PyTorch code holds; squeezed, whole lines only.
_TRIVIAL = re.compile(
    r"""
      (?: import | from\w[\w.]*import ) .*
    | (?: if | elif | while | assert )(?: not )? [\w.]+ (?: isNone | isnotNone )? :?
    | (?: else | try | finally | pass | break | continue ) :?
    | except [\w.,()]* (?: as\w+ )? :
    | for [\w,()]+ in (?: range | enumerate | zip )? \(? [\w.,\[\]()]* \)? :
    | with torch\.(?: no_grad | inference_mode | enable_grad )\(\):
    | @? (?: functools | pytest | torch | staticmethod | property | classmethod )[\w.]* (?: \(\) )?
    | (?: self\.)? \w+ = (?: self\.)? [\w.]+                                        # x = y, self.n = n
    | \w+ (?: , \w+ )+ = [\w.]+ \.shape                                             # n, d = x.shape
    | \w+ = [\w.]+ \. (?: shape\[-?\d\] | size\(-?\d\) )
    | \w+ = (?: torch | np )\. (?: zeros | ones | empty | arange | tensor ) (?: _like )? \( [\w.,]* \)
    | (?: torch | np )\.(?: manual_seed | random\.seed )\(\w+\)
    | if__name__==["']__main__["']:
    | \w+ \. (?: zero_grad | backward | step | train | eval )\( [\w=]* \)
    | super\(\)\.__init__\( [\w=,]* \)
    """,
    re.VERBOSE,
)


@dataclass(frozen=True, slots=True)
class Block:
    """Lines that belong together: a solution region, a hidden test, a variant's edit."""

    source: str
    """The file (and for a notebook the cell) they come from."""
    lines: tuple[tuple[int, str], ...]
    """Line number in the source, and the squeezed line; trivial lines left out."""


@dataclass(frozen=True, slots=True)
class Secrets:
    """What the proof looks for, and what it lets pass."""

    blocks: tuple[Block, ...]
    shown: str = field(repr=False)
    """Squeezed lines outside the solution regions, of public tests, and the checks' titles."""
    handout: str = field(repr=False)
    """Squeezed README and notebook, without what nbgrader takes out."""
    names: frozenset[str]
    """Names of hidden files that no public file shares."""


def squeeze(line: str) -> str:
    """``line`` without white space, a leading comment mark or list mark, and docstring quotes."""
    text = "".join(line.split()).strip("\ufeff")
    text = _LEADING.sub("", text)
    return text.removeprefix('r"""').removeprefix('"""').removesuffix('"""')


def is_trivial(line: str) -> bool:
    """True for a line that gives nothing away: short, punctuation only, or an idiom of the trade."""
    squeezed = squeeze(line)
    if len(squeezed) < MIN_LENGTH or not re.search(r"\w{2}", squeezed) or _TRIVIAL.fullmatch(squeezed):
        return True
    return _BARE.fullmatch(squeezed) is not None and not _PROSE.search(line)


def collect(
    *,
    root: Path,
    solution_folder: Path,
    folder: Path,
    files: Sequence[str],
    notebook: Any,
    titles: Iterable[str],
) -> Secrets:
    """Read the secrets of one assignment.

    Args:
        root: the course's root; sources are named relative to it.
        solution_folder: ``solutions/NAME``.
        folder: ``assignments/NAME``.
        files: the solution modules' names.
        notebook: the instructor's notebook, as :func:`grader.release.bundle_notebook.source_notebook` gives it.
        titles: the checks' titles, which students see.

    Raises:
        AuthoringError: a source is missing or broken.

    """
    given: list[str] = []
    blocks: list[Block] = []
    for name in files:
        path = solution_folder / name
        if path.suffix != ".py":
            continue
        inside, outside = _solution(path, root)
        blocks += inside
        given += outside
    public = sorted((folder / "public").rglob("*.py"))
    for path in public:
        given += _read(path).split("\n")
    hidden = sorted(
        path for path in (folder / "hidden").rglob("*") if path.is_file() and "__pycache__" not in path.parts
    )
    for path in hidden:
        if path.suffix == ".py":
            blocks += _functions(path, root)
    variants = variant_sources(folder)
    for path in variants:
        blocks += _variants(path, root)
    handout, cells = handout_and_secrets(notebook)
    place = _name(folder / "notebook.py", root)
    blocks += [_block(f"{place} {cell}", enumerate(lines, start=1)) for cell, lines in cells]
    readme = folder / "README.md"
    handout += _read(readme).split("\n") if readme.is_file() else []
    shown = "\n".join(squeeze(line) for line in [*given, *titles])
    open_names = {path.name for path in public} | set(files) | {"__init__.py", "conftest.py", "README.md"}
    names = frozenset({path.name for path in (*hidden, *variants)} | {"variants.yml"}) - open_names
    return Secrets(tuple(block for block in blocks if block.lines), shown, "\n".join(map(squeeze, handout)), names)


def _solution(path: Path, root: Path) -> tuple[list[Block], list[str]]:
    text = _read(path)
    lines = text.split("\n")
    blocks = []
    outside = list(lines)
    for region in find_regions(text, _name(path, root)):
        numbered = [(number, lines[number - 1]) for number in range(region.first + 1, region.last)]
        blocks.append(_block(_name(path, root), numbered))
        outside[region.first - 1 : region.last] = [""] * (region.last - region.first + 1)
    return blocks, outside


def _functions(path: Path, root: Path) -> list[Block]:
    """The top-level statements of a hidden module, each function or class a block, the rest one block."""
    text = _read(path)
    lines = text.split("\n")
    try:
        tree = parse(text, str(path))
    except SyntaxError as error:
        raise AuthoringError(
            f"no valid Python: {error.msg}", where=f"{_name(path, root)}:{error.lineno}", fix="correct the module"
        ) from error
    blocks = []
    rest = dict(enumerate(lines, start=1))
    for node in tree.body:
        if isinstance(node, DEFINITIONS):
            first = first_line(node)
            last = node.end_lineno or node.lineno
            blocks.append(_block(_name(path, root), [(n, rest.pop(n)) for n in range(first, last + 1)]))
    return [*blocks, _block(_name(path, root), sorted(rest.items()))]


def _variants(path: Path, root: Path) -> list[Block]:
    """What the variants write into the solution; what they find there is the solution's own, and seen to already."""
    text = _read(path)
    try:
        data = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise AuthoringError(f"no valid YAML: {error}", where=_name(path, root), fix="correct the file") from error
    source_lines = [squeeze(line) for line in split_lines(text)]
    return [
        _block(
            f"{_name(path, root)} ({name})",
            [(_find(source_lines, line), line) for line in replacement.split("\n")],
        )
        for name, replacement in _replacements(data, "")
    ]


def _replacements(data: Any, name: str) -> Iterator[tuple[str, str]]:
    """Every text under a key `replace`, wherever it stands, with the name of its variant: a broken file hides none."""
    if isinstance(data, dict):
        name = str(next((data[key] for key in ("name", "wrong", "right", "equivalent") if key in data), name))
        if isinstance(data.get("replace"), str):
            yield name, data["replace"]
    for value in data.values() if isinstance(data, dict) else data if isinstance(data, list) else ():
        yield from _replacements(value, name)


def _find(lines: list[str], wanted: str) -> int:
    squeezed = squeeze(wanted)
    return next((number for number, line in enumerate(lines, start=1) if squeezed and squeezed in line), 1)


def _block(source: str, lines: Iterable[tuple[int, str]]) -> Block:
    return Block(source, tuple((number, squeeze(line)) for number, line in lines if not is_trivial(line)))


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise AuthoringError("the file is missing", where=path, fix="write it, or take it out of the config") from error
    except UnicodeDecodeError as error:
        raise AuthoringError(f"the file is not UTF-8 text: {error}", where=path, fix="save it as UTF-8") from error


def _name(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else path.as_posix()
