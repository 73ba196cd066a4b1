"""Reading autograde.yml: find it, check it, and name file, line and key of everything that is wrong with it."""

from __future__ import annotations

import difflib
import json
from datetime import date, datetime, time
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from pydantic import ValidationError

from grader.course.consistency import file_problems, merge_limits, policy_problems, roster_problems, rule_problems
from grader.course.constant_rules import constant_problems
from grader.course.course import Assignment, Course, LatePolicy, Profile
from grader.course.defaults import merge_defaults
from grader.course.models import CourseFile, DataConfig, LatePolicyConfig, ProfileConfig, SlipDays
from grader.course.roster import Roster
from grader.course.validation_errors import explain
from grader.course.yaml_lines import Marked, read_marked
from grader.errors import CourseError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from grader.course.yaml_lines import KeyPath

FILE_NAME = "autograde.yml"
#: Nobody teaches outside of these, and a zone or an extension leads to no year that there is not.
_FIRST_YEAR, _LAST_YEAR = 1970, 9000


def find_course_file(path: Path | None = None) -> Path:
    """The autograde.yml that ``path`` names: a file, a folder that has one, or (None) upward from here.

    Raises CourseError where there is none.
    """
    if path is not None:
        path = path / FILE_NAME if path.is_dir() else path
        if not path.is_file():
            raise CourseError("there is no such file", where=path, fix=f"give the path of the course's {FILE_NAME}")
        return path.resolve()
    here = Path.cwd()
    for folder in (here, *here.parents):
        if (folder / FILE_NAME).is_file():
            return folder / FILE_NAME
    raise CourseError(
        f"no {FILE_NAME} here or in any folder above",
        where=here,
        fix=f"change to the course's folder, or give the path of its {FILE_NAME}",
    )


def load_course(path: Path | None = None, *, check_files: bool = True) -> Course:
    """The course at ``path`` (file or folder; None: searched upward from the current folder).

    Raises CourseError that names file, line, key and fix of the first problem, and lists the others. With
    ``check_files`` the folders of every assignment must exist.
    """
    marked = read_marked(find_course_file(path))
    merge_defaults(marked)
    config = _validate(marked)
    zone = _zone(config, marked)
    dues = {
        name: _moment(("assignments", name, "due"), entry.due, zone, marked)
        for name, entry in config.assignments.items()
    }
    releases = {
        name: _moment(("assignments", name, "released"), entry.released, zone, marked)
        for name, entry in config.assignments.items()
    }
    for name, released in releases.items():
        if released is not None and (due := dues[name]) is not None and released >= due:
            marked.add(("assignments", name, "released"), "this is not before the due date", "correct one of the two")
    begun = {
        name: _moment(("assignments", name, "constants_since"), entry.constants_since, zone, marked)
        for name, entry in config.assignments.items()
    }
    extended = {name: _extensions(name, config, dues[name], zone, marked) for name in config.assignments}
    roster_problems(config, marked)
    rule_problems(config, marked)
    constant_problems(config, marked)
    policy_problems(config, marked)
    if check_files:
        file_problems(config, marked)
    marked.raise_problems()
    root = marked.path.parent
    late = _late(config.late_policy)
    return Course(
        name=config.course.name,
        root=root,
        path=marked.path,
        timezone=zone,
        attempts=config.course.attempts,
        late_policy=late,
        slip_days=config.slip_days,
        course_grade=config.course_grade,
        roster=Roster(config.roster.students, config.roster.teams),
        sandbox=config.sandbox,
        store=config.store,
        gradebook=config.gradebook,
        server=config.server,
        assignments={
            name: Assignment(
                name=name,
                title=entry.title,
                root=root,
                files=entry.files,
                released=releases[name],
                due=dues[name],
                weight=entry.weight,
                handout=entry.handout,
                forbid=entry.forbid,
                upload=entry.upload,
                data=entry.data,
                profiles=_profiles(entry.profiles, entry.data),
                leaderboard=entry.leaderboard,
                cost=entry.cost,
                baselines=entry.baselines,
                late_policy=_late(entry.late_policy) if entry.late_policy else late,
                attempts=entry.attempts or config.course.attempts,
                extensions=extended[name],
                droppable=entry.droppable,
                slip_days=_most_slip_days(config.slip_days, entry.slip_days),
                attempt_limit=merge_limits(config.attempt_limit, entry.attempt_limit),
                constants=entry.constants,
                constants_since=begun[name],
            )
            for name, entry in config.assignments.items()
        },
    )


