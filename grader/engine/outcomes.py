"""From what happened in a test function to a verdict: one case at a time, then a check, then the Report.

Verdicts are made here and nowhere else; a fault of the student's side names its own (grader/sandbox/faults.py).
"""

from __future__ import annotations

import math
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from grader.checks.wrong_map import WrongMap
from grader.engine.advice import advise
from grader.engine.import_advice import explain
from grader.errors import StudentVisibleError, SystemFault
from grader.records import (
    MAX_FIGURES,
    Agreement,
    CheckResult,
    Constants,
    Figure,
    Metric,
    Place,
    Report,
    Verdict,
    WrongFigure,
    worst,
)
from grader.sandbox.faults import ProbeError, StudentError, StudentFault, TimeLimit, clean_text
from grader.text import screenful

if TYPE_CHECKING:
    import pytest

_MESSAGE_LIMIT = 3000
_MOST_LINES = 40
_WIDEST = 400
#: The same for a check that sees held-out inputs, from which a message could carry some home.
_APART_LIMIT = 600
_APART_LINES = 9
#: Stands for what the student's code printed in such a check.
NOT_SHOWN = "What your code prints in this check is not shown: the check uses held-out data.\n"
#: How a stub's error ends, after the name of the function; see :mod:`grader.release.strip`.
UNWRITTEN = "write your solution here"
#: Their comparisons (numpy.testing, torch.testing) raise with the expected values in the message: that is for staff.
_TELLING_LIBRARIES = frozenset({"numpy", "torch", "unittest"})
#: What a student is told of a check that is held.
HELD = "This check could not be run because of a fault on our side. Staff have been notified; it costs you nothing."


@dataclass(slots=True)
class CaseState:
    """What one case of a check gathers while it runs."""

    fraction: float | None = None
    metrics: dict[str, Metric] = field(default_factory=dict)
    awarded: str | None = None
    #: What a person should look at, in words for staff.
    flags: list[str] = field(default_factory=list)
    #: Whether it sees held-out inputs: little of what the student's code says may come back.
    apart: bool = False
    figures: list[Figure] = field(default_factory=list)
    #: Answers that are right for somebody else.
    agreements: list[Agreement] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class CaseOutcome:
    """What one case came to."""

    verdict: Verdict
    fraction: float = 0.0
    message: str = ""
    staff: str = ""
    output: str = ""
    seconds: float = 0.0
    place: Place | None = None
    #: It ran out of wall time alone, and is tried again before it costs anything; ``label`` is what did.
    waited: bool = False
    label: str = ""
    #: What stopped it has nothing to do with what the check looks at: the check's hint would mislead.
    hintless: bool = False
    #: The check itself stumbled. Whether over its own bug or over a student's value, the reference must tell.
    unexplained: bool = False
    flags: tuple[str, ...] = ()
    figures: tuple[Figure, ...] = ()
    agreements: tuple[Agreement, ...] = ()


#: A case that did not come to run.
NOT_RUN = CaseOutcome(Verdict.SKIPPED)


@dataclass(frozen=True, slots=True)
class CheckSpec:
    """A check as declared: its points and how it is shown."""

    id: str
    title: str
    points: float
    hint: str = ""
    visibility: str = "visible"
    timeout: float | None = None


def spec_of(item: pytest.Function) -> CheckSpec:
    """Read a test item's ``@points`` and docstring; a check without points is worth nothing."""
    mark = item.get_closest_marker("points")
    title = (item.function.__doc__ or item.originalname).strip().splitlines()[0]
    options: dict[str, Any] = dict(mark.kwargs) if mark else {}
    return CheckSpec(item.originalname, title, float(mark.args[0]) if mark else 0.0, **options)


