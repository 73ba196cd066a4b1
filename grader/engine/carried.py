"""What an upload may carry into the sandbox beside its modules, and how much more it carries than a solution needs.

Weights that were trained at home, or originals of the held-out data, have to come with the upload: as a file of their own,
or as text in the source. Files of their own are limited by kind and size. What stands in the source is compared with the
solution, compressed: however it is spelt, data does not get smaller than what it says.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from grader.course import UploadConfig
from grader.intake.filenames import is_notebook
from grader.text import clean, shorten

_KB = 1024
#: Python source, compressed, is reported beyond so many times what the solution has, and so many bytes more.
_TIMES, _BYTES = 2, 4 * _KB
#: Endings of what people keep beside their work, which no code needs: left out without a word.
_BESIDE = frozenset(
    {
        ".cfg", ".css", ".docx", ".gif", ".gitignore", ".html", ".ini", ".ipynb", ".jpeg", ".jpg", ".js", ".lock", ".log", ".md",
        ".pdf", ".png", ".pyc", ".pyi", ".rst", ".sh", ".svg", ".tex", ".toml", ".webp", ".yaml", ".yml",
    }
)  # fmt: skip
_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Carried:
    """The ``files`` that reach the sandbox, a ``note`` for the student, ``flags`` for staff; or a ``problem``."""

    files: Mapping[str, bytes]
    note: str = ""
    flags: tuple[str, ...] = ()
    problem: str | None = None


def sift(files: Mapping[str, bytes], rules: UploadConfig, needed: int) -> Carried:
    """Take of ``files`` what the sandbox may have: Python files, and data files as ``rules`` say.

    The smallest data files come first, so that a large one costs none of the others. ``needed`` is what the solution has,
    in bytes as :func:`compressed` counts them.
    """
    if beyond := too_much_source(files, rules):
        return beyond
    source = {name: data for name, data in files.items() if name.endswith(".py")}
    kept, left, room = set(source), {}, rules.data_kb * _KB
    for name, data in sorted(files.items(), key=lambda item: (_size(item), item[0])):
        if name in source:
            continue
        size = _size((name, data))
        ending = PurePosixPath(name.lower()).suffix
        if ending in rules.data and size <= room:
            room -= size
            kept.add(name)
        elif not is_notebook(name) and (ending in rules.data or ending not in _BESIDE):
            left[name] = size
    flags = [f"data files that were left out: {_listed(left)}"] if sum(left.values()) > rules.data_kb * _KB else []
    taken = {name: data for name, data in files.items() if name in kept}
    carried = compressed(taken)
    if carried > _TIMES * needed + _BYTES:
        flags.append(
            f"the files say {_in_kb(carried)}, compressed, where the solution says {_in_kb(needed)}: look for data or "
            "weights in them"
        )
    may = f"{', '.join(rules.data)} up to {rules.data_kb} kB together" if rules.data_kb and rules.data else "none"
    note = f"Grading runs without {_listed(left)} (accepted data files: {may})." if left else ""
    return Carried(taken, note, tuple(flags))


def too_much_source(files: Mapping[str, bytes], rules: UploadConfig) -> Carried | None:
    """What comes of ``files`` whose Python source is larger than ``rules`` allow, before anybody reads it; else None."""
    size = sum(_size((name, data)) for name, data in files.items() if name.endswith(".py"))
    if size <= rules.source_kb * _KB:
        return None
    problem = (
        f"its Python files have {_in_kb(size)} together, more than the limit of {rules.source_kb} kB; leave out "
        "data and generated code"
    )
    return Carried({}, problem=problem, flags=(f"{_in_kb(size)} of Python source",))


def compressed(files: Mapping[str, bytes]) -> int:
    """How many bytes ``files`` have together when they are compressed, names included."""
    packer = zlib.compressobj(6)
    parts = (part for name in sorted(files) for part in (name.encode("utf-8", "replace"), files[name]))
    return sum(len(packer.compress(part)) for part in parts) + len(packer.flush())


def _size(item: tuple[str, bytes]) -> int:
    """What a file brings: a name says something as well, and there may be many."""
    name, data = item
    return len(name.encode("utf-8", "replace")) + len(data)


def _listed(files: Mapping[str, int]) -> str:
    names = sorted(files, key=lambda name: -files[name])
    shown = [f"`{shorten(clean(name), 60)}` ({_in_kb(files[name])})" for name in names[:_SHOWN]]
    more = [f"{len(names) - _SHOWN} more"] if len(names) > _SHOWN else []
    return ", ".join([*shown, *more])


def _in_kb(size: int) -> str:
    return f"{-(-size // _KB)} kB"
