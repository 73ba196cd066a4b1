"""The roster in autograde.yml, edited as text: whoever stays keeps comments, handles and layout to the letter.

A YAML library would write the whole file anew. Here only the lines and values that change are touched, by the places that
PyYAML gives for each node, and the result is loaded before it replaces the file.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from grader.course.load import FILE_NAME, load_course
from grader.course.models import Student
from grader.errors import CourseError
from grader.files import write_file

_PLAIN = re.compile(r"[^\W\d_](?:[\w .'@+-]*[\w.])?")
#: What YAML, in some version, takes for something other than text.
_WORDS = frozenset({"null", "true", "false", "yes", "no", "on", "off", "y", "n", "nan", "inf"})
_FIX = "write each student on a line of its own: `- {id: ada, name: Ada Lovelace}`; or edit the roster by hand"


@dataclass(frozen=True)
class RosterEdit:
    """What changes: new students, new texts of ``name`` and ``email`` by the student's id, and ids that go."""

    add: Sequence[Student] = ()
    change: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    remove: frozenset[str] = frozenset()


def write_roster(path: Path, edit: RosterEdit) -> None:
    """Make the changes in the course file at ``path``, at once or not at all.

    Raises:
        CourseError: the roster is written in a way that cannot be edited, or would be wrong afterwards; the file is as it was.
    """
    try:
        data = path.read_bytes()
        text = edited(data.decode("utf-8"), edit, path)
        _check(text, path, edit)
        write_file(path, text, mode=path.stat().st_mode & 0o777, durable=True)
    except OSError as error:
        raise CourseError(f"cannot be written: {error.strerror}", where=path, fix="check its owner and mode") from error


def edited(text: str, edit: RosterEdit, path: Path) -> str:
    """``text``, of the course file at ``path``, with the changes made.

    Raises:
        CourseError: the roster is written in a way that cannot be edited.
    """
    node = _students(text, path)
    newline = "\r\n" if "\r\n" in text else "\n"
    if isinstance(node, _Gap):
        opening = "" if not text[: node.place] or text[: node.place].endswith("\n") else newline
        keys = "".join(f"{key}{newline}" for key in node.keys)
        lines = student_lines(edit.add, 2 * node.indent, newline)
        return _spliced(text, [(*node.empty, ""), (node.place, node.place, opening + keys + lines)])
    splices: list[tuple[int, int, str]] = []
    last, indent = 0, ""
    for item in node.value:
        student = _Item(text, item, path)
        indent, last = student.indent, student.end
        if student.id in edit.remove:
            splices.append((student.start, student.end, ""))
            continue
        for name, value in edit.change.get(student.id, {}).items():
            splices.append(student.set(name, value, newline))
    added = student_lines(edit.add, indent, newline)
    if added and not text[:last].endswith(("\n", "\r")):
        added = newline + added
    return _spliced(text, [*splices, (last, last, added)])


class _Item:
    """One student in the text: ``start`` to ``end`` are whole lines."""

    def __init__(self, text: str, node: yaml.Node, path: Path) -> None:
        self._text, self._path = text, path
        self.start = text.rfind("\n", 0, node.start_mark.index) + 1
        dash = re.fullmatch(r"([ \t]*)-[ \t]+", text[self.start : node.start_mark.index])
        pairs = node.value if isinstance(node, yaml.MappingNode) else []
        self._values = {str(key.value): value for key, value in pairs if isinstance(key, yaml.ScalarNode)}
        plain = all(
            isinstance(value, yaml.ScalarNode) and value.style not in ("|", ">") for value in self._values.values()
        )
        if dash is None or not plain or "id" not in self._values or "name" not in self._values or "<<" in self._values:
            raise CourseError("this student cannot be edited", where=f"{path}:{node.start_mark.line + 1}", fix=_FIX)
        self.indent = dash[1]
        self._flow = isinstance(node, yaml.MappingNode) and bool(node.flow_style)
        self._column = node.start_mark.column
        self.id = str(self._values["id"].value)
        inside = node.end_mark.index if self._flow else max(value.end_mark.index for value in self._values.values())
        ending = text.find("\n", inside)
        self.end = len(text) if ending < 0 else ending + 1

    def set(self, name: str, value: str, newline: str) -> tuple[int, int, str]:
        """The splice that gives the key ``name`` the text ``value``."""
        old = self._values.get(name)
        if old is not None:
            return old.start_mark.index, old.end_mark.index, scalar(value)
        place = self._values["name"].end_mark.index
        if self._flow:
            return place, place, f", {name}: {scalar(value)}"
        ending = re.compile(r"[^\r\n]*").match(self._text, place)
        place = ending.end() if ending else place
        return place, place, f"{newline}{' ' * self._column}{name}: {scalar(value)}"


