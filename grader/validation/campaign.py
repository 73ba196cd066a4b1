"""The measurement itself: what is graded, against which checks, at which seeds, in which order."""

from __future__ import annotations

import contextlib
import difflib
import functools
import hashlib
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from grader.course import Assignment, Course, read_suite
from grader.engine.measurement import Attempted, Plan
from grader.errors import UsageError
from grader.grading import Executor, LocalExecutor, MeasureTask, Work
from grader.records import Verdict
from grader.release.strip import make_stubs
from grader.validation.coverage import Sight, changed, make_sight
from grader.validation.expectations import full_marks, score, stub_problems, wrong_problems
from grader.validation.freedom import read_freedoms
from grader.validation.metric_gaps import metric_checks
from grader.validation.mutants import Campaign, Mutants, collect_clauses, collect_mutants, mutant_label
from grader.validation.mutation import TELL, Mutant, instrument
from grader.validation.result import Flake, Measured, Validation
from grader.validation.trial_constants import Trial, trial_problems, trials
from grader.validation.variants import Variant, apply, free_clauses, read_variants

#: Seeds that one worker goes through: few, so that slots share the work and a worker's limits hold.
_SEEDS_AT_A_TIME = 5


@dataclass(frozen=True, slots=True)
class Options:
    """How to measure. ``only`` names variants, ``match`` is looked for in names, files, functions and operators.

    ``secret`` is what seeds and held-out data are drawn from, in place of the course's; another one measures with other
    numbers. ``seed`` is one seed alone, as a flake gives it. ``sample`` is how many mutants, the same ones each time.
    ``full`` runs every check on every version, whether it can see it or not. ``unmeasured`` allows wrong variants that do
    not say yet which checks see them. ``given`` are variants to measure in place of those of the assignment's files.
    """

    profile: str = "cpu"
    slots: int | None = None
    only: Sequence[str] = ()
    match: str = ""
    secret: str = "validate"  # noqa: S105 - it keeps nothing from anybody
    seed: int | None = None
    seeds: int = 20
    mutants: bool = True
    sample: int | None = None
    full: bool = False
    unmeasured: bool = False
    given: Sequence[Variant] = ()


@dataclass(frozen=True, slots=True)
class _Version:
    name: str
    files: Mapping[str, str]
    variant: Variant | None
    checks: tuple[str, ...]
    attempts: list[Attempted] = field(default_factory=list)
    trial: Trial | None = None

    def plans(self, seeds: Sequence[int]) -> list[Plan]:
        if self.trial is not None:
            # A right one is not vouched for: under these constants the suite itself may stumble.
            constants, wrong = self.trial.constants, self.trial.wrong
            return [Plan(seeds=tuple(seeds[:1]), stages=(self.checks,), vouched=wrong, constants=constants)]
        return [
            Plan(seeds=tuple(seeds[at : at + _SEEDS_AT_A_TIME]), stages=(self.checks,), vouched=True)
            for at in range(0, len(seeds), _SEEDS_AT_A_TIME)
        ]


