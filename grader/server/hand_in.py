"""Taking in an upload: from a form to disk, from there to the store, and the receipt for it."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from grader.errors import StoreAway, UsageError
from grader.intake import UploadLimits
from grader.intake.filenames import UploadProblem, safe_name, shown
from grader.server.allowance import allowance
from grader.server.receiving import Part
from grader.store import ReceivedFrom, digest_files

if TYPE_CHECKING:
    from grader.course import Assignment
    from grader.server.directory import Person
    from grader.server.service import Service
    from grader.store import Submission

_CHUNK = 1 << 20
#: Before each further try to keep an upload while the store is away, in seconds.
_PAUSES_S = (0.5, 1.0, 2.0)


@dataclass(frozen=True, slots=True)
class Sent:
    """One file of a form: the name that the browser gave it, and its content, which is read once."""

    name: str
    stream: BinaryIO


@dataclass(frozen=True, slots=True)
class Receipt:
    """What was taken in. ``new`` is False where the same files were already there: then that submission stands."""

    submission: Submission
    new: bool
    parts: tuple[Part, ...]
    notes: tuple[str, ...] = ()


class UploadRefused(UsageError):
    """An upload that was not taken: empty, or of files without usable names. Nothing of it is kept."""


def take_in(
    service: Service, person: Person, assignment: Assignment, sent: Sequence[Sent], arrived: datetime
) -> Receipt:
    """Keep an upload of ``person``, for their team where they have one.

    Raises:
        UploadRefused: there is no file in it, a file's name leads out of its folder, or no attempt is left.
        StoreError: it could not be kept; there is no receipt, and nothing to grade.
    """
    with _on_disk(service, sent) as folder:
        limits = UploadLimits(packed=service.course.server.upload_mb << 20)
        found = service.reader.read(folder, service.stubs(assignment), limits)
        names = ", ".join(shown(item.name) for item in sent[:3]) + (" and more" if len(sent) > 3 else "")
        files = found.files
        if found.problem and not files:
            files = _as_sent(folder, limits)
    owner = service.course.roster.owner_of(person.id, assignment.name)
    with service.counting:
        allowed = allowance(service, person, assignment)
        # Who asks again because no answer came gets the receipt of what was kept, and uses no attempt.
        if not allowed.allowed and digest_files(files) not in {
            item.digest for item in service.mine(person, assignment)
        }:
            raise UploadRefused(allowed.why)
        submission, new = _patiently(
            lambda: service.store.put_submission(
                assignment.name,
                owner,
                files,
                received_at=arrived,
                received_from=ReceivedFrom.SERVICE,
                source=names,
                problem=found.problem,
                left_out=found.left_out,
                uploader=person.id,
                members=service.course.roster.members_of(owner),
                has_work=found.has_work and not found.problem,
            ),
            arrived,
        )
    service.store.withdraw(submission, person.id, withdrawn=False)
    receipt = Receipt(submission, new, found.parts, found.notes)
    service.receipts.keep(submission.id, found.parts, found.notes)
    service.hub.publish(submission.id, {"kind": "queued"})
    service.nudge()
    return receipt


def _patiently(put: Callable[[], tuple[Submission, bool]], arrived: datetime) -> tuple[Submission, bool]:
    """What ``put`` gives, tried again where the store is away.

    Whether the first try was kept is known to nobody then; the same files are the same submission, so a second one finds
    it. By its time of receipt it is known to be ours, and new.
    """
    for pause in (0.0, *_PAUSES_S):
        time.sleep(pause)
        try:
            submission, new = put()
        except StoreAway as error:
            missed = error
        else:
            return submission, new or (pause > 0 and submission.received_at == arrived)
    raise missed


def receipt_of(service: Service, assignment: Assignment, submission: Submission) -> Receipt:
    """The receipt of a submission that is there, made of what is kept."""
    known = service.receipts.find(submission.id)
    if known is None:
        if submission.problem:
            known = tuple(Part(file, "missing") for file in assignment.files), ()
        else:
            known = service.reader.parts(service.store.files(submission), service.stubs(assignment))
        service.receipts.keep(submission.id, *known)
    return Receipt(submission, True, *known)


@contextmanager
def _on_disk(service: Service, sent: Sequence[Sent]) -> Iterator[Path]:
    """The files of a form in a folder of their own below the state folder, which is gone at the end."""
    parent = service.store.state / "incoming"
    parent.mkdir(mode=0o700, exist_ok=True)
    folder = Path(tempfile.mkdtemp(dir=parent))
    try:
        names: set[str] = set()
        for item in sent:
            if not item.name:
                continue  # a file field that was left empty
            try:
                name = safe_name(item.name)
            except UploadProblem as problem:
                raise UploadRefused(str(problem)) from None
            target = folder / name
            if name in names or any(parent in names for parent in _folders(name)) or target.exists():
                raise UploadRefused(f"two of the files are called {shown(name)!r}", fix="rename one of them")
            names.add(name)
            target.parent.mkdir(parents=True, exist_ok=True)
            with target.open("xb") as file:
                shutil.copyfileobj(item.stream, file, _CHUNK)
        if not names:
            raise UploadRefused("there is no file in it", fix="choose your files first")
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _folders(name: str) -> Iterator[str]:
    while name := name.rpartition("/")[0]:
        yield name


def _as_sent(folder: Path, limits: UploadLimits) -> dict[str, bytes]:
    """The bytes of an upload that could not be read at all, as they came: they are the proof of what was handed in."""
    from grader.intake import UPLOAD_FOLDER

    found: dict[str, bytes] = {}
    size = 0
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        size += path.stat().st_size
        if size > limits.total:
            break
        found[f"{UPLOAD_FOLDER}/{path.relative_to(folder).as_posix()}"] = path.read_bytes()
    return found
