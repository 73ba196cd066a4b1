"""The course that comes along: beside the package where that is installed, in the source tree where it is not.

Assignments are taken from it by copying their folders and the text of their entries, comments and measurements included.
"""

from __future__ import annotations

import difflib
import importlib.metadata
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import yaml

import grader
from grader.course import FILE_NAME
from grader.errors import CourseError, UsageError

#: Beside the package, in a wheel; hatch_build.py puts it there.
_FOLDER = "autograde_course"
_WEIGHTS = "weights.txt"
_SKIPPED = ("__pycache__", ".pytest_cache", ".ipynb_checkpoints", ".DS_Store")
#: Of an entry, what belongs to one run of a course and not to another.
_OF_A_RUN = re.compile(r"^ {4}(?:due|released|extensions):")


def packaged_course() -> Path:
    """The folder of the course that comes along.

    Raises:
        CourseError: this installation has none, as that of a student's bundle.
    """
    beside = Path(grader.__file__).resolve().parent.parent
    for folder in (beside / _FOLDER, beside):
        if (folder / FILE_NAME).is_file() and (folder / "assignments").is_dir():
            return folder
    raise CourseError(
        "this installation has no course with it", where=beside / _FOLDER, fix=f"pip install {grader.DISTRIBUTION}"
    )


def missing_weights(handout: Path) -> list[str]:
    """The packages of pretrained weights that a handout names and that are not installed here."""
    text = handout.read_text(encoding="utf-8") if handout.is_file() else ""
    listed = (packaged_course() / _WEIGHTS).read_text(encoding="utf-8")
    found = [name for name in re.findall(r"(?m)^([\w-]+)==", listed) if name in text]
    return [name for name in found if not any(importlib.metadata.Distribution.discover(name=name))]


@dataclass(frozen=True)
class Taken:
    """Assignments of the course that comes along: their files by path, their entries, and the defaults they count on."""

    names: tuple[str, ...]
    entries: str
    defaults: str
    files: dict[str, bytes] = field(repr=False, default_factory=dict)


def take(names: Sequence[str]) -> Taken:
    """The assignments ``names``, or all of them for ``all``.

    Raises:
        UsageError: there is none of a name; the nearest is named.
        CourseError: this installation has no course with it.
    """
    root = packaged_course()
    text = (root / FILE_NAME).read_text(encoding="utf-8")
    sections = _sections(text)
    known = list(sections)
    wanted = known if list(names) == ["all"] else list(dict.fromkeys(names))
    for name in wanted:
        if name not in sections:
            near = difflib.get_close_matches(name, known, n=1)
            fix = f"did you mean {near[0]!r}?" if near else f"use some of: {', '.join(known)}, or all"
            raise UsageError(
                f"the course that comes with Autograde has no assignment {name!r}", where="--with", fix=fix
            )
    files: dict[str, bytes] = {}
    for name in wanted:
        for folder in ("assignments", "solutions"):
            for path in sorted((root / folder / name).rglob("*")):
                relative = path.relative_to(root)
                if path.is_file() and not any(part in _SKIPPED for part in relative.parts):
                    files[relative.as_posix()] = path.read_bytes()
    weights = (root / _WEIGHTS).read_bytes()
    packages = re.findall(rb"(?m)^([\w-]+)==", weights)
    if any(name in data for path, data in files.items() if path.endswith("README.md") for name in packages):
        files[_WEIGHTS] = weights
    return Taken(tuple(wanted), "".join(sections[name] for name in wanted), _block(text, "defaults"), files)


def _sections(text: str) -> dict[str, str]:
    """The entry of each assignment, as it is written, without what belongs to one run of the course."""
    document = yaml.compose(text, Loader=yaml.SafeLoader)
    assert isinstance(document, yaml.MappingNode)
    entries = next(value for key, value in document.value if key.value == "assignments")
    starts = [(key.value, key.start_mark.line) for key, _ in entries.value]
    lines = text.splitlines(keepends=True)
    ends = [line for _, line in starts[1:]] + [entries.value[-1][1].end_mark.line]
    return {
        name: "".join(line for line in lines[start:end] if not _OF_A_RUN.match(line))
        for (name, start), end in zip(starts, ends, strict=True)
    }


def _block(text: str, key: str) -> str:
    """A key at the top of a YAML text with the comment above it and all below it."""
    lines = text.splitlines(keepends=True)
    start = next(number for number, line in enumerate(lines) if line.startswith(f"{key}:"))
    end = next((n for n in range(start + 1, len(lines)) if not lines[n].startswith((" ", "\n"))), len(lines))
    while start and lines[start - 1].startswith("#"):
        start -= 1
    return "".join(lines[start:end]).rstrip("\n") + "\n"
