"""What a validation found, as values, and the figures that follow from them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from grader.records import CheckResult, Verdict
from grader.validation.mutation import Mutant


@dataclass(frozen=True, slots=True)
class Flake:
    """A version that must get full marks missed them at one seed. The same seed shows it again."""

    version: str
    check: str
    seed: int
    verdict: Verdict
    message: str


@dataclass(frozen=True, slots=True)
class Measured:
    """One version of the solution, what its checks came to, and what is not as it must be.

    ``checks`` are those that ran, at the first seed. The others cannot see what the version changes, and come to what
    they come to for the solution. ``score`` counts them as full; it is None where a check is held.
    """

    name: str
    kind: Literal["solution", "stub", "wrong", "right"]
    checks: tuple[CheckResult, ...]
    score: float | None
    max_score: float
    problems: tuple[str, ...]
    seconds: float
    seeds: int = 1


@dataclass(frozen=True, slots=True)
class MutantResult:
    """A mutant, the checks that ran on it, and those among them that it failed.

    ``marked`` is the reason why an entry of variants.yml calls it equivalent, ``free`` why it may survive within a freedom; empty
    where none does.
    """

    mutant: Mutant
    ran: tuple[str, ...]
    killed_by: tuple[str, ...]
    marked: str = ""
    free: str = ""

    @property
    def status(self) -> Literal["killed", "survived", "free", "equivalent", "not equivalent"]:
        """How it ended; ``not equivalent`` where it was marked, and a check failed it all the same."""
        if self.marked:
            return "not equivalent" if self.killed_by else "equivalent"
        if self.killed_by:
            return "killed"
        return "free" if self.free else "survived"

    @property
    def counts(self) -> bool:
        """Whether a grader should fail it: neither equivalent nor free."""
        return self.status not in ("equivalent", "free")


@dataclass(frozen=True, slots=True)
class CheckRow:
    """One check: what it costs on the solution, how many mutants it ran on, how many it failed, and how many alone.

    ``needed`` is False where every mutant and every wrong variant that it fails is failed by another check as well.
    """

    id: str
    points: float
    seconds: float
    ran: int
    killed: int
    alone: int
    needed: bool


@dataclass(frozen=True, slots=True)
class FunctionRow:
    """One function of the solution: its mutants that count, how many of them some check failed, and how many do not count."""

    file: str
    function: str
    mutants: int
    killed: int
    equivalent: int


@dataclass(frozen=True, slots=True)
class MetricRow:
    """A check that gives points by a metric, and what the wrong variants that it ran on got: nothing, a part, all."""

    id: str
    wrong: int
    none: int
    part: tuple[str, ...]
    full: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Validation:
    """How good a hidden suite is."""

    assignment: str
    profile: str
    seeds: tuple[int, ...]
    measured: tuple[Measured, ...]
    flakes: tuple[Flake, ...] = ()
    mutants: tuple[MutantResult, ...] = ()
    #: How many mutants there are, of which ``mutants`` may be a sample.
    mutants_in_all: int = 0
    #: The promises of the stubs, each broken once.
    contract: tuple[MutantResult, ...] = ()
    #: Checks that give points by a metric.
    metric_checks: tuple[str, ...] = ()
    #: Entries marked equivalent that no mutant matches, as ``name: text``.
    stale: tuple[str, ...] = ()
    #: What is wrong with freedoms.
    unfounded: tuple[str, ...] = ()
    costs: Mapping[str, float] = field(default_factory=dict)
    points: Mapping[str, float] = field(default_factory=dict)
    seconds: float = 0.0

    def with_status(self, status: str) -> tuple[MutantResult, ...]:
        """The mutants that ended so."""
        return tuple(item for item in self.mutants if item.status == status)

    @property
    def complete(self) -> bool:
        """Whether every mutant there is was measured."""
        return len(self.mutants) == self.mutants_in_all

    @property
    def kill_rate(self) -> float | None:
        """The share of mutants that some check failed, of those that count; None where there are none."""
        counted = [item for item in self.mutants if item.counts]
        return sum(bool(item.killed_by) for item in counted) / len(counted) if counted else None

    @property
    def contract_coverage(self) -> float | None:
        """The share of promises whose violation some check noticed, of those that must be kept; None where there are none."""
        counted = [item for item in self.contract if item.status != "equivalent"]
        return sum(bool(item.killed_by) for item in counted) / len(counted) if counted else None

    @property
    def metric_rows(self) -> tuple[MetricRow, ...]:
        """The table by metric check: what wrong variants get there."""
        rows = []
        for check in self.metric_checks:
            wrong = {
                item.name: next(found for found in item.checks if found.id == check)
                for item in self.measured
                if item.kind == "wrong" and any(found.id == check for found in item.checks)
            }
            shares = {name: (found.score or 0.0) / found.max_score for name, found in wrong.items() if found.max_score}
            rows.append(
                MetricRow(
                    check,
                    len(shares),
                    sum(not share for share in shares.values()),
                    tuple(name for name, share in shares.items() if 0 < share < 1),
                    tuple(name for name, share in shares.items() if share >= 1),
                )
            )
        return tuple(rows)

    @property
    def off(self) -> tuple[Measured, ...]:
        """The versions that are not as they must be."""
        return tuple(item for item in self.measured if item.problems)

    @property
    def needs_a_person(self) -> bool:
        """Whether something must be put right."""
        return bool(
            self.off
            or self.flakes
            or self.stale
            or self.unfounded
            or self.with_status("survived")
            or self.with_status("not equivalent")
            or any(item.status in ("survived", "not equivalent") for item in self.contract)
        )

    @property
    def check_rows(self) -> tuple[CheckRow, ...]:
        """The table by check, in the order of the suite."""
        killers = [item.killed_by for item in self.mutants if item.status == "killed"]
        wrong = [
            tuple(check.id for check in item.checks if check.verdict is not Verdict.ACCEPTED)
            for item in self.measured
            if item.kind == "wrong"
        ]
        rows = []
        for check, points in self.points.items():
            ran = sum(check in item.ran for item in self.mutants if item.counts)
            alone = sum(found == (check,) for found in killers)
            needed = alone > 0 or any(found == (check,) for found in wrong)
            killed = sum(check in found for found in killers)
            rows.append(CheckRow(check, points, self.costs.get(check, 0.0), ran, killed, alone, needed))
        return tuple(rows)

    @property
    def function_rows(self) -> tuple[FunctionRow, ...]:
        """The table by function, in the order of the files."""
        rows: dict[tuple[str, str], list[MutantResult]] = {}
        for item in self.mutants:
            rows.setdefault((item.mutant.file, item.mutant.function), []).append(item)
        return tuple(
            FunctionRow(
                file,
                function or "(module)",
                sum(item.counts for item in items),
                sum(bool(item.killed_by) for item in items),
                sum(not item.counts for item in items),
            )
            for (file, function), items in rows.items()
        )

    def as_dict(self) -> dict[str, Any]:
        """Everything as JSON-ready data."""
        return {
            "assignment": self.assignment,
            "profile": self.profile,
            "needs_a_person": self.needs_a_person,
            "seeds": list(self.seeds),
            "seconds": round(self.seconds, 3),
            "versions": [_version(item) for item in self.measured],
            "flaky": [
                {"version": item.version, "check": item.check, "seed": item.seed, "verdict": item.verdict.value,
                 "message": item.message}
                for item in self.flakes
            ],
            "mutants": {
                "in_all": self.mutants_in_all,
                "measured": len(self.mutants),
                "killed": len(self.with_status("killed")),
                "equivalent": len(self.with_status("equivalent")),
                "free": len(self.with_status("free")),
                "kill_rate": self.kill_rate,
                "survivors": [_mutant(item) for item in self.with_status("survived")],
                "not_equivalent": [_mutant(item) for item in self.with_status("not equivalent")],
                "stale_marks": list(self.stale),
                "unfounded_freedoms": list(self.unfounded),
                "all": [_mutant(item, diff=False) for item in self.mutants],
            },
            "contract": {
                "promises": len(self.contract) - len([item for item in self.contract if item.marked]),
                "noticed": sum(item.status == "killed" for item in self.contract),
                "free": sum(item.status == "equivalent" for item in self.contract),
                "coverage": self.contract_coverage,
                "unnoticed": [_mutant(item) for item in self.contract if item.status == "survived"],
                "all": [{**_mutant(item, diff=False), "promise": item.mutant.diff} for item in self.contract],
            },
            "metrics": [
                {"check": row.id, "wrong": row.wrong, "none": row.none, "part": list(row.part), "full": list(row.full)}
                for row in self.metric_rows
            ],
            "checks": [
                {"id": row.id, "points": row.points, "seconds": round(row.seconds, 4), "mutants": row.ran,
                 "killed": row.killed, "alone": row.alone, "needed": row.needed}
                for row in self.check_rows
            ],
            "functions": [
                {"file": row.file, "function": row.function, "mutants": row.mutants, "killed": row.killed,
                 "equivalent": row.equivalent}
                for row in self.function_rows
            ],
        }  # fmt: skip


def _version(item: Measured) -> dict[str, Any]:
    return {
        "name": item.name,
        "kind": item.kind,
        "score": item.score,
        "max_score": item.max_score,
        "problems": list(item.problems),
        "seconds": round(item.seconds, 3),
        "seeds": item.seeds,
        "ran": [check.id for check in item.checks],
        "lost": {check.id: check.message for check in item.checks if (check.score or 0) < check.max_score},
    }


def _mutant(item: MutantResult, *, diff: bool = True) -> dict[str, Any]:
    found: dict[str, Any] = {
        "id": item.mutant.id,
        "file": item.mutant.file,
        "line": item.mutant.line,
        "function": item.mutant.function,
        "operator": item.mutant.operator,
        "status": item.status,
        "killed_by": list(item.killed_by),
    }
    if diff:
        found |= {"diff": item.mutant.diff, "ran": list(item.ran)}
    return found
