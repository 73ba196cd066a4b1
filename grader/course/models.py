"""The sections of autograde.yml as pydantic models: what a key is called, its type, range and default."""

from __future__ import annotations

import ast
import difflib
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

from grader.course.constants import ConstantConfig
from grader.course.leaderboard_config import BaselineConfig, CostColumn, Direction, LeaderboardColumn
from grader.course.sections import Id, Name, Scalar, Section
from grader.course.server_config import ServerConfig
from grader.layer_names import DEFAULT_MINIMUM, LAYER_NAMES
from grader.limits import Limits

AttemptsPolicy = Literal["best", "last", "chosen"]
Device = Literal["cpu", "cuda"]
CudaCalls = Literal["error", "cpu"]


def _module_file(name: str) -> str:
    if not name.endswith(".py") or not name[:-3].isidentifier():
        raise ValueError(f"{name!r} is not a Python module's file name, such as backprop.py")
    return name


def _construct(name: str) -> str:
    known = [key for key, value in vars(ast).items() if isinstance(value, type) and issubclass(value, ast.AST)]
    if name not in known:
        near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
        hint = f"; did you mean `{near[0]}`?" if near else ""
        raise ValueError(f"{name!r} is not a node class of Python's ast module{hint}")
    return name


def _layer_name(name: str) -> str:
    if name not in LAYER_NAMES:
        raise PydanticCustomError("unknown_name", "unknown sandbox layer", {"known": LAYER_NAMES})
    return name


LayerName = Annotated[str, AfterValidator(_layer_name), WithJsonSchema({"enum": list(LAYER_NAMES)})]
ModuleFile = Annotated[str, AfterValidator(_module_file)]


class CourseInfo(Section):
    """The course as a whole."""

    name: Name
    timezone: str = Field(default="UTC", description="IANA name; dates without an offset are read in it")
    attempts: AttemptsPolicy = Field(default="best", description="which of a student's submissions counts")


class LatePolicyConfig(Section):
    """What lateness costs."""

    grace_minutes: float = Field(default=0, ge=0, description="minutes after the due date that cost nothing")
    penalty_per_day: float = Field(default=0, ge=0, le=1, description="fraction of the score lost per day begun")
    max_days: int | None = Field(default=None, ge=0, description="submissions later than this many days score nothing")


class SlipDays(Section):
    """Days of lateness that cost nothing: a budget for each student over the whole course."""

    budget: int = Field(default=0, ge=0, le=366, description="days for each student, in all assignments together")
    per_assignment: int | None = Field(default=None, ge=0, description="at most this many of them for one assignment")
    use: Literal["automatic", "requested"] = Field(
        default="automatic",
        description="`automatic`: spent where they raise the course grade most; `requested`: spent only as staff enter them",
    )


class AttemptLimit(Section):
    """How often a student or team may hand in. The course's merges with the assignment's, key by key."""

    capacity: int | None = Field(default=None, ge=1, description="attempts that a student may make at once")
    refill_hours: float | None = Field(
        default=None, gt=0, le=8784, description="hours after which one attempt comes back, up to `capacity`"
    )
    total: int | None = Field(default=None, ge=1, description="attempts altogether")


class CourseGradeConfig(Section):
    """How the assignments make the course's grade: their mean by `weight`."""

    drop_lowest: int = Field(
        default=0, ge=0, description="this many assignments do not count: those whose removal makes the grade best"
    )


class Student(Section):
    """One student of the roster."""

    id: Id
    name: Name
    email: str | None = Field(default=None, pattern=r"^[^@\s]+@[^@\s]+$")
    handle: Name | None = Field(
        default=None, description="shown on the leaderboard; if missing, a pseudonym, never the id"
    )

    @property
    def shown(self) -> str:
        """The name that the student chose for the leaderboard; empty where there is none."""
        return self.handle or ""


class Team(Section):
    """Students who hand in together."""

    id: Id
    name: Name
    members: tuple[Id, ...] = Field(min_length=1, description="ids of students in the roster")
    handle: Name | None = Field(
        default=None, description="shown on the leaderboard; if missing, a pseudonym, never the name"
    )
    assignments: tuple[Name, ...] = Field(
        default=(), description="the assignments that they hand in together; if missing, all of them"
    )

    def hands_in(self, assignment: str) -> bool:
        """True where these students hand in ``assignment`` together."""
        return not self.assignments or assignment in self.assignments

    @property
    def shown(self) -> str:
        """The name that the team chose for the leaderboard; empty where there is none."""
        return self.handle or ""


class RosterConfig(Section):
    """Who hands in."""

    students: tuple[Student, ...] = ()
    teams: tuple[Team, ...] = ()


class SandboxConfig(Section):
    """What a machine must offer before it may grade hidden checks."""

    minimum: tuple[LayerName, ...] = Field(
        default=DEFAULT_MINIMUM,
        description="layers without which hidden grading refuses to run",
    )


