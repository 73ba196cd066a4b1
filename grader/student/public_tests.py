"""The public tests of a bundle: which looks at what, what came of them, and in whose name a failure is.

A public test often calls several of a student's functions: that of a gradient calls the forward function too. A failure
must not be held against a neighbour, so each test has owners: the names in its own name (``test_affine_backward``) or in
the id of its case; else the one that is defined last among those it calls, for later functions build on earlier ones.
"""

from __future__ import annotations

import ast
import contextlib
import io
import os
import re
import sys
import warnings
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

#: In front of a message, what pytest makes of an exception's type.
_PREFIX = re.compile(r"^(?:AssertionError|CheckFailed): ")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one case of a public test came to.

    ``message`` is empty where it passed; ``unwritten`` names the function that raised NotImplementedError, as in
    ``TwoLayerNet.loss``.
    """

    test: str
    case: str
    message: str = ""
    unwritten: str = ""
    skipped: bool = False


@dataclass(slots=True)
class Outcomes:
    """A run of public tests: its cases, and the files of tests that could not be read, with the reason."""

    folder: str
    cases: list[Outcome] = field(default_factory=list)
    unreadable: dict[str, str] = field(default_factory=dict)
    code: int = 0


@dataclass(frozen=True, slots=True)
class Summary:
    """What a run of all public tests comes to, a test with several cases counted once.

    ``wrong`` has the message of the first case that fails, by test; ``unwritten`` the functions that a test stopped at.
    """

    folder: str
    passed: int
    total: int
    unwritten: tuple[str, ...]
    wrong: dict[str, str]
    unreadable: dict[str, str]
    skipped: int = 0

    @property
    def all_pass(self) -> bool:
        """Whether nothing is left to do for the public tests."""
        return self.passed == self.total and not self.unreadable


@dataclass(frozen=True, slots=True)
class PublicTest:
    """A test function or method: pytest's id of it, and the words of its text, helpers and fixtures included."""

    id: str
    name: str
    words: frozenset[str]

    def mentions(self, name: str) -> bool:
        """Whether the test speaks of ``name``; of ``Class.method``, whether it speaks of both."""
        return self.words.issuperset(name.split("."))


def read_tests(folder: Path) -> list[PublicTest]:
    """The tests in the ``test_*.py`` of ``folder``, read as text. A file that does not parse has none."""
    found = []
    for path in sorted(folder.glob("test_*.py")):
        with contextlib.suppress(SyntaxError, ValueError):
            tree = ast.parse(path.read_text(encoding="utf-8"))
            helpers = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
            for prefix, node in _functions(tree):
                if node.name.startswith("test"):
                    words = _words(node, helpers)
                    found.append(PublicTest(f"{path}::{prefix}{node.name}", node.name, frozenset(words)))
    return found


def _functions(tree: ast.Module) -> Iterator[tuple[str, ast.FunctionDef]]:
    for node in tree.body:
        if isinstance(node, ast.FunctionDef):
            yield "", node
        elif isinstance(node, ast.ClassDef):
            for item in node.body:
                if isinstance(item, ast.FunctionDef):
                    yield f"{node.name}::", item


def _words(node: ast.FunctionDef, helpers: dict[str, ast.FunctionDef]) -> set[str]:
    """Names, attributes and texts of a function and of what it calls in its file; its decorators count."""
    words: set[str] = set()
    todo, seen = [node], {node.name}
    while todo:
        for item in ast.walk(todo.pop()):
            if isinstance(item, ast.Name):
                word = item.id
            elif isinstance(item, ast.Attribute):
                word = item.attr
            elif isinstance(item, ast.arg):
                word = item.arg
            elif isinstance(item, ast.Constant) and isinstance(item.value, str) and item.value.isidentifier():
                word = item.value
            else:
                continue
            words.add(word)
            if word in helpers and word not in seen:
                seen.add(word)
                todo.append(helpers[word])
    return words


def defined_names(folder: Path) -> list[str]:
    """What the modules of the bundle define, in order: functions, classes and ``Class.method``.

    A module that is written in the notebook alone has no file; its names come from the module itself.
    """
    trees = {path.stem: path.read_bytes() for path in sorted(folder.glob("*.py")) if path.name != "conftest.py"}
    names: list[str] = []
    for source in trees.values():
        with contextlib.suppress(SyntaxError, ValueError):
            for node in ast.parse(source).body:
                if isinstance(node, ast.FunctionDef | ast.ClassDef):
                    names.append(node.name)
                if isinstance(node, ast.ClassDef):
                    names += [f"{node.name}.{item.name}" for item in node.body if isinstance(item, ast.FunctionDef)]
    for module in _imported(folder / "public") - set(trees):
        for name, value in _made_here(module):
            if getattr(value, "__module__", None) == module:
                names.append(name)
                if isinstance(value, type):
                    names += [f"{name}.{part}" for part, item in vars(value).items() if callable(item)]
    return names


def _made_here(module: str) -> list[tuple[str, Any]]:
    """What a module holds that has no file: one that comes from elsewhere defines nothing of the bundle."""
    made = sys.modules.get(module)
    found = made is None or made.__spec__ or getattr(made, "__file__", None)
    return [] if found else [*vars(made).items()]


def _imported(folder: Path) -> set[str]:
    """The modules that the tests in ``folder`` import names from."""
    found = set()
    for path in sorted(folder.glob("test_*.py")):
        with contextlib.suppress(SyntaxError, ValueError):
            found |= {node.module for node in ast.parse(path.read_bytes()).body if isinstance(node, ast.ImportFrom)}
    return {module for module in found if module and "." not in module}


