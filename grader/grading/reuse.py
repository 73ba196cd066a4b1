"""Reports that need no run: by a grader version that differs in hints, comments or thresholds alone.

The report on a submission is then the earlier one with other hints, and with points by the new thresholds from the metrics that
are in it. Its seed, and so all that the checks saw, stays what it was. Where that cannot be proved, the submission is graded.
"""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from grader.course.equivalence import Described
from grader.course.models import Threshold
from grader.engine.outcomes import CaseState, is_suspicion, overall, suspicion, threshold_message
from grader.files import write_file
from grader.records import CheckResult, Report, Verdict

if TYPE_CHECKING:
    from grader.store import Attempt, Store

#: Where grader versions are described, below the state folder.
_FOLDER = "versions"
#: Verdicts of checks from which an earlier report can be carried over.
_SETTLED = frozenset(
    {
        Verdict.ACCEPTED,
        Verdict.PARTIAL,
        Verdict.WRONG_ANSWER,
        Verdict.RUNTIME_ERROR,
        Verdict.SKIPPED,
        Verdict.TIME_LIMIT,
    }
    | {Verdict.MEMORY_LIMIT, Verdict.WORKER_DIED, Verdict.PROTOCOL_ERROR}
)


def remember(state: Path, version: str, described: Described) -> None:
    """Write down what a grader version is, for later ones to be held against. Raises OSError."""
    path = state / _FOLDER / f"{version}.json"
    if not path.exists():
        write_file(path, json.dumps(described.as_dict(), sort_keys=True), mode=0o600)


