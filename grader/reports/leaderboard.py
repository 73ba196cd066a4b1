"""The leaderboard: who stands where, by the metrics that the config names, under handles and never under names."""

from __future__ import annotations

import csv
import io
import json
import math
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from grader.course.pseudonyms import pseudonym
from grader.files import write_file
from grader.records import MaskFigure
from grader.reports.formatting import DASH, moment, number
from grader.reports.ladder import range_text, rank_ranges, standard_error
from grader.reports.pages import render, script
from grader.reports.scatter import Model, Scatter, scatter
from grader.text import clean, csv_safe

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Mapping, Sequence
    from pathlib import Path

    from grader.course import Assignment, Course, LeaderboardColumn
    from grader.records import Drawing, LegendEntry, MaskRow, Report
    from grader.store.standings import Standing

SCHEMA_VERSION = 1
#: The fraction of the points, lateness counted, that passes.
PASS_FRACTION = 0.5
_HANDLE_LENGTH = 60
#: When a baseline was received.
_NEVER = datetime.min.replace(tzinfo=UTC)
#: Pictures on one page; each holds its file.
_MOST_TILES = 60


@dataclass(frozen=True, slots=True)
class LeaderboardEntry:
    """One student's or team's place in an assignment, without the name. ``received_at`` is timezone-aware."""

    handle: str
    received_at: datetime
    score: float | None
    """None where the attempt is held or was never scored."""
    max_score: float
    passed: bool
    metrics: Mapping[str, float | None]
    figure: MaskFigure | None = None
    """What the model made of public pictures, where the suite says that it may stand here."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One metric of one row: the value as ranked, rounded to the column's precision, and as shown."""

    value: float | None
    text: str
    error: str = ""
    """The standard error, where the metric is a share of known size."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the leaderboard. ``rank`` is None for what has no score yet, and for a baseline."""

    rank: int | None
    handle: str
    cells: tuple[Cell, ...]
    score: float | None
    max_score: float
    passed: bool
    received_at: datetime
    received: str
    """In the course's timezone."""
    figure: MaskFigure | None = None
    ranks: str = ""
    """The rank as it is shown: a range where chance cannot tell neighbours apart."""
    baseline: bool = False
    """Nobody's: a model to compare with."""
    cost: float | None = None
    """What the model costs, where the assignment names a metric for that."""

    @property
    def epoch(self) -> int:
        """Seconds since 1970, to sort by."""
        return int(self.received_at.timestamp())


@dataclass(frozen=True, slots=True)
class Gallery:
    """One public picture, its true classes, and what each model makes of it, in the order of the ranks."""

    picture: Drawing
    truth: Drawing
    tiles: tuple[tuple[Row, MaskRow], ...]
    legend: tuple[LegendEntry, ...]
    more: int
    """How many further models are not shown."""


def entry_of(
    row: Standing, *, secret: bytes, report: Report | None = None, pass_fraction: float = PASS_FRACTION
) -> LeaderboardEntry | None:
    """The leaderboard's entry of a row of the store's standing; None for who has handed in nothing.

    ``report`` is that of the attempt that counts: it may hold a figure for the leaderboard.

    Who has chosen no handle stands under a pseudonym that follows from the course's ``secret``: never under an id or a
    name. The score is the one after lateness; it passes at ``pass_fraction`` of the points.
    """
    if row.submission is None:
        return None
    points, most = row.final_score, row.max_score or 0.0
    return LeaderboardEntry(
        handle=row.handle or pseudonym(secret, row.owner),
        received_at=row.submission.received_at,
        score=points,
        max_score=most,
        passed=points is not None and points >= pass_fraction * most,
        metrics={name: metric.value for name, metric in row.metrics.items()},
        figure=_figure(report) if report is not None and points is not None else None,
    )


def _figure(report: Report) -> MaskFigure | None:
    """The first figure for the leaderboard that every student may see of their own work."""
    shown = (figure for check in report.checks if check.visibility == "visible" for figure in check.figures)
    return next((item for item in shown if isinstance(item, MaskFigure) and item.leaderboard and item.rows), None)


