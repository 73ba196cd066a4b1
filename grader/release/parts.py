"""Parts of modules as cells of the notebook: cut from the solution, so that each stub is written in one place."""

# nbformat annotates only half of its functions
# mypy: disable-error-code="no-untyped-call"

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any

from grader.errors import AuthoringError
from grader.python_source import DEFINITIONS, first_line, parse
from grader.release.strip import split_lines

if TYPE_CHECKING:
    from pathlib import Path

    from grader.course import Assignment


def fill_parts(notebook: Any, assignment: Assignment, source: Path) -> None:
    """Fill the cells that stand for parts of a module; such a cell is empty in the source and names what it defines.

    ``# %% autograde={"file": "tensor_ops.py", "define": ["sigmoid", "Sigmoid"]}`` becomes a solution cell with these
    two definitions of the solution, in a ``%%part tensor_ops.py`` cell. The first cell of a file has its imports too.

    Raises:
        AuthoringError: the cell names a file or a definition that the assignment has not, or has text of its own.

    """
    started: set[str] = set()
    for cell in notebook.cells:
        told = cell.metadata.get("autograde")
        if not isinstance(told, dict) or "define" not in told:
            continue
        file, names = told.get("file"), told.get("define")
        if file not in assignment.files or not isinstance(names, list) or not names:
            raise AuthoringError(
                f"a part names the file {file!r} and defines {names!r}",
                where=source,
                fix='write `# %% autograde={"file": "a.py", "define": ["f"]}` with a file of the assignment',
            )
        if cell.source.strip():
            raise AuthoringError(
                f"the part of {file} that defines {', '.join(names)} has text of its own",
                where=source,
                fix="leave the cell empty: it is filled from the solution",
            )
        texts = _definitions(assignment.solution_folder / file, names, source, imports=file not in started)
        started.add(file)
        cell.source = f"%%part {file}\n" + "\n\n\n".join(texts)
        cell.metadata["autograde"] = {"file": file}
        grade_id = f"part-{file[:-3]}-{names[0]}"
        metadata = {"grade": False, "grade_id": grade_id, "locked": False, "solution": True, "task": False}
        cell.metadata["nbgrader"] = {**metadata, "schema_version": 3}


def _definitions(path: Path, names: list[str], source: Path, *, imports: bool) -> list[str]:
    text = path.read_text(encoding="utf-8")
    lines = split_lines(text)
    found: dict[str, str] = {}
    head: list[str] = []
    for node in parse(text).body:
        segment = "".join(lines[first_line(node) - 1 : node.end_lineno]).rstrip("\n")
        if isinstance(node, ast.Import | ast.ImportFrom):
            head.append(segment)
        elif isinstance(node, DEFINITIONS):
            found[node.name] = segment
        elif isinstance(node, ast.Assign):
            found |= {target.id: segment for target in node.targets if isinstance(target, ast.Name)}
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            found[node.target.id] = segment
    for name in names:
        if name not in found:
            raise AuthoringError(f"{path.name} defines no `{name}`", where=source, fix=f"use of: {', '.join(found)}")
    return [*(["\n".join(head)] if imports and head else []), *(_whole(found[name]) for name in names)]


def _whole(segment: str) -> str:
    """The segment with the marker that ends its last region: a comment is no part of a statement."""
    if segment.count("### BEGIN SOLUTION") == segment.count("### END SOLUTION"):
        return segment
    begin = next(line for line in reversed(segment.split("\n")) if "### BEGIN SOLUTION" in line)
    return f"{segment}\n{begin.replace('BEGIN', 'END')}"


def looked_at(assignment: Assignment) -> dict[str, list[str]]:
    """For each hidden check, the names of the students' modules that it asks for; nothing is run.

    Functions and classes by name, methods as ``Class.method``. What a check asks for through the helpers and fixtures
    of its file, or of the suite's conftest.py, counts.
    """
    names: set[str] = set()
    methods: dict[str, set[str]] = {}
    for file in assignment.files:
        path = assignment.solution_folder / file
        if file.endswith(".py") and path.is_file():
            for part in parse(path.read_bytes()).body:
                if isinstance(part, DEFINITIONS):
                    names.add(part.name)
                if isinstance(part, ast.ClassDef):
                    methods[part.name] = {item.name for item in part.body if isinstance(item, ast.FunctionDef)}
    shared = _functions(assignment.hidden_folder / "conftest.py")
    found: dict[str, list[str]] = {}
    for path in sorted(assignment.hidden_folder.rglob("test_*.py")):
        helpers = shared | _functions(path)
        for node in ast.walk(parse(path.read_bytes())):
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test"):
                found[node.name] = _looked_at(node, helpers, names, methods)
    return found


def _looked_at(
    node: ast.FunctionDef, helpers: dict[str, ast.FunctionDef], names: set[str], methods: dict[str, set[str]]
) -> list[str]:
    asked: set[str] = set()
    todo, seen = [node], {node.name}
    while todo:
        words = _asked(todo.pop())
        asked |= words
        todo += [helpers[word] for word in words & helpers.keys() - seen]
        seen |= words
    wanted: set[str] = set()
    for name in asked & names:
        own = {f"{name}.{method}" for method in methods.get(name, set()) & asked}
        wanted |= own or {name}
    return sorted(wanted)


def _functions(path: Path) -> dict[str, ast.FunctionDef]:
    """The functions of a file, fixtures among them; none where there is no file."""
    if not path.is_file():
        return {}
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {node.name: node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


def _asked(node: ast.AST) -> set[str]:
    """Names, attributes and texts of a check: `student.softmax`, `student.ref("softmax")`, helpers and fixtures."""
    asked: set[str] = set()
    for item in ast.walk(node):
        if isinstance(item, ast.Attribute):
            asked.add(item.attr)
        elif isinstance(item, ast.Name):
            asked.add(item.id)
        elif isinstance(item, ast.arg):
            asked.add(item.arg)
        elif isinstance(item, ast.Constant) and isinstance(item.value, str) and item.value.isidentifier():
            asked.add(item.value)
    return asked
