"""From measures to what is said: ratios of the same run, overhead, throughput, and the report as JSON and Markdown.

Nothing here measures, and nothing is filled in: a number that was not measured is absent.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from statistics import median
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from measure import Measure

OURS = "autograde"
OURS_MANY = "autograde, many"
OURS_DEFAULT = "autograde, default jobs"
PEERS = ("nbgrader", "otter api", "otter run", "plain script")


@dataclass(frozen=True, slots=True)
class Ratio:
    """How many times longer a peer takes than we do; above 1 we are faster."""

    peer: str
    what: str
    peer_s: float
    ours_s: float

    @property
    def value(self) -> float:
        """Peer over ours."""
        return self.peer_s / self.ours_s


@dataclass(slots=True)
class Report:
    """Everything one run of the benchmark found out."""

    mode: str
    machine: dict[str, str]
    versions: dict[str, str] = field(default_factory=dict)
    measures: list[Measure] = field(default_factory=list)
    ours_runs_s: list[float] = field(default_factory=list)
    micro_ms: dict[str, float] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    def find(self, tool: str) -> Measure | None:
        """The first measure of ``tool``; ours' first is the one over as many submissions as the peers'."""
        return next((one for one in self.measures if one.tool == tool), None)


def median_run(runs: Sequence[Measure]) -> Measure:
    """The run whose wall time is the median of the repeated ``runs`` (the lower of the middle two)."""
    ordered = sorted(runs, key=lambda run: run.wall_s)
    return ordered[(len(ordered) - 1) // 2]


def ratios(report: Report) -> list[Ratio]:
    """Peers against ours.

    The headline is whole batches over the same number of submissions, start-up included on both sides. `otter run` and
    the plain script start anew for each submission, so their number of submissions does not matter. "One more
    submission" leaves start-up out on both sides; ours is taken over many, where noise in the start-up weighs little.
    """
    ours = report.find(OURS)
    many = report.find(OURS_MANY) or ours
    found = []
    for peer in map(report.find, PEERS):
        if ours is None or peer is None:
            continue
        each_anew = peer.tool in {"otter run", "plain script"}
        if peer.submissions == ours.submissions or each_anew:
            found.append(Ratio(peer.tool, "whole batch", peer.per_submission_s, ours.per_submission_s))
            found.append(Ratio(peer.tool, "whole batch, CPU", peer.cpu_per_submission_s, ours.cpu_per_submission_s))
        for what, theirs, mine in (
            ("one more submission", peer.marginal_s, many.marginal_s if many else None),
            ("one more submission, CPU", peer.marginal_cpu_s, many.marginal_cpu_s if many else None),
        ):
            if theirs is not None and mine is not None and mine > 0:
                found.append(Ratio(peer.tool, what, theirs, mine))
        for whole in (many, report.find(OURS_DEFAULT)):
            # A class as it is graded: our start-up is in, theirs is left out where that can be known.
            if whole is not None and whole is not ours:
                what = f"{whole.submissions} submissions, {'default jobs' if whole.tool == OURS_DEFAULT else 'one job'}"
                found.append(Ratio(peer.tool, what, peer.marginal_s or peer.per_submission_s, whole.per_submission_s))
    return found


def overhead_s(ours: Measure, floor: Measure) -> float:
    """Median over submissions of our wall time of one less the warm plain time of the same one."""
    shared = min(len(ours.each_s), len(floor.each_s))
    if not shared:
        raise ValueError("neither has times of single submissions")
    # Submissions are numbered alike in both: a shorter list is the beginning of a longer one.
    return median(mine - plain for mine, plain in zip(ours.each_s[:shared], floor.each_s[:shared], strict=True))


def start_up_s(ours: Measure) -> float | None:
    """Wall time of a batch that is no submission's own (start-up and end), with one job; None where unknown."""
    return ours.wall_s - sum(ours.each_s) if ours.each_s else None


