"""A package that is installed for one test: its metadata and modules in a folder on the import path."""

from __future__ import annotations

import sys
from pathlib import Path


def install(monkeypatch, folder: Path, name: str, source: str, **groups: dict[str, str]) -> None:
    """Put the package ``name`` on the path: a module of that name, and entry points by group (``_`` for its dot)."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.py").write_text(source)
    info = folder / f"{name}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    lines = []
    for group, points in groups.items():
        lines += [f"[{group.replace('_', '.')}]", *(f"{key} = {value}" for key, value in points.items())]
    (info / "entry_points.txt").write_text("\n".join(lines) + "\n")
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.delitem(sys.modules, name, raising=False)
