"""Statistics as values: of a check, and of a class."""

from __future__ import annotations

from dataclasses import dataclass, field

from grader.statistics.diagnoses import Diagnosis
from grader.statistics.histories import History
from grader.statistics.item_analysis import Correlation
from grader.statistics.mistakes_made import MistakeMade


@dataclass(frozen=True, slots=True)
class Flag:
    """Why to look at a check: a word, what was seen, and the rule."""

    name: str
    seen: str
    rule: str
    rank: int = 0
    """The lower, the more likely it says that the check itself is wrong."""


@dataclass(frozen=True, slots=True)
class CheckStatistics:
    """One check.

    ``students`` counts those whose counted submission has it. ``difficulty`` is their mean share of its points (the higher,
    the easier); ``first_pass`` the share who had all of them in their first submission. ``attempts_until_passed`` is the
    median number of submissions until then, of those who came so far; ``never`` counts those who did not. ``thirds`` has
    the mean share of those who are weakest in the other checks, and of the strongest. ``seconds`` is the median.
    """

    id: str
    title: str
    max_score: float
    students: int
    difficulty: float
    first_pass: float
    attempts_until_passed: float | None
    never: int
    item_rest: Correlation
    thirds: tuple[float, float] | None
    diagnoses: tuple[Diagnosis, ...]
    seconds: float
    slowest: float
    failed_once: int = 0
    stuck: tuple[str, ...] = ()
    unstable: tuple[str, ...] = ()
    mistakes: tuple[MistakeMade, ...] = ()
    flags: tuple[Flag, ...] = ()


@dataclass(frozen=True, slots=True)
class ClassStatistics:
    """An assignment: its checks in the order of the suite, and everybody's points."""

    checks: tuple[CheckStatistics, ...]
    histories: tuple[History, ...]
    max_score: float
    scores: tuple[float, ...]
    """Counted points, one for each student or team."""
    first_scores: tuple[float, ...]
    """Points of first submissions, in the same order."""
    names: dict[str, str] = field(default_factory=dict)

    @property
    def to_look_at(self) -> tuple[tuple[CheckStatistics, Flag], ...]:
        """Every flag with its check, those first that most likely say that a check is wrong."""
        found = [(check, flag) for check in self.checks for flag in check.flags]
        return tuple(sorted(found, key=lambda item: item[1].rank))

    @property
    def flagged(self) -> tuple[CheckStatistics, ...]:
        """The checks that somebody should look at."""
        return tuple(check for check in self.checks if check.flags)
