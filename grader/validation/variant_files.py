"""variants.yml and variants/NAME.yml: edits to the solution with the verdicts they must get, read with line numbers."""

from __future__ import annotations

import difflib
import json
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from grader.course import Assignment, variant_sources
from grader.course.validation_errors import explain
from grader.course.yaml_lines import KeyPath, Marked, read_marked
from grader.errors import AuthoringError, CourseError
from grader.records import Verdict

Kind = Literal["wrong", "right", "equivalent"]
_KINDS = get_args(Kind)
_KEYS = ("name", "kind", "why", "edit", "edits", "expect", "names")
_TOP = ("groups", "contract", "freedom", "variants")
_VERDICTS = tuple(verdict.value for verdict in Verdict)


class Edit(BaseModel):
    """Replace ``find``, which must stand in the file exactly ``count`` times."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    file: str
    find: str = Field(min_length=1)
    replace: str
    count: int = Field(default=1, ge=1)


class Variant(BaseModel):
    """A known-wrong or known-right version of the solution, or a reason why mutants of it are none.

    The edits of a wrong or right variant are made together. Each edit of an ``equivalent`` entry stands for a mutant of
    its own: one that does the same as the solution, for the reason under ``why``, so that no check can see it.

    ``expect`` maps each check that must see a wrong variant to its verdict. ``where`` is the file and line of the entry.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]*$")
    kind: Kind
    why: str
    edits: tuple[Edit, ...]
    expect: dict[str, Verdict] = Field(default_factory=dict)
    #: A regular expression that one of the messages must match: the cause, where the output shows it. See docs/explanation/diagnosis.md.
    names: str | None = None
    where: str = ""

    @model_validator(mode="after")
    def _names_checks(self) -> Variant:
        if self.kind == "right" and self.expect:
            raise ValueError("a right variant gets full marks; it has no `expect`")
        if self.kind == "equivalent" and self.expect:
            raise ValueError("an equivalent mutant does what the solution does; it has no `expect`")
        return self


def read_variants(
    assignment: Assignment, *, checks: Collection[str] | None = None, unmeasured: bool = False
) -> tuple[Variant, ...]:
    """The variants of an assignment: those of variants.yml, then those of variants/NAME.yml; none where there is no file.

    Args:
        assignment: whose variants.
        checks: ids of the hidden suite's checks; with them, an unknown check in ``expect`` or in a group is an error.
        unmeasured: allow wrong variants without ``expect``, to be filled in by measurement.

    Raises:
        AuthoringError: a file is wrong; the file, line, variant and key are named.

    """
    return Reading(assignment, checks).variants(unmeasured=unmeasured)


