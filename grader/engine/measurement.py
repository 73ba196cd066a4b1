"""What a measurement asks of a runner, and what comes back: chosen checks on one version of a solution, seed by seed.

``autograde validate`` runs thousands of these. Unlike a grading, a measurement may leave out checks, stop early, keep
one worker for several seeds, and give each check less time than the profile does. It makes no Report.
"""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from grader.records import CheckResult, Constants


class _Message(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Plan(_Message):
    """How to measure one version."""

    seeds: tuple[int, ...] = Field(min_length=1)
    stages: tuple[tuple[str, ...], ...] = Field(
        min_length=1, description="ids of checks; a stage runs where every check of the stages before it was passed"
    )
    patience: dict[str, float] = Field(default_factory=dict, description="seconds for a case, by check")
    wall_s: float | None = Field(default=None, description="seconds for all checks together; the profile's by default")
    vouched: bool = Field(
        default=False,
        description="the solution passes at these seeds: a check that stumbles, stumbles over the version",
    )
    brief: bool = Field(
        default=False,
        description="only whether a check passes is asked: no diagnosis, and no further case once one has failed",
    )
    constants: Constants = Field(default_factory=dict, description="in place of the defaults; ``files`` have them")
    traced: str = Field(default="", description="a function of the submission that tells what ran since the last call")


class Attempted(_Message):
    """What one seed came to: the checks that ran, and what they saw where the plan asked."""

    seed: int
    checks: tuple[CheckResult, ...]
    seconds: float
    seen: dict[str, list[str]] = Field(default_factory=dict)
    metrics: dict[str, float] = Field(default_factory=dict, description="those that were finite")