def course_schema() -> dict[str, Any]:
    """autograde.yml's JSON Schema, for editors that complete and check YAML."""
    schema = CourseFile.model_json_schema()
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "title": FILE_NAME}


def _validate(marked: Marked) -> CourseFile:
    try:
        # Through JSON, because pydantic's strict mode then takes lists for tuples, and still no "5" for 5.
        config = CourseFile.model_validate_json(json.dumps(marked.data), strict=True)
    except ValidationError as error:
        explain(error, marked)
        marked.raise_problems()
        raise  # pragma: no cover - a validation error always leaves a problem
    marked.raise_problems()
    return config


def _zone(config: CourseFile, marked: Marked) -> ZoneInfo:
    name = config.course.timezone
    try:
        return ZoneInfo(name)
    except (OSError, ValueError):  # ZoneInfoNotFoundError is a KeyError; folders and odd names raise the others
        pass
    except KeyError:
        pass
    marked.add(("course", "timezone"), f"unknown timezone {name!r}", "use an IANA name such as Europe/Berlin or UTC")
    return ZoneInfo("UTC")


def _moment(key: KeyPath, text: str | None, zone: ZoneInfo, marked: Marked) -> datetime | None:
    if text is None:
        return None
    try:
        return read_due(text, zone)
    except ValueError as error:
        marked.add(key, f"{text!r} is not a date ({error})", "write it like 2026-12-04T23:59")
        return None


def read_due(text: str, zone: ZoneInfo) -> datetime:
    """A due date as people write it: ISO 8601, without an offset in ``zone``; a date alone means 23:59 of that day.

    Raises ValueError where it is none, or so far away that no time can be reckoned from it.
    """
    if len(text) == len("2026-12-04"):
        found = datetime.combine(date.fromisoformat(text), time(23, 59), tzinfo=zone)
    else:
        found = datetime.fromisoformat(text)
    if not _FIRST_YEAR <= found.year <= _LAST_YEAR:
        raise ValueError(f"the year must be from {_FIRST_YEAR} to {_LAST_YEAR}")
    return found if found.tzinfo else found.replace(tzinfo=zone)


def _extensions(
    name: str, config: CourseFile, due: datetime | None, zone: ZoneInfo, marked: Marked
) -> dict[str, datetime]:
    """Later due dates by owner; noted are owners nobody knows, and dates that are no later than everybody's."""
    found: dict[str, datetime] = {}
    known = [*(student.id for student in config.roster.students), *(team.id for team in config.roster.teams)]
    for owner, text in config.assignments[name].extensions.items():
        key: KeyPath = ("assignments", name, "extensions", owner)
        if owner not in known:
            near = difflib.get_close_matches(owner, known, n=1)
            fix = f"did you mean `{near[0]}`?" if near else "use an id of the roster"
            marked.add(key, f"no student or team {owner!r} in the roster", fix)
        moment = _moment(key, text, zone, marked)
        broken = due is None and config.assignments[name].due is not None
        if moment is not None and not broken and (due is None or moment <= due):
            marked.add(key, "an extension is later than the due date", "give `due`, and a later date here")
        elif moment is not None:
            found[owner] = moment
    return found


def _late(config: LatePolicyConfig) -> LatePolicy:
    return LatePolicy(config.grace_minutes, config.penalty_per_day, config.max_days)


def _most_slip_days(course: SlipDays, own: int | None) -> int:
    """The most that may be spent on an assignment."""
    most = course.per_assignment if own is None else own
    return course.budget if most is None else min(most, course.budget)


def _profiles(configs: Mapping[str, ProfileConfig], data: DataConfig | None) -> dict[str, Profile]:
    return {
        name: Profile(
            name=name,
            device=config.device,
            cuda_calls=config.cuda_calls,
            limits=config.limits,
            thresholds=config.thresholds,
            budget=config.budget,
            data=data.model_copy(update=config.data.model_dump(exclude_none=True)) if data and config.data else data,
        )
        for name, config in configs.items()
    }