class Reading:
    """The files of one assignment's variants, and the groups of checks that they define."""

    def __init__(self, assignment: Assignment, checks: Collection[str] | None = None) -> None:
        self.checks = checks
        self.groups: dict[str, tuple[str, ...]] = {}
        self.contract: dict[str, str] = {}
        self.files: list[tuple[Marked, str | None]] = []
        paths = variant_sources(assignment.folder)
        order = {f"{Path(file).stem}.yml": number for number, file in enumerate(assignment.files)}
        for path in sorted(paths, key=lambda path: (path.parent != assignment.folder, order.get(path.name, 99), path)):
            try:
                marked = read_marked(path, may_be_empty=True)
            except CourseError as error:
                raise AuthoringError(error.what, where=error.where, fix=error.fix) from None
            # What stands in variants/layers.yml edits layers.py, unless it says otherwise.
            module = f"{path.stem}.py" if path.parent != assignment.folder else None
            self.files.append((marked, module if module in assignment.files else None))
        for marked, _ in self.files:
            self._read_groups(marked)

    def variants(self, *, unmeasured: bool) -> tuple[Variant, ...]:
        """See :func:`read_variants`."""
        found: dict[str, Variant] = {}
        for marked, module in self.files:
            entries, at = _entries(marked)
            for number, raw in enumerate(entries):
                key = (*at, number)
                variant = self._variant(raw, key, marked, module, unmeasured=unmeasured)
                if variant is not None and variant.name in found:
                    first = found[variant.name].where
                    marked.add(key, f"two variants are named {variant.name!r} (first at {first})", "rename one")
                elif variant is not None:
                    found[variant.name] = variant
            marked.raise_problems(AuthoringError)
        return tuple(found.values())

    def _read_groups(self, marked: Marked) -> None:
        data = marked.data
        if not isinstance(data, dict):
            return
        for name in [name for name in data if name not in _TOP]:
            marked.add((name,), *_unknown(name, _TOP, "key"))
        contract = data.get("contract") or {}
        if not isinstance(contract, dict) or not all(isinstance(why, str) and why for why in contract.values()):
            marked.add(
                ("contract",),
                "should map promises to reasons",
                "write `FUNCTION: PROMISE` as the key, as `validate` lists it",
            )
        else:
            self.contract |= contract
        groups = data.get("groups") or {}
        if not isinstance(groups, dict):
            marked.add(
                ("groups",), "should be a mapping of names to lists of checks", "write `NAME: [test_one, test_two]`"
            )
            groups = {}
        for name, members in groups.items():
            key = ("groups", name)
            if name.startswith("test") or name in self.groups:
                why = (
                    "is defined twice" if name in self.groups else "could be a check: names of checks begin with `test`"
                )
                marked.add(key, f"the group {name!r} {why}", "choose another name")
            elif not isinstance(members, list) or not members or not all(isinstance(item, str) for item in members):
                marked.add(key, "should be a list of checks", "write `[test_one, test_two]`")
            else:
                for index, check in enumerate(members):
                    if self.checks is not None and check not in self.checks:
                        marked.add((*key, index), *_unknown(check, self.checks, "check"))
                self.groups[name] = tuple(members)
        marked.raise_problems(AuthoringError)

    def _variant(
        self, raw: Any, key: KeyPath, marked: Marked, module: str | None, *, unmeasured: bool
    ) -> Variant | None:
        if not isinstance(raw, dict):
            marked.labels[key] = f"variant number {int(key[-1]) + 1}"
            marked.add(key, "should be a mapping", "write `- wrong: NAME`, with `why`, `edit` and `expect` below it")
            return None
        entry = dict(raw)
        name = next((raw[part] for part in (*_KINDS, "name") if part in raw), f"number {int(key[-1]) + 1}")
        marked.labels[key] = f"variant {name}"
        _take_kind(entry, key, marked)
        before = len(marked.problems)
        for unknown in [name for name in entry if name not in _KEYS]:
            marked.add((*key, unknown), *_unknown(unknown, (*_KINDS, *_KEYS), "key"))
            del entry[unknown]
        _take_edits(entry, key, marked, module)
        if "expect" in entry:
            entry["expect"] = self._expand(entry["expect"], (*key, "expect"), marked)
        if len(marked.problems) > before:
            return None
        entry["where"] = f"{marked.path}:{marked.line(key)}"
        try:
            variant = Variant.model_validate_json(json.dumps(entry), strict=True)
        except ValidationError as error:
            explain(error, marked, root=Variant, at=key, data=entry)
            return None
        if variant.kind == "wrong" and not variant.expect and not unmeasured:
            fix = "add `expect: [test_...]`, or measure it with `autograde validate --accept`"
            marked.add(key, "a wrong variant names the checks that must see it, under `expect`", fix)
        return variant

    def _expand(self, value: Any, key: KeyPath, marked: Marked) -> dict[str, str]:
        """``expect`` as verdicts by check: a listed check or group gets wrong_answer, a mapping says which. The last wins."""
        found: dict[str, str] = {}
        items = list(enumerate(value)) if isinstance(value, list) else [(None, value)]
        for index, item in items:
            here = key if index is None else (*key, index)
            if isinstance(item, dict):
                pairs = [(name, verdict, (*here, name)) for name, verdict in item.items()]
            elif isinstance(item, str) and index is not None:
                pairs = [(item, Verdict.WRONG_ANSWER.value, here)]
            else:
                marked.add(here, "should be a list of checks, or verdicts by check", "write `[test_one, test_two]`")
                continue
            for name, verdict, at in pairs:
                if not isinstance(verdict, str) or verdict not in _VERDICTS:
                    marked.add(at, *_unknown(str(verdict), _VERDICTS, "verdict"))
                elif (members := self.members(name)) is None:
                    kind = "check" if name.startswith("test") else "group of checks"
                    marked.add(at, *_unknown(name, (*(self.checks or ()), *self.groups), kind))
                else:
                    found.update(dict.fromkeys(members, verdict))
        return found

    def members(self, name: str) -> tuple[str, ...] | None:
        """The checks that a name stands for, a check's or a group's; None where it is unknown."""
        if name in self.groups:
            return self.groups[name]
        known = name in self.checks if self.checks is not None else name.startswith("test")
        return (name,) if known else None


