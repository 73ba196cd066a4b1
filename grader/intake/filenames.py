"""Names inside an upload: how to make them plain relative paths, and which cannot be made one."""

from __future__ import annotations

import re
import unicodedata

_BIDI = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
#: What browsers and mail programs put behind an ending.
_ADDED = r"(?:\.(?:json|txt|download|bin)|_)?\s*$"
_NOTEBOOK = re.compile(r"\.ipynb" + _ADDED, re.IGNORECASE)
_WORK = re.compile(r"\.(?:pyw?|ipynb)" + _ADDED, re.IGNORECASE)
_MODULE = re.compile(r"\.pyw?" + _ADDED, re.IGNORECASE)
_ROOT = re.compile(r"(?:[A-Za-z]:)?/*")
_MAX_PART = 255
_MAX_PATH = 1000


class UploadProblem(Exception):
    """Why an upload cannot be unpacked, in words for the student."""


def shown(name: str) -> str:
    """``name`` fit to be printed: control characters escaped, and not too long."""
    text = ascii(name)[1:-1] if any(_unprintable(char) for char in name) else name
    return text if len(text) <= 80 else text[:60] + "..." + text[-17:]


def safe_name(raw: str) -> str:
    """``raw`` as a relative POSIX path in Unicode's composed form; an absolute one without its root or drive.

    Raises UploadProblem where it leads out of its folder, is empty or overlong, or holds characters that nobody can see.
    """
    # Old Windows tools write backslashes for slashes. Taken as slashes, they meet the same rules.
    name = unicodedata.normalize("NFC", _decoded(raw).replace("\\", "/"))
    label = shown(raw)
    if any(_unprintable(char) for char in name):
        raise UploadProblem(f"the file name {label!r} holds characters that cannot be read; rename the file")
    while (root := _ROOT.match(name)) and root[0]:
        name = name[root.end() :]  # packed from the root of a disk: it is a name here, and never a place
    parts = [part for part in name.split("/") if part not in ("", ".")]
    if ".." in parts:
        raise UploadProblem(f"the file name {label!r} leads out of its folder (..); pack the files under plain names")
    if not parts:
        raise UploadProblem("a file without a name; pack the files again")
    path = "/".join(parts)
    if len(path) > _MAX_PATH or any(len(part.encode()) > _MAX_PART for part in parts):
        raise UploadProblem(f"the file name {label!r} is too long; shorten it")
    return path


def is_notebook(name: str) -> bool:
    """True for names of notebooks, those to which a browser added an ending included."""
    return _NOTEBOOK.search(name) is not None


def is_work(name: str) -> bool:
    """True for names of what can hold a student's code: modules and notebooks, whatever a browser made of the name."""
    return _WORK.search(name) is not None


def module_stem(name: str) -> str:
    """The name of a module without its ending, and without what a browser added to that."""
    return _MODULE.sub("", name)


def strip_top(files: dict[str, bytes]) -> dict[str, bytes]:
    """``files`` without the folders that hold everything: people pack the folder rather than what is in it."""
    while files and all("/" in name for name in files) and len({name.partition("/")[0] for name in files}) == 1:
        files = {name.partition("/")[2]: data for name, data in files.items()}
    return files


def _decoded(raw: str) -> str:
    """``raw`` with bytes that are not UTF-8, which Python keeps as lone surrogates, read as Windows writes them."""
    try:
        raw.encode()
    except UnicodeEncodeError:
        return raw.encode(errors="surrogateescape").decode("cp1252", errors="replace") if _escaped(raw) else raw
    return raw


def _escaped(raw: str) -> bool:
    return all(not 0xD800 <= ord(char) <= 0xDFFF or 0xDC80 <= ord(char) <= 0xDCFF for char in raw)


def _unprintable(char: str) -> bool:
    return char in _BIDI or unicodedata.category(char) in ("Cc", "Cs", "Zl", "Zp")
