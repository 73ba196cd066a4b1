"""The house keeps its own rules: one file to a name, one order of layers, short files, no circles."""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import grimp
import pytest

import grader

ROOT = Path(__file__).resolve().parents[2]
FILES = sorted((ROOT / "grader").rglob("*.py"))
LONGEST = 400


def contract_layers() -> list[str]:
    """The packages of the import contract, from the top down; those that share a floor in the order written."""
    config = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    (contract,) = (c for c in config["tool"]["importlinter"]["contracts"] if c["type"] == "layers")
    return [
        name.strip("() ").removeprefix("grader.") for floor in contract["layers"] for name in re.split("[|:]", floor)
    ]


def test_no_file_name_occurs_twice():
    """A module's name says which one is meant, wherever it is read: in a traceback, a tab or a search."""
    names = Counter(path.name for path in FILES if path.name not in ("__init__.py", "__main__.py"))
    assert [name for name, count in names.items() if count > 1] == []


def test_no_file_is_too_long():
    """A file stays short enough to hold in the head."""
    lengths = {str(path.relative_to(ROOT)): len(path.read_text(encoding="utf-8").splitlines()) for path in FILES}
    assert {path: length for path, length in lengths.items() if length > LONGEST} == {}


def test_the_contract_has_every_package():
    """Each package and module right below grader/ has its floor."""
    found = {
        path.stem for path in (ROOT / "grader").iterdir() if path.suffix == ".py" or (path / "__init__.py").is_file()
    }
    assert found - {"__init__", "__main__"} == set(contract_layers())


def test_the_packages_own_docstring_has_the_layers_of_the_contract():
    """`grader/__init__.py` draws the order that the contract holds."""
    drawing = (grader.__doc__ or "").partition("::")[2]
    assert re.findall(r"\w+", drawing.replace("->", " ")) == contract_layers()


def test_the_architecture_has_the_layers_of_the_contract():
    """The table of docs/explanation/architecture.md lists the same packages in the same order."""
    text = (ROOT / "docs" / "explanation" / "architecture.md").read_text(encoding="utf-8")
    table = text.partition("## Layers")[2].partition("\n## ")[0]
    cells = re.findall(r"^\| (`[^|]+) \|", table, re.MULTILINE)
    assert [name for cell in cells for name in re.findall(r"`(\w+)`", cell)] == contract_layers()


def test_no_circle_of_files():
    """A file can be read and tested without one that needs it; imports for types alone count as well."""
    graph = grimp.build_graph("grader", cache_dir=None)
    try:
        TopologicalSorter({name: graph.find_modules_directly_imported_by(name) for name in graph.modules}).prepare()
    except CycleError as circle:
        pytest.fail(" -> ".join(circle.args[1]))