def _entries(marked: Marked) -> tuple[list[Any], KeyPath]:
    """The variants of a file, and the key where they stand: the file itself is the list, or has it under `variants`."""
    data = marked.data
    if isinstance(data, list) or data is None:
        return data or [], ()
    if isinstance(data, dict) and isinstance(data.get("variants", []), list):
        return data.get("variants", []), ("variants",)
    marked.add((), "the file holds a list of variants", "begin each with `- wrong: NAME` or `- right: NAME`")
    marked.raise_problems(AuthoringError)
    raise AssertionError  # pragma: no cover - the line above raises


def _take_kind(entry: dict[str, Any], key: KeyPath, marked: Marked) -> None:
    """``wrong: NAME`` is short for ``name: NAME`` and ``kind: wrong``."""
    for kind in _KINDS:
        if kind in entry:
            if "kind" in entry or "name" in entry:
                marked.add((*key, kind), f"`{kind}` gives the name and the kind already", "drop `name` and `kind`")
            entry["name"], entry["kind"] = entry.pop(kind), kind
            marked.origins[*key, "name"] = (*key, kind)


def _take_edits(entry: dict[str, Any], key: KeyPath, marked: Marked, module: str | None) -> None:
    """``edit`` is one edit or a list of them, ``edits`` a list; an edit without ``file`` is one of ``module``."""
    if "edit" in entry and "edits" in entry:
        marked.add((*key, "edits"), "there is an `edit` as well", "put all edits into the one list `edits`")
    if isinstance(entry.get("edits"), dict):
        marked.add((*key, "edits"), "should be a list", "write `edit:` for a single edit, or begin each with `-`")
    if "edit" in entry:
        value = entry.pop("edit")
        marked.origins[*key, "edits"] = (*key, "edit")
        if isinstance(value, dict):
            marked.origins[*key, "edits", 0] = (*key, "edit")
        entry["edits"] = [value] if isinstance(value, dict) else value
    edits = entry.get("edits")
    if edits == []:
        marked.add((*key, "edits"), "there is no edit in it", "write `- {find: ..., replace: ...}`")
    if module is not None and isinstance(edits, list):
        entry["edits"] = [{"file": module, **edit} if isinstance(edit, dict) else edit for edit in edits]


def _unknown(name: str, known: Collection[str], kind: str) -> tuple[str, str]:
    """What is wrong and the fix where a name is not known, with the nearest name there is."""
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    what = f"there is no {kind} {name!r}" if kind != "key" else "unknown key"
    return what, f"did you mean `{near[0]}`?" if near else f"use one of: {', '.join(known)}"


def groups_of(assignment: Assignment) -> Mapping[str, tuple[str, ...]]:
    """The groups of checks that the files define, by name.

    Raises:
        AuthoringError: a file is wrong.
    """
    return Reading(assignment).groups


def free_clauses(assignment: Assignment) -> Mapping[str, str]:
    """The promises that a student may break, by ``FUNCTION: PROMISE``, and why: the key ``contract``.

    Raises:
        AuthoringError: a file is wrong.
    """
    return Reading(assignment).contract
