"""The sections of autograde.yml as pydantic models: what a key is called, its type, range and default."""

from __future__ import annotations

import ast
import difflib
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

AttemptsPolicy = Literal["best", "last"]
Direction = Literal["higher", "lower"]


class Section(BaseModel):
    """Base of every section: unknown keys are errors, values never change."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


def _number_as_text(value: object) -> object:
    # A student number is written without quotes more often than not; `true` and 1.5 are no ids.
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _module_file(name: str) -> str:
    if not name.endswith(".py") or not name[:-3].isidentifier():
        raise ValueError(f"{name!r} is no Python module's file name, such as backprop.py")
    return name


def _construct(name: str) -> str:
    known = [key for key, value in vars(ast).items() if isinstance(value, type) and issubclass(value, ast.AST)]
    if name not in known:
        near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
        hint = f"; did you mean `{near[0]}`?" if near else ""
        raise ValueError(f"{name!r} is no node class of Python's ast module{hint}")
    return name


#: Ids name folders and rows, so they stay to what every file system and CSV takes.
Id = Annotated[
    str,
    BeforeValidator(_number_as_text),
    Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._@+-]*$", max_length=100),
    WithJsonSchema({"type": ["string", "integer"], "pattern": r"^[A-Za-z0-9][A-Za-z0-9._@+-]*$"}),
]
Name = Annotated[str, Field(min_length=1, max_length=200)]
ModuleFile = Annotated[str, AfterValidator(_module_file)]
Scalar = bool | int | float | str


class CourseInfo(Section):
    """The course as a whole."""

    name: Name
    timezone: str = Field(default="UTC", description="IANA name; dates without an offset are read in it")
    attempts: AttemptsPolicy = Field(default="best", description="which of a student's submissions counts")


class LatePolicyConfig(Section):
    """What lateness costs."""

    grace_minutes: float = Field(default=0, ge=0, description="minutes after the due date that cost nothing")
    penalty_per_day: float = Field(default=0, ge=0, le=1, description="fraction of the score lost per day begun")
    max_days: int | None = Field(default=None, ge=0, description="later than this many days counts nothing")


class Student(Section):
    """One student of the roster."""

    id: Id
    name: Name
    email: str | None = Field(default=None, pattern=r"^[^@\s]+@[^@\s]+$")
    handle: Name | None = Field(default=None, description="shown on the leaderboard; the id where it is missing")

    @property
    def shown(self) -> str:
        """The name for the leaderboard: the handle, or the id."""
        return self.handle or self.id


class Team(Section):
    """Students who hand in together."""

    id: Id
    name: Name
    members: tuple[Id, ...] = Field(min_length=1, description="ids of students of the roster")
    handle: Name | None = Field(default=None, description="shown on the leaderboard; the name where it is missing")
    assignments: tuple[Name, ...] = Field(
        default=(), description="the assignments that they hand in together; all of them where it is missing"
    )

    def hands_in(self, assignment: str) -> bool:
        """True where these students hand in ``assignment`` together."""
        return not self.assignments or assignment in self.assignments

    @property
    def shown(self) -> str:
        """The name for the leaderboard: the handle, or the team's name."""
        return self.handle or self.name


class RosterConfig(Section):
    """Who hands in."""

    students: tuple[Student, ...] = ()
    teams: tuple[Team, ...] = ()


class SandboxConfig(Section):
    """What a machine must offer before it may grade hidden checks."""

    minimum: tuple[Name, ...] = Field(
        default=("mount_ns", "pid_ns", "landlock", "seccomp"),
        description="layers below which hidden grading refuses to run",
    )


class ForbidRule(Section):
    """What one file of a submission must not use."""

    modules: tuple[Name, ...] = Field(default=(), description="modules, with all that is below them")
    names: tuple[Name, ...] = Field(default=(), description="names, dotted or not: eval, nn.LSTM")
    constructs: tuple[Annotated[str, AfterValidator(_construct)], ...] = Field(
        default=(), description="node classes of Python's ast: For, While, ListComp"
    )


class DataConfig(Section):
    """The data set behind the `held_out` fixture, and how much of it."""

    set: Name
    train: int = Field(ge=1, description="images of the public training part")
    validation: int = Field(default=0, ge=0, description="images of the public validation part")
    test: int = Field(ge=1, description="images of the secret test part")
    flat: bool = Field(default=False, description="(N, D) in place of (N, channels, height, width)")
    array: Literal["numpy", "torch"] = "torch"
    options: dict[str, Scalar] = Field(default_factory=dict, description="what else this data set can be told")


