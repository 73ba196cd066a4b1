"""What the API answers, as models: the OpenAPI description is made of them."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field


class _Answer(BaseModel):
    model_config = ConfigDict(frozen=True)


class Me(_Answer):
    """Who calls."""

    id: str
    name: str
    role: str
    leaderboard_name: str = Field(description="what the leaderboard shows: a handle, or a pseudonym")


class ConstantInfo(_Answer):
    """A constant of the caller's own."""

    name: str
    value: bool | int | float | str
    about: str
    file: str = Field(description="the module in which it is written; empty where none is")
    written: str = Field(description="the line to write there")


class AssignmentInfo(_Answer):
    """An assignment as its student sees it."""

    name: str
    title: str
    files: tuple[str, ...] = Field(description="the modules that are asked for")
    due: datetime | None = Field(description="with the caller's own extension")
    counts: str = Field(description="which submission counts: best or last")
    may_hand_in: bool
    attempts_left: int | None = Field(description="null where there is no limit")
    next_attempt_at: datetime | None
    why: str = Field(description="why nothing may be handed in, or why it will not count")
    score: float | None = Field(description="what counts now, after lateness; null where nothing has a score")
    max_score: float | None
    counting_submission: int | None
    constants: tuple[ConstantInfo, ...] = Field(description="the caller's own, or their team's")


class FileInfo(_Answer):
    """One file of a submission."""

    path: str
    sha256: str
    size: int


class PartInfo(_Answer):
    """One file that the assignment asks for, and what the upload has of it."""

    file: str
    state: str = Field(description="found, notebook, stub (nothing written yet) or missing")
    source: str


class PlaceInfo(_Answer):
    """Where a submission is."""

    state: str = Field(description="waiting, running, graded, held or paused")
    position: int = Field(description="in the queue, from 1; 0 where it is not in it")
    of: int
    starts_s: float | None = Field(description="seconds until grading begins, by earlier attempts")
    ends_s: float | None = Field(description="seconds until the verdict, by earlier attempts")
    text: str


class SubmissionInfo(_Answer):
    """A submission: its receipt, and where it is."""

    id: int
    assignment: str
    received_at: datetime
    sha256: str = Field(description="over the names and contents of its files")
    new: bool = Field(description="false where exactly these files were already there")
    uploader: str
    files: tuple[FileInfo, ...]
    left_out: tuple[tuple[str, str], ...] = Field(description="what was not taken, each with the reason")
    problem: str | None = Field(description="why it cannot be graded")
    parts: tuple[PartInfo, ...]
    notes: tuple[str, ...]
    withdrawn: bool
    place: PlaceInfo
    score: float | None = Field(description="of the checks, before lateness")
    max_score: float | None
    verdict: str | None
    url: str


class SubmissionLine(_Answer):
    """One submission of a history."""

    id: int
    number: int
    received_at: datetime
    state: str
    score: float | None
    max_score: float | None
    verdict: str | None
    counts: bool
    withdrawn: bool


class BoardRow(_Answer):
    """One row of the leaderboard."""

    rank: str | None = Field(description="a number, or a range where the difference is within chance")
    handle: str
    mine: bool
    baseline: bool = Field(description="nobody's: a model to compare with")
    rose: int | None = Field(description="by how many ranks the reveal of the private half changed it")
    metrics: dict[str, float | None]
    score: float | None
    max_score: float


class BoardInfo(_Answer):
    """The leaderboard as its reader sees it."""

    assignment: str
    of: int = Field(description="how many have a rank")
    laddered: bool = Field(description="public scores are shown by the Ladder")
    revealed: bool = Field(description="scores are those of the private half")
    rows: tuple[BoardRow, ...]


class LeaderboardChoice(BaseModel):
    """The name that the leaderboard shows."""

    model_config = ConfigDict(extra="forbid")
    handle: str = Field(default="", max_length=200, description="empty for a pseudonym")


class DeviceCode(_Answer):
    """What a device shows to its person (RFC 8628, section 3.2)."""

    device_code: str
    user_code: str
    verification_uri: str
    verification_uri_complete: str
    expires_in: int
    interval: int


class DeviceToken(_Answer):
    """A token for a device that was let in."""

    access_token: str
    token_type: str = "Bearer"  # noqa: S105 - the type's name
    expires_in: int
    scope: str
