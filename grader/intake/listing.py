"""The entries of a class's inbox, each with whose it is, what it was called, and what is known of when it came."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from grader.course import Assignment, Course, Owner, Team
from grader.errors import SubmissionError
from grader.intake.archives import is_archive
from grader.intake.class_archive import names_in
from grader.intake.class_lists import NameMap
from grader.intake.filenames import shown
from grader.intake.gradescope import METADATA, Handed, read_metadata
from grader.intake.layouts import SAKAI_FILES, ServiceName, is_metadata, read_name
from grader.intake.litter import ignored
from grader.intake.owners import find_owner, match_owner, suffix_of
from grader.text import counted

_DEPTH = 4


@dataclass(frozen=True, slots=True)
class Unmatched:
    """An entry of the inbox that belongs to nobody we know, and why."""

    entry: str
    reason: str


@dataclass(frozen=True, slots=True)
class Entry:
    """One file or folder that somebody handed in.

    ``owner`` is the team where ``uploader``, the student, hands in for one; both are ids. ``file`` is what the student
    called it, as far as that is known. Entries of one ``unit`` are one upload. ``received`` is a platform's own time;
    ``late`` its mark, None where it writes none. ``packed`` says that the file's time is that of an archive's member.
    """

    path: Path
    owner: str
    uploader: str
    file: str
    unit: str
    service: str = ""
    received: datetime | None = None
    late: bool | None = None
    packed: bool = False

    @property
    def work(self) -> Path:
        """Where the student's own files are: the entry itself, or a folder in it beside what the platform wrote."""
        inner = self.path / SAKAI_FILES
        return inner if self.service == "Sakai" and inner.is_dir() else self.path


