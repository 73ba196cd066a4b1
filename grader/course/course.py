"""The course as its users see it: defaults filled in, dates resolved, folders named."""

from __future__ import annotations

import difflib
import math
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from grader.course.constants import ConstantConfig
from grader.course.leaderboard_config import BaselineConfig, CostColumn, LeaderboardColumn
from grader.course.models import (
    AttemptLimit,
    AttemptsPolicy,
    CourseGradeConfig,
    CudaCalls,
    DataConfig,
    Device,
    ForbidRule,
    GradebookConfig,
    HandoutConfig,
    SandboxConfig,
    SlipDays,
    StoreConfig,
    Threshold,
    UploadConfig,
)
from grader.course.roster import Roster
from grader.course.sections import Scalar
from grader.course.server_config import ServerConfig
from grader.errors import AuthoringError, CourseError
from grader.limits import Limits

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from zoneinfo import ZoneInfo


def variant_sources(folder: Path) -> tuple[Path, ...]:
    """The files that hold the variants of the assignment in ``folder``: variants.yml, and each variants/NAME.yml."""
    whole = folder / "variants.yml"
    return (*((whole,) if whole.is_file() else ()), *sorted((folder / "variants").glob("*.yml")))


@dataclass(frozen=True, slots=True)
class LatePolicy:
    """What lateness costs: nothing within the grace, then a fraction of the score per day begun, then everything."""

    grace_minutes: float = 0.0
    penalty_per_day: float = 0.0
    max_days: int | None = None

    def days_late(self, due: datetime | None, received: datetime) -> int:
        """Days begun after the due date and the grace; 0 for what is in time, or where nothing is due."""
        if due is None:
            return 0
        # In UTC: Python subtracts wall-clock times where both share a zone, an hour wrong across a change of clocks.
        late = received.astimezone(UTC) - due.astimezone(UTC) - timedelta(minutes=self.grace_minutes)
        return max(math.ceil(late / timedelta(days=1)), 0)

    def kept(self, due: datetime | None, received: datetime) -> float:
        """The fraction of the score, 0 to 1, that a submission received then keeps."""
        return self.kept_after(self.days_late(due, received))

    def kept_after(self, days: int) -> float:
        """The fraction of the score, 0 to 1, that is kept with so many days begun; those that cost nothing are not among them."""
        if self.max_days is not None and days > self.max_days:
            return 0.0
        # Rounded because 1 - 3 * 0.1 is 0.7000000000000001 in floating point and marks are compared.
        return round(max(1.0 - days * self.penalty_per_day, 0.0), 12)


@dataclass(frozen=True, slots=True)
class Profile:
    """A named budget of an assignment: device, limits, thresholds by metric, numbers for the suite, data sizes."""

    name: str
    device: Device = "cpu"
    cuda_calls: CudaCalls = "error"
    limits: Limits = field(default_factory=Limits)
    thresholds: Mapping[str, Threshold] = field(default_factory=dict)
    budget: Mapping[str, Scalar] = field(default_factory=dict)
    data: DataConfig | None = None