def scalar(text: str) -> str:
    """``text`` as YAML, plain where nobody can take it for anything else, between or outside of braces."""
    if _PLAIN.fullmatch(text) and text.casefold() not in _WORDS and "  " not in text:
        return text
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def student_lines(students: Sequence[Student], indent: str, newline: str = "\n") -> str:
    """The students as items of a YAML list, a line each."""
    rows = []
    for student in students:
        email = f", email: {scalar(student.email)}" if student.email else ""
        rows.append(f"{indent}- {{id: {scalar(student.id)}, name: {scalar(student.name)}{email}}}{newline}")
    return "".join(rows)


@dataclass(frozen=True, slots=True)
class _Gap:
    """Where the first students go: the ``place`` of their lines, the ``keys`` that are written above them, and what goes."""

    place: int
    indent: str
    keys: tuple[str, ...] = ()
    empty: tuple[int, int] = (0, 0)


def _students(text: str, path: Path) -> yaml.SequenceNode | _Gap:
    """The node of roster.students, or the gap where it is missing or empty."""
    roster = _value(yaml.compose(text, Loader=yaml.SafeLoader), "roster")
    if roster is None:
        return _Gap(len(text), "  ", ("roster:", "  students:"))
    key, node = roster
    if _is_empty(node):
        return _Gap(_after_line(text, node.end_mark.index), "  ", ("  students:",), _span(node))
    where = f"{path}:{node.start_mark.line + 1}"
    if not _is_block(node, key):
        raise CourseError("the roster is not written on lines of its own", where=where, fix=_FIX)
    indent = " " * node.start_mark.column
    students = _value(node, "students")
    if students is None:
        return _Gap(_after_line(text, key.end_mark.index), indent, (f"{indent}students:",))
    key, node = students
    if _is_empty(node):
        return _Gap(_after_line(text, node.end_mark.index), indent, (), _span(node))
    if not isinstance(node, yaml.SequenceNode) or not _is_block(node, key):
        raise CourseError("the students are not written on lines of their own", where=where, fix=_FIX)
    return node


def _value(node: yaml.Node | None, key: str) -> tuple[yaml.Node, yaml.Node] | None:
    pairs = node.value if isinstance(node, yaml.MappingNode) else []
    return next(((name, value) for name, value in pairs if name.value == key), None)


def _is_empty(node: yaml.Node) -> bool:
    return isinstance(node, yaml.CollectionNode) and not node.value


def _is_block(node: yaml.Node, key: yaml.Node) -> bool:
    """True for what is written on lines of its own below its key; an alias points to another place."""
    return (
        isinstance(node, yaml.CollectionNode) and not node.flow_style and node.start_mark.index > key.start_mark.index
    )


def _span(node: yaml.Node) -> tuple[int, int]:
    return node.start_mark.index, node.end_mark.index


def _after_line(text: str, place: int) -> int:
    ending = text.find("\n", place)
    return len(text) if ending < 0 else ending + 1


def _spliced(text: str, splices: Sequence[tuple[int, int, str]]) -> str:
    pieces, done = [], 0
    for start, end, new in sorted(splices, key=lambda splice: splice[:2]):
        pieces += [text[done:start], new]
        done = end
    return "".join([*pieces, text[done:]])


def _check(text: str, path: Path, edit: RosterEdit) -> None:
    """Load what would be written, and compare it with what was asked for."""
    before = load_course(path, check_files=False)
    with tempfile.TemporaryDirectory(prefix="autograde-roster-") as folder:
        draft = Path(folder) / FILE_NAME
        draft.write_bytes(text.encode())
        try:
            after = load_course(draft, check_files=False)
        except CourseError as error:
            raise CourseError(f"the roster would be wrong: {error.what}", where=path, fix=error.fix) from error
    kept = [
        student.model_copy(update=dict(edit.change.get(student.id, {})))
        for student in before.roster.students
        if student.id not in edit.remove
    ]
    if list(after.roster.students) != [*kept, *edit.add] or after.roster.teams != before.roster.teams:
        raise CourseError("the roster cannot be edited in place", where=path, fix=_FIX)
