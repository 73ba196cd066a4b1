"""A made-up class: submissions right, wrong and hostile, as files in an inbox, and what each must come to."""

from __future__ import annotations

import io
import shutil
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from grader.course import Assignment, Student
from grader.engine.contract import read_contract
from grader.errors import AuthoringError
from grader.records import Report, Verdict
from grader.release.strip import make_stubs
from grader.validation.variants import STUB_CEILING, Variant, apply, read_variants

_HOSTILE: Mapping[str, tuple[str, Verdict]] = {
    "hangs": ("    while True:\n        pass\n", Verdict.TIME_LIMIT),
    "crashes the interpreter": (
        "    import numpy\n    numpy.lib.stride_tricks.as_strided(numpy.zeros(1), (10**6,), (2**30,)).sum()\n",
        Verdict.WORKER_DIED,
    ),
    "floods its output": ("    while True:\n        print('spam ' * 1000)\n", Verdict.RUNTIME_ERROR),
    "eats memory": ("    return bytearray(10**11)\n", Verdict.MEMORY_LIMIT),
}


@dataclass(frozen=True, slots=True)
class Member:
    """One member of the class: who, what the submission is, and what is wrong with a report of it (None: nothing)."""

    owner: str
    role: str
    files: Mapping[str, bytes]
    judge: Callable[[Report], str | None]
    archive: bytes | None = None


def make_class(
    assignment: Assignment,
    students: Sequence[Student],
    *,
    right: int,
    wrong: int,
    hostile: bool,
    telling: bool = False,
) -> list[Member]:
    """A solution, a stub, ``right`` and ``wrong`` variants spread over all there are, and on wish the hostile ones.

    ``telling``: the wrong variants are those that most checks see, and the right ones come from the middle of the list.
    """
    solution = assignment.solution_files()
    variants = read_variants(assignment)
    made: list[tuple[str, Mapping[str, bytes], Callable[[Report], str | None], bytes | None]] = [
        ("the solution", solution, _full, None),
        ("the stub", make_stubs(assignment), _stub, None),
    ]
    if hostile:
        for role, (body, verdict) in _HOSTILE.items():
            made.append((role, _sabotage(assignment, solution, body), _has(verdict), None))
        made.append(("a broken zip", {}, _unreadable, zipped(solution)[:-200]))
    sound, broken = ([v for v in variants if v.kind == kind] for kind in ("right", "wrong"))
    if telling:
        sound = sound[len(sound) // 2 :]
        broken = sorted(broken, key=lambda variant: -len(variant.expect))[:wrong]
    for variant in _spread(sound, right):
        made.append((f"right: {variant.name}", apply(variant, solution), _full, None))
    for variant in _spread(broken, wrong):
        made.append((f"wrong: {variant.name}", apply(variant, solution), sees(variant), None))
    return [
        Member(student.id, role, files, judge, archive)
        for student, (role, files, judge, archive) in zip(students, made, strict=False)
    ]


def write_inbox(members: Sequence[Member], folder: Path) -> None:
    """Write the submissions as a class hands them in: folders and zips, one entry each."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for number, member in enumerate(members):
        if member.archive is not None:
            (folder / f"{member.owner}.zip").write_bytes(member.archive)
        elif number % 2:
            (folder / f"{member.owner}.zip").write_bytes(zipped(member.files))
        else:
            for name, data in member.files.items():
                path = folder / member.owner / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(data)


def _spread(variants: Sequence[Variant], count: int) -> list[Variant]:
    """``count`` of them, evenly over the list, so that every part of an assignment has its own."""
    count = min(count, len(variants))
    return [variants[index * len(variants) // count] for index in range(count)]


def _sabotage(assignment: Assignment, solution: Mapping[str, bytes], body: str) -> dict[str, bytes]:
    """The solution with its last plain function replaced: few others call it, so that the rest still earns points."""
    found = {
        file: [
            item.name
            for item in read_contract({"module": solution[file].decode()}).values()
            if item.returns is not None
        ]
        for file in assignment.files
    }
    file = next((file for file, names in found.items() if names), None)
    if file is None:
        raise AuthoringError(
            "no module has a function whose result is annotated, to put hostile code in",
            where=assignment.solution_folder,
            fix="annotate what a function returns",
        )
    name = found[file][-1]
    text = f"\n\ndef {name}(*args, **kwargs):\n{body}"
    return {**solution, file: solution[file] + text.encode()}


def zipped(files: Mapping[str, bytes]) -> bytes:
    """The files as a zip archive."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def _full(report: Report) -> str | None:
    return None if report.score == report.max_score else f"{report.score} of {report.max_score}, not full marks"


def _stub(report: Report) -> str | None:
    if report.score is None or report.score >= STUB_CEILING * report.max_score:
        return f"the stub has {report.score} of {report.max_score}"
    return None


def sees(variant: Variant) -> Callable[[Report], str | None]:
    """A judge of reports: what is wrong with one of a wrong variant, where a check that should see it does not."""

    def judge(report: Report) -> str | None:
        for check in report.checks:
            if check.id in variant.expect and (check.score is None or check.score >= check.max_score):
                return f"{check.id} does not see it"
        return None

    return judge


def _has(verdict: Verdict) -> Callable[[Report], str | None]:
    def judge(report: Report) -> str | None:
        found = {check.verdict for check in report.checks}
        if verdict not in found:
            return f"no check has the verdict {verdict.value}"
        if not report.score:
            return "what it does right earned nothing"
        return None

    return judge


def _unreadable(report: Report) -> str | None:
    return None if report.score == 0 and "could not be read" in report.message else "a broken zip was not recognised"