@dataclass(slots=True)
class Listing:
    """What an inbox holds: ``entries`` of the roster's people, ``unmatched`` ones, and ``doubts`` about owners."""

    entries: list[Entry] = field(default_factory=list)
    unmatched: list[Unmatched] = field(default_factory=list)
    doubts: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Lister:
    """Lists the entries of one inbox. ``unpack`` gives the folder that an archive of a class was unpacked into."""

    course: Course
    assignment: Assignment
    unpack: Callable[[Path], Path]
    names: NameMap | None = None

    def list(self, folder: Path, *, depth: int = 0, packed: bool = False) -> Listing:
        """The entries of ``folder``, and of folders and archives in it that hold a class's uploads.

        Raises SubmissionError where it cannot be read.
        """
        try:
            paths = sorted(
                path for path in folder.iterdir() if not ignored(path.name) and not path.name.startswith(".")
            )
        except OSError as error:
            raise SubmissionError(
                f"cannot read the folder of submissions: {error.strerror}", where=folder, fix="check the path"
            ) from error
        export = next((path for path in paths if path.name == METADATA and path.is_file()), None)
        handed = read_metadata(export, self.course.timezone) if export else {}
        found = Listing()
        strangers: dict[str, list[str]] = {}
        for path in paths:
            if path.is_symlink() or not (path.is_dir() or path.is_file()):
                found.unmatched.append(
                    Unmatched(shown(path.name), "a link or a device; put the file itself in its place")
                )
                continue
            entry, reason = self._entry(path, handed, packed=packed)
            if entry is not None:
                found.entries.append(entry)
                if reason:
                    found.doubts.append(reason)
            elif path.is_file() and is_metadata(path.name):
                continue
            elif (inner := self._inside(path, depth, packed=packed)) is not None:
                found.entries += inner.entries
                found.doubts += inner.doubts
                found.unmatched += [
                    Unmatched(f"{shown(path.name)}/{item.entry}", item.reason) for item in inner.unmatched
                ]
            else:
                # The files of one upload, whose name a platform hides, are named together.
                service = read_name(path.name, self.course.timezone)
                strangers.setdefault(f"{service.unit}\n{reason}" if service else path.name, [reason]).append(path.name)
        for reason, first, *others in strangers.values():
            more = f" and {counted(len(others), 'more file', 'more files')}" if others else ""
            found.unmatched.append(Unmatched(f"{shown(first)}{more}", reason))
        return found

    def _inside(self, path: Path, depth: int, *, packed: bool) -> Listing | None:
        """The entries in a folder or archive that belongs to nobody, where it is the class's; None where it is not."""
        service = read_name(path.name, self.course.timezone)
        # What a platform says one student handed in holds that student's work alone, whoever it is. A folder of a class may be
        # called like one of ILIAS's.
        if depth >= _DEPTH or (service is not None and service.service != "ILIAS"):
            return None
        if path.is_dir():
            inner = self.list(path, depth=depth + 1, packed=packed)
            if service is not None and any(entry.service != service.service for entry in inner.entries):
                return None
            return inner if self._is_class(inner) else None
        if is_archive(path.name) and self._looks_like_class(names_in(path)):
            inner = self.list(self.unpack(path), depth=depth + 1, packed=True)
            return inner if inner.entries else None
        return None

    def _is_class(self, inner: Listing) -> bool:
        # One stranger's folder may hold a file called like somebody: that is not yet somebody's upload.
        sure = any(entry.service or self.names for entry in inner.entries)
        several = len({entry.owner for entry in inner.entries}) > 1
        return (sure or several) and len(inner.entries) >= len(inner.unmatched)

    def _looks_like_class(self, names: Sequence[str]) -> bool:
        tops = [name for name in names if name and not ignored(name.rstrip("/"))]
        for _ in range(_DEPTH):
            heads = {name.partition("/")[0] for name in tops}
            if METADATA in heads:
                return True
            owners = {owner for head in heads if (owner := self._whose(head)) is not None}
            if owners and (len(owners) > 1 or any(read_name(head, self.course.timezone) for head in heads)):
                return True
            if len(heads) != 1:
                return False
            tops = [name.partition("/")[2] for name in tops if name.partition("/")[2]]
        return False

    def _whose(self, name: str) -> str | None:
        entry, _ = self._entry(Path(name), {}, folder=not Path(name).suffix)
        return entry.owner if entry else None

    def _entry(
        self, path: Path, handed: Mapping[str, Handed], *, packed: bool = False, folder: bool | None = None
    ) -> tuple[Entry | None, str]:
        """Whose ``path`` is; or None, with the reason. Beside an entry the text is a doubt about it, where there is one."""
        folder = path.is_dir() if folder is None else folder
        name = path.name
        service = read_name(name, self.course.timezone)
        if name in handed:
            return self._of_gradescope(path, handed[name], packed=packed)
        if self.names is not None:
            others = _numbers(service)
            theirs = len(name) - len(service.file) if service else len(name)  # from there on the student chose
            named = self.names.find(name, self.course.roster, *others, until=theirs)
            if named is not None:
                file = named.file or (service.file if service else "")
                return self._made(path, named.owner, file, service, packed=packed), ""
        if service is not None and not (service.service == "ILIAS" and not folder):
            owners = {owner.id: owner for text in service.names if (owner := find_owner(text, self.course.roster))}
            if len(owners) > 1 and service.service in ("Moodle", "Sakai"):
                return None, f"its name could be of {' and '.join(owners)}; rename it to one of these ids"
            if owners:
                return self._made(path, next(iter(owners.values())), service.file, service, packed=packed), ""
        match = match_owner(name, self.course.roster, self.assignment, folder=folder)
        if match.owner is None:
            return None, _reason(name, service) or match.reason
        suffix = "" if folder else suffix_of(name)
        rest = match.rest.lstrip("0123456789_- ") if match.rest else ""
        file = service.file if service and service.file else (rest + suffix if rest else "")
        return self._made(path, match.owner, file, service, packed=packed), ""

    def _of_gradescope(self, path: Path, handed: Handed, *, packed: bool) -> tuple[Entry | None, str]:
        owners: dict[str, Owner] = {}
        for person in handed.submitters:
            found = next((owner for text in person if (owner := find_owner(text, self.course.roster))), None)
            if found is not None:
                owners.setdefault(self.course.roster.owner_of(found.id, self.assignment.name), found)
        if not owners:
            people = ", ".join(person[-1] for person in handed.submitters) or "nobody"
            return None, f"Gradescope says {shown(people)}, who is not in the roster; add them, or give --names"
        first = next(iter(owners.values()))
        service = ServiceName("Gradescope", (), "", path.name, received=handed.received)
        doubt = ""
        if len(owners) > 1:
            others = " and ".join(owners)
            counts_for = next(iter(owners))
            doubt = f"{shown(path.name)} was handed in for {others}, who are not a team in the roster; it counts for {counts_for}"
        return self._made(path, first, "", service, packed=packed), doubt

    def _made(self, path: Path, owner: Owner, file: str, service: ServiceName | None, *, packed: bool) -> Entry:
        team = isinstance(owner, Team)
        return Entry(
            path=path,
            owner=owner.id if team else self.course.roster.owner_of(owner.id, self.assignment.name),
            uploader="" if team else owner.id,
            file=file,
            unit=service.unit if service else str(path),
            service=service.service if service else "",
            received=service.received if service else None,
            late=service.late if service else None,
            packed=packed,
        )


def _reason(name: str, service: ServiceName | None) -> str:
    """Why nobody of the roster is found in a name that a platform wrote; empty where it wrote none."""
    if re.fullmatch(r"submission_\d+", name):
        return (
            f"Gradescope says in {METADATA} whose it is, and that file is not here; download the export again, or give "
            "--names FILE.csv"
        )
    if service is None or not service.number or service.service == "ILIAS":
        return ""
    return (
        f"{service.service} names nobody of the roster here, as when grading is anonymous; rename it to the student's id, or give "
        f"--names FILE.csv with a line for {service.number}"
    )


def _numbers(service: ServiceName | None) -> Iterator[str]:
    if service is not None:
        yield from (service.number, *service.names, service.unit)
