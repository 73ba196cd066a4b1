"""pydantic's validation errors in the words of someone who edits a YAML file."""

from __future__ import annotations

import difflib
from dataclasses import fields, is_dataclass
from typing import TYPE_CHECKING, Annotated, Any, get_args, get_origin

from pydantic import BaseModel, ValidationError

from grader.course.models import CourseFile
from grader.text import shorten

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

    from grader.course.yaml_lines import KeyPath, Marked

#: Characters of a wrong value that an error repeats.
_LONGEST_VALUE = 200
_NOUNS = {
    "string_type": "text",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "dict_type": "a mapping (key: value)",
    "model_type": "a mapping (key: value)",
    "dataclass_type": "a mapping (key: value)",
    "model_attributes_type": "a mapping (key: value)",
    "tuple_type": "a list",
    "finite_number": "a finite number",
}
_NO_SCALAR = ("should be a single value", "write a number, text, true or false")


def explain(
    error: ValidationError,
    marked: Marked,
    *,
    root: type[BaseModel] = CourseFile,
    at: KeyPath = (),
    data: Any = None,
) -> None:
    """Note every problem in ``error`` on ``marked``, at its line and in plain words.

    ``data`` is what the model ``root`` refused, and ``at`` the key where it stands; by default the whole file.
    """
    found: dict[KeyPath, list[tuple[str, str]]] = {}
    for detail in error.errors(include_url=False):
        key = _real_key(detail["loc"], marked.data if data is None else data, missing=detail["type"] == "missing")
        found.setdefault(key, []).append(_explain(detail, key, root))
    for key, problems in found.items():
        # Several at one key are the members of a union, each refused: the only union is that of plain values.
        marked.add((*at, *key), *(problems[0] if len(problems) == 1 else _NO_SCALAR))


def _real_key(loc: tuple[int | str, ...], data: Any, *, missing: bool) -> KeyPath:
    """``loc`` without what pydantic appends to it: the member of a union that it tried, "[key]" for a bad key."""
    key: list[int | str] = []
    for part in loc:
        if not _has(data, part):
            return (*key, part) if missing else tuple(key)
        key.append(part)
        data = data[part]
    return tuple(key)


def _has(data: Any, part: int | str) -> bool:
    if isinstance(data, dict):
        return part in data
    return isinstance(data, list) and isinstance(part, int) and part < len(data)


def _explain(detail: ErrorDetails, key: KeyPath, root: type[BaseModel]) -> tuple[str, str]:
    """What is wrong, and how to fix it."""
    kind, given = detail["type"], _show(detail.get("input"))
    what, fix = f"{detail['msg'].removeprefix('Input ')}, is {given}", "correct the value"
    if kind in {"extra_forbidden", "unexpected_keyword_argument"}:
        valid = _keys(_section_at(key[:-1], root))
        near = difflib.get_close_matches(str(key[-1]), valid, n=1, cutoff=0.5)
        what, fix = "unknown key", f"did you mean `{near[0]}`?" if near else f"valid keys here: {', '.join(valid)}"
    elif kind == "missing":
        what, fix = "this key is missing", f"add `{key[-1]}:`"
    elif kind == "string_type" and isinstance(detail.get("input"), (bool, int, float)):
        what, fix = f"should be text, is {given}", "put quotes around it"
    elif kind in _NOUNS:
        what, fix = f"should be {_NOUNS[kind]}, is {given}", f"write {_NOUNS[kind]}"
    elif kind == "unknown_name":
        known = detail["ctx"]["known"]
        near = difflib.get_close_matches(str(detail["input"]), known, n=1, cutoff=0.5)
        what, fix = (
            f"{detail['msg']} {given}",
            f"did you mean `{near[0]}`?" if near else f"use one of: {', '.join(known)}",
        )
    elif kind == "literal_error":
        expected = detail["ctx"]["expected"]
        what, fix = f"{given} is none of {expected}", f"write one of {expected}"
    elif kind == "string_pattern_mismatch" and root is not CourseFile:
        what, fix = f"{given} is not a valid name", "use lower-case letters, digits and -"
    elif kind == "string_pattern_mismatch" and key[-1] == "email":
        what, fix = f"{given} is not an e-mail address", "write it like ada@example.org"
    elif kind == "string_pattern_mismatch":
        what, fix = f"{given} cannot be an id", "start with a letter or digit; then also use . _ @ + -"
    elif kind == "value_error":
        what = str(detail["ctx"]["error"])
    return what, fix


def _show(value: Any) -> str:
    if value is None:
        return "empty"
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    return shorten(f"{value!r}", _LONGEST_VALUE)


def _section_at(key: KeyPath, root: type[BaseModel]) -> type:
    """The class that describes the mapping at ``key``, found by walking the annotations from ``root``."""
    kind: Any = root
    for part in key:
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            kind = _bare(kind.model_fields[str(part)].annotation)
        else:
            kind = _bare(get_args(kind)[1 if get_origin(kind) is dict else 0])
    assert isinstance(kind, type)
    return kind


def _keys(section: type) -> list[str]:
    """The keys of a section: a pydantic model, or a dataclass that pydantic reads as one."""
    if issubclass(section, BaseModel):
        return list(section.model_fields)
    assert is_dataclass(section)
    return [item.name for item in fields(section)]


def _bare(annotation: Any) -> Any:
    """The annotation without Annotated and without `| None`."""
    if get_origin(annotation) is Annotated:
        return _bare(get_args(annotation)[0])
    members = [member for member in get_args(annotation) if member is not type(None)]
    optional = type(None) in get_args(annotation)
    return _bare(members[0]) if optional and len(members) == 1 else annotation
