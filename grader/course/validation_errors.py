"""pydantic's validation errors in the words of someone who edits a YAML file."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Annotated, Any, get_args, get_origin

from pydantic import BaseModel, ValidationError

from grader.course.models import CourseFile

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

    from grader.course.yaml_lines import KeyPath, Marked

_NOUNS = {
    "string_type": "text",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "dict_type": "a mapping (key: value)",
    "model_type": "a mapping (key: value)",
    "model_attributes_type": "a mapping (key: value)",
    "tuple_type": "a list",
    "finite_number": "a finite number",
}
_NO_SCALAR = ("should be a single value", "write a number, text, true or false")


def explain(error: ValidationError, marked: Marked) -> None:
    """Note every problem in ``error`` on ``marked``, at its line and in plain words."""
    found: dict[KeyPath, list[tuple[str, str]]] = {}
    for detail in error.errors(include_url=False):
        key = _real_key(detail["loc"], marked.data, missing=detail["type"] == "missing")
        found.setdefault(key, []).append(_explain(detail, key))
    for key, problems in found.items():
        # Several at one key are the members of a union, each refused: the only union is that of plain values.
        marked.add(key, *(problems[0] if len(problems) == 1 else _NO_SCALAR))


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


def _explain(detail: ErrorDetails, key: KeyPath) -> tuple[str, str]:
    """What is wrong, and how to fix it."""
    kind, given = detail["type"], _show(detail.get("input"))
    what, fix = f"{detail['msg'].removeprefix('Input ')}, is {given}", "correct the value"
    if kind == "extra_forbidden":
        valid = list(_model_at(key[:-1]).model_fields)
        near = difflib.get_close_matches(str(key[-1]), valid, n=1, cutoff=0.5)
        what, fix = "unknown key", f"did you mean `{near[0]}`?" if near else f"valid keys here: {', '.join(valid)}"
    elif kind == "missing":
        what, fix = "this key is missing", f"add `{key[-1]}:`"
    elif kind == "string_type" and isinstance(detail.get("input"), (bool, int, float)):
        what, fix = f"should be text, is {given}", "put quotes around it"
    elif kind in _NOUNS:
        what, fix = f"should be {_NOUNS[kind]}, is {given}", f"write {_NOUNS[kind]}"
    elif kind == "literal_error":
        expected = detail["ctx"]["expected"]
        what, fix = f"{given} is none of {expected}", f"write one of {expected}"
    elif kind == "string_pattern_mismatch" and key[-1] == "email":
        what, fix = f"{given} is no e-mail address", "write it like ada@example.org"
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
    return f"{value!r}"


def _model_at(key: KeyPath) -> type[BaseModel]:
    """The model that describes the mapping at ``key``, found by walking the annotations."""
    kind: Any = CourseFile
    for part in key:
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            kind = _bare(kind.model_fields[str(part)].annotation)
        else:
            kind = _bare(get_args(kind)[1 if get_origin(kind) is dict else 0])
    assert isinstance(kind, type)
    assert issubclass(kind, BaseModel)
    return kind


def _bare(annotation: Any) -> Any:
    """The annotation without Annotated and without `| None`."""
    if get_origin(annotation) is Annotated:
        return _bare(get_args(annotation)[0])
    members = [member for member in get_args(annotation) if member is not type(None)]
    optional = type(None) in get_args(annotation)
    return _bare(members[0]) if optional and len(members) == 1 else annotation
