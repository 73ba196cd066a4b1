"""A class of twelve for any assignment: who hands in what, by which way, and what must come of it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Literal

import nbformat

from grader.course import Assignment, Student
from grader.demo.classroom import zipped
from grader.release.strip import make_stubs
from grader.validation.variants import STUB_CEILING, Variant, apply, read_variants
from tests.support import notebooks

Way = Literal["folder", "zip", "notebook", "exchange"]
ANSWER = "I think so, because the *formula* says so: $a < b$, and `x < y`."


@dataclass(frozen=True, slots=True)
class Person:
    """One student: what is handed in, how and when, and what the checks must give at least and at most.

    ``days`` are days from the due date; ``earlier`` is what was handed in before. ``lost`` names checks that must not
    have full marks. ``answers`` says that the written questions are answered.
    """

    student: str
    role: str
    way: Way
    files: Mapping[str, bytes]
    days: float = -0.5
    least: float = 0.0
    most: float = 1.0
    lost: tuple[str, ...] = ()
    answers: bool = False
    earlier: Mapping[str, bytes] = field(default_factory=dict)


def make_people(assignment: Assignment, students: Sequence[Student]) -> list[Person]:
    """Twelve of ``students``; the files of those who use the exchange are put into what they fetched."""
    name = assignment.name
    solution, stub = assignment.solution_files(), make_stubs(assignment)
    variants = read_variants(assignment)
    right = [variant for variant in variants if variant.kind == "right"]
    wrong = _spread([variant for variant in variants if variant.kind == "wrong"], 5)
    style = notebooks.styles(assignment)[0]
    notebook = f"{name}.ipynb"
    answers = notebooks.answered(notebooks.released(assignment), ANSWER)
    ids = iter(students)

    def person(role: str, way: Way, files: Mapping[str, bytes], **more) -> Person:
        return Person(next(ids).id, role, way, files, **more)

    def seen(variant: Variant) -> dict:
        return {"files": apply(variant, solution, name), "lost": tuple(variant.expect)}

    full = {"least": 1.0}
    empty = {"most": STUB_CEILING}
    return [
        person("solution, answered", "folder", {**solution, notebook: answers}, answers=True, **full),
        person("stub", "zip", stub, **empty),
        person(f"right: {right[0].name}", "zip", apply(right[0], solution, name), **full),
        person(f"wrong: {wrong[0].name}", "zip", **seen(wrong[0])),
        person(f"wrong: {wrong[1].name}", "folder", **seen(wrong[1])),
        person(f"notebook alone ({style})", "notebook", {notebook: notebooks.solved(assignment, style)}, **full),
        person("solution, 2 days late", "zip", solution, days=1.5, **full),
        person("solution, late with an extension", "zip", solution, days=1.5, **full),
        person("broken notebook", "folder", {**apply(wrong[2], solution, name), notebook: answers[:-500]}, lost=tuple(wrong[2].expect)),
        person("first the stub, then better", "exchange", {**solution, notebook: answers}, answers=True, earlier=stub, **full),
        person("exchange: tampered notebook", "exchange", **_with(seen(wrong[3]), notebook, _tampered(answers)), answers=True),
        person("exchange: solved in its notebook", "exchange", {notebook: notebooks.solved(assignment, style, answers)}, answers=True, **full),
    ]  # fmt: skip


def write_inbox(people: Sequence[Person], folder: Path, due: datetime) -> None:
    """What comes any other way than nbgrader's exchange, as an LMS hands it out, each with its time."""
    folder.mkdir(parents=True)
    for person in people:
        if person.way == "exchange":
            continue
        if person.way == "folder":
            for file, data in person.files.items():
                path = folder / person.student / file
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(data)
        elif person.way == "zip":
            (folder / f"{person.student}.zip").write_bytes(zipped(person.files))
        else:
            ((file, data),) = person.files.items()
            (folder / f"{person.student}_{file}").write_bytes(data)
        when = due.timestamp() + person.days * 86400
        for path in [*folder.glob(f"{person.student}*"), *(folder / person.student).rglob("*")]:
            os.utime(path, (when, when))


def write_work(fetched: Path, files: Mapping[str, bytes]) -> None:
    """Put a student's work into the fetched folder, over what is there."""
    for file, data in files.items():
        path = fetched / file
        path.unlink(missing_ok=True)
        path.write_bytes(data)


def copy_bundle(source: Path, target: Path, files: Mapping[str, bytes]) -> Path:
    """A copy of a fetched bundle with ``files`` in it."""
    shutil.copytree(source, target)
    write_work(target, files)
    return target


def _tampered(data: bytes) -> bytes:
    """Test cells that show 1000, one that is gone, one twice, points raised: none of it may count."""
    notebook = nbformat.reads(data.decode(), 4)
    tests = [
        cell for cell in notebook.cells if cell.metadata.get("nbgrader", {}).get("grade") and cell.cell_type == "code"
    ]
    for cell in tests:
        cell.source = "1000"
        cell.outputs = [nbformat.v4.new_output("execute_result", {"text/plain": "1000"}, execution_count=1)]
        cell.metadata.nbgrader.update(points=1000, locked=False, solution=True)
    notebook.cells.remove(tests[-1])
    twin = nbformat.from_dict(tests[0])
    twin.id = "again"
    notebook.cells.insert(0, twin)
    return nbformat.writes(notebook).encode()


def _with(fields: dict, notebook: str, data: bytes) -> dict:
    return {**fields, "files": {**fields["files"], notebook: data}}


def _spread(variants: Sequence[Variant], count: int) -> list[Variant]:
    return [variants[index * len(variants) // count] for index in range(count)]
