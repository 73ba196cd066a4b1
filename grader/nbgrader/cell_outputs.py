"""A check's result as the outputs of its cell, in the form that nbgrader turns into the right number.

nbgrader reads a score from what a cell shows: an error or anything on stderr is zero, the first ``execute_result`` is
the score, and a result that is no number, or a negative one, is *full marks*. So only numbers that were checked here
are shown, messages go to stdout, and whatever must not score is an error.
"""

from __future__ import annotations

import math
from typing import Any

from grader.errors import SystemFault
from grader.records import CheckResult, Report
from grader.reports.formatting import number, points
from grader.reports.verdicts import WORDINGS
from grader.text import screenful


def outputs_of(check: CheckResult, report: Report, *, staff: bool) -> list[dict[str, Any]]:
    """What the cell of ``check`` shows. With ``staff`` the detail for staff is shown as well.

    Raises:
        SystemFault: the score is no number between 0 and the check's points.

    """
    score = None if check.verdict.held else check.score
    if score is not None and not (math.isfinite(score) and 0 <= score <= check.max_score):
        raise SystemFault(
            f"the score {score!r} of `{check.id}` is not between 0 and {check.max_score:g}",
            fix="grade the submission again: autograde grade --force",
        )
    said = _words(check, report, staff=staff)
    if score is None or (score == 0 and check.max_score > 0):
        wording = WORDINGS[check.verdict]
        short = wording.says if score is None else f"0 of {points(check.max_score)}"
        return [_error("HeldForStaff" if score is None else _name(check), short, said)]
    shown = [{"output_type": "stream", "name": "stdout", "text": said}] if said else []
    result = {"text/plain": repr(float(score))}
    return [*shown, {"output_type": "execute_result", "data": result, "metadata": {}, "execution_count": None}]


def missing() -> list[dict[str, Any]]:
    """What a test cell shows that no check of the report stands behind."""
    return [_error("NotGraded", "no check of this name was run", "The grader ran no check of this name.")]


def _words(check: CheckResult, report: Report, *, staff: bool) -> str:
    wording = WORDINGS[check.verdict]
    earned = "held" if check.score is None else f"{number(check.score)} of {points(check.max_score)}"
    lines = [f"{wording.sign} {wording.word}: {earned}"]
    # What concerns all checks is said once: by the first of them.
    first = not report.checks or check.id == report.checks[0].id
    common = report.message if first else ""
    lines += [screenful(part) for part in (common, check.message) if part]
    if check.hint and (check.score is None or check.score < check.max_score):
        lines.append(f"Hint: {screenful(check.hint)}")
    lines += [f"{name} = {number(metric.value, 4)}" for name, metric in report.metrics.items() if _belongs(name, check)]
    if check.output:
        lines += ["Your code printed:", screenful(check.output)]
    if staff and check.staff:
        lines += ["For staff only:", screenful(check.staff)]
    return "\n".join(lines) + "\n"


def _belongs(metric: str, check: CheckResult) -> bool:
    """True where the metric is spoken of in the check's message, or bears the check's name."""
    return metric in check.message or check.id.removeprefix("test_") == metric.removeprefix("test_")


def _name(check: CheckResult) -> str:
    return "".join(part.capitalize() for part in check.verdict.value.split("_"))


def _error(name: str, value: str, said: str) -> dict[str, Any]:
    return {"output_type": "error", "ename": name, "evalue": value, "traceback": said.rstrip("\n").split("\n")}
