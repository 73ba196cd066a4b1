"""Lists that the course's staff give to `collect`: whose each entry is (``--names``), when each arrived (``--received``)."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from grader.course import Assignment, Owner, Roster
from grader.errors import SubmissionError
from grader.intake.filenames import shown
from grader.intake.moments import read_moment
from grader.intake.owners import find_owner

_FIELDS = ("id", "email", "name", "first", "last", "file", "any")
_GROUPS = {"student_id": "id", "first_name": "first", "last_name": "last", "owner": "id"}
#: Headings of columns with the time of arrival, in exports of platforms; the earlier ones are surer.
_TIMES = (
    "received", "submission time", "submitted at", "submitted", "last modified (submission)", "submission date", "date submitted",
    "created_at", "submitted_at", "timestamp", "time", "date",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Named:
    """Whose an entry is by ``--names``, and what the student's file was called, where the pattern says so."""

    owner: Owner
    file: str = ""


@dataclass(frozen=True, slots=True)
class NameMap:
    """How entries of any layout lead to the roster: a pattern, or a table of keys."""

    pattern: re.Pattern[str] | None = None
    keys: Mapping[str, Owner] = field(default_factory=dict)

    def find(self, entry: str, roster: Roster, *others: str, until: int | None = None) -> Named | None:
        """Whose ``entry`` is, by its name or by one of the ``others``: a platform's number, a login.

        Of the name, a table is asked for parts of its first ``until`` characters: the rest the student chose.
        """
        if self.pattern is not None:
            found = self.pattern.fullmatch(entry)
            return _by_groups(found, roster) if found else None
        stem = re.sub(r"\.(?:zip|tar\.gz|tgz|tar|py|ipynb)$", "", entry, flags=re.IGNORECASE)[:until].rstrip("-_")
        # GitHub Classroom writes ASSIGNMENT-LOGIN, and logins may hold hyphens.
        ends = [stem[cut.end() :] for cut in re.finditer("[-_]", stem)]
        starts = [stem[: cut.start()] for cut in reversed(list(re.finditer("[-_]", stem)))]
        for key in (entry, stem, *others, *ends, *starts):
            owner = self.keys.get(_key(key))
            if owner is not None:
                return Named(owner)
        return None


def read_names(text: str, roster: Roster) -> NameMap:
    """What ``--names`` says: a file with a table, a template such as ``{last}_{first}_{id}_{file}``, or a regex.

    Raises SubmissionError where it is none of them.
    """
    path = Path(text)
    if "{" not in text and "(?P<" not in text:
        return NameMap(keys=_keys(_rows(path), roster))
    try:
        source = text if "(?P<" in text else _from_template(text)
        for old, new in _GROUPS.items():
            source = source.replace(f"(?P<{old}>", f"(?P<{new}>")
        pattern = re.compile(source, re.IGNORECASE)
    except re.error as error:
        raise SubmissionError(f"--names {text!r} is not a regular expression: {error}", fix=_FIX_NAMES) from error
    if not {"id", "email", "name", "last"} & set(pattern.groupindex):
        raise SubmissionError(f"--names {text!r} does not say which part names the student", fix=_FIX_NAMES)
    return NameMap(pattern)


_FIX_NAMES = (
    "give a CSV file (entry,id), or a pattern with {id}, {email}, {name} or {first} and {last}, and {file} and {any} "
    "for the rest, such as '{any}_{id}_{file}'"
)


def read_times(path: Path, roster: Roster, assignment: Assignment, zone: ZoneInfo) -> Mapping[str, datetime]:
    """When each owner's upload arrived, by the owner's id, from a table with a column of people and one of times.

    Of several times for one owner the last counts. Raises SubmissionError where the file has none of them.
    """
    rows = _rows(path)
    header = [cell.strip().casefold() for cell in rows[0]] if rows else []
    column = next((header.index(name) for name in _TIMES if name in header), None)
    found: dict[str, datetime] = {}
    for row in rows:
        owner = next((owner for cell in row if (owner := find_owner(cell, roster)) is not None), None)
        cells = row if column is None else row[column : column + 1]
        moment = next((moment for cell in cells if (moment := read_moment(cell, zone)) is not None), None)
        if owner is None or moment is None:
            continue
        key = roster.owner_of(owner.id, assignment.name)
        found[key] = max(found[key], moment) if key in found else moment
    if not found:
        raise SubmissionError(
            "no row has both a person from the roster and a time",
            where=path,
            fix="give a CSV file with the columns id and received, times such as 2026-12-04T23:59",
        )
    return found


def _rows(path: Path) -> list[list[str]]:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise SubmissionError(f"cannot be read: {error.strerror}", where=path, fix=_FIX_NAMES) from error
    encoding = "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    text = data.decode(encoding, errors="replace")
    head = text[:4096].partition("\n")[0]
    delimiter = max(",;\t", key=head.count)
    try:
        return [row for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter) if any(row)]
    except csv.Error as error:
        raise SubmissionError(f"is not a table: {error}", where=path, fix="save it as CSV") from error


def _keys(rows: Sequence[Sequence[str]], roster: Roster) -> dict[str, Owner]:
    """Each cell that is not itself somebody's name, and so may name an entry, to the one whom its row is about."""
    found: dict[str, Owner] = {}
    doubtful: set[str] = set()
    for row in rows:
        owners = [find_owner(cell, roster) for cell in row]
        owner = next((owner for owner in owners if owner is not None), None)
        if owner is None:
            continue
        for cell, other in zip(row, owners, strict=True):
            if other is not None or not cell.strip():
                continue
            for key in {_key(cell), _key(re.sub(r"^\D+(?=\d+$)", "", cell.strip()))}:
                if found.setdefault(key, owner) is not owner:
                    doubtful.add(key)
    return {key: owner for key, owner in found.items() if key and key not in doubtful}


def _key(text: str) -> str:
    return " ".join(shown(text).casefold().split())


def _from_template(text: str) -> str:
    parts = []
    used: set[str] = set()
    for part in re.split(r"(\{\w+\}|\*)", text):
        name = part[1:-1]
        if part in ("*", "{any}"):
            parts.append(".*?")
        elif part.startswith("{") and name in _FIELDS and name not in used:
            used.add(name)
            parts.append(f"(?P<{name}>.+{'' if name == 'file' else '?'})")
        else:
            parts.append(re.escape(part))
    if not text.endswith(("{file}", "{any}", "*")):
        parts.append(r"(?:\.(?:zip|tar\.gz|tgz|tar|py|ipynb))?")
    return "".join(parts)


def _by_groups(found: re.Match[str], roster: Roster) -> Named | None:
    groups = {name: text for name, text in found.groupdict().items() if text}
    full = groups.get("name") or f"{groups.get('first', '')} {groups.get('last', '')}".strip()
    for text in (groups.get("id"), groups.get("email"), full):
        owner = find_owner(text, roster) if text else None
        if owner is not None:
            return Named(owner, groups.get("file", ""))
    return None
