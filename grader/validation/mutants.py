"""The mutants of a solution: which there are, which are marked, and how each is hunted."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from grader import DISTRIBUTION
from grader.course import Assignment
from grader.engine.measurement import Attempted, Plan
from grader.errors import MachineError
from grader.records import Verdict
from grader.release import find_regions
from grader.validation.contract_clauses import make_clauses
from grader.validation.coverage import Sight
from grader.validation.freedom import Freedom, free_mutants, unfounded
from grader.validation.mutation import Mutant, meaning
from grader.validation.result import MutantResult
from grader.validation.variants import Variant, apply

#: How many times as long as on the solution a check may take on a mutant, and how many seconds besides.
_PATIENCE, _SLACK_S = 5.0, 1.0
#: What a mutant gets that ran out of time before it counts as killed by that.
_SECOND_PATIENCE, _SECOND_SLACK_S = 20.0, 5.0

Task = tuple[str, Mapping[str, str], Plan]
Run = Callable[[Sequence[Task]], list[list[Attempted]]]


@dataclass(frozen=True, slots=True)
class Mutants:
    """Every mutant of a solution; why some are marked, by id; the marks that fit none; and why some are free to survive."""

    mutants: tuple[Mutant, ...]
    marked: Mapping[str, str]
    stale: tuple[str, ...]
    free: Mapping[str, str] = field(default_factory=dict)
    unfounded: tuple[str, ...] = ()


def collect_mutants(
    assignment: Assignment,
    solution: Mapping[str, str],
    variants: Sequence[Variant],
    freedoms: Sequence[Freedom] = (),
) -> Mutants:
    """Make the mutants of the graded regions, and match them with ``freedoms`` and with ``variants`` marked equivalent.

    Raises:
        AuthoringError: an entry's edit does not apply.
        MachineError: the extra ``authoring`` is not installed.
    """
    try:
        from grader.validation.mutation.generate import make_mutants
    except ImportError as error:
        raise MachineError(
            f"mutation needs {error.name}",
            fix=f"pip install '{DISTRIBUTION}[authoring]', or give --no-mutants",
        ) from None
    found: list[Mutant] = []
    for file, source in solution.items():
        regions = [(region.first, region.last) for region in find_regions(source, assignment.solution_folder / file)]
        found += make_mutants(source, file, regions)
    by_meaning = {(mutant.file, mutant.meaning): mutant for mutant in found}
    marked: dict[str, str] = {}
    stale: list[str] = []
    for entry in variants:
        for key, text in _meanings(entry, solution) if entry.kind == "equivalent" else ():
            mutant = by_meaning.get(key)
            if mutant is None:
                stale.append(f"{entry.name}: {text}")
            else:
                marked[mutant.id] = entry.why
    return Mutants(
        tuple(found), marked, tuple(stale), free_mutants(freedoms, found), unfounded(freedoms, found, variants)
    )


def collect_clauses(assignment: Assignment, solution: Mapping[str, str], free: Mapping[str, str]) -> Mutants:
    """The promises of the stubs, each broken; ``free`` says by ``FUNCTION: PROMISE`` why some may be broken."""
    found: list[Mutant] = []
    for file, source in solution.items():
        regions = [(region.first, region.last) for region in find_regions(source, assignment.solution_folder / file)]
        found += make_clauses(source, file, regions) if regions else ()
    names = {item.id: f"{item.function}: {item.diff}" for item in found}
    marked = {key: free[name] for key, name in names.items() if name in free}
    return Mutants(tuple(found), marked, tuple(name for name in free if name not in names.values()))


def _meanings(entry: Variant, solution: Mapping[str, str]) -> list[tuple[tuple[str, tuple[str, ...]], str]]:
    """For each edit of an entry: file and meaning of what it makes, and its text."""
    files = {name: source.encode() for name, source in solution.items()}
    found = []
    for edit in entry.edits:
        edited = apply(entry, files, edits=[edit])[edit.file].decode()
        try:
            key = edit.file, meaning(edited)
        except (SyntaxError, ValueError):
            key = edit.file, ()
        found.append((key, edit.replace.strip()[:80] or f"{edit.find.strip()[:70]} removed"))
    return found


@dataclass(slots=True)
class Campaign:
    """The mutants that are measured, and what became of them."""

    sight: Sight
    solution: Mapping[str, str]
    mutants: Mutants
    seed: int
    match: str = ""
    sample: int | None = None
    full: bool = False
    chosen: list[Mutant] = field(init=False)

    def __post_init__(self) -> None:
        self.chosen = [item for item in self.mutants.mutants if self.match in mutant_label(item)]
        if self.sample is not None:
            # By a hash, so that the same ones are drawn each time, and one more mutant changes one of them at most.
            by_chance = sorted(self.chosen, key=lambda item: hashlib.sha256(item.id.encode()).digest())
            drawn = {item.id for item in by_chance[: self.sample]}
            self.chosen = [item for item in self.chosen if item.id in drawn]

    def plans(self) -> list[Task]:
        """The first round."""
        return [self._task(item, self._stages(item)) for item in self.chosen]

    def finish(self, attempts: Sequence[Attempted], run: Run) -> tuple[MutantResult, ...]:
        """Judge the first round, and look again at what it leaves open.

        A mutant that only ran out of time gets more of it, since a busy machine must not kill one. One that survives
        meets every check there is, those included that were held to be blind to it.
        """
        found = dict(zip((item.id for item in self.chosen), attempts, strict=True))
        late = [item for item in self.chosen if _only_late(found[item.id])]
        self._again(late, found, run, self._stages)
        survivors = [
            item for item in self.chosen if not _killers(found[item.id]) and item.id not in self.mutants.marked
        ]
        self._again(survivors, found, run, lambda _: (self.sight.checks,))
        return self._results(found)

    def judge(self, attempts: Sequence[Attempted]) -> tuple[MutantResult, ...]:
        """Judge the first round, and leave it at that: for promises, whose survivors say what no check asks."""
        return self._results(dict(zip((item.id for item in self.chosen), attempts, strict=True)))

    def _results(self, found: Mapping[str, Attempted]) -> tuple[MutantResult, ...]:
        return tuple(
            MutantResult(
                item,
                tuple(check.id for check in found[item.id].checks),
                _killers(found[item.id]),
                self.mutants.marked.get(item.id, ""),
                self.mutants.free.get(item.id, ""),
            )
            for item in self.chosen
        )

    def _again(
        self,
        items: Sequence[Mutant],
        found: dict[str, Attempted],
        run: Run,
        stages: Callable[[Mutant], tuple[tuple[str, ...], ...]],
    ) -> None:
        tasks = [self._task(item, stages(item), _SECOND_PATIENCE, _SECOND_SLACK_S) for item in items]
        for item, (attempt,) in zip(items, run(tasks), strict=True):
            found[item.id] = attempt

    def _stages(self, mutant: Mutant) -> tuple[tuple[str, ...], ...]:
        if self.full:
            return (self.sight.checks,)
        checks = self.sight.of([f"{mutant.file}:{mutant.function}"])
        # What no check runs is measured all the same: some check may read it.
        return self.sight.stages(checks or self.sight.checks)

    def _task(
        self,
        mutant: Mutant,
        stages: tuple[tuple[str, ...], ...],
        patience: float = _PATIENCE,
        slack: float = _SLACK_S,
    ) -> Task:
        costs = self.sight.costs
        plan = Plan(
            seeds=(self.seed,),
            stages=stages,
            patience={check: patience * cost + slack for check, cost in costs.items()},
            wall_s=patience * sum(costs.values()) + 5 * slack,
            vouched=True,
            brief=True,
        )
        return f"{mutant.file}:{mutant.line} {mutant.operator}", {**self.solution, mutant.file: mutant.source}, plan


def mutant_label(mutant: Mutant) -> str:
    """What ``-k`` looks into: id, file, function and operator."""
    return f"{mutant.id} {mutant.file} {mutant.function} {mutant.operator}"


def _killers(attempt: Attempted) -> tuple[str, ...]:
    return tuple(check.id for check in attempt.checks if check.verdict is not Verdict.ACCEPTED)


def _only_late(attempt: Attempted) -> bool:
    verdicts = {check.verdict for check in attempt.checks} - {Verdict.ACCEPTED}
    return verdicts == {Verdict.TIME_LIMIT}
