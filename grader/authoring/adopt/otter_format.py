"""Reads Otter's assignments: the source format with raw cells, and the handed-out one with tests in metadata or files.

Source of the formats: Otter-Grader's documentation, "Creating assignments" and "Test files".
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from grader.authoring.adopt.doctests import assertions
from grader.authoring.adopt.foreign import Answer, Cell, Check, Foreign, Given, Notebook, Text, Written

_CONFIG = re.compile(r"^\s*#\s*ASSIGNMENT CONFIG\b", re.IGNORECASE)
_MARK = re.compile(r"^\s*#\s*(?P<edge>BEGIN|END)\s+(?P<part>QUESTION|PROMPT|SOLUTION|TESTS)\b", re.IGNORECASE)
_TEST_CONFIG = re.compile(
    r"^\s*(?:\"\"\"|''')?\s*#\s*BEGIN TESTS? CONFIG\s*\n(?P<yaml>.*?)^\s*(?:\"\"\"|''')?\s*#\s*END TESTS? CONFIG\s*$\n?",
    re.MULTILINE | re.DOTALL | re.IGNORECASE,
)
_HIDDEN = re.compile(r"^\s*#\s*HIDDEN\b.*$\n?", re.MULTILINE)
_CALL = re.compile(r"^\s*grader\.(?:check|check_all|export)\(\s*(?:[\"'](?P<name>[\w.-]+)[\"'])?", re.MULTILINE)
_OTTER = re.compile(r"^.*\b(?:import otter|otter\.Notebook\().*$\n?", re.MULTILINE)


@dataclass
class _Question:
    """A question while its cells are read."""

    name: str
    points: Any
    manual: bool
    all_or_nothing: bool
    cases: list[_Case] = field(default_factory=list)


@dataclass
class _Case:
    cell: int
    code: str
    hidden: bool
    points: float | None


def is_otter(notebook: Notebook) -> bool:
    """Whether it has a configuration cell of Otter's, tests in its metadata or a folder of them, or asks its checker."""
    return (
        any(_CONFIG.match(cell.source) for cell in notebook.cells)
        or "otter" in notebook.metadata
        or any(_CALL.search(cell.source) for cell in notebook.cells if cell.kind == "code")
    )


def read_otter(notebook: Notebook) -> Foreign:
    """The assignment that the notebook is, with its tests. Nothing raises: what is not understood is left."""
    found = Foreign("Otter", notebook.title)
    if any(_CONFIG.match(cell.source) for cell in notebook.cells):
        _read_source(notebook, found)
    else:
        _read_handed_out(notebook, found)
    return found


# -- the source format -------------------------------------------------------------------------------------------------


def _read_source(notebook: Notebook, found: Foreign) -> None:
    question: _Question | None = None
    part = ""
    for cell in notebook.cells:
        mark = _MARK.match(cell.source) if cell.kind in ("raw", "markdown") else None
        if _CONFIG.match(cell.source) and cell.kind == "raw":
            _read_config(cell, found)
        elif mark is None:
            _read_inside(cell, part, question, found)
        elif mark["part"].upper() == "QUESTION":
            if mark["edge"].upper() == "BEGIN":
                question = _begin(cell, found)
            elif question is not None:
                _end(question, found)
                question = None
        else:
            part = mark["part"].upper() if mark["edge"].upper() == "BEGIN" else ""


def _read_inside(cell: Cell, part: str, question: _Question | None, found: Foreign) -> None:
    """A cell that is no mark: its meaning is that of the part it is in."""
    if part == "PROMPT":
        return  # our stub is cut from the solution
    if part == "TESTS" and question is not None:
        if cell.kind == "code":
            question.cases.append(_case(cell, found))
    elif part == "SOLUTION" and question is not None and question.manual:
        found.items.append(Written(cell.number, cell.source, question.name, _total(question), cell.kind == "markdown"))
    elif cell.kind == "markdown":
        found.items.append(Text(cell.number, cell.source))
    elif cell.kind == "code":
        _add_code(cell, found, answer=part == "SOLUTION" or bool(re.search(r"#\s*(?:BEGIN )?SOLUTION\b", cell.source)))


def _read_config(cell: Cell, found: Foreign) -> None:
    told = _yaml(cell.source)
    if name := told.get("name"):
        found.title = str(name)
    for key in ("files", "environment", "requirements", "seed", "variables", "plugins", "exclude_conflicts"):
        if key in told:
            found.leave(cell.number, f"the setting `{key}`", "see whether the course file has one like it")


def _begin(cell: Cell, found: Foreign) -> _Question:
    told = _yaml(cell.source)
    name = str(told.get("name") or f"q{cell.number}")
    points = told.get("points")
    if isinstance(points, dict):
        points = points.get("each", points)
    if told.get("check_cell") is False:
        found.leave(cell.number, f"`check_cell: false` of {name}", "nothing: our notebook has a cell for each check")
    return _Question(name, points, bool(told.get("manual")), bool(told.get("all_or_nothing")))


def _case(cell: Cell, found: Foreign) -> _Case:
    source, config = cell.code, {}
    if match := _TEST_CONFIG.search(source):
        config = _yaml(match["yaml"])
        source = source[: match.start()] + source[match.end() :]
    hidden = bool(config.get("hidden")) or _HIDDEN.match(source) is not None
    text, left = assertions([(_HIDDEN.sub("", source, count=1).strip("\n"), cell.shown)])
    for what in left:
        found.leave(cell.number, what, "write the comparison out as an assertion")
    return _Case(cell.number, text, hidden, _number(config.get("points")))


