"""Variants: edits to the solution with the verdicts they must get, by which a grader is measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from grader.course import Assignment
from grader.errors import AuthoringError
from grader.records import Verdict
from grader.release import make_stub

#: A stub that scores more than this share of the points has a grader that gives points for nothing.
STUB_CEILING = 0.15


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
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]*$")
    kind: Literal["wrong", "right", "equivalent"]
    why: str
    edits: tuple[Edit, ...]
    expect: dict[str, Verdict] = Field(default_factory=dict)
    #: A regular expression that one of the messages must match: the cause, where the output shows it. See docs/diagnosis.md.
    names: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _one_or_many(cls, data: object) -> object:
        if isinstance(data, dict) and "edit" in data:
            data = dict(data)
            edit = data.pop("edit")
            data["edits"] = edit if isinstance(edit, list) else [edit]
        return data

    @model_validator(mode="after")
    def _names_checks(self) -> Variant:
        if self.kind == "wrong" and not self.expect:
            raise ValueError("a wrong variant names the checks that must see it, under `expect`")
        if self.kind == "right" and self.expect:
            raise ValueError("a right variant gets full marks; it has no `expect`")
        if self.kind == "equivalent" and self.expect:
            raise ValueError("an equivalent mutant does what the solution does; it has no `expect`")
        return self


def read_variants(assignment: Assignment) -> tuple[Variant, ...]:
    """The variants of an assignment; none where it has no variants.yml.

    Raises:
        AuthoringError: the file is wrong; the variant and key are named.
    """
    path = assignment.folder / "variants.yml"
    if not path.is_file():
        return ()
    try:
        entries = yaml.safe_load(path.read_text(encoding="utf-8")) or []
    except yaml.YAMLError as error:
        raise AuthoringError(f"not valid YAML: {error}", where=path, fix="correct the syntax") from error
    if not isinstance(entries, list):
        raise AuthoringError("variants.yml holds a list of variants", where=path, fix="begin each with `- name:`")
    found: dict[str, Variant] = {}
    for number, entry in enumerate(entries, start=1):
        label = entry.get("name", f"number {number}") if isinstance(entry, dict) else f"number {number}"
        try:
            variant = Variant.model_validate(entry)
        except ValidationError as error:
            first = error.errors()[0]
            key = ".".join(str(part) for part in first["loc"])
            raise AuthoringError(
                f"variant {label}: {key + ': ' if key else ''}{first['msg']}", where=path, fix="see the author's guide"
            ) from error
        if variant.name in found:
            raise AuthoringError(f"two variants are named {variant.name!r}", where=path, fix="rename one")
        found[variant.name] = variant
    return tuple(found.values())


def solution_files(assignment: Assignment) -> dict[str, bytes]:
    """The solution as a submission: its modules by name."""
    try:
        return {file: (assignment.solution_folder / file).read_bytes() for file in assignment.files}
    except OSError as error:
        raise AuthoringError(
            f"the solution cannot be read: {error.strerror}", where=error.filename, fix="write the solved module there"
        ) from error


def stub_files(assignment: Assignment) -> dict[str, bytes]:
    """The stub as a submission: what a student hands in who has written nothing."""
    return {
        name: make_stub(data.decode("utf-8"), assignment.solution_folder / name).encode()
        for name, data in solution_files(assignment).items()
    }


def apply(
    variant: Variant, files: Mapping[str, bytes], where: object, *, edits: Sequence[Edit] | None = None
) -> dict[str, bytes]:
    """The solution with the variant's edits made; with ``edits`` only those.

    Raises:
        AuthoringError: a text to replace does not stand there as often as the edit says.
    """
    texts = {name: data.decode("utf-8") for name, data in files.items()}
    for edit in variant.edits if edits is None else edits:
        if edit.file not in texts:
            raise AuthoringError(
                f"variant {variant.name}: the solution has no file {edit.file!r}",
                where=str(where),
                fix=f"use one of: {', '.join(texts)}",
            )
        seen = texts[edit.file].count(edit.find)
        if seen != edit.count:
            raise AuthoringError(
                f"variant {variant.name}: {edit.find!r:.80} stands {seen} times in {edit.file}, not {edit.count}",
                where=str(where),
                fix="give more of its surroundings, or a `count`",
            )
        texts[edit.file] = texts[edit.file].replace(edit.find, edit.replace)
    return {name: text.encode() for name, text in texts.items()}
