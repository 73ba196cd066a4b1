"""What the leaderboard shows to one reader, made of where everybody stands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING

from grader.course.pseudonyms import pseudonym
from grader.policies import DecisionKind
from grader.reports.ladder import ladder, shake_up
from grader.reports.leaderboard import LeaderboardEntry, Row, entry_of, plot_of, standing, with_baselines
from grader.reports.scatter import Scatter
from grader.server.account import LEADERBOARD

if TYPE_CHECKING:
    from grader.course import Assignment, LeaderboardColumn
    from grader.server.directory import Person
    from grader.server.service import Service
    from grader.store import Standing

#: Everybody sees the best so many, and themselves with so many on either side.
TOP, AROUND = 10, 3


@dataclass(frozen=True, slots=True)
class Seen:
    """One row for one reader.

    ``gap`` says that rows before it are not shown. ``rose`` is by how many ranks the reveal of the private half changed
    it, None where nothing was revealed.
    """

    row: Row
    mine: bool = False
    gap: bool = False
    rose: int | None = None


@dataclass(frozen=True, slots=True)
class Board:
    """A leaderboard for one reader; ``of`` counts everybody who has a rank.

    ``laddered`` says that public scores are shown by the Ladder, ``revealed`` that the private half is shown.
    """

    columns: tuple[LeaderboardColumn, ...]
    rows: tuple[Seen, ...]
    of: int
    laddered: bool = False
    revealed: bool = False
    plot: Scatter | None = None


def board(service: Service, assignment: Assignment, person: Person) -> Board:
    """The leaderboard of an assignment for ``person``; staff see all of it."""
    if not service.shown(person, assignment, DecisionKind.GRADES):
        return Board(assignment.leaderboard, (), 0)
    has_private = any(column.private for column in assignment.leaderboard)
    revealed = has_private and is_revealed(service, assignment)
    own = service.course.roster.owner_of(person.id, assignment.name)
    # What failed or is held has no score, no rank and no row.
    found = [row for row in service.standing(assignment) if row.final_score is not None]
    names = _names(service, found)
    mine = {names[row.owner] for row in found if row.owner == own}
    public = _laddered(service, assignment) if has_private else {}
    rows = standing(
        _entries(service, assignment, found, names, public, revealed=revealed),
        course=service.course,
        assignment=assignment,
    )
    rose: Mapping[str, int] = {}
    if revealed:
        before = standing(
            _entries(service, assignment, found, names, public, revealed=False),
            course=service.course,
            assignment=assignment,
        )
        rose = shake_up(_ranks(before), _ranks(rows))
    shown = around(with_baselines(rows, assignment), mine, everything=person.staff)
    if revealed:
        shown = [replace(seen, rose=rose.get(seen.row.handle)) for seen in shown]
    # Of the rows that the reader sees, and no others.
    plot = plot_of([seen.row for seen in shown], assignment, {seen.row.handle for seen in shown if seen.mine})
    return Board(assignment.leaderboard, tuple(shown), len(rows), has_private and not revealed, revealed, plot)


def is_revealed(service: Service, assignment: Assignment) -> bool:
    """Whether nobody can hand in any more with a chance that it counts: the last due date is over, and the late days."""
    granted = service.store.granted(assignment)
    dues = [due for due in (granted.due, *granted.extensions.values()) if due is not None]
    if not dues:
        return False
    late = assignment.late_policy
    return service.now() > max(dues) + timedelta(
        days=(late.max_days or 0) + granted.slip_days, minutes=late.grace_minutes
    )


def hidden_metrics(service: Service, assignment: Assignment) -> frozenset[str]:
    """The metrics that feedback leaves out: exact values of both halves, until the private one is revealed."""
    columns = [column for column in assignment.leaderboard if column.private]
    if not columns or is_revealed(service, assignment):
        return frozenset()
    return frozenset(name for column in columns for name in (column.metric, column.private or ""))


def around(rows: Sequence[Row], mine: set[str], *, everything: bool = False) -> list[Seen]:
    """The first rows and those around the reader's own, with the gaps between them; baselines stay where they are."""
    people = [index for index, row in enumerate(rows) if not row.baseline]
    own = [number for number, index in enumerate(people) if rows[index].handle in mine]
    kept = {
        index
        for number, index in enumerate(people)
        if everything or number < TOP or any(abs(number - at) <= AROUND for at in own)
    } | {index for index, row in enumerate(rows) if row.baseline}
    shown = sorted(kept)
    return [
        Seen(
            rows[index],
            not rows[index].baseline and rows[index].handle in mine,
            number > 0 and shown[number - 1] != index - 1,
        )
        for number, index in enumerate(shown)
    ]


def _names(service: Service, found: Sequence[Standing]) -> dict[str, str]:
    """What each owner is shown as: the handle that they chose on their page, or a pseudonym. A team is its members' first."""
    chosen = service.data.choices(LEADERBOARD)
    names = {}
    for row in found:
        members = service.course.roster.members_of(row.owner)
        handle = next((chosen[who] for who in (row.owner, *members) if chosen.get(who)), "")
        names[row.owner] = handle or pseudonym(service.secret, row.owner)
    return names


def _entries(
    service: Service,
    assignment: Assignment,
    found: Sequence[Standing],
    names: Mapping[str, str],
    public: Mapping[str, Mapping[str, float]],
    *,
    revealed: bool,
) -> list[LeaderboardEntry]:
    entries = []
    for row in found:
        entry = entry_of(row, secret=service.secret)
        if entry is None:
            continue
        metrics = dict(entry.metrics)
        for column in assignment.leaderboard:
            if column.private:
                value = entry.metrics.get(column.private) if revealed else public.get(row.owner, {}).get(column.metric)
                metrics[column.metric] = value
        entries.append(replace(entry, handle=names[row.owner], metrics=metrics))
    return entries


def _laddered(service: Service, assignment: Assignment) -> dict[str, dict[str, float]]:
    """What the Ladder shows of each owner's attempts, by owner and metric."""
    shown: dict[str, dict[str, float]] = {}
    for owner, attempts in service.store.metric_history(assignment.name).items():
        for column in assignment.leaderboard:
            if column.private and column.examples:
                values = [found[column.metric] for found in attempts if found.get(column.metric) is not None]
                known = [value for value in values if value is not None]
                if known:
                    shown.setdefault(owner, {})[column.metric] = ladder(known, column.examples, column.direction)[-1]
    return shown


def _ranks(rows: Sequence[Row]) -> dict[str, int]:
    return {row.handle: row.rank for row in rows if row.rank is not None}
