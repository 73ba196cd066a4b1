"""The names that learning platforms give to what students handed in: whose it is, when it came, what it was called.

Sources: Canvas, lib/content_zipper.rb (instructure/canvas-lms); Moodle, mod/assign/locallib.php; Blackboard's help
pages on downloading assignments; Brightspace's and ILIAS's downloads as their public readers take them apart;
Gradescope's export with its submission_metadata.yml; GitHub Classroom's clones.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from grader.intake.moments import read_moment

#: What begins like another platform's words is that platform's, but for its mark of lateness, which no other writes.
_CANVAS = re.compile(
    r"^(?P<name>[^_]+)(?P<late>_LATE)?_(?P<number>\d+)_(?:(?P<unit>\d+)_(?(late)|(?!assignsubmission_|attempt_\d{4}-))(?P<file>.+)"
    r"|(?P<text>text|link|url)\.html)$"
)
_MOODLE = re.compile(
    r"^(?P<name>.+?)_(?P<number>\d+)_assignsubmission_(?P<plugin>[a-z]+)(?:_(?P<file>.*))?$", re.DOTALL
)
_BLACKBOARD = re.compile(
    r"^(?P<head>.+?)_attempt_(?P<time>\d{4}-\d\d-\d\d-\d\d-\d\d-\d\d)(?:_(?P<file>.+)|(?P<text>\.txt))$"
)
_BRIGHTSPACE = re.compile(
    r"^(?P<number>\d+)-(?P<unit>\d+) ?- ?(?P<name>.+?) ?- ?"
    r"(?P<time>(?:[^\W\d]{3,9}\.? \d{1,2}|\d{1,2} [^\W\d]{3,9}\.?),? \d{4},? \d{1,2}[:_]?\d\d(?: ?[AP]M)?)(?: ?- ?(?P<file>.+))?$",
    re.IGNORECASE,
)
_ILIAS = re.compile(r"^(?P<last>[^_]+)_(?P<first>[^_]+)_(?P<login>.+)_(?P<number>\d+)$")
_SAKAI = re.compile(r"^(?P<last>[^,()]+), ?(?P<first>[^,()]+?) ?\((?P<login>[^()]+)\)$")
#: nbgrader's exchange: STUDENT+ASSIGNMENT+TIME, with a random text behind it.
_EXCHANGE = re.compile(
    r"^(?P<login>[^+]+)\+[^+]+\+(?P<time>\d{4}-\d\d-\d\d[ _T]\d\d[:_-]\d\d[:_-]\d\d)(?:\.\d+)?[ _]?UTC(?:\+.*)?$"
)
#: Where Sakai keeps what a student handed in, beside texts about it.
SAKAI_FILES = "Submission attachment(s)"
_ILIAS_FILE = re.compile(r"^(?P<time>20\d{12})_(?P<file>.+)$")
#: What stands beside students' uploads in a download: about them, and nobody's.
_METADATA = re.compile(
    r"^(?:submission_metadata\.ya?ml|index\.html?|.*grades.*\.csv|classroom_roster\.csv|grading worksheet.*|"
    r"grades-.*|.*worksheet.*\.csv|names\.csv|times\.csv|received\.csv|submissions?\.csv|status\.xlsx?|.*_grades\.xlsx?)$",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class ServiceName:
    """What a name that a platform gave says.

    ``names`` are texts that may be an id, a login, an e-mail or a full name, the surest first; ``number`` is the
    platform's own number for the student. Entries of one ``unit`` are one upload. ``late`` is None where the platform
    marks no lateness in names. ``text`` says that it is an online text or the platform's description, not a file.
    """

    service: str
    names: tuple[str, ...]
    number: str
    unit: str
    file: str = ""
    received: datetime | None = None
    late: bool | None = None
    text: bool = False


def read_name(name: str, zone: ZoneInfo) -> ServiceName | None:
    """What ``name``, of a file or folder in a download, says; None where no platform that we know wrote it.

    Platforms write the student's own name for a file last. That name may look like another platform's words, so the reading
    counts in which it begins first.
    """
    readings = (
        _moodle(name),
        _blackboard(name, zone),
        _brightspace(name, zone),
        _canvas(name),
        _sakai(name),
        _exchange(name),
        _ilias(name),
    )
    return max(filter(None, readings), key=lambda reading: len(reading.file), default=None)


def is_metadata(name: str) -> bool:
    """True for files that a platform puts beside the uploads of a class."""
    return _METADATA.match(name) is not None


def ilias_file(name: str, zone: ZoneInfo) -> tuple[str, datetime | None]:
    """A file's own name and time, where ILIAS wrote the time before it; the name as it is and None elsewhere."""
    found = _ILIAS_FILE.match(name)
    moment = read_moment(found["time"], zone) if found else None
    return (found["file"], moment) if found and moment else (name, None)


