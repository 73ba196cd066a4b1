"""The vocabulary as values: verdicts, check results, metrics and the Report of an attempt.

These cross process borders as JSON and outlive the code that wrote them, so they are versioned pydantic models.
Student text (``message``, ``hint``, ``output``) and staff text (``staff``) are separate fields everywhere.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

SCHEMA_VERSION = 1

#: Bounds of what a report may show. A report is stored with every attempt and read by every page that lists them.
MAX_FIGURES, MAX_ROWS, MAX_CLASSES, MAX_POINTS = 4, 6, 64, 128
#: Points of a curve.
MAX_CURVE = 60
#: Pixels on a side of a picture, and characters of one as Base64.
MAX_SIDE, MAX_PNG = 1024, 200_000

#: Other constants that one answer is said to agree with.
MAX_AGREEING = 8

#: How a staff text begins that says what was measured: no two runs agree on it.
MEASURED = "measured: "


class Verdict(StrEnum):
    """Outcome of a check, or of a whole attempt."""

    ACCEPTED = "accepted"
    PARTIAL = "partial"
    WRONG_ANSWER = "wrong_answer"
    RUNTIME_ERROR = "runtime_error"
    NOT_RUN = "not_run"
    TIME_LIMIT = "time_limit"
    MEMORY_LIMIT = "memory_limit"
    WORKER_DIED = "worker_died"
    PROTOCOL_ERROR = "protocol_error"
    SKIPPED = "skipped"
    GRADER_ERROR = "grader_error"
    SYSTEM_ERROR = "system_error"

    @property
    def held(self) -> bool:
        """True where the fault is ours: the attempt has no score until staff or a retry settles it."""
        return self in (Verdict.GRADER_ERROR, Verdict.SYSTEM_ERROR)


#: From best to worst; the verdict of several cases, or of an attempt, is the worst of its parts.
SEVERITY: tuple[Verdict, ...] = (
    Verdict.ACCEPTED,
    Verdict.SKIPPED,
    Verdict.PARTIAL,
    Verdict.WRONG_ANSWER,
    Verdict.RUNTIME_ERROR,
    Verdict.NOT_RUN,
    Verdict.TIME_LIMIT,
    Verdict.MEMORY_LIMIT,
    Verdict.PROTOCOL_ERROR,
    Verdict.WORKER_DIED,
    Verdict.GRADER_ERROR,
    Verdict.SYSTEM_ERROR,
)


def worst(verdicts: list[Verdict]) -> Verdict:
    """The most severe of ``verdicts``; ``accepted`` when there are none."""
    return max(verdicts, key=SEVERITY.index, default=Verdict.ACCEPTED)


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Metric(_Record):
    """A named number that a check records, with the direction that is better."""

    name: str
    value: float | None = Field(description="None where the number was not finite")
    direction: Literal["higher", "lower"] = "higher"


class Place(_Record):
    """Lines of the student's own code that a message is about."""

    file: str
    line: int = Field(description="the line that it is about, counted from 1")
    first: int = Field(description="number of the first of ``lines``")
    lines: tuple[str, ...] = Field(description="a few lines around it, as they were handed in, long ones cut")
    what: str = Field(default="", description="what the line is: where it raised, or the function that was called")


class Drawing(_Record):
    """A picture that the trusted side encoded from numbers it had checked: a PNG, in Base64."""

    png: str = Field(pattern=r"^[A-Za-z0-9+/]+={0,2}$", max_length=MAX_PNG)
    width: int = Field(ge=1, le=MAX_SIDE, description="pixels")
    height: int = Field(ge=1, le=MAX_SIDE, description="pixels")


class _Figure(_Record):
    title: str = Field(max_length=200)
    description: str = Field(max_length=1000, description="what is to be seen, in words")


class LegendEntry(_Record):
    """What a colour of a label map stands for."""

    name: str = Field(max_length=80)
    colour: str = Field(pattern=r"^#[0-9a-f]{6}$")


class MaskRow(_Record):
    """One picture with the classes of its pixels: the true ones, and those that a model gave."""

    picture: Drawing
    truth: Drawing
    predicted: Drawing
    right: float | None = Field(description="share of the labelled pixels that is right; None where none is labelled")
    missed: tuple[str, ...] = Field(
        default=(), max_length=MAX_CLASSES, description="classes of which no pixel is right"
    )


class MaskFigure(_Figure):
    """Predicted label maps beside the true ones."""

    kind: Literal["masks"] = "masks"
    rows: tuple[MaskRow, ...] = Field(max_length=MAX_ROWS)
    legend: tuple[LegendEntry, ...] = Field(max_length=MAX_CLASSES + 2)
    leaderboard: bool = Field(default=False, description="its first row may stand on the leaderboard")


Point = tuple[float, float]


class PointRow(_Record):
    """One picture with points, in its pixels: x to the right, y down. None where a predicted one cannot be drawn."""

    picture: Drawing
    truth: tuple[Point, ...] = Field(max_length=MAX_POINTS)
    predicted: tuple[Point | None, ...] = Field(max_length=MAX_POINTS)
    distance: float | None = Field(description="mean distance in pixels; None where a point is not finite")
    farthest: str = Field(default="", max_length=80, description="name of the point that is off by most")


class PointFigure(_Figure):
    """Predicted points beside the true ones."""

    kind: Literal["points"] = "points"
    rows: tuple[PointRow, ...] = Field(max_length=MAX_ROWS)


class ClipRow(_Record):
    """One clip as a strip of its frames, with its class and the one that a model gave."""

    strip: Drawing
    frames: int
    truth: str = Field(max_length=80)
    predicted: str = Field(max_length=80, description="empty where the answer is no class")
    chance: float | None = Field(description="the model's share for the true class; None where it gives labels alone")


