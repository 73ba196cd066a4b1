"""Variants: edits to the solution with the verdicts they must get, by which a grader is measured."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from grader.batch.grade import grade_uploads
from grader.course import Assignment, Course
from grader.errors import AuthoringError
from grader.records import Report, Verdict
from grader.release import make_stub
from grader.store import Upload

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
    """A known-wrong or known-right version of the solution."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]*$")
    kind: Literal["wrong", "right"]
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
        raise AuthoringError(f"not valid YAML: {error}", where=path, mend="correct the syntax") from error
    if not isinstance(entries, list):
        raise AuthoringError("variants.yml holds a list of variants", where=path, mend="begin each with `- name:`")
    found: dict[str, Variant] = {}
    for number, entry in enumerate(entries, start=1):
        label = entry.get("name", f"number {number}") if isinstance(entry, dict) else f"number {number}"
        try:
            variant = Variant.model_validate(entry)
        except ValidationError as error:
            first = error.errors()[0]
            key = ".".join(str(part) for part in first["loc"])
            raise AuthoringError(
                f"variant {label}: {key + ': ' if key else ''}{first['msg']}", where=path, mend="see the author's guide"
            ) from error
        if variant.name in found:
            raise AuthoringError(f"two variants are named {variant.name!r}", where=path, mend="rename one")
        found[variant.name] = variant
    return tuple(found.values())


def solution_files(assignment: Assignment) -> dict[str, bytes]:
    """The solution as a submission: its modules by name."""
    try:
        return {file: (assignment.solution_folder / file).read_bytes() for file in assignment.files}
    except OSError as error:
        raise AuthoringError(
            f"the solution cannot be read: {error.strerror}", where=error.filename, mend="write the solved module there"
        ) from error


def stub_files(assignment: Assignment) -> dict[str, bytes]:
    """The stub as a submission: what a student hands in who has written nothing."""
    return {
        name: make_stub(data.decode("utf-8"), assignment.solution_folder / name).encode()
        for name, data in solution_files(assignment).items()
    }


def apply(variant: Variant, files: Mapping[str, bytes], where: object) -> dict[str, bytes]:
    """The solution with the variant's edits made.

    Raises:
        AuthoringError: a text to replace does not stand there as often as the edit says.
    """
    texts = {name: data.decode("utf-8") for name, data in files.items()}
    for edit in variant.edits:
        if edit.file not in texts:
            raise AuthoringError(
                f"variant {variant.name}: the solution has no file {edit.file!r}",
                where=str(where),
                mend=f"use one of: {', '.join(texts)}",
            )
        seen = texts[edit.file].count(edit.find)
        if seen != edit.count:
            raise AuthoringError(
                f"variant {variant.name}: {edit.find!r:.80} stands {seen} times in {edit.file}, not {edit.count}",
                where=str(where),
                mend="give more of its surroundings, or a `count`",
            )
        texts[edit.file] = texts[edit.file].replace(edit.find, edit.replace)
    return {name: text.encode() for name, text in texts.items()}


@dataclass(frozen=True, slots=True)
class Measured:
    """One version of the solution, its report, and what is not as it must be."""

    name: str
    kind: Literal["solution", "stub", "wrong", "right"]
    report: Report
    problems: tuple[str, ...]


def validate(
    course: Course,
    assignment: Assignment,
    *,
    profile: str = "cpu",
    slots: int | None = None,
    only: Sequence[str] = (),
    secret: str = "validate",  # noqa: S107 - it keeps nothing from anybody
) -> list[Measured]:
    """Grade the solution, the stub and every variant, and compare with what each must get.

    The solution and the right variants must get full marks, the stub at most :data:`STUB_CEILING` of them. A wrong
    variant must get the named verdict on each check that it names, and full marks on all others. ``secret`` is what
    seeds and held-out data are drawn from, in place of the course's; another one measures with other numbers.
    """
    variants = [variant for variant in read_variants(assignment) if not only or variant.name in only]
    solution = solution_files(assignment)
    where = assignment.folder / "variants.yml"
    uploads = [Upload(solution), Upload(stub_files(assignment))]
    uploads += [Upload(apply(variant, solution, where)) for variant in variants]
    # Not the course's own secret: seeds and held-out data follow from it, and a measurement is to be the same anywhere.
    with tempfile.TemporaryDirectory(prefix="autograde-validate-") as folder:
        state = Path(folder)
        (state / "secret").write_text(hashlib.sha256(secret.encode()).hexdigest() + "\n", encoding="ascii")
        reports = grade_uploads(course, assignment, uploads, profile=profile, slots=slots, state=state)
    measured = [
        Measured("solution", "solution", reports[0], _not_full(reports[0])),
        Measured("stub", "stub", reports[1], _stub_problems(reports[1])),
    ]
    for variant, report in zip(variants, reports[2:], strict=True):
        problems = _not_full(report) if variant.kind == "right" else _wrong_problems(variant, report)
        measured.append(Measured(variant.name, variant.kind, report, problems))
    return measured


def _not_full(report: Report) -> tuple[str, ...]:
    return tuple(
        f"{check.id}: {check.verdict.value}, {check.score} of {check.max_score} ({(check.message or check.staff)[:300]})"
        for check in report.checks
        if check.verdict is not Verdict.ACCEPTED
    )


def _stub_problems(report: Report) -> tuple[str, ...]:
    problems = [
        f"{check.id}: {check.verdict.value} ({check.staff[-300:]})" for check in report.checks if check.verdict.held
    ]
    if report.score is not None and report.score > STUB_CEILING * report.max_score:
        paid = ", ".join(check.id for check in report.checks if check.score)
        problems.append(f"the stub scores {report.score:g} of {report.max_score:g}, on {paid}")
    return tuple(problems)


def _wrong_problems(variant: Variant, report: Report) -> tuple[str, ...]:
    problems = []
    checks = {check.id: check for check in report.checks}
    for name, verdict in variant.expect.items():
        if name not in checks:
            problems.append(f"there is no check {name}")
        elif checks[name].verdict is not verdict:
            problems.append(f"{name}: {checks[name].verdict.value}, not {verdict.value}")
    problems += [
        f"{check.id}: {check.verdict.value}, though the variant does not name it ({(check.message or check.staff)[:200]})"
        for check in report.checks
        if check.id not in variant.expect and check.verdict is not Verdict.ACCEPTED
    ]
    return tuple(problems)