def validate(
    course: Course,
    assignment: Assignment,
    options: Options | None = None,
    *,
    on_start: Callable[[int], None] = lambda _: None,
    on_done: Callable[[str], None] = lambda _: None,
) -> Validation:
    """Measure the hidden suite of an assignment.

    The solution, also under other constants, and the right variants must get full marks at every seed, the stub at most
    :data:`~grader.validation.variants.STUB_CEILING` of them. A wrong variant must get the named verdict on each check that
    it names, and full marks on all others. Every mutant must lose points somewhere, or be marked as equivalent.

    ``on_start`` is told how many gradings there will be, and ``on_done`` of each.

    Raises:
        AuthoringError: the variants, the suite or the solution cannot be used.
        UsageError: nothing matches ``only`` or ``match``.
        AutogradeError: grading cannot begin.
    """
    options = options or Options()
    begin = time.monotonic()
    suite = read_suite(assignment.hidden_folder)
    checks = tuple(check.id for check in suite)
    every = tuple(options.given) or read_variants(assignment, checks=checks, unmeasured=options.unmeasured)
    freedoms = read_freedoms(assignment, checks)
    variants = _chosen([item for item in every if item.kind != "equivalent"], assignment, options)
    files = assignment.solution_files()
    solution = _texts(files)
    versions = {item.name: _texts(apply(item, files)) for item in variants}
    tried = list(trials(assignment, files)) if not options.only and not options.match else []
    mutating = options.mutants and not options.only
    if options.match and not variants:
        _refuse_no_match(assignment, solution, options, every)
    seeds = (options.seed,) if options.seed is not None else _seeds(options.secret, assignment.name, options.seeds)
    with tempfile.TemporaryDirectory(prefix="autograde-validate-") as folder:
        state = Path(folder)
        # Not the course's own secret: a measurement is to be the same anywhere.
        digest = hashlib.sha256(options.secret.encode()).hexdigest()
        (state / "secret").write_text(digest + "\n", encoding="ascii")
        work = Work(course, assignment, assignment.profile(options.profile), state)
        with contextlib.closing(LocalExecutor(work, options.slots)) as executor:
            # While the slots warm up.
            mutants = collect_mutants(assignment, solution, every, freedoms) if mutating else Mutants((), {}, ())
            run = functools.partial(_run, executor, on_done)
            on_start(3)
            traced_files = {name: instrument(source, name) for name, source in solution.items()}
            whole = Plan(seeds=seeds[:1], stages=(checks,))
            (plain,), (stub,), (traced,) = run(
                [
                    ("solution", solution, whole),
                    (
                        "stub",
                        _texts(make_stubs(assignment)),
                        whole.model_copy(update={"vouched": True, "constants": tried[0].constants if tried else {}}),
                    ),
                    ("solution", traced_files, whole.model_copy(update={"traced": TELL})),
                ]
            )
            passed = all(check.verdict is Verdict.ACCEPTED for check in plain.checks)
            sight = make_sight(solution, plain.checks, traced.checks, traced.seen)
            graded = [
                _Version(item.name, versions[item.name], item, _visible(sight, solution, versions[item.name], options))
                for item in variants
            ]
            graded += [
                _Version(trial.name, _texts(trial.files), None, checks, trial=trial) for trial in tried if passed
            ]
            base = _Version("solution", solution, None, checks, [plain])
            campaign = Campaign(
                sight, solution, mutants, seeds[0], match=options.match, sample=options.sample, full=options.full
            ) if mutating and passed else None  # fmt: skip
            jobs = [(base, plan) for plan in base.plans(seeds[1:])] if passed else []
            for version in graded:
                many = version.variant is not None and version.variant.kind == "right"
                jobs += [(version, plan) for plan in version.plans(seeds if many else seeds[:1])]
            # The long ones first, so that no slot is left alone with one at the end.
            jobs.sort(key=lambda job: -len(job[1].seeds) * sight.cost(job[0].checks))
            tasks = [(version.name, version.files, plan) for version, plan in jobs]
            hunts = campaign.plans() if campaign else []
            clauses = (
                collect_clauses(assignment, solution, free_clauses(assignment)) if campaign else Mutants((), {}, ())
            )
            contract = Campaign(sight, solution, clauses, seeds[0], match=options.match, sample=options.sample)
            promises = contract.plans()
            on_start(3 + len(tasks) + len(hunts) + len(promises))
            answers = run([*tasks, *promises, *hunts])
            for (version, _), attempts in zip(jobs, answers, strict=False):
                version.attempts.extend(attempts)
            kept = contract.judge([item for (item,) in answers[len(jobs) : len(jobs) + len(promises)]])
            found = campaign.finish([item for (item,) in answers[len(jobs) + len(promises) :]], run) if campaign else ()
    return _conclude(
        Validation(
            assignment.name,
            options.profile,
            tuple(seeds),
            (),
            mutants=found,
            mutants_in_all=len(mutants.mutants),
            stale=(*mutants.stale, *clauses.stale) if campaign and not options.match else (),
            unfounded=mutants.unfounded if campaign and not options.match else (),
            contract=kept,
            metric_checks=metric_checks(assignment.hidden_folder),
            costs=sight.costs,
            points={check.id: check.points for check in suite},
        ),
        base, stub, graded, begin,
    )  # fmt: skip