def gallery(rows: Sequence[Row]) -> Gallery | None:
    """The first picture of the best figure, with what every model made of that very picture; None without figures."""
    drawn = [(row, row.figure) for row in rows if row.figure is not None and row.rank is not None]
    if not drawn:
        return None
    best = drawn[0][1].rows[0]
    # Another grader version may have drawn another picture.
    same = [(row, figure) for row, figure in drawn if _same(figure.rows[0], best)]
    legend = {entry.name: entry for _, figure in same[:_MOST_TILES] for entry in figure.legend}
    tiles = tuple((row, figure.rows[0]) for row, figure in same[:_MOST_TILES])
    return Gallery(best.picture, best.truth, tiles, tuple(legend.values()), len(same) - len(tiles))


def _same(one: MaskRow, other: MaskRow) -> bool:
    return (one.picture, one.truth) == (other.picture, other.truth)


def standing(entries: Iterable[LeaderboardEntry], *, course: Course, assignment: Assignment) -> tuple[Row, ...]:
    """The entries as ranked rows.

    The first column's metric decides, in its direction and as precisely as it is shown, then the score. Whoever is
    equal in both shares a rank (1, 2, 2, 4) and is listed by the earlier date. A missing metric ranks behind every
    number. Entries without a score have no rank and come last, by date.
    """
    columns = assignment.leaderboard
    found = [(_key(entry, columns), entry) for entry in entries]
    found.sort(key=lambda pair: (pair[1].score is None, pair[0], pair[1].received_at, pair[1].handle))
    rows: list[Row] = []
    previous: tuple[float, ...] | None = None
    rank = 0
    for position, (key, entry) in enumerate(found, start=1):
        if key != previous:
            rank, previous = position, key
        rows.append(
            Row(
                rank=None if entry.score is None else rank,
                handle=clean(entry.handle).replace("\n", " ")[:_HANDLE_LENGTH],
                cells=tuple(_cell(_metric(entry, column), column) for column in columns),
                score=entry.score,
                max_score=entry.max_score,
                passed=entry.passed and entry.score is not None,
                received_at=entry.received_at,
                received=moment(entry.received_at, course.timezone),
                figure=entry.figure,
                ranks="" if entry.score is None else str(rank),
                cost=entry.metrics.get(assignment.cost.metric) if assignment.cost and entry.score is not None else None,
            )
        )
    return within_chance(rows, columns)


def within_chance(rows: Sequence[Row], columns: Sequence[LeaderboardColumn]) -> tuple[Row, ...]:
    """The rows with ranges of ranks, where the first column says of how many examples its metric is a share."""
    if not columns or columns[0].examples is None:
        return tuple(rows)
    ranked = [row for row in rows if row.rank is not None]
    ranges = rank_ranges([row.cells[0].value for row in ranked], columns[0].examples, columns[0].direction)
    shown = {id(row): range_text(found) or row.ranks for row, found in zip(ranked, ranges, strict=True)}
    return tuple(replace(row, ranks=shown.get(id(row), row.ranks)) for row in rows)


def with_baselines(rows: Sequence[Row], assignment: Assignment) -> tuple[Row, ...]:
    """The rows with the assignment's baselines among them, each before the first row that is not better."""
    columns = assignment.leaderboard
    found = list(rows)
    for baseline in assignment.baselines if columns else ():
        cells = tuple(_cell(baseline.metrics.get(column.metric), column) for column in columns)
        cost = baseline.metrics.get(assignment.cost.metric) if assignment.cost else None
        row = Row(None, clean(baseline.name), cells, None, 0.0, False, _NEVER, "", baseline=True, cost=cost)
        sign, value = (1 if columns[0].direction == "higher" else -1), cells[0].value
        if value is None:
            found.append(row)
            continue
        at = next(
            (
                index
                for index, other in enumerate(found)
                if not other.baseline
                and (other.rank is None or other.cells[0].value is None or sign * other.cells[0].value < sign * value)
            ),
            len(found),
        )
        found.insert(at, row)
    return tuple(found)


