"""Files that a notebook's cells write and read: what one cell saves, another may need."""

from __future__ import annotations

import ast
import re

from grader.intake.changes import running_parts

_WRITERS = frozenset(
    {
        "write_text", "write_bytes", "save", "savez", "savez_compressed", "savetxt", "dump", "to_csv", "to_json", "to_pickle", "tofile",
        "makedirs", "mkdir", "touch", "imsave", "copy", "copyfile", "rename", "unlink", "remove",
    }
)  # fmt: skip
_FILE = re.compile(r"(?:[\w.-]+/)*[\w-][\w .-]*\.\w{1,8}|(?:[\w-]+/)+[\w.-]+")
_MODE = re.compile(r"[wax]b?\+?t?|r\+b?")


def files_of(node: ast.stmt) -> tuple[set[str], set[str], set[str]]:
    """The files that a statement names: those that it writes, that it reads, and that its functions name when called.

    Each is spelt ``file NAME``, which no name of Python's is. A file's folders are read with it.
    """
    running = list(running_parts(node))
    here = {name for part in running for name in _named(part)}
    calls = [part for part in running if isinstance(part, ast.Call)]
    folders = {
        name
        for call in calls
        if _called(call) in ("makedirs", "mkdir")
        for part in ast.walk(call)
        for name in _texts(part)
    }
    inside = {name for part in ast.walk(node) for name in _named(part)} - here
    if any(_called(call) in _WRITERS or _opens(call) for call in calls):
        return _spelt(here | folders), _spelt(_above(here) - folders), _spelt(inside | _above(inside))
    return set(), _spelt(here | _above(here)), _spelt(inside | _above(inside))


def _named(part: ast.AST) -> list[str]:
    return [text for text in _texts(part) if _FILE.fullmatch(text)]


def _texts(part: ast.AST) -> list[str]:
    if isinstance(part, ast.Constant) and isinstance(part.value, str) and 0 < len(part.value) < 200:
        return [part.value.removeprefix("./").rstrip("/")]
    return []


def _above(names: set[str]) -> set[str]:
    """The folders that the files of these names are in."""
    cut = [name.split("/") for name in names]
    return {"/".join(parts[:depth]) for parts in cut for depth in range(1, len(parts))}


def _called(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")


def _opens(call: ast.Call) -> bool:
    """True for ``open`` in a mode that writes."""
    modes = [*call.args, *(item.value for item in call.keywords if item.arg == "mode")]
    return _called(call) == "open" and any(
        isinstance(mode, ast.Constant) and isinstance(mode.value, str) and _MODE.fullmatch(mode.value) is not None
        for mode in modes
    )


def _spelt(names: set[str]) -> set[str]:
    return {f"file {name}" for name in names}