def key_of(test_id: str) -> str:
    """A test's file name and its name, from an id with any folder in front."""
    file, _, rest = test_id.partition("::")
    return f"{Path(file).name}::{rest}"


def owners(test: PublicTest, case: str, order: Sequence[str]) -> set[str]:
    """In whose name a failure of ``test`` in ``case`` is; ``order`` has what the bundle defines, as it is defined."""
    for text in (_inside(case), test.name):
        named = {name for name in order if _spoken(name, text)}
        if named:
            return {max(named, key=order.index)} if text != test.name else named
    called = [name for name in order if test.mentions(name)]
    return {called[-1]} if called else set()


def _inside(case: str) -> str:
    """What stands in the brackets of a case's id."""
    return case.partition("[")[2].removesuffix("]")


def _spoken(name: str, text: str) -> bool:
    return name in text and re.search(rf"(?<![A-Za-z0-9]){re.escape(name)}(?![A-Za-z0-9])", text) is not None


def run(targets: Iterable[str], folder: Path) -> Outcomes:
    """Run public tests by pytest, quietly, in this process; ``folder`` is the bundle."""
    import pytest

    collector = _Collector(folder)
    forget(folder / "public")
    arguments = [*targets, "--rootdir", str(folder), "-p", "no:terminal", "-p", "no:cacheprovider", "--capture=no"]
    # Each of these collects garbage until none is left, 0.4 s where torch is loaded.
    arguments += ["-p", "no:unraisableexception", "-p", "no:threadexception"]
    with (
        contextlib.redirect_stdout(io.StringIO()),
        contextlib.redirect_stderr(io.StringIO()),
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("ignore")
        collector.found.code = int(pytest.main([*arguments, "-W", "ignore"], plugins=[collector]))
    forget(folder / "public")
    return collector.found


def summarise(found: Outcomes) -> Summary:
    """Put the cases of a run together, test by test."""
    by_test: dict[str, list[Outcome]] = {}
    for case in found.cases:
        by_test.setdefault(case.test, []).append(case)
    wrong: dict[str, str] = {}
    unwritten: dict[str, None] = {}
    passed = skipped = 0
    for test, cases in by_test.items():
        failed = [case for case in cases if case.message and not case.skipped]
        really = [case for case in failed if not case.unwritten]
        unwritten |= {case.unwritten: None for case in failed if case.unwritten}
        if really:
            which = f" ({really[0].case.partition('[')[2].rstrip(']')})" if "[" in really[0].case else ""
            wrong[f"{test.rpartition('::')[2]}{which}"] = really[0].message
        passed += not failed
        skipped += all(case.skipped for case in cases)
    return Summary(found.folder, passed, len(by_test), tuple(unwritten), wrong, dict(found.unreadable), skipped)


class _Collector:
    """A pytest plugin that keeps what came of each case."""

    def __init__(self, folder: Path) -> None:
        self.found = Outcomes(str(folder / "public"))
        self._folder = folder.resolve()

    def pytest_runtest_makereport(self, item: Any, call: Any) -> None:
        """Keep the outcome of a case: of its set-up where that failed, else of its call."""
        if call.when == "teardown" or (call.when == "setup" and call.excinfo is None):
            return
        test = item.nodeid.partition("[")[0]
        if call.excinfo is None:
            self.found.cases.append(Outcome(test, item.nodeid))
            return
        error = call.excinfo.value
        if type(error).__name__ == "Skipped":
            self.found.cases.append(Outcome(test, item.nodeid, str(error), skipped=True))
            return
        self.found.cases.append(
            Outcome(test, item.nodeid, short_message(error, call.excinfo), self._unwritten(error, call.excinfo))
        )

    def pytest_collectreport(self, report: Any) -> None:
        """Keep the reason why a file cannot be read."""
        if report.failed:
            self.found.unreadable[report.nodeid] = str(report.longrepr).strip().rpartition("\n")[2].removeprefix("E   ")

    def _unwritten(self, error: BaseException, info: Any) -> str:
        """The student's function that is not written yet, by its qualified name."""
        if not isinstance(error, NotImplementedError):
            return ""
        code = info.traceback[-1].frame.code.raw
        path = Path(code.co_filename)
        if path.is_absolute() and (
            not path.is_relative_to(self._folder) or path.is_relative_to(self._folder / "public")
        ):
            return ""
        return str(code.co_qualname).rpartition("<locals>.")[2]


def short_message(error: BaseException, info: Any) -> str:
    """The message of a failure in a line or a few, without the name of an assertion's type.

    A plain ``assert`` has no words of its own, so the line that failed stands before what pytest says of it.
    """
    text = _PREFIX.sub("", str(info.exconly(tryshort=True)).strip())
    if isinstance(error, AssertionError) and text.startswith("assert "):
        line = str(info.traceback[-1].statement).strip()
        return f"{line}\n{text}" if line and line.partition("\n")[0] not in text else text
    return text


def forget(folder: Path) -> None:
    """Have the tests read again next time: they hold what they imported when they were read."""
    root = folder.resolve()
    # As text: there are thousands of modules where torch is loaded, and a check cell comes here twice.
    inside, conftest = f"{root}{os.sep}", str(root.parent / "conftest.py")
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if isinstance(file, str) and (file.startswith(inside) or file == conftest):
            del sys.modules[name]
