"""Which checks can see what: by the functions of the solution that run while each check runs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from grader.records import CheckResult, Verdict
from grader.validation.mutation import changed_functions, functions


@dataclass(frozen=True, slots=True)
class Sight:
    """What was learnt from grading the solution once: ``seen`` functions and ``costs`` in seconds, by check.

    A check that does not run a function gets the same numbers whatever is in it, since every case has a seed of its
    own. So it need not run on a version that changes that function alone.
    """

    checks: tuple[str, ...]
    seen: Mapping[str, frozenset[str]]
    costs: Mapping[str, float]
    known: frozenset[str]

    def of(self, changed: Iterable[str] | None) -> tuple[str, ...]:
        """The checks that can see a change of these functions, given as ``file:function``; all where that is unknown."""
        names = None if changed is None else frozenset(changed)
        if names is None or not names <= self.known:
            return self.checks
        return tuple(check for check in self.checks if check not in self.seen or self.seen[check] & names)

    def stages(self, checks: Sequence[str]) -> tuple[tuple[str, ...], ...]:
        """``checks`` in the order in which they cost least: the cheap ones together, then one dear one after another.

        The cheap ones run all, so that the table can say which of them see a mutant; a dear one runs where none did.
        """
        by_cost = sorted(checks, key=lambda check: self.costs[check])
        allowed = _CHEAP * sum(self.costs.values())
        cheap: list[str] = []
        while by_cost and (not cheap or sum(self.costs[check] for check in (*cheap, by_cost[0])) <= allowed):
            cheap.append(by_cost.pop(0))
        return (tuple(cheap), *((check,) for check in by_cost))

    def cost(self, checks: Iterable[str]) -> float:
        """Seconds that ``checks`` take on the solution."""
        return sum(self.costs[check] for check in checks)


#: The checks that together take this share of a suite's time are cheap.
_CHEAP = 0.1


def make_sight(
    solution: Mapping[str, str],
    plain: Sequence[CheckResult],
    traced: Sequence[CheckResult],
    seen: Mapping[str, list[str]],
) -> Sight:
    """Learn from two gradings of the solution: a plain one for the times, and one that told which functions ran.

    A check that the traced solution does not pass, for whatever reason, is one that sees everything.
    """
    passed = {check.id for check in traced if check.verdict is Verdict.ACCEPTED}
    again = {check.id: check.seconds for check in traced}
    return Sight(
        tuple(check.id for check in plain),
        {check: frozenset(names) for check, names in seen.items() if check in passed},
        # The better of two times: a busy machine must not make a cheap check dear.
        {check.id: min(check.seconds, again.get(check.id, check.seconds)) for check in plain},
        frozenset(f"{file}:{name}" for file, source in solution.items() for name in functions(source) if name),
    )


def changed(solution: Mapping[str, str], version: Mapping[str, str]) -> frozenset[str] | None:
    """The functions that a version changes, as ``file:function``; None where it changes more than functions."""
    found: set[str] = set()
    if set(solution) != set(version):
        return None
    for file, source in solution.items():
        if version[file] == source:
            continue
        try:
            names = changed_functions(source, version[file])
        except SyntaxError:
            return None
        if names is None:
            return None
        found |= {f"{file}:{name}" for name in names}
    return frozenset(found)
