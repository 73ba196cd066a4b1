"""Reading one upload: a folder, an archive, or a single file."""

from __future__ import annotations

import os
import re
import stat
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from grader.errors import SubmissionError
from grader.intake.archives import is_archive, open_archives, unpack
from grader.intake.filenames import UploadProblem, is_work, safe_name, shown, strip_top
from grader.intake.litter import LeftOut, ignored, in_words, litter, summarise
from grader.intake.taking import Intake, UploadLimits

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

#: Where the bytes of an upload that cannot be unpacked are kept among a submission's files.
UPLOAD_FOLDER = "__upload__"
_LINK = "a link or a device, not a file"
_ANY = "anything"


@dataclass(frozen=True, slots=True)
class Upload:
    """What was handed in: relative POSIX path -> content; or ``problem``, in words for the student.

    A file with a problem is kept as it came, as ``__upload__/NAME``. ``left_out`` lists what was not taken, and why.
    """

    files: Mapping[str, bytes]
    problem: str | None = None
    left_out: tuple[LeftOut, ...] = field(default=())


def read_submission(path: Path, limits: UploadLimits | None = None) -> Upload:
    """The upload at ``path``: a folder, a .zip, .tar.gz or .tgz, or one file.

    Raises SubmissionError where there is nothing at ``path``, or it cannot be read. Whatever is wrong with the upload
    itself becomes its ``problem``: it is the student's to fix.
    """
    limits = limits or UploadLimits()
    try:
        mode = path.stat().st_mode
        if stat.S_ISDIR(mode):
            return _read_folder(path, limits)
        if stat.S_ISREG(mode):
            return _read_file(path, limits)
    except OSError as error:
        raise SubmissionError(
            f"cannot read the submission: {error.strerror}", where=path, fix="check the path and its permissions"
        ) from error
    raise SubmissionError("neither a file nor a folder", where=path, fix="give a folder, a .zip or a file")


def received_time(path: Path) -> datetime:
    """When the upload at ``path`` was last changed, in UTC: of a folder, when the newest of its files was.

    Of a folder's files the modules, notebooks and archives count, where it has any: a report may come later.
    """
    newest = path.stat().st_mtime
    if path.is_dir():
        # A folder's own time says when a file was added to it, by git or a copy as well; its files' times say more.
        found = [entry for entry in _walk(path) if entry.regular]
        work = [entry for entry in found if is_work(entry.name) or is_archive(entry.name)]
        newest = max((entry.stat.st_mtime for entry in work or found), default=newest)
    return datetime.fromtimestamp(newest, UTC)


def _read_file(path: Path, limits: UploadLimits) -> Upload:
    size = path.stat().st_size
    packed = is_archive(path.name) or _is_zip(path)
    most = limits.packed if packed else limits.file
    name = shown(path.name)
    if size > most:
        # Not kept: it would be the upload that fills the disk. The sender still has it, and so has the inbox.
        problem = f"{name!r} has {size} bytes, more than the limit of {most}; hand in your work without data sets"
        return Upload({}, problem)
    data = path.read_bytes()
    try:
        if packed:
            files, left_out = unpack(path.name if is_archive(path.name) else f"{path.name}.zip", data, limits)
            return Upload(files, None, summarise(left_out))
        if is_work(path.name):
            return Upload({safe_name(path.name): data})
        raise UploadProblem("hand in a .zip, or a single .py or .ipynb file")  # noqa: TRY301
    except UploadProblem as problem:
        return Upload({f"{UPLOAD_FOLDER}/{name.replace('/', '_')}": data}, f"{name!r}: {problem}")


def _is_zip(path: Path) -> bool:
    """True for a zip under a name that says nothing, or another archive's; a document or a checkpoint is a zip as well."""
    if re.search(r"\.(?!rar$|7z$|txt$)[a-z][a-z0-9]{1,7}$", path.name, re.IGNORECASE):
        return False
    with path.open("rb") as file:
        return file.read(4) == b"PK\3\4"


def _read_folder(path: Path, limits: UploadLimits) -> Upload:
    intake = Intake(limits)
    try:
        for entry in sorted(_walk(path, intake), key=lambda entry: not is_work(entry.name)):
            name = intake.admit(entry.name)
            if name is None:
                continue
            if not entry.regular:
                intake.leave(name, _LINK)
                continue
            # Neither following a link nor waiting for a pipe that took the file's place since we looked.
            handle = os.open(entry.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
            with os.fdopen(handle, "rb") as stream:
                intake.take(name, stream, entry.stat.st_size)
        files = strip_top(intake.done())
    except UploadProblem as problem:
        return Upload(dict(intake.files), str(problem), summarise(intake.left_out))
    try:
        files = open_archives(files, intake)
    except UploadProblem as problem:
        # An LMS gives every student a folder, with the archive that the student uploaded in it.
        (name, data), *_ = files.items()
        return Upload({f"{UPLOAD_FOLDER}/{name}": data}, f"{shown(name)!r}: {problem}", summarise(intake.left_out))
    problem_text = None if files else _empty(intake)
    return Upload(files, problem_text, summarise(intake.left_out))


def _empty(intake: Intake) -> str:
    if intake.left_out:
        return f"nothing in the folder could be used: {in_words(summarise(intake.left_out))}"
    return "the folder is empty; put your files into it"


@dataclass(frozen=True, slots=True)
class _Found:
    path: Path
    name: str
    stat: os.stat_result

    @property
    def regular(self) -> bool:
        return stat.S_ISREG(self.stat.st_mode)


def _walk(root: Path, intake: Intake | None = None) -> Iterator[_Found]:
    """Everything under ``root`` but folders and what is ignored, by name; links are named, never followed."""
    for folder, folders, files in os.walk(root, onerror=_raise):
        relative = Path(folder).relative_to(root)
        folders.sort()
        links = [name for name in folders if (Path(folder) / name).is_symlink()]
        for name in [name for name in folders if name not in links]:
            found = litter((relative / name / _ANY).as_posix())
            if found is not None and found.root.rstrip("/") == (relative / name).as_posix():
                folders.remove(name)
                if intake is not None:
                    intake.leave(found.root, found.reason)
        folders[:] = [name for name in folders if name not in links]
        for name in sorted([*files, *links]):
            inner = (relative / name).as_posix()
            if intake is not None or not ignored(inner):
                yield _Found(Path(folder) / name, inner, (Path(folder) / name).lstat())


def _raise(error: OSError) -> None:
    # os.walk's own way is to leave out what it cannot read.
    raise error