def plot_of(rows: Sequence[Row], assignment: Assignment, mine: Container[str] = ()) -> Scatter | None:
    """The first column of some rows against what their models cost; None where the assignment names no cost.

    ``mine`` are the reader's own handles.
    """
    if not assignment.leaderboard or assignment.cost is None:
        return None
    models = [
        Model(
            row.handle, row.cells[0].value, row.cells[0].text, row.cost,
            "baseline" if row.baseline else "mine" if row.handle in mine else "one",
        )
        for row in rows
    ]  # fmt: skip
    return scatter(models, assignment.leaderboard[0], assignment.cost)


def write_leaderboard(
    entries: Iterable[LeaderboardEntry], *, course: Course, assignment: Assignment, folder: Path, now: datetime
) -> Path:
    """Write ``index.html``, ``leaderboard.csv`` and ``leaderboard.json`` into ``folder``; returns the page."""
    rows = standing(entries, course=course, assignment=assignment)
    columns = assignment.leaderboard
    shown = with_baselines(rows, assignment)
    text, source = script("sort.js")
    html = render(
        "leaderboard.html.j2",
        course=course.name,
        title=assignment.title,
        columns=columns,
        rows=shown,
        plot=plot_of(shown, assignment),
        gallery=gallery(rows),
        pass_share=PASS_FRACTION,
        made=moment(now, course.timezone),
        script=text,
        script_source=source,
    )
    write_file(folder / "leaderboard.csv", _csv(rows, columns))
    write_file(folder / "leaderboard.json", _json(rows, course=course, assignment=assignment, now=now))
    return write_file(folder / "index.html", html)


def _key(entry: LeaderboardEntry, columns: Sequence[LeaderboardColumn]) -> tuple[float, ...]:
    """Smaller is better."""
    score = 0.0 if entry.score is None else -round(entry.score, 6)
    if not columns:
        return (score,)
    first = columns[0]
    value = _cell(_metric(entry, first), first).value
    if value is None:
        return (1.0, 0.0, score)
    return (0.0, -value if first.direction == "higher" else value, score)


def _metric(entry: LeaderboardEntry, column: LeaderboardColumn) -> float | None:
    """What was measured; nothing of an attempt whose score is not settled."""
    return None if entry.score is None else entry.metrics.get(column.metric)


def _cell(value: float | None, column: LeaderboardColumn) -> Cell:
    if value is None or not math.isfinite(value):
        return Cell(None, DASH)
    rounded = round(value, column.precision) + 0.0  # no minus zero
    error = standard_error(value, column.examples) if column.examples else 0.0
    shown = f"\N{PLUS-MINUS SIGN}{error:.{column.precision}f}" if column.examples else ""
    return Cell(rounded, f"{rounded:.{column.precision}f}", shown)


def _csv(rows: Sequence[Row], columns: Sequence[LeaderboardColumn]) -> str:
    stream = io.StringIO(newline="")
    writer = csv.writer(stream, lineterminator="\n")
    names = [csv_safe(column.metric) for column in columns]
    writer.writerow(["rank", "handle", *names, "score", "max_score", "passed", "received"])
    for row in rows:
        cells = [cell.text if cell.value is not None else "" for cell in row.cells]
        score = "" if row.score is None else number(row.score, 4)
        passed = "" if row.score is None else "yes" if row.passed else "no"
        plain = [*cells, score, number(row.max_score, 4), passed, _iso(row)]
        writer.writerow(["" if row.rank is None else row.rank, csv_safe(row.handle), *plain])
    return stream.getvalue()


def _json(rows: Sequence[Row], *, course: Course, assignment: Assignment, now: datetime) -> str:
    columns = assignment.leaderboard
    data = {
        "schema_version": SCHEMA_VERSION,
        "course": course.name,
        "assignment": assignment.name,
        "title": assignment.title,
        "made": now.astimezone(course.timezone).isoformat(timespec="seconds"),
        "columns": [column.model_dump(mode="json") for column in columns],
        "rows": [
            {
                "rank": row.rank,
                "handle": row.handle,
                "score": row.score,
                "max_score": row.max_score,
                "passed": row.passed if row.score is not None else None,
                "received": row.received_at.astimezone(course.timezone).isoformat(timespec="seconds"),
                "metrics": {column.metric: cell.value for column, cell in zip(columns, row.cells, strict=True)},
            }
            for row in rows
        ],
    }
    return json.dumps(data, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def _iso(row: Row) -> str:
    return row.received_at.isoformat(timespec="seconds")