def _canvas(name: str) -> ServiceName | None:
    found = _CANVAS.match(name)
    if found is None:
        return None
    names = () if found["name"] == "anon" else (found["name"],)
    text = found["text"] is not None
    return ServiceName(
        "Canvas", names, found["number"], found["number"], found["file"] or "", late=bool(found["late"]), text=text
    )


def _moodle(name: str) -> ServiceName | None:
    found = _MOODLE.match(name)
    if found is None:
        return None
    # With groups, the group's name comes first: "Group A-Ada Lovelace".
    whole = found["name"]
    names = (whole, *(whole[cut.end() :].strip() for cut in re.finditer("-", whole)))
    # A site may be set to write the id number or the login behind the name, or before it.
    names = (*names, *(names[-1].split("_") if "_" in names[-1] else ()))
    text = found["plugin"] != "file"
    return ServiceName("Moodle", names, found["number"], found["number"], found["file"] or "", text=text)


def _blackboard(name: str, zone: ZoneInfo) -> ServiceName | None:
    found = _BLACKBOARD.match(name)
    if found is None:
        return None
    # The column's title comes first, and may hold anything; a user name may hold underscores.
    head = found["head"]
    names = (*(head[cut.end() :] for cut in reversed(list(re.finditer("_", head)))), head)
    received = read_moment(found["time"], zone)
    return ServiceName(
        "Blackboard",
        names[:8],
        "",
        f"{names[0]} {found['time']}",
        found["file"] or "",
        received,
        text=bool(found["text"]),
    )


def _brightspace(name: str, zone: ZoneInfo) -> ServiceName | None:
    found = _BRIGHTSPACE.match(name)
    if found is None:
        return None
    received = read_moment(found["time"].replace("_", ":"), zone)
    unit = f"{found['number']}-{found['unit']} {found['time']}"
    return ServiceName("Brightspace", (found["name"],), found["number"], unit, found["file"] or "", received)


def _sakai(name: str) -> ServiceName | None:
    found = _SAKAI.match(name)
    if found is None:
        return None
    return ServiceName("Sakai", (found["login"], f"{found['first']} {found['last']}"), found["login"], name)


def sakai_time(text: str) -> datetime | None:
    """What Sakai's timestamp.txt says: 20261204225000123, in UTC."""
    found = re.fullmatch(r"\s*(20\d{12})\d{0,3}\s*", text)
    return read_moment(f"{found[1]}", ZoneInfo("UTC")) if found else None


def _exchange(name: str) -> ServiceName | None:
    found = _EXCHANGE.match(name)
    if found is None:
        return None
    day, clock = found["time"][:10], re.sub(r"[_-]", ":", found["time"][11:])
    received = read_moment(f"{day} {clock}", ZoneInfo("UTC"))
    return ServiceName("nbgrader", (found["login"],), found["login"], name, received=received)


def _ilias(name: str) -> ServiceName | None:
    found = _ILIAS.match(name)
    if found is None:
        return None
    names = (found["login"], f"{found['first']} {found['last']}")
    return ServiceName("ILIAS", names, found["number"], found["number"])
