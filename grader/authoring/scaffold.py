"""``autograde new``: an assignment to start from, small and whole, which validates as it is."""

from __future__ import annotations

import json
import keyword
import sys
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING

import yaml

from grader.course import FILE_NAME, Student, find_course_file, load_course
from grader.course.roster_text import scalar, student_lines
from grader.errors import AuthoringError, CourseError
from grader.files import write_file

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

#: Where each template goes, from the course's root.
_FILES = {
    "README.md": "assignments/{name}/README.md",
    "notebook.py": "assignments/{name}/notebook.py",
    "public_test.py": "assignments/{name}/public/test_{name}.py",
    "hidden_test.py": "assignments/{name}/hidden/test_{name}.py",
    "variants.yml": "assignments/{name}/variants.yml",
    "solution.py": "solutions/{name}/{name}.py",
}


def new_assignment(
    name: str, *, title: str | None = None, course: Path | None = None, start: bool = False
) -> tuple[Path, ...]:
    """Write a first assignment ``name`` and its entry in autograde.yml; returns the files written or changed.

    ``course`` is the course's file or folder (None: searched upward from here). With ``start`` a folder without
    autograde.yml becomes a course of its own. Nothing that exists is overwritten.

    Raises AuthoringError where the name cannot be one or is taken, CourseError where there is no course.
    """
    check_name(name)
    path, text = course_text(course, start=start)
    written = add_assignment(name, path, text, title=title)
    load_course(path)
    return written


def add_assignment(name: str, path: Path, text: str, *, title: str | None = None) -> tuple[Path, ...]:
    """Write the template's assignment beside the course file ``path``, whose text is to be ``text`` with its entry.

    Raises AuthoringError where the name cannot be one or is taken, CourseError where nothing can be added to ``text``.
    """
    check_name(name)
    root = path.parent
    for folder in (root / "assignments" / name, root / "solutions" / name):
        if folder.exists():
            raise AuthoringError(
                "an assignment with this name already exists", where=folder, fix="choose another name, or remove it"
            )
    values = {"name": name, "title": title or name.replace("_", " ").capitalize()}
    entry = filled("entry.yml", {**values, "title_yaml": json.dumps(values["title"], ensure_ascii=False)})
    text = with_entries(text, entry, path)
    written = [root / place.format(name=name) for place in _FILES.values()]
    for template, target in zip(_FILES, written, strict=True):
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(filled(template, values), encoding="utf-8")
    # The entry last: until then the course is as it was.
    write_file(path, text)
    return (*written, path)


def check_name(name: str) -> None:
    """Raise AuthoringError where ``name`` cannot be an assignment's.

    The name becomes a module, a folder and a key, and must hide no module that checks or students import.
    """
    taken = name in sys.stdlib_module_names or name in {"torch", "torchvision", "numpy", "pytest", "grader", "nbgrader"}
    if not name.isidentifier() or not name.isascii() or name != name.lower() or keyword.iskeyword(name) or taken:
        why = "is the name of a module that others import" if taken else "cannot name a Python module"
        raise AuthoringError(f"{name!r} {why}", fix="use lower-case letters, digits and _, such as word_vectors")


def course_text(course: Path | None, *, start: bool) -> tuple[Path, str]:
    """The course file around ``course`` and its text; with ``start``, that of a new one. Raises CourseError."""
    try:
        path = find_course_file(course)
    except CourseError as error:
        if not start:
            raise CourseError(
                error.what, where=error.where, fix="change to the course's folder, or start a course here with --start"
            ) from None
        folder = course or Path.cwd()
        path = (folder if folder.suffix != ".yml" else folder.parent) / FILE_NAME
        path.parent.mkdir(parents=True, exist_ok=True)
        return path, filled("course.yml", course_values())
    load_course(path)  # a course that is broken already is told of before anything is written
    return path, path.read_text(encoding="utf-8")


def course_values(name: str = "My course", timezone: str = "UTC", students: Sequence[Student] = ()) -> dict[str, str]:
    """What the template of a course file is filled with; an example stands where there is no student yet."""
    shown = students or [Student(id="ada", name="Ada Lovelace", email="ada@example.org")]
    return {"name_yaml": scalar(name), "timezone": timezone, "students": student_lines(shown, "    ").rstrip("\n")}


def with_entries(text: str, entry: str, path: Path) -> str:
    """``text``, of the course file at ``path``, with ``entry`` after the last assignment; comments and layout stay.

    Raises:
        CourseError: the file is written in a way that cannot be added to.
    """
    document = yaml.compose(text, Loader=yaml.SafeLoader)
    pairs = document.value if isinstance(document, yaml.MappingNode) else []
    value = next((value for key, value in pairs if key.value == "assignments"), None)
    if value is None:
        raise CourseError("there is no key `assignments`", where=path, fix="add a line `assignments:` at the end")
    if isinstance(value, yaml.ScalarNode):  # `assignments:` with nothing below it yet
        return text.rstrip("\n") + "\n" + entry
    if value.flow_style:
        raise CourseError(
            "`assignments` is written in braces, where no entry can be added",
            where=f"{path}:{value.start_mark.line + 1}",
            fix="write each assignment on lines of its own",
        )
    # PyYAML puts a block's end where the next key starts, behind blank lines and comments: go back to the last
    # line that belongs to the block, which is indented.
    lines = text.splitlines(keepends=True)
    last = min(value.end_mark.line, len(lines))
    while not lines[last - 1].startswith(" ") or not lines[last - 1].strip():
        last -= 1
    indent = " " * value.start_mark.column
    entry = "".join(indent + line.removeprefix("  ") for line in entry.splitlines(keepends=True))
    head = "".join(lines[:last])
    return (head if head.endswith("\n") else head + "\n") + entry + "".join(lines[last:])


def filled(template: str, values: Mapping[str, str]) -> str:
    """A template of ours with its ``$NAME`` replaced."""
    source = files("grader.authoring").joinpath("templates", f"{template}.tmpl").read_text(encoding="utf-8")
    return Template(source).substitute(values)