class ClipFigure(_Figure):
    """The clips that a model got wrong by most."""

    kind: Literal["clips"] = "clips"
    rows: tuple[ClipRow, ...] = Field(max_length=MAX_ROWS)


class ConfusionFigure(_Figure):
    """How often each class was taken for each: ``counts[t][p]`` of class ``t`` were taken for class ``p``."""

    kind: Literal["confusion"] = "confusion"
    classes: tuple[Annotated[str, Field(max_length=80)], ...] = Field(max_length=MAX_CLASSES)
    counts: tuple[tuple[int, ...], ...] = Field(max_length=MAX_CLASSES)
    unanswered: tuple[int, ...] = Field(max_length=MAX_CLASSES, description="of each class, answers that are no class")
    unit: str = Field(default="samples", max_length=40, description="what is counted")


class WrongFigure(_Figure):
    """Which entries of an array are wrong: for each cell of a map 0 to 9, how many of its entries are (9: all)."""

    kind: Literal["wrong"] = "wrong"
    shape: tuple[int, ...] = Field(max_length=16)
    cells: tuple[Annotated[str, Field(pattern=r"^[0-9]{1,64}$")], ...] = Field(min_length=1, max_length=64)


class Curve(_Record):
    """Values over the course of a training: where they stand, counted from 1, and None where there is a gap."""

    at: tuple[float, ...] = Field(max_length=MAX_CURVE)
    values: tuple[float | None, ...] = Field(max_length=MAX_CURVE)
    count: int = Field(ge=1, description="how many values there were before neighbours were averaged")


class CurveFigure(_Figure):
    """How a loss or an accuracy went while a model was trained, beside the reference's."""

    kind: Literal["curve"] = "curve"
    what: str = Field(max_length=40, description="what the values are, such as loss")
    unit: str = Field(max_length=40, description="what they are counted in, such as epoch")
    student: Curve
    reference: Curve | None
    low: float = Field(description="the least value of the axis; what is below stands at its edge")
    high: float = Field(description="the greatest value of the axis")


class MissingFigure(_Figure):
    """What could not be drawn; the description says why."""

    kind: Literal["missing"] = "missing"


Figure = Annotated[
    MaskFigure | PointFigure | ClipFigure | ConfusionFigure | CurveFigure | WrongFigure | MissingFigure,
    Field(discriminator="kind"),
]


class CheckResult(_Record):
    """What one check found."""

    id: str = Field(description="the test function's name, unique in the assignment")
    title: str = Field(description="first line of the check's docstring")
    verdict: Verdict
    score: float | None = Field(description="points; None where the check is held for staff")
    max_score: float
    message: str = Field(default="", description="what went wrong, for the student")
    place: Place | None = Field(default=None, description="where in the student's code, if that is known")
    hint: str = Field(default="", description="the author's hint, shown when points were lost")
    output: str = Field(default="", description="what the student's code printed during the check, capped")
    figures: tuple[Figure, ...] = Field(
        default=(), max_length=MAX_FIGURES, description="what the student's model did with public examples"
    )
    visibility: Literal["visible", "after_due", "hidden"] = "visible"
    seconds: float = Field(default=0.0, description="wall seconds")
    staff: str = Field(default="", description="detail for staff only: traceback of a grader_error, say")


#: Constants by name: a student's own, or those with which something agrees.
Constants = dict[str, bool | int | float | str]


class Agreement(_Record):
    """An answer that agrees with constants of others, and not with the student's own."""

    check: str
    values: tuple[Constants, ...] = Field(
        max_length=MAX_AGREEING, description="each of them would give this answer; only those of which it depends"
    )


class Report(_Record):
    """An attempt's whole outcome."""

    schema_version: int = SCHEMA_VERSION
    assignment: str
    verdict: Verdict
    score: float | None = Field(description="None while the attempt is held for staff")
    max_score: float
    checks: tuple[CheckResult, ...] = ()
    metrics: dict[str, Metric] = Field(default_factory=dict)
    message: str = Field(default="", description="about the submission as a whole, for the student")
    seed: int
    profile: str
    grader_version: str
    submission_digest: str = Field(description="SHA-256 over the submission's file names and contents")
    environment: dict[str, str] = Field(default_factory=dict, description="versions and isolation layers")
    seconds: float = Field(default=0.0, description="wall seconds of the whole attempt")
    timing: dict[str, float] = Field(default_factory=dict, description="wall seconds by part")
    constants: Constants = Field(
        default_factory=dict, description="the values of the student's own constants, under which it was graded"
    )
    agreements: tuple[Agreement, ...] = Field(
        default=(), description="for staff only: answers that agree with constants of others"
    )
    flags: tuple[str, ...] = Field(
        default=(), description="for staff only: what a person should look at; it costs nothing"
    )

    @property
    def held(self) -> bool:
        """True while the attempt waits for staff or a retry."""
        return self.verdict.held

    def for_student(self) -> Report:
        """The same report without staff text."""
        checks = tuple(check.model_copy(update={"staff": ""}) for check in self.checks)
        return self.model_copy(update={"checks": checks, "flags": (), "agreements": ()})

    def timeless(self) -> Report:
        """The same report without durations and what was measured: what two runs must agree on."""
        checks = tuple(
            check.model_copy(update={"seconds": 0.0, "staff": "" if check.staff.startswith(MEASURED) else check.staff})
            for check in self.checks
        )
        return self.model_copy(update={"checks": checks, "seconds": 0.0, "timing": {}})
