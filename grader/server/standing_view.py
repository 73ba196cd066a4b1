"""What the leaderboard shows to one reader, made of where everybody stands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from grader.course.pseudonyms import pseudonym
from grader.policies import DecisionKind
from grader.reports.leaderboard import LeaderboardEntry, Row, entry_of, standing
from grader.server.account import LEADERBOARD

if TYPE_CHECKING:
    from grader.course import Assignment, LeaderboardColumn
    from grader.server.directory import Person
    from grader.server.service import Service

#: Everybody sees the best so many, and themselves with so many on either side.
TOP, AROUND = 10, 3


@dataclass(frozen=True, slots=True)
class Seen:
    """One row for one reader. ``gap`` says that rows before it are not shown."""

    row: Row
    mine: bool = False
    gap: bool = False


@dataclass(frozen=True, slots=True)
class Board:
    """A leaderboard for one reader; ``of`` counts everybody who has a rank."""

    columns: tuple[LeaderboardColumn, ...]
    rows: tuple[Seen, ...]
    of: int


def board(service: Service, assignment: Assignment, person: Person) -> Board:
    """The leaderboard of an assignment for ``person``; staff see all of it."""
    if not service.shown(person, assignment, DecisionKind.GRADES):
        return Board(assignment.leaderboard, (), 0)
    handles = service.data.choices(LEADERBOARD)
    own = service.course.roster.owner_of(person.id, assignment.name)
    entries: list[LeaderboardEntry] = []
    mine: set[str] = set()
    for found in service.standing(assignment):
        if found.final_score is None:
            continue  # what failed or is held has no rank, and no row
        entry = entry_of(found, secret=service.secret)
        if entry is None:
            continue
        handle = handles.get(found.owner) or pseudonym(service.secret, found.owner)
        entry = LeaderboardEntry(handle, entry.received_at, entry.score, entry.max_score, entry.passed, entry.metrics)
        entries.append(entry)
        if found.owner == own:
            mine.add(handle)
    rows = standing(entries, course=service.course, assignment=assignment)
    return Board(assignment.leaderboard, tuple(around(rows, mine, everything=person.staff)), len(rows))


def around(rows: Sequence[Row], mine: set[str], *, everything: bool = False) -> list[Seen]:
    """The first rows and those around the reader's own, with the gaps between them."""
    own = [index for index, row in enumerate(rows) if row.handle in mine]
    shown = [
        index for index in range(len(rows)) if everything or index < TOP or any(abs(index - at) <= AROUND for at in own)
    ]
    return [
        Seen(rows[index], index in own, number > 0 and shown[number - 1] != index - 1)
        for number, index in enumerate(shown)
    ]
