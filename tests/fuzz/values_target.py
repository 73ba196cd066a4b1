"""The fuzz target behind the wire: what a hostile value may do to a comparison, a message, a report, a page, a CSV.

Inputs are those of the wire's target. What decodes is compared, described and judged as a check would; what comes of it
must be a check's own outcome, JSON that reads back the same, a page of our own tags alone, and cells without formulas.
"""

from __future__ import annotations

import ast
import csv
import functools
import io
import json
import tempfile
import warnings
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.console import Console

from grader.checks.close import CheckFailed, as_array, assert_close
from grader.course import Course, load_course
from grader.engine.contract import Signature, describe, fulfil
from grader.engine.outcomes import CaseOutcome, CaseState, CheckSpec, combine, judge, overall
from grader.records import CheckResult, Metric, Report, Verdict
from grader.remote_values import HasValue
from grader.reports.feedback import FeedbackItem, student_view, write_feedback_batch
from grader.reports.terminal_tables import report_table
from grader.sandbox.faults import ContractError, StudentError, StudentFrame, clean_text
from grader.sandbox.wire import HandleRef, TensorRef, WireError, decode, parse_header
from tests.fuzz.frames import split
from tests.support.builder import Homework, build_course

_WHEN = datetime(2030, 1, 2, tzinfo=UTC)
_COURSE = """\
course: {name: Tiny, timezone: UTC}
roster: {students: [{id: ada, name: Ada}]}
assignments:
  tiny: {title: Tiny, due: 2030-01-01T00:00, files: [a.py]}
"""
_ANNOTATIONS = [
    "Tensor", "np.ndarray", "float", "int", "bool", "str", "None", "tuple[Tensor, float]", "dict[str, Tensor]",
    "list[int]", "Tensor | None", "Optional[float]", "Net", "tuple[tuple[int, int], ...]", "Any",
]  # fmt: skip
_SIGNATURES = [Signature("f", "a", ast.parse(text, mode="eval").body) for text in _ANNOTATIONS]
_EXPECTED = [
    torch.arange(6.0).reshape(2, 3), 1.5, np.arange(4), [1.0, 2.0], [torch.ones(2), 3.0], (np.eye(2), [torch.ones(1)]),
    np.array([1 + 1j, 2]), torch.tensor([True, False]), torch.zeros(0, 3), torch.randn(3, 4, 2), np.float16(2), 7,
]  # fmt: skip
#: Characters that no text for a person may hold: controls, what turns the direction of text, surrogates.
_FORBIDDEN = set(
    map(chr, [*range(9), *range(11, 32), *range(127, 160), *range(0x202A, 0x202F), *range(0x2066, 0x206A)])
)


class _RemoteTensor(HasValue):
    """Stands for the proxy of a live tensor, whose value is here."""

    type_name = "Tensor"

    def __init__(self, value: Any) -> None:
        self.value = value


def run(data: bytes) -> int:
    """Feed one input; give the number of its frames. Raises where anything is wrong."""
    control = data[0] if data else 0
    frames = split(data[1:])[:8]
    cases: list[CaseOutcome] = []
    texts: list[str] = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for number, (header, payload) in enumerate(frames):
            try:
                tree = parse_header(header)
                texts += _texts(tree)
                value = decode(tree.get("value"), bytearray(payload), resolve=_stand)
            except WireError as error:
                texts.append(str(error))
                continue
            cases += _judged(value, control + number)
        if texts:
            cases.append(_raised(texts))
        _report(cases, texts, pages=control % 16 == 0)
    return len(frames)


def _stand(ref: HandleRef | TensorRef) -> Any:
    return _RemoteTensor(ref.value) if isinstance(ref, TensorRef) else ref


def _texts(tree: Any, depth: int = 0) -> list[str]:
    """Every string of a JSON tree: a worker may put any of them where a text is shown."""
    if isinstance(tree, str):
        return [tree]
    if isinstance(tree, dict):
        return [*tree, *(text for item in tree.values() for text in _texts(item, depth + 1))] if depth < 60 else []
    if isinstance(tree, list) and depth < 60:
        return [text for item in tree for text in _texts(item, depth + 1)]
    return []


def _judged(value: Any, choice: int) -> list[CaseOutcome]:
    """What checks make of a value: right, wrong, or against the contract, and nothing else."""
    cases = []
    array = as_array(value)
    expected = [_EXPECTED[choice % len(_EXPECTED)]]
    if array is not None and array.size < 10_000:
        # Of its own shape, so that every hypothesis about the mistake is tried.
        expected.append(np.arange(1.0, array.size + 1).reshape(array.shape))
        expected.append(array[::-1] if array.ndim and array.dtype.kind != "b" else array)
    for right in expected:
        try:
            assert_close(value, right, inputs={"x": np.ones((4, 3))}, reveal=bool(choice & 1))
            cases.append(judge(None, CaseState()))
        except CheckFailed as error:
            assert len(error.message) < 20_000
            assert len(error.staff) < 20_000
            cases.append(judge(error, CaseState()))
    if array is not None:
        assert_close(value, array)
    try:
        fulfil(value, _SIGNATURES[choice % len(_SIGNATURES)])
    except ContractError as error:
        cases.append(judge(error, CaseState()))
    cases.append(judge(ContractError(f"it returned {describe(value)}"), CaseState()))
    cases.append(judge(AssertionError(f"{value!r:.5000}\nassert 1 == {value!r:.5000}"), CaseState()))
    assert not any(case.verdict.held for case in cases)
    return cases