def alike(state: Path, version: str, described: Described) -> dict[str, Described]:
    """The other versions that would run alike, as they were written down."""
    if described.run is None:
        return {}
    found = {}
    for path in sorted((state / _FOLDER).glob("*.json")):
        if path.stem == version:
            continue
        try:
            other = Described(**json.loads(path.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            continue  # written by another Autograde, or damaged: nothing is known
        if other.run == described.run:
            found[path.stem] = other
    return found


class Carried(NamedTuple):
    """A report as another version would give it, and the version that gave it."""

    report: Report
    version: str


def carried(store: Store, assignment: str, version: str, described: Described) -> dict[int, Carried]:
    """By submission, the report that this version would give, where an earlier one says it."""
    found: dict[int, Carried] = {}
    latest: dict[int, Attempt] = {}
    others = alike(store.state, version, described)
    for other in others:
        for attempt in store.attempts(assignment, grader_version=other):
            before = latest.get(attempt.submission_id)
            if attempt.counts and (before is None or attempt.id > before.id):
                latest[attempt.submission_id] = attempt
    for number, attempt in latest.items():
        report = carry(attempt.report, others[attempt.grader_version], described, version)
        if report is not None:
            found[number] = Carried(report, attempt.grader_version)
    return found


def carry(report: Report, old: Described, new: Described, version: str) -> Report | None:
    """A report by the version ``old`` as ``new``, which runs alike, would give it; None where it has to be run."""
    changed = {
        metric
        for metric in old.thresholds.keys() | new.thresholds.keys()
        if old.thresholds.get(metric) != new.thresholds.get(metric)
    }
    if (changed and (new.awards is None or old.awards is None)) or report.verdict is Verdict.NOT_RUN:
        return None
    awarded = set((new.awards or {}).values())
    checks, metrics, flags = [], dict(report.metrics), list(report.flags)
    for check in report.checks:
        metric = (new.awards or {}).get(check.id)
        threshold = None
        if metric in changed:
            given = new.thresholds.get(metric or "")
            if given is None:
                return None  # the suite asks for a threshold that there is not
            threshold = Threshold.model_validate(given)
        other = _carry_check(check, report, old, new, metric if threshold else None, threshold)
        if other is None:
            return None
        checks.append(other)
        if threshold is not None and metric in metrics:
            was = metrics[metric]
            metrics[metric] = was.model_copy(update={"direction": threshold.direction})
            flags = [flag for flag in flags if not is_suspicion(flag, check.id, metric)]
            if was.value is not None and threshold.is_suspect(was.value) and threshold.suspect is not None:
                flags.append(f"{check.id}: {suspicion(metric, was.value, threshold.suspect)}")
    if any(metric in report.metrics and metric not in awarded for metric in changed):
        return None  # recorded and not awarded: which way is better comes from the threshold
    verdict, score = overall(checks)
    return report.model_copy(
        update={
            "checks": tuple(checks),
            "metrics": metrics,
            "flags": tuple(flags),
            "verdict": verdict,
            "score": score,
            "grader_version": version,
        }
    )


def _carry_check(
    check: CheckResult, report: Report, old: Described, new: Described, metric: str | None, threshold: Threshold | None
) -> CheckResult | None:
    if check.verdict not in _SETTLED:
        return None
    if metric is not None and threshold is not None and metric in report.metrics:
        was = report.metrics[metric]
        said = threshold_message(CaseState(metrics={metric: was}, awarded=metric))
        if check.verdict in (Verdict.ACCEPTED, Verdict.PARTIAL) or check.message == said:
            fraction = 0.0 if was.value is None else threshold.fraction(was.value)
            said = threshold_message(_as(metric, report, threshold))
            return _awarded(check, fraction, said, new.hints.get(check.id, ""))
    if check.score is not None and check.score >= check.max_score:
        return check  # it shows no hint
    before, after = old.hints.get(check.id, ""), new.hints.get(check.id, "")
    if before == after or (before and check.hint != before):
        return check  # a message that names the cause has no hint
    # Where there was no hint, nobody can tell whether the message would have had one.
    return check.model_copy(update={"hint": after}) if before or check.verdict is Verdict.PARTIAL else None


def _as(metric: str, report: Report, threshold: Threshold) -> CaseState:
    was = report.metrics[metric].model_copy(update={"direction": threshold.direction})
    return CaseState(metrics={metric: was}, awarded=metric)


def _awarded(check: CheckResult, fraction: float, message: str, hint: str) -> CheckResult:
    verdict = Verdict.ACCEPTED if fraction >= 1 else Verdict.PARTIAL if fraction > 0 else Verdict.WRONG_ANSWER
    full = verdict is Verdict.ACCEPTED
    score = round(check.max_score * fraction, 6)
    words = {"message": "" if full else message, "hint": "" if full else hint}
    return check.model_copy(update={"verdict": verdict, "score": score, **words})


# -- some checks alone -------------------------------------------------------------------------------------------------


def can_keep(before: Report, ids: Sequence[str], only: Collection[str]) -> bool:
    """Whether a report has all checks of a suite but those that are run ``only``, and none of them is held."""
    kept = {check.id for check in before.checks if not check.verdict.held}
    return before.verdict is not Verdict.NOT_RUN and set(ids) - set(only) <= kept


def merged(before: Report, part: Report, ids: Sequence[str], only: Collection[str]) -> Report:
    """The report with the checks ``only`` as ``part`` has them, and the others as they were. ``ids``: the suite's, in order.

    Nothing proves that a run of all checks would give the same: they share a worker, and what a submission keeps in its
    modules. So a person must have asked for it; the report's environment says what was kept.
    """
    found = {check.id: check for check in before.checks} | {check.id: check for check in part.checks}
    checks = [found[name] for name in ids]
    verdict, score = overall(checks)
    flags = [flag for flag in before.flags if flag.partition(": ")[0].partition("[")[0] not in only]
    kept = f"{len(ids) - len(part.checks)} of {len(ids)} checks from grader version {before.grader_version}"
    return part.model_copy(
        update={
            "checks": tuple(checks),
            "verdict": verdict,
            "score": score,
            "max_score": math.fsum(check.max_score for check in checks),
            "metrics": {**before.metrics, **part.metrics},
            "flags": tuple(dict.fromkeys((*flags, *part.flags))),
            "environment": {**part.environment, "kept": kept},
        }
    )
