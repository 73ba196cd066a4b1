"""Names inside an upload: which to ignore, which to refuse, and how to make the rest plain relative paths."""

from __future__ import annotations

import re
import unicodedata

_IGNORED_FOLDERS = frozenset(
    {"__MACOSX", "__pycache__", ".ipynb_checkpoints", ".git", ".mypy_cache", ".pytest_cache", ".ruff_cache", ".venv"}
)
_IGNORED_FILES = frozenset({".DS_Store", "Thumbs.db", "desktop.ini"})
_BIDI = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_MAX_PART = 255
_MAX_PATH = 1000


class UploadProblem(Exception):
    """Why an upload cannot be unpacked, in words for the student."""


def shown(name: str) -> str:
    """``name`` fit to be printed: control characters escaped, and not too long."""
    text = ascii(name)[1:-1] if any(_unprintable(char) for char in name) else name
    return text if len(text) <= 80 else text[:60] + "..." + text[-17:]


def ignored(name: str) -> bool:
    """True for what operating systems, git and Python leave behind: nobody hands that in."""
    parts = name.split("/")
    return (
        any(part in _IGNORED_FOLDERS for part in parts)
        or parts[-1] in _IGNORED_FILES
        or parts[-1].endswith(".pyc")
        or parts[-1].startswith("._")
    )


def safe_name(raw: str) -> str:
    """``raw`` as a relative POSIX path in Unicode's composed form.

    Raises UploadProblem where it leads out of its folder, is absolute, empty or overlong, or holds characters that
    nobody can see.
    """
    # Old Windows tools write backslashes for slashes. Taken as slashes, they meet the same rules.
    name = unicodedata.normalize("NFC", raw.replace("\\", "/"))
    label = shown(raw)
    if any(_unprintable(char) for char in name):
        raise UploadProblem(f"the file name {label!r} holds control characters; rename the file")
    if name.startswith("/") or re.match(r"[A-Za-z]:", name):
        raise UploadProblem(f"the file name {label!r} is an absolute path; pack the files by relative names")
    parts = [part for part in name.split("/") if part not in ("", ".")]
    if ".." in parts:
        raise UploadProblem(f"the file name {label!r} leads out of its folder (..); pack the files by plain names")
    if not parts:
        raise UploadProblem("a file without a name; pack the files again")
    path = "/".join(parts)
    if len(path) > _MAX_PATH or any(len(part.encode()) > _MAX_PART for part in parts):
        raise UploadProblem(f"the file name {label!r} is too long; shorten it")
    return path


def check_collisions(names: list[str]) -> None:
    """Raise UploadProblem where two of the safe ``names`` are one on some file system, or file and folder at once."""
    seen: dict[str, str] = {}
    for name in names:
        folded = name.casefold()
        if folded in seen:
            other = seen[folded]
            how = "is packed twice" if other == name else f"differs from {shown(other)!r} in case only"
            raise UploadProblem(f"the file {shown(name)!r} {how}; keep one of the two")
        seen[folded] = name
    for folded, name in seen.items():
        above = folded.rpartition("/")[0]
        while above:
            if above in seen:
                raise UploadProblem(f"{shown(seen[above])!r} is a file and also the folder of {shown(name)!r}")
            above = above.rpartition("/")[0]


def strip_top(files: dict[str, bytes]) -> dict[str, bytes]:
    """``files`` without the folders that hold everything: people pack the folder rather than what is in it."""
    while files and all("/" in name for name in files) and len({name.partition("/")[0] for name in files}) == 1:
        files = {name.partition("/")[2]: data for name, data in files.items()}
    return files


def _unprintable(char: str) -> bool:
    return char in _BIDI or unicodedata.category(char) in ("Cc", "Cs", "Zl", "Zp")
