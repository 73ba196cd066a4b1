"""nbgrader's exchange: one more look at what leaves the house, and no trust in what lies in the inbox.

Students own what they put there. nbgrader follows links as whoever collects: a link to a hidden test would be copied into
the submission, and come back to its student as feedback. A name that it cannot read would stop it for the whole class.
"""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from datetime import datetime
from pathlib import Path
from typing import Any

from nbgrader.exchange.default import ExchangeCollect, ExchangeReleaseAssignment
from traitlets import Unicode

from grader.errors import AutogradeError
from grader.nbgrader.layout import layout_at
from grader.release import assignment_secrets, prove_clean
from grader.release.build import read_folder
from grader.text import clean

_MAX_FILES = 10_000
_CHUNK = 1024 * 1024


class ProvedRelease(ExchangeReleaseAssignment):  # type: ignore[misc]
    """Releases an assignment only where none of its secrets is in the folder: nbgrader copies whatever lies there."""

    course_file = Unicode(help="the course's autograde.yml").tag(config=True)

    def copy_files(self) -> None:
        """Prove the folder clean, then copy it."""
        course = layout_at(self.course_file).course
        try:
            assignment = course.assignment(self.coursedir.assignment_id)
            prove_clean(read_folder(Path(self.src_path)), assignment_secrets(assignment), where=str(self.src_path))
        except AutogradeError as error:
            self.fail(str(error))
        super().copy_files()


class GuardedCollect(ExchangeCollect):  # type: ignore[misc]
    """Collects plain files of students of the roster; everything else stays where it is, and is named."""

    course_file = Unicode(help="the course's autograde.yml").tag(config=True)
    src_records: list[dict[str, Any]]

    def _path_to_record(self, path: str) -> dict[str, Any]:
        try:
            told: dict[str, Any] = super()._path_to_record(path)
        except Exception:  # noqa: BLE001 - whatever the name says, the others are collected
            told = {"username": "", "filename": Path(path).name, "timestamp": datetime.min}  # noqa: DTZ901 - nbgrader's are naive
        return told

    def init_src(self) -> None:
        """Keep what is a student's by its name."""
        super().init_src()
        known = {student.id for student in layout_at(self.course_file).course.roster.students}
        for record in self.src_records:
            if record["username"] not in known:
                name = clean(repr(record["filename"]))
                self.log.warning("%s is left in the exchange: no student of the roster hands in under that name", name)
        self.src_records = [record for record in self.src_records if record["username"] in known]

    def do_copy(self, src: str, dest: str, log: Any = None) -> None:
        """Copy plain files, through a folder of our own that nobody else can change meanwhile."""
        Path(dest).parent.mkdir(parents=True, exist_ok=True)
        aside = Path(tempfile.mkdtemp(prefix=".collect-", dir=Path(dest).parent))
        try:
            left = copy_plain(src, aside / "upload", limit=1000 * self.coursedir.max_dir_size)
            for name in left[:20]:
                self.log.warning("left out of %s: %s", clean(repr(Path(src).name)), clean(repr(name)))
            super().do_copy(str(aside / "upload"), dest, log)
        except OSError as error:
            self.log.error("%s cannot be collected: %s", clean(repr(Path(src).name)), error.strerror)  # noqa: TRY400
        finally:
            shutil.rmtree(aside, ignore_errors=True)


def copy_plain(source: str, target: Path, *, limit: int) -> list[str]:
    """Copy the regular files below ``source`` that are its owner's; the names of what was left out.

    No link is followed at any step, be it put there while we look. ``limit`` is in bytes; what goes beyond is left out.

    Raises:
        OSError: ``source`` is no folder that can be read, or ``target`` cannot be written.

    """
    left: list[str] = []
    count = 0
    target.mkdir()
    top = os.open(source, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        owner = os.fstat(top).st_uid
        for folder, folders, files, here in os.fwalk(".", dir_fd=top, follow_symlinks=False):
            place = target / folder
            place.mkdir(exist_ok=True)
            for name in files + [name for name in folders if _is_link(name, here)]:
                count += 1
                took = _copy(name, here, place / name, owner, limit) if count <= _MAX_FILES else None
                if took is None:
                    left.append(str(Path(folder) / name))
                else:
                    limit -= took
    finally:
        os.close(top)
    return left


def _is_link(name: str, folder: int) -> bool:
    return stat.S_ISLNK(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode)


def _copy(name: str, folder: int, target: Path, owner: int, limit: int) -> int | None:
    """Copy one file; its bytes, or None where it is no plain file of the owner's or too large."""
    try:
        # O_NONBLOCK: opening a pipe that nobody writes to would wait for ever.
        handle = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder)
    except OSError:
        return None
    with os.fdopen(handle, "rb") as stream:
        told = os.fstat(handle)
        # A file with a second name may be somebody else's, brought here by a hard link.
        foreign = told.st_nlink > 1 and told.st_uid != owner
        if not stat.S_ISREG(told.st_mode) or foreign or told.st_size > limit:
            return None
        copied = 0
        with target.open("xb") as out:
            while copied < told.st_size and (part := stream.read(min(_CHUNK, told.st_size - copied))):
                out.write(part)
                copied += len(part)
    os.utime(target, ns=(told.st_atime_ns, told.st_mtime_ns))
    return copied
