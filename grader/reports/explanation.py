"""How a number came about: every rule and decision that made it, in the order in which they are applied."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC
from typing import TYPE_CHECKING

from grader.policies import Decision, DecisionKind, Decisions
from grader.reports.formatting import DASH, moment, number, points
from grader.text import clean, counted

if TYPE_CHECKING:
    from datetime import tzinfo

    from grader.course import Assignment
    from grader.store.ledger import CourseStanding
    from grader.store.standings import Standing

#: How the attempts policy reads.
_COUNTS = {
    "best": "the best of {} after lateness",
    "last": "the last of {}",
    "chosen": "the last of {}, for none was chosen",
}


@dataclass(frozen=True, slots=True)
class Step:
    """One step: what it is about, what it comes to, and why; ``why`` may be empty."""

    what: str
    value: str
    why: str = ""


def explain(standing: Standing, assignment: Assignment, decisions: Decisions, zone: tzinfo) -> tuple[Step, ...]:
    """The steps to the final score of one student or team in one assignment.

    ``assignment`` is as autograde.yml has it: extensions are taken from ``decisions``. Times are shown in ``zone``.
    """
    ids = tuple(dict.fromkeys((standing.owner, standing.submission.owner if standing.submission else standing.owner)))
    steps = [*_attempt(standing, assignment, zone), *_due(standing, assignment, decisions, zone)]
    if standing.submission is not None and standing.override is None:
        steps += _lateness(standing, assignment)
    for one in ids:
        steps += _overrides(standing, decisions.history(DecisionKind.OVERRIDE, assignment.name, one), zone)
    final = "excused" if standing.excused else DASH if standing.final_score is None else points(standing.final_score)
    why = "waits for staff or for grading" if standing.final_score is None and standing.submission is not None else ""
    return (*steps, Step("Points", final, why))


def decided(standing: Standing) -> bool:
    """True where more than the checks and people's marks made the number: lateness, an extension or a decision."""
    return bool(standing.days_late or standing.override or standing.choice)


def explain_course(standing: CourseStanding, drop_lowest: int) -> tuple[Step, ...]:
    """The steps to a student's grade of the course."""
    steps = []
    for name, part in standing.parts.items():
        row = standing.standings[name]
        dropped = name in standing.grade.dropped
        why = f"weight {number(part.weight)}"
        if row.excused:
            why = "excused"
        elif part.fraction is None:
            why = "waits for staff or for grading" if row.submission is not None else "not due yet"
        elif row.submission is None and row.final_score is None:
            why += ", nothing was handed in"
        if dropped:
            why = f"dropped, as one of the {drop_lowest} lowest" if drop_lowest > 1 else "dropped, as the lowest"
        steps.append(Step(name, _percent(part.fraction), why))
    why = (
        f"mean by weight, which is {number(standing.grade.weight)} in all"
        if standing.grade.fraction is not None
        else ""
    )
    return (*steps, Step("Course", _percent(standing.grade.fraction), why))


def _attempt(standing: Standing, assignment: Assignment, zone: tzinfo) -> list[Step]:
    submission = standing.submission
    if submission is None:
        return [Step("Handed in", "nothing")]
    which = _COUNTS[assignment.attempts].format(standing.handed_in) if standing.handed_in > 1 else ""
    if standing.choice is not None:
        which = f"chosen by {_by(standing.choice, zone)}"
    received = f"received {moment(submission.received_at, zone)}"
    steps = [Step("Counts", f"submission {submission.id}", f"{which}; {received}" if which else received)]
    if standing.raw_score is not None:
        checks_max = (standing.max_score or 0.0) - standing.manual_max
        steps.append(Step("Checks", f"{number(standing.auto_score)} of {points(checks_max)}"))
        if standing.manual_max:
            unmarked = f"{counted(standing.unmarked, 'question')} not marked yet" if standing.unmarked else ""
            steps.append(
                Step("Written questions", f"{number(standing.manual_score)} of {points(standing.manual_max)}", unmarked)
            )
        if abs(standing.raw_score - (standing.auto_score or 0.0) - (standing.manual_score or 0.0)) > 1e-9:
            steps.append(Step("After marks on checks", points(standing.raw_score), "a person has marked a check"))
    return steps


def _due(standing: Standing, assignment: Assignment, decisions: Decisions, zone: tzinfo) -> list[Step]:
    if standing.due is None:
        return []
    submission = standing.submission
    owners = (standing.owner, *((submission.owner, submission.uploader) if submission else ()))
    everybody = assignment.due
    why = ""
    if everybody is not None and standing.due.astimezone(UTC) > everybody.astimezone(UTC):
        given = [
            made
            for owner in dict.fromkeys(owners)
            if (made := decisions.latest(DecisionKind.EXTENSION, assignment.name, owner)) is not None
        ]
        granted = next((made for made in given if made.due and made.due == standing.due.astimezone(UTC)), None)
        why = f"extended from {moment(everybody, zone)}"
        why += f", by {_by(granted, zone)}{_comment(granted)}" if granted else ", in autograde.yml"
    return [Step("Due", moment(standing.due, zone), why)]


def _lateness(standing: Standing, assignment: Assignment) -> list[Step]:
    if not standing.days_late:
        return []
    policy = assignment.late_policy
    grace = f" and {number(policy.grace_minutes)} minutes of grace" if policy.grace_minutes else ""
    steps = [Step("Late", counted(standing.days_late, "day"), f"begun after the due date{grace}")]
    if standing.slip_days:
        cost = "costs" if standing.slip_days == 1 else "cost"
        value = f"{counted(standing.slip_days, 'day')} of these {cost} nothing"
        steps.append(Step("Slip days", value, "out of the budget for the whole course"))
    kept = 1.0 - standing.late_penalty
    rest = standing.days_late - standing.slip_days
    if policy.max_days is not None and rest > policy.max_days:
        why = f"more than {counted(policy.max_days, 'day')} late scores nothing"
    else:
        why = (
            f"{number(100 * policy.penalty_per_day)} % for each day begun"
            if rest
            else "no day is left that costs anything"
        )
    steps.append(Step("Lateness leaves", f"{number(100 * kept)} %", why))
    if standing.raw_score is not None and standing.late_penalty:
        product = standing.raw_score * kept
        steps.append(Step("Score", points(product), f"{number(standing.raw_score)} times {number(kept, 4)}"))
    return steps


def _overrides(standing: Standing, made: tuple[Decision, ...], zone: tzinfo) -> list[Step]:
    steps = []
    for decision in made:
        value = "taken back" if decision.withdrawn else "excused" if decision.excused else points(decision.number)
        counts = " (this one counts)" if decision == standing.override and len(made) > 1 else ""
        steps.append(Step("Override", value + counts, f"by {_by(decision, zone)}{_comment(decision)}"))
    return steps


def _by(decision: Decision, zone: tzinfo) -> str:
    return f"{clean(decision.author)} on {moment(decision.made_at, zone)}"


def _comment(decision: Decision) -> str:
    return f": {clean(decision.comment)}" if decision.comment else ""


def _percent(fraction: float | None) -> str:
    return DASH if fraction is None else f"{number(100 * fraction)} %"