class ForbidRule(Section):
    """What one file of a submission must not use."""

    modules: tuple[Name, ...] = Field(
        default=(),
        description="modules, with all their submodules; an installed package is not available at all where the file is graded",
    )
    names: tuple[Name, ...] = Field(
        default=(),
        description="names, dotted or not: eval, nn.LSTM; torch's own recurrent layers do not run if they are named",
    )
    constructs: tuple[Annotated[str, AfterValidator(_construct)], ...] = Field(
        default=(), description="node classes of Python's ast: For, While, ListComp"
    )


def _ending(name: str) -> str:
    if not name.startswith(".") or name != name.lower() or len(name) < 2:
        raise ValueError(f"{name!r} is not a file ending in lower-case letters, such as .csv")
    return name


class UploadConfig(Section):
    """What an upload may bring into the sandbox; everything else is stored and stays out."""

    source_kb: int = Field(
        default=512, ge=1, description="limit in kB for all Python files together; more is not graded"
    )
    data: tuple[Annotated[str, AfterValidator(_ending)], ...] = Field(
        default=(".txt", ".csv", ".json"), description="extensions of data files"
    )
    data_kb: int = Field(default=4, ge=0, description="limit in kB for all data files together")


class DataSizes(Section):
    """Data sizes in place of the assignment's, or another data set: a profile's, or those of a further data set."""

    set: Name | None = Field(default=None, description="another data set")
    options: dict[str, Scalar] | None = Field(default=None, description="its options")
    train: int | None = Field(default=None, ge=1)
    validation: int | None = Field(default=None, ge=0)
    test: int | None = Field(default=None, ge=1)


class DataConfig(Section):
    """The data set behind the `held_out` fixture, and how much of it."""

    set: Name
    train: int = Field(ge=1, description="images or clips of the public training part")
    validation: int = Field(default=0, ge=0, description="images of the public validation part")
    test: int = Field(ge=1, description="images of the secret test part")
    flat: bool = Field(default=False, description="(N, D) instead of (N, channels, height, width) or clips")
    array: Literal["numpy", "torch"] = "torch"
    options: dict[str, Scalar] = Field(default_factory=dict, description="further options of this data set")
    also: dict[Name, DataSizes] = Field(
        default_factory=dict,
        description="further data sets: `held_out.also[NAME]` inherits these settings, except for those given here",
    )


class Threshold(Section):
    """Where a metric starts to earn points and where it earns all of them."""

    zero: float = Field(description="this much or worse earns nothing")
    full: float = Field(description="this much or better earns everything; below `zero` if less is better")
    suspect: float | None = Field(
        default=None, description="anything better is reported to staff; set it above what the budget can reach"
    )

    @property
    def direction(self) -> Direction:
        """Whether more or less of the metric is better."""
        return "higher" if self.full > self.zero else "lower"

    def fraction(self, value: float) -> float:
        """The fraction of the points, 0 to 1, that ``value`` earns: linear between `zero` and `full`; NaN earns 0."""
        share = (value - self.zero) / (self.full - self.zero)
        return min(max(share, 0.0), 1.0) if share == share else 0.0  # noqa: PLR0124 - NaN is unlike itself

    def is_suspect(self, value: float) -> bool:
        """Whether ``value`` is better than what the budget was seen to reach; False for NaN, or where no one has said."""
        if self.suspect is None:
            return False
        return value > self.suspect if self.direction == "higher" else value < self.suspect


class ProfileDefaults(Section):
    """What a profile of this name has in every assignment, unless the assignment says otherwise.

    `limits` and `budget` merge key by key, `thresholds` metric by metric.
    """

    device: Device = Field(
        default="cpu", description="where grading runs; `cuda` refuses a machine without a CUDA device"
    )
    cuda_calls: CudaCalls = Field(
        default="error",
        description='what `.cuda()` and `device="cuda"` do in a submission if `device` is cpu: raise an error that says that '
        "there is no GPU, or (`cpu`) use the CPU",
    )
    limits: Limits = Field(default_factory=Limits, description="limits for one submission")
    thresholds: dict[str, Threshold] = Field(default_factory=dict, description="by metric")
    budget: dict[str, Scalar] = Field(default_factory=dict, description="numbers that the hidden suite reads")


class ProfileConfig(ProfileDefaults):
    """A named budget. What it leaves out comes from `defaults.profiles` (same name), then from `defaults.limits`."""

    data: DataSizes | None = Field(default=None, description="data sizes or a data set; replaces the assignment's")


class HandoutConfig(Section):
    """What the header of a released handout says beside dates, points and how to hand in."""

    hours: Name | None = Field(default=None, description="how long it takes: 8 to 12 hours")
    prerequisites: tuple[Name, ...] = Field(default=(), description="what students should know or have done before")
    reading: tuple[Name, ...] = Field(default=(), description="what to read first; Markdown, so links are possible")


