"""Proves a bundle clean: nothing of the solution, the hidden suite or the variants is in any of its files.

The rule. A secret line leaks where its squeezed text (see :mod:`grader.release.secrets`) occurs anywhere in a file of
the bundle, unless

- it is trivial: under 12 characters without white space, or an idiom such as ``loss.backward()``;
- it also stands in what students get on purpose: outside the solution regions, in a public test, as a check's title;
- it also stands in the handout (README, notebook). But a whole block of three or more such lines in one file is
  the author pasting a solution into the handout, and leaks all the same.

Notebooks are searched as decoded strings (sources, outputs, metadata, keys), JSON files likewise, archives member by
member. Our own wheel is the framework and students may read it: it is searched for whole blocks only, and
:mod:`grader.release.wheel` checks that it holds our package and nothing else.
"""

from __future__ import annotations

import gzip
import io
import json
import re
import zipfile
from bisect import bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from grader.errors import ReleaseError
from grader.release.secrets import MIN_BLOCK, Block, Secrets, squeeze

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

_FORBIDDEN_FOLDERS = frozenset({"hidden", "solutions", ".autograde", ".git"})
_MAX_BYTES = 512 * 1024 * 1024
_SHOWN_LEAKS = 8


@dataclass(frozen=True, slots=True)
class Leak:
    """One secret found in a bundle."""

    where: str
    """File and line of the bundle; for a notebook, the place in its JSON."""
    source: str
    """File and line of the secret."""
    what: str

    def __str__(self) -> str:
        return f"{self.where} holds {self.what} of {self.source}"


def prove_clean(files: Mapping[str, bytes], secrets: Secrets, *, where: str = "") -> None:
    """Raise unless no file of a bundle gives a secret away.

    Args:
        files: the bundle's files by relative path; archives are opened.
        secrets: what must not be found.
        where: the bundle's place, for messages.

    Raises:
        ReleaseError: names the first leak's file and line, and lists up to eight with their sources.

    """
    leaks = find_leaks(files, secrets)
    if not leaks:
        return
    listed = "\n".join(f"  {leak}" for leak in leaks[:_SHOWN_LEAKS])
    more = f"\n  and {len(leaks) - _SHOWN_LEAKS} more" if len(leaks) > _SHOWN_LEAKS else ""
    raise ReleaseError(
        f"the bundle gives secrets away:\n{listed}{more}",
        where=f"{where}/{leaks[0].where}" if where else leaks[0].where,
        fix="take the lines out of the handout or the public tests, or move the solution markers around them",
    )


def find_leaks(files: Mapping[str, bytes], secrets: Secrets) -> list[Leak]:
    """Every secret found in a bundle, in the order of its files."""
    lines = _line_secrets(secrets)
    blocks = [block for block in map(_Unshown(secrets.shown), secrets.blocks) if len(block.lines) >= MIN_BLOCK]
    leaks: list[Leak] = []
    for top, data in sorted(files.items()):
        for path, content in _expand(top, data):
            ours = ".whl!" in path
            if not ours:
                leaks += _path_leaks(path, secrets)
            for text in _texts(path, content):
                leaks += _block_leaks(text, blocks)
                if not ours:
                    leaks += _line_leaks(text, lines, secrets.names)
    return list(dict.fromkeys(leaks))


@dataclass(frozen=True, slots=True)
class _Unshown:
    """Takes the lines that students see in any case out of a block."""

    shown: str

    def __call__(self, block: Block) -> Block:
        return Block(block.source, tuple((number, line) for number, line in block.lines if line not in self.shown))


def _line_secrets(secrets: Secrets) -> dict[str, str]:
    """Secret squeezed lines that nothing shows, with the place each comes from."""
    found: dict[str, str] = {}
    for block in secrets.blocks:
        for number, line in block.lines:
            if line not in secrets.shown and line not in secrets.handout:
                found.setdefault(line, f"{block.source}:{number}")
    return found


