"""What systems, tools and trainings leave beside the work: left out of a submission, and listed with it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

_CACHES = "a tool's cache"
_SYSTEM = "an operating system's own file"
_ENVIRONMENT = "installed packages"
_HISTORY = "a version control system's own folder"

#: By name in lower case: folders nobody asks for, wherever they stand.
_FOLDERS = {
    **dict.fromkeys(
        (
            "__macosx", ".trash", ".trashes", ".fseventsd", ".spotlight-v100", ".temporaryitems", ".documentrevisions-v100",
            ".appledouble", ".appledb", ".appledesktop", "network trash folder", "$recycle.bin", "system volume information",
            "@eadir", "#recycle", "lost+found", ".dropbox.cache", ".tmp.drivedownload", ".tmp.driveupload",
        ),
        _SYSTEM,
    ),
    **dict.fromkeys(
        (
            "__pycache__", ".ipynb_checkpoints", ".mypy_cache", ".pytest_cache", ".ruff_cache", ".pyre", ".pytype", ".hypothesis",
            ".tox", ".nox", ".eggs", ".cache", ".idea", ".vscode", ".vs", ".spyproject", ".virtual_documents", ".jupyter",
            "wandb", "mlruns", "lightning_logs", "tb_logs", ".neptune", ".gradle",
        ),
        _CACHES,
    ),
    **dict.fromkeys(
        ("venv", ".venv", "virtualenv", ".virtualenv", "node_modules", "site-packages", "dist-packages", ".conda", ".pixi"),
        _ENVIRONMENT,
    ),
    **dict.fromkeys((".git", ".hg", ".svn", ".bzr"), _HISTORY),
}  # fmt: skip
_FILES = frozenset(
    {
        ".ds_store", "thumbs.db", "thumbs.db:encryptable", "ehthumbs.db", "ehthumbs_vista.db", "desktop.ini", "icon\r", "icon\uf00d",
        ".localized", ".directory", ".volumeicon.icns", ".apdisk", ".com.apple.timemachine.donotpresent", "folder.jpg:zone.identifier",
    }
)  # fmt: skip
_ENDINGS = (":zone.identifier", ".pyc", ".pyo", ".lnk", ".swp", ".swo", ".crdownload", ".part")
#: A folder called env may hold a reinforcement learner's environment; with these below it, it holds a Python.
_MAYBE = frozenset({"env", ".env"})
_INNARDS = frozenset({"bin", "lib", "lib64", "scripts", "include", "share", "pyvenv.cfg", "conda-meta", "etc"})
_PYTHON = re.compile(r"lib/python\d|lib/site-packages", re.IGNORECASE)
_MOST_LISTED = 40


class LeftOut(NamedTuple):
    """A file of an upload, or a folder, that was not taken in, and why: a phrase."""

    name: str
    reason: str

    def __str__(self) -> str:
        return f"{self.name} ({self.reason})"


@dataclass(frozen=True, slots=True)
class Litter:
    """What a name was recognised as: the ``root`` that is left out with all that is in it, and the ``reason``."""

    root: str
    reason: str


def litter(name: str) -> Litter | None:
    """What ``name``, a relative POSIX path, is of what nobody hands in; None for everything else."""
    parts = name.split("/")
    for depth, part in enumerate(parts[:-1], start=1):
        folder = part.casefold()
        reason = _FOLDERS.get(folder) or (_SYSTEM if folder.startswith(".trash-") else None)
        if reason is None and folder in _MAYBE and parts[depth].casefold() in _INNARDS:
            reason = _ENVIRONMENT
        if reason is None and _PYTHON.match("/".join(parts[depth - 1 : depth + 1])) and depth > 1:
            depth, reason = depth - 1, _ENVIRONMENT  # noqa: PLW2901 - the folder above holds the environment
        if reason is not None:
            return Litter("/".join(parts[:depth]) + "/", reason)
    last = parts[-1].casefold()
    if last in _FILES or last.startswith(("._", "~$")) or last.endswith(_ENDINGS):
        return Litter(name, _SYSTEM if not last.endswith((".pyc", ".pyo")) else _CACHES)
    # A folder alone: an inbox's entry, or a link.
    return Litter(name + "/", _FOLDERS[last]) if last in _FOLDERS else None


def ignored(name: str) -> bool:
    """True for what operating systems, tools and Python leave behind: nobody hands that in."""
    return litter(name) is not None


def summarise(items: Iterable[LeftOut]) -> tuple[LeftOut, ...]:
    """``items`` without repetition: a folder once, with the number of its files; the rest beyond 40 as a number."""
    counts = Counter(items)
    listed = [
        LeftOut(item.name, f"{item.reason}, {count} files") if item.name.endswith("/") and count > 1 else item
        for item, count in counts.items()
    ]
    if len(listed) > _MOST_LISTED:
        listed = [*listed[:_MOST_LISTED], LeftOut("...", f"and {len(listed) - _MOST_LISTED} more")]
    return tuple(listed)


def in_words(items: Sequence[LeftOut]) -> str:
    """What was left out, for one line of text; litter of systems and tools last."""
    quiet = (_SYSTEM, _CACHES, _HISTORY)
    shown = [str(item) for item in items if not item.reason.startswith(quiet)]
    rest = len(items) - len(shown)
    return "; ".join([*shown, *([f"{rest} of systems and tools"] if rest else [])])