@dataclass(frozen=True, slots=True)
class Assignment:
    """One assignment of a course. ``due`` and ``released`` are timezone-aware, or None where nobody has said."""

    name: str
    title: str
    root: Path
    files: tuple[str, ...]
    released: datetime | None = None
    due: datetime | None = None
    weight: float = 1.0
    handout: HandoutConfig = field(default_factory=HandoutConfig)
    forbid: Mapping[str, ForbidRule] = field(default_factory=dict)
    upload: UploadConfig = field(default_factory=UploadConfig)
    data: DataConfig | None = None
    profiles: Mapping[str, Profile] = field(default_factory=dict)
    leaderboard: tuple[LeaderboardColumn, ...] = ()
    cost: CostColumn | None = None
    baselines: tuple[BaselineConfig, ...] = ()
    late_policy: LatePolicy = field(default_factory=LatePolicy)
    attempts: AttemptsPolicy = "best"
    extensions: Mapping[str, datetime] = field(default_factory=dict)
    """A later due date of their own, by student or team."""
    droppable: bool = True
    slip_days: int = 0
    """The most slip days that a student may spend here."""
    attempt_limit: AttemptLimit = field(default_factory=AttemptLimit)
    constants: Mapping[str, ConstantConfig] = field(default_factory=dict)
    constants_since: datetime | None = None

    @property
    def folder(self) -> Path:
        """The author's folder: handout, notebook, public and hidden tests."""
        return self.root / "assignments" / self.name

    @property
    def notebook_source(self) -> Path:
        """The notebook as text, in jupytext's percent format."""
        return self.folder / "notebook.py"

    @property
    def hidden_folder(self) -> Path:
        """The hidden suite."""
        return self.folder / "hidden"

    @property
    def solution_folder(self) -> Path:
        """The solved modules."""
        return self.root / "solutions" / self.name

    @property
    def release_folder(self) -> Path:
        """What students get; generated."""
        return self.root / "release" / self.name

    def solution_files(self) -> dict[str, bytes]:
        """The solution as a submission: its modules by file name, in the order of ``files``.

        Raises:
            AuthoringError: one is missing or cannot be read, or is not UTF-8 text.
        """
        found = {}
        for file in self.files:
            path = self.solution_folder / file
            try:
                found[file] = path.read_bytes()
                found[file].decode("utf-8")
            except UnicodeDecodeError as error:
                raise AuthoringError(
                    f"the module is not UTF-8 text: {error}", where=path, fix="save it as UTF-8"
                ) from error
            except OSError as error:
                raise AuthoringError(
                    f"the solved module cannot be read: {error.strerror}",
                    where=path,
                    fix="write it there, or correct `files`",
                ) from error
        return found

    def profile(self, name: str) -> Profile:
        """The profile of that name.

        Raises CourseError where the assignment has none.
        """
        try:
            return self.profiles[name]
        except KeyError:
            have = ", ".join(self.profiles)
            raise CourseError(
                f"there is no profile {name!r}",
                where=f"assignments.{self.name}.profiles",
                fix=f"use one of: {have}",
            ) from None

    def due_for(self, owner: str) -> datetime | None:
        """When it is due for ``owner``, a student or team: an extension is that of whoever hands in."""
        return self.extensions.get(owner, self.due)

    def days_late(self, received: datetime, owner: str = "") -> int:
        """Days begun after the due date of ``owner``; 0 for what is in time."""
        return self.late_policy.days_late(self.due_for(owner), received)

    def kept_fraction(self, received: datetime, owner: str = "") -> float:
        """The fraction of the score, 0 to 1, that a submission of ``owner`` received then keeps under the late policy."""
        return self.late_policy.kept(self.due_for(owner), received)


@dataclass(frozen=True, slots=True)
class Course:
    """What autograde.yml describes."""

    name: str
    root: Path
    path: Path
    timezone: ZoneInfo
    attempts: AttemptsPolicy = "best"
    late_policy: LatePolicy = field(default_factory=LatePolicy)
    slip_days: SlipDays = field(default_factory=SlipDays)
    course_grade: CourseGradeConfig = field(default_factory=CourseGradeConfig)
    roster: Roster = field(default_factory=Roster)
    sandbox: SandboxConfig = field(default_factory=SandboxConfig)
    store: StoreConfig = field(default_factory=StoreConfig)
    gradebook: GradebookConfig = field(default_factory=GradebookConfig)
    server: ServerConfig = field(default_factory=ServerConfig)
    assignments: Mapping[str, Assignment] = field(default_factory=dict)

    @property
    def state(self) -> Path:
        """The default state folder: secret, results, blobs, feedback."""
        return self.root / ".autograde"

    def assignment(self, name: str) -> Assignment:
        """The assignment of that name.

        Raises CourseError, with the nearest name, where the course has none.
        """
        try:
            return self.assignments[name]
        except KeyError:
            near = difflib.get_close_matches(name, self.assignments, n=1)
            have = ", ".join(self.assignments)
            raise CourseError(
                f"there is no assignment {name!r}",
                where=self.path,
                fix=f"did you mean {near[0]!r}?" if near else f"use one of: {have}",
            ) from None