def _raised(texts: list[str]) -> CaseOutcome:
    """A student's exception made of hostile texts, as the connection makes it."""
    frames = [
        StudentFrame(clean_text(text, 120), 1, clean_text(text, 80), clean_text(text, 200)) for text in texts[:12]
    ]
    error = StudentError(clean_text(texts[0], 80), clean_text("\n".join(texts)), tuple(frames))
    return judge(error, CaseState())


def _report(cases: list[CaseOutcome], texts: list[str], *, pages: bool) -> None:
    checks = []
    for number, case in enumerate(cases[:12]):
        output = clean_text("".join(texts), 4000)
        shown = CaseOutcome(case.verdict, case.fraction, case.message, case.staff, output)
        checks.append(combine(CheckSpec(f"test_{number}", "A check", 2.0, "A hint"), [shown, case]))
    for check in checks:
        for text in (check.message, check.output, check.staff):
            assert not _FORBIDDEN.intersection(text)
            assert len(text) < 7000
    verdict, score = overall(checks)
    report = Report(
        assignment="tiny", verdict=verdict, score=score, max_score=2.0 * len(checks), checks=tuple(checks),
        message=clean_text("".join(texts)), seed=1, profile="cpu", grader_version="f" * 16, submission_digest="a" * 64,
        metrics={"loss": Metric(name="loss", value=None)},
    )  # fmt: skip
    raw = report.model_dump_json()
    raw.encode()
    assert Report.model_validate(json.loads(raw)) == report
    stream = io.StringIO()
    Console(file=stream, width=80).print(report_table(student_view(report, due=None, now=_WHEN)))
    assert not _FORBIDDEN.intersection(stream.getvalue())
    if pages:
        _pages(report)


@functools.cache
def _course() -> tuple[Course, Path, tempfile.TemporaryDirectory[str]]:
    folder = tempfile.TemporaryDirectory(prefix="fuzz-")
    root = Path(folder.name)
    return load_course(build_course(root, _COURSE, Homework("tiny", {"a.py": ""}))), root, folder


def _pages(report: Report) -> None:
    course, root, _ = _course()
    graded = [FeedbackItem("ada", report, _WHEN)]
    index = write_feedback_batch(
        graded, course=course, assignment=course.assignment("tiny"), folder=root / "out", now=_WHEN
    )
    allowed, attributes = _own_tags()
    for page in (index, root / "out" / "ada" / "index.html"):
        seen = _Page(page.read_text(encoding="utf-8"))
        assert seen.tags <= allowed, seen.tags - allowed
        assert seen.attributes <= attributes, seen.attributes - attributes
    assert json.loads((root / "out" / "ada" / "report.json").read_text())["assignment"] == "tiny"
    rows = list(
        csv.reader(io.StringIO((root / "out" / "index.csv").read_text(encoding="utf-8"), newline=""), strict=True)
    )
    assert len(rows) == 2
    assert len({len(row) for row in rows}) == 1
    assert not any(cell.startswith(("=", "+", "@", "\t")) for row in rows for cell in row)


@functools.cache
def _own_tags() -> tuple[set[str], set[str]]:
    """Tags and attributes of pages that hold nothing hostile."""
    course, root, _ = _course()
    tags, attributes = {"code"}, set()
    for verdict in Verdict:
        score = None if verdict.held else 1.0
        for text in ("", "plain `code`"):
            check = CheckResult(
                id="a", title="a", verdict=verdict, score=score, max_score=2, message=text, hint=text, output=text
            )
            # Two that differ: what to do next is a list.
            checks = (check, check.model_copy(update={"id": "b", "message": "another"})) if text else ()
            report = Report(
                assignment="tiny", verdict=verdict, score=score, max_score=2, checks=checks, message=text,
                seed=1, profile="cpu", grader_version="f" * 16, submission_digest="a" * 64,
                metrics={"loss": Metric(name="loss", value=1.0)},
            )  # fmt: skip
            index = write_feedback_batch(
                [FeedbackItem("ada", report, _WHEN)],
                course=course,
                assignment=course.assignment("tiny"),
                folder=root / "own",
                now=_WHEN,
            )
            for page in (index, root / "own" / "ada" / "index.html"):
                seen = _Page(page.read_text(encoding="utf-8"))
                tags |= seen.tags
                attributes |= seen.attributes
    assert not {name for name in attributes if name.startswith("on")}
    return tags, attributes


class _Page(HTMLParser):
    """The tags of a page and the names of their attributes."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.feed(source)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
