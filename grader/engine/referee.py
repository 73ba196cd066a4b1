"""Whose mistake it is when a check stumbles: the reference decides."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from grader.engine.hidden_suite import Suite
from grader.engine.outcomes import CaseOutcome, blame_student, hold
from grader.engine.own_constants import Draws
from grader.engine.plugin import case_id
from grader.records import Verdict

#: How many answers are kept. Seeds differ from submission to submission, so few are asked for twice.
_KEPT = 8


@dataclass(slots=True)
class Referee:
    """Runs stumbled cases on the solution, with the submission's own seed and constants."""

    suite: Suite
    _passes: dict[tuple[str, int, tuple[str, ...]], bool] = field(default_factory=dict)

    def decide(self, item: pytest.Function, outcome: CaseOutcome, seed: int, draws: Draws | None = None) -> CaseOutcome:
        """Settle a case that stumbled: where the reference passes it, the student's value is what was wrong.

        Raises:
            SystemFault: something of ours failed in each try.
        """
        if not self._reference_passes(item, seed, Draws() if draws is None else Draws(draws.values)):
            return hold(outcome)
        return blame_student(outcome, outcome.message) if outcome.verdict is Verdict.GRADER_ERROR else outcome

    def _reference_passes(self, item: pytest.Function, seed: int, draws: Draws) -> bool:
        key = (case_id(item), seed, draws.seed_parts())
        if key not in self._passes:
            session = self.suite.session
            prepared = session.prepare(session.reference_files_under(draws.values), seed, draws=draws)
            attempt = self.suite.attempt(prepared, lambda run: self.suite.run([item], run))
            if attempt.run.fault is not None:
                raise attempt.run.fault
            self._passes[key] = attempt.result.outcomes[case_id(item)].verdict is Verdict.ACCEPTED
            if len(self._passes) > _KEPT:
                self._passes.pop(next(iter(self._passes)))
        return self._passes[key]