def _path_leaks(path: str, secrets: Secrets) -> Iterator[Leak]:
    for part in re.split(r"[/!\\]", path):
        if part in secrets.names or part in _FORBIDDEN_FOLDERS:
            yield Leak(path, part, "a path")


def _block_leaks(text: _Text, blocks: list[Block]) -> Iterator[Leak]:
    for block in blocks:
        if all(line in text.squeezed for _, line in block.lines):
            source = f"{block.source}:{block.lines[0][0]}-{block.lines[-1][0]}"
            yield Leak(text.at(block.lines[0][1]), source, f"all {len(block.lines)} telling lines")


def _line_leaks(text: _Text, lines: Mapping[str, str], names: Iterable[str]) -> Iterator[Leak]:
    for line, source in lines.items():
        if line in text.squeezed:
            yield Leak(text.at(line), source, f"the line `{line[:60]}`")
    for name in sorted(names):
        if name in text.squeezed:
            yield Leak(text.at(name), name, "the name")


@dataclass(frozen=True, slots=True)
class _Text:
    """A searchable text: its squeezed lines in one string, and where each starts."""

    squeezed: str
    starts: tuple[int, ...]
    places: tuple[str, ...]

    def at(self, found: str) -> str:
        """The place of the first occurrence of ``found``."""
        return self.places[bisect_right(self.starts, self.squeezed.find(found)) - 1]


def _expand(path: str, data: bytes) -> Iterator[tuple[str, bytes]]:
    """A file, or every member of an archive, as ``archive!member``."""
    if zipfile.is_zipfile(io.BytesIO(data)):
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            if sum(info.file_size for info in archive.infolist()) > _MAX_BYTES:
                raise ReleaseError("the archive is too large to be proved clean", where=path, fix="take it out")
            yield f"{path}!", archive.comment
            for info in archive.infolist():
                if not info.is_dir():
                    yield from _expand(f"{path}!{info.filename}", archive.read(info))
    elif data[:2] == b"\x1f\x8b":
        with gzip.GzipFile(fileobj=io.BytesIO(data)) as member:
            unpacked = member.read(_MAX_BYTES + 1)
        if len(unpacked) > _MAX_BYTES:
            raise ReleaseError("the archive is too large to be proved clean", where=path, fix="take it out")
        yield from _expand(f"{path}!", unpacked)
    else:
        yield path, data


def _texts(path: str, data: bytes) -> Iterator[_Text]:
    """The raw text of a file, and for notebooks and JSON the decoded strings as well."""
    text = data.decode("utf-8", "replace")
    yield _text(path, ((f":{number}", line) for number, line in enumerate(text.split("\n"), start=1)))
    if path.endswith((".ipynb", ".json")):
        try:
            parsed = json.loads(text)
        except ValueError as error:
            raise ReleaseError(f"no valid JSON: {error}", where=path, fix="build the release again") from error
        yield _text(path, _json_lines(parsed, ""))


def _json_lines(value: Any, place: str) -> Iterator[tuple[str, str]]:
    """Every string of a JSON value with its place; a list of strings is one text, as notebooks store sources."""
    if isinstance(value, str):
        for number, line in enumerate(value.split("\n"), start=1):
            yield f"{place}:{number}", line
    elif isinstance(value, list) and value and all(isinstance(item, str) for item in value):
        yield from _json_lines("\n".join(item.removesuffix("\n") for item in value), place)
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from _json_lines(item, f"{place}[{number}]")
    elif isinstance(value, dict):
        for key, item in value.items():
            yield f"{place}.{key}", str(key)
            yield from _json_lines(item, f"{place}.{key}")


def _text(path: str, lines: Iterable[tuple[str, str]]) -> _Text:
    starts: list[int] = []
    places: list[str] = []
    parts: list[str] = []
    length = 0
    for place, line in [*lines] or [("", "")]:
        squeezed = squeeze(line)
        starts.append(length)
        places.append(path + place)
        parts.append(squeezed)
        length += len(squeezed)
    return _Text("".join(parts), tuple(starts), tuple(places))
