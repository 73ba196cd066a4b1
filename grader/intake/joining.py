"""One owner's entries become one submission; where two of them cannot both be meant, each becomes its own."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from grader.intake.arrange import arrange, stands_for
from grader.intake.filenames import is_notebook, is_work, shown
from grader.intake.listing import Entry
from grader.intake.litter import LeftOut
from grader.intake.upload import UPLOAD_FOLDER, Upload
from grader.text import counted


@dataclass(slots=True)
class Unit:
    """Entries that came together: one upload on a platform, or one file or folder."""

    entries: list[Entry]
    files: dict[str, bytes] = field(default_factory=dict)
    left_out: list[LeftOut] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    @property
    def source(self) -> str:
        """The names of the entries, as they stand in the inbox."""
        return ", ".join(shown(entry.path.name) for entry in self.entries)


def read_unit(entries: Sequence[Entry], uploads: Sequence[Upload], asked: Sequence[str]) -> Unit:
    """What was read of ``entries`` as one unit; a file that cannot be opened is kept as it is, beside the others."""
    unit = Unit(list(entries))
    names = _names(entries, uploads, asked)
    for entry, upload, name in zip(entries, uploads, names, strict=True):
        unit.left_out += upload.left_out
        loose = _is_loose(entry, upload)
        if upload.problem and not loose:
            unit.problems.append(upload.problem)
        twice = (
            [] if loose else [path for path, data in upload.files.items() if _differs(path, data, unit.files, asked)]
        )
        if twice:
            what = f"`{shown(twice[0])}`" + (f" and {counted(len(twice) - 1, 'more file')}" if twice[1:] else "")
            unit.problems.append(
                f"{shown(entry.path.name)!r} has another version of {what} than what came with it, which counts"
            )
        for path, data in upload.files.items():
            _place(unit.files, name if loose else path.removeprefix(f"{UPLOAD_FOLDER}/"), data, entry)
    return unit


def _differs(path: str, data: bytes, files: Mapping[str, bytes], asked: Sequence[str]) -> bool:
    """True where both are work on one file asked for; what is handed out is none."""
    other = files.get(path, data)
    written = not any(b"raise NotImplementedError" in content for content in (data, other))
    return other != data and written and any(stands_for(path, file) for file in asked)


def join(units: Sequence[Unit], asked: Sequence[str], stubs: Mapping[str, str]) -> list[Unit]:
    """``units`` of one owner, the first received first, as the submissions that they are.

    What contradicts nothing is part of each. Two units that hold different versions of one file asked for are two
    submissions, as an early and a late one are.
    """
    shapes = [_versions(unit, asked, stubs) for unit in units]
    contested = [
        any(index != other and _contradict(shape, shapes[other]) for other in range(len(units)))
        for index, shape in enumerate(shapes)
    ]
    piles: list[tuple[dict[str, bytes], list[Unit]]] = []
    for unit, shape, alone in zip(units, shapes, contested, strict=True):
        if not alone:
            continue
        pile = next((pile for pile in piles if not _contradict(pile[0], shape)), None)
        if pile is None:
            pile = ({}, [])
            piles.append(pile)
        pile[0].update(shape)
        pile[1].append(unit)
    shared = [unit for unit, alone in zip(units, contested, strict=True) if not alone]
    groups = [[*members, *shared] for _, members in piles] or [shared]
    return [_union(group) for group in groups]


def _union(units: Sequence[Unit]) -> Unit:
    whole = Unit([])
    for unit in units:
        whole.entries += unit.entries
        whole.left_out += unit.left_out
        whole.problems += unit.problems
        for path, data in unit.files.items():
            _place(whole.files, path, data, unit.entries[0])
    return whole


def _place(files: dict[str, bytes], path: str, data: bytes, entry: Entry) -> None:
    """Put a file in; where another of its name is there, into a folder named for the entry."""
    if files.get(path, data) != data:
        stem = re.sub(r"\.(?:tar\.gz|\w{1,5})$", "", entry.file or entry.path.name) or "other"
        path = f"{shown(stem).replace('/', '_')}/{path}"
    number = 2
    while files.get(path, data) != data:
        path = f"{number}/{path}"
        number += 1
    files[path] = data


def _versions(unit: Unit, asked: Sequence[str], stubs: Mapping[str, str]) -> dict[str, bytes]:
    """What the unit has of each file asked for, and of each notebook, where that is not the stub."""
    arranged = arrange(unit.files, asked, stubs).files
    found = {
        file: arranged[file] for file in asked if file in arranged and arranged[file] != stubs.get(file, "").encode()
    }
    return found | {PurePosixPath(path).name: data for path, data in unit.files.items() if is_notebook(path)}


def _contradict(one: Mapping[str, bytes], other: Mapping[str, bytes]) -> bool:
    return any(other.get(name, data) != data for name, data in one.items())


def _is_loose(entry: Entry, upload: Upload) -> bool:
    """True for a lone file that is no archive: a module, a report, a data file. It is kept as it is."""
    packed = entry.path.suffix.lower() in (
        ".zip",
        ".tar",
        ".gz",
        ".tgz",
        ".txz",
        ".tbz2",
        ".tbz",
        ".rar",
        ".7z",
        ".xz",
        ".bz2",
    )
    whole = [path.removeprefix(f"{UPLOAD_FOLDER}/") for path in upload.files] in ([], [shown(entry.path.name)])
    return not packed and not entry.path.is_dir() and whole


def _names(entries: Sequence[Entry], uploads: Sequence[Upload], asked: Sequence[str]) -> list[str]:
    """What each lone file is called in the submission: as its student called it, or as the assignment does."""
    names = [entry.file or entry.path.name for entry in entries]
    modules = [index for index, name in enumerate(names) if is_work(name) and not is_notebook(name)]
    for file in asked:
        meant = [index for index in modules if stands_for(names[index], file) or _begins_with_owner(names[index], file)]
        if len(meant) == 1 and names[meant[0]] not in asked:
            names[meant[0]] = file
    if len(asked) == 1 and len(modules) == 1 and len(uploads) == 1:
        names[modules[0]] = asked[0]
    return names


def _begins_with_owner(name: str, file: str) -> bool:
    """True for ``ada_late_backprop.py``: a name that ends like the file asked for, after a separator."""
    return re.search(rf"(?:^|[\s_\-.]){re.escape(file[:-3])}(?:[\s_\-]*\(?\d+\)?)?\.py$", name) is not None
