"""Written answers: what a submitted notebook says in the cells that people grade."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from grader.errors import UNREADABLE
from grader.text import clean

#: Bytes of a notebook that is read, and characters of an answer that is shown.
_LARGEST, _LONGEST = 20_000_000, 20_000


def answers_in(files: Mapping[str, bytes]) -> dict[str, str]:
    """The text of each cell that has a grade id, by that id; of several notebooks the first by name that has one.

    What cannot be read has no answers. Pictures and outputs of cells are left out.
    """
    found: dict[str, str] = {}
    for name in sorted(files):
        if name.endswith(".ipynb") and len(files[name]) <= _LARGEST:
            for key, text in _cells(files[name]).items():
                found.setdefault(key, text)
    return found


def _cells(data: bytes) -> dict[str, str]:
    try:
        notebook: Any = json.loads(data)
    except (*UNREADABLE, UnicodeDecodeError):
        return {}
    cells = notebook.get("cells") if isinstance(notebook, dict) else None
    found: dict[str, str] = {}
    for cell in cells if isinstance(cells, list) else []:
        metadata = cell.get("metadata") if isinstance(cell, dict) else None
        about = metadata.get("nbgrader") if isinstance(metadata, dict) else None
        key = about.get("grade_id") if isinstance(about, dict) else None
        source = cell.get("source") if isinstance(cell, dict) else None
        if isinstance(source, list):
            source = "".join(part for part in source if isinstance(part, str))
        if isinstance(key, str) and isinstance(source, str):
            found.setdefault(key, clean(source)[:_LONGEST])
    return found