class AssignmentConfig(Section):
    """One assignment."""

    title: Name
    released: str | None = Field(
        default=None,
        description="when students received the assignment, written like `due`; `collect` reports older files",
    )
    due: str | None = Field(
        default=None, description="ISO 8601, such as 2026-12-04T23:59; a date alone means 23:59 of that day"
    )
    extensions: dict[Id, str] = Field(
        default_factory=dict, description="later due dates, by the id of the student or team that hands in"
    )
    weight: float = Field(default=1.0, ge=0, description="weight in the course grade")
    droppable: bool = Field(default=True, description="whether `course_grade.drop_lowest` may drop it")
    files: tuple[ModuleFile, ...] = Field(min_length=1, description="the modules that a student hands in")
    handout: HandoutConfig = Field(default_factory=HandoutConfig, description="for the header of the handout")
    forbid: dict[str, ForbidRule] = Field(default_factory=dict, description="static rules, by file")
    upload: UploadConfig = Field(default_factory=UploadConfig, description="what an upload may contain")
    data: DataConfig | None = None
    profiles: dict[str, ProfileConfig] = Field(
        default_factory=lambda: {"cpu": ProfileConfig()},
        min_length=1,
        description="budgets by name, each completed from `defaults`; without this key, every profile of the defaults",
    )
    leaderboard: tuple[LeaderboardColumn, ...] = ()
    cost: CostColumn | None = Field(default=None, description="draws the first column against this metric")
    baselines: tuple[BaselineConfig, ...] = Field(default=(), description="unranked rows of the leaderboard")
    attempts: AttemptsPolicy | None = Field(default=None, description="replaces the course's")
    late_policy: LatePolicyConfig | None = Field(default=None, description="replaces the course's as a whole")
    slip_days: int | None = Field(
        default=None, ge=0, description="at most this many slip days here; replaces `slip_days.per_assignment`"
    )
    attempt_limit: AttemptLimit = Field(
        default_factory=AttemptLimit, description="overrides the course's key by key; an empty key lifts that limit"
    )
    constants: dict[str, ConstantConfig] = Field(
        default_factory=dict, description="individual values for each student, by name"
    )
    constants_since: str | None = Field(
        default=None,
        description="submissions received earlier use the defaults; for constants added after students have submitted; written like `due`",
    )


class StoreConfig(Section):
    """Where submissions and results are kept."""

    database: str | None = Field(
        default=None,
        description="URL, such as postgresql://user@host/name; by default an SQLite file in the state folder",
    )


class GradebookConfig(Section):
    """Where nbgrader keeps its part of the course."""

    course_id: Id = Field(default="course", description="the course's name in nbgrader's exchange")
    folder: str = Field(
        default="gradebook",
        pattern=r"^[A-Za-z0-9_][A-Za-z0-9._-]*$",
        description="nbgrader's folders and its database, below the course's; never committed",
    )
    database: str | None = Field(
        default=None, description="SQLAlchemy URL, such as postgresql+psycopg://host/name; by default an SQLite file"
    )
    exchange: str | None = Field(
        default=None, description="folder that staff and students share; by default one in the gradebook's folder"
    )
    profile: Name = Field(
        default="cpu", description="budget under which `nbgrader autograde` grades submissions without a result"
    )


class DefaultsConfig(Section):
    """What every assignment has unless it says otherwise.

    The value nearest to the assignment wins: its own profile, then `defaults.profiles` (same name), then
    `defaults.limits`, then Autograde's own default. A profile here gives no assignment a profile that it does not name.
    """

    limits: Limits = Field(default_factory=Limits, description="for every profile of every assignment")
    profiles: dict[str, ProfileDefaults] = Field(
        default_factory=dict, description="for the profile of that name in every assignment that has one"
    )


class CourseFile(Section):
    """autograde.yml."""

    course: CourseInfo
    late_policy: LatePolicyConfig = Field(default_factory=LatePolicyConfig)
    slip_days: SlipDays = Field(default_factory=SlipDays)
    attempt_limit: AttemptLimit = Field(default_factory=AttemptLimit)
    course_grade: CourseGradeConfig = Field(default_factory=CourseGradeConfig)
    roster: RosterConfig = Field(default_factory=RosterConfig)
    sandbox: SandboxConfig = Field(default_factory=SandboxConfig)
    store: StoreConfig = Field(default_factory=StoreConfig)
    gradebook: GradebookConfig = Field(default_factory=GradebookConfig)
    server: ServerConfig = Field(default_factory=ServerConfig)
    defaults: DefaultsConfig = Field(default_factory=DefaultsConfig)
    assignments: dict[str, AssignmentConfig] = Field(min_length=1)
