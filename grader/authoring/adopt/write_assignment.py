"""Writes an adopted assignment into a course: module, suites, notebook, handout and its entry in autograde.yml."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path

from grader.authoring.adopt.adopted_checks import make_suites
from grader.authoring.adopt.adopted_module import Module, make_module
from grader.authoring.adopt.foreign import Answer, Foreign, Given, Left, Notebook, Text, Written, read_notebook_file
from grader.authoring.adopt.nbgrader_format import is_nbgrader, read_nbgrader
from grader.authoring.adopt.otter_format import is_otter, read_otter
from grader.authoring.scaffold import check_name, course_text, filled, with_entries
from grader.course import load_course, read_suite
from grader.errors import AuthoringError
from grader.files import write_file
from grader.intake.ipython_syntax import neutralise

_HEAD = """\
# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---
"""
_VARIANTS = """\
# Wrong and correct versions of the solution, which measure this grader: `autograde validate {name}`. The adopted one had none.
# - wrong: one-off
#   why: the mistake that your students make most
#   edit: {{file: {name}.py, find: "...", replace: "..."}}
#   expect: [{check}]
[]
"""
_README = """\
# {title}

Write your code in `{name}.py`, where a function raises `NotImplementedError`, or in the notebook `{name}.ipynb`. Keep names and
signatures. `pytest public` runs the tests that you may see.
"""


@dataclass(frozen=True)
class Adopted:
    """What became of an assignment: its name, where it was from, its checks with their points, its written questions, what is left."""

    name: str
    format: str
    checks: dict[str, float]
    written: dict[str, float]
    left: tuple[Left, ...]
    files: tuple[Path, ...]


def adopt(source: Path, *, name: str | None = None, course: Path | None = None, start: bool = False) -> Adopted:
    """Make an assignment of nbgrader's or Otter's one of the course.

    Args:
        source: the instructor's notebook, or the folder that holds it.
        name: the assignment's name; made of the notebook's where it is left out.
        course: the course's file or folder; searched upward from here where it is left out.
        start: start a course there if there is none.

    Raises:
        AuthoringError: the notebook cannot be read, is of neither tool, has no test that can be a check, or the name is taken.
        CourseError: there is no course, or it cannot be added to.
    """
    notebook, others = _find(source)
    found = read_nbgrader(notebook) if is_nbgrader(notebook) else read_otter(notebook)
    name = name or re.sub(r"\W+", "_", notebook.path.stem).strip("_").lower()
    check_name(name)
    path, text = course_text(course, start=start)
    root = path.parent
    for folder in (root / "assignments" / name, root / "solutions" / name):
        if folder.exists():
            raise AuthoringError(
                "an assignment with this name already exists", where=folder, fix="choose another with --name"
            )
    module = make_module(found, found.title)
    suites = make_suites(found, module, name)
    if "@points" not in suites.hidden:
        raise AuthoringError(
            "no test of it can be a check",
            where=notebook.path,
            fix="see that cells have points; hidden tests are in the instructor's version",
        )
    for other in others:
        found.leave(
            other.name, "a file beside the notebook", f"copy it to assignments/{name}/data/ or hidden/, if it is needed"
        )
    first = re.search(r"def (test_\w+)", suites.hidden)
    files = {
        f"solutions/{name}/{name}.py": module.source,
        f"assignments/{name}/hidden/test_{name}.py": suites.hidden,
        f"assignments/{name}/public/test_{name}.py": suites.public or _no_public(name),
        f"assignments/{name}/notebook.py": notebook_source(found, module, name),
        f"assignments/{name}/README.md": _README.format(title=found.title, name=name),
        f"assignments/{name}/variants.yml": _VARIANTS.format(name=name, check=first[1] if first else "test_it"),
    }
    entry = filled("entry.yml", {"name": name, "title_yaml": json.dumps(found.title, ensure_ascii=False)})
    text = with_entries(text, entry, path)
    for place, content in files.items():
        write_file(root / place, content)
    write_file(path, text)
    load_course(path)
    checks = {check.id: check.points for check in read_suite(root / "assignments" / name / "hidden")}
    written = {item.id: item.points for item in found.items if isinstance(item, Written)}
    return Adopted(name, found.format, checks, written, tuple(found.left), tuple(root / place for place in files))


def notebook_source(found: Foreign, module: Module, name: str) -> str:
    """The notebook as text: what students read and run, a cell for each part that they write, and the written questions."""
    parts = [_HEAD, _cell("", f"# %load_ext grader.student\n# %modules {name}.py")]
    for item in found.items:
        if isinstance(item, Text):
            parts.append(_cell(" [markdown]", _commented(item.source)))
        elif isinstance(item, Given):
            parts.append(_cell("", _magics_commented(item.source)))
        elif isinstance(item, Answer) and item.cell in module.parts:
            told = json.dumps({"file": f"{name}.py", "define": list(module.parts[item.cell])})
            parts.append(f"# %% autograde={told}\n")
        elif isinstance(item, Written):
            points: float = int(item.points) if item.points.is_integer() else item.points
            told = json.dumps({
                "grade": True, "grade_id": item.id, "locked": False, "points": points, "schema_version": 3, "solution": True, "task": False,
            })  # fmt: skip
            kind = " [markdown]" if item.markdown else ""
            parts.append(_cell(f"{kind} nbgrader={told}", _commented(item.source) if item.markdown else item.source))
    return "\n".join(parts)


def _find(source: Path) -> tuple[Notebook, list[Path]]:
    """The notebook of either tool, and the files beside it."""
    paths = sorted(source.glob("*.ipynb")) if source.is_dir() else [source]
    notebooks = [read_notebook_file(path) for path in paths]
    fit = [notebook for notebook in notebooks if is_nbgrader(notebook) or is_otter(notebook)]
    if len(fit) != 1:
        what = "several notebooks are of nbgrader or Otter" if fit else "no notebook of nbgrader or Otter is here"
        raise AuthoringError(what, where=source, fix="name the instructor's version of one notebook")
    folder = fit[0].path.parent
    others = (
        [path for path in sorted(folder.iterdir()) if path.is_file() and path != fit[0].path] if source.is_dir() else []
    )
    return fit[0], others


def _cell(rest: str, text: str) -> str:
    return f"# %%{rest}\n{text}\n"


def _commented(text: str) -> str:
    return "\n".join(f"# {line}".rstrip() for line in text.splitlines())


def _magics_commented(text: str) -> str:
    """Code with magics and shell lines as comments, which jupytext makes magics again."""
    pairs = zip(text.split("\n"), neutralise(text).split("\n"), strict=False)
    return "\n".join(line if line == plain else f"# {line}" for line, plain in pairs)


def _no_public(name: str) -> str:
    return (
        f'"""Tests for you: `pytest public`. Your course shows none of its own here; add yours."""\n\n'
        f"import {name}\n\n\ndef test_the_module_is_read():\n    assert {name}.__name__ == {name!r}\n"
    )