class DataSizes(Section):
    """A profile's own data sizes, in place of the assignment's, or another data set altogether."""

    set: Name | None = Field(default=None, description="another data set")
    options: dict[str, Scalar] | None = Field(default=None, description="its options")
    train: int | None = Field(default=None, ge=1)
    validation: int | None = Field(default=None, ge=0)
    test: int | None = Field(default=None, ge=1)


class Limits(Section):
    """What one submission's worker may use."""

    wall_s: float = Field(default=60, gt=0, description="seconds of wall time for the whole suite")
    cpu_s: float = Field(default=60, gt=0, description="seconds of processor time for the whole suite")
    memory_mb: int = Field(default=2048, gt=0, description="MiB of memory")
    check_s: float = Field(default=20, gt=0, description="seconds of wall time for one check")
    processes: int = Field(default=64, gt=0, description="processes and threads")
    open_files: int = Field(default=256, gt=0)
    file_mb: int = Field(default=64, gt=0, description="MiB of the largest file it may write")
    scratch_mb: int = Field(default=256, gt=0, description="MiB of its scratch folder")
    output_kb: int = Field(default=1024, gt=0, description="KiB of printed output that are kept")


class Threshold(Section):
    """Where a metric starts to earn points and where it earns all of them."""

    zero: float = Field(description="this much or worse earns nothing")
    full: float = Field(description="this much or better earns everything; below `zero` where less is better")

    @property
    def direction(self) -> Direction:
        """Whether more or less of the metric is better."""
        return "higher" if self.full > self.zero else "lower"

    def fraction(self, value: float) -> float:
        """The fraction of the points, 0 to 1, that ``value`` earns: linear between `zero` and `full`; NaN earns 0."""
        share = (value - self.zero) / (self.full - self.zero)
        return min(max(share, 0.0), 1.0) if share == share else 0.0  # noqa: PLR0124 - NaN is unlike itself


class ProfileConfig(Section):
    """A named budget."""

    limits: Limits = Field(default_factory=Limits)
    thresholds: dict[str, Threshold] = Field(default_factory=dict, description="by metric")
    budget: dict[str, Scalar] = Field(default_factory=dict, description="numbers that the hidden suite reads")
    data: DataSizes | None = Field(default=None, description="data sizes, or a data set, in place of the assignment's")


class LeaderboardColumn(Section):
    """One metric of the leaderboard; the first column decides the order."""

    metric: Name
    title: str = Field(default="", description="the column's heading; the metric's name where it is missing")
    direction: Direction = "higher"
    precision: int = Field(default=4, ge=0, le=12, description="digits after the point")


class AssignmentConfig(Section):
    """One assignment."""

    title: Name
    due: str | None = Field(
        default=None, description="ISO 8601, such as 2026-12-04T23:59; a date alone means 23:59 of that day"
    )
    extensions: dict[Id, str] = Field(
        default_factory=dict, description="a later due date of their own, by id of the student or team who hands in"
    )
    weight: float = Field(default=1.0, ge=0, description="weight in the course's grade")
    files: tuple[ModuleFile, ...] = Field(min_length=1, description="the modules that a student hands in")
    forbid: dict[str, ForbidRule] = Field(default_factory=dict, description="static rules, by file")
    data: DataConfig | None = None
    profiles: dict[str, ProfileConfig] = Field(default_factory=lambda: {"cpu": ProfileConfig()}, min_length=1)
    leaderboard: tuple[LeaderboardColumn, ...] = ()
    attempts: AttemptsPolicy | None = Field(default=None, description="in place of the course's")
    late_policy: LatePolicyConfig | None = Field(default=None, description="in place of the course's, as a whole")


class GradebookConfig(Section):
    """Where nbgrader keeps its part of the course."""

    course_id: Id = Field(default="course", description="the course's name in nbgrader's exchange")
    folder: str = Field(
        default="gradebook",
        pattern=r"^[A-Za-z0-9_][A-Za-z0-9._-]*$",
        description="nbgrader's folders and its database, below the course's; never committed",
    )
    database: str | None = Field(
        default=None, description="SQLAlchemy URL, such as postgresql+psycopg://host/name; an SQLite file by default"
    )
    exchange: str | None = Field(
        default=None, description="folder that staff and students share; one in the gradebook's folder by default"
    )
    profile: Name = Field(default="cpu", description="budget under which `nbgrader autograde` grades what it must")


class CourseFile(Section):
    """autograde.yml."""

    course: CourseInfo
    late_policy: LatePolicyConfig = Field(default_factory=LatePolicyConfig)
    roster: RosterConfig = Field(default_factory=RosterConfig)
    sandbox: SandboxConfig = Field(default_factory=SandboxConfig)
    gradebook: GradebookConfig = Field(default_factory=GradebookConfig)
    assignments: dict[str, AssignmentConfig] = Field(min_length=1)
