"""When each upload arrived: what the staff say, what the platform says, what its marks say, and what files' times say."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from grader.course import Assignment
from grader.intake.archives import is_archive
from grader.intake.class_archive import member_time
from grader.intake.filenames import is_work
from grader.intake.joining import Unit
from grader.intake.layouts import ilias_file, sakai_time
from grader.intake.listing import Entry
from grader.intake.upload import received_time
from grader.store.values import ReceivedFrom
from grader.text import counted

#: Times of files that lie this close together were written by one download, not by a class.
_ONE_DOWNLOAD = timedelta(minutes=2)
_JUST_NOW = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class When:
    """A time, in UTC, and where it came from."""

    at: datetime
    source: ReceivedFrom


@dataclass(frozen=True, slots=True)
class Clock:
    """What is known of times for a whole class. ``given`` is by owner; ``everybody`` counts for all."""

    assignment: Assignment
    zone: ZoneInfo
    everybody: datetime | None = None
    given: Mapping[str, datetime] | None = None

    def when(self, unit: Unit) -> When:
        """When ``unit`` arrived; raises OSError where its files cannot be looked at."""
        owner = unit.entries[0].owner
        if self.everybody is not None:
            return When(self.everybody.astimezone(UTC), ReceivedFrom.GIVEN)
        if self.given and owner in self.given:
            return When(self.given[owner], ReceivedFrom.GIVEN)
        entries = [entry for entry in unit.entries if _matters(entry)] or unit.entries
        told = [entry.received or self._ilias(entry) or _sakai(entry) for entry in entries]
        if all(moment is not None for moment in told):
            return When(max(moment for moment in told if moment is not None), ReceivedFrom.SERVICE)
        at = max(received_time(entry.work) for entry in entries)
        marks = {entry.late for entry in entries}
        if None not in marks and (marked := self._by_mark(at, owner, late=True in marks)) is not None:
            return When(marked, ReceivedFrom.MARK)
        return When(at, ReceivedFrom.MEMBERS if all(entry.packed for entry in entries) else ReceivedFrom.FILE)

    def from_members(self, unit: Unit, when: When) -> When:
        """The newest time in the unit's archives, where its work is in archives and that is earlier than ``when``."""
        entries = [entry for entry in unit.entries if _matters(entry)]
        times = [
            moment
            for entry in entries
            for path in (_archives(entry))
            if (moment := member_time(path, self.zone)) is not None
        ]
        if not entries or len(times) < len(entries) or max(times) >= when.at:
            return when
        return When(max(times), ReceivedFrom.MEMBERS)

    def _by_mark(self, at: datetime, owner: str, *, late: bool) -> datetime | None:
        """The time that a mark allows, nearest to the file's own; the least late one for what is marked late."""
        due = self.assignment.due_for(owner)
        if due is None:
            return None
        if not late:
            return min(at, due.astimezone(UTC))
        return due.astimezone(UTC) + timedelta(minutes=self.assignment.late_policy.grace_minutes + 1)

    def _ilias(self, entry: Entry) -> datetime | None:
        if entry.service != "ILIAS" or not entry.path.is_dir():
            return None
        times = [ilias_file(path.name, self.zone)[1] for path in entry.path.iterdir() if path.is_file()]
        return max((moment for moment in times if moment), default=None)


def _sakai(entry: Entry) -> datetime | None:
    # Beside the folder with the student's files: no student can write it.
    if entry.service != "Sakai" or entry.work == entry.path:
        return None
    with contextlib.suppress(OSError, UnicodeDecodeError):
        return sakai_time((entry.path / "timestamp.txt").read_text(encoding="utf-8")[:100])
    return None


def _matters(entry: Entry) -> bool:
    """True for what may hold work: a report that came a day later makes nothing late."""
    return entry.path.is_dir() or is_work(entry.path.name) or is_archive(entry.path.name)


def _archives(entry: Entry) -> list[Path]:
    if entry.path.is_dir():
        return [path for path in sorted(entry.path.iterdir()) if is_archive(path.name) and path.is_file()]
    return [entry.path] if is_archive(entry.path.name) else []


def says_nothing(times: Sequence[When], now: datetime) -> bool:
    """True where files' times were written by one download: all alike, for two or more, or all of just now."""
    files = [when.at for when in times if when.source is ReceivedFrom.FILE]
    if not files:
        return False
    alike = len(files) > 1 and max(files) - min(files) <= _ONE_DOWNLOAD
    return alike or all(abs(now - at) <= _JUST_NOW for at in files)


def warnings_about(
    times: Sequence[tuple[str, When]], assignment: Assignment, now: datetime, given: Mapping[str, datetime] | None
) -> tuple[list[str], bool]:
    """What staff should know of the times of a class, by owner; and whether it can have cost somebody something."""
    said: list[str] = []
    files = [(owner, when) for owner, when in times if when.source is ReceivedFrom.FILE]
    late = [owner for owner, when in files if assignment.days_late(when.at, owner)]
    everybody = [owner for owner, when in times if assignment.days_late(when.at, owner)]
    fix = "say when they arrived, with --received 2026-12-04T20:00, or --received FILE.csv (columns id and received)"
    moments = [when.at for _, when in files]
    if len(files) > 1 and max(moments) - min(moments) <= _ONE_DOWNLOAD:
        about = f"all {len(files)} uploads have file times within two minutes of each other"
        said.append(
            f"{about}: that is probably when they were downloaded or copied, not when they were handed in; {fix}"
        )
    elif files and all(abs(now - at) <= _JUST_NOW for at in moments):
        said.append(f"the file times are only minutes old: they say when the files were copied here; {fix}")
    if len(times) > 1 and len(everybody) == len(times):
        said.append(f"all {len(times)} uploads are late; if that cannot be right, {fix}")
    marked = [
        owner for owner, when in times if when.source is ReceivedFrom.MARK and assignment.days_late(when.at, owner)
    ]
    if marked:
        who = f"{', '.join(marked)}: marked late by an unknown amount; counted as just late"
        said.append(f"{who}; {fix}")
    released = assignment.released
    by_clock = (ReceivedFrom.FILE, ReceivedFrom.MEMBERS)
    old = [owner for owner, when in times if released and when.source in by_clock and when.at < released]
    if old:
        who = f"{', '.join(old)}: files older than the assignment, which was released on {released:%Y-%m-%d %H:%M}"
        said.append(f"{who}; anybody can set file times: compare them, and {fix}")
    inside = [owner for owner, when in times if when.source is ReceivedFrom.MEMBERS]
    if inside and not files:
        said.append(
            f"{counted(len(inside), 'time')} from files in archives, by the clock of whoever packed them; {fix}"
        )
    if given is not None:
        absent = [owner for owner, when in times if when.source is not ReceivedFrom.GIVEN]
        if absent:
            said.append(f"--received has no time for {', '.join(absent)}")
    return said, bool(old or marked or (said and late))