def judge(error: BaseException | None, state: CaseState) -> CaseOutcome:
    """Map what a case raised, if anything, to its outcome."""
    outcome = replace(_judge(error, state), flags=tuple(state.flags), agreements=tuple(state.agreements))
    where = getattr(error, "where", None)
    if isinstance(where, WrongMap) and not state.apart and len(state.figures) < MAX_FIGURES:
        state.figures.append(_wrong_figure(where))
    if state.apart:
        short = screenful(outcome.message, lines=_APART_LINES, width=_WIDEST // 2, chars=_APART_LIMIT)
        outcome = replace(outcome, message=short)
    return outcome


def _wrong_figure(where: WrongMap) -> WrongFigure:
    """The map of where a value is wrong: of the student's own array, and without a word of what would be right."""
    rows, columns = len(where.cells), len(where.cells[0])
    gathered = (
        " A cell may stand for several entries; its shade shows how many of them are wrong."
        if len(where.shape) > 2
        else ""
    )
    if (rows, columns) != ((1, *where.shape)[-2:]) and not gathered:
        gathered = " The map is reduced: each cell stands for several neighbouring entries."
    shape = "x".join(map(str, where.shape))
    return WrongFigure(
        title=clean_text(f"Where it is wrong: {where.name}", 200),
        description=f"{where.wrong} of {math.prod(where.shape)} entries are wrong; its shape is {shape}. "
        f"Rows and columns are its last two axes.{gathered}"
        if len(where.shape) > 1
        else f"{where.wrong} of {where.shape[0]} entries are wrong, from the first on the left to the last.",
        shape=where.shape,
        cells=tuple("".join(map(str, row)) for row in where.cells),
    )


def _figures(cases: Sequence[CaseOutcome]) -> tuple[Figure, ...]:
    """What the cases drew; one map of where something is wrong is enough, that of the first case that has one."""
    figures = [figure for case in cases for figure in case.figures]
    maps = [figure for figure in figures if figure.kind == "wrong"]
    return (*maps[:1], *(figure for figure in figures if figure.kind != "wrong"))[:MAX_FIGURES]


def sees_held_out(item: pytest.Function) -> bool:
    """Whether a check asks for held-out data, by a fixture of its own or of one that it uses."""
    return "held_out" in item.fixturenames


def without(item: pytest.Function) -> tuple[str, ...]:
    """What of torch does not run in a check: the names of its mark ``without``."""
    return tuple(str(name) for mark in item.iter_markers("without") for name in mark.args)


def _judge(error: BaseException | None, state: CaseState) -> CaseOutcome:
    import pytest

    if error is None:
        fraction = 1.0 if state.fraction is None else state.fraction
        if fraction >= 1.0:
            return CaseOutcome(Verdict.ACCEPTED, 1.0)
        verdict = Verdict.PARTIAL if fraction > 0 else Verdict.WRONG_ANSWER
        return CaseOutcome(verdict, fraction, threshold_message(state))
    if isinstance(error, pytest.skip.Exception):
        return CaseOutcome(Verdict.SKIPPED, 0.0, clean_text(str(error), _MESSAGE_LIMIT))
    if isinstance(error, ProbeError):
        text = f"The check could not use the value your code returned: {error.message}"
        return CaseOutcome(
            error.verdict, 0.0, clean_text(text, _MESSAGE_LIMIT), staff=_staff_text(error), unexplained=True
        )
    if isinstance(error, StudentError):
        return CaseOutcome(error.verdict, 0.0, _screen(_raised(error)))
    if isinstance(error, StudentFault):
        text = _screen(error.message)
        outcome = CaseOutcome(error.verdict, 0.0, text, staff=error.staff, hintless=error.cause is not None)
        if isinstance(error, TimeLimit):
            outcome = replace(outcome, waited=error.waited, label=error.label)
        return outcome
    if isinstance(error, StudentVisibleError):  # from a room that knows nothing of verdicts
        return CaseOutcome(Verdict.WRONG_ANSWER, 0.0, clean_text(str(error), _MESSAGE_LIMIT))
    if isinstance(error, pytest.fail.Exception):
        missed = str(error).startswith("DID NOT RAISE")  # by pytest.raises
        text = "Your code should have raised an exception here; it did not." if missed else str(error)
        return CaseOutcome(Verdict.WRONG_ANSWER, 0.0, clean_text(text, _MESSAGE_LIMIT))
    if isinstance(error, AssertionError):
        return CaseOutcome(Verdict.WRONG_ANSWER, 0.0, _assertion_message(error), staff=_staff_text(error))
    if isinstance(error, SystemFault):
        return CaseOutcome(Verdict.SYSTEM_ERROR, 0.0, HELD, staff=_staff_text(error))
    return CaseOutcome(Verdict.GRADER_ERROR, 0.0, HELD, staff=_staff_text(error), unexplained=True)


def _raised(error: StudentError) -> str:
    """An exception of the student's own, with what usually stands behind it; a stub that is still a stub, as that."""
    if error.type_name == "NotImplementedError" and error.text.endswith(UNWRITTEN):
        where = f" (`{error.frames[-1].file}`, line {error.frames[-1].line})" if error.frames else ""
        return f"`{error.text.partition(':')[0]}` is not written yet{where}."
    return explain(error, {})


def _screen(text: str) -> str:
    """A student's or an author's text, cut to a screen: its beginning and its end, where an exception says what it is."""
    return screenful(text, lines=_MOST_LINES, width=_WIDEST, chars=_MESSAGE_LIMIT)


#: The middle of what staff are told of a metric that is too good.
_SUSPICIOUS = "more than training within the budget has been seen to reach"


def suspicion(metric: str, value: float, suspect: float) -> str:
    """What staff are told of a metric that is better than ``suspect``."""
    return f"{metric} is {value:.4g}, {_SUSPICIOUS} ({suspect:g}): look for weights or data in the files"


def is_suspicion(flag: str, check: str, metric: str) -> bool:
    """Whether a report's flag is :func:`suspicion` of that metric, from that check."""
    return flag.startswith(f"{check}: {metric} is ") and _SUSPICIOUS in flag


def threshold_message(state: CaseState) -> str:
    """What a student is told of a metric that earned less than all points; empty where none was awarded."""
    metric = state.metrics.get(state.awarded or "")
    if metric is None:
        return ""
    value = "not a finite number" if metric.value is None else f"{metric.value:.4g}"
    return (
        f"{metric.name} is {value}; full points need more."
        if metric.direction == "higher"
        else (f"{metric.name} is {value}; full points need less.")
    )


def _assertion_message(error: AssertionError) -> str:
    """The author's own sentence. pytest appends the comparison it rewrote, which may show expected values."""
    raised = error.__context__
    if isinstance(raised, StudentError) and "Regex pattern did not match" in str(error):  # by pytest.raises
        return clean_text(f"Your code should raise a different exception here.\n{raised.for_student()}")
    message = getattr(error, "message", None)
    if not isinstance(message, str) and _library_of(error) in _TELLING_LIBRARIES:
        message = ""
    if not isinstance(message, str):
        message = str(error).split("\nassert ", 1)[0]
        if message.startswith("assert "):
            message = ""
    return _screen(message) or "The result is wrong."


def _library_of(error: BaseException) -> str:
    """The top-level package whose code raised ``error``."""
    names = [str(frame.f_globals.get("__name__")) for frame, _ in traceback.walk_tb(error.__traceback__)]
    return names[-1].partition(".")[0] if names else ""


def _staff_text(error: BaseException) -> str:
    staff = getattr(error, "staff", "")
    text = "".join(traceback.format_exception(error)) if not staff else str(staff)
    return clean_text(text, 6000)


def blame_student(outcome: CaseOutcome, error_line: str) -> CaseOutcome:
    """The reference passes the check that stumbled over this submission's value: the value is what was wrong."""
    return CaseOutcome(
        Verdict.WRONG_ANSWER,
        0.0,
        f"Your code returned something that this check could not work with ({clean_text(error_line, 300)}). "
        + (advise(error_line) or "Check the types and shapes that the docstring specifies."),
        staff=outcome.staff,
        output=outcome.output,
        seconds=outcome.seconds,
        place=outcome.place,
        figures=outcome.figures,
        agreements=outcome.agreements,
    )


def hold(outcome: CaseOutcome) -> CaseOutcome:
    """The reference stumbles as well: the check has a bug, and costs nobody anything."""
    return replace(outcome, verdict=Verdict.GRADER_ERROR, message=HELD)


def combine(spec: CheckSpec, cases: Sequence[CaseOutcome]) -> CheckResult:
    """One check from its cases, which share its points equally. A held case holds the check."""
    verdict = worst([case.verdict for case in cases]) if cases else Verdict.SKIPPED
    fraction = math.fsum(case.fraction for case in cases) / max(len(cases), 1)
    failed = next((case for case in cases if case.verdict is verdict), None)
    if verdict in (Verdict.WRONG_ANSWER, Verdict.RUNTIME_ERROR) and fraction > 0:
        note = f" ({sum(case.fraction >= 1 for case in cases)} of {len(cases)} cases passed)" if len(cases) > 1 else ""
    else:
        note = ""
    return CheckResult(
        id=spec.id,
        title=spec.title,
        verdict=verdict,
        score=None if verdict.held else round(spec.points * fraction, 6),
        max_score=spec.points,
        message=(failed.message + note if failed and verdict is not Verdict.ACCEPTED else ""),
        place=failed.place if failed and verdict not in (Verdict.ACCEPTED, Verdict.SKIPPED) else None,
        hint="" if fraction >= 1 or verdict.held or (failed and failed.hintless) else spec.hint,
        output=clean_text("".join(case.output for case in cases), 4000),
        figures=_figures(cases),
        visibility=spec.visibility,
        seconds=math.fsum(case.seconds for case in cases),
        staff=failed.staff if failed else "",
    )


def overall(checks: Sequence[CheckResult]) -> tuple[Verdict, float | None]:
    """Verdict and score of an attempt: held when a check is; otherwise the worst verdict and the sum."""
    verdicts = [check.verdict for check in checks]
    verdict = worst(verdicts)
    if verdict.held:
        return verdict, None
    score = math.fsum(check.score or 0.0 for check in checks)
    lost = [check for check in checks if check.verdict not in (Verdict.ACCEPTED, Verdict.SKIPPED)]
    if lost and score > 0 and any(check.verdict is Verdict.ACCEPTED for check in checks):
        verdict = Verdict.PARTIAL
    return verdict, round(score, 6)


@dataclass(frozen=True, slots=True)
class ReportContext:
    """What every report on an attempt says of it, however the attempt went."""

    assignment: str
    profile: str
    version: str
    digest: str
    seed: int = 0
    environment: Mapping[str, str] = field(default_factory=dict)
    constants: Constants = field(default_factory=dict)

    def report(self, checks: Sequence[CheckResult], **more: Any) -> Report:
        """The report on checks that ran; ``more`` are fields of :class:`~grader.records.Report`."""
        verdict, score = overall(checks)
        return self._report(checks, verdict=verdict, score=score, **more)

    def unreadable(self, specs: Sequence[CheckSpec], problem: str, *, flags: Sequence[str] = ()) -> Report:
        """The report on an upload that cannot be graded: nothing earns points."""
        text = f"Your submission could not be read: {problem}"
        return self._without_checks(specs, Verdict.NOT_RUN, text).model_copy(update={"flags": tuple(flags)})

    def held(self, specs: Sequence[CheckSpec], message: str, *, staff: str) -> Report:
        """The report on an attempt in which something of ours failed: it has no score until it is graded again."""
        return self._without_checks(specs, Verdict.SYSTEM_ERROR, message, staff)

    def _without_checks(self, specs: Sequence[CheckSpec], verdict: Verdict, message: str, staff: str = "") -> Report:
        score = None if verdict.held else 0.0
        checks = [
            CheckResult(
                id=spec.id,
                title=spec.title,
                verdict=verdict,
                score=score,
                max_score=spec.points,
                message=message,
                visibility=spec.visibility,
                staff=staff,
            )
            for spec in specs
        ]
        return self._report(checks, verdict=verdict, score=score, message=message)

    def _report(self, checks: Sequence[CheckResult], **more: Any) -> Report:
        return Report(
            assignment=self.assignment,
            max_score=math.fsum(check.max_score for check in checks),
            checks=tuple(checks),
            seed=self.seed,
            profile=self.profile,
            grader_version=self.version,
            submission_digest=self.digest,
            environment=dict(self.environment),
            constants=self.constants,
            **more,
        )
