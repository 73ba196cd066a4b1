"""YAML as plain data that remembers the line of every key and value, so that errors can name it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import yaml

from grader.errors import CourseError, UsageError

if TYPE_CHECKING:
    from pathlib import Path

KeyPath = tuple[str | int, ...]

# PyYAML resolves YAML 1.1: `no` is a boolean, 0012 is ten and 12:30 is 750. A roster full of names and student
# numbers wants YAML 1.2's core schema, in which those are text.
_NULL = re.compile(r"~|null|Null|NULL|")
_BOOL = re.compile(r"true|True|TRUE|false|False|FALSE")
_INT = re.compile(r"[-+]?(?:0|[1-9][0-9]*)")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_SPECIAL = {".inf": "inf", "+.inf": "inf", "-.inf": "-inf", ".nan": "nan"}
_LEADING_ZERO = re.compile(r"0[0-9]+")
_SURROGATE = re.compile("[\ud800-\udfff]")

#: What a course needs is far below these; what is beyond them would only keep the machine busy.
MAX_BYTES = 2 << 20
MAX_DEPTH = 40
#: Values after aliases and merges are written out: nine aliases of nine aliases stand for more than a memory holds.
MAX_VALUES = 200_000
_LONGEST_NUMBER = 300
_MOST_PROBLEMS = 50


class _Loader(yaml.SafeLoader):
    """PyYAML's loader calls itself for each level, and Python's stack has an end."""

    _depth = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        """Compose the next node. Raises MarkedYAMLError below too many others."""
        self._depth += 1
        if self._depth > MAX_DEPTH:
            mark = parent.start_mark if parent is not None else None
            raise yaml.MarkedYAMLError(problem=f"more than {MAX_DEPTH} levels below one another", problem_mark=mark)
        try:
            return super().compose_node(parent, index)
        finally:
            self._depth -= 1


class Problem(NamedTuple):
    """One thing wrong with a file: its line (1-based), the key path, what it is and how to fix it."""

    line: int
    key: str
    what: str
    fix: str


@dataclass
class Marked:
    """Plain data (dict, list, str, int, float, bool, None) and where each part of it stands.

    ``origins`` maps a key whose value was merged in from elsewhere to the key where that value was written. ``labels``
    names keys in messages: ``variant b`` for ``[1]``.
    """

    path: Path
    data: Any = None
    lines: dict[KeyPath, int] = field(default_factory=dict)
    origins: dict[KeyPath, KeyPath] = field(default_factory=dict)
    labels: dict[KeyPath, str] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    values: int = 0

    def count(self, node: yaml.Node) -> None:
        """Count a value. Raises CourseError where aliases have made too many."""
        self.values += 1
        if self.values > MAX_VALUES:
            raise CourseError(
                f"the file stands for more than {MAX_VALUES} values, once its aliases are written out",
                where=f"{self.path}:{node.start_mark.line + 1}",
                fix="use fewer aliases (`*name`) of values that hold aliases themselves",
            )

    def written_at(self, key: KeyPath) -> KeyPath:
        """The key where the value at ``key`` was written: ``key`` itself, or one in the defaults."""
        for size in range(len(key), 0, -1):
            if (origin := self.origins.get(key[:size])) is not None:
                return (*origin, *key[size:])
        return key

    def line(self, key: KeyPath) -> int:
        """The 1-based line where ``key`` was written, or of the nearest enclosing key that the file has."""
        key = self.written_at(key)
        while key and key not in self.lines:
            key = key[:-1]
        return self.lines.get(key, 1)

    def add(self, key: KeyPath, what: str, fix: str) -> None:
        """Note a problem with the value at ``key``, under the key where it was written."""
        self.problems.append(Problem(self.line(key), self._label(self.written_at(key)), what, fix))

    def _label(self, key: KeyPath) -> str:
        for size in range(len(key), 0, -1):
            if (label := self.labels.get(key[:size])) is not None:
                return f"{label}: {dotted(key[size:])}" if key[size:] else label
        return dotted(key)

    def raise_problems(self, kind: type[UsageError] = CourseError) -> None:
        """Raise every problem noted so far as one error: the first in full, the rest listed."""
        if not self.problems:
            return
        first, *rest = sorted(set(self.problems))
        what = f"{first.key}: {first.what}" if first.key else first.what
        if rest:
            lines = [f"  {self.path.name}:{p.line}: {p.key}: {p.what} ({p.fix})" for p in rest[:_MOST_PROBLEMS]]
            lines += ["  ..."] if len(rest) > _MOST_PROBLEMS else []
            what += f"\nand {len(rest)} more:\n" + "\n".join(lines)
        raise kind(what, where=f"{self.path}:{first.line}", fix=first.fix)


def dotted(key: KeyPath) -> str:
    """A key path as people write it: ``assignments.backprop.files[0]``."""
    text = ""
    for part in key:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def read_marked(path: Path, *, may_be_empty: bool = False) -> Marked:
    """Read the YAML file at ``path``; duplicate keys are noted as problems. An empty file's data is None.

    Raises CourseError where the file cannot be read or is no YAML, or is empty unless it may be.
    """
    marked = Marked(path)
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
        if len(content) > MAX_BYTES:
            raise CourseError(
                f"the file has more than {MAX_BYTES >> 20} MiB",
                where=path,
                fix="keep only settings in it",
            )
        node = yaml.compose(content.decode("utf-8"), Loader=_Loader)
    except OSError as error:
        raise CourseError(f"cannot read it: {error.strerror}", where=path, fix="check the path") from error
    except UnicodeDecodeError as error:
        raise CourseError("not UTF-8 text", where=path, fix="save the file as UTF-8") from error
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        what = ": ".join(part for part in ("not valid YAML", error.context, error.problem) if part)
        raise CourseError(
            what, where=f"{path}:{line}", fix="look for a missing colon, bracket or quote, or wrong indentation there"
        ) from error
    except yaml.YAMLError as error:
        raise CourseError(f"not valid YAML: {error}", where=path, fix="remove what is not plain text") from error
    if node is None and may_be_empty:
        return marked
    if node is None:
        raise CourseError("the file is empty", where=path, fix="give it `course:` and `assignments:`")
    marked.lines[()] = node.start_mark.line + 1
    marked.data = _convert(node, (), marked, frozenset())
    return marked


def _convert(node: yaml.Node, key: KeyPath, marked: Marked, above: frozenset[int]) -> Any:
    marked.count(node)
    if id(node) in above:
        marked.add(key, "an alias that contains itself", "write the value out")
        return None
    above |= {id(node)}
    if isinstance(node, yaml.MappingNode):
        return _mapping(node, key, marked, above)
    if isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            marked.lines[*key, index] = item.start_mark.line + 1
        return [_convert(item, (*key, index), marked, above) for index, item in enumerate(node.value)]
    assert isinstance(node, yaml.ScalarNode)
    if _SURROGATE.search(str(node.value)):
        marked.add(key, "half of a surrogate pair, which is not a character", "write the character itself")
        return None
    return _scalar(node)


def _mapping(node: yaml.MappingNode, key: KeyPath, marked: Marked, above: frozenset[int]) -> dict[str, Any]:
    merged: dict[str, Any] = {}
    own: dict[str, Any] = {}
    # Merges first, so that a key of the mapping's own has the last word on its value and on its line.
    for name_node, value_node in node.value:
        if _is_merge(name_node):
            merged |= _merge(value_node, key, marked, above)
    for name_node, value_node in node.value:
        line = name_node.start_mark.line + 1
        if not isinstance(name_node, yaml.ScalarNode):
            marked.problems.append(Problem(line, dotted(key), "a key must be plain text", "write `key: value`"))
        elif not _is_merge(name_node):
            name = _SURROGATE.sub("?", str(name_node.value))
            where = (*key, name)
            if name in own:
                what = f"this key appears here twice (first on line {marked.lines[where]})"
                marked.problems.append(Problem(line, dotted(where), what, "keep one of the two"))
                continue
            marked.lines[where] = line
            own[name] = _convert(value_node, where, marked, above)
    return merged | own


def _is_merge(node: yaml.Node) -> bool:
    return isinstance(node, yaml.ScalarNode) and node.value == "<<" and node.style is None


def _merge(node: yaml.Node, key: KeyPath, marked: Marked, above: frozenset[int]) -> dict[str, Any]:
    """What ``<<: *anchor`` (or a list of them, the first wins) brings in."""
    sources = reversed(node.value) if isinstance(node, yaml.SequenceNode) else [node]
    found: dict[str, Any] = {}
    for source in sources:
        marked.count(source)
        if isinstance(source, yaml.MappingNode) and id(source) not in above:
            found |= _mapping(source, key, marked, above | {id(source)})
        else:
            marked.add(key, "`<<` merges mappings only", "give it an alias of a mapping")
    return found


def _scalar(node: yaml.ScalarNode) -> Any:
    text = str(node.value)
    if node.style is not None or len(text) > _LONGEST_NUMBER:  # Python makes no numbers of thousands of digits
        return text
    value: Any = text
    if _NULL.fullmatch(text):
        value = None
    elif _BOOL.fullmatch(text):
        value = text.lower() == "true"
    elif _INT.fullmatch(text):
        value = int(text)
    elif text.lower() in _SPECIAL:
        value = float(_SPECIAL[text.lower()])
    elif _FLOAT.fullmatch(text) and not _LEADING_ZERO.fullmatch(text):
        value = float(text)
    return value