def _end(question: _Question, found: Foreign) -> None:
    """The question's checks, one for each of its test cases, with Otter's shares of its points."""
    if question.manual:
        return
    if not question.cases:
        if question.points:
            found.leave(question.name, f"{question.name} has {question.points} points and no test", "write a check")
        return
    _add_checks(question, found)


def _add_checks(question: _Question, found: Foreign) -> None:
    cases = question.cases
    shares = _shares(question)
    if question.all_or_nothing and len(cases) > 1:
        code = "\n\n".join(case.code for case in cases)
        public = "\n\n".join(case.code for case in cases if not case.hidden)
        found.items.append(
            Check(cases[0].cell, code, question.name, sum(shares), public, f"The tests of `{question.name}`.")
        )
        return
    for number, (case, points) in enumerate(zip(cases, shares, strict=True), start=1):
        name = question.name if len(cases) == 1 else f"{question.name}_{number}"
        title = f"The tests of `{name}`." if len(cases) == 1 else f"`{question.name}`, test {number}."
        if not points:
            found.leave(case.cell, f"the test {name} earns no points", "give it points, or make it a public test")
            continue
        found.items.append(Check(case.cell, case.code, name, points, "" if case.hidden else case.code, title))


def _shares(question: _Question) -> list[float]:
    """What each case earns: its own points, and an equal share of what is left of the question's; 1 in all by default."""
    cases = question.cases
    if isinstance(question.points, list):
        return [_number(value) or 0.0 for value in question.points][: len(cases)] + [0.0] * (
            len(cases) - len(question.points)
        )
    own = [case.points for case in cases]
    total = _number(question.points)
    if total is None:
        total = 1.0 if all(value is None for value in own) else sum(value or 0.0 for value in own)
    open_cases = sum(value is None for value in own)
    share = (total - sum(value or 0.0 for value in own)) / open_cases if open_cases else 0.0
    return [round(share if value is None else value, 6) for value in own]


def _total(question: _Question) -> float:
    points = question.points
    return (
        float(sum(_number(value) or 0.0 for value in points)) if isinstance(points, list) else (_number(points) or 1.0)
    )


# -- the format that is handed out ----------------------------------------------------------------------------------------


def _read_handed_out(notebook: Notebook, found: Foreign) -> None:
    tests = _metadata_tests(notebook) | _file_tests(notebook.path.parent / "tests", found)
    cells = [cell for cell in notebook.cells if cell.kind in ("markdown", "code")]
    for place, cell in enumerate(cells):
        call = _CALL.search(cell.source) if cell.kind == "code" else None
        following = next((other for other in cells[place + 1 :] if other.kind == "code"), None)
        if cell.kind == "markdown":
            found.items.append(Text(cell.number, cell.source))
        elif call is None:
            asked = following is not None and _CALL.search(following.source) is not None
            _add_code(cell, found, answer=asked)
        elif call["name"]:
            if (read := tests.pop(call["name"], None)) is None:
                found.leave(cell.number, f"the check {call['name']} has no test", "write a check")
            else:
                _add_checks(read(cell.number, found), found)
    for name, read in tests.items():
        _add_checks(read(len(notebook.cells) + 1, found), found)
        found.leave(
            f"tests/{name}", f"{name} is checked nowhere in the notebook", "nothing: it is a check all the same"
        )


_Reader = Callable[[int, Foreign], _Question]


def _metadata_tests(notebook: Notebook) -> dict[str, _Reader]:
    tests = notebook.metadata.get("otter", {}).get("tests", {})
    return {str(name): _reader(test) for name, test in tests.items() if isinstance(test, dict)}


def _file_tests(folder: Path, found: Foreign) -> dict[str, _Reader]:
    """The tests in files, read as text: a dictionary of doctests each, or functions for an environment."""
    tests: dict[str, _Reader] = {}
    for path in sorted(folder.glob("*.py")) if folder.is_dir() else ():
        try:
            tree = ast.parse(path.read_text(encoding="utf-8"))
            values = [node.value for node in tree.body if isinstance(node, ast.Assign) and _binds(node, "test")]
            tests[path.stem] = _reader(ast.literal_eval(values[-1]))
        except (OSError, UnicodeDecodeError, SyntaxError, ValueError, IndexError):
            found.leave(f"tests/{path.name}", "tests that are functions for an environment", "write them as checks")
    return tests


def _reader(test: dict[str, Any]) -> _Reader:
    def read(cell: int, found: Foreign) -> _Question:
        name = str(test.get("name") or "question")
        question = _Question(name, test.get("points"), manual=False, all_or_nothing=bool(test.get("all_or_nothing")))
        for suite in test.get("suites", ()):
            for case in suite.get("cases", ()):
                text, left = assertions([(str(case.get("code", "")), None)])
                for what in left:
                    found.leave(f"{name}, a test case", what, "write the comparison out as an assertion")
                points = _number(case.get("points"))
                question.cases.append(_Case(cell, text, bool(case.get("hidden")), points))
        return question

    return read


# -- both ----------------------------------------------------------------------------------------------------------------


def _add_code(cell: Cell, found: Foreign, *, answer: bool) -> None:
    source = _OTTER.sub("", cell.source).strip("\n")
    if source.strip():
        found.items.append((Answer if answer else Given)(cell.number, source))


def _yaml(text: str) -> dict[str, Any]:
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    try:
        told = yaml.safe_load("\n".join(lines))
    except yaml.YAMLError:
        return {}
    return told if isinstance(told, dict) else {}


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _binds(node: ast.Assign, name: str) -> bool:
    return any(isinstance(target, ast.Name) and target.id == name for target in node.targets)
