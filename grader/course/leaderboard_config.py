"""What autograde.yml says about an assignment's leaderboard."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from grader.course.sections import Name, Section

Direction = Literal["higher", "lower"]


class LeaderboardColumn(Section):
    """One metric of the leaderboard; the first column decides the order."""

    metric: Name
    title: str = Field(default="", description="the column's heading; if missing, the metric's name")
    direction: Direction = "higher"
    precision: int = Field(default=4, ge=0, le=12, description="digits after the point")
    examples: int | None = Field(
        default=None,
        ge=1,
        description="number of held-out examples behind the metric: the board then shows the standard error, and ranks that chance cannot tell apart as a range",
    )
    private: Name | None = Field(
        default=None,
        description="the same metric on the private half; it replaces `metric` once the due date has passed. Until then `metric` follows the Ladder, and feedback shows neither. Needs `examples`",
    )

    @model_validator(mode="after")
    def _ladder_needs_examples(self) -> Self:
        if self.private is not None and self.examples is None:
            raise ValueError("`private` needs `examples`, the size of the public half")
        return self


class CostColumn(Section):
    """What a model costs: a metric that the suite records, such as its number of parameters or its seconds."""

    metric: Name
    title: str = Field(default="", description="the axis's label; if missing, the metric's name")


class BaselineConfig(Section):
    """A row of the leaderboard that is nobody's: a trivial or a reference model, without a rank."""

    name: Name
    metrics: dict[Name, float] = Field(description="by the name of a column's metric")