def as_json(report: Report) -> dict[str, Any]:
    """The report as JSON-ready data, derived numbers beside the measured ones."""
    data = dataclasses.asdict(report)
    for one, measure in zip(data["measures"], report.measures, strict=True):
        one["per_submission_s"] = measure.per_submission_s
        one["marginal_s"] = measure.marginal_s
        one["marginal_cpu_s"] = measure.marginal_cpu_s
        one["median_each_s"] = measure.median_each_s
        one["cpu_per_submission_s"] = measure.cpu_per_submission_s
    data["ratios"] = [{**dataclasses.asdict(one), "value": one.value} for one in ratios(report)]
    data["derived_s"] = derived(report)
    return data


def derived(report: Report) -> dict[str, float]:
    """Seconds that follow from ours and the floor: overhead of a submission, start-up, isolation, other parts."""
    ours, floor = report.find(OURS_MANY) or report.find(OURS), report.find("floor")
    found: dict[str, float] = {}
    if ours is None:
        return found
    if floor is not None and ours.each_s and floor.each_s:
        found["overhead of a submission over its checks (median)"] = overhead_s(ours, floor)
    start = start_up_s(ours)
    if start is not None:
        found["batch time outside submissions (start-up, end)"] = start
    found |= {f"part of a submission: {name} (median)": value for name, value in ours.parts_s.items()}
    return found


def rows(report: Report) -> list[tuple[str, ...]]:
    """The measures as text, a row each, in the order of HEADER."""
    return [
        (
            one.tool,
            one.how,
            str(one.submissions),
            f"{one.per_submission_s:.3f}",
            "noise" if one.marginal_s is not None and one.marginal_s <= 0 else _seconds(one.marginal_s),
            _seconds(one.median_each_s),
            f"{one.cpu_per_submission_s:.3f}",
            f"{60 / one.per_submission_s:.0f}",
            f"{one.peak_mb:.0f}",
        )
        for one in report.measures
    ]


HEADER = (
    "tool",
    "how",
    "N",
    "wall s / submission",
    "one more s",
    "median of one s",
    "CPU s / submission",
    "per minute",
    "peak MB",
)


def _seconds(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"


def _table(header: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    text = [f"| {' | '.join(line)} |" for line in (header, ["---"] * len(header), *lines)]
    return "\n".join(text)


def as_markdown(report: Report) -> str:
    """The report as a page."""
    facts = " · ".join(f"{name}: {value}" for name, value in (report.machine | report.versions).items())
    parts = [f"# Benchmark ({report.mode})", facts]
    parts += [f"Note: {note}." for note in report.notes]
    if report.failures:
        parts += ["## Failed steps", *(f"```\n{failure}\n```" for failure in report.failures)]
    parts += ["## Measured", _table(HEADER, rows(report)), EXPLAINED]
    parts.append("\n".join(f"- {one.tool} (N = {one.submissions}) includes: {one.includes}" for one in report.measures))
    if report.ours_runs_s:
        walls = ", ".join(f"{wall:.2f}" for wall in report.ours_runs_s)
        parts.append(f"Our batch ran between the peers' ones; the row is its median run. Wall s of all: {walls}.")
    found = ratios(report)
    if found:
        lines = [(one.peer, one.what, f"{one.peer_s:.3f}", f"{one.ours_s:.3f}", f"{one.value:.1f}") for one in found]
        parts += ["## Times as long as ours", _table(("peer", "what", "peer s", "ours s", "ratio"), lines)]
    for title, values in (("Our seconds", derived(report)), ("Fork and import, ms", report.micro_ms)):
        if values:
            pairs = [(name, f"{value:.3f}") for name, value in values.items()]
            parts += [f"## {title}", _table(("what", "value"), pairs)]
    return "\n\n".join(parts) + "\n"


EXPLAINED = """\
Every tool gave every submission the right score before its time counted. *Wall s / submission* is the wall time of the
whole command over N, start-up included. *One more* is (batch of N - batch of 1) / (N - 1): start-up left out, by the
same formula for all (*noise*: the two start-ups differed by more than the submissions took). *Median of one* is what
the tool reports or takes for a single submission. *CPU* is that of every process the command started; where other work
shares the machine it is the steadier number. *Peak* is the largest single process. All run with one thread and
compiled bytecode."""
