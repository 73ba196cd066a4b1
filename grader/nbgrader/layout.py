"""Where nbgrader's part of a course lies: its folders, its database, and who stands behind a submitted folder.

Everything is below one folder of its own, ``gradebook/`` by default, which is nbgrader's course root. What is beside
a notebook there is handed out by nbgrader verbatim, so nothing else of the course may ever be in it.
"""

from __future__ import annotations

import functools
import json
import os
import sys
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from grader.course import Course, load_course
from grader.errors import StoreError
from grader.files import write_file
from grader.store import Store, open_store

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from nbgrader.api import Gradebook

#: Read before the one in autograde.yml, for a URL may hold a password.
DATABASE_VARIABLE = "AUTOGRADE_GRADEBOOK_DB"
#: What nbgrader itself writes beside a submission's files.
NBGRADER_FILES = ("timestamp.txt", "submission_secret.txt")


@dataclass(frozen=True, slots=True)
class Handed:
    """What we know of the folder ``submitted/STUDENT/ASSIGNMENT``.

    ``submission`` is the stored submission, ``digest`` that of the files on disk, ``attempt`` the one whose scores are
    in the gradebook. ``secrets`` holds, by stored submission, what nbgrader wrote into the upload: the student finds the
    feedback by it, also when it was another submission that lay in the folder meanwhile. ``extension_s`` is the extension
    that we gave the gradebook, in seconds: another one there is somebody's own.
    """

    submission: int
    digest: str
    attempt: int | None = None
    secrets: Mapping[str, str] = field(default_factory=dict)
    extension_s: float = 0.0


@dataclass(frozen=True, slots=True)
class NbgraderLayout:
    """The course, its store, and nbgrader's folders."""

    course: Course

    @property
    def root(self) -> Path:
        """Nbgrader's course root."""
        return self.course.root / self.course.gradebook.folder

    @property
    def database(self) -> str:
        """SQLAlchemy's URL of the gradebook."""
        told = os.environ.get(DATABASE_VARIABLE) or self.course.gradebook.database
        return told or f"sqlite:///{self.root / 'gradebook.db'}"

    @property
    def exchange(self) -> Path:
        """The folder that staff and students share."""
        told = self.course.gradebook.exchange
        return Path(told).expanduser() if told else self.root / "exchange"

    @property
    def store(self) -> Store:
        """The course's submissions and reports."""
        return open_store(self.course)

    def source(self, assignment: str) -> Path:
        """The instructor's version, from which nbgrader makes the release."""
        return self.root / "source" / assignment

    def released(self, assignment: str) -> Path:
        """What nbgrader hands out."""
        return self.root / "release" / assignment

    def submitted(self, assignment: str, student: str) -> Path:
        """What a student handed in, as nbgrader sees it."""
        return self.root / "submitted" / student / assignment

    def autograded(self, assignment: str, student: str) -> Path:
        """The notebook with its scores."""
        return self.root / "autograded" / student / assignment

    def feedback(self, assignment: str, student: str) -> Path:
        """The student's bundle."""
        return self.root / "feedback" / student / assignment

    def students(self, assignment: str) -> list[str]:
        """Who has a submitted folder for ``assignment``, by name."""
        folder = self.root / "submitted"
        return sorted(path.name for path in folder.glob("*") if (path / assignment).is_dir())

    # What is known of a submitted folder stands outside of it, where no upload can reach.

    def handed(self, assignment: str, student: str) -> Handed | None:
        """What we know of a student's submitted folder."""
        try:
            told = json.loads(self._record(assignment, student).read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            raise StoreError(
                f"cannot be read: {error}", where=self._record(assignment, student), fix="remove it and sync again"
            ) from error
        return Handed(**{name.name: told[name.name] for name in fields(Handed) if name.name in told})

    def remember(self, assignment: str, student: str, handed: Handed) -> None:
        """Keep what we know of a student's submitted folder."""
        write_file(self._record(assignment, student), json.dumps(asdict(handed), indent=1) + "\n")

    def _record(self, assignment: str, student: str) -> Path:
        return self.root / "handed" / student / f"{assignment}.json"


def layout_at(course_file: str | Path) -> NbgraderLayout:
    """The layout of the course whose autograde.yml is ``course_file``; read again only when that file has changed."""
    path = Path(course_file)
    return NbgraderLayout(_course(path, path.stat().st_mtime_ns))


@functools.lru_cache(maxsize=8)
def _course(path: Path, _changed: int) -> Course:
    return load_course(path)


def open_gradebook(layout: NbgraderLayout) -> Gradebook:
    """Nbgrader's gradebook, made where it is missing. Close it, or use it in a ``with`` statement."""
    from nbgrader.api import Gradebook

    # A new gradebook asks the program `alembic` for the version of its tables; it lies beside the interpreter.
    beside = str(Path(sys.executable).parent)
    if beside not in os.environ.get("PATH", "").split(os.pathsep):
        os.environ["PATH"] = os.pathsep.join([beside, os.environ.get("PATH", os.defpath)])
    layout.root.mkdir(parents=True, exist_ok=True)
    return Gradebook(layout.database, layout.course.gradebook.course_id)


def graded_submissions(gradebook: Any, assignment: str) -> Iterator[Any]:
    """Nbgrader's submissions of ``assignment``, by student; none where the gradebook does not know it."""
    from nbgrader.api import MissingEntry

    try:
        gradebook.find_assignment(assignment)
    except MissingEntry:
        return
    yield from sorted(gradebook.assignment_submissions(assignment), key=lambda item: item.student.id)
