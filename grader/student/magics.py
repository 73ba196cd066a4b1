"""What the released notebook uses on a student's machine: modules that can be written in cells, and the public checks.

``%load_ext grader.student`` brings two magics. ``%modules a.py b.py`` makes modules importable that are not there as
files, as on a machine that has nothing but the notebook. ``%%part a.py`` runs a cell inside the module ``a``, so
that what is defined there is what everybody who imports ``a`` gets. The grader reads such a cell as text, and takes
from it what the file does not have.
"""

from __future__ import annotations

import ast
import contextlib
import importlib
import importlib.util
import io
import re
import sys
import types
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

#: Modules that were named so far; what one of them imports from another is kept up to date.
_MODULES: dict[str, types.ModuleType] = {}


def load_ipython_extension(shell: Any) -> None:
    """Called by ``%load_ext grader.student``."""
    shell.register_magic_function(modules, "line", "modules")
    shell.register_magic_function(part, "cell", "part")


def modules(line: str) -> None:
    """Make the modules of the given files importable, from their files where these are there, else empty."""
    for file in line.split():
        _module(file)


def part(line: str, cell: str) -> None:
    """Run a cell inside the module of the file that ``line`` names.

    Where the file has a definition that is written, that one stays: the grader prefers the file as well.
    """
    file = line.split(maxsplit=1)[0] if line.split() else ""
    module = _module(file)
    label = f"<the notebook's part of {file}>"
    kept = []
    filed = _filed(module)
    for node in ast.parse(cell, label).body:
        name = getattr(node, "name", "")
        if name in filed and (_unfinished(node) or not _unfinished(filed[name])):
            kept.append(name)
            continue
        before = dict(vars(module))
        code = compile(ast.Module([node], []), label, "exec")
        exec(code, vars(module))  # noqa: S102 - the student's own cell, on the student's own machine
        _tell_others(module, before)
    if kept:
        sys.stdout.write(f"taken from {file}, not from this cell: {', '.join(kept)}\n")


def check(check_id: str, names: Sequence[str], folder: Path | None = None) -> None:
    """Run the public tests that look at ``names``, for the hidden check ``check_id``.

    Raises:
        AssertionError: one of them fails; the message is the test's own.

    """
    folder = folder or Path()
    wanted = list(_tests(folder / "public", names))
    if not wanted:
        sys.stdout.write(
            f"{check_id} is run by the course's grader after you submit; no public test looks at its part\n"
        )
        return
    collector = _Collector()
    import pytest

    _forget(folder / "public")
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        arguments = [*wanted, "--rootdir", str(folder), "-p", "no:terminal", "-p", "no:cacheprovider", "--capture=no"]
        code = int(pytest.main(arguments, plugins=[collector]))
    _forget(folder / "public")
    if collector.failed:
        failed = "\n\n".join(f"{name}: {message}" for name, message in collector.failed)
        raise AssertionError(f"{len(collector.failed)} of {len(wanted)} public tests fail:\n{failed}")
    if code:
        raise AssertionError(f"the public tests could not be run; try: pytest {folder / 'public'}")
    sys.stdout.write(
        f"{len(wanted)} public tests of this part pass. The grader looks at more: run `pytest public` for all of them\n"
    )


class _Collector:
    """A pytest plugin that keeps what failed."""

    def __init__(self) -> None:
        self.failed: list[tuple[str, str]] = []

    def pytest_runtest_logreport(self, report: Any) -> None:
        """Keep the message of a test that failed."""
        if report.failed:
            crash = getattr(report.longrepr, "reprcrash", None)
            self.failed.append((report.nodeid.rpartition("::")[2], getattr(crash, "message", str(report.longrepr))))

    def pytest_collectreport(self, report: Any) -> None:
        """Keep the message of a file that cannot be read."""
        if report.failed:
            self.failed.append((report.nodeid, str(report.longrepr).strip().rpartition("\n")[2]))


def _tests(folder: Path, names: Iterable[str]) -> Iterator[str]:
    """Ids of the public tests whose text speaks of one of ``names``."""
    pattern = re.compile("|".join(rf"\b{re.escape(name)}\b" for name in names) or r"(?!)")
    for path in sorted(folder.glob("test_*.py")):
        text = path.read_text(encoding="utf-8")
        for node in ast.parse(text).body:
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test"):
                body = ast.get_source_segment(text, node) or ""
                if pattern.search(body):
                    yield f"{path}::{node.name}"


def _forget(folder: Path) -> None:
    """Have the tests read again next time: they hold what they imported when they were read."""
    root = folder.resolve()
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if file and (Path(file).is_relative_to(root) or Path(file) == root.parent / "conftest.py"):
            del sys.modules[name]


def _module(file: str) -> types.ModuleType:
    name = file.removesuffix(".py")
    if not file.endswith(".py") or not name.isidentifier():
        raise ValueError(f"{file!r} is no module's file, such as model.py")
    if name not in _MODULES or sys.modules.get(name) is not _MODULES[name]:
        if name in sys.modules:
            module = sys.modules[name]
        elif Path(file).is_file():
            if str(Path.cwd()) not in sys.path:
                sys.path.insert(0, str(Path.cwd()))
            module = importlib.import_module(name)
        else:
            module = sys.modules[name] = types.ModuleType(name, "Written in the notebook.")
        _MODULES[name] = module
    return _MODULES[name]


def _filed(module: types.ModuleType) -> dict[str, ast.AST]:
    """The functions and classes of the module's file, as it is now; none where there is no file."""
    path = getattr(module, "__file__", None)
    try:
        tree = ast.parse(Path(path).read_bytes()) if path else ast.Module([], [])
    except (OSError, SyntaxError, ValueError):
        return {}
    return {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)}


def _unfinished(node: ast.AST) -> bool:
    """True where a placeholder is still in it."""
    return any(
        isinstance(item, ast.Raise)
        and isinstance(item.exc, ast.Call)
        and isinstance(item.exc.func, ast.Name)
        and item.exc.func.id == "NotImplementedError"
        for item in ast.walk(node)
    )


def _tell_others(module: types.ModuleType, before: dict[str, Any]) -> None:
    """Where another module has imported a name, give it the new version as well."""
    for name, value in vars(module).items():
        if name.startswith("__") or before.get(name) is value or name not in before:
            continue
        for other in _MODULES.values():
            if other is not module and vars(other).get(name) is before[name]:
                setattr(other, name, value)