def _conclude(
    validation: Validation, base: _Version, stub: Attempted, graded: Sequence[_Version], begin: float
) -> Validation:
    solution = {check.id: check for check in base.attempts[0].checks}
    most = sum(check.max_score for check in solution.values())
    measured: list[Measured] = []
    flakes: list[Flake] = []
    for version in (base, *graded):
        attempts = sorted(version.attempts, key=lambda item: validation.seeds.index(item.seed))
        ran = attempts[0].checks
        variant = version.variant
        if version.trial is not None and version.trial.wrong:
            problems = trial_problems(ran)
        elif variant is not None and variant.kind == "wrong":
            problems = wrong_problems(variant, ran, solution)
        else:
            problems, found = full_marks(version.name, attempts)
            flakes += found
        kind = variant.kind if variant else "solution"
        if version.trial is not None:
            kind = "wrong" if version.trial.wrong else "right"
        assert kind != "equivalent"
        seconds = sum(item.seconds for item in attempts)
        measured.append(Measured(version.name, kind, ran, score(ran, solution), most, problems, seconds, len(attempts)))
    measured.insert(
        1,
        Measured("stub", "stub", stub.checks, score(stub.checks, {}), most, stub_problems(stub.checks), stub.seconds),
    )
    return replace(validation, measured=tuple(measured), flakes=tuple(flakes), seconds=time.monotonic() - begin)


_Task = tuple[str, Mapping[str, str], Plan]


def _run(executor: Executor, on_done: Callable[[str], None], tasks: Sequence[_Task]) -> list[list[Attempted]]:
    """The attempts of each task, in the order of the tasks."""
    found: dict[int, list[Attempted]] = {}
    wanted = (
        MeasureTask(number, {name: text.encode() for name, text in files.items()}, plan)
        for number, (_, files, plan) in enumerate(tasks)
    )
    for result in executor.run(wanted):
        found[result.key] = result.answer
        on_done(tasks[result.key][0])
    return [found[number] for number in range(len(tasks))]


def _chosen(variants: Sequence[Variant], assignment: Assignment, options: Options) -> list[Variant]:
    """The variants that ``only`` names or ``match`` finds."""
    names = [item.name for item in variants]
    for name in options.only:
        if name not in names:
            near = difflib.get_close_matches(name, names, n=1)
            fix = f"did you mean {near[0]}?" if near else "correct the name"
            raise UsageError(f"there is no variant {name}", where=assignment.folder, fix=fix)
    if options.only:
        return [item for item in variants if item.name in options.only]
    match = options.match
    return [item for item in variants if match in item.name or any(match in edit.file for edit in item.edits)]


def _refuse_no_match(
    assignment: Assignment, solution: Mapping[str, str], options: Options, variants: Sequence[Variant]
) -> None:
    """Nothing is graded for a text that finds neither a variant nor a mutant."""
    mutants: tuple[Mutant, ...] = ()
    if options.mutants and not options.only:
        clauses = collect_clauses(assignment, solution, {}).mutants
        mutants = (*collect_mutants(assignment, solution, variants).mutants, *clauses)
    if any(options.match in mutant_label(mutant) for mutant in mutants):
        return
    near = difflib.get_close_matches(options.match, [item.name for item in variants], n=1)
    raise UsageError(
        f"nothing matches -k {options.match!r}: no variant" + (" and no mutant" if mutants else ""),
        where=assignment.folder,
        fix=f"did you mean {near[0]}?" if near else "use part of a variant's name, of a file's or of a function's",
    )


def _visible(
    sight: Sight, solution: Mapping[str, str], version: Mapping[str, str], options: Options
) -> tuple[str, ...]:
    # At least one: what no check can see is to be said by the checks.
    return sight.checks if options.full else sight.of(changed(solution, version)) or sight.checks


def _texts(files: Mapping[str, bytes]) -> dict[str, str]:
    return {name: data.decode("utf-8") for name, data in files.items()}


def _seeds(secret: str, assignment: str, count: int) -> tuple[int, ...]:
    digests = (hashlib.sha256(f"{secret}\x1f{assignment}\x1f{number}".encode()).digest() for number in range(count))
    return tuple(int.from_bytes(digest[:8], "big") >> 1 for digest in digests)
